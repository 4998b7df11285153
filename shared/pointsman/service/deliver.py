"""Tell the desks: bring incidents in line with the plan, claim their letters, tell, record.

It runs from a queue of its own cloud, so that a slow desk never delays a reroute; both clouds may run it at once,
and the lease in the incident's register decides who tells a letter.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

from pointsman.core.errors import ConfigError, PointsmanError, Refused, Transient, ValueUnreadable
from pointsman.core.fabric import Fabric, LinkName
from pointsman.core.incidents import Ask, Incident, Letter, Ticket
from pointsman.core.modes import NoQuorum
from pointsman.core.outbox import (
    LEASE,
    PAUSE,
    all_told,
    claim,
    follow,
    next_letter,
    open_incidents,
    put_off,
    record,
    release,
    resting,
    settle_removed,
    ticket_key,
)
from pointsman.core.plan import Plan
from pointsman.core.unforced import Known, may_be_unforced
from pointsman.core.values import canonical, replace
from pointsman.ports.desks import Desk
from pointsman.quorum.outcomes import Agreed, Decline, Declined, NoMajority, Outcome, Unknown
from pointsman.quorum.reading import Reading
from pointsman.quorum.timing import agreed_time
from pointsman.service.gather import rows_of_both
from pointsman.service.house import House, incident_register
from pointsman.service.late import Mark
from pointsman.service.standing import Standing
from pointsman.service.stored import plan_in, value_in

LETTERS_LIMIT = 100
"""Letters tried in one call; at the bound the rest waits for the next sweep."""
_SPOKEN = frozenset({Ask.OPEN, Ask.UPDATE})
"""What a desk shows words of."""


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """What one call did: incidents whose desks all know (and that are over), and letters told.

    ``trouble`` says what went wrong, at a desk or with a register, and must be tried again; ``busy`` which letters another
    function was telling; ``resting`` which desks are left alone until when, as they asked. ``by_hand`` says which tickets a
    person has to close, at desks that the fabric no longer names; ``unread`` which of the ``trouble`` is an incident that
    this version cannot read, so that trying again helps only once a newer one is deployed.
    """

    closed: tuple[str, ...]
    told: int
    trouble: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()
    resting: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


async def deliver(house: House, only: frozenset[str] | None = None) -> Delivered:
    """Tell every desk what it is owed of the plan's incidents (or of ``only`` these). Raises ``Transient`` if one must be tried again.

    It waits as long as the most patient desk asks, LEASE at least.
    """
    one = await _round(house, only, inf)
    delivered = one.delivered()
    if again := (*delivered.trouble, *delivered.busy):
        pauses = (error.retry_after for error in one.trouble if isinstance(error, Transient))
        raise Transient("; ".join(again), retry_after=min(max((LEASE, *pauses)), PAUSE))
    return delivered


async def deliver_owed(house: House, only: frozenset[str] | None = None, *, within: float = inf) -> Delivered:
    """Do the same and say in ``trouble`` what must be tried again; one desk's trouble hides nothing that was done for another.

    No letter is begun later than ``within`` seconds from now: the rest waits for another call.
    """
    return (await _round(house, only, within)).delivered()


async def _round(house: House, only: frozenset[str] | None, within: float) -> "_Round":
    one = _Round(house, house.clock.monotonic() + within)
    read = await _plan_read(house)
    if read.plan is not None:
        await one.follow(read.plan, read.at, only)
        await one.tell(Standing(house, house.fabric_of(read.plan), read.reading, read.since))
    return one


async def _known(house: House, now: datetime) -> Known:
    """Read what the rows alone tell of drains: whose levers are set, and whose are refused."""
    read = await rows_of_both(house)
    return Known(rows=read.rows, whole_at=now if read.whole else None)


async def agreed_plan(house: House) -> Plan | None:
    """Read the plan that a majority holds; None before the first. Raises ``Transient`` when no majority answers."""
    return (await plan_and_time(house))[0]


async def plan_and_time(house: House) -> tuple[Plan | None, datetime]:
    """Read the plan that a majority holds, and the stores' time. Raises as ``agreed_plan`` does."""
    read = await _plan_read(house)
    return read.plan, read.at


@dataclass(frozen=True, kw_only=True)
class _PlanRead:
    """The plan that a majority holds, the stores' time, and the reading that it began with, ``since`` when."""

    plan: Plan | None
    at: datetime
    reading: Reading
    since: Mark


