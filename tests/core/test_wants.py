"""How the levers of each cloud should read for an agreed plan."""

from datetime import timedelta
from typing import cast

import pytest

from pointsman.core.fabric import AwsEnd, Cloud, Fabric, FlowName, GcpEnd, Link, LinkName, Mode, SiteName
from pointsman.core.plan import Drain, DrainCause, LinkState, Pin, Placement, Plan, Verdict
from pointsman.core.sightings import Health, Sighting, Vantage
from pointsman.core.steering import RANKS, FailoverTest, PrefixListPin, PrefixStance, RoutePolicies, Stance
from pointsman.core.values import replace
from pointsman.core.wants import TEST_DURATION, failover_test, home, prefix_list_pin, route_policies, wanted, withdrawal_loss
from tests.core.scene import ATLAS, AWS, CHECKOUT, START, TRAINING, G, aws_bgp, aws_probe, fabric, flow, gcp_bgp, lever, link, seconds, vpn

IX_A, IX_B, IX_C, VPN = (LinkName(name) for name in ("ix-a", "ix-b", "ix-c", "vpn"))
AT_AWS, AT_GCP = "10.20.0.0/16", "10.220.0.0/16"
NOW = START + seconds(10)


def drained(enactor: Cloud = Cloud.GCP, epoch: int = 2) -> Drain:
    return Drain(cause=DrainCause.OUTAGE, since=START, epoch=epoch, enactor=enactor)


def plan(drains: dict[str, Drain] | None = None, epoch: int = 2, **flows: str | Placement) -> Plan:
    """Give a plan over the four links with each flow where it is said to be (``checkout`` and ``training`` on ix-a unless said)."""
    placed = {"checkout": "ix-a", "training": "ix-a"} | flows
    where = {FlowName(name): one if isinstance(one, Placement) else Placement(link=LinkName(one)) for name, one in placed.items()}
    states = {one.name: LinkState(drain=(drains or {}).get(one.name)) for one in ATLAS.links}
    return Plan(fabric="atlas", fabric_hash=ATLAS.hash, decider="1", epoch=epoch, decided_at=START, links=states, flows=where)


def policies(agreed: Plan, name: LinkName, start: Fabric = ATLAS) -> RoutePolicies:
    return route_policies(start, agreed, start.link(name))


def stances(found: tuple[PrefixStance, ...], prefix: str) -> list[tuple[Stance, int]]:
    return [(one.stance, one.rank) for one in found if one.prefix == prefix]


def test_a_flow_is_attracted_where_it_is_by_not_being_listed() -> None:
    assert policies(plan(), IX_A) == RoutePolicies(link=IX_A)


def test_a_flow_is_avoided_elsewhere_in_both_directions_in_the_order_of_its_preference() -> None:
    agreed = plan()
    for name, rank in ((IX_B, 2), (VPN, 3)):
        found = policies(agreed, name)
        assert stances(found.imports, AT_AWS) == [(Stance.AVOID, rank)]
        assert stances(found.exports, AT_GCP) == [(Stance.AVOID, rank)]


def test_imports_speak_of_prefixes_at_aws_and_exports_of_prefixes_at_google() -> None:
    found = policies(plan(), IX_B)
    assert [one.prefix for one in found.imports] == ["10.20.0.0/16", "10.21.0.0/16"]
    assert [one.prefix for one in found.exports] == ["10.220.0.0/16", "10.221.0.0/16"]


def test_a_link_that_a_flow_may_not_use_ranks_after_every_permitted_one() -> None:
    assert stances(policies(plan(), IX_C).imports, AT_AWS) == [(Stance.AVOID, RANKS - 1)]


def test_a_drained_link_ranks_last_even_where_it_is_preferred_most() -> None:
    agreed = plan({"ix-a": drained()}, checkout="ix-b", training="ix-c")
    assert stances(policies(agreed, IX_A).imports, AT_AWS) == [(Stance.AVOID, RANKS)]
    assert stances(policies(agreed, IX_A).exports, AT_GCP) == [(Stance.AVOID, RANKS)]
    assert stances(policies(agreed, IX_C).exports, AT_GCP) == [(Stance.AVOID, RANKS - 1)]


