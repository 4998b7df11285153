"""What the levers should be set to for a plan: pure functions of the agreed plan, the fabric and a few rows."""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from pointsman.core.claims import Claims
from pointsman.core.evidence import TOTAL, claims_by_link, observed_loss
from pointsman.core.fabric import Cloud, Fabric, Flow, Link, LinkKind, LinkName, Mode
from pointsman.core.pins import acknowledged
from pointsman.core.plan import Drain, DrainCause, LinkState, Placement, Plan, Verdict
from pointsman.core.sightings import Aspect, Health, Sighting
from pointsman.core.steering import RANKS, FailoverTest, PrefixListPin, PrefixStance, RoutePolicies, Setting, Stance

UNDECLARED = 1.25
"""How much of the declared demand may really be offered to a link that is overloaded by what is declared alone."""
TOO_SHORT = TOTAL - 0.01
"""Share of packets that counts as lost where a flow falls to too small an MTU: more than on any link but one that passes nothing."""
TEST_DURATION = timedelta(minutes=30)
"""How long a failover test runs unless it is extended: AWS ends it by itself if everything of ours is dead."""
LOOKING = timedelta(minutes=2)
"""How long a test rests after each of its durations where nothing else would end it: time for BGP, and for two reports of a prober."""


def wanted(fabric: Fabric, plan: Plan, rows: tuple[Sighting, ...], here: Cloud, now: datetime) -> tuple[Setting, ...]:
    """List how every lever of one cloud should be set. A plan of epoch 0 asks for nothing.

    An empty place for a pin is asked for of every flow that has one; whether it is ours to empty, ``leftovers.is_ours`` says.
    """
    if not plan.epoch:
        return ()
    if here is Cloud.GCP:
        return tuple(route_policies(fabric, plan, link) for link in fabric.links if _has_policies(plan, link))
    tests = tuple(failover_test(fabric, plan, link, rows, now) for link in fabric.links if _has_interfaces(plan, link))
    return (*tests, *(prefix_list_pin(fabric, plan, flow) for flow in fabric.flows if flow.aws_prefix_list))


def _has_policies(plan: Plan, link: Link) -> bool:
    return is_steered(plan, link) and link.has_policies


def _has_interfaces(plan: Plan, link: Link) -> bool:
    return is_steered(plan, link) and any(member.aws.virtual_interface for member in link.members)


def is_steered(plan: Plan, link: Link) -> bool:
    """Say whether a link's levers are ours to set now.

    In mode recommend that is while a drain that a person allowed stands, and after it until both clouds' levers are
    seen to let traffic in again; otherwise they are left as they are.
    """
    if link.mode is not Mode.RECOMMEND:
        return link.mode is Mode.AUTO
    state = plan.links.get(link.name, LinkState())
    return state.drain is not None or state.steered is not None


def route_policies(fabric: Fabric, plan: Plan, link: Link) -> RoutePolicies:
    """Say how a link's two route policies should read: each flow attracted where it is placed and avoided elsewhere, in order."""
    imports: list[PrefixStance] = []
    exports: list[PrefixStance] = []
    for flow in sorted(fabric.flows, key=lambda one: one.name):
        placed = plan.flows.get(flow.name, Placement())
        if home(fabric, plan, flow) in {None, link.name} or not _joins(link, flow):
            continue
        rank = RANKS if link.kind is LinkKind.VPN and _falls_behind(fabric, plan, flow) else _rank(plan, flow, link)
        away = Stance.DROP if placed.only and link.kind is not LinkKind.VPN else Stance.AVOID
        imports += [PrefixStance(prefix=prefix, stance=Stance.AVOID, rank=rank) for prefix in flow.prefixes[link.aws_site]]
        exports += [PrefixStance(prefix=prefix, stance=away, rank=rank) for prefix in flow.prefixes[link.gcp_site]]
    return RoutePolicies(link=link.name, imports=tuple(imports), exports=tuple(exports))


