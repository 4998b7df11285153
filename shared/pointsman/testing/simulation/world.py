"""The world of one schedule: the twin, three stores, both clouds' functions, the desk; and how mishaps come about in it."""

import dataclasses
import itertools
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from random import Random  # noqa: TID251 - seeded, so that every run is alike
from typing import Any, Protocol

from pointsman.core.decide import RULES
from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.plan import FlagState, Plan, read_plan
from pointsman.core.sightings import Notice, Order
from pointsman.core.steering import LeverKind
from pointsman.core.values import replace
from pointsman.service.house import Hands, House
from pointsman.service.registers import Registers
from pointsman.testing.inprocess import PinLever, Table, Twin, house
from pointsman.testing.simulation.beside import Loading, SimulatedAuditor
from pointsman.testing.simulation.evidence import Foretold, Stopped
from pointsman.testing.simulation.functions import Function, History, WatchedRegisters
from pointsman.testing.simulation.nature import Nature
from pointsman.testing.simulation.ports import AnnouncingLooker, Hearing, SimulatedDesk, SimulatedFlag, SimulatedLever, SimulatedLooker
from pointsman.testing.simulation.remembering import network
from pointsman.testing.simulation.scenes import STORES, Scene
from pointsman.testing.simulation.schedule import Schedule
from pointsman.testing.simulation.stores import Ledger, SimulatedStore
from pointsman.testing.virtual import START, VirtualClock


