"""What is looked at when a schedule is over: plans, levers, traffic, and what a duplicate, a drill or a dead control plane brings."""

from pointsman.core.fabric import Cloud, Flow, Link, LinkKind
from pointsman.core.members import gcp_tunnel_key, tunnel_key, vlan_key
from pointsman.core.plan import Plan, read_plan
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.core.steering import LeverKind, Setting
from pointsman.core.values import replace
from pointsman.core.wants import wanted
from pointsman.service import doors
from pointsman.service.deliver import agreed_plan
from pointsman.service.enact import target_of
from pointsman.service.gather import Gathered, Scope, gather
from pointsman.service.house import House
from pointsman.testing.blueprint import blueprint
from pointsman.testing.inprocess import PolicyLever, probes
from pointsman.testing.network.model import Network
from pointsman.testing.simulation.calm import Calm, arrived
from pointsman.testing.simulation.evidence import Dark, Drill, Evidence, Way
from pointsman.testing.simulation.kinds import Request
from pointsman.testing.simulation.play import Play
from pointsman.testing.simulation.world import World

DRILL_EVERY = 5
"""One schedule of so many ends in a drill."""
DUPLICATE_EVERY = 4
"""In one schedule of so many the same report is handed in twice at the end."""
DARK_EVERY = 12
"""One schedule of so many loses every function in the middle of its storm's aftermath."""
BOTH_NOTICE = 30.0
"""Seconds until both ends have noticed that a path is gone, with or without a light that goes out."""
DARK_SECONDS = 40 * 60.0
"""Longer than a failover test of AWS lasts, which ends by itself."""
_REGISTER = (Request.PREPARE, Request.ACCEPT)


async def played(play: Play) -> Evidence:
    """Play a schedule to its end, and give what it left behind."""
    await play.rage()
    healed = play.world.clock.monotonic()
    if play.schedule.seed % DARK_EVERY == 1:
        play.dark += await dark(play)
    settled = await Calm(play).settled()
    return await _evidence(play, healed, settled)


async def _evidence(play: Play, healed: float, settled: float | None) -> Evidence:
    world = play.world
    duplicate = await handed_in_twice(play) if play.schedule.seed % DUPLICATE_EVERY == 2 else (0, 0)
    houses = {cloud: _house(play, cloud) for cloud in Cloud}
    gathered = {cloud: await gather(house, (), Scope(witness=True)) for cloud, house in houses.items()}
    plans = {cloud: await _plan_read(houses[cloud], gathered[cloud]) for cloud in Cloud}
    wants = [want for cloud in Cloud for want in await _wants(play, houses[cloud], plans[cloud], gathered[cloud])]
    world.twin.catch_up()
    evidence = Evidence(
        fabric=play.schedule.fabric,
        fabrics={one.hash: one for one in (play.schedule.fabric, play.schedule.following)},
        healed=healed,
        settled=settled,
        accepted=world.ledger.rows,
        operations=tuple(world.history.operations),
        asked=tuple(one for levers in world.levers.values() for lever in levers.values() for one in lever.asked),
        landed=tuple(one for levers in world.levers.values() for lever in levers.values() for one in lever.landed),
        spoken=tuple(world.heard.first.values()),
        stopped=tuple(world.stopped),
        plans=plans,
        view=gathered[Cloud.AWS].view,
        now=gathered[Cloud.AWS].now,
        wants=tuple(wants),
        ways={str(flow.name): _way(play, flow.name) for flow in world.twin.fabric.flows},
        book=tuple(world.desk.book),
        held=_held(play),
        lost=next((store.name for store in world.stores.values() if store.lost), ""),
        misled=world.misled,
        calls=tuple(play.calls),
        duplicate=duplicate,
        overwritten=tuple(one for store in world.stores.values() for one in store.overwritten),
        restored=tuple(world.history.restored),
        livelocked=tuple(play.livelocked),
        drills=(),
        dark=tuple(play.dark),
        escaped=tuple(play.escaped),
        unlooked=tuple(play.unlooked),
        entries={name: entry for store in world.stores.values() for name, entry in store.journal.items()},
        intended=tuple(one for store in world.stores.values() for one in store.intended),
        woke=play.woke,
        works=tuple(world.works),
        given=tuple(world.given),
        suffered=world.twin.network.suffered(),
    )
    drills = await _drill(play) if play.schedule.seed % DRILL_EVERY == 0 and settled is not None else ()
    return replace(evidence, drills=drills)


