"""Tell the desks: bring incidents in line with the plan, claim their letters, tell, record.

It runs from a queue of its own cloud, so that a slow desk never delays a reroute; both clouds may run it at once,
and the lease in the incident's register decides who tells a letter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pointsman.core.errors import PointsmanError, Refused, Transient, ValueUnreadable
from pointsman.core.fabric import Fabric, LinkName
from pointsman.core.incidents import Incident, Letter, Ticket
from pointsman.core.modes import NoQuorum
from pointsman.core.outbox import LEASE, all_told, claim, follow, next_letter, open_incidents, record, release, settle_removed, ticket_key
from pointsman.core.overfilling import may_overfill
from pointsman.core.plan import Plan
from pointsman.core.sightings import Sighting
from pointsman.core.values import canonical
from pointsman.ports.desks import Desk
from pointsman.quorum.outcomes import Agreed, Decline, Declined, NoMajority, Outcome, Unknown
from pointsman.quorum.timing import agreed_time
from pointsman.service.gather import rows_of_both
from pointsman.service.house import House, incident_register
from pointsman.service.stored import plan_in, value_in

LETTERS_LIMIT = 20
"""Letters told in one call; at the bound the rest waits for the next sweep."""


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """What one call did: incidents whose desks all know (and that are over), and letters told.

    ``by_hand`` says which tickets a person has to close, at desks that the fabric no longer names; ``unread`` which of
    the ``trouble`` is an incident that this version cannot read, so that trying again helps only once a newer one is deployed.
    """

    closed: tuple[str, ...]
    told: int
    trouble: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


async def deliver(house: House, only: frozenset[str] | None = None) -> Delivered:
    """Tell every desk what it is owed of the plan's incidents (or of ``only`` these). Raises ``Transient`` if one must be tried again."""
    delivered = await deliver_owed(house, only)
    if delivered.trouble:
        raise Transient("; ".join(delivered.trouble), retry_after=LEASE)
    return delivered


async def deliver_owed(house: House, only: frozenset[str] | None = None) -> Delivered:
    """Do the same and say in ``trouble`` what must be tried again; one desk's trouble hides nothing that was done for another."""
    plan, now = await _agreed_plan(house)
    if plan is None:
        return Delivered(closed=(), told=0)
    fabric = house.fabric_of(plan)
    rows = await rows_of_both(house) if may_overfill(fabric, plan) else ()
    closed: list[str] = []
    trouble: list[PointsmanError] = []
    by_hand: list[str] = []
    told = 0
    for incident, link, epoch, _ in open_incidents(fabric, plan):
        if only is not None and incident not in only:
            continue
        post = _Post(house, fabric, incident, now, rows)
        try:
            closed += [incident] if await post.empty(plan, link, epoch) else []
        except PointsmanError as error:
            trouble.append(error)
        told += post.told
        by_hand += post.by_hand
    return Delivered(
        closed=tuple(closed),
        told=told,
        trouble=tuple(str(one) for one in trouble),
        by_hand=tuple(by_hand),
        unread=tuple(str(one) for one in trouble if isinstance(one, ValueUnreadable)),
    )


async def agreed_plan(house: House) -> Plan | None:
    """Read the plan that a majority holds; None before the first. Raises ``Transient`` when no majority answers."""
    return (await _agreed_plan(house))[0]


async def _agreed_plan(house: House) -> tuple[Plan | None, datetime]:
    """Read the plan that a majority holds, and the stores' time."""
    reading = await house.registers.read(house.plan_register)
    value = reading.value if reading.confirmed else _value(await house.registers.settle(house.plan_register, reading))
    return (None if value is None else plan_in(house.plan_register, value)), _time(house, reading.store_times)


def _time(house: House, store_times: Mapping[str, datetime]) -> datetime:
    """Give the stores' time: leases bind functions of both clouds, so none may hang on one function's own clock."""
    return agreed_time(store_times.values(), house.registers.majority) or house.clock.now()


def _value(outcome: Outcome) -> str | None:
    match outcome:
        case Agreed(value=value) | Declined(value=value):
            return value
        case NoMajority(faults=faults):
            raise NoQuorum("no majority of the stores answers: " + "; ".join(faults.values()))
        case Unknown():
            raise Transient("it is not certain that a majority of the stores holds it: it is read again when the event is delivered again")


class _Post:
    """The letters of one incident."""

    def __init__(self, house: House, fabric: Fabric, incident: str, now: datetime, rows: tuple[Sighting, ...]) -> None:
        self._house = house
        self._fabric = fabric
        self._register = incident_register(incident)
        self._now = now
        self._rows = rows
        self.told = 0
        self.by_hand: tuple[str, ...] = ()

    async def empty(self, plan: Plan, link: LinkName, epoch: int) -> bool:
        """Tell letter after letter; True when the incident is over and every desk knows."""
        fabric, rows, now = self._fabric, self._rows, self._now
        incident = await self._change(lambda held: settle_removed(fabric, follow(fabric, plan, link, epoch, held, rows=rows), now))
        self.by_hand = tuple(_by_hand(incident, desk) for desk in incident.by_hand)
        for _ in range(LETTERS_LIMIT):
            letter = next_letter(incident, self._now)
            if letter is None:
                return all_told(incident)
            incident = await self._tell(letter)
        return False

    async def _tell(self, letter: Letter) -> Incident:
        now, teller = self._now, self._house.nonce()
        claimed = await self._change(lambda held: claim(_held(held), letter.serial, teller, now))
        if claimed.outbox[letter.serial].claimed_by != teller:
            raise Transient("another function is telling the desk right now", retry_after=LEASE)
        try:
            ticket = await self._desk(letter).tell(claimed, letter, ticket_key(claimed))
        except Refused:
            await self._change(lambda held: release(_held(held), letter.serial, teller))
            raise
        self.told += 1
        return await self._recorded(letter, ticket)

    async def _recorded(self, letter: Letter, ticket: Ticket) -> Incident:
        now = self._now
        return await self._change(lambda held: record(_held(held), letter.serial, ticket, now))

    def _desk(self, letter: Letter) -> Desk:
        try:
            return self._house.desks[letter.desk]
        except KeyError:
            raise Refused(f"this function has no desk {letter.desk}: deploy it with that desk's secret") from None

    async def _change(self, step: Callable[[Incident | None], Incident]) -> Incident:
        """Take the incident one agreed step on. Raises ``Transient`` when no majority holds it for certain, or what it holds cannot be read."""

        def change(value: str | None) -> str | Decline | None:
            held = None if value is None else value_in(self._register, value, Incident)
            return canonical(step(held)).decode()

        outcome = await self._house.registers.change(self._register, change)
        value = _value(outcome)
        self._now = _time(self._house, outcome.store_times if isinstance(outcome, Agreed) else {})
        assert value is not None, "a step always gives an incident"
        return value_in(self._register, value, Incident)


def _by_hand(incident: Incident, desk: str) -> str:
    reference = next((ticket.reference for ticket in incident.tickets if ticket.desk == desk), ticket_key(incident))
    return f"{incident.id}: desk {desk} removed: close its ticket {reference} by hand"


def _held(incident: Incident | None) -> Incident:
    assert incident is not None, "an incident is followed before its letters are told"
    return incident