def test_only_drops_what_aws_is_offered_over_dx_gateway_links_and_nothing_else() -> None:
    agreed = plan({"ix-a": drained()}, checkout=Placement(link=VPN, only=True), training="ix-c")
    for name in (IX_A, IX_B, IX_C):
        found = policies(agreed, name)
        assert [stance for stance, _ in stances(found.exports, AT_GCP)] == [Stance.DROP]
        assert [stance for stance, _ in stances(found.imports, AT_AWS)] == [Stance.AVOID]
        assert Stance.DROP not in {one.stance for one in found.exports if one.prefix != AT_GCP}
    assert policies(agreed, VPN).exports == (PrefixStance(prefix="10.221.0.0/16", stance=Stance.AVOID, rank=RANKS - 1),)


def test_only_is_no_reason_to_drop_on_another_vpn() -> None:
    second = replace(vpn(), name=LinkName("vpn-2"))
    start = fabric(*ATLAS.links, second)
    agreed = plan(checkout=Placement(link=VPN, only=True))
    assert Stance.DROP not in {one.stance for one in policies(agreed, LinkName("vpn-2"), start).exports}


def down(*names: str) -> dict[LinkName, LinkState]:
    """Give the states of the four links with these ones down and drained."""
    out = {one.name: LinkState(verdict=Verdict.DOWN, drain=drained()) for one in ATLAS.links if one.name in names}
    return {one.name: LinkState(verdict=Verdict.UP) for one in ATLAS.links} | out


def test_a_flow_that_aws_cannot_be_led_to_a_vpn_with_stays_whole_on_the_interconnect_that_aws_keeps_to() -> None:
    agreed = replace(plan(checkout="vpn"), links=down("ix-a", "ix-b"))
    assert home(ATLAS, agreed, CHECKOUT) == "ix-c"
    assert stances(policies(agreed, IX_C).imports, AT_AWS) == stances(policies(agreed, IX_C).exports, AT_GCP) == []
    for name in (IX_A, IX_B, VPN):
        found = policies(agreed, name)
        assert stances(found.imports, AT_AWS) == stances(found.exports, AT_GCP) != []


def test_with_every_interconnect_dark_the_flow_stays_on_the_first_until_its_session_ends() -> None:
    agreed = replace(plan(checkout="vpn"), links=down("ix-a", "ix-b", "ix-c"))
    assert home(ATLAS, agreed, CHECKOUT) == "ix-a"
    assert home(ATLAS, replace(agreed, flows={CHECKOUT.name: Placement(link=VPN, only=True)}), CHECKOUT) == "vpn"


def test_where_no_interconnect_is_steered_a_vpn_is_as_good_a_home_as_any() -> None:
    alone = fabric(link("ix-a", 10 * G, mode=Mode.OBSERVE), vpn())
    assert home(alone, plan(checkout="vpn"), CHECKOUT) == "vpn"


def test_aws_drains_an_interconnect_for_a_flow_that_google_cannot_lead_away() -> None:
    agreed = replace(plan(checkout="vpn", training="ix-c"), links=down("ix-a"))
    done = lever("ix-a", Health.DRAINING, 5, 2)
    assert failover_test(ATLAS, agreed, ATLAS.link("ix-a"), done, NOW + seconds(60)).running
    led = replace(agreed, flows=agreed.flows | {CHECKOUT.name: Placement(link=VPN, only=True)})
    assert not failover_test(ATLAS, led, ATLAS.link("ix-a"), done, NOW + seconds(60)).running


def test_a_drain_that_begins_in_a_moment_by_another_stores_time_is_no_time_for_the_test_to_rest() -> None:
    away = LinkState(verdict=Verdict.DOWN, drain=replace(drained(Cloud.AWS), since=NOW + seconds(3)))
    agreed = replace(plan(checkout="vpn", training="ix-c"), links=down("ix-a") | {IX_A: away})
    assert running(ROOMY, agreed, 10, *lever("ix-a", Health.DRAINING, 5, 2))


def test_aws_drains_no_interconnect_towards_a_vpn_that_is_down_itself() -> None:
    agreed = replace(plan(checkout="vpn", training="ix-c"), links=down("ix-a", "vpn"))
    done = lever("ix-a", Health.DRAINING, 5, 2)
    assert not failover_test(ATLAS, agreed, ATLAS.link("ix-a"), done, NOW + seconds(60)).running


