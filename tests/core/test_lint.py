"""The plan lint: each rule refuses what it names, and lets through what only looks like it."""

from datetime import timedelta

import pytest

from pointsman.core.fabric import FlowName, LinkName
from pointsman.core.lint import Rule, clashes, lint
from pointsman.core.plan import Pin, Placement, Plan
from pointsman.core.steering import FailoverTest, PeerPriority, PrefixListPin, PrefixStance, RoutePolicies, Setting, Stance, StaticPin
from pointsman.core.values import replace
from tests.core.scene import ATLAS, START, Story, fabric, link, seconds

HELD = RoutePolicies(link=LinkName("ix-a"), imports=(PrefixStance(prefix="10.20.0.0/16", stance=Stance.AVOID),))
OPEN = RoutePolicies(link=LinkName("ix-a"))
PIN = PrefixListPin(flow=FlowName("checkout"), attachment="tgw-attach-2")
UNPINNED = PrefixListPin(flow=FlowName("checkout"))
TESTED = FailoverTest(link=LinkName("ix-a"), running=True, duration=timedelta(minutes=30))
QUIET = FailoverTest(link=LinkName("ix-a"), running=False)


def planned() -> Plan:
    return Story().all_healthy(0).decided(1)


def pinned(**change: object) -> Plan:
    whole = {"owner": "pointsman", "reason": "grey", "expires_at": START + seconds(600)} | change
    return replace(planned(), pins=(Pin(flow=FlowName("checkout"), link=LinkName("ix-b"), **whole),))  # type: ignore[arg-type]


def rule(plan: Plan, new: Setting, old: Setting, start=ATLAS) -> Rule | None:  # type: ignore[no-untyped-def]
    found = lint(start, plan, new, old, START + seconds(2))
    return found.rule if found else None


def avoiding(prefix: str, rank: int = 1) -> RoutePolicies:
    return RoutePolicies(link=LinkName("ix-a"), imports=(PrefixStance(prefix=prefix, stance=Stance.AVOID, rank=rank),))


def test_what_deciding_asks_for_breaks_no_rule() -> None:
    assert rule(planned(), HELD, OPEN) is None
    assert rule(planned(), OPEN, HELD) is None
    assert rule(planned(), TESTED, QUIET) is None
    assert rule(pinned(), PIN, UNPINNED) is None
    assert rule(planned(), UNPINNED, PIN) is None


def test_a_plan_that_places_nothing_takes_nothing_back() -> None:
    empty = replace(planned(), flows={})
    assert rule(empty, OPEN, HELD) is Rule.EMPTY_SET
    assert rule(empty, OPEN, OPEN) is None


def test_no_lever_is_written_that_has_nothing_to_act_on() -> None:
    bare = fabric(replace(link("ix-a", 10), members=()))
    assert rule(planned(), HELD, OPEN, bare) is Rule.EMPTY_SET
    assert rule(planned(), TESTED, QUIET, bare) is Rule.EMPTY_SET
    assert rule(replace(planned(), links={}), TESTED, QUIET) is Rule.EMPTY_SET
    assert rule(replace(planned(), links={}), QUIET, TESTED) is None


def test_a_pin_of_an_unknown_flow_or_of_one_without_prefixes_at_google_is_refused() -> None:
    nobody = replace(PIN, flow=FlowName("nobody"))
    assert rule(pinned(), nobody, replace(nobody, attachment=None)) is Rule.EMPTY_SET
    one_sided = fabric(flows=tuple(replace(flow, prefixes={}) for flow in ATLAS.flows))
    assert rule(pinned(), PIN, UNPINNED, one_sided) is Rule.EMPTY_SET


def test_two_writes_of_one_place_at_once_are_both_refused() -> None:
    static = StaticPin(flow=FlowName("checkout"))
    found = clashes((PIN, OPEN, static))
    assert {index: one.rule for index, one in found.items()} == {0: Rule.DELETE_THEN_ADD, 2: Rule.DELETE_THEN_ADD}
    assert clashes((PIN, OPEN, replace(static, flow=FlowName("training")))) == {}


def test_a_call_that_replaces_a_routers_peers_is_refused() -> None:
    wanted = PeerPriority(link=LinkName("ix-a"), priority=100)
    assert rule(planned(), wanted, replace(wanted, priority=50)) is Rule.REPLACING_CALL