def home(fabric: Fabric, plan: Plan, flow: Flow) -> LinkName | None:
    """Name the link that both directions of a flow can be led to: its placement, if AWS can be led there.

    AWS prefers any interconnect's route to a VPN's, whatever its MED, until it is offered none. So while a drop is not
    allowed, Google keeps to the interconnect that AWS keeps to: directions that part are worse than a move that waits.
    """
    placed = plan.flows.get(flow.name, Placement())
    if placed.link is None or placed.only or fabric.link(placed.link).kind is not LinkKind.VPN:
        return placed.link
    outranking = [one for one in fabric.links if _has_policies(plan, one) and _outranks_vpn(one, flow)]
    kept = min(outranking, key=lambda one: (_is_dark(plan, one), _rank(plan, flow, one), one.name), default=None)
    return placed.link if kept is None else kept.name


def _falls_behind(fabric: Fabric, plan: Plan, flow: Flow) -> bool:
    """Say whether a flow is to fall to any interconnect before a VPN, as AWS lets it.

    Its link is dark and not ours to leave, so that nothing but BGP leads it away, in each direction by itself.
    """
    placed = plan.flows.get(flow.name, Placement()).link
    if placed is None or not _is_dark(plan, fabric.link(placed)) or is_steered(plan, fabric.link(placed)):
        return False
    open_ = (one for one in fabric.links if plan.links.get(one.name, LinkState()).drain is None and not _is_dark(plan, one))
    return any(_has_policies(plan, one) and _outranks_vpn(one, flow) for one in open_)


def held_back(fabric: Fabric, plan: Plan, flow: Flow) -> bool:
    """Say whether a flow is kept from where it is placed, because AWS could not be led there too."""
    return home(fabric, plan, flow) != plan.flows.get(flow.name, Placement()).link


def _waits_for_a_vpn(fabric: Fabric, plan: Plan, flow: Flow) -> bool:
    placed = plan.flows.get(flow.name, Placement()).link
    return placed is not None and held_back(fabric, plan, flow) and not _is_dark(plan, fabric.link(placed))


def _outranks_vpn(link: Link, flow: Flow) -> bool:
    return link.kind is not LinkKind.VPN and _joins(link, flow)


def _joins(link: Link, flow: Flow) -> bool:
    return set(flow.prefixes) == {link.aws_site, link.gcp_site}


def _is_dark(plan: Plan, link: Link) -> bool:
    return plan.links.get(link.name, LinkState()).verdict is Verdict.DOWN


def _rank(plan: Plan, flow: Flow, link: Link) -> int:
    """Order the links a flow is not on: by preference, then the unpermitted, last the drained.

    A link's rank does not depend on where the flow is, so that a move rewrites the policies of the links it touches only.
    """
    if plan.links.get(link.name, LinkState()).drain:
        return RANKS
    place = flow.prefer.index(link.name) if link.name in flow.prefer else RANKS
    return min(RANKS - 1, 1 + place)


def failover_test(fabric: Fabric, plan: Plan, link: Link, rows: tuple[Sighting, ...], now: datetime) -> FailoverTest:
    """Say whether AWS's own drain should run: for a drain that AWS enacts or has to take over, until Google's lever is set."""
    running = link.name in plan.links and _aws_acts(fabric, plan, link, rows, now)
    return FailoverTest(link=link.name, running=running, duration=TEST_DURATION if running else timedelta(0))


def _aws_acts(fabric: Fabric, plan: Plan, link: Link, rows: tuple[Sighting, ...], now: datetime) -> bool:
    """Say whether AWS's drain is called for: not once Google's finer lever is set, and not where it would do more harm.

    Google's lever does not empty an interconnect for a flow that is held back from a VPN. A VPN that is down itself is no
    place to push anything: the tests would hide every interconnect from our own eyes, and none could be returned to.
    """
    state = plan.links[link.name]
    drain = state.drain
    if drain is None or (drain.cause is DrainCause.MAINTENANCE and (state.maintenance is None or state.maintenance.over)):
        return False  # a window that is over: the link has to be seen to be returned to
    held = drain.until is None or now < drain.until
    if not held and state.verdict is not Verdict.DOWN:
        return False  # and so does one whose order is over
    stuck = any(_waits_for_a_vpn(fabric, plan, flow) and _outranks_vpn(link, flow) for flow in fabric.flows)
    if acknowledged(rows, Cloud.GCP, link.name, drain) and (not stuck or _looks_again(drain, now)):
        return False
    claims = claims_by_link(fabric, rows, now)[link.name]
    if session_dead(claims):
        return False
    harm = withdrawal_loss(fabric, plan, link.name)
    overdue = now >= drain.since + fabric.policy.takeover_after
    if harm and not overdue:
        return False
    planned = held and drain.cause is not DrainCause.OUTAGE and not harm  # nothing is lost yet, and nothing will be
    return (overdue or drain.enactor is Cloud.AWS) and (planned or harm < observed_loss(claims))