def test_a_flow_without_a_place_is_left_to_bgp() -> None:
    agreed = plan(checkout=Placement())
    assert all(stances(policies(agreed, one.name).imports, AT_AWS) == [] for one in ATLAS.links)


def test_a_flow_between_other_sites_is_not_touched() -> None:
    elsewhere = replace(CHECKOUT, prefixes={AWS: (AT_AWS,), SiteName("gcp-euw3"): ("10.230.0.0/16",)})
    start = fabric(flows=(elsewhere, TRAINING))
    assert stances(policies(plan(), IX_B, start).imports, AT_AWS) == []


@pytest.mark.parametrize(("before", "after"), [("ix-a", "ix-b"), ("ix-b", "ix-a"), ("ix-a", "ix-c")])
def test_a_move_rewrites_only_the_policies_of_the_two_links_it_touches(before: str, after: str) -> None:
    old, new = plan(checkout=before), plan(epoch=3, checkout=after)
    changed = {one.name for one in ATLAS.links if policies(old, one.name) != policies(new, one.name)}
    assert changed == {before, after}


def test_the_order_in_which_flows_are_declared_does_not_change_a_policy() -> None:
    turned = fabric(flows=(TRAINING, CHECKOUT))
    assert all(policies(plan(), one.name) == policies(plan(), one.name, turned) for one in ATLAS.links)


def test_a_plan_of_epoch_zero_asks_for_nothing() -> None:
    assert all(wanted(ATLAS, plan(epoch=0), (), here, NOW) == () for here in Cloud)


def test_google_sets_route_policies_and_aws_failover_tests_and_prefix_lists() -> None:
    google = wanted(ATLAS, plan(), (), Cloud.GCP, NOW)
    assert google == tuple(route_policies(ATLAS, plan(), one) for one in ATLAS.links)
    still = tuple(FailoverTest(link=name, running=False) for name in (IX_A, IX_B, IX_C))
    assert wanted(ATLAS, plan(), (), Cloud.AWS, NOW) == (*still, PrefixListPin(flow=CHECKOUT.name))


def modes(mode: Mode) -> Fabric:
    return fabric(link("ix-a", 10 * G, mode=mode), link("ix-b", 5 * G), link("ix-c", 10 * G), replace(vpn(), mode=mode))


def set_links(watched: Fabric, agreed: Plan, here: Cloud) -> list[str]:
    settings = wanted(watched, agreed, (), here, NOW)
    return [one.link for one in settings if isinstance(one, RoutePolicies | FailoverTest)]


@pytest.mark.parametrize("here", list(Cloud))
def test_a_link_in_mode_observe_gets_no_setting(here: Cloud) -> None:
    assert set_links(modes(Mode.OBSERVE), plan({"ix-a": drained(Cloud.AWS)}, checkout="ix-b"), here) == ["ix-b", "ix-c"]


@pytest.mark.parametrize("here", list(Cloud))
def test_a_link_in_mode_recommend_is_set_while_it_is_drained_and_until_it_is_seen_set_back(here: Cloud) -> None:
    watched = modes(Mode.RECOMMEND)
    assert set_links(watched, plan(checkout="ix-b"), here) == ["ix-b", "ix-c"]
    assert set_links(watched, plan({"ix-a": drained(Cloud.AWS)}, checkout="ix-b"), here) == ["ix-a", "ix-b", "ix-c"]
    returned = plan(checkout="ix-b")
    returned = replace(returned, links=returned.links | {LinkName("ix-a"): LinkState(verdict=Verdict.UP, steered=3)})
    assert set_links(watched, returned, here) == ["ix-a", "ix-b", "ix-c"]


@pytest.mark.parametrize("half", [GcpEnd(), GcpEnd(import_policy="from-ix-a"), GcpEnd(export_policy="to-ix-a")])
def test_a_link_that_lacks_a_route_policy_gets_none_set(half: GcpEnd) -> None:
    start = fabric(replace(link("ix-a", 10 * G), gcp=half), link("ix-b", 5 * G), link("ix-c", 10 * G), vpn())
    assert [cast("RoutePolicies", one).link for one in wanted(start, plan(), (), Cloud.GCP, NOW)] == ["ix-b", "ix-c", "vpn"]


