"""The twin's in-process face: the ports over the network model, on virtual time.

Every call takes a round trip of virtual time, in which the network goes on; settings are written into the model,
so that tests can ask what became of the traffic.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pointsman.core.evidence import BACK_WITHIN
from pointsman.core.fabric import Cloud, Fabric, Link, Member, Router
from pointsman.core.members import peer_key, probe_key, tunnel_key
from pointsman.core.plan import FlagState
from pointsman.core.prefix_lists import barred
from pointsman.core.sightings import Aspect, Cause, Health, Notice, Sighting, Source, Vantage
from pointsman.core.steering import (
    FailoverTest,
    Level,
    LeverKind,
    Observed,
    PrefixListPin,
    PrefixStance,
    RoutePolicies,
    Setting,
    Stance,
    Verified,
)
from pointsman.core.values import replace
from pointsman.ports.clouds import Clock, FenceLost, Flag, Lever, LeverFailed, Look, Looker
from pointsman.service.house import House
from pointsman.service.registers import Registers
from pointsman.testing.announced import outages
from pointsman.testing.blueprint import blueprint
from pointsman.testing.network.blueprint import Side
from pointsman.testing.network.model import Network
from pointsman.testing.network.policies import Act, Action, Direction, Match, Term
from pointsman.testing.network.views import Refusal
from pointsman.testing.stores import MemoryStore

ROUND_TRIP = 0.01
"""Virtual seconds that one call to a cloud takes."""
PRINCIPAL = "pointsman-twin"
LOSSY = 0.05
"""Share of lost packets at which a probe calls its link down."""
_AVOID_MED = 20_000
_RANK_MED = 3_500


@dataclass
class Twin:
    """One network with both clouds' ports over it. ``writes`` lists every lever's write: when, which, what."""

    fabric: Fabric
    clock: Clock
    network: Network
    writes: list[tuple[float, Setting]] = field(default_factory=list)
    trips: list[tuple[float, str]] = field(default_factory=list)

    async def trip(self, what: str) -> None:
        """Spend one round trip, and let the network catch up."""
        self.trips.append((self.clock.monotonic(), what))
        await self.clock.sleep(ROUND_TRIP)
        self.catch_up()

    def catch_up(self) -> None:
        """Advance the network to the clock."""
        self.network.advance(self.clock.monotonic())


def twin(fabric: Fabric, clock: Clock, *, seed: int = 0, announcing: bool = True, counting: bool = True) -> Twin:
    """Build the network that a fabric declares, with a clock to run it by.

    Without ``announcing`` it says nothing of itself, without ``counting`` it adds up no seconds of loss.
    """
    network = Network(blueprint(fabric), seed=seed, announcing=announcing, counting=counting)
    return Twin(fabric=fabric, clock=clock, network=network)


class PolicyLever:
    """Keeps ``Lever`` for a link's route policies: fenced by a version that counts the writes."""

    kind = LeverKind.ROUTE_POLICY

    def __init__(self, world: Twin) -> None:
        self._world = world
        self._held: dict[str, RoutePolicies] = {}
        self._version: dict[str, int] = {}
        for link in world.fabric.links:
            if link.has_policies:
                self._install(link)

    def _install(self, link: Link) -> None:
        router = self._router(link)
        self._put(link, RoutePolicies(link=link.name))
        for member in link.members:
            if member.gcp.peer:
                names = ((link.gcp.import_policy or "",), (link.gcp.export_policy or "",))
                self._world.network.attach_policies(router, member.gcp.peer.name, *names, principal=PRINCIPAL)

    def _router(self, link: Link) -> str:
        router = self._world.fabric.gcp_site(link).router
        assert router is not None, "a link with route policies ends on a router"
        return router.name

    def _put(self, link: Link, want: RoutePolicies) -> None:
        pairs = ((link.gcp.import_policy, Direction.IMPORT, want.imports), (link.gcp.export_policy, Direction.EXPORT, want.exports))
        for name, direction, stances in pairs:
            terms = [_term(place, stance) for place, stance in enumerate(stances, start=1)]
            self._world.network.put_route_policy(self._router(link), name or "", direction, terms, principal=PRINCIPAL)
        self._held[link.name] = want
        self._version[link.name] = self._version.get(link.name, 0) + 1

    def dropped(self) -> frozenset[str]:
        """Give the prefixes that some link's exports drop now, as nobody but a test can see it: at once."""
        return frozenset(one.prefix for held in self._held.values() for one in held.exports if one.stance is Stance.DROP)

    async def observe(self, target: str) -> Observed:
        """Read a link's policies."""
        await self._world.trip(f"observe {self.kind} {target}")
        return Observed(setting=self._held[target], fence=str(self._version[target]))

    async def apply(self, want: Setting, observed: Observed, token: str) -> None:
        """Write a link's policies. Raises ``FenceLost``."""
        assert isinstance(want, RoutePolicies), "only route policies come here"
        await self._world.trip(f"apply {self.kind} {want.link}")
        if observed.fence != str(self._version[want.link]):
            raise FenceLost(f"the policies of {want.link} changed meanwhile: observe them again")
        self._put(self._world.fabric.link(want.link), want)
        self._world.writes.append((self._world.clock.monotonic(), want))
        del token

    async def undo(self, observed: Observed, token: str) -> None:
        """Let everything through."""
        assert isinstance(observed.setting, RoutePolicies), "only route policies come here"
        await self.apply(RoutePolicies(link=observed.setting.link), observed, token)

    async def verify(self, want: Setting) -> Verified:
        """Read back."""
        assert isinstance(want, RoutePolicies), "only route policies come here"
        await self._world.trip(f"verify {self.kind} {want.link}")
        same = self._held[want.link] == want
        return Verified(level=Level.EFFECTIVE if same else Level.NONE, missing="" if same else "the policies read differently")


