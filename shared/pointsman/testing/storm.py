"""Storms: seeded random schedules of faults over the in-process twin, with several functions of each cloud at once.

Everything that a seed decides is fixed before the storm begins, so that a storm can be told again with some of its
disturbances left out until only those remain that matter.
"""

import asyncio
import dataclasses
import itertools
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from random import Random  # noqa: TID251 - seeded, so that every run is alike

from pointsman.core.errors import PointsmanError, Transient
from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.members import index
from pointsman.core.sightings import Health, Sighting, Source
from pointsman.core.values import replace
from pointsman.core.wants import wanted
from pointsman.service.converge import Report, converge
from pointsman.service.deliver import agreed_plan, deliver
from pointsman.service.enact import target_of
from pointsman.service.gather import Scope, gather
from pointsman.service.house import House
from pointsman.service.registers import Registers
from pointsman.service.sweep import sweep
from pointsman.service.watch import watch
from pointsman.testing.inprocess import MemoryFlag, Table, TwinLooker, house, probes, twin
from pointsman.testing.invariants import Evidence, Way
from pointsman.testing.mischief import HOLD_DOWN, STORES, STORM_SECONDS, Disturbance, Mischief
from pointsman.testing.unruly import Ledger, RecordingStore, UnrulyDesk, UnrulyLever, UnrulyLooker
from pointsman.testing.virtual import VirtualClock

CALM_SECONDS = 3_600.0 + 8 * HOLD_DOWN.total_seconds()
"""Long enough for the hourly budget to be whole again and for every hold-down to pass."""
FUNCTIONS = 3
"""Warm functions a cloud."""
REDELIVERIES = 4


