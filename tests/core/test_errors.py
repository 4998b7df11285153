"""The texts of errors: bounded, whole words, and every fault is told."""

import pytest

from pointsman.core.errors import FAULTS_LIMIT, TEXT_LIMIT, Moved, PointsmanError, Transient, bounded
from pointsman.core.modes import TEXT_KEPT, NoQuorum

LONG = "the store cannot be used " * 40


def test_each_fault_is_bounded_by_itself_so_that_the_last_is_told_as_well() -> None:
    faults = [f"{name}: {LONG}" for name in ("aws", "gcp", "witness")]
    told = str(Transient("no majority of the stores answers", faults=faults))
    assert told.startswith("no majority of the stores answers: aws: the store")
    assert [name in told for name in ("aws:", "gcp:", "witness:")] == [True, True, True]
    assert len(told) <= TEXT_LIMIT * (len(faults) + 1)


def test_what_is_cut_is_cut_between_words_and_shows_it() -> None:
    cut = bounded(LONG)
    assert len(cut) <= TEXT_LIMIT
    assert cut.endswith("...")
    assert LONG.startswith(cut.removesuffix("...") + " ")
    assert bounded("x" * 1000) == "x" * (TEXT_LIMIT - 3) + "..."
    assert bounded("x" * TEXT_LIMIT) == "x" * TEXT_LIMIT


def test_no_more_faults_are_told_than_two_sets_of_stores_have() -> None:
    told = str(PointsmanError("all is lost", faults=[f"fault {number}" for number in range(20)]))
    assert told.count("fault") == FAULTS_LIMIT


@pytest.mark.parametrize("faults", [(), ("aws: down", "gcp: down")])
def test_an_error_without_faults_is_its_text_alone(faults: tuple[str, ...]) -> None:
    assert str(Moved("deploy the next artefact", faults=faults)) == "; ".join(("deploy the next artefact", *faults)).replace("; ", ": ", 1)


def test_why_no_majority_answers_stays_whole_words_where_what_was_done_alone_is_told_too() -> None:
    told = str(NoQuorum(LONG, alone="gcp avoided ix-a"))
    assert told.endswith("...; gcp avoided ix-a")
    assert len(told) <= TEXT_KEPT + 20
    assert LONG.startswith(told.partition("...")[0] + " ")
