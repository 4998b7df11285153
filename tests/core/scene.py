"""A small fabric in code, claims in one line, and decisions step by step."""

from datetime import UTC, datetime, timedelta

from pointsman.core.decide import Declined, decide, first_plan
from pointsman.core.fabric import (
    AwsEnd,
    AwsMember,
    AwsSite,
    Bandwidth,
    BestPath,
    Cloud,
    DeskSettings,
    Fabric,
    Flow,
    FlowName,
    GcpEnd,
    GcpMember,
    GcpSite,
    Link,
    LinkKind,
    LinkName,
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
)
from pointsman.core.members import lever_key, peer_key, probe_key
from pointsman.core.plan import FlagState, Plan, View
from pointsman.core.rows import newest
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
G = 10**9
AWS, GCP = SiteName("aws-use1"), SiteName("gcp-use4")
NUMBERS = {"ix-a": 1, "ix-b": 2, "ix-c": 5, "vpn": 3}


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def link(name: str, capacity: int, *, mtu: int = 8500, cost: float = 0.0, mode: Mode = Mode.AUTO) -> Link:
    number = NUMBERS[name]
    return Link(
        name=LinkName(name),
        kind=LinkKind.CROSS_CLOUD_INTERCONNECT,
        aws_site=AWS,
        gcp_site=GCP,
        capacity=Bandwidth(capacity),
        mtu=mtu,
        cost_per_gb=cost,
        mode=mode,
        timers=Timers(hold=seconds(60), graceful_restart=seconds(120)),
        risk_groups=(f"metro-{number}",),
        aws=AwsEnd(attachments=(f"tgw-attach-{number}",), dx_gateway=f"dxgw-{number}"),
        gcp=GcpEnd(vlan_attachment=f"vlan-{number}", import_policy=f"from-{name}", export_policy=f"to-{name}"),
        members=(
            Member(
                id=MemberId("m1"),
                aws=AwsMember(virtual_interface=f"dxvif-{number}", connection=f"dxcon-{number}"),
                gcp=GcpMember(peer=Peer(name=f"aws-{number}", ip=f"169.254.{number}.2")),
            ),
        ),
        probes=(
            ProbePair(site=AWS, source=f"10.250.{number}.1", target=f"10.251.{number}.1"),
            ProbePair(site=GCP, source=f"10.251.{number}.1", target=f"10.250.{number}.1"),
        ),
    )


def vpn(capacity: int = 5 * G) -> Link:
    tunnels = tuple(
        Member(
            id=MemberId(f"t{n}"),
            aws=AwsMember(vpn=f"vpn-{(n + 1) // 2}", outside_ip=f"35.0.0.{n}"),
            gcp=GcpMember(tunnel=f"ha-t{n}", peer=Peer(name=f"aws-vpn-{n}", ip=f"169.254.3.{4 * n}")),
        )
        for n in (1, 2, 3, 4)
    )
    return Link(
        name=LinkName("vpn"),
        kind=LinkKind.VPN,
        aws_site=AWS,
        gcp_site=GCP,
        capacity=Bandwidth(capacity),
        mtu=1406,
        cost_per_gb=0.05,
        mode=Mode.AUTO,
        timers=Timers(hold=seconds(30)),
        aws=AwsEnd(attachments=("tgw-attach-31", "tgw-attach-32")),
        gcp=GcpEnd(import_policy="from-vpn", export_policy="to-vpn"),
        members=tunnels,
    )


def flow(name: str, demand: int, priority: int, prefer: tuple[str, ...], number: int, *, min_mtu: int = 1400, pin: bool = False) -> Flow:
    return Flow(
        name=FlowName(name),
        prefixes={AWS: (f"10.{number}.0.0/16",), GCP: (f"10.2{number}.0.0/16",)},
        demand=Bandwidth(demand),
        priority=priority,
        min_mtu=min_mtu,
        prefer=tuple(LinkName(one) for one in prefer),
        aws_prefix_list=PinTarget(prefix_list=f"pl-{number}", route_tables=("tgw-rtb-1",)) if pin else None,
    )


CHECKOUT = flow("checkout", 1 * G, 1, ("ix-a", "ix-b", "vpn"), 20, pin=True)
TRAINING = flow("training", 6 * G, 5, ("ix-a", "ix-b", "ix-c"), 21, min_mtu=8000)


def fabric(*links: Link, flows: tuple[Flow, ...] = (CHECKOUT, TRAINING), policy: Policy | None = None) -> Fabric:
    return Fabric(
        version=1,
        name="atlas",
        sites=(
            AwsSite(name=AWS, account="111122223333", region="us-east-1", transit_gateway="tgw-1", route_tables=("tgw-rtb-1",)),
            GcpSite(
                name=GCP,
                project="weft-prod-1",
                region="us-east4",
                network="core",
                router=Router(name="cr-aws-1", id="77", best_path=BestPath.LEGACY),
            ),
        ),
        links=links or (link("ix-a", 10 * G), link("ix-b", 5 * G), link("ix-c", 10 * G, cost=0.02), vpn()),
        flows=flows,
        policy=policy or Policy(mode=Mode.AUTO),
        stores=Stores(aws="sqlite:///a"),
        desks=(DeskSettings(name="noc", kind="pagerduty", secret="secret://noc"),),
    )