class Storm:
    """One world in a storm."""

    def __init__(self, fabric: Fabric, seed: int, disturbances: Sequence[Disturbance]) -> None:
        self.fabric = fabric
        self.clock = VirtualClock()
        self.disturbances = disturbances
        self.dice = Random(f"storm {seed}")
        self.twin = twin(fabric, self.clock, seed=seed)
        self.ledger = Ledger(self.clock)
        self.stores = {name: RecordingStore(name, self.clock, self.ledger, fenced=name != "aws") for name in STORES}
        self.table = Table(aws=self.stores["aws"], gcp=self.stores["gcp"], witness=self.stores["witness"])
        self.flags = {cloud: MemoryFlag(cloud) for cloud in Cloud}
        self.desk = UnrulyDesk(self.clock, Random(f"desk {seed}"))
        self.escaped: list[str] = []
        self.raging = True
        self._nonces = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        bare = {cloud: house(self.twin, self.table, cloud, flags=self.flags, nonce=self._nonce) for cloud in Cloud}
        self.levers = {
            cloud: {kind: UnrulyLever(lever, cloud, self.clock, Random(f"{kind} {seed}")) for kind, lever in bare[cloud].levers.items()}
            for cloud in Cloud
        }
        self.lookers = {cloud: UnrulyLooker(self.twin, cloud, Random(f"look {cloud} {seed}")) for cloud in Cloud}
        self._bare = bare
        self.mischief = Mischief(
            twin=self.twin,
            clock=self.clock,
            stores=self.stores,
            flags=self.flags,
            levers=self.levers,
            lookers=self.lookers,
            desk=self.desk,
            dice=Random(f"weather {seed}"),
        )
        self.pool = {cloud: [self.furnished(cloud) for _ in range(FUNCTIONS)] for cloud in Cloud}

    def _nonce(self) -> str:
        return f"{next(self._nonces):016x}"

    def furnished(self, cloud: Cloud) -> House:
        """Start a fresh function."""
        registers = Registers(self.table.stores, clock=self.clock, nonce=self._nonce, jitter=self.dice.random)

        async def nudge(fabric: str, epoch: int) -> None:
            del fabric, epoch
            self._hint(Cloud.GCP if cloud is Cloud.AWS else Cloud.AWS, sweep)

        async def post(incident: str) -> None:
            self._hint(cloud, lambda one: deliver(one, frozenset({incident})))

        return dataclasses.replace(
            self._bare[cloud],
            registers=registers,
            levers=self.levers[cloud],
            looker=self.lookers[cloud],
            desks={"noc": self.desk},
            nudge=nudge,
            post=post,
            watch_every=timedelta(seconds=9),
        )

    def _hint(self, cloud: Cloud, act: Callable[[House], Awaitable[object]]) -> None:
        if not self.raging or self.dice.random() < 0.7:
            self.later(self.dice.expovariate(1 / 2), lambda: self.call(cloud, act))

    def later(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        """Let something happen after some seconds."""

        async def wait() -> None:
            await self.clock.sleep(seconds)
            await act()

        task = asyncio.ensure_future(wait())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def call(self, cloud: Cloud, act: Callable[[House], Awaitable[object]]) -> None:
        """Call a function as a queue does: it may crash, and is called again when it asks for it."""
        for _ in range(REDELIVERIES):
            if cloud in self.mischief.dead:
                await self.clock.sleep(self.dice.uniform(10, 60))
                continue
            slot = self.dice.randrange(FUNCTIONS)
            if await self._once(cloud, slot, act):
                return
            await self.clock.sleep(self.dice.uniform(0.5, 20))

    async def _once(self, cloud: Cloud, slot: int, act: Callable[[House], Awaitable[object]]) -> bool:
        task = asyncio.ensure_future(act(self.pool[cloud][slot]))
        often = 0.5 if cloud in self.mischief.crashing else 0.05
        if self.raging and self.dice.random() < often:
            await asyncio.wait({task}, timeout=self.dice.expovariate(1 / 0.06))
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
                self.pool[cloud][slot] = self.furnished(cloud)
                return self.dice.random() < 0.3
        try:
            done = await task
        except Transient:
            return False
        except PointsmanError as error:
            self.escaped.append(f"{type(error).__name__}: {error}")
            return True
        except Exception as error:  # noqa: BLE001 - whatever escapes is what the storm looks for
            self.escaped.append(repr(error))
            return True
        return not (isinstance(done, Report) and done.again)

    async def rage(self) -> Evidence:
        """Let the storm rage, calm down, and say what was seen."""
        running = [
            asyncio.ensure_future(one)
            for cloud in Cloud
            for one in (self._prober(cloud), self._every(cloud, sweep, 60), self._every(cloud, watch, 60), self._events(cloud))
        ]
        for one in self.disturbances:
            self.later(one.since, lambda one=one: self.mischief.disturb(one))  # type: ignore[misc]
        await self.clock.sleep(STORM_SECONDS)
        self.raging = False
        for task in (*running, *self._tasks):
            task.cancel()
        await asyncio.wait({*running, *self._tasks})
        self.mischief.calm()
        return await self._settled()

    async def _settled(self) -> Evidence:
        end = self.clock.monotonic() + CALM_SECONDS
        while self.clock.monotonic() < end:
            for cloud in Cloud:
                claims = probes(self.twin, cloud)
                await self.call(cloud, lambda one, claims=claims: converge(one, claims))  # type: ignore[misc]
                await self.call(cloud, sweep)
            await self.clock.sleep(60)
        for task in self._tasks:
            task.cancel()
        return await self._evidence()

    async def _evidence(self) -> Evidence:
        writes = await self._duplicate()
        fresh = {cloud: self.furnished(cloud) for cloud in Cloud}
        plans = {cloud: await agreed_plan(one) for cloud, one in fresh.items()}
        wants = []
        for cloud, one in fresh.items():
            plan = plans[cloud]
            assert plan is not None, "a storm ends with a plan"
            gathered = await gather(one, (), Scope(witness=True))
            for setting in wanted(self.fabric, plan, gathered.view.rows, cloud, gathered.now):
                kind, name = target_of(setting)
                wants.append((setting, (await self.levers[cloud][kind].inner.observe(name)).setting))
        self.twin.catch_up()
        ways = {str(flow.name): self._way(flow.name) for flow in self.fabric.flows}
        return Evidence(
            fabric=self.fabric,
            accepted=self.ledger.rows,
            asked=tuple(one for levers in self.levers.values() for lever in levers.values() for one in lever.asked),
            stopped=tuple(self.mischief.stopped),
            plans=plans,
            wants=tuple(wants),
            ways=ways,
            book=tuple(self.desk.book),
            duplicate_writes=writes,
            escaped=tuple(self.escaped),
        )

    def _way(self, flow: str) -> Way:
        path = self.twin.network.path(flow)
        return Way(links=tuple(sorted({*path.to_gcp.links, *path.to_aws.links})), loss=self.twin.network.loss(flow))

    async def _duplicate(self) -> int:
        """Hand the same report to both clouds twice; count the register writes of the second round."""
        claims = {cloud: probes(self.twin, cloud) for cloud in Cloud}
        before = 0
        for _ in range(2):
            before = self._register_writes()
            for cloud in Cloud:
                await converge(self.pool[cloud][0], claims[cloud])
        return self._register_writes() - before

    def _register_writes(self) -> int:
        return sum(store.count("prepare") + store.count("accept") for store in self.stores.values())

    async def _every(self, cloud: Cloud, act: Callable[[House], Awaitable[object]], seconds: float) -> None:
        await self.clock.sleep(self.dice.uniform(0, 10))
        while True:
            for _ in range(1 + (self.dice.random() < 0.15)):
                self.later(self.dice.uniform(0, 3), lambda: self.call(cloud, act))
            await self.clock.sleep(seconds)

    async def _prober(self, cloud: Cloud) -> None:
        while True:
            await self.clock.sleep(self.dice.uniform(6, 14))
            self._deliver(cloud, probes(self.twin, cloud))

    def _deliver(self, cloud: Cloud, claims: Sequence[Sighting]) -> None:
        """Lose, double, delay and so reorder an event."""
        if self.dice.random() < 0.15:
            return
        claims = [replace(one, seen_at=one.seen_at + self.mischief.wrong.get(cloud, timedelta())) for one in claims]
        for _ in range(1 + (self.dice.random() < 0.15)):
            late = self.dice.expovariate(1 / 90) if self.dice.random() < 0.15 else self.dice.uniform(0, 0.5)
            self.later(late, lambda: self.call(cloud, lambda one: converge(one, tuple(claims))))

    async def _events(self, cloud: Cloud) -> None:
        """Tell of sessions that changed, as each cloud's own feed does."""
        looker, places = TwinLooker(self.twin, cloud), index(self.fabric)
        known: dict[str, Health] = {}
        source = Source.NETWORK_MANAGER if cloud is Cloud.AWS else Source.ROUTER_LOG
        while True:
            await self.clock.sleep(2)
            seen = await looker.look([link.name for link in self.fabric.links])
            news = [one for one in seen if known.get(one.member, Health.UP) is not one.health and one.health is not Health.DRAINING]
            known = {one.member: one.health for one in seen}
            for one in (one for one in news if one.member in places):
                self._deliver(cloud, (replace(one, source=source),))
