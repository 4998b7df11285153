"""A ledger of what a majority accepted, and a lever and a desk that misbehave on request."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - seeded, so that every run is alike

from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud
from pointsman.core.incidents import Ask, Incident, Letter, Phase, Ticket
from pointsman.core.members import gcp_tunnel_key
from pointsman.core.sightings import Aspect, Health, Sighting, Source, Vantage
from pointsman.core.steering import LeverKind, Observed, Setting, Verified
from pointsman.core.values import replace
from pointsman.ports.clouds import Clock, FenceLost, Lever, LeverBusy, LeverFailed, LeverUnsure
from pointsman.quorum.rows import Refusal, Reply, Row
from pointsman.testing.inprocess import Twin, TwinLooker
from pointsman.testing.invariants import Accepted, Asked, Told
from pointsman.testing.stores import MemoryStore

MAJORITY = 2


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

    def accepted(self, store: str, register: str, row: Row) -> None:
        """Note that one store accepted a row."""
        key = (register, row.accepted)
        held = self._stores.setdefault(key, set())
        held.add(store)
        known = self._rows.setdefault(key, Accepted(at=None, register=register, ballot=row.accepted, value=row.value or ""))
        assert known.value == row.value, "one ballot has one value for ever"
        if known.at is None and len(held) >= MAJORITY:
            self._rows[key] = replace(known, at=self._clock.monotonic())


class RecordingStore(MemoryStore):
    """A store in memory that tells the ledger what it accepted."""

    def __init__(self, name: str, clock: Clock, ledger: Ledger, *, fenced: bool) -> None:
        super().__init__(name, clock, fenced=fenced)
        self._ledger = ledger

    def _write(self, register: str, ballot: str, seen: Reply, row: Row) -> Reply | Refusal:
        ended = super()._write(register, ballot, seen, row)
        if isinstance(ended, Reply) and row.accepted == ballot:
            self._ledger.accepted(self.name, register, row)
        return ended


class UnrulyLever:
    """Keeps ``Lever`` over another, and fails as clouds do: busy, fenced off, refused, unsure, slow, late."""

    def __init__(self, inner: Lever, cloud: Cloud, clock: Clock, dice: Random) -> None:
        self.inner = inner
        self.kind: LeverKind = inner.kind
        self.unruly = 0.02
        self.asked: list[Asked] = []
        self._cloud = cloud
        self._clock = clock
        self._dice = dice
        self._late: set[asyncio.Task[None]] = set()

    async def observe(self, target: str) -> Observed:
        """Read it, or be throttled."""
        if self._dice.random() < self.unruly / 3:
            raise LeverBusy("throttled: look again later")
        return await self.inner.observe(target)

    async def apply(self, want: Setting, observed: Observed, token: str) -> None:
        """Write it, or not, or not surely, or later."""
        self.asked.append(Asked(at=self._clock.monotonic(), cloud=self._cloud, setting=want))
        if self._dice.random() >= self.unruly:
            await self.inner.apply(want, observed, token)
            return
        match self._dice.choice(("busy", "fence", "failed", "undone", "done", "late", "slow")):
            case "busy":
                raise LeverBusy("still changing: look again later")
            case "fence":
                raise FenceLost("changed meanwhile: observe again")
            case "failed":
                raise LeverFailed("no right to write: grant it")
            case "undone":
                await self._clock.sleep(self._dice.uniform(0.1, 10))
            case "done":
                await self.inner.apply(want, observed, token)
            case "late":
                self._later(want, observed, token)
            case _:
                await self._clock.sleep(self._dice.choice((1, 10, 40)) * self._dice.random())
                await self.inner.apply(want, observed, token)
                return
        raise LeverUnsure("no answer: observe before anything else")

    def _later(self, want: Setting, observed: Observed, token: str) -> None:
        async def late() -> None:
            await self._clock.sleep(self._dice.uniform(0.1, 60))
            try:
                await self.inner.apply(want, observed, token)
            except (FenceLost, LeverFailed):
                return

        task = asyncio.ensure_future(late())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def undo(self, observed: Observed, token: str) -> None:
        """Bring it back."""
        await self.inner.undo(observed, token)

    async def verify(self, want: Setting) -> Verified:
        """Read back, or be throttled."""
        if self._dice.random() < self.unruly / 3:
            raise LeverBusy("throttled: look again later")
        return await self.inner.verify(want)


class UnrulyLooker:
    """Keeps ``Looker`` over another, adds the IPsec state of Google's tunnels, and is throttled at times."""

    def __init__(self, world: Twin, cloud: Cloud, dice: Random) -> None:
        self.cloud = cloud
        self.unruly = 0.02
        self._world = world
        self._dice = dice
        self._inner = TwinLooker(world, cloud)

    async def look(self, links: Sequence[str]) -> tuple[Sighting, ...]:
        """Look at sessions and tunnels, or be throttled."""
        if self._dice.random() < self.unruly:
            raise Transient("throttled: look again later")
        seen = await self._inner.look(links)
        return (*seen, *(self._claim(name) for name in self._tunnels(links)))

    def _tunnels(self, links: Sequence[str]) -> list[str]:
        if self.cloud is not Cloud.GCP:
            return []
        return [member.gcp.tunnel for name in links for member in self._world.fabric.link(name).members if member.gcp.tunnel]

    def _claim(self, tunnel: str) -> Sighting:
        up = self._world.network.tunnel(tunnel).up
        return Sighting(
            vantage=Vantage.GCP,
            member=gcp_tunnel_key(tunnel),
            source=Source.LOOK,
            aspect=Aspect.IPSEC,
            health=Health.UP if up else Health.DOWN,
            seen_at=self._world.clock.now(),
        )


@dataclass
class UnrulyDesk:
    """A desk with a deduplication key per ticket, that times out before, after or long before it does what it was asked."""

    clock: Clock
    dice: Random
    name: str = "noc"
    unruly: float = 0.05
    book: list[Told] = field(default_factory=list)
    _late: set[asyncio.Task[None]] = field(default_factory=set)

    async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
        """Open, update or resolve."""
        await self.clock.sleep(self.dice.uniform(0.05, 1))
        if self.dice.random() < self.unruly:
            match self.dice.choice(("undone", "done", "late")):
                case "undone":
                    await self.clock.sleep(self.dice.uniform(0, 5))
                case "done":
                    self._do(incident, letter, key)
                case _:
                    self._later(incident, letter, key)
            raise Transient("the desk did not answer: try again")
        self._do(incident, letter, key)
        return Ticket(desk=self.name, reference=key, phase=Phase.RESOLVED if letter.ask is Ask.RESOLVE else Phase.OPEN)

    def _do(self, incident: Incident, letter: Letter, key: str) -> None:
        self.book.append(Told(at=self.clock.monotonic(), incident=incident.id, ask=letter.ask, key=key))

    def _later(self, incident: Incident, letter: Letter, key: str) -> None:
        async def late() -> None:
            await self.clock.sleep(self.dice.uniform(1, 60))
            self._do(incident, letter, key)

        task = asyncio.ensure_future(late())
        self._late.add(task)
        task.add_done_callback(self._late.discard)