ROOMY = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), link("ix-c", 10 * G), vpn())
"""Every flow that falls back from ix-a fits on ix-b."""


def left(drain: Drain) -> Plan:
    return plan({"ix-a": drain}, checkout="ix-b", training="ix-b")


def running(start: Fabric, agreed: Plan, at: float, *rows: Sighting) -> bool:
    setting = failover_test(start, agreed, start.link("ix-a"), rows, START + seconds(at))
    assert setting.duration == (TEST_DURATION if setting.running else seconds(0))
    return setting.running


def test_no_failover_test_runs_without_a_drain_or_for_a_link_the_plan_does_not_know() -> None:
    assert not running(ROOMY, plan(), 60)
    assert not running(ROOMY, replace(plan(), links={}), 60)


def test_the_enactor_starts_its_failover_test_at_once() -> None:
    assert running(ROOMY, left(drained(Cloud.AWS)), 1)


def test_aws_takes_over_a_drain_that_google_has_not_enacted_in_time() -> None:
    agreed = left(drained(Cloud.GCP))
    assert not running(ROOMY, agreed, 29)
    assert running(ROOMY, agreed, 30)


@pytest.mark.parametrize("enactor", list(Cloud))
def test_no_failover_test_runs_once_google_found_its_policies_set(enactor: Cloud) -> None:
    agreed = left(drained(enactor))
    assert not running(ROOMY, agreed, 60, *lever("ix-a", Health.DRAINING, 20, 2))
    assert running(ROOMY, agreed, 60, *lever("ix-a", Health.DRAINING, 20, 1))
    assert running(ROOMY, agreed, 60, *lever("ix-a", Health.DRAINING, 20, 2, Vantage.AWS))


def test_no_failover_test_runs_on_a_session_that_is_dead_at_the_aws_end() -> None:
    agreed = left(drained(Cloud.AWS))
    assert not running(ROOMY, agreed, 60, *aws_bgp("ix-a", Health.DOWN, 5))
    assert running(ROOMY, agreed, 60, *aws_bgp("ix-a", Health.UP, 5))
    assert running(ROOMY, agreed, 60, *gcp_bgp("ix-a", Health.DOWN, 5))


SMALL = ATLAS
"""Seven gigabits fall back from ix-a onto the five of ix-b: two in seven packets are lost."""


def lossy(share: float, at: float = 5) -> tuple[Sighting, ...]:
    return tuple(replace(row, value=share) for row in aws_probe("ix-a", Health.DOWN, at))


def test_withdrawing_a_link_loses_the_share_by_which_the_fallback_is_overloaded() -> None:
    agreed = plan({"ix-a": drained()}, checkout="ix-b", training="ix-c")
    assert withdrawal_loss(SMALL, agreed, IX_A) == pytest.approx(2 / 7)
    assert withdrawal_loss(ROOMY, agreed, IX_A) == 0


