"""The safe list is closed: whatever is seen, whatever the levers read, nothing else comes out of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.case import Case, open_case
from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.plan import Drain, DrainCause, LinkState, Placement, Plan, Verdict, View
from pointsman.core.safelist import Action, Levers, dead_from_here, is_safe, safe_action
from pointsman.core.sightings import Aspect, Health, Sighting, Vantage
from pointsman.core.steering import (
    RANKS,
    FailoverTest,
    LeverKind,
    Observed,
    PrefixListPin,
    PrefixStance,
    RoutePolicies,
    Setting,
    Stance,
)
from pointsman.core.values import replace
from pointsman.core.wants import TEST_DURATION, route_policies
from tests.core.scene import (
    ATLAS,
    CHECKOUT,
    START,
    TRAINING,
    G,
    aws_bgp,
    aws_probe,
    claim,
    fabric,
    gcp_bgp,
    gcp_probe,
    ipsec_up,
    link,
    seconds,
    vpn,
)

LINKS = tuple(link.name for link in ATLAS.links)
PLAN = Plan(
    fabric="atlas",
    fabric_hash=ATLAS.hash,
    decider="1",
    epoch=4,
    decided_at=START,
    links={name: LinkState(verdict=Verdict.UP) for name in LINKS},
    flows={flow.name: Placement(link=LinkName("ix-a")) for flow in ATLAS.flows},
)
HEALTHS = st.sampled_from([Health.UP, Health.DOWN])
STANCES = st.builds(
    PrefixStance,
    prefix=st.sampled_from([prefix for flow in (CHECKOUT, TRAINING) for group in flow.prefixes.values() for prefix in group]),
    stance=st.sampled_from(list(Stance)),
    rank=st.integers(1, RANKS),
)


def rows(here: Cloud, healths: dict[LinkName, tuple[Health, Health]]) -> tuple[Sighting, ...]:
    """Give what one cloud sees: the sessions and its own probes."""
    found: list[Sighting] = []
    for name, (session, probe) in healths.items():
        found += (aws_bgp if here is Cloud.AWS else gcp_bgp)(name, session, 0)
        if name != "vpn":
            found += (aws_probe if here is Cloud.AWS else gcp_probe)(name, probe, 0)
        elif here is Cloud.GCP and probe is Health.UP:
            found += ipsec_up(0)
    return tuple(found)


def case_of(here: Cloud, seen: tuple[Sighting, ...], plan: Plan = PLAN, at: float = 1) -> Case:
    return open_case(ATLAS, View(here=here, rows=seen), plan, START + seconds(at))


def levers_of(here: Cloud, plan: Plan = PLAN) -> dict[tuple[LeverKind, str], Observed]:
    if here is Cloud.GCP:
        return {(LeverKind.ROUTE_POLICY, link.name): Observed(setting=route_policies(ATLAS, plan, link)) for link in ATLAS.links}
    links = [name for name in LINKS if name != "vpn"]
    return {(LeverKind.FAILOVER_TEST, name): Observed(setting=FailoverTest(link=name, running=False)) for name in links}


def actions(case: Case, levers: Levers) -> list[Action]:
    ends = [safe_action(case, link, levers) for link in dead_from_here(case)]
    return [end for end in ends if isinstance(end, Action)]


GREY_A = {name: (Health.UP, Health.DOWN if name == "ix-a" else Health.UP) for name in LINKS}


def test_a_grey_link_is_avoided_by_the_lever_of_either_cloud() -> None:
    """ix-b has no room for training beside checkout: Google moves checkout alone, and AWS's whole-link test is held."""
    (by_google,) = actions(case_of(Cloud.GCP, rows(Cloud.GCP, GREY_A)), levers_of(Cloud.GCP))
    assert by_google.flows == ("checkout",)
    (by_aws,) = actions(case_of(Cloud.AWS, rows(Cloud.AWS, GREY_A)), levers_of(Cloud.AWS))
    assert by_aws.setting == FailoverTest(link=LinkName("ix-a"), running=True, duration=TEST_DURATION)


def test_what_the_plan_keeps_on_a_link_beyond_its_capacity_is_no_reason_to_avoid_it() -> None:
    """checkout's 1G and training's 6G on ix-b's 5G lose two of seven packets each way."""
    crowded = replace(PLAN, flows={name: replace(placed, link=LinkName("ix-b")) for name, placed in PLAN.flows.items()})
    seen = rows(Cloud.GCP, {name: (Health.UP, Health.DOWN if name == "ix-b" else Health.UP) for name in LINKS})
    for share, dead in ((1 - (5 / 7) ** 2, []), (0.9, ["ix-b"])):
        told = tuple(replace(one, value=share) if one.health is Health.DOWN else one for one in seen)
        assert [link.name for link in dead_from_here(case_of(Cloud.GCP, told, crowded))] == dead


def test_stale_rows_are_no_reason_and_no_way_out() -> None:
    old = int((ATLAS.policy.freshness.look + seconds(2)).total_seconds())
    for here in Cloud:
        assert actions(case_of(here, rows(here, GREY_A), at=old), levers_of(here)) == []


def test_a_session_that_is_gone_has_moved_its_traffic_already() -> None:
    seen = {name: (Health.DOWN if name == "ix-a" else Health.UP, GREY_A[name][1]) for name in LINKS}
    assert dead_from_here(case_of(Cloud.GCP, rows(Cloud.GCP, seen))) == ()


def test_a_probe_of_the_far_end_that_passes_contradicts() -> None:
    seen = (*rows(Cloud.GCP, GREY_A), *aws_probe("ix-a", Health.UP, 0))
    assert dead_from_here(case_of(Cloud.GCP, seen)) == ()