class World:
    """Everything outside the functions, and the functions."""

    def __init__(self, plan: Schedule, *, watching: bool, telling: bool) -> None:
        self.schedule = plan
        start = START + timedelta(minutes=plan.staging.minute)
        self.clock = VirtualClock(start=start)
        self.nature = Nature(dice=Random(f"nature {plan.seed}"), kinds=frozenset(plan.kinds), watching=watching, telling=telling)
        self.twin = Twin(fabric=plan.following, clock=self.clock, network=network(plan.shape, plan.seed))
        self.ledger = Ledger(self.clock)
        self.history = History()
        self.stores = {
            name: SimulatedStore(name, self.clock, nature=self.nature, ledger=self.ledger, fenced=name != "aws") for name in STORES
        }
        self.clocks = {cloud: VirtualClock(start=start) for cloud in Cloud}
        self.tellers = {cloud: timedelta() for cloud in Cloud}
        self.flags = {cloud: SimulatedFlag(cloud, self.nature, self.set_flag) for cloud in Cloud}
        self.stopped: list[Stopped] = []
        self.dark: set[Cloud] = set()
        self.misled = 0
        self.works: list[Foretold] = []
        self.given: list[Order] = []
        self.foretold: dict[str, Notice] = {}
        self.table = Table(aws=self.stores["aws"], gcp=self.stores["gcp"], witness=self.stores["witness"])
        self.desk = SimulatedDesk(self.clock, self.nature)
        self._nonces = itertools.count(1)
        self._names = itertools.count(1)
        self._bare = {cloud: house(self.twin, self.table, cloud, flags=self.flags, nonce=self._nonce) for cloud in Cloud}
        self.levers = {
            cloud: {kind: SimulatedLever(lever, cloud, self.clock, self.nature) for kind, lever in self._bare[cloud].levers.items()}
            for cloud in Cloud
        }
        self.heard = Hearing(self.twin)
        self.lookers: dict[Cloud, SimulatedLooker] = {cloud: SimulatedLooker(self.twin, cloud, self.nature, self.heard) for cloud in Cloud}
        if plan.announces:
            self.lookers[Cloud.GCP] = AnnouncingLooker(
                self.twin, Cloud.GCP, self.nature, self.heard, announced=lambda: tuple(self.foretold.values())
            )
        self.carried = dict.fromkeys(Cloud, 1)
        self.rules = dict.fromkeys(Cloud, RULES)

    def _nonce(self) -> str:
        return self.history.spend(f"{next(self._nonces):016x}")

    def furnish(self, cloud: Cloud, hints: "Hints") -> Function:
        """Start a fresh function of the cloud's newest artefact."""
        function = Function(cloud=cloud, name=f"{cloud}-{next(self._names)}", carries=self.carried[cloud], rules=self.rules[cloud].version)
        registers = WatchedRegisters(
            tuple(self.stores.values()), clock=self.clocks[cloud], nonce=self._nonce, jitter=self.nature.dice.random
        )
        registers.history, registers.promised = self.history, {}
        memory = {one.name: one.default_factory() for one in dataclasses.fields(House) if one.default_factory is not dataclasses.MISSING}
        own = {
            "fabrics": self.artefact(function.carries),
            "rules": self.rules[cloud],
            "registers": registers,
            "own": self._own(cloud),
            "levers": self.levers[cloud],
            "looker": self.lookers[cloud],
            "flags": self.flags,
            "clock": self.clocks[cloud],
            "desks": {"noc": self.desk},
            "nudge": hints.nudge(cloud),
            "post": hints.post(cloud),
            "hands": self._hands(cloud),
            "loaded": Loading(self.nature).over,
            "watch_every": timedelta(seconds=11),
            "watch_lasting": timedelta(seconds=40),
        }
        function.house = dataclasses.replace(self._bare[cloud], **(memory | own))
        return function

    def _own(self, cloud: Cloud) -> Registers:
        """Give the registers of a cloud's own store alone."""
        return Registers((self.stores[cloud.value],), clock=self.clocks[cloud], nonce=self._nonce, jitter=self.nature.dice.random)

    def _hands(self, cloud: Cloud) -> dict[str, Hands]:
        """Give what an audit takes, in the schedules that play one."""
        if self.schedule.scene is not Scene.AUDIT:
            return {}
        levers: Mapping[LeverKind, Any] = self.levers[cloud]
        hands = Hands(looker=self.lookers[cloud], levers=levers, auditor=lambda: SimulatedAuditor(cloud, self.nature))
        return {fabric.hash: hands for fabric in (self.schedule.fabric, self.schedule.following)}

    def artefact(self, carries: int) -> tuple[Fabric, ...]:
        """Give the fabrics of an artefact: 1 the current one, 2 the next one too, 3 the next one alone."""
        both = (self.schedule.fabric, self.schedule.following)
        return both[:carries] if carries < 3 else both[1:]

    def newest_plan(self) -> Plan | None:
        """Give the newest plan that a majority holds, as only the ledger knows it."""
        newest = self.ledger.newest(f"plan/{self.schedule.fabric.name}")
        return None if newest is None else read_plan(newest.value)

    def lose(self, packets_of: str) -> float:
        """Give a flow's loss now."""
        self.twin.catch_up()
        return self.twin.network.loss(packets_of)

    def set_flag(self, cloud: Cloud, state: FlagState) -> None:
        """Set a freeze flag, or make it unreadable."""
        now = self.clock.monotonic()
        if self.flags[cloud].state is state:
            return
        self.stopped = [replace(one, until=now) if one.until is None and one.flag is cloud else one for one in self.stopped]
        self.flags[cloud].state = state
        if state is not FlagState.CLEAR:
            self.stopped.append(Stopped(flag=cloud, state=state, since=now))

    @property
    def pinned(self) -> frozenset[str]:
        """Name the flows that AWS's lever pins now."""
        lever = self.levers[Cloud.AWS][LeverKind.PREFIX_LIST_PIN].inner
        return lever.pinned() if isinstance(lever, PinLever) else frozenset()

    def heal(self) -> None:
        """End everything at once, except what is gone for good."""
        self.twin.catch_up()
        self.nature.raging = False
        for link in self.twin.fabric.links:
            self.twin.network.heal(link.name)
        for troubles in (self.nature.troubled, self.nature.cut, self.nature.gone, self.dark):
            troubles.clear()
        for cloud in Cloud:
            self.set_flag(cloud, FlagState.CLEAR)
            self.clocks[cloud].skew = self.tellers[cloud] = timedelta()
        for store in self.stores.values():
            store.ahead = timedelta()


class Hints(Protocol):
    """What wakes other functions."""

    def nudge(self, cloud: Cloud) -> Callable[[str, int], Awaitable[None]]:
        """Give a cloud's way to wake the other one's functions."""

    def post(self, cloud: Cloud) -> Callable[[str], Awaitable[None]]:
        """Give a cloud's way to wake its own ``deliver``."""
