"""A store of the simulation: in memory, reached over a network that anything may happen on, with a ledger of what it accepted."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NoReturn, TypeVar

from pointsman.core.errors import PointsmanError
from pointsman.core.fabric import Cloud
from pointsman.core.intents import is_intent
from pointsman.core.rows import outranks, rank, standing
from pointsman.core.sightings import Sighting
from pointsman.core.values import replace
from pointsman.ports.clouds import Clock
from pointsman.ports.stores import Refusal, Reply, Row, StoreDown, StoreUnsure
from pointsman.quorum.ballots import ballot
from pointsman.testing.simulation.evidence import Accepted, Intended, Overwritten
from pointsman.testing.simulation.functions import caller
from pointsman.testing.simulation.kinds import FaultKind, Request
from pointsman.testing.simulation.nature import NOBODYS, Nature, in_nobodys_name
from pointsman.testing.stores import MemoryStore, Snapshot
from pointsman.testing.virtual import loop

MAJORITY = 2
FIRST = ballot(1, "0" * 16)
"""The ballot of what was agreed before the schedule begins."""
TIMEOUT = 2.0
"""Seconds after which an adapter gives a request up."""
VERSIONS_AFTER_ROLLBACK = 1_000
"""A restored row has an update time of its own: its version is none that anybody saw."""
_REQUESTS = {request.value.removeprefix("store."): request for request in Request if request.startswith("store.")}
_WRITES = frozenset({Request.PREPARE, Request.ACCEPT, Request.NOTE, Request.PUT_ENTRY})

T = TypeVar("T")


class Ledger:
    """Knows what each store accepted and when a majority of three had, which no function knows for certain."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stores: dict[tuple[str, str], set[str]] = {}
        self._rows: dict[tuple[str, str], Accepted] = {}

    @property
    def rows(self) -> tuple[Accepted, ...]:
        """Give everything that was ever accepted."""
        return tuple(self._rows.values())

    def newest(self, register: str) -> Accepted | None:
        """Give the value of the highest ballot that a majority accepted."""
        rows = (row for row in self._rows.values() if row.register == register and row.at is not None)
        return max(rows, key=lambda row: row.ballot, default=None)

    def accepted(self, store: str, register: str, row: Row) -> bool:
        """Note that one store accepted a row; True when it makes a majority."""
        key, now = (register, row.accepted), self._clock.monotonic()
        held = self._stores.setdefault(key, set())
        held.add(store)
        known = self._rows.get(key)
        if known is None:
            known = Accepted(at=None, first=now, register=register, ballot=row.accepted, value=row.value or "")
            self._rows[key] = known
        assert known.value == row.value, "one ballot has one value for ever"
        if known.at is None and len(held) >= MAJORITY:
            self._rows[key] = replace(known, at=now)
            return True
        return False


