"""The small fabrics that schedules are played on, with short timers so that minutes are enough."""

from datetime import timedelta
from enum import StrEnum
from functools import cache

from pointsman.core.fabric import (
    AwsEnd,
    AwsMember,
    AwsSite,
    Bandwidth,
    BestPath,
    Damping,
    DeskSettings,
    Fabric,
    Flow,
    FlowName,
    Freshness,
    GcpEnd,
    GcpMember,
    GcpSite,
    Link,
    LinkKind,
    LinkName,
    MaintenancePolicy,
    Member,
    MemberId,
    Mode,
    Peer,
    PinTarget,
    Policy,
    ProbePair,
    Router,
    SiteName,
    Stores,
    Timers,
    WithoutQuorum,
)
from pointsman.core.values import Frozen, replace

G = 10**9
AWS, GCP = SiteName("aws-use1"), SiteName("gcp-use4")
ROUTER = Router(name="cr-aws-1", id="77", best_path=BestPath.LEGACY)
HOLD_DOWN = timedelta(seconds=30)
TAKEOVER = timedelta(seconds=10)
_HOLD, _RESTART = timedelta(seconds=12), timedelta(seconds=20)
_FRESH = Freshness(event=timedelta(minutes=4), look=timedelta(minutes=2), metric=timedelta(minutes=4))


class Shape(StrEnum):
    """Which links a fabric has, and which flows."""

    ROOMY = "a roomy pair"
    TIGHT = "a tight pair with a VPN behind it"
    BACKED = "one interconnect with a VPN"
    TUNNELS = "two VPNs, on which AWS has nothing to steer by but pins"
    WIDE = "a pair of which one has two members"


class Terms(Frozen):
    """What a fabric's policy says, as far as schedules differ in it."""

    without: WithoutQuorum = WithoutQuorum.HOLD
    hold_down: timedelta = HOLD_DOWN
    lead: timedelta = MaintenancePolicy().lead


def _interconnect(number: int, capacity: int, *, members: int = 1) -> Link:
    ids = [number + 10 * place for place in range(members)]
    return Link(
        name=LinkName(f"ix-{number}"),
        kind=LinkKind.CROSS_CLOUD_INTERCONNECT,
        aws_site=AWS,
        gcp_site=GCP,
        capacity=Bandwidth(capacity),
        mtu=8500,
        mode=Mode.AUTO,
        timers=Timers(hold=_HOLD, graceful_restart=_RESTART),
        risk_groups=(f"metro-{number}",),
        aws=AwsEnd(attachments=(f"tgw-attach-{number}",), dx_gateway=f"dxgw-{number}"),
        gcp=GcpEnd(vlan_attachment=f"vlan-{number}", import_policy=f"from-{number}", export_policy=f"to-{number}"),
        members=tuple(_member(one) for one in ids),
        probes=_probes(number),
    )


def _member(number: int) -> Member:
    return Member(
        id=MemberId(f"m{number}"),
        aws=AwsMember(virtual_interface=f"dxvif-{number}", connection=f"dxcon-{number}"),
        gcp=GcpMember(peer=Peer(name=f"aws-{number}", ip=f"169.254.{number}.2")),
    )


def _probes(number: int) -> tuple[ProbePair, ...]:
    here, there = f"10.250.{number}.1", f"10.251.{number}.1"
    return ProbePair(site=AWS, source=here, target=there), ProbePair(site=GCP, source=there, target=here)


def _vpn(capacity: int, number: int = 1) -> Link:
    name = "vpn" if number == 1 else f"vpn-{number}"
    return Link(
        name=LinkName(name),
        kind=LinkKind.VPN,
        aws_site=AWS,
        gcp_site=GCP,
        capacity=Bandwidth(capacity),
        mtu=1406,
        mode=Mode.AUTO,
        timers=Timers(hold=_HOLD),
        aws=AwsEnd(attachments=(f"tgw-attach-3{number}",)),
        gcp=GcpEnd(import_policy=f"from-{name}", export_policy=f"to-{name}"),
        members=tuple(_tunnel(number, one) for one in (1, 2)),
        probes=_probes(2 + number),
    )


