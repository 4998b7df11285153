"""What AWS's own drain does to the flows that it leaves to BGP: which links they fall to, and what that costs."""

import pytest

from pointsman.core.fabric import AwsSite, Bandwidth, Cloud, Fabric, Flow, FlowName, GcpSite, Link, LinkName, SiteName
from pointsman.core.plan import Drain, DrainCause, LinkState, Placement, Plan, Verdict
from pointsman.core.sightings import Health
from pointsman.core.values import replace
from pointsman.core.wants import failover_test, fallbacks, withdrawal_loss, withdrawal_losses
from tests.core.scene import START, G, aws_probe, fabric, flow, link, seconds, vpn

IX_A, IX_B, IX_C, VPN = (LinkName(name) for name in ("ix-a", "ix-b", "ix-c", "vpn"))
DRAIN = Drain(cause=DrainCause.OUTAGE, since=START, epoch=2, enactor=Cloud.AWS)
GONE = LinkState(verdict=Verdict.DOWN, drain=DRAIN)
DARK = LinkState(verdict=Verdict.DOWN)
PAY, BULK = flow("pay", 1 * G, 1, ("ix-b", "ix-a"), 20), flow("bulk", 8 * G, 9, ("ix-a",), 21)
PAIR = fabric(link("ix-a", 10 * G), link("ix-b", 5 * G), flows=(PAY, BULK))


def left(start: Fabric, **others: LinkState) -> Plan:
    """Give a plan in which ix-a is left and every flow stands on the first link that it prefers."""
    links = {one.name: LinkState(verdict=Verdict.UP) for one in start.links} | {IX_A: GONE}
    links |= {LinkName(name): state for name, state in others.items()}
    flows = {one.name: Placement(link=one.prefer[0]) for one in start.flows}
    return Plan(fabric="atlas", fabric_hash=start.hash, decider="1", epoch=2, decided_at=START, links=links, flows=flows)


def runs(start: Fabric, plan: Plan, after: float, lost: float) -> bool:
    rows = tuple(replace(row, value=lost) for row in aws_probe("ix-a", Health.DOWN, 5))
    return failover_test(start, plan, start.link(IX_A), rows, START + seconds(after)).running


def test_a_flow_without_another_permitted_link_loads_the_link_that_bgp_carries_it_over() -> None:
    assert fallbacks(PAIR, left(PAIR), BULK, IX_A) == dict.fromkeys(Cloud, (IX_B,))
    assert withdrawal_losses(PAIR, left(PAIR), IX_A) == {IX_B: pytest.approx(4 / 9)}


@pytest.mark.parametrize("lost", [0.1, 0.5, 1.0])
def test_aws_squeezes_no_precious_flow_for_one_that_the_plan_leaves_on_the_link(lost: float) -> None:
    assert withdrawal_loss(PAIR, left(PAIR), IX_A) == 1
    assert not runs(PAIR, left(PAIR), 1, lost)
    assert not runs(PAIR, left(PAIR), 60, lost)


@pytest.mark.parametrize(("priority", "lost", "acts"), [(1, 0.4, False), (1, 0.6, True), (2, 0.6, False), (2, 1.0, False)])
def test_for_one_as_precious_that_the_plan_leads_off_aws_acts_where_less_is_lost(priority: int, lost: float, acts: bool) -> None:  # noqa: FBT001 - named by the table
    start = fabric(*PAIR.links, flows=(PAY, BULK, flow("checkout", 1 * G, priority, ("ix-a", "ix-b"), 22)))
    agreed = left(start)
    led = replace(agreed, flows=agreed.flows | {FlowName("checkout"): Placement(link=IX_B)})
    assert withdrawal_losses(start, led, IX_A) == {IX_B: pytest.approx(1 / 2)}
    assert not runs(start, led, 1, lost)
    assert runs(start, led, 60, lost) is acts


def test_a_link_that_the_withdrawal_itself_overloads_may_be_dark_for_that_alone() -> None:
    """Were it to count as lost then, the drain would end, the link would be well, and the drain would begin again."""
    start = fabric(*PAIR.links, flows=(BULK,))
    dark = left(start, **{"ix-b": DARK})
    assert withdrawal_loss(start, left(start), IX_A) == withdrawal_loss(start, dark, IX_A) == pytest.approx(3 / 8)


def test_every_link_that_bgp_may_choose_takes_the_whole_of_it() -> None:
    """Links that a flow may not use rank alike, and how BGP breaks that tie is not ours to know."""
    start = fabric(*PAIR.links, link("ix-c", 4 * G), flows=(BULK,))
    assert withdrawal_losses(start, left(start), IX_A) == {IX_B: pytest.approx(3 / 8), IX_C: pytest.approx(1 / 2)}


