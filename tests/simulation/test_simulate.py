"""The simulator's command line."""

import json
import subprocess
import sys

import pytest

from pointsman.testing.simulate import main
from pointsman.testing.simulation import system
from pointsman.testing.simulation.adding import played_code
from pointsman.testing.simulation.tally import Tally, Violation


def played(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(arguments)
    return code, capsys.readouterr().out


def test_a_run_prints_what_was_played_and_injected(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = played(capsys, "--seeds", "3", "--first", "1")
    assert code == 0
    for word in (
        "schedules: 3",
        "events:",
        "operations:",
        "schedules_per_second:",
        "schedules_per_core_second:",
        "faults:",
        "coverage:",
        "no violation",
    ):
        assert word in out


def test_json_is_one_document_with_the_cells_never_hit(capsys: pytest.CaptureFixture[str]) -> None:
    _, out = played(capsys, "--seeds", "2", "--json")
    document = json.loads(out)
    assert document["schedules"] == 2
    assert document["coverage"]["possible"] > document["coverage"]["hit"] > 0
    assert document["coverage"]["missing"]


def test_the_figures_do_not_depend_on_how_many_processes_play(capsys: pytest.CaptureFixture[str]) -> None:
    alone = json.loads(played(capsys, "--seeds", "30", "--json")[1])
    both = json.loads(played(capsys, "--seeds", "30", "--json", "--jobs", "2")[1])
    for name in ("events", "operations", "faults", "violations"):
        assert alone[name] == both[name]


def test_a_seed_that_is_named_is_played_alone(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(played(capsys, "--seed", "7", "--json")[1])
    assert (told["first"], told["schedules"]) == (7, 1)


def test_a_story_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    _, out = played(capsys, "--seed", "7", "--trace")
    assert "sweep is called" in out
    assert "the storm is over" in out


def test_cells_never_hit_fail_a_run_that_requires_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert played(capsys, "--seeds", "2", "--require-coverage")[0] == 1


def test_a_violation_is_named_with_its_seed_and_fails_the_run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = Tally(level="system", first=4, schedules=1, violations=[Violation(seed=4, invariant="S3 epochs_rise", what="two plans")])
    monkeypatch.setattr(system, "run", lambda *_arguments, **_options: found)
    code, out = played(capsys, "--seed", "4")
    assert code == 1
    assert "violation: seed 4: S3 epochs_rise: two plans" in out


def test_a_schedule_of_registers_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    _, out = played(capsys, "--level", "register", "--seed", "3", "--trace")
    assert "read plan/atlas: granted" in out
    assert out == played(capsys, "--level", "register", "--seed", "3", "--trace")[1]


def test_whoever_has_read_enough_of_it_sees_no_traceback() -> None:
    command = [sys.executable, "-m", "pointsman.testing.simulate", "--level", "register", "--seeds", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""


def test_a_run_names_the_code_that_was_played(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(played(capsys, "--level", "register", "--seeds", "1", "--json")[1])
    assert told["code"] == played_code()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--seeds", "many"], "a whole number is needed"),
        (["--seeds", "0"], "1 or more"),
        (["--faults", "gremlins"], "no fault kind is named 'gremlins'"),
        (["--level", "moon"], "invalid choice"),
        (["--trace"], "name it with --seed"),
        (["--seed", "7", "--seeds", "500"], "leave out --seeds and --first"),
        (["--seed", "7", "--require-coverage"], "judges several schedules"),
        (["--seeds", "1", "--require-coverage"], "judges several schedules"),
        (["--level", "register", "--require-coverage"], "judges several schedules"),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_two(arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert word in told
    assert told.count("\n") == 1