def _looks_again(drain: Drain, now: datetime) -> bool:
    """Say whether a test must rest: it hides its link from the probes too, so that nobody would see the link heal."""
    drained = max(now - drain.since, timedelta(0))  # by another store's time the drain may begin in a moment
    return drained % (TEST_DURATION + LOOKING) >= TEST_DURATION


def withdrawal_loss(fabric: Fabric, plan: Plan, link: LinkName) -> float:
    """Give the worst share of packets lost (0 to 1) if a link's routes are withdrawn and BGP falls back by rank alone.

    All counts as lost where a flow has no link left, or would harm more precious ones than the plan leads off this link;
    all but all where one falls to too small an MTU for it though a wider link is left.
    """
    losses = withdrawal_losses(fabric, plan, link)
    if _cuts_off(fabric, plan, link, losses) or _spoils(fabric, plan, link, losses):
        return 1.0
    return max((*losses.values(), *([TOO_SHORT] if _shrinks(fabric, plan, link) else [])), default=0.0)


def _shrinks(fabric: Fabric, plan: Plan, link: LinkName) -> bool:
    """Say whether a flow that the plan has on a wide enough link falls to one that carries smaller packets than it declares."""

    def narrow(flow: Flow, name: LinkName) -> bool:
        return fabric.link(name).mtu < flow.min_mtu

    places = ((plan.flows.get(flow.name, Placement()).link, flow, ways) for flow, ways in _falling(fabric, plan, link))
    wide = ((flow, ways) for at, flow, ways in places if at is not None and not narrow(flow, at))
    return any(narrow(flow, name) for flow, ways in wide for names in ways.values() for name in names)


def _cuts_off(fabric: Fabric, plan: Plan, link: LinkName, losses: Mapping[LinkName, float]) -> bool:
    """Say whether a flow falls to nothing, or to what is dark. Of a link that this overloads the darkness may be our own doing."""

    def is_lost(flow: Flow, name: LinkName) -> bool:
        return name not in flow.prefer and name not in losses and _is_dark(plan, fabric.link(name))

    return any(all(is_lost(flow, name) for name in names) for flow, ways in _falling(fabric, plan, link) for names in ways.values())


def _spoils(fabric: Fabric, plan: Plan, link: LinkName, losses: Mapping[LinkName, float]) -> bool:
    """Say whether a flow would squeeze, where it may not be, who is well there and more precious than all that the plan leads off."""
    placed = [(flow, plan.flows.get(flow.name, Placement()).link) for flow in fabric.flows]
    led_off = (flow for flow, at in placed if at in flow.prefer and link in flow.prefer[: flow.prefer.index(at)])
    worth = min((flow.priority for flow in led_off), default=math.inf)
    fallen = {name for flow, ways in _falling(fabric, plan, link) for names in ways.values() for name in names if name not in flow.prefer}
    return any(at in fallen and at in losses and flow.priority < worth for flow, at in placed)


def withdrawal_losses(fabric: Fabric, plan: Plan, link: LinkName) -> dict[LinkName, float]:
    """Give the share of packets lost (0 to 1) on each link that is overloaded then, in the direction that loses more."""
    load: dict[tuple[LinkName, Cloud], int] = {}
    for flow, ways in _falling(fabric, plan, link):
        for way in ((name, end) for end, names in ways.items() for name in names):
            load[way] = load.get(way, 0) + flow.demand
    most = {name: max(offered for (other, _), offered in load.items() if other == name) for name, _ in load}
    return {name: 1 - fabric.link(name).capacity / offered for name, offered in most.items() if offered > fabric.link(name).capacity}


