"""A desk under test with the view behind it, and outages to tell it of."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Protocol

from pointsman.core.fabric import LinkName
from pointsman.core.incidents import Ask, Incident, Letter, Moment, Severity, Ticket
from pointsman.core.outbox import ticket_key
from pointsman.ports.desks import Desk
from pointsman.testing.desk import Fault, TicketBook

NOON = datetime(2027, 3, 4, 12, tzinfo=UTC)
ROUTING_KEY = "R" * 32
MODE = "lite: survives little"


class Faulty(Protocol):
    """What can be told to go wrong."""

    book: TicketBook

    def fail(self, fault: Fault, times: int = 1, lasting: timedelta = timedelta(seconds=1)) -> None: ...


class Counter:
    """A desk under test, with the view behind it."""

    def __init__(self, desk: Desk, behind: Faulty) -> None:
        self.desk = desk
        self.behind = behind
        self.book = behind.book

    def tell(
        self, ask: Ask = Ask.OPEN, outage: Incident | None = None, *, summary: str = "ix-a is down", severity: Severity = Severity.ERROR
    ) -> Ticket:
        outage = outage or incident()
        letter = Letter(serial=0, desk=self.desk.name, ask=ask, severity=severity, summary=summary, mode=MODE)
        return asyncio.run(self.desk.tell(outage, letter, ticket_key(outage)))


def incident(epoch: int = 7, link: str = "ix-a", moments: int = 1) -> Incident:
    timeline = tuple(Moment(at=NOON, epoch=epoch, text=f"moment {number}") for number in range(moments))
    return Incident(
        id=f"atlas/{link}@{epoch}",
        fabric="atlas",
        link=LinkName(link),
        epoch=epoch,
        opened_at=NOON,
        severity=Severity.ERROR,
        timeline=timeline,
    )