def test_what_was_observed_of_another_place_is_not_written_over() -> None:
    assert rule(planned(), HELD, replace(OPEN, link=LinkName("ix-b"))) is Rule.REPLACING_CALL
    assert rule(pinned(), PIN, StaticPin(flow=FlowName("checkout"))) is Rule.REPLACING_CALL


@pytest.mark.parametrize("change", [{"owner": " "}, {"reason": ""}, {"expires_at": START}])
def test_a_pin_needs_an_owner_a_reason_and_an_end_to_come(change: dict[str, object]) -> None:
    assert rule(pinned(**change), PIN, UNPINNED) is Rule.UNOWNED_PIN


def test_a_pin_that_the_plan_does_not_hold_is_refused() -> None:
    assert rule(planned(), PIN, UNPINNED) is Rule.UNOWNED_PIN


@pytest.mark.parametrize("priority", [201, -1])
def test_a_base_priority_stays_below_the_region_costs(priority: int) -> None:
    wanted = PeerPriority(link=LinkName("ix-a"), priority=priority)
    assert rule(planned(), wanted, replace(wanted, priority=100)) is Rule.BASE_PRIORITY


@pytest.mark.parametrize(("rank", "broken"), [(0, Rule.BASE_PRIORITY), (1, None), (9, None), (10, Rule.BASE_PRIORITY)])
def test_a_rank_has_a_med_of_its_own(rank: int, broken: Rule | None) -> None:
    assert rule(planned(), avoiding("10.20.0.0/16", rank), OPEN) is broken


def on_a_thin_link(*, said: bool) -> Plan:
    return replace(planned(), flows={FlowName("training"): Placement(link=LinkName("ix-a"), mtu_short=said)})


def test_a_link_does_not_begin_to_attract_packets_that_it_cannot_carry_unless_the_plan_says_so() -> None:
    thin = fabric(link("ix-a", 10, mtu=1400), link("ix-b", 10))
    kept_off = avoiding("10.21.0.0/16")
    assert rule(on_a_thin_link(said=False), OPEN, kept_off, thin) is Rule.MTU_SHRINK
    assert rule(on_a_thin_link(said=True), OPEN, kept_off, thin) is None
    assert rule(on_a_thin_link(said=False), OPEN, avoiding("10.20.0.0/16"), thin) is None
    assert rule(on_a_thin_link(said=False), OPEN, kept_off, fabric(link("ix-a", 10), link("ix-b", 10))) is None


def test_a_pin_leads_no_packets_to_a_link_that_cannot_carry_them() -> None:
    needs = replace(ATLAS.flow("checkout"), min_mtu=1500)
    narrow = fabric(link("ix-a", 10), link("ix-b", 10, mtu=1400), flows=(needs,))
    assert rule(pinned(), PIN, UNPINNED, narrow) is Rule.MTU_SHRINK
    said = replace(pinned(), flows={needs.name: Placement(link=LinkName("ix-b"), mtu_short=True)})
    assert rule(said, PIN, UNPINNED, narrow) is None


@pytest.mark.parametrize("prefix", ["169.254.1.0/30", "35.0.0.0/24", "10.250.1.0/24", "no prefix"])
def test_nothing_is_led_away_that_sessions_tunnels_or_probes_run_over(prefix: str) -> None:
    assert rule(planned(), avoiding(prefix), OPEN) is Rule.CONTROL_PATH
    assert rule(planned(), avoiding(prefix), avoiding(prefix)) is None


@pytest.mark.parametrize("prefix", ["169.254.1.4/30", "35.0.1.0/24", "10.249.0.0/16", "fd00::/8"])
def test_neighbours_of_those_addresses_may_be_led_away(prefix: str) -> None:
    assert rule(planned(), avoiding(prefix), OPEN) is None


def test_a_pin_over_a_session_is_refused() -> None:
    wide = replace(ATLAS.flow("checkout"), prefixes={**ATLAS.flow("checkout").prefixes, ATLAS.links[0].gcp_site: ("169.254.0.0/16",)})
    assert rule(pinned(), PIN, UNPINNED, fabric(flows=(wide,))) is Rule.CONTROL_PATH