def test_withdrawing_never_counts_on_a_link_that_is_drained_itself() -> None:
    agreed = plan({"ix-a": drained(), "ix-b": drained()}, checkout="vpn", training="ix-c")
    assert withdrawal_loss(SMALL, agreed, IX_A) == 0
    assert withdrawal_loss(fabric(*SMALL.links[:3], vpn(G // 2)), agreed, IX_A) == pytest.approx(1 / 2)


def test_a_flow_without_a_place_falls_too_since_bgp_may_have_it_on_what_is_withdrawn() -> None:
    agreed = plan({"ix-a": drained()}, checkout="ix-b", training=Placement())
    assert withdrawal_loss(SMALL, agreed, IX_A) == pytest.approx(2 / 7)


@pytest.mark.parametrize(("observed", "runs"), [(0.1, False), (0.9, True)])
def test_a_flow_is_not_pushed_onto_a_vpn_with_one_that_may_not_be_there_and_has_no_place(*, observed: float, runs: bool) -> None:
    start = fabric(*(one for one in ATLAS.links if one.name != IX_C), flows=(CHECKOUT, replace(TRAINING, prefer=(IX_A, IX_B))))
    agreed = plan({"ix-a": drained(), "ix-b": drained()}, checkout="vpn", training=Placement())
    agreed = replace(agreed, links={name: state for name, state in agreed.links.items() if name != IX_C})
    assert withdrawal_loss(start, agreed, IX_A) == pytest.approx(2 / 7)
    assert running(start, agreed, 60, *lossy(observed)) is runs


def test_a_withdrawal_that_loses_packets_is_left_to_google_until_take_over() -> None:
    agreed = plan({"ix-a": drained(Cloud.AWS)}, checkout="ix-b", training="ix-c")
    assert not running(SMALL, agreed, 29, *lossy(1.0))
    assert running(SMALL, agreed, 30, *lossy(1.0))


@pytest.mark.parametrize(("observed", "runs"), [(0.1, False), (2 / 7 - 0.001, False), (2 / 7 + 0.001, True), (0.9, True)])
def test_a_withdrawal_is_made_only_if_it_loses_less_than_is_lost_already(observed: float, runs: bool) -> None:  # noqa: FBT001
    agreed = plan({"ix-a": drained()}, checkout="ix-b", training="ix-c")
    assert running(SMALL, agreed, 60, *lossy(observed)) is runs


def test_a_loss_that_no_fresh_probe_tells_counts_as_all() -> None:
    agreed = plan({"ix-a": drained()}, checkout="ix-b", training="ix-c")
    assert running(SMALL, agreed, 60)
    assert running(SMALL, agreed, 600, *lossy(0.1, at=5))


def test_a_pinned_flows_prefix_list_points_at_the_links_attachment_and_any_other_nowhere() -> None:
    ledger = flow("ledger", G, 2, ("ix-a", "ix-b"), 22, pin=True)
    start = fabric(flows=(CHECKOUT, TRAINING, ledger))
    pin = Pin(flow=CHECKOUT.name, link=IX_B, owner="pointsman", reason="ix-a is broken", expires_at=START + seconds(3600))
    agreed = replace(plan(), pins=(pin,))
    assert prefix_list_pin(start, agreed, CHECKOUT) == PrefixListPin(flow=CHECKOUT.name, attachment="tgw-attach-2")
    assert prefix_list_pin(start, agreed, ledger) == PrefixListPin(flow=ledger.name)
    pins = [one for one in wanted(start, agreed, (), Cloud.AWS, NOW) if isinstance(one, PrefixListPin)]
    assert pins == [PrefixListPin(flow=CHECKOUT.name, attachment="tgw-attach-2"), PrefixListPin(flow=ledger.name)]


def test_a_pin_to_a_link_of_several_attachments_takes_the_first() -> None:
    two: Link = replace(link("ix-b", 5 * G), aws=AwsEnd(attachments=("tgw-attach-21", "tgw-attach-22")))
    start = fabric(link("ix-a", 10 * G), two, link("ix-c", 10 * G), vpn())
    pin = Pin(flow=CHECKOUT.name, link=IX_B, owner="pointsman", reason="ix-a is broken", expires_at=START + seconds(3600))
    assert prefix_list_pin(start, replace(plan(), pins=(pin,)), CHECKOUT).attachment == "tgw-attach-21"


@pytest.mark.parametrize(("verdict", "wanted_then"), [(Verdict.UP, False), (Verdict.UNKNOWN, False), (Verdict.DOWN, True)])
def test_awss_drain_of_an_order_ends_with_it_unless_the_link_is_down_by_then(verdict: Verdict, wanted_then: bool) -> None:  # noqa: FBT001 - named by the table
    """Its test hides the link from our own eyes, and a link that nobody sees is never returned to."""
    until = START + timedelta(hours=1)
    order = Drain(cause=DrainCause.ORDER, since=START, epoch=2, enactor=Cloud.AWS, until=until, by="kim: works")
    agreed = plan({"ix-a": order}, checkout="ix-b", training="ix-c")
    agreed = replace(agreed, links=agreed.links | {IX_A: replace(agreed.links[IX_A], verdict=verdict)})
    assert failover_test(ATLAS, agreed, ATLAS.link(IX_A), (), until - timedelta(seconds=1)).running
    assert failover_test(ATLAS, agreed, ATLAS.link(IX_A), (), until).running is wanted_then
