"""A store in memory that keeps every promise of the port, and breaks down on request."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

import msgspec

from pointsman.core.fabric import Cloud
from pointsman.core.rows import GRAIN, clamped, newest, rank, winning
from pointsman.core.sightings import Sighting
from pointsman.core.values import Frozen
from pointsman.ports.clouds import Clock
from pointsman.ports.stores import Listed, Refusal, Reply, Row, RowsRead, RowUnreadable, StoreDown, StoreUnsure

TRAFFIC_LIMIT = 100_000
"""Requests that a store remembers having had."""

PAGE = 3
"""Names that one page lists: few, so that there are several."""

T = TypeVar("T")


class Fault(StrEnum):
    """What can go wrong with one request."""

    NONE = "none"
    DOWN = "down"
    THROTTLED = "throttled"
    LOST_REQUEST = "lost request"
    LOST_REPLY = "lost reply"


class Weather(Frozen):
    """How one request fares: seconds until it arrives, until its reply does, and until it arrives a second time."""

    fault: Fault = Fault.NONE
    delay: float = 0.0
    reply_delay: float = 0.0
    again_after: float | None = None


Forecast = Callable[[str], Weather]
"""From an operation's name (read, prepare, accept, note, rows, put_entry, entry) to how its next request fares."""


def fair(_: str) -> Weather:
    """Nothing goes wrong."""
    return Weather()


class Snapshot(Frozen):
    """What a store held at some instant."""

    registers: dict[str, Row]
    rows: dict[Cloud, dict[str, Sighting]]
    entries: dict[str, bytes]