async def _plan_read(house: House, gathered: Gathered) -> Plan | None:
    """Give the plan that a cloud reads; what is not certain is made so."""
    reading = gathered.reading
    if not reading.confirmed:
        return await agreed_plan(house)
    return None if reading.value is None else read_plan(reading.value)


def _house(play: Play, cloud: Cloud) -> House:
    house = play.world.furnish(cloud, play).house
    assert house is not None, "a function that is furnished has a house"
    return house


async def _wants(play: Play, house: House, plan: Plan | None, gathered: Gathered) -> list[tuple[Setting, Setting]]:
    """Pair what the newest plan asks of a cloud's levers with what they read."""
    if plan is None:
        return []
    levers = play.world.levers[house.here]
    settings = wanted(house.fabric_of(plan), plan, gathered.view.rows, house.here, gathered.now)
    targets = [(setting, *target_of(setting)) for setting in settings]
    return [(setting, (await levers[kind].inner.observe(name)).setting) for setting, kind, name in targets]


def _way(play: Play, flow: str) -> Way:
    path = play.world.twin.network.path(flow)
    return Way(links=tuple(sorted({*path.to_gcp.links, *path.to_aws.links})), loss=play.world.twin.network.loss(flow))


def _held(play: Play) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for store in play.world.stores.values():
        for register, ballot in store.held.items():
            found.setdefault(register, {})[store.name] = ballot
    return found


async def handed_in_twice(play: Play) -> tuple[int, int]:
    """Hand the same report twice to one function of each cloud; count the register reads and writes of the second round.

    What the first round sends has arrived by then: a hint that tells of an agreement is a delivery of its own.
    """
    play.pool = {cloud: pool[:1] for cloud, pool in play.pool.items()}
    claims = {cloud: probes(play.world.twin, cloud) for cloud in Cloud}
    before = (0, 0)
    for _ in range(2):
        await arrived(play)
        before = _register_requests(play)
        for cloud in Cloud:
            await play.call(cloud, "duplicate", lambda house, cloud=cloud: doors.link_changed(house, claims[cloud]))  # type: ignore[misc]
    after = _register_requests(play)
    return after[0] - before[0], after[1] - before[1]


def _register_requests(play: Play) -> tuple[int, int]:
    stores = play.world.stores.values()
    return sum(store.asked[Request.READ] for store in stores), sum(store.asked[one] for store in stores for one in _REGISTER)


async def _drill(play: Play) -> tuple[Drill, ...]:
    """Cut a link while one store and one cloud's functions are gone, and see how soon its flows are agreed to leave it, and have."""
    world, fabric = play.world, play.schedule.fabric
    link = world.nature.dice.choice(fabric.links)
    cloud = world.nature.dice.choice(tuple(Cloud))
    store = next((one.name for one in world.stores.values() if one.lost or one.restored), world.nature.dice.choice(tuple(world.stores)))
    alive = Cloud.GCP if cloud is Cloud.AWS else Cloud.AWS
    world.stores[store].lost = True
    world.dark.add(cloud)
    world.twin.catch_up()
    world.twin.network.cut(link.name)
    await world.clock.sleep(BOTH_NOTICE)
    began = world.clock.monotonic()
    claims = _cut_seen(play, link, alive)
    await play.call(alive, "drill", lambda house: doors.link_changed(house, claims))
    await play.call(alive, "sweep", lambda house: doors.sweep(house, ()))
    seconds = world.clock.monotonic() - began if is_left(play, link) else float("inf")
    return (Drill(link=link.name, store=store, cloud=cloud, seconds=seconds),)