class SimulatedStore(MemoryStore):
    """A store that nature strikes. ``ahead`` is how far its clock runs ahead, ``restored`` whether it was rolled back."""

    def __init__(self, name: str, clock: Clock, *, nature: Nature, ledger: Ledger, fenced: bool) -> None:
        super().__init__(name, clock, fenced=fenced)
        self.ahead = timedelta()
        self.lost = False
        self.restored = False
        self.asked: Counter[Request] = Counter()
        self.overwritten: list[Overwritten] = []
        self.intended: list[Intended] = []
        self._second, self._told = -1, datetime.min.replace(tzinfo=UTC)
        self._nature = nature
        self._ledger = ledger

    @property
    def held(self) -> dict[str, str]:
        """Give the accepted ballot of every register."""
        return {register: row.accepted for register, row in self._registers.items()}

    @property
    def journal(self) -> dict[str, bytes]:
        """Give every journal entry."""
        return self._entries

    def hold(self, register: str, value: str) -> None:
        """Hold what was agreed before the schedule begins."""
        row = Row(promised=FIRST, accepted=FIRST, value=value)
        self._registers[register], self._versions[register] = row, 1
        self._ledger.accepted(self.name, register, row)

    def remember(self, prefix: Cloud, sightings: Sequence[Sighting]) -> None:
        """Hold what was seen before the schedule begins."""
        super()._note(prefix, sightings)

    def restore(self, to: Snapshot) -> None:
        """Be rolled back, as a backup restored in place does it."""
        self.roll_back(to)
        self.restored = True
        self._versions = {register: version + VERSIONS_AFTER_ROLLBACK for register, version in self._versions.items()}

    def up_to_date(self, others: Sequence["SimulatedStore"]) -> bool:
        """Say whether the other stores hold all that this one accepted and promised, so that it may be rolled back without a loss."""
        return all(other._holds(register, row) for register, row in self._registers.items() for other in others)  # noqa: SLF001 - one of these

    def refuses(self, register: str, ballot: str) -> bool:
        """Say whether it has promised to accept nothing under a ballot."""
        row = self._registers.get(register)
        return row is not None and ballot < row.promised

    def _holds(self, register: str, row: Row) -> bool:
        own = self._registers.get(register, Row())
        return own.accepted >= row.accepted and own.promised >= row.promised

    async def note(self, prefix: Cloud, sightings: Sequence[Sighting]) -> None:
        """Write claims; what is intended is known from when it is sent."""
        self.intended += [Intended(at=self._clock.monotonic(), row=row) for row in sightings if is_intent(row)]
        await super().note(prefix, sightings)

    async def accept(self, register: str, ballot: str, value: str, seen: Reply) -> Reply | Refusal:
        """Accept a value; nature knows who asks for it."""
        self._nature.proposers[register, ballot] = caller()
        return await super().accept(register, ballot, value, seen)

    async def _do(self, operation: str, about: str, act: Callable[[], T]) -> T:
        request, who, nature, virtual = _REQUESTS[operation], caller(), self._nature, loop()
        self.asked[request] += 1
        if who is not None:
            who.asked[request] += 1
            if request is Request.READ and about.startswith("plan/"):
                who.looked_at = virtual.instant
        kind = nature.strike(request, self.name)
        way = nature.cut.get((who.cloud, self.name)) if who is not None and nature.cut else None
        if self.lost or (who is not None and who.cloud in nature.gone):
            kind = FaultKind.STORE_DOWN
        delay = 0.002 + 0.02 * nature.dice.random()
        try:
            if way or kind:
                delay = await self._struck(request, way or kind, delay, act)
            answer: asyncio.Future[T] = asyncio.Future(loop=virtual)
            virtual.call_later(delay, _arrive, act, answer, context=NOBODYS)
            return await answer
        finally:
            if nature.aims:
                nature.pause()

    async def _struck(self, request: Request, kind: FaultKind | None, delay: float, act: Callable[[], object]) -> float:
        """Do to a request what strikes it; gives after how long it arrives, if it comes to that."""
        dice = self._nature.dice
        match kind:
            case FaultKind.STORE_DOWN | FaultKind.STORE_THROTTLED | FaultKind.STORE_UNAVAILABLE as down:
                await self._refused(down, delay)
            case FaultKind.STORE_REQUEST_LOST | FaultKind.PARTITION_REQUESTS:
                await self._silent(request, TIMEOUT * dice.random())
            case FaultKind.STORE_ERROR_AFTER_SUCCESS | FaultKind.PARTITION_REPLIES:
                in_nobodys_name(partial(_arrive, act, None), delay)
                await self._silent(request, TIMEOUT * dice.random())
            case FaultKind.STORE_STALLED:
                self._stray(act, dice.uniform(3, 60))
                await self._silent(request, TIMEOUT)
            case FaultKind.STORE_SLOW:
                delay += dice.choice((0.3, 1.5, 4.0)) * dice.random()
            case FaultKind.STORE_REQUEST_DOUBLED:
                self._stray(act, delay + dice.uniform(0, 30))
            case _:
                pass
        return delay

    def _stray(self, act: Callable[[], object], seconds: float) -> None:
        """Let a request arrive when nobody waits for it any more."""
        self._nature.astray_until = max(self._nature.astray_until, self._clock.monotonic() + seconds)
        in_nobodys_name(partial(_arrive, act, None), seconds)

    async def _refused(self, kind: FaultKind, delay: float) -> NoReturn:
        await asyncio.sleep(delay)
        texts = {FaultKind.STORE_THROTTLED: "throttles: raise its capacity", FaultKind.STORE_UNAVAILABLE: "answered 503: wait"}
        raise StoreDown(f"{self.name} {texts.get(kind, 'is down: wait, or look at its own status page')}")

    async def _silent(self, request: Request, seconds: float) -> NoReturn:
        await asyncio.sleep(seconds)
        raise (StoreUnsure if request in _WRITES else StoreDown)(f"{self.name} gave no answer: read before anything else")

    def _write(self, register: str, ballot: str, seen: Reply, row: Row) -> Reply | Refusal:
        ended = super()._write(register, ballot, seen, row)
        if isinstance(ended, Reply) and row.accepted == ballot and self._ledger.accepted(self.name, register, row):
            self._nature.tell(f"a majority holds {register} at ballot {ballot}: {(row.value or '')[:240]}")
            self._nature.decided(self._nature.proposers.get((register, ballot)), register, row.value or "")
        return ended

    def _note(self, prefix: Cloud, sightings: Sequence[Sighting]) -> None:
        before = dict(self._rows[prefix])
        super()._note(prefix, sightings)
        for row in {claim.row for claim in sightings} & before.keys():
            held, now = before[row], self._rows[prefix][row]
            if outranks(held, now) and standing(rank(held), self._time()) is not None:
                self.overwritten.append(Overwritten(at=self._clock.monotonic(), store=self.name, held=held, by=now))

    def _time(self) -> datetime:
        """Tell the store's own time in whole seconds, worked out once in each."""
        if self.ahead:
            return (self._clock.now() + self.ahead).replace(microsecond=0)
        second = int(self._clock.monotonic())
        if second != self._second:
            self._second, self._told = second, self._clock.now().replace(microsecond=0)
        return self._told


def _arrive(act: Callable[[], T], answer: asyncio.Future[T] | None) -> None:
    """Do at the store what was asked, and answer whoever still waits."""
    waited_for = answer is not None and not answer.done()
    try:
        done = act()
    except PointsmanError as error:
        if answer is not None and waited_for:
            answer.set_exception(error)
        return
    if answer is not None and waited_for:
        answer.set_result(done)
