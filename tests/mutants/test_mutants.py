"""Every known defect is noticed by the simulations, which know nothing of it; here by the schedule that is recorded for it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.testing.mutants import hunt
from pointsman.testing.mutants.__main__ import MUTANTS, main
from pointsman.testing.mutants.controller import CONTROLLER
from pointsman.testing.mutants.copies import PACKAGE, copied, mutated, patched
from pointsman.testing.mutants.hunt import probed, recorded, replay
from pointsman.testing.mutants.mutant import SEEDS_LIMIT, Kill, Level, Mutant, MutantMisfit
from pointsman.testing.mutants.protocol import PROTOCOL

HARMLESS = Mutant(
    name="harmless", file="quorum/rows.py", old="VALUE_LIMIT = 256 * 1024", new="VALUE_LIMIT = 1024 * 256", level=Level.REGISTER
)


@pytest.fixture(scope="module")
def copy() -> Iterator[Path]:
    with copied() as folder:
        yield folder


@pytest.fixture(scope="module")
def replayed() -> dict[str, Kill | None]:
    return {mutant.name: kill for mutant, kill in replay(MUTANTS, recorded())}


@pytest.mark.parametrize("name", [mutant.name for mutant in MUTANTS])
def test_a_mutant_is_noticed_by_its_recorded_schedule(replayed: dict[str, Kill | None], name: str) -> None:
    kill = replayed[name]
    assert kill is not None, "hunt it anew: python -m pointsman.testing.mutants --record --only NAME"
    assert kill.seed == recorded()[name], "another schedule than the recorded one noticed it: record that"


@pytest.mark.parametrize("level", list(Level))
def test_the_shipped_code_passes_every_recorded_schedule(copy: Path, level: Level) -> None:
    """A schedule that the shipped code fails as well notices nothing."""
    seeds = {recorded()[mutant.name] for mutant in MUTANTS if mutant.level is level}
    assert [found for seed in sorted(seeds) if (found := probed(copy, level, seed, 1))] == []


def test_every_mutant_fits_the_code_and_changes_it() -> None:
    assert [mutant.name for mutant in MUTANTS if patched(mutant) == (PACKAGE / mutant.file).read_text(encoding="utf-8")] == []


def test_every_patched_file_is_python() -> None:
    for mutant in MUTANTS:
        compile(patched(mutant), mutant.file, "exec")


def test_there_are_mutants_enough_and_each_has_a_name_of_its_own() -> None:
    assert len(PROTOCOL) >= 12
    assert len(CONTROLLER) >= 10
    assert [name for name, count in Counter(mutant.name for mutant in MUTANTS).items() if count > 1] == []


def test_no_mutant_is_in_the_simulation_that_is_to_notice_it() -> None:
    assert [mutant.name for mutant in MUTANTS if mutant.file.startswith("testing/")] == []


def test_every_recorded_seed_belongs_to_a_mutant_and_is_within_the_limit() -> None:
    levels = {mutant.name: mutant.level for mutant in MUTANTS}
    assert recorded().keys() == levels.keys()
    assert [name for name, seed in recorded().items() if seed >= SEEDS_LIMIT[levels[name]]] == []


def test_a_mutant_that_does_no_harm_is_not_noticed(copy: Path) -> None:
    with mutated(copy, HARMLESS):
        assert probed(copy, Level.REGISTER, 0, 20) is None


@pytest.mark.parametrize(("shipped_fails", "killing"), [({3}, 5), (set(), 3), ({3, 5}, None)])
def test_a_hunt_goes_on_after_a_schedule_that_the_shipped_code_fails_too(
    shipped_fails: set[int], killing: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def probed(folder: Path, _level: Level, first: int, seeds: int) -> dict[str, object] | None:
        fails = {3, 5} if folder.name == "mutated" else shipped_fails
        found = [seed for seed in sorted(fails) if first <= seed < first + seeds]
        return {"seed": found[0], "invariant": "S1", "what": "it broke"} if found else None

    monkeypatch.setattr(hunt, "probed", probed)
    kill = hunt.noticed_alone(Path("mutated"), Path("shipped"), HARMLESS, 0)
    assert (kill and kill.seed, kill and kill.seeds) == (killing, killing and killing + 1)


def test_each_edit_of_a_mutant_must_fit_once() -> None:
    misfit = Mutant(
        name="half",
        file="quorum/rows.py",
        old="VALUE_LIMIT = 256 * 1024",
        new="",
        level=Level.REGISTER,
        also=(("nowhere to be found", ""),),
    )
    with pytest.raises(MutantMisfit, match="'half': its old text stands 0 times"):
        patched(misfit)


def test_a_copy_is_as_shipped_again_after_a_mutant(copy: Path) -> None:
    with mutated(copy, HARMLESS):
        pass
    assert (copy / "pointsman" / HARMLESS.file).read_bytes() == (PACKAGE / HARMLESS.file).read_bytes()


@pytest.mark.parametrize(("old", "times"), [("VALUE_LIMIT = 7", 0), ("Row", 2)])
def test_a_mutant_whose_text_is_not_there_once_is_an_error_that_names_it(old: str, times: int) -> None:
    misfit = Mutant(name="misfit", file="quorum/rows.py", old=old, new="", level=Level.REGISTER)
    with pytest.raises(MutantMisfit, match=rf"'misfit': its old text stands {times if not times else '[0-9]+'} times in quorum/rows\.py"):
        patched(misfit)


def test_a_mutant_of_a_file_that_is_gone_is_an_error_that_names_it() -> None:
    with pytest.raises(MutantMisfit, match="'gone'"):
        patched(Mutant(name="gone", file="quorum/gone.py", old="x", new="y", level=Level.REGISTER))


def test_the_command_says_what_noticed_each_mutant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--replay", "--only", "one accept is enough"]) == 0
    told = capsys.readouterr().out
    assert "S1 every register is linearizable" in told
    assert "1 of 1 mutants were noticed" in told
