"""Tickets of one incident: which are the product's own, and how long two may be open."""

import asyncio
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 - seeded

import pytest

from pointsman.core.fabric import LinkName
from pointsman.core.incidents import Ask, Incident, Letter, Severity
from pointsman.core.outbox import LEASE, claim
from pointsman.core.values import replace
from pointsman.testing.simulation.agreed import Record
from pointsman.testing.simulation.ending import played
from pointsman.testing.simulation.evidence import Evidence, Told
from pointsman.testing.simulation.invariants import every_incident_has_one_ticket
from pointsman.testing.simulation.kinds import FaultKind, Request
from pointsman.testing.simulation.nature import Nature
from pointsman.testing.simulation.play import Play
from pointsman.testing.simulation.ports import SEARCH_LAG, SimulatedDesk
from pointsman.testing.simulation.schedule import schedule
from pointsman.testing.simulation.tickets import TOGETHER_SECONDS, together_seconds
from pointsman.testing.virtual import VirtualClock
from pointsman.testing.virtual import run as run_virtually

START = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
ASKING = timedelta(seconds=3)
"""Longest time from the claim of a letter until a desk that answers has done as asked, a second of the stores' rounding included."""
KEY = "pm-1"


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    async def main() -> Evidence:
        return await played(Play(schedule(3, (FaultKind.LINK_CUT,)), watching=False, telling=False))

    return run_virtually(main())


def judged(evidence: Evidence, *book: Told) -> list[str]:
    return list(every_incident_has_one_ticket(Record(replace(evidence, book=book))))


def told(evidence: Evidence, at: float, ask: Ask, ticket: str, *, overdue: bool = False) -> Told:
    (incident, began, _), *others = Record(evidence).incidents()
    assert not others
    return Told(at=began + at, incident=incident, ask=ask, ticket=ticket, overdue=overdue)


def test_two_tickets_that_were_made_within_their_leases_are_one_too_many(evidence: Evidence) -> None:
    one, other = told(evidence, 1, Ask.OPEN, "T1"), told(evidence, 31, Ask.OPEN, "T2")
    assert len(judged(evidence, one, other)) == 1
    assert len(judged(evidence, one, replace(other, overdue=True), replace(other, ticket="T3"))) == 1


def test_a_ticket_that_a_late_desk_makes_after_the_lease_is_excused(evidence: Evidence) -> None:
    late = told(evidence, 42, Ask.OPEN, "T2", overdue=True)
    closed = (told(evidence, 90, Ask.RESOLVE, "T1"), told(evidence, 90, Ask.RESOLVE, "T2"))
    assert judged(evidence, told(evidence, 31, Ask.OPEN, "T1"), late, *closed) == []


def test_what_was_done_in_time_to_a_late_ticket_does_not_make_it_another(evidence: Evidence) -> None:
    late = told(evidence, 42, Ask.OPEN, "T2", overdue=True)
    assert judged(evidence, told(evidence, 31, Ask.OPEN, "T1"), late, told(evidence, 50, Ask.UPDATE, "T2")) == []


def test_one_wrong_clock_of_three_excuses_no_two_tickets_that_stand_for_long_and_two_do_for_as_long_as_a_clock_may_be_ahead(
    evidence: Evidence,
) -> None:
    book = (told(evidence, 31, Ask.OPEN, "T1"), told(evidence, 42, Ask.OPEN, "T2", overdue=True))
    late, later = (told(evidence, 43 + together_seconds(clocks), Ask.RESOLVE, "T2") for clocks in (1, 2))
    assert [len(judged(replace(evidence, misled=clocks), *book, late)) for clocks in (0, 1, 2)] == [1, 1, 0]
    assert len(judged(replace(evidence, misled=2), *book, later)) == 1


def test_no_excuse_lets_two_tickets_stand_open_for_longer_than_t(evidence: Evidence) -> None:
    book = (told(evidence, 31, Ask.OPEN, "T1"), told(evidence, 42, Ask.OPEN, "T2", overdue=True))
    closed = told(evidence, 43 + TOGETHER_SECONDS, Ask.RESOLVE, "T2")
    assert len(judged(evidence, *book, closed)) == 1
    assert judged(evidence, *book, replace(closed, at=closed.at - 2)) == []