def test_what_the_last_known_plan_keeps_off_is_no_way_out() -> None:
    drain = Drain(cause=DrainCause.OUTAGE, since=START, epoch=3, enactor=Cloud.GCP)
    plan = replace(PLAN, links=PLAN.links | {LinkName("ix-b"): LinkState(verdict=Verdict.UP, drain=drain)})
    only_b = replace(plan, flows={CHECKOUT.name: Placement(link=LinkName("ix-a"))})
    case = case_of(Cloud.GCP, rows(Cloud.GCP, GREY_A), only_b)
    assert actions(case, levers_of(Cloud.GCP, only_b)) == []


def test_a_way_out_that_a_newer_plan_drained_is_seen_by_its_lever() -> None:
    """The last known plan does not know of the drain, and the policies of ix-b do: BGP would go elsewhere, over what is not permitted."""
    levers = levers_of(Cloud.GCP)
    drained = tuple(PrefixStance(prefix=one, stance=Stance.AVOID, rank=RANKS) for one in ("10.20.0.0/16", "10.21.0.0/16"))
    levers[LeverKind.ROUTE_POLICY, "ix-b"] = Observed(setting=RoutePolicies(link=LinkName("ix-b"), imports=drained))
    for action in actions(case_of(Cloud.GCP, rows(Cloud.GCP, GREY_A)), levers):
        assert "ix-b" not in action.because


def test_nothing_moves_from_a_gateway_to_a_vpn_by_med_alone() -> None:
    seen = {name: (Health.UP, Health.UP if name == "vpn" else Health.DOWN) for name in LINKS}
    assert actions(case_of(Cloud.GCP, rows(Cloud.GCP, seen)), levers_of(Cloud.GCP)) == []


@pytest.mark.parametrize("other", [True, False])
def test_aws_withdraws_no_link_for_a_vpn_that_it_would_not_take_while_another_interconnect_is_offered(other: bool) -> None:  # noqa: FBT001 - named by the table
    """The VPN is the one other link that checkout may use; AWS would send it over ix-b."""
    behind = replace(CHECKOUT, prefer=(LinkName("ix-a"), LinkName("vpn")))
    links = (link("ix-a", 10 * G), *((link("ix-b", 5 * G),) if other else ()), vpn())
    plan = replace(PLAN, flows={CHECKOUT.name: Placement(link=LinkName("ix-a"))})
    tunnels = (claim(Vantage.AWS, f"vpn-{(n + 1) // 2}:35.0.0.{n}", Health.UP, 0, aspect=Aspect.IPSEC) for n in (1, 2, 3, 4))
    seen = View(here=Cloud.AWS, rows=(*rows(Cloud.AWS, GREY_A), *tunnels))
    case = open_case(fabric(*links, flows=(behind,)), seen, plan, START + seconds(1))
    assert len(actions(case, levers_of(Cloud.AWS))) == (0 if other else 1)


@given(st.sampled_from(list(Cloud)), st.fixed_dictionaries({name: st.tuples(HEALTHS, HEALTHS) for name in LINKS}), st.data())
def test_whatever_is_seen_only_what_is_on_the_list_comes_out(
    here: Cloud, healths: dict[LinkName, tuple[Health, Health]], data: st.DataObject
) -> None:
    levers = levers_of(here)
    if here is Cloud.GCP:
        for link in ATLAS.links:
            held = RoutePolicies(link=link.name, imports=_distinct(data.draw(STANCES_LIST)), exports=_distinct(data.draw(STANCES_LIST)))
            levers[LeverKind.ROUTE_POLICY, link.name] = Observed(setting=held)
    for action in actions(case_of(here, rows(here, healths)), levers):
        kind = LeverKind.ROUTE_POLICY if here is Cloud.GCP else LeverKind.FAILOVER_TEST
        assert is_safe(action.setting, levers[kind, action.link].setting)
        assert healths[action.link] == (Health.UP, Health.DOWN)
        assert any(other != action.link and healths[other] == (Health.UP, Health.UP) for other in LINKS)


STANCES_LIST = st.lists(STANCES, max_size=4)


def _distinct(stances: list[PrefixStance]) -> tuple[PrefixStance, ...]:
    return tuple({one.prefix: one for one in stances}.values())


def test_what_attracts_drops_pins_or_undoes_is_not_on_the_list() -> None:
    avoided = PrefixStance(prefix="10.20.0.0/16", stance=Stance.AVOID, rank=5)
    held = RoutePolicies(link=LinkName("ix-a"), imports=(avoided,))
    worse: list[Setting] = [
        RoutePolicies(link=LinkName("ix-a")),
        RoutePolicies(link=LinkName("ix-a"), imports=(replace(avoided, rank=4),)),
        RoutePolicies(link=LinkName("ix-a"), imports=(replace(avoided, stance=Stance.DROP),)),
        RoutePolicies(link=LinkName("ix-a"), imports=(replace(avoided, stance=Stance.ATTRACT),)),
        RoutePolicies(link=LinkName("ix-b"), imports=(avoided,)),
        PrefixListPin(flow=CHECKOUT.name, attachment="tgw-attach-2"),
        FailoverTest(link=LinkName("ix-a"), running=True, duration=TEST_DURATION),
    ]
    assert [one for one in worse if is_safe(one, held)] == []
    assert is_safe(RoutePolicies(link=LinkName("ix-a"), imports=(replace(avoided, rank=9),)), held)
    running = FailoverTest(link=LinkName("ix-a"), running=True, duration=TEST_DURATION)
    assert not is_safe(replace(running, running=False), running)
    assert not is_safe(replace(running, duration=2 * TEST_DURATION), replace(running, running=False))