async def _plan_read(house: House) -> _PlanRead:
    since = house.registers.mark()
    reading = await house.registers.read(house.plan_register)
    value = reading.value if reading.confirmed else _value(await house.registers.settle(house.plan_register, reading))
    plan = None if value is None else plan_in(house.plan_register, value)
    return _PlanRead(plan=plan, at=_time(house, reading.store_times), reading=reading, since=since)


def _time(house: House, store_times: Mapping[str, datetime]) -> datetime:
    """Give the stores' time: leases bind functions of both clouds, so none may hang on one function's own clock."""
    return _told_time(house, store_times) or house.clock.now()


def _told_time(house: House, store_times: Mapping[str, datetime]) -> datetime | None:
    return agreed_time(store_times.values(), house.registers.majority)


def _value(outcome: Outcome) -> str | None:
    match outcome:
        case Agreed(value=value) | Declined(value=value):
            return value
        case NoMajority(faults=faults):
            raise NoQuorum("no majority of the stores answers", faults=faults.values())
        case Unknown():
            raise Transient(
                "it is not certain that a majority of the stores holds it: it is read again with the next delivery; give a command again"
            )


class _Round:
    """One call: every incident is brought in line with the plan, and then letter after letter told, the one tried least often first.

    A desk in trouble is left out for the rest of the call, one that refused a letter only of that incident: neither keeps
    another desk waiting, nor a later incident.
    """

    def __init__(self, house: House, until: float) -> None:
        self.trouble: list[PointsmanError] = []
        self._house = house
        self._until = until
        self._posts: list[_Post] = []
        self._spent: set[str] = set()

    async def follow(self, plan: Plan, now: datetime, only: frozenset[str] | None) -> None:
        """Bring the incidents in line with the plan: what they hold says also which desks asked to be left alone."""
        fabric = self._house.fabric_of(plan)
        known = await _known(self._house, now) if may_be_unforced(plan) else Known()
        for name, link, epoch, _ in open_incidents(fabric, plan):
            if only is not None and name not in only:
                continue
            try:
                incident = _Post(self._house, name, now)
                await incident.follow(fabric, plan, (link, epoch), known)
                self._posts.append(incident)
            except PointsmanError as error:
                self.trouble.append(error)

    async def tell(self, mode: Standing) -> None:
        """Tell letter after letter, with the mode, until none is owed, none may be begun any more, or the limit is reached."""
        for _ in range(LETTERS_LIMIT):
            found = self._next()
            if found is None or self._house.clock.monotonic() > self._until:
                return
            await self._told(*found, mode)

    def _next(self) -> "tuple[_Post, Letter] | None":
        without = self._spent | {desk for post in self._posts for desk in post.resting}
        letters = ((post, post.next(without)) for post in self._posts)
        ready = [(post, letter) for post, letter in letters if letter is not None]
        return min(ready, key=lambda one: one[1].attempts, default=None)

    async def _told(self, post: "_Post", letter: Letter, mode: Standing) -> None:
        try:
            error = await post.tell(replace(letter, mode=await mode.text() if letter.ask in _SPOKEN else ""))
        except PointsmanError as trouble:  # its register's, and no desk's
            post.broken, error = True, trouble
        else:
            if isinstance(error, Refused):
                post.refused.add(letter.desk)
            elif error is not None:
                self._spent.add(letter.desk)
        self.trouble += [error] if error is not None else []

    def delivered(self) -> Delivered:
        """Say what was done."""
        asleep = {desk: until for post in self._posts for desk, until in post.resting.items()}
        return Delivered(
            closed=tuple(post.name for post in self._posts if all_told(post.incident)),
            told=sum(post.told for post in self._posts),
            trouble=tuple(str(one) for one in self.trouble),
            busy=tuple(text for post in self._posts for text in post.busy),
            resting=tuple(f"desk {desk} asked to be left alone until {until:%FT%TZ}" for desk, until in asleep.items()),
            by_hand=tuple(_by_hand(post.incident, desk) for post in self._posts for desk in post.incident.by_hand),
            unread=tuple(str(one) for one in self.trouble if isinstance(one, ValueUnreadable)),
        )


