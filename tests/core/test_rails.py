"""The rails: each holds what is decided or written back when its condition fails, and so each fails closed."""

import pytest

from pointsman.core.decide import Declined
from pointsman.core.evidence import freshness_of
from pointsman.core.fabric import Cloud, Fabric, FlowName, LinkName, Mode, Policy, SiteName
from pointsman.core.lint import Rule, lint
from pointsman.core.motion import apart
from pointsman.core.plan import Drain, DrainCause, FlagState, Freeze, Placement, Verdict
from pointsman.core.sightings import Health, Source
from pointsman.core.steering import PrefixStance, RoutePolicies, Stance
from pointsman.core.values import replace
from tests.core.days import ROOMY, notice, rows_for
from tests.core.scene import (
    ATLAS,
    CHECKOUT,
    START,
    TRAINING,
    G,
    Story,
    aws_bgp,
    aws_probe,
    fabric,
    flow,
    healthy,
    lever,
    link,
    seconds,
    vpn,
)

IX_A, IX_B, IX_C, VPN = (LinkName(name) for name in ("ix-a", "ix-b", "ix-c", "vpn"))


def steady(start: Fabric = ATLAS) -> Story:
    """Everything is up, and has been for longer than a hold-down."""
    story = Story(start).all_healthy(0)
    story.decided(1)
    story.all_healthy(400).decided(400)
    return story


def dark(story: Story, at: float, *names: str) -> Story:
    """Let packets be lost both ways on some links."""
    for name in names:
        story.note(*(replace(row, health=Health.DOWN) for row in healthy(name, at)))
    return story


def drained(story: Story, *names: str) -> Story:
    """Have some links drained and empty, good at both ends since 400 seconds, with their levers proved set."""
    for name in names:
        drain = Drain(cause=DrainCause.OUTAGE, since=START + seconds(10), epoch=2, enactor=Cloud.GCP)
        state = replace(story.plan.links[LinkName(name)], drain=drain, good_since=START + seconds(400), down_since_epoch=2)
        story.plan = replace(story.plan, links=story.plan.links | {LinkName(name): state})
        story.note(*lever(name, Health.DRAINING, 20, 2))
    return story


def back(story: Story) -> set[str]:
    return {name for name, state in story.plan.links.items() if state.drain is None}


def test_the_last_healthy_path_is_never_left() -> None:
    two = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=(flow("checkout", G, 1, ("ix-a", "ix-b"), 20),))
    story = drained(steady(two), "ix-b")
    dark(story, 410, "ix-a", "ix-b").decided(410)
    assert story.plan.links[IX_A].verdict is Verdict.DOWN
    assert (story.plan.links[IX_A].drain, story.on("checkout")) == (None, "ix-a")


def test_a_link_that_is_drained_is_no_other_path_however_well_it_is_seen() -> None:
    two = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=(flow("checkout", G, 1, ("ix-a", "ix-b"), 20),))
    story = drained(steady(two), "ix-b")
    story.rows = {key: row for key, row in story.rows.items() if row.source is not Source.PROBE}
    story.plan = replace(story.plan, marks={})
    story.note(*aws_bgp("ix-b", Health.UP, 410))  # it is up, and packets are not seen to pass at both ends
    dark(story, 410, "ix-a").decided(410)
    assert [story.plan.links[name].verdict for name in (IX_A, IX_B)] == [Verdict.DOWN, Verdict.UP]
    assert story.plan.links[IX_B].drain is not None, "it is not seen good, so nothing is led back to it either"
    assert (story.plan.links[IX_A].drain, story.on("checkout")) == (None, "ix-a")


def test_with_both_ends_dark_on_every_link_our_eyes_are_broken_and_everything_holds() -> None:
    story = steady()
    before = dict(story.plan.flows)
    dark(story, 410, "ix-a", "ix-b", "ix-c", "vpn").decided(410)
    assert {state.verdict for state in story.plan.links.values()} == {Verdict.DOWN}
    assert all(state.drain is None for state in story.plan.links.values())
    assert {name: one.link for name, one in story.plan.flows.items()} == {name: one.link for name, one in before.items()}