def test_two_tickets_that_were_closed_before_everything_was_healed_are_judged_too(evidence: Evidence) -> None:
    late = told(evidence, 42, Ask.OPEN, "T2", overdue=True)
    book = (told(evidence, 31, Ask.OPEN, "T1"), late, told(evidence, 43, Ask.RESOLVE, "T2"))
    assert judged(replace(evidence, healed=late.at + 2, woke=late.at + 2), *book) == []


async def asked(desk: SimulatedDesk, ask: Ask, at: float) -> None:
    """Ask a desk under a lease that was taken when the run began, at this second of it, by a teller that knows no ticket."""
    letter = Letter(serial=0, desk=desk.name, ask=ask, severity=Severity.ERROR, summary="ix-1 is down")
    incident = Incident(
        id="atlas/ix-1@2", fabric="atlas", link=LinkName("ix-1"), epoch=2, opened_at=START, severity=Severity.ERROR, outbox=(letter,)
    )
    claimed = claim(incident, 0, "teller", desk.clock.now() - timedelta(seconds=desk.clock.monotonic()))
    await asyncio.sleep(at - desk.clock.monotonic())
    await desk.tell(claimed, claimed.outbox[0], KEY)


class Lagging(Nature):
    """A nature in which a desk's search shows every new ticket late."""

    def strike(self, _request: Request, _place: str) -> FaultKind | None:
        return FaultKind.DESK_SEARCH_LAG


def desk_of(nature: type[Nature]) -> SimulatedDesk:
    return SimulatedDesk(VirtualClock(), nature(dice=Random(1), kinds=frozenset()))


def test_a_desk_notes_what_it_does_after_the_lease() -> None:
    async def main() -> list[bool]:
        desk = desk_of(Nature)
        await asked(desk, Ask.OPEN, 0)
        await asked(desk, Ask.OPEN, LEASE.total_seconds())
        return [one.overdue for one in desk.book]

    assert run_virtually(main()) == [False, True]


@pytest.mark.parametrize(("at", "overdue"), [(LEASE.total_seconds() - SEARCH_LAG - 2, False), (LEASE.total_seconds() - SEARCH_LAG, True)])
def test_a_desk_notes_what_its_search_will_not_show_before_the_lease_ends(at: float, *, overdue: bool) -> None:
    async def main() -> list[bool]:
        desk = desk_of(Lagging)
        await asked(desk, Ask.OPEN, at)
        return [one.overdue for one in desk.book]

    assert run_virtually(main()) == [overdue]


@pytest.mark.parametrize(("ask", "last"), [(Ask.OPEN, [("T1", Ask.OPEN)]), (Ask.UPDATE, [("T1", Ask.UPDATE)]), (Ask.DEDUPLICATE, [])])
def test_a_desk_that_finds_two_tickets_keeps_the_oldest_and_closes_the_other(ask: Ask, last: list[tuple[str, Ask]]) -> None:
    async def main() -> tuple[list[tuple[str, Ask]], list[str]]:
        desk = desk_of(Lagging)
        await asked(desk, Ask.OPEN, 0)
        await asked(desk, Ask.OPEN, 10)
        await asked(desk, ask, 10 + 2 * SEARCH_LAG)
        return [(one.ticket, one.ask) for one in desk.book], [sheet.number for sheet in desk.sheets if sheet.open]

    assert run_virtually(main()) == ([("T1", Ask.OPEN), ("T2", Ask.OPEN), *last, ("T2", Ask.RESOLVE)], ["T1"])


def test_a_desk_that_is_told_to_resolve_resolves_every_ticket_it_finds() -> None:
    async def main() -> list[str]:
        desk = desk_of(Lagging)
        await asked(desk, Ask.OPEN, 0)
        await asked(desk, Ask.OPEN, 10)
        await asked(desk, Ask.RESOLVE, 10 + 2 * SEARCH_LAG)
        return [sheet.number for sheet in desk.sheets if sheet.open]

    assert run_virtually(main()) == []


def test_a_lease_outlasts_the_lag_of_the_desks_search() -> None:
    assert timedelta(seconds=SEARCH_LAG) + ASKING < LEASE