class MemoryStore:
    """Keeps ``ports.stores.Store`` in memory.

    ``fenced`` makes it compare versions (as Firestore and S3 do) besides ballots. ``forecast`` decides how each
    request fares; ``traffic`` lists what was asked, newest last; ``row_writes`` counts the sighting rows written.
    """

    def __init__(self, name: str, clock: Clock, *, fenced: bool = False, forecast: Forecast = fair) -> None:
        self.name = name
        self.forecast = forecast
        self.traffic: deque[tuple[str, str]] = deque(maxlen=TRAFFIC_LIMIT)
        self.row_writes = 0
        self._clock = clock
        self._fenced = fenced
        self._registers: dict[str, Row] = {}
        self._versions: dict[str, int] = {}
        self._spoiled: set[str] = set()
        self._quarantined = dict.fromkeys(Cloud, 0)
        self._rows: dict[Cloud, dict[str, Sighting]] = {cloud: {} for cloud in Cloud}
        self._entries: dict[str, bytes] = {}
        self._again: set[asyncio.Task[None]] = set()

    async def read(self, register: str) -> Reply:
        """Read a row."""
        return await self._do("read", register, lambda: self._reply(register))

    async def prepare(self, register: str, ballot: str, seen: Reply) -> Reply | Refusal:
        """Promise a ballot."""

        def promise() -> Reply | Refusal:
            return self._write(register, ballot, seen, msgspec.structs.replace(self._row(register), promised=ballot))

        return await self._do("prepare", register, promise)

    async def accept(self, register: str, ballot: str, value: str, seen: Reply) -> Reply | Refusal:
        """Accept a value."""
        row = Row(promised=ballot, accepted=ballot, value=value)
        return await self._do("accept", register, lambda: self._write(register, ballot, seen, row))

    async def note(self, prefix: Cloud, sightings: Sequence[Sighting]) -> None:
        """Write claims."""
        await self._do("note", prefix, lambda: self._note(prefix, sightings))

    async def rows(self, prefix: Cloud) -> RowsRead:
        """Read all claims."""
        return await self._do("rows", prefix, lambda: self._all_rows(prefix))

    async def put_entry(self, digest: str, entry: bytes, until: datetime | None = None) -> None:
        """Keep a journal entry; in memory for ever."""
        del until
        await self._do("put_entry", digest, lambda: self._entries.setdefault(digest, entry))

    async def entry(self, digest: str) -> bytes | None:
        """Give a journal entry back."""
        return await self._do("entry", digest, lambda: self._entries.get(digest))

    async def registers(self, after: str = "") -> Listed:
        """Name rows of registers."""
        return await self._do("registers", after, lambda: _page(self._registers, after))

    async def entries(self, after: str = "") -> Listed:
        """Name journal entries."""
        return await self._do("entries", after, lambda: _page(self._entries, after))

    def count(self, operation: str) -> int:
        """Count the requests of one kind so far."""
        return sum(asked == operation for asked, _ in self.traffic)

    def break_down(self, fault: Fault = Fault.DOWN) -> None:
        """Let every request from now on fail that way."""
        self.forecast = lambda _: Weather(fault=fault)

    def mend(self) -> None:
        """Let requests get through again."""
        self.forecast = fair

    def next(self, operation: str, weather: Weather, times: int = 1) -> None:
        """Let the next requests of one kind fare that way, and all others as before."""
        before, left = self.forecast, [weather] * times
        self.forecast = lambda asked: left.pop() if asked == operation and left else before(asked)

    def snapshot(self) -> Snapshot:
        """Remember what the store holds."""
        rows = {cloud: dict(held) for cloud, held in self._rows.items()}
        return Snapshot(registers=dict(self._registers), rows=rows, entries=dict(self._entries))

    def roll_back(self, to: Snapshot) -> None:
        """Lose all that came after a snapshot, as a restored backup does."""
        self._registers = dict(to.registers)
        self._rows = {cloud: dict(held) for cloud, held in to.rows.items()}
        self._entries = dict(to.entries)

    @property
    def claims(self) -> Iterator[Sighting]:
        """Give every claim as it is held."""
        return (row for rows in self._rows.values() for row in rows.values())

    def spoil(self, register: str) -> None:
        """Make a register's row one that cannot be understood."""
        self._spoiled.add(register)

    def damage(self, register: str, change: Callable[[Row], Row]) -> None:
        """Change a register's row behind everybody's back."""
        self._registers[register] = change(self._registers[register])

    def spoil_row(self, prefix: Cloud) -> None:
        """Put a sighting row there that cannot be understood."""
        self._quarantined[prefix] += 1

    async def _do(self, operation: str, about: str, act: Callable[[], T]) -> T:
        self.traffic.append((operation, about))
        weather = self.forecast(operation)
        if weather.delay:
            await self._clock.sleep(weather.delay)
        self._fail(operation, weather.fault, done=False)
        result = act()
        if weather.again_after is not None:
            self._double(weather.again_after, act)
        if weather.reply_delay:
            await self._clock.sleep(weather.reply_delay)
        self._fail(operation, weather.fault, done=True)
        return result

    def _fail(self, operation: str, fault: Fault, *, done: bool) -> None:
        writing = operation in {"prepare", "accept", "note", "put_entry"}
        match fault, done:
            case (Fault.DOWN, False):
                raise StoreDown(f"{self.name} is down: wait, or look at its own status page")
            case (Fault.THROTTLED, False):
                raise StoreDown(f"{self.name} throttles: raise its capacity")
            case (Fault.LOST_REQUEST, False) | (Fault.LOST_REPLY, True):
                raise (StoreUnsure if writing else StoreDown)(f"{self.name} gave no answer: read before anything else")
            case _:
                return

    def _double(self, after: float, act: Callable[[], object]) -> None:
        async def again() -> None:
            await self._clock.sleep(after)
            act()

        task = asyncio.ensure_future(again())
        self._again.add(task)
        task.add_done_callback(self._again.discard)

    def _row(self, register: str) -> Row:
        if register in self._spoiled:
            raise RowUnreadable(f"{self.name} holds a row of {register} that this version cannot read: upgrade, or restore it by hand")
        return self._registers.get(register, Row())

    def _version(self, register: str) -> str:
        return str(self._versions.get(register, "")) if self._fenced else ""

    def _reply(self, register: str) -> Reply:
        return Reply(row=self._row(register), version=self._version(register), store_time=self._time())

    def _write(self, register: str, ballot: str, seen: Reply, row: Row) -> Reply | Refusal:
        stale = self._fenced and seen.version != self._version(register)
        if stale or ballot < self._row(register).promised:
            return Refusal(held=self._reply(register))
        self._registers[register] = row
        self._versions[register] = self._versions.get(register, 0) + 1
        return self._reply(register)

    def _note(self, prefix: Cloud, sightings: Sequence[Sighting]) -> None:
        rows = self._rows[prefix]
        for claim in newest(sightings).values():
            held = rank(rows[claim.row]) if claim.row in rows else None
            won = winning(claim, held, self._time())
            if won is not None:
                rows[claim.row] = won
                self.row_writes += 1

    def _all_rows(self, prefix: Cloud) -> RowsRead:
        now = self._time()
        latest = now + GRAIN
        rows = [row if row.seen_at <= latest else _clamped(row, now) for row in self._rows[prefix].values()]
        return RowsRead(rows=tuple(rows), store_time=now, quarantined=self._quarantined[prefix])

    def _time(self) -> datetime:
        return self._clock.now().replace(microsecond=0)


def _clamped(row: Sighting, now: datetime) -> Sighting:
    seen_at = clamped(row.seen_at, now)
    return row if seen_at == row.seen_at else msgspec.structs.replace(row, seen_at=seen_at)


def _page(held: Iterable[str], after: str) -> Listed:
    names = sorted(name for name in held if name > after)
    return Listed(names=tuple(names[:PAGE]), after=names[PAGE - 1] if len(names) > PAGE else None)