ATLAS = fabric()


def claim(
    vantage: Vantage,
    member: str,
    health: Health,
    at: float,
    *,
    aspect: Aspect = Aspect.BGP,
    source: Source = Source.LOOK,
    cause: Cause = Cause.UNSTATED,
) -> Sighting:
    return Sighting(vantage=vantage, member=member, source=source, aspect=aspect, health=health, seen_at=START + seconds(at), cause=cause)


def aws_bgp(name: str, health: Health, at: float, **more: Source | Cause) -> tuple[Sighting, ...]:
    if name == "vpn":
        return tuple(claim(Vantage.AWS, f"vpn-{(n + 1) // 2}:35.0.0.{n}", health, at, **more) for n in (1, 2, 3, 4))  # type: ignore[arg-type]
    return (claim(Vantage.AWS, f"dxvif-{NUMBERS[name]}", health, at, **more),)  # type: ignore[arg-type]


def gcp_bgp(name: str, health: Health, at: float, **more: Source | Cause) -> tuple[Sighting, ...]:
    if name == "vpn":
        return tuple(claim(Vantage.GCP, peer_key("77", f"169.254.3.{4 * n}"), health, at, **more) for n in (1, 2, 3, 4))  # type: ignore[arg-type]
    return (claim(Vantage.GCP, peer_key("77", f"169.254.{NUMBERS[name]}.2"), health, at, **more),)  # type: ignore[arg-type]


def aws_probe(name: str, health: Health, at: float) -> tuple[Sighting, ...]:
    key = probe_key(f"10.250.{NUMBERS[name]}.1", f"10.251.{NUMBERS[name]}.1")
    return (claim(Vantage.PROBE_AWS, key, health, at, aspect=Aspect.PROBE, source=Source.PROBE),)


def gcp_probe(name: str, health: Health, at: float) -> tuple[Sighting, ...]:
    key = probe_key(f"10.251.{NUMBERS[name]}.1", f"10.250.{NUMBERS[name]}.1")
    return (claim(Vantage.PROBE_GCP, key, health, at, aspect=Aspect.PROBE, source=Source.PROBE),)


def ipsec_up(at: float) -> tuple[Sighting, ...]:
    return tuple(claim(Vantage.GCP, f"tunnel/ha-t{n}", Health.UP, at, aspect=Aspect.IPSEC) for n in (1, 2, 3, 4))


def lever(name: str, health: Health, at: float, epoch: int, vantage: Vantage = Vantage.GCP) -> tuple[Sighting, ...]:
    row = claim(vantage, lever_key(name), health, at, aspect=Aspect.ROUTE, source=Source.LEVER, cause=Cause.ORDERED)
    return (Sighting(**{**{key: getattr(row, key) for key in row.__struct_fields__}, "value": float(epoch)}),)


def healthy(name: str, at: float) -> tuple[Sighting, ...]:
    rows = (*aws_bgp(name, Health.UP, at), *gcp_bgp(name, Health.UP, at))
    return (*rows, *ipsec_up(at)) if name == "vpn" else (*rows, *aws_probe(name, Health.UP, at), *gcp_probe(name, Health.UP, at))


class Story:
    """Rows as both stores would hold them, and the plan as it is agreed step by step."""

    def __init__(self, start: Fabric = ATLAS) -> None:
        self.fabric = start
        self.rows: dict[str, Sighting] = {}
        self.plan = first_plan(start, START)
        self.here = Cloud.GCP
        self.flags = {Cloud.AWS: FlagState.CLEAR, Cloud.GCP: FlagState.CLEAR}
        self.clock_trusted = True
        self.unreadable: tuple[Cloud, ...] = ()
        self.closed: tuple[str, ...] = ()

    def note(self, *sightings: Sighting) -> "Story":
        self.rows = newest((*self.rows.values(), *sightings))
        return self

    def all_healthy(self, at: float) -> "Story":
        for one in self.fabric.links:
            self.note(*healthy(one.name, at))
        return self

    def view(self) -> View:
        rows = tuple(row for _, row in sorted(self.rows.items()))
        return View(
            here=self.here, rows=rows, flags=self.flags, clock_trusted=self.clock_trusted, unreadable=self.unreadable, closed=self.closed
        )

    def outcome(self, at: float) -> Plan | Declined:
        return decide(self.fabric, self.view(), self.plan, START + seconds(at))

    def decided(self, at: float) -> Plan:
        outcome = self.outcome(at)
        assert isinstance(outcome, Plan), outcome
        self.plan = outcome
        return outcome

    def on(self, name: str) -> str | None:
        return self.plan.flows[FlowName(name)].link
