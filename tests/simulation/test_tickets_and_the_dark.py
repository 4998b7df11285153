"""How long an incident may wait for its ticket is counted while some function lives, whatever else was looked at meanwhile."""

import asyncio

import pytest

from pointsman.core.incidents import Ask
from pointsman.core.values import replace
from pointsman.testing.simulation import ending
from pointsman.testing.simulation.agreed import Record
from pointsman.testing.simulation.evidence import Evidence, Told
from pointsman.testing.simulation.invariants import every_incident_has_one_ticket
from pointsman.testing.simulation.play import Play
from pointsman.testing.simulation.schedule import schedule
from pointsman.testing.simulation.tickets import TICKET_SECONDS
from pointsman.testing.virtual import run

DARK_SEED = ending.DARK_EVERY + 1
WOKE = 10_000.0
OUTAGE = "atlas/ix-1@3"


class OneOutage(Record):
    """A run with one outage, which begins before every function is dead and lasts."""

    def incidents(self) -> list[tuple[str, float, float | None]]:
        return [(OUTAGE, 5.0, None)]


def played(seed: int) -> Evidence:
    async def main() -> Evidence:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)  # the dead leave unread answers behind
        return await ending.played(Play(schedule(seed)))

    return run(main())


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return replace(played(DARK_SEED), dark=())


def findings(evidence: Evidence, *, woke: float | None, told_at: float) -> list[str]:
    book = (Told(at=told_at, incident=OUTAGE, ask=Ask.OPEN, ticket="T1"),)
    return list(every_incident_has_one_ticket(OneOutage(replace(evidence, woke=woke, book=book))))


def test_no_ticket_is_asked_for_while_every_function_is_dead_though_no_flow_was_compared(evidence: Evidence) -> None:
    assert findings(evidence, woke=WOKE, told_at=WOKE + TICKET_SECONDS - 1) == []


def test_once_functions_live_again_a_ticket_is_due_as_soon_as_ever(evidence: Evidence) -> None:
    assert findings(evidence, woke=WOKE, told_at=WOKE + TICKET_SECONDS + 1) == [f"{OUTAGE} has no ticket 1200 s after it began"]


def test_functions_that_never_all_died_are_excused_nothing(evidence: Evidence) -> None:
    assert findings(evidence, woke=None, told_at=5.0 + TICKET_SECONDS + 1) == [f"{OUTAGE} has no ticket 1200 s after it began"]


def test_that_every_function_was_dead_is_known_though_no_flow_may_be_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "_excepted", lambda *_: True)
    left = played(DARK_SEED)
    assert left.dark == ()
    assert left.woke is not None
    assert left.woke >= left.healed + ending.DARK_SECONDS


def test_where_some_function_lived_all_the_time_none_woke() -> None:
    assert played(DARK_SEED + 1).woke is None