def _tunnel(vpn: int, number: int) -> Member:
    own = 2 * (vpn - 1) + number
    return Member(
        id=MemberId(f"t{own}"),
        aws=AwsMember(vpn=f"vpn-{vpn}", outside_ip=f"35.0.0.{own}"),
        gcp=GcpMember(tunnel=f"ha-t{own}", peer=Peer(name=f"aws-vpn-{own}", ip=f"169.254.3.{4 * own}")),
    )


def _flow(name: str, demand: int, priority: int, prefer: tuple[str, ...], number: int) -> Flow:
    return Flow(
        name=FlowName(name),
        prefixes={AWS: (f"10.{number}.0.0/16",), GCP: (f"10.1{number}.0.0/16",)},
        demand=Bandwidth(demand),
        priority=priority,
        min_mtu=1400,
        prefer=tuple(LinkName(one) for one in prefer),
        aws_prefix_list=PinTarget(prefix_list=f"pl-{number}", route_tables=("tgw-rtb-1",)) if priority == 1 else None,
    )


def _fabric(links: tuple[Link, ...], flows: tuple[Flow, ...], terms: Terms) -> Fabric:
    return Fabric(
        version=1,
        name="atlas",
        sites=(
            AwsSite(name=AWS, account="111122223333", region="us-east-1", transit_gateway="tgw-1", route_tables=("tgw-rtb-1",)),
            GcpSite(name=GCP, project="weft-prod-1", region="us-east4", network="core", router=ROUTER),
        ),
        links=links,
        flows=flows,
        policy=Policy(
            mode=Mode.AUTO,
            hold_down=terms.hold_down,
            damping=Damping(half_life=3 * terms.hold_down, max=12 * terms.hold_down),
            takeover_after=TAKEOVER,
            epochs_per_hour=60,
            freshness=_FRESH,
            without_quorum=terms.without,
            maintenance=MaintenancePolicy(lead=terms.lead),
        ),
        stores=Stores(aws="sqlite:///a", gcp="sqlite:///b", witness="sqlite:///c"),
        desks=(DeskSettings(name="noc", kind="pagerduty", secret="secret://noc"),),  # noqa: S106 - where a secret would lie
    )


@cache
def fabrics(shape: Shape, terms: Terms) -> tuple[Fabric, Fabric]:
    """Give a fabric, and the one that may be adopted after it."""
    links, flows = _shapes()[shape]
    fabric = _fabric(links, flows, terms)
    return fabric, _following(fabric)


def _shapes() -> dict[Shape, tuple[tuple[Link, ...], tuple[Flow, ...]]]:
    pair = (_interconnect(1, 10 * G), _interconnect(2, 10 * G))
    both = (_flow("checkout", G, 1, ("ix-1", "ix-2"), 20), _flow("training", 6 * G, 5, ("ix-2", "ix-1"), 21))
    tight = (_interconnect(1, 10 * G), _interconnect(2, 5 * G), _vpn(5 * G))
    three = (_flow("checkout", G, 1, ("ix-1", "ix-2", "vpn"), 20), _flow("training", 6 * G, 5, ("ix-1", "ix-2"), 21))
    backed = (_interconnect(1, 10 * G), _vpn(5 * G))
    one = (_flow("checkout", 2 * G, 1, ("ix-1", "vpn"), 20),)
    wide = (_interconnect(1, 10 * G, members=2), _interconnect(2, 10 * G))
    tunnels = (_vpn(5 * G), _vpn(5 * G, 2))
    pinned = (_flow("checkout", G, 1, ("vpn", "vpn-2"), 20), _flow("training", 2 * G, 5, ("vpn-2", "vpn"), 21))
    return {
        Shape.TUNNELS: (tunnels, pinned),
        Shape.ROOMY: (pair, both),
        Shape.TIGHT: (tight, three),
        Shape.BACKED: (backed, one),
        Shape.WIDE: (wide, both),
    }


def _following(fabric: Fabric) -> Fabric:
    """Give the fabric that is adopted after another: one more small flow, and a longer wait before take-over."""
    more = _flow("backups", G // 2, 7, tuple(link.name for link in fabric.links[:2]), 22)
    policy = replace(fabric.policy, takeover_after=TAKEOVER * 1.5)
    return replace(fabric, flows=(*fabric.flows, more), policy=policy)