def test_a_flow_that_no_link_is_open_to_keeps_its_place() -> None:
    story = steady(fabric(flows=(replace(CHECKOUT, prefer=(IX_A,)), TRAINING)))
    dark(story, 410, "ix-a").decided(410)
    assert (story.plan.links[IX_A].drain is not None, story.on("checkout"), story.on("training")) == (True, "ix-a", "ix-c")


def test_a_plan_that_places_nothing_is_never_written_over_what_a_lever_holds() -> None:
    held = RoutePolicies(link=IX_A, imports=(PrefixStance(prefix="10.20.0.0/16", stance=Stance.AVOID, rank=1),))
    plan = replace(steady().plan, flows={})
    broken = lint(ATLAS, plan, RoutePolicies(link=IX_A), held, START)
    assert broken is not None
    assert broken.rule is Rule.EMPTY_SET


def test_a_resolve_is_no_reason_to_act_on_another_link() -> None:
    story = steady()
    story.note(*aws_bgp("ix-a", Health.DOWN, 410)).decided(410)
    before = dict(story.plan.flows)
    story.note(*healthy("ix-b", 411), *healthy("ix-c", 411), *healthy("vpn", 411)).decided(411)
    assert (story.plan.flows, story.plan.links[IX_A].drain) == (before, None)


def test_what_is_unknown_is_no_reason_to_act() -> None:
    story = steady()
    story.note(*(replace(row, health=Health.UNKNOWN) for row in healthy("ix-a", 410))).decided(410)
    assert story.plan.links[IX_A].verdict is Verdict.UNKNOWN
    assert (story.plan.links[IX_A].drain, story.on("checkout")) == (None, "ix-a")


def test_what_cannot_be_read_is_no_reason_to_act() -> None:
    story = steady()
    story.rows = {key: row for key, row in story.rows.items() if key.startswith(("aws|", "probe-aws|"))}
    story.unreadable = (Cloud.GCP,)
    story.decided(410)
    assert all(state.drain is None for state in story.plan.links.values())
    assert story.on("checkout") == "ix-a"


@pytest.mark.parametrize("source", [Source.PROBE, Source.LOOK])
def test_a_stale_claim_is_no_reason_to_act(source: Source) -> None:
    story = steady()
    late = 410 + freshness_of(source, ATLAS.policy.freshness).total_seconds() + 1
    dark(story, 410, "ix-a")
    for name in ("ix-b", "ix-c", "vpn"):
        story.note(*healthy(name, late))
    story.decided(late)
    assert (story.plan.links[IX_A].drain, story.on("checkout")) == (None, "ix-a")


def test_a_stale_view_decides_nothing() -> None:
    story = steady()
    old = dict(story.rows)
    dark(story, 410, "ix-a").decided(410)
    story.rows = old
    outcome = story.outcome(411)
    assert isinstance(outcome, Declined)
    assert outcome.stale_view


def test_beyond_the_hours_budget_nothing_returns_and_leaving_an_outage_is_exempt() -> None:
    story = drained(steady(), "ix-a")
    moves = tuple(START + seconds(at) for at in range(100, 700, 100))
    story.plan = replace(story.plan, moves=moves)
    story.all_healthy(701).decided(701)
    assert "ix-a" not in back(story)
    dark(story, 702, "ix-b").decided(702)
    assert "ix-b" not in back(story), "an outage asks for no budget"
    story.all_healthy(100 + 3600 + 1).decided(100 + 3600 + 1)
    story.all_healthy(100 + 3600 + 301).decided(100 + 3600 + 301)
    assert "ix-a" in back(story), "and an hour later the budget is there again"


def test_a_time_that_is_not_trusted_allows_no_return() -> None:
    story = drained(steady(), "ix-a")
    story.clock_trusted = False
    story.all_healthy(701).decided(701)
    assert "ix-a" not in back(story)


def test_one_failure_domain_at_a_time_the_second_return_waits_until_the_levers_of_the_first_are_set_back() -> None:
    story = drained(steady(), "ix-a", "ix-b")
    story.all_healthy(701).decided(701)
    assert back(story) == {"ix-a", "ix-c", "vpn"}
    story.all_healthy(720).decided(720)
    assert back(story) == {"ix-a", "ix-c", "vpn"}, "the first one's lever is still found set"
    story.note(*lever("ix-a", Health.UP, 730, 9)).all_healthy(730).decided(730)
    assert back(story) == {"ix-a", "ix-b", "ix-c", "vpn"}


