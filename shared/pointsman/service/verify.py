"""Walk the chain of agreed plans back through the journal: each entry kept, unaltered, decided again, and countersigned."""

from datetime import datetime
from enum import StrEnum

from pointsman.core.decide import Declined
from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud
from pointsman.core.journal import (
    KEPT,
    Altered,
    Countersignature,
    Entry,
    again,
    countersignature,
    countersignature_key,
    plan_of,
    undecidable,
)
from pointsman.core.plan import Plan
from pointsman.core.values import Frozen, canonical, digest
from pointsman.core.versions import DECIDER
from pointsman.ports.stores import RowUnreadable, StoreDown
from pointsman.service.deliver import plan_and_time
from pointsman.service.house import House
from pointsman.service.journal import find_in, in_time

WALK_LIMIT = 1_000
"""Entries that one walk reads unless it is told otherwise."""
WALK_SECONDS = 600.0
"""How long a walk goes on unless it is told otherwise: stores may take seconds for each entry."""
NAMED_LIMIT = 20
"""Epochs named of those that are not countersigned or could not be decided again; all are counted."""


class Fault(StrEnum):
    """What can be wrong with an entry."""

    MISSING = "missing"
    ALTERED = "altered"
    DIFFERENT = "decided differently"


class Trouble(Frozen):
    """The newest entry that is not as it should be."""

    epoch: int
    entry: str
    fault: Fault
    says: str


class Reach(StrEnum):
    """Why a walk ended."""

    FIRST = "the first plan"
    EXPIRED = "where entries have expired"
    LIMIT = "as far as was asked"
    TIME = "as far as it came in its time"
    TROUBLE = "an entry that is not as it should be"
    DARK = "an entry that cannot be read"
    NOTHING = "no plan is agreed yet"


class Walk(Frozen):
    """What a walk found. ``epoch`` is the agreed plan's, ``back_to`` the oldest epoch whose entry is good.

    ``again`` counts the entries that were decided again to the same bytes; ``unjudged`` those of other rules, of a
    fabric that was not given or without their view, ``unproved`` those of them that the other cloud has kept no word on either; ``unsigned`` those on which the other cloud has kept no word, ``unread`` those of which
    that cannot be told; ``dark`` says why something could not be read.
    """

    fabric: str
    epoch: int = 0
    back_to: int = 0
    entries: int = 0
    again: int = 0
    signed: int = 0
    unsigned: int = 0
    unsigned_epochs: tuple[int, ...] = ()
    unread: int = 0
    unjudged: int = 0
    unjudged_why: tuple[str, ...] = ()
    unproved: int = 0
    dark: tuple[str, ...] = ()
    ended: Reach = Reach.NOTHING
    trouble: Trouble | None = None


class _Bad(Exception):
    def __init__(self, fault: Fault, says: str) -> None:
        super().__init__(says)
        self.fault = fault


async def verify(house: House, limit: int = WALK_LIMIT, *, within: float = WALK_SECONDS) -> Walk:
    """Walk back from the agreed plan, as far as can be read ``within`` so many seconds; what is old enough to have expired, the stores' time tells.

    Raises ``Transient`` or ``StoreDown`` when it can tell of no entry at all, ``Newer`` past a newer version's entry.
    """
    plan, now = await plan_and_time(house)
    steps = _Steps(house, now, house.clock.monotonic() + within)
    return Walk(fabric=house.current.name) if plan is None else await steps.walk(plan, limit)