def is_left(play: Play, link: Link) -> bool:
    """Say whether the newest plan keeps traffic off a link, and no flow is on it any more."""
    world, plan = play.world, play.world.newest_plan()
    world.twin.catch_up()
    paths = [world.twin.network.path(flow.name) for flow in world.twin.fabric.flows]
    agreed = plan is not None and plan.links[link.name].drain is not None
    return agreed and not any(link.name in {*path.to_gcp.links, *path.to_aws.links} for path in paths)


def _cut_seen(play: Play, link: Link, cloud: Cloud) -> tuple[Sighting, ...]:
    """Give what a cloud's feed says of the light of a link that is gone, or of its tunnels."""
    vpn, aws = link.kind is LinkKind.VPN, cloud is Cloud.AWS
    site = play.schedule.fabric.gcp_site(link)
    tunnels = [
        tunnel_key(one.aws.vpn or "", one.aws.outside_ip or "") if aws else gcp_tunnel_key(one.gcp.tunnel or "", site.project, site.region)
        for one in link.members
    ]
    attachment = vlan_key(link.gcp.vlan_attachment or "", site.project, site.region)
    lights = [one.aws.connection or "" for one in link.members] if aws else [attachment]
    return tuple(
        Sighting(
            vantage=Vantage(cloud.value),
            member=key,
            source=Source.CLOUDWATCH if aws else Source.MONITORING,
            aspect=Aspect.IPSEC if vpn else Aspect.LINK,
            health=Health.DOWN,
            seen_at=play.world.clock.now(),
            cause=Cause.ALARM,
        )
        for key in (tunnels if vpn else lights)
    )


async def dark(play: Play) -> tuple[Dark, ...]:
    """Let every function be dead, cut one link, and compare with a network that nobody ever steered."""
    world, fabric = play.world, play.schedule.following
    link = world.nature.dice.choice(fabric.links).name
    world.dark.update(Cloud)
    began = world.clock.monotonic()
    await world.clock.sleep(DARK_SECONDS)
    world.twin.catch_up()
    world.twin.network.cut(link)
    await world.clock.sleep(60.0)
    world.twin.catch_up()
    alone = Network(blueprint(fabric), seed=play.schedule.seed, announcing=False)
    alone.cut(link)
    alone.advance(60.0)
    ended = world.clock.monotonic()
    pinned, dropped = world.pinned, _dropped(world)
    flows = [flow.name for flow in fabric.flows if not _excepted(flow, pinned, dropped)]
    found = tuple(
        Dark(since=began, until=ended, flow=name, carried=_arrives(world.twin.network, name), alone=_arrives(alone, name)) for name in flows
    )
    world.twin.network.heal(link)
    world.dark.clear()
    play.woke = ended
    return found


def _arrives(network: Network, flow: str) -> bool:
    path = network.path(flow)
    return path.to_gcp.arrives and path.to_aws.arrives


def _excepted(flow: Flow, pinned: frozenset[str], dropped: frozenset[str]) -> bool:
    """Say whether a flow is pinned, or kept by drops on a VPN that was proved to pass: those are listed, not counted.

    What counts is what the levers hold, whatever the newest plan says: when the last function that could write a lever
    died, a pin or a drop may have been on its way, or functions of the other cloud may have ended it in the plan since.
    """
    ours = {prefix for prefixes in flow.prefixes.values() for prefix in prefixes}
    return flow.name in pinned or bool(ours & dropped)


def _dropped(world: World) -> frozenset[str]:
    lever = world.levers[Cloud.GCP][LeverKind.ROUTE_POLICY].inner
    return lever.dropped() if isinstance(lever, PolicyLever) else frozenset()