@pytest.mark.parametrize("state", [GONE, DARK])
def test_a_link_that_is_drained_or_dark_takes_nothing_that_it_may_not_carry(state: LinkState) -> None:
    start = fabric(*PAIR.links, link("ix-c", 10 * G), flows=(BULK,))
    assert fallbacks(start, left(start, **{"ix-b": state}), BULK, IX_A) == dict.fromkeys(Cloud, (IX_C,))


@pytest.mark.parametrize("state", [GONE, DARK])
def test_a_flow_to_which_no_link_is_left_loses_everything_so_aws_never_withdraws_its_last(state: LinkState) -> None:
    start = fabric(*PAIR.links, flows=(replace(BULK, demand=Bandwidth(1 * G)),))
    plan = left(start, **{"ix-b": state})
    assert withdrawal_losses(start, plan, IX_A) == {}
    assert withdrawal_loss(start, plan, IX_A) == 1
    assert not runs(start, plan, 1, 0.1)
    assert not runs(start, plan, 60, 1.0)


def test_a_flow_between_other_sites_that_has_no_link_left_is_no_concern_of_this_one() -> None:
    west = (
        AwsSite(name=SiteName("aws-usw2"), account="1", region="us-west-2"),
        GcpSite(name=SiteName("gcp-usw1"), project="p", region="us-west1", network="core"),
    )
    far: Link = replace(link("ix-c", 10 * G), aws_site=west[0].name, gcp_site=west[1].name)
    moved: Flow = replace(BULK, prefixes={west[0].name: ("10.21.0.0/16",), west[1].name: ("10.221.0.0/16",)}, prefer=(IX_C,))
    pair = fabric(*PAIR.links, far, flows=(PAY, moved))
    start: Fabric = replace(pair, sites=(*pair.sites, *west))
    assert withdrawal_loss(start, left(start, **{"ix-c": GONE}), IX_A) == 0


def test_aws_sends_over_any_interconnect_what_google_sends_over_the_vpn() -> None:
    """AWS ranks by the type of the attachment first, so a flow that is to fall to a VPN squeezes whoever is on the interconnect."""
    behind: Flow = replace(BULK, prefer=(IX_A, VPN))
    start = fabric(*PAIR.links, vpn(10 * G), flows=(PAY, behind))
    assert fallbacks(start, left(start), behind, IX_A) == {Cloud.AWS: (IX_B,), Cloud.GCP: (VPN,)}
    assert withdrawal_losses(start, left(start), IX_A) == {IX_B: pytest.approx(4 / 9)}
    assert fallbacks(start, left(start, **{"ix-b": DARK}), behind, IX_A) == dict.fromkeys(Cloud, (VPN,))


def test_aws_keeps_to_the_interconnects_that_a_flow_may_use_before_any_other() -> None:
    behind: Flow = replace(BULK, prefer=(IX_A, VPN, IX_C))
    start = fabric(*PAIR.links, link("ix-c", 10 * G), vpn(10 * G), flows=(behind,))
    assert fallbacks(start, left(start), behind, IX_A) == {Cloud.AWS: (IX_C,), Cloud.GCP: (VPN,)}


def test_a_flow_that_likes_the_vpn_better_stands_there_already() -> None:
    settled: Flow = replace(BULK, prefer=(VPN, IX_A))
    start = fabric(*PAIR.links, vpn(10 * G), flows=(PAY, settled))
    assert fallbacks(start, left(start), settled, IX_A) == dict.fromkeys(Cloud, (VPN,))


WIDE = flow("jumbo", 1 * G, 5, ("ix-a", "vpn", "ix-c"), 23, min_mtu=8000)
THREE = fabric(link("ix-a", 10 * G), link("ix-c", 10 * G), vpn(), flows=(WIDE,))


@pytest.mark.parametrize(("to", "lost", "acts"), [("ix-c", 0.3, False), ("ix-c", 0.9, False), ("ix-c", 1.0, True), ("vpn", 0.3, True)])
def test_a_flow_is_let_fall_to_too_small_an_mtu_only_off_a_link_that_passes_nothing_or_where_nothing_else_is_left(
    to: str, lost: float, *, acts: bool
) -> None:
    agreed = left(THREE)
    placed = replace(agreed, flows={WIDE.name: Placement(link=LinkName(to), mtu_short=to == "vpn")})
    assert VPN in fallbacks(THREE, placed, WIDE, IX_A)[Cloud.GCP]
    assert not withdrawal_losses(THREE, placed, IX_A)
    assert runs(THREE, placed, 60, lost) is acts
