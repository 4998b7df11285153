"""What a decision itself costs, with no cloud and no store: by the number of flows, and going through all failures."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.core.analysis import Analysis
from pointsman.core.contingency import contingency, failure_like
from pointsman.core.decide import Declined, decide, first_plan
from pointsman.core.fabric import (
    AwsEnd,
    AwsMember,
    AwsSite,
    Bandwidth,
    Cloud,
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
    Policy,
    ProbePair,
    Router,
    SiteName,
    Stores,
    Timers,
)
from pointsman.core.members import peer_key, probe_key
from pointsman.core.plan import FlagState, Plan, View
from pointsman.core.sightings import Aspect, Health, Sighting, Source, Vantage
from pointsman.testing.bench.figures import median
from pointsman.testing.faces.timing import monotonic

LINKS = 50
FLOWS = (10, 30, 100, 300, 500, 1_000)
"""The curve."""
LARGE = 500
"""Flows of the fabric whose failures are gone through."""
REPEATED = 7
_AWS, _GCP, _G = SiteName("aws-use1"), SiteName("gcp-use4"), 10**9
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def deciding(*, doubles: bool) -> dict[str, Any]:
    """Measure decisions on the loss of a link, all single failures, and all double ones if asked for."""
    curve = [{"flows": count, "median_ms": round(median(_decisions(fabric(count))) * 1000, 2)} for count in FLOWS]
    large = fabric(LARGE)
    analysis = Analysis(large)
    found: dict[str, Any] = {"links": LINKS, "curve": curve, "foreseen_ms": _foreseen(large), "n_1_s": _failures(analysis, 1)}
    return found | ({"n_2_s": _failures(analysis, 2)} if doubles else {})


def fabric(flows: int) -> Fabric:
    """Make a fabric of unlike links and flows that fill two thirds of it; each flow permits four links."""
    links = tuple(_link(number) for number in range(LINKS))
    share = sum(link.capacity for link in links) * 2 // (3 * flows)
    return Fabric(
        version=1,
        name="large",
        sites=(
            AwsSite(name=_AWS, account="111122223333", region="us-east-1", transit_gateway="tgw-1"),
            GcpSite(name=_GCP, project="weft-prod-1", region="us-east4", network="core", router=Router(name="cr", id="7")),
        ),
        links=links,
        flows=tuple(_flow(number, share * (50 + number * 37 % 101) // 100) for number in range(flows)),
        policy=Policy(mode=Mode.AUTO),
        stores=Stores(aws="sqlite:///a"),
    )


def _link(number: int) -> Link:
    member = Member(
        id=MemberId("m"),
        aws=AwsMember(virtual_interface=f"dxvif-{number}", connection=f"dxcon-{number}"),
        gcp=GcpMember(peer=Peer(name=f"p{number}", ip=f"169.254.{number}.2")),
    )
    return Link(
        name=LinkName(f"l{number:02}"),
        kind=LinkKind.CROSS_CLOUD_INTERCONNECT,
        aws_site=_AWS,
        gcp_site=_GCP,
        capacity=Bandwidth((5, 10, 10, 20)[number % 4] * _G),
        mtu=8500,
        timers=Timers(hold=timedelta(seconds=60)),
        mode=Mode.AUTO,
        members=(member,),
        cost_per_gb=(0.0, 0.02)[number % 2],
        aws=AwsEnd(attachments=(f"tgw-attach-{number}",), dx_gateway=f"dxgw-{number}"),
        gcp=GcpEnd(vlan_attachment=f"vlan-{number}", import_policy=f"from-{number}", export_policy=f"to-{number}"),
        probes=(ProbePair(site=_AWS, source=f"10.250.{number}.1", target=f"10.251.{number}.1"),),
    )


def _flow(number: int, demand: int) -> Flow:
    prefer = dict.fromkeys(LinkName(f"l{(number * 7 + step) % LINKS:02}") for step in (0, 3, 11, 29))
    prefixes: dict[SiteName, tuple[str, ...]] = {_AWS: (f"10.{number % 200}.0.0/16",), _GCP: (f"11.{number % 200}.0.0/16",)}
    return Flow(
        name=FlowName(f"f{number:04}"),
        prefixes=prefixes,
        demand=Bandwidth(demand),
        priority=1 + number % 5,
        min_mtu=1400,
        prefer=tuple(prefer),
    )


def _decisions(one: Fabric) -> list[float]:
    """Time decisions on the loss of one link after another, in a fabric in good order: what was placed once is remembered, so each is another."""
    steady = _decided(one, _view(one, _BEGIN), first_plan(one, _BEGIN), _BEGIN)
    later, seconds = _BEGIN + timedelta(minutes=10), []
    for lost in _losses(one):
        view = _view(one, later, lost=lost)
        begun = monotonic()
        _decided(one, view, steady, later)
        seconds.append(monotonic() - begun)
    return seconds


def _foreseen(one: Fabric) -> float:
    """Time foreseeing the loss of one link after another, which the fast path does before its write."""
    steady = _decided(one, _view(one, _BEGIN), first_plan(one, _BEGIN), _BEGIN)
    seconds = []
    for lost in _losses(one):
        failure = failure_like(one, (lost.name,))
        assert failure is not None, "a link may fail"
        begun = monotonic()
        contingency(one, steady, failure, _BEGIN)
        seconds.append(monotonic() - begun)
    return round(median(seconds) * 1000, 2)


def _losses(one: Fabric) -> list[Link]:
    """List links that a flow likes best."""
    return [one.link(flow.prefer[0]) for flow in one.flows[:REPEATED]]


def _decided(one: Fabric, view: View, plan: Plan, now: datetime) -> Plan:
    found = decide(one, view, plan, now)
    assert not isinstance(found, Declined), found
    return found


def _view(one: Fabric, now: datetime, lost: Link | None = None) -> View:
    rows = tuple(row for link in one.links for row in _rows(link, now, Health.DOWN if link is lost else Health.UP))
    return View(here=Cloud.GCP, rows=rows, flags=dict.fromkeys(Cloud, FlagState.CLEAR))


def _rows(link: Link, now: datetime, health: Health) -> tuple[Sighting, ...]:
    """Claim the same of a link from both clouds and from both probes."""
    member, pair = link.members[0], link.probes[0]
    peer = peer_key("7", member.gcp.peer.ip if member.gcp.peer else "")
    return (
        Sighting(
            vantage=Vantage.AWS, member=str(member.aws.virtual_interface), source=Source.LOOK, aspect=Aspect.BGP, health=health, seen_at=now
        ),
        Sighting(vantage=Vantage.GCP, member=peer, source=Source.LOOK, aspect=Aspect.BGP, health=health, seen_at=now),
        *(
            Sighting(
                vantage=vantage,
                member=probe_key(pair.source, pair.target),
                source=Source.PROBE,
                aspect=Aspect.PROBE,
                health=health,
                seen_at=now,
            )
            for vantage in (Vantage.PROBE_AWS, Vantage.PROBE_GCP)
        ),
    )


def _failures(analysis: Analysis, depth: int) -> float:
    """Time going through all failures of a kind."""
    begun = monotonic()
    for _ in analysis.outcomes(depth):
        pass
    return round(monotonic() - begun, 2)
