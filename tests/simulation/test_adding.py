"""Runs of several ranges of seeds are added up as if one run had played them all."""

import json
from pathlib import Path
from typing import Any

import pytest

from pointsman.testing.simulate import main
from pointsman.testing.simulation.adding import OFTEN
from pointsman.testing.simulation.coverage import SELDOM, WATCH_EVERY
from pointsman.testing.simulation.kinds import FaultKind


def document(first: int = 0, **more: Any) -> dict[str, Any]:
    """Make the document of a run in which everything that can be hit was, and often."""
    return {
        "level": "system",
        "code": "5eed",
        "first": first,
        "schedules": 10,
        "events": 7,
        "operations": 70,
        "seconds": 1.0,
        "faults": {kind.value: OFTEN for kind in FaultKind},
        "coverage": {"cells": {"sweep:sweep#1 x crash": 1, "watch:watch#1 x crash": 2}, "under_way": {}},
        "violations": [],
    } | more


def written(folder: Path, *documents: dict[str, Any]) -> list[str]:
    paths = [folder / f"run-{number}.json" for number, _ in enumerate(documents)]
    for path, one in zip(paths, documents, strict=True):
        path.write_text(json.dumps(one), encoding="utf-8")
    return [str(path) for path in paths]


def summed(folder: Path, capsys: pytest.CaptureFixture[str], *documents: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    code = main(["--add", *written(folder, *documents), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_two_runs_add_up_to_what_one_run_of_both_ranges_finds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = []
    for first, seeds in ((32, 3), (35, 3), (32, 6)):
        main(["--first", str(first), "--seeds", str(seeds), "--json"])
        runs.append(json.loads(capsys.readouterr().out))
    code, total = summed(tmp_path, capsys, *runs[:2])
    assert code == 1, "six schedules hit few cells"
    for name in ("schedules", "events", "operations", "violations"):
        assert total[name] == runs[2][name]
    assert {kind: count for kind, count in total["faults"].items() if count} == runs[2]["faults"]
    for name in ("possible", "hit"):
        assert total["coverage"][name] == runs[2]["coverage"][name]
    assert set(total["coverage"]["missing"]) == set(runs[2]["coverage"]["missing"])
    assert total["ranges"] == [{"first": 32, "schedules": 3}, {"first": 35, "schedules": 3}]


def test_runs_that_hit_everything_together_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = document(coverage={"cells": {"sweep:sweep#1 x crash": 0, "watch:watch#1 x crash": 2}, "under_way": {}})
    cells = {"sweep:sweep#1 x crash": 3, "watch:watch#1 x crash": 0, "watch:watch#1 x look-stale": 1}
    other = document(10, coverage={"cells": cells, "under_way": {}})
    code, total = summed(tmp_path, capsys, one, other)
    assert (code, total["coverage"]["missing"], total["seldom"]) == (0, [], {})
    assert total["coverage"]["cells"] == {"sweep:sweep#1 x crash": 3, "watch:watch#1 x crash": 2, "watch:watch#1 x look-stale": 1}


def test_a_cell_that_no_run_hit_fails_the_sum_and_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unhit = {"cells": {"sweep:sweep#1 x crash": 0}, "under_way": {}}
    assert main(["--add", *written(tmp_path, document(coverage=unhit), document(10, coverage=unhit))]) == 1
    assert "never hit: sweep:sweep#1 x crash" in capsys.readouterr().out


@pytest.mark.parametrize(("reads", "code"), [(1, 0), (100, 1)])
def test_what_only_strays_passed_through_in_all_runs_together_need_not_be_hit(reads: int, code: int, tmp_path: Path) -> None:
    first = {"cells": {"enact:prove#1 x store-down": 0}, "under_way": {"enact:prove#1 x store.read": 1, "enact:prove#1 x lever.verify": 9}}
    then = {
        "cells": {"enact:prove#1 x lever-timed-out": 1},
        "under_way": {"enact:prove#1 x store.read": reads, "enact:prove#1 x lever.verify": 999},
    }
    assert main(["--add", *written(tmp_path, document(coverage=first), document(10, coverage=then))]) == code


@pytest.mark.parametrize(("schedules", "code"), [(2 * SELDOM * WATCH_EVERY, 1), (2 * SELDOM * WATCH_EVERY + 1, 0)])
def test_what_passed_less_often_than_anybody_comes_anywhere_need_not_be_hit(schedules: int, code: int, tmp_path: Path) -> None:
    unhit = {
        "cells": {"enact:prove#1 x store-429": 0},
        "under_way": {"enact:prove#1 x store.prepare": 1, "enact:prove#1 x lever.verify": 9},
    }
    one, other = document(coverage=unhit), document(10, coverage=unhit)
    assert main(["--add", *written(tmp_path, one, other | {"schedules": schedules - one["schedules"]})]) == code


@pytest.mark.parametrize(("count", "code"), [(OFTEN // 2 - 1, 1), (OFTEN // 2, 0)])
def test_a_kind_that_was_injected_too_seldom_fails_the_sum(
    count: int, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = {kind.value: OFTEN for kind in FaultKind} | {FaultKind.DESK_LATE.value: count}
    ended, total = summed(tmp_path, capsys, document(faults=faults), document(10, faults=faults))
    assert (ended, bool(total["seldom"])) == (code, bool(code))


def test_a_kind_that_was_never_injected_counts_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, total = summed(tmp_path, capsys, document(faults={}))
    assert code == 1
    assert set(total["seldom"]) == {kind.value for kind in FaultKind}


def test_a_violation_of_one_run_fails_the_sum(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = [{"seed": 4, "invariant": "S3 epochs_rise", "what": "two plans"}]
    assert main(["--add", *written(tmp_path, document(), document(10, violations=found))]) == 1
    assert "violation: seed 4: S3 epochs_rise: two plans" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("documents", "word"),
    [
        ((document(), document(9)), "two runs played seed 9"),
        ((document(), document(10, level="register")), "two levels"),
        ((document(), document(10, code="0dd")), "add up runs of one version"),
        ((document(coverage={}),), "a run of one schedule, or of an earlier version, tells no"),
        ((document(coverage={"cells": {}}),), "a run of one schedule, or of an earlier version, tells no"),
        (({"level": "system"},), "is not the JSON document of a run"),
    ],
)
def test_what_is_no_part_of_one_run_is_refused_in_one_line(
    documents: tuple[dict[str, Any], ...], word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--add", *written(tmp_path, *documents)])
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert word in told
    assert told.count("\n") == 1


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--add", str(tmp_path / "nowhere.json")])
    assert "write it with --json > nowhere.json" in capsys.readouterr().err