class _Steps:
    """One walk and what it has found so far."""

    def __init__(self, house: House, now: datetime, until: float) -> None:
        self._house = house
        self._now = now
        self._until = until
        self._journals = in_time((house.journal, *house.spares))
        self._fabrics = {fabric.hash: fabric for fabric in house.fabrics}
        self._back_to = self._entries = self._again = self._signed = self._unread = 0
        self._unsigned: list[int] = []
        self._dark: dict[str, None] = {}
        self._unjudged: dict[int, str] = {}
        self._unproved = 0

    async def walk(self, head: Plan, limit: int) -> Walk:
        plan = head
        for _ in range(limit):
            if not plan.epoch:
                return self._found(head, Reach.FIRST)
            if self._house.clock.monotonic() > self._until:
                self._dark[f"its time was over at epoch {plan.epoch}: give it more, or ask for fewer entries"] = None
                return self._found(head, Reach.TIME)
            try:
                entry = await self._entry(plan)
                if entry is None:
                    return self._found(head, Reach.EXPIRED)
                await self._check(plan, entry)
            except Transient as error:
                if not self._entries:
                    raise
                self._dark[str(error)] = None
                return self._found(head, Reach.DARK)
            except _Bad as bad:
                return self._found(head, Reach.TROUBLE, Trouble(epoch=plan.epoch, entry=plan.entry, fault=bad.fault, says=str(bad)))
            self._back_to = plan.epoch
            plan = entry.before
        return self._found(head, Reach.LIMIT if plan.epoch else Reach.FIRST)

    def _found(self, head: Plan, ended: Reach, trouble: Trouble | None = None) -> Walk:
        return Walk(
            fabric=head.fabric,
            epoch=head.epoch,
            back_to=self._back_to,
            entries=self._entries,
            again=self._again,
            signed=self._signed,
            unsigned=len(self._unsigned),
            unsigned_epochs=tuple(self._unsigned[:NAMED_LIMIT]),
            unread=self._unread,
            unjudged=len(self._unjudged),
            unjudged_why=tuple(sorted(set(self._unjudged.values()))[:NAMED_LIMIT]),
            unproved=self._unproved,
            dark=tuple(self._dark)[:NAMED_LIMIT],
            ended=ended,
            trouble=trouble,
        )

    async def _entry(self, plan: Plan) -> Entry | None:
        """Find a plan's entry; None when it is old enough to have expired."""
        if not plan.entry:
            raise _Bad(Fault.MISSING, "the plan names no entry: it was agreed by something that keeps no journal")
        try:
            found = await find_in(self._journals, plan.entry)
        except Altered as error:
            raise _Bad(Fault.ALTERED, str(error)) from error
        if found.entry is not None:
            return found.entry
        if found.dark:
            raise Transient(f"it cannot be told whether the entry of epoch {plan.epoch} is there", faults=found.dark)
        if self._now - plan.decided_at >= KEPT:
            return None
        raise _Bad(Fault.MISSING, f"no store holds it, and it is to be kept for {KEPT.days} days")

    async def _check(self, plan: Plan, entry: Entry) -> None:
        """Check one entry and count it. Raises _Bad."""
        if canonical(plan_of(plan.entry, entry)) != canonical(plan):
            raise _Bad(Fault.ALTERED, "it holds another plan than the one that was agreed")
        if digest(canonical(entry.before)) != plan.prev_digest:
            raise _Bad(Fault.ALTERED, "the plan before it is not the one that the agreed plan follows")
        self._decide_again(entry)
        signed = self._signed
        try:
            self._weigh(plan, entry, await self._word(plan.entry, entry.view.here.other))
        except StoreDown as error:
            self._unread += 1
            self._dark[f"it cannot be told whether {entry.view.here.other} countersigned: {error}"] = None
        self._entries += 1
        self._unproved += plan.epoch in self._unjudged and signed == self._signed

    def _weigh(self, plan: Plan, entry: Entry, word: Countersignature | None) -> None:
        """Count the other cloud's word on an entry. Raises _Bad."""
        if word is None:
            self._unsigned.append(plan.epoch)
        elif not word.agrees or word.plan != digest(canonical(entry.plan)):
            raise _Bad(Fault.DIFFERENT, f"{word.cloud} decided otherwise at {word.at:%FT%TZ}")
        else:
            self._signed += 1

    def _decide_again(self, entry: Entry) -> None:
        fabric = self._fabrics.get(entry.plan.fabric_hash)
        if (lost := undecidable(entry)) is not None:
            self._unjudged[entry.plan.epoch] = lost.because
        elif entry.plan.decider != DECIDER:
            self._unjudged[entry.plan.epoch] = f"rules {entry.plan.decider} decided it, and this version has rules {DECIDER}"
        elif fabric is None:
            self._unjudged[entry.plan.epoch] = f"fabric {entry.plan.fabric_hash} was not given"
        else:
            plan = again(entry, fabric)
            if isinstance(plan, Declined):
                raise _Bad(Fault.DIFFERENT, f"from what it holds nothing can be decided: {plan.because}")
            if canonical(plan) != canonical(entry.plan):
                raise _Bad(Fault.DIFFERENT, "from what it holds another plan follows")
            self._again += 1

    async def _word(self, name: str, cloud: Cloud) -> Countersignature | None:
        """Read a cloud's word on an entry from its own store. Raises ``StoreDown``."""
        own = self._house.rows[cloud].name
        journal = next(one for one in self._journals if one.name == own)
        try:
            kept = await journal.entry(countersignature_key(name, cloud))
            return None if kept is None else countersignature(name, cloud, kept)
        except (Altered, RowUnreadable) as error:
            raise _Bad(Fault.ALTERED, f"{own}: {error}") from error