def test_a_lever_that_is_never_proved_to_be_back_holds_the_next_return_for_a_hold_down_at_most() -> None:
    story = drained(steady(), "ix-a", "ix-b")
    story.all_healthy(701).decided(701)
    story.all_healthy(1000).decided(1000)
    assert "ix-b" not in back(story)
    story.all_healthy(1001).decided(1001)
    assert "ix-b" in back(story)


def test_links_that_share_a_risk_are_one_domain_and_return_together() -> None:
    grouped = fabric(*(replace(one, risk_groups=("metro",) if one.name in {"ix-a", "ix-b"} else ()) for one in ATLAS.links))
    assert not apart(grouped.link("ix-a"), grouped.link("ix-b"))
    story = drained(steady(grouped), "ix-a", "ix-b")
    story.all_healthy(701).decided(701)
    assert back(story) == {"ix-a", "ix-b", "ix-c", "vpn"}


def test_while_a_link_is_being_left_none_of_another_domain_is_returned_to_and_leaving_is_exempt() -> None:
    story = drained(steady(), "ix-a")
    dark(story.all_healthy(689), 690, "ix-b").decided(690)
    assert "ix-b" not in back(story)
    for name in ("ix-a", "ix-c", "vpn"):
        story.note(*healthy(name, 701))
    story.decided(701)
    assert "ix-a" not in back(story), "the lever against ix-b is not found set yet"
    dark(story, 702, "ix-c")
    story.note(*healthy("vpn", 702)).decided(702)
    assert "ix-c" not in back(story), "a link that is down is left all the same"
    story.note(*lever("ix-b", Health.DRAINING, 703, 9), *lever("ix-c", Health.DRAINING, 703, 99)).decided(703)
    assert "ix-a" in back(story)


def test_a_link_is_not_left_for_its_window_while_one_of_another_domain_is_being_left() -> None:
    story = steady(ROOMY)
    dark(story.all_healthy(689), 690, "ix-b").decided(690)
    story.note(*rows_for(story.rows.values(), notice(1200, 5000, seen=691), now=691))
    assert story.decided(700).links[IX_A].drain is None
    story.note(*lever("ix-b", Health.DRAINING, 701, 99)).decided(701)
    left = story.plan.links[IX_A].drain
    assert left is not None
    assert left.cause is DrainCause.MAINTENANCE
    assert story.plan.moves == (START + seconds(701),), "and it is counted"


def test_what_would_cut_the_control_planes_own_path_is_not_written() -> None:
    own = fabric(flows=(replace(CHECKOUT, prefixes={SiteName("aws-use1"): ("10.250.0.0/16",), SiteName("gcp-use4"): ("10.220.0.0/16",)}),))
    story = steady(own)
    avoided = RoutePolicies(link=IX_A, imports=(PrefixStance(prefix="10.250.0.0/16", stance=Stance.AVOID, rank=1),))
    broken = lint(own, story.plan, avoided, RoutePolicies(link=IX_A), START)
    assert broken is not None
    assert broken.rule is Rule.CONTROL_PATH


def test_a_link_with_too_small_an_mtu_is_refused_while_another_is_left_and_said_when_none_is() -> None:
    big = flow("training", 6 * G, 5, ("ix-a", "vpn", "ix-c"), 21, min_mtu=8000)
    story = steady(fabric(link("ix-a", 10 * G), link("ix-c", 10 * G), vpn(), flows=(big,)))
    plan = dark(story, 410, "ix-a").decided(410)
    assert (story.on("training"), plan.flows[FlowName("training")].mtu_short) == ("ix-c", False)
    assert "MTU 1406 is below 8000" in next(one for one in plan.reasons if one.about == "training").refused["vpn"]
    story.note(*lever("ix-a", Health.DRAINING, 411, plan.epoch), *healthy("vpn", 420))
    plan = dark(story, 420, "ix-c").decided(420)
    assert (story.on("training"), plan.flows[FlowName("training")].mtu_short) == ("vpn", True)