def placed_losses(fabric: Fabric, plan: Plan) -> dict[LinkName, float]:
    """Give the share of packets lost (0 to 1) at most on each link on which the plan itself keeps more than it carries.

    A flow that is held back from where it is placed may be on any link beside it, and more may be offered than is declared.
    """
    load: dict[LinkName, int] = {}
    for flow in fabric.flows:
        at = home(fabric, plan, flow)
        held = at != plan.flows.get(flow.name, Placement()).link
        beside = [one.name for one in fabric.links if _joins(one, flow)] if held else []
        for name in dict.fromkeys((*([at] if at else []), *beside)):
            load[name] = load.get(name, 0) + flow.demand
    usable = {name: plan.links.get(name, LinkState()).usable or fabric.link(name).capacity for name in load}
    return {name: 1 - usable[name] / (offered * UNDECLARED) for name, offered in load.items() if offered > usable[name]}


def _falling(fabric: Fabric, plan: Plan, link: LinkName) -> Iterator[tuple[Flow, dict[Cloud, tuple[LinkName, ...]]]]:
    """Say of every flow where it falls: also of one that is placed nowhere, which BGP alone may have on this link."""
    return ((flow, fallbacks(fabric, plan, flow, link)) for flow in fabric.flows)


def fallbacks(fabric: Fabric, plan: Plan, flow: Flow, link: LinkName) -> dict[Cloud, tuple[LinkName, ...]]:
    """Name the links that BGP may take a flow to when one goes, by the end that sends: none where nothing is left.

    The policies in force still rank as they did while the flow was on it. With no permitted link left, BGP takes one that is
    not permitted. Those rank alike, so it may be any of them, of those not known to be dark if there are such. AWS comes to a
    VPN last of all.
    A flow between other sites, none of whose links is left, is no concern of this link's: it has no ends here.
    """
    others = [one for one in fabric.links if one.name != link and _offers(plan, flow, one)]
    open_ = [one for one in others if not _is_dark(plan, one)] or others
    permitted = [name for name in flow.prefer if name != link and plan.links.get(name, LinkState()).drain is None]
    if not permitted and not _joins(fabric.link(link), flow):
        return {}
    first = tuple(permitted[:1]) or tuple(one.name for one in open_)
    if permitted and not _sooner_than_a_vpn(fabric, flow, link, permitted[0]):
        return dict.fromkeys(Cloud, first)
    wired = [one.name for one in open_ if one.kind is not LinkKind.VPN]
    by_type = tuple(name for name in permitted if name in wired)[:1] or tuple(wired) or first
    return {Cloud.AWS: by_type, Cloud.GCP: first}


def _offers(plan: Plan, flow: Flow, link: Link) -> bool:
    return _joins(link, flow) and plan.links.get(link.name, LinkState()).drain is None


def _sooner_than_a_vpn(fabric: Fabric, flow: Flow, link: LinkName, other: LinkName) -> bool:
    """Say whether a flow leaves a link for a VPN that it likes less: AWS does not follow while any interconnect is offered."""
    return fabric.link(other).kind is LinkKind.VPN and link in flow.prefer[: flow.prefer.index(other)]


def session_dead(claims: Claims) -> bool:
    """Say whether BGP has left a link by itself at the AWS end, so that a test would change nothing."""
    rows = (row for group in claims.values() for row in group)
    return any(row.vantage == Cloud.AWS.value and row.aspect is Aspect.BGP and row.health is Health.DOWN for row in rows)


def prefix_list_pin(fabric: Fabric, plan: Plan, flow: Flow) -> PrefixListPin:
    """Say where a flow's prefix list should point: to the pinned link's attachment, or nowhere."""
    for pin in plan.pins:
        if pin.flow == flow.name:
            return PrefixListPin(flow=flow.name, attachment=fabric.link(pin.link).aws.attachments[0])
    return PrefixListPin(flow=flow.name)
