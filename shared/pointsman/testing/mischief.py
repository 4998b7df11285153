"""What goes wrong in a storm, and how it is brought about: on links, stores, functions, levers, flags, clocks and desks."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random  # noqa: TID251 - seeded, so that every run is alike

from pointsman.core.fabric import Cloud, Fabric, GcpSite, Mode, Policy
from pointsman.core.plan import FlagState
from pointsman.core.steering import LeverKind, RoutePolicies
from pointsman.core.values import Frozen, replace
from pointsman.ports.clouds import Clock, FenceLost
from pointsman.testing.inprocess import MemoryFlag, Twin
from pointsman.testing.invariants import Stopped
from pointsman.testing.network.blueprint import Side
from pointsman.testing.stores import Fault, Forecast, Weather
from pointsman.testing.unruly import RecordingStore, UnrulyDesk, UnrulyLever, UnrulyLooker

STORM_SECONDS = 900.0
HOLD_DOWN = timedelta(seconds=120)
STORES = ("aws", "gcp", "witness")
ON_LINKS = ("blackhole", "one-way", "cut", "silent-cut", "degrade", "flap")
ON_CLOUDS = ("freeze", "blind-flag", "levers", "crashes", "dead", "clock")
ON_STORES = ("down", "throttled", "lost reply", "lost request", "slow")
FLAPS = 6
USUAL = 0.02
"""Share of a lever's or looker's calls that fail on any day."""


class Disturbance(Frozen):
    """One thing that goes wrong from ``since`` to ``until`` (seconds of virtual time)."""

    since: float
    until: float
    what: str
    where: str
    much: float = 1.0


def forecast(fabric: Fabric, seed: int) -> tuple[Disturbance, ...]:
    """List what goes wrong in the storm of a seed."""
    dice = Random(f"forecast {seed}")
    found = [_disturbance(dice, fabric) for _ in range(dice.randint(4, 24))]
    return tuple(sorted(found, key=lambda one: one.since))


def _disturbance(dice: Random, fabric: Fabric) -> Disturbance:
    since = dice.uniform(5, STORM_SECONDS * 0.8)
    what = dice.choice((*ON_LINKS, "blackhole", "cut", *ON_CLOUDS, "levers", *ON_STORES, "member", "restart", "desk", "by-hand"))
    where = dice.choice(_places(what, fabric))
    return Disturbance(since=since, until=since + dice.choice((10.0, 45.0, 150.0, 400.0)), what=what, where=where, much=dice.random())


def _places(what: str, fabric: Fabric) -> Sequence[str]:
    if what in ON_LINKS:
        return [link.name for link in fabric.links]
    return list(Cloud) if what in ON_CLOUDS else STORES


def stormy(start: Fabric, seed: int) -> Fabric:
    """Give a fabric the policy that the seed draws."""
    budget = Random(f"policy {seed}").choice((6, 60))
    return replace(start, policy=Policy(mode=Mode.AUTO, hold_down=HOLD_DOWN, epochs_per_hour=budget))


@dataclass(kw_only=True)
class Mischief:
    """Brings disturbances about and ends them; what it holds against functions and clocks, the storm asks it for."""

    twin: Twin
    clock: Clock
    stores: Mapping[str, RecordingStore]
    flags: Mapping[Cloud, MemoryFlag]
    levers: Mapping[Cloud, Mapping[LeverKind, UnrulyLever]]
    lookers: Mapping[Cloud, UnrulyLooker]
    desk: UnrulyDesk
    dice: Random
    stopped: list[Stopped] = field(default_factory=list)
    crashing: set[Cloud] = field(default_factory=set)
    dead: set[Cloud] = field(default_factory=set)
    wrong: dict[Cloud, timedelta] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Let every store have a usual day."""
        for store in self.stores.values():
            store.forecast = self._weather(Fault.NONE)

    async def disturb(self, one: Disturbance) -> None:
        """Bring one disturbance about, and end it."""
        turns = FLAPS if one.what == "flap" else 1
        what = replace(one, what="cut" if one.much < 0.5 else "blackhole") if one.what == "flap" else one
        for _ in range(turns):
            await self._start(what)
            await self.clock.sleep((one.until - one.since) / (2 * turns - 1))
            self._end(what)
            await self.clock.sleep((one.until - one.since) / (2 * turns - 1))

    def calm(self) -> None:
        """End everything at once."""
        self.twin.catch_up()
        for link in self.twin.fabric.links:
            self.twin.network.heal(link.name)
        for store in self.stores.values():
            store.mend()
        for one in (self.crashing, self.dead, self.wrong):
            one.clear()
        for cloud in Cloud:
            self._flag(cloud, FlagState.CLEAR)
            self._unruly(cloud, 0.0)
            self.lookers[cloud].unruly = 0.0
        self.desk.unruly = 0.0

    async def _start(self, one: Disturbance) -> None:
        self.twin.catch_up()
        if one.what in ON_LINKS:
            self._break(one)
        elif one.what in ON_CLOUDS:
            self._trouble(one, Cloud(one.where))
        elif one.what in ON_STORES:
            fault = Fault.NONE if one.what == "slow" else Fault(one.what)
            self.stores[one.where].forecast = self._weather(fault, slow=4.0 * one.much if one.what == "slow" else 0.0)
        elif one.what == "by-hand":
            await self._by_hand(one)
        elif one.what == "desk":
            self.desk.unruly = 0.9
        else:
            self._break_part(one)

    def _break(self, one: Disturbance) -> None:
        network = self.twin.network
        match one.what:
            case "blackhole":
                network.blackhole(one.where)
            case "one-way":
                network.blackhole(one.where, towards=(Side.AWS if one.much < 0.5 else Side.GCP,))
            case "degrade":
                network.degrade(one.where, one.much * 0.6)
            case _:
                network.cut(one.where, silent=one.what == "silent-cut")

    def _break_part(self, one: Disturbance) -> None:
        members = [(link.name, member.id) for link in self.twin.fabric.links for member in link.members if len(link.members) > 1]
        routers = [site.router.name for site in self.twin.fabric.sites if isinstance(site, GcpSite) and site.router]
        if one.what == "restart":
            self.twin.network.router_restart(routers[0])
        elif members:
            self.twin.network.cut_member(*members[int(one.much * len(members))])

    def _trouble(self, one: Disturbance, cloud: Cloud) -> None:
        match one.what:
            case "freeze":
                self._flag(cloud, FlagState.SET)
            case "blind-flag":
                self._flag(cloud, FlagState.UNREADABLE)
            case "levers":
                self._unruly(cloud, 0.3 + 0.6 * one.much)
            case "crashes":
                self.crashing.add(cloud)
            case "dead":
                self.dead.add(cloud)
            case _:
                self.wrong[cloud] = timedelta(seconds=(one.much - 0.5) * 800)

    def _end(self, one: Disturbance) -> None:
        self.twin.catch_up()
        if one.what in ON_LINKS:
            self.twin.network.heal(one.where)
        elif one.what in ON_CLOUDS:
            self._relieve(one.what, Cloud(one.where))
        elif one.what in ON_STORES:
            self.stores[one.where].forecast = self._weather(Fault.NONE)
        elif one.what == "desk":
            self.desk.unruly = 0.05
        elif one.what == "member":
            for link in (link for link in self.twin.fabric.links if len(link.members) > 1):
                self.twin.network.heal(link.name)

    def _relieve(self, what: str, cloud: Cloud) -> None:
        match what:
            case "freeze" | "blind-flag":
                self._flag(cloud, FlagState.CLEAR)
            case "levers":
                self._unruly(cloud, USUAL)
            case "crashes":
                self.crashing.discard(cloud)
            case "dead":
                self.dead.discard(cloud)
            case _:
                self.wrong.pop(cloud, None)

    def _unruly(self, cloud: Cloud, much: float) -> None:
        for lever in self.levers[cloud].values():
            lever.unruly = much

    async def _by_hand(self, one: Disturbance) -> None:
        """Let an operator undo a link's policies."""
        lever = self.levers[Cloud.GCP][LeverKind.ROUTE_POLICY].inner
        links = self.twin.fabric.links
        name = links[int(one.much * len(links))].name
        with contextlib.suppress(FenceLost):
            await lever.apply(RoutePolicies(link=name), await lever.observe(name), "by hand")

    def _flag(self, cloud: Cloud, state: FlagState) -> None:
        now = self.clock.monotonic()
        if self.flags[cloud].state is state:
            return
        self.stopped = [replace(one, until=now) if one.until is None and one.flag is cloud else one for one in self.stopped]
        self.flags[cloud].state = state
        if state is not FlagState.CLEAR:
            self.stopped.append(Stopped(flag=cloud, state=state, since=now))

    def _weather(self, fault: Fault, *, slow: float = 0.0) -> Forecast:
        dice = self.dice

        def fare(_: str) -> Weather:
            hit = fault if dice.random() < 0.9 else Fault.NONE
            if fault is Fault.NONE and dice.random() < 0.01:
                hit = dice.choice((Fault.LOST_REPLY, Fault.LOST_REQUEST, Fault.THROTTLED))
            again = dice.uniform(0, 30) if dice.random() < 0.02 else None
            stalled = dice.uniform(5, 60) if dice.random() < 0.004 else 0.0
            delay = stalled + dice.uniform(0.002, 0.02) + slow * dice.random()
            return Weather(fault=hit, delay=delay, reply_delay=delay / 2, again_after=again)

        return fare