class _Post:
    """The letters of one incident. ``refused`` are desks that refused one of them in this call; ``broken``: its register gave trouble."""

    incident: Incident

    def __init__(self, house: House, name: str, now: datetime) -> None:
        self.name = name
        self.told = 0
        self.busy: list[str] = []
        self.refused: set[str] = set()
        self.broken = False
        self._house = house
        self._register = incident_register(name)
        self._said, self._heard = now, house.clock.monotonic()

    @property
    def resting(self) -> Mapping[str, datetime]:
        """The desks that asked to be left alone."""
        return resting(self.incident, self._now)

    def next(self, without: Collection[str]) -> Letter | None:
        """Give the letter to tell now, if any."""
        return None if self.broken else next_letter(self.incident, self._now, self.refused.union(without))

    async def follow(self, fabric: Fabric, plan: Plan, outage: tuple[LinkName, int], known: Known) -> None:
        """Bring the incident in line with the plan. Raises its register's trouble."""
        link, epoch = outage
        now = self._now
        self.incident = await self._change(lambda held: settle_removed(fabric, follow(fabric, plan, link, epoch, held, known=known), now))

    async def tell(self, letter: Letter) -> PointsmanError | None:
        """Claim a letter, tell its desk and record that; gives the desk's trouble, and raises the register's."""
        now, teller = self._now, self._house.nonce()
        self.incident = claimed = await self._change(lambda held: claim(_held(held), letter.serial, teller, now))
        if claimed.outbox[letter.serial].claimed_by != teller:
            self.busy.append(f"another function is telling desk {letter.desk} of {self.name} right now")
            return None
        try:
            ticket = await self._answer(claimed, letter)
        except PointsmanError as error:
            await self._untold(letter, teller, error)
            return error
        self.told += 1
        await self._recorded(letter, ticket)
        return None

    async def _answer(self, claimed: Incident, letter: Letter) -> Ticket:
        """Tell the desk, for as long as the lease runs. Raises the desk's trouble."""
        try:
            async with asyncio.timeout(LEASE.total_seconds()):
                return await self._desk(letter).tell(claimed, letter, ticket_key(claimed))
        except TimeoutError as error:
            raise Transient(f"desk {letter.desk} gave no answer in {LEASE.total_seconds():.0f} s: it is told again") from error

    async def _untold(self, letter: Letter, teller: str, error: PointsmanError) -> None:
        """Give a letter that was refused, or that this function is not set up to tell, back at once; put one off whose desk asked for a pause."""
        now = self._now
        match error:
            case Refused() | ConfigError():
                await self._left(lambda held: release(_held(held), letter.serial, teller))
            case Transient(retry_after=pause) if pause > timedelta(0):
                await self._left(lambda held: put_off(_held(held), letter.serial, teller, now + min(pause, PAUSE)))
            case _:
                pass  # the lease ends by itself

    async def _left(self, step: Callable[[Incident | None], Incident]) -> None:
        try:
            self.incident = await self._change(step)
        except PointsmanError:
            self.broken = True  # the desk's trouble is what is told; the lease ends by itself

    async def _recorded(self, letter: Letter, ticket: Ticket) -> None:
        now = self._now
        self.incident = await self._change(lambda held: record(_held(held), letter.serial, ticket, now))

    def _desk(self, letter: Letter) -> Desk:
        try:
            return self._house.desks[letter.desk]
        except KeyError:
            raise Refused(f"this function has no desk {letter.desk}: deploy it with that desk's secret") from None

    @property
    def _now(self) -> datetime:
        """The stores' time: what they last said, and what has passed since."""
        return self._said + timedelta(seconds=self._house.clock.monotonic() - self._heard)

    def _hear(self, now: datetime | None) -> None:
        """Keep what the stores said of the time, unless it goes back: of two that answer the earlier counts, and that may be the wrong one."""
        if now is not None and now > self._now:
            self._said, self._heard = now, self._house.clock.monotonic()

    async def _change(self, step: Callable[[Incident | None], Incident]) -> Incident:
        """Take the incident one agreed step on. Raises ``Transient`` when no majority holds it for certain, or what it holds cannot be read."""
        made: dict[str | None, str] = {}

        def change(value: str | None) -> str | Decline | None:
            if value not in made:
                made[value] = canonical(step(None if value is None else value_in(self._register, value, Incident))).decode()
            return made[value]

        outcome = await self._house.registers.change(self._register, change)
        value = _value(outcome)
        self._hear(_told_time(self._house, outcome.store_times) if isinstance(outcome, Agreed | Declined) else None)
        assert value is not None, "a step always gives an incident"
        return value_in(self._register, value, Incident)


def _by_hand(incident: Incident, desk: str) -> str:
    reference = next((ticket.reference for ticket in incident.tickets if ticket.desk == desk), ticket_key(incident))
    return f"{incident.id}: desk {desk} removed: close its ticket {reference} by hand"


def _held(incident: Incident | None) -> Incident:
    assert incident is not None, "an incident is followed before its letters are told"
    return incident