def _term(place: int, stance: PrefixStance) -> Term:
    avoid = (Action(act=Act.MED_SET, value=_AVOID_MED + _RANK_MED * stance.rank),)
    match stance.stance:
        case Stance.ATTRACT:
            actions: tuple[Action, ...] = (Action(act=Act.ACCEPT),)
        case Stance.AVOID:
            actions = (*avoid, Action(act=Act.ACCEPT))
        case Stance.DROP:
            actions = (Action(act=Act.DROP),)
    return Term(priority=place, matches=(Match(prefix=stance.prefix, or_longer=True),), actions=actions)


class FailoverLever:
    """Keeps ``Lever`` for Direct Connect failover tests."""

    kind = LeverKind.FAILOVER_TEST

    def __init__(self, world: Twin) -> None:
        self._world = world

    def _interfaces(self, link: str) -> list[str]:
        members = self._world.fabric.link(link).members
        return [member.aws.virtual_interface for member in members if member.aws.virtual_interface]

    async def observe(self, target: str) -> Observed:
        """Read whether tests run on a link."""
        await self._world.trip(f"observe {self.kind} {target}")
        link = self._world.fabric.link(target)
        running = [test for name in self._interfaces(target) for test in self._world.network.failover_tests(name)[:1] if test.ended is None]
        until = min((test.until for test in running), default=None)
        at = None if until is None else self._world.clock.now() + timedelta(seconds=until - self._world.network.now)
        return Observed(setting=FailoverTest(link=link.name, running=bool(running)), until=at)

    async def apply(self, want: Setting, observed: Observed, token: str) -> None:
        """Start or stop the tests of a link."""
        assert isinstance(want, FailoverTest), "only failover tests come here"
        await self._world.trip(f"apply {self.kind} {want.link}")
        for name in self._interfaces(want.link):
            try:
                self._set(name, want)
            except Refusal:
                continue
        self._world.writes.append((self._world.clock.monotonic(), want))
        del observed, token

    def _set(self, interface: str, want: FailoverTest) -> None:
        if want.running:
            self._world.network.start_failover_test(interface, max(1, int(want.duration.total_seconds() // 60)), principal=PRINCIPAL)
        else:
            self._world.network.stop_failover_test(interface, principal=PRINCIPAL)

    async def undo(self, observed: Observed, token: str) -> None:
        """Stop the tests."""
        assert isinstance(observed.setting, FailoverTest), "only failover tests come here"
        await self.apply(replace(observed.setting, running=False), observed, token)

    async def verify(self, want: Setting) -> Verified:
        """Read back."""
        assert isinstance(want, FailoverTest), "only failover tests come here"
        observed = await self.observe(want.link)
        same = isinstance(observed.setting, FailoverTest) and observed.setting.running == want.running
        return Verified(level=Level.EFFECTIVE if same else Level.NONE)


class PinLever:
    """Keeps ``Lever`` for prefix-list references on a Transit Gateway."""

    kind = LeverKind.PREFIX_LIST_PIN

    def __init__(self, world: Twin) -> None:
        self._world = world

    def _place(self, flow: str) -> tuple[tuple[str, ...], str]:
        target = self._world.fabric.flow(flow).aws_prefix_list
        if target is None:
            raise LeverFailed(f"flow {flow} declares no aws_prefix_list: declare one to allow a pin")
        return target.route_tables, target.prefix_list

    def pinned(self) -> frozenset[str]:
        """Name the flows that a prefix list leads to an attachment now, as nobody but a test can see it: at once."""
        places = ((flow.name, *self._place(flow.name)) for flow in self._world.fabric.flows if flow.aws_prefix_list)
        references = self._world.network.prefix_list_references
        return frozenset(flow for flow, tables, name in places if any(references(table).get(name) for table in tables))

    async def observe(self, target: str) -> Observed:
        """Read a flow's pin."""
        await self._world.trip(f"observe {self.kind} {target}")
        tables, name = self._place(target)
        held = {self._world.network.prefix_list_references(table).get(name) for table in tables}
        return Observed(setting=PrefixListPin(flow=self._world.fabric.flow(target).name, attachment=held.pop() if len(held) == 1 else None))

    async def apply(self, want: Setting, observed: Observed, token: str) -> None:
        """Set or take away a flow's pin."""
        assert isinstance(want, PrefixListPin), "only prefix-list pins come here"
        await self._world.trip(f"apply {self.kind} {want.flow}")
        tables, name = self._place(want.flow)
        held = self._world.network.prefix_list(name).cidrs
        if want.attachment and (why := barred(self._world.fabric, self._world.fabric.flow(want.flow), name, held)):
            raise LeverFailed(why)
        for table in tables:
            self._world.network.set_prefix_list_reference(table, name, want.attachment, principal=PRINCIPAL)
        self._world.writes.append((self._world.clock.monotonic(), want))
        del observed, token

    async def undo(self, observed: Observed, token: str) -> None:
        """Take the pin away."""
        assert isinstance(observed.setting, PrefixListPin), "only prefix-list pins come here"
        await self.apply(replace(observed.setting, attachment=None), observed, token)

    async def verify(self, want: Setting) -> Verified:
        """Read back."""
        assert isinstance(want, PrefixListPin), "only prefix-list pins come here"
        observed = await self.observe(want.flow)
        return Verified(level=Level.EFFECTIVE if observed.setting == want else Level.NONE)


_VANTAGE = {Cloud.AWS: Vantage.AWS, Cloud.GCP: Vantage.GCP}


class TwinLooker:
    """Keeps ``Looker`` for one cloud: sessions of virtual interfaces and tunnels, or of the router's peers."""

    def __init__(self, world: Twin, cloud: Cloud) -> None:
        self._world = world
        self.cloud = cloud

    async def look(self, links: Sequence[str]) -> Look:
        """Look at every member's session once."""
        await self._world.trip(f"look {self.cloud} {','.join(links)}")
        return Look(claims=tuple(one for name in links for one in self._members(self._world.fabric.link(name))))

    async def notices(self) -> tuple[Notice, ...]:
        """Read the outages that Google expects of its interconnects; AWS tells of maintenance by events alone."""
        if self.cloud is not Cloud.GCP:
            return ()
        await self._world.trip("announced maintenance")
        return tuple(outages(self._world.fabric, self._world.network, self._world.clock.now()))

    def _members(self, link: Link) -> list[Sighting]:
        side = Side.AWS if self.cloud is Cloud.AWS else Side.GCP
        router, now = self._world.fabric.gcp_site(link).router, self._world.clock.now()
        keyed = [(key, member) for member in link.members if (key := self._key(member, router))]
        ups = [self._world.network.session_up(link.name, member.id, side) for _, member in keyed]
        return [self._claim(key, now, self._tested(one.aws.virtual_interface), up=up) for (key, one), up in zip(keyed, ups, strict=True)]

    def _tested(self, interface: str | None) -> Health | None:
        """Say what a failover test does to a session: it hides it, or has just ended and excuses its loss; None for neither."""
        tests = self._world.network.failover_tests(interface) if interface and self.cloud is Cloud.AWS else ()
        if not tests or tests[0].ended is None:
            return Health.DRAINING if tests else None
        return Health.DOWN if self._world.network.now - tests[0].ended < BACK_WITHIN.total_seconds() else None

    def _key(self, one: Member, router: Router | None) -> str | None:
        if self.cloud is Cloud.AWS:
            tunnel = tunnel_key(one.aws.vpn, one.aws.outside_ip) if one.aws.vpn and one.aws.outside_ip else None
            return one.aws.virtual_interface or tunnel
        return peer_key(router.id, one.gcp.peer.ip) if router and one.gcp.peer else None

    def _claim(self, key: str, now: datetime, tested: Health | None, *, up: bool) -> Sighting:
        health = Health.DRAINING if tested is Health.DRAINING else Health.UP if up else Health.DOWN
        return Sighting(
            vantage=_VANTAGE[self.cloud],
            member=key,
            source=Source.LOOK,
            aspect=Aspect.BGP,
            health=health,
            seen_at=now,
            cause=Cause.FAILOVER_TEST if tested is health else (Cause.SESSION_UP if up else Cause.SESSION_DOWN),
        )


class MemoryFlag:
    """Keeps ``Flag`` in memory."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.state = FlagState.CLEAR

    async def read(self) -> FlagState:
        """Read it."""
        return self.state

    async def write(self, frozen: bool, note: str) -> None:  # noqa: FBT001 - the port's own yes or no
        """Set or clear it."""
        self.state = FlagState.SET if frozen else FlagState.CLEAR
        del note


def probes(world: Twin, cloud: Cloud) -> tuple[Sighting, ...]:
    """Say what a prober at one cloud's end of every link finds now."""
    world.catch_up()
    found = []
    for link in world.fabric.links:
        site = link.aws_site if cloud is Cloud.AWS else link.gcp_site
        for pair in (one for one in link.probes if one.site == site):
            lost = world.network.probe(link.name, site).loss
            found.append(_probe(world, cloud, probe_key(pair.source, pair.target), lost))
    return tuple(found)


def _probe(world: Twin, cloud: Cloud, key: str, lost: float) -> Sighting:
    down = lost >= LOSSY
    return Sighting(
        vantage=Vantage.PROBE_AWS if cloud is Cloud.AWS else Vantage.PROBE_GCP,
        member=key,
        source=Source.PROBE,
        aspect=Aspect.PROBE,
        health=Health.DOWN if down else Health.UP,
        seen_at=world.clock.now(),
        cause=Cause.PACKETS_LOST if down else Cause.PACKETS_FLOW,
        value=lost,
    )


@dataclass
class Table:
    """The shared state table in memory: one store a cloud and the witness."""

    aws: MemoryStore
    gcp: MemoryStore
    witness: MemoryStore

    @property
    def stores(self) -> tuple[MemoryStore, ...]:
        """All three."""
        return (self.aws, self.gcp, self.witness)


def table(clock: Clock) -> Table:
    """Set up three empty stores."""
    return Table(
        aws=MemoryStore("aws", clock), gcp=MemoryStore("gcp", clock, fenced=True), witness=MemoryStore("witness", clock, fenced=True)
    )


def house(world: Twin, stores: Table, cloud: Cloud, *, flags: Mapping[Cloud, Flag], nonce: Callable[[], str]) -> House:
    """Furnish a function of one cloud with everything in process."""
    levers: tuple[Lever, ...] = (PolicyLever(world),) if cloud is Cloud.GCP else (FailoverLever(world), PinLever(world))
    looker: Looker = TwinLooker(world, cloud)
    own = stores.aws if cloud is Cloud.AWS else stores.gcp
    return House(
        fabrics=(world.fabric,),
        here=cloud,
        registers=Registers(stores.stores, clock=world.clock, nonce=nonce, jitter=lambda: 0.5),
        rows={Cloud.AWS: stores.aws, Cloud.GCP: stores.gcp},
        witness=stores.witness,
        journal=own,
        own=Registers((own,), clock=world.clock, nonce=nonce, jitter=lambda: 0.5),
        spares=tuple(store for store in stores.stores if store is not own),
        looker=looker,
        levers={lever.kind: lever for lever in levers},
        flags=flags,
        clock=world.clock,
        nonce=nonce,
    )
