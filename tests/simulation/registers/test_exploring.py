"""Every order of events of four ballots over three acceptors, on the shipped code."""

import pytest

from pointsman.quorum import acceptor
from pointsman.quorum.attempt import Attempt
from pointsman.quorum.rows import Row
from pointsman.testing.simulation.registers.exploring import NOTHING, Exploration, Found, appending, reading


def explored(*changes: object) -> Found:
    return Exploration([appending(one) if isinstance(one, str) else reading for one in changes]).explore()


def test_no_order_of_four_changes_breaks_agreement() -> None:
    found = explored("w", "x", "y", "z")
    assert found.broken is None
    assert found.states == 215_771


def test_no_order_of_three_changes_and_a_reading_between_them_breaks_agreement() -> None:
    found = explored("w", "x", None, "z")
    assert found.broken is None
    assert found.states == 156_223


def test_a_reading_alone_of_what_is_not_chosen_is_found_only_where_it_is_allowed() -> None:
    assert explored("x", None).broken is None


def test_an_acceptor_that_forgets_its_promise_when_it_accepts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "accept", lambda _, ballot, value: Row(promised=ballot, accepted=ballot, value=value))
    assert "was chosen, and then" in (explored("x", "y").broken or "")


def test_an_acceptor_that_promises_below_its_promise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "promise", lambda row, ballot: Row(promised=ballot, accepted=row.accepted, value=row.value))
    assert "was chosen, and then" in (explored("x", "y").broken or "")


def test_a_proposer_content_with_one_promise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Attempt.__init__

    def hasty(one: Attempt, *given: object, **named: object) -> None:
        honest(one, *given, **named)  # type: ignore[arg-type]  # passed on as it came
        one._majority = 1

    monkeypatch.setattr(Attempt, "__init__", hasty)
    assert explored("x", "y").broken is not None


@pytest.mark.parametrize(("read", "by", "sound"), [("xy", 2, True), ("x", 2, False), (None, 2, False), ("x", 1, True)])
def test_a_reading_is_held_against_the_newest_that_lower_ballots_chose(read: str | None, by: int, sound: bool) -> None:  # noqa: FBT001 - of a table
    both = (2, 2, 0b11, (NOTHING, NOTHING, NOTHING))
    one = Exploration([appending("x"), appending("y"), reading])
    one._must_be_chosen(((both, both, (0, 0, 0, both[3])), ("x", "xy", None)), by, read)
    assert (one._broken is None) is sound
