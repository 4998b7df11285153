"""Every invariant speaks when what it is about is broken, and is silent of a run as it was."""

import pytest

from pointsman.testing.simulation.agreed import Record
from pointsman.testing.simulation.evidence import Evidence
from pointsman.testing.simulation.invariants import INVARIANTS, broken
from tests.simulation.breaches import BREACHES, Breach
from tests.simulation.tampered import seen


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return seen(3)


def judged(left: Evidence | Record) -> dict[str, list[str]]:
    """Give what each invariant that speaks says."""
    record = left if isinstance(left, Record) else Record(left)
    found = {code: list(invariant(record)) for code, invariant in INVARIANTS.items()}
    return {code: said for code, said in found.items() if said}


def test_a_run_as_it_was_breaks_no_invariant(evidence: Evidence) -> None:
    assert broken(evidence) == []


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: f"{breach.code} {breach.says}")
def test_what_breaks_an_invariant_is_found_by_that_one(evidence: Evidence, breach: Breach) -> None:
    found = judged(breach.tampered(evidence))
    assert any(breach.says in one for one in found.get(breach.code, [])), found
    assert found.keys() == {breach.code, *breach.others}, found


def test_every_invariant_is_broken_here_at_least_once() -> None:
    assert {breach.code for breach in BREACHES} == INVARIANTS.keys()