@pytest.mark.parametrize("flags", [{Cloud.AWS: FlagState.SET}, {Cloud.GCP: FlagState.SET}, {Cloud.GCP: FlagState.UNREADABLE}, {}])
def test_a_freeze_by_either_flag_or_an_own_flag_that_cannot_be_read_stops_all_steering(flags: dict[Cloud, FlagState]) -> None:
    story = steady()
    story.flags |= flags
    if not flags:
        story.flags = {}
    dark(story, 410, "ix-a").decided(410)
    assert story.plan.links[IX_A].verdict is Verdict.DOWN
    assert (story.plan.links[IX_A].drain, story.on("checkout")) == (None, "ix-a")


def test_a_freeze_of_the_plan_stops_all_steering() -> None:
    story = steady()
    story.plan = replace(story.plan, freeze=Freeze(author="ann", reason="an audit", since=START))
    dark(story, 410, "ix-a").decided(410)
    assert (story.plan.links[IX_A].drain, story.on("checkout")) == (None, "ix-a")


def test_with_the_other_clouds_flag_unreadable_the_own_side_still_acts() -> None:
    story = steady()
    story.flags[Cloud.AWS] = FlagState.UNREADABLE
    dark(story, 410, "ix-a").decided(410)
    assert story.plan.links[IX_A].drain is not None


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.RECOMMEND])
def test_a_link_that_is_not_in_mode_auto_is_neither_left_nor_chosen_before_another(mode: Mode) -> None:
    watched = fabric(link("ix-a", 10 * G, mode=mode), link("ix-b", 5 * G), link("ix-c", 10 * G), vpn())
    story = steady(watched)
    dark(story, 410, "ix-a").decided(410)
    assert (story.plan.links[IX_A].drain, story.on("checkout")) == (None, "ix-a")
    checkout = replace(CHECKOUT, prefer=(IX_A, IX_B, LinkName("ix-c")))
    target = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G, mode=mode), link("ix-c", 10 * G), vpn(), flows=(checkout, TRAINING))
    story = steady(target)
    dark(story, 410, "ix-a").decided(410)
    assert story.on("checkout") == "ix-c"


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.RECOMMEND])
def test_a_flow_is_not_placed_on_a_vpn_while_aws_prefers_a_permitted_interconnect_that_is_not_ours_to_steer(mode: Mode) -> None:
    story = steady(fabric(link("ix-a", 10 * G), link("ix-b", 10 * G, mode=mode), link("ix-c", 10 * G), vpn()))
    dark(story, 410, "ix-a").decided(410)
    reason = next(one for one in story.plan.reasons if one.about == "checkout")
    assert (story.on("checkout"), reason.refused["vpn"]) == (
        "ix-b",
        "AWS prefers ix-b, which is not ours to steer, and would part from Google",
    )
    dark(story, 420, "ix-b").decided(420)
    assert story.plan.links[IX_B].drain is None


def test_one_lone_claim_moves_nothing() -> None:
    story = steady()
    story.note(*aws_probe("ix-a", Health.DOWN, 410)).decided(410)
    assert (story.plan.links[IX_A].verdict, story.plan.links[IX_A].drain, story.on("checkout")) == (Verdict.SUSPECT, None, "ix-a")


def test_every_kind_of_discretionary_move_is_counted_and_what_is_forced_is_not() -> None:
    story = drained(steady(), "ix-a")
    assert story.all_healthy(701).decided(701).moves == (START + seconds(701),), "a fail-back"
    story.note(*lever("ix-a", Health.UP, 702, 9))
    assert len(dark(story, 710, "ix-a").decided(710).moves) == 1, "an outage"
    roomy = replace(steady().plan, flows={name: Placement(link=IX_B) for name in (CHECKOUT.name, TRAINING.name)})
    moved = steady()
    moved.plan = roomy
    assert len(moved.all_healthy(701).decided(701).moves) == 1, "a change of places"


def test_as_many_moves_are_kept_as_the_budget_has() -> None:
    story = steady(fabric(policy=Policy(mode=Mode.AUTO, epochs_per_hour=2)))
    story.plan = replace(story.plan, moves=tuple(START + seconds(at) for at in range(5)))
    assert dark(story, 410, "ix-a").decided(410).moves == (START + seconds(3), START + seconds(4))
