from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.decide import Declined, decide
from pointsman.core.fabric import Cloud, LinkName, Mode, Policy
from pointsman.core.plan import FlagState, Plan, Verdict
from pointsman.core.sightings import Cause, Health, Sighting, Source
from pointsman.core.values import canonical, parse, replace
from tests.core.scene import (
    ATLAS,
    NUMBERS,
    START,
    G,
    Story,
    aws_bgp,
    aws_probe,
    fabric,
    flow,
    gcp_bgp,
    gcp_probe,
    healthy,
    lever,
    link,
    seconds,
    vpn,
)

IX_A, IX_B = LinkName("ix-a"), LinkName("ix-b")


def steady() -> Story:
    story = Story().all_healthy(0)
    story.decided(1)
    return story


def grey(story: Story, at: float, name: str = "ix-a") -> Story:
    return story.note(*aws_probe(name, Health.DOWN, at), *gcp_probe(name, Health.DOWN, at))


def test_the_first_look_places_flows_where_they_prefer_to_be() -> None:
    story = steady()
    assert (story.plan.epoch, story.on("checkout"), story.on("training")) == (1, "ix-a", "ix-a")
    assert story.plan.links[IX_A].verdict is Verdict.UP


def test_a_view_that_brings_nothing_new_gives_back_the_very_plan() -> None:
    story = steady()
    assert story.all_healthy(5).outcome(6) is story.plan


def test_a_grey_link_is_left_and_the_large_flow_does_not_sit_on_the_small_one() -> None:
    story = grey(steady(), 10)
    plan = story.decided(11)
    assert plan.links[IX_A].verdict is Verdict.DOWN
    assert plan.links[IX_A].drain is not None
    assert plan.links[IX_A].down_since_epoch == plan.epoch == 2
    assert (story.on("checkout"), story.on("training")) == ("ix-b", "ix-c")


def test_one_lone_claim_changes_the_verdict_and_moves_nothing() -> None:
    story = steady().note(*aws_bgp("ix-a", Health.DOWN, 10))
    plan = story.decided(11)
    assert plan.links[IX_A].verdict is Verdict.SUSPECT
    assert (story.on("checkout"), plan.links[IX_A].drain) == ("ix-a", None)


def test_session_loss_at_both_ends_is_left_early_when_everything_fits_elsewhere() -> None:
    story = Story()
    for name in ("ix-b", "ix-c", "vpn"):
        story.note(*healthy(name, 0))
    story.note(*aws_bgp("ix-a", Health.UP, 0), *gcp_bgp("ix-a", Health.UP, 0)).decided(1)
    story.note(*aws_bgp("ix-a", Health.DOWN, 10), *gcp_bgp("ix-a", Health.DOWN, 10)).decided(11)
    assert (story.on("checkout"), story.on("training")) == ("ix-b", "ix-c")
    assert story.plan.links[IX_A].verdict is Verdict.SUSPECT


def test_session_loss_at_both_ends_waits_when_the_target_would_be_overloaded() -> None:
    small = fabric(link("ix-a", 10 * G), link("ix-b", 5 * G), link("ix-c", 1 * G), vpn())
    story = Story(small).all_healthy(0)
    story.decided(1)
    story.note(*aws_bgp("ix-a", Health.DOWN, 10), *gcp_bgp("ix-a", Health.DOWN, 10))
    story.decided(11)
    assert story.on("training") == "ix-a"


def failed_and_healed(at: float = 20) -> Story:
    story = grey(steady(), 10)
    story.decided(11)
    story.note(*lever("ix-a", Health.DRAINING, 12, story.plan.epoch))
    return story.all_healthy(at)


def test_a_link_that_heals_is_not_returned_to_before_its_hold_down() -> None:
    story = failed_and_healed()
    story.decided(21)
    assert story.plan.links[IX_A].verdict is Verdict.UP
    story.all_healthy(300)
    story.decided(300)
    assert story.on("checkout") == "ix-b"


def test_a_link_that_stays_good_for_the_hold_down_gets_its_flows_back_and_its_incident_ends_after_the_levers() -> None:
    story = failed_and_healed()
    opened = story.decided(21).links[IX_A].down_since_epoch
    story.all_healthy(321)
    returned = story.decided(322)
    assert (story.on("checkout"), story.on("training")) == ("ix-a", "ix-a")
    assert returned.links[IX_A].down_since_epoch == opened
    assert story.outcome(323) is returned
    story.note(*lever("ix-a", Health.UP, 324, returned.epoch))
    ended = story.decided(325).links[IX_A]
    assert (ended.down_since_epoch, ended.closing) == (None, (opened,))


def test_a_told_incident_is_forgotten() -> None:
    story = failed_and_healed()
    story.decided(21)
    story.all_healthy(321).decided(322)
    story.note(*lever("ix-a", Health.UP, 324, 9)).decided(325)
    story.closed = ("atlas/ix-a@2",)
    assert story.decided(326).links[IX_A].closing == ()


def test_a_break_in_the_good_time_starts_the_hold_down_anew() -> None:
    story = failed_and_healed()
    story.decided(21)
    grey(story, 200).decided(201)
    story.all_healthy(210).decided(211)
    story.all_healthy(400).decided(401)
    assert story.on("checkout") == "ix-b"
    story.all_healthy(512).decided(513)
    assert story.on("checkout") == "ix-a"


def test_flaps_stay_one_incident() -> None:
    story = failed_and_healed()
    first = story.decided(21).links[IX_A].down_since_epoch
    for at in range(30, 200, 10):
        (grey(story, at) if at % 20 else story.all_healthy(at)).decided(at + 1)
    assert story.plan.links[IX_A].down_since_epoch == first


def test_an_untrusted_clock_allows_no_fail_back_but_does_allow_leaving_an_outage() -> None:
    story = failed_and_healed()
    story.decided(21)
    story.clock_trusted = False
    story.all_healthy(400).decided(401)
    assert story.on("checkout") == "ix-b"
    grey(story, 402, "ix-b").decided(403)
    assert story.on("checkout") == "vpn"


def test_the_hourly_budget_stops_fail_back_and_never_an_escape() -> None:
    story = Story(fabric(policy=Policy(mode=Mode.AUTO, hold_down=seconds(10), epochs_per_hour=1))).all_healthy(0)
    story.decided(1)
    at = 10.0
    for _ in range(2):
        grey(story, at).decided(at + 1)
        assert story.on("checkout") == "ix-b"
        story.all_healthy(at + 2).decided(at + 3)
        story.all_healthy(at + 20).decided(at + 21)
        at += 100
    assert story.on("checkout") == "ix-b"
    assert len(story.plan.moves) == 1


def test_what_cannot_be_seen_never_starts_a_trouble_and_never_ends_one() -> None:
    story = grey(steady(), 10)
    story.decided(11)
    later = 11 + 3600
    plan = story.decided(later)
    assert plan.links[IX_A].verdict is Verdict.DOWN
    assert plan.links[IX_B].verdict is Verdict.UNKNOWN
    assert story.on("checkout") == "ix-b"


def test_with_every_link_dark_nothing_is_moved() -> None:
    story = steady()
    for name in ("ix-a", "ix-b", "ix-c"):
        grey(story, 10, name)
    down = tuple(replace(row, health=Health.DOWN, seen_at=START + seconds(10)) for row in healthy("vpn", 0))
    story.note(*down).decided(11)
    assert all(state.drain is None for state in story.plan.links.values())
    assert story.on("checkout") == "ix-a"


def test_a_link_in_observe_is_reported_and_not_drained() -> None:
    watched = fabric(link("ix-a", 10 * G, mode=Mode.OBSERVE), link("ix-b", 5 * G), link("ix-c", 10 * G), vpn())
    story = Story(watched).all_healthy(0)
    story.decided(1)
    grey(story, 10).decided(11)
    state = story.plan.links[IX_A]
    assert (state.verdict, state.drain, state.down_since_epoch) == (Verdict.DOWN, None, 2)
    assert story.on("checkout") == "ix-a"


@pytest.mark.parametrize("flags", [{Cloud.AWS: FlagState.SET}, {Cloud.GCP: FlagState.SET}, {Cloud.GCP: FlagState.UNREADABLE}])
def test_a_freeze_keeps_every_flow_where_it_is_and_still_records_the_verdict(flags: dict[Cloud, FlagState]) -> None:
    story = steady()
    story.flags |= flags
    grey(story, 10).decided(11)
    assert story.plan.links[IX_A].verdict is Verdict.DOWN
    assert (story.plan.links[IX_A].drain, story.on("checkout")) == (None, "ix-a")


def test_the_other_clouds_flag_being_unreadable_does_not_stop_the_own_side() -> None:
    story = steady()
    story.flags[Cloud.AWS] = FlagState.UNREADABLE
    grey(story, 10).decided(11)
    assert story.on("checkout") == "ix-b"


def test_a_view_older_than_the_plans_marks_is_refused() -> None:
    story = steady()
    before = dict(story.rows)
    grey(story, 10).decided(11)
    story.rows = before
    outcome = story.outcome(12)
    assert isinstance(outcome, Declined)
    assert outcome.stale_view


def test_a_view_that_lacks_a_row_is_refused_unless_that_clouds_rows_are_unreadable() -> None:
    story = steady()
    story.rows.pop(next(row for row in story.rows if row.startswith("aws|")))
    outcome = story.outcome(2)
    assert isinstance(outcome, Declined)
    assert outcome.stale_view
    story.unreadable = (Cloud.AWS,)
    assert isinstance(story.outcome(2), Plan)


def test_rows_that_could_not_be_read_keep_their_marks() -> None:
    story = steady()
    held = dict(story.rows)
    story.rows = {key: row for key, row in held.items() if not key.startswith(("aws|", "probe-aws|"))}
    story.unreadable = (Cloud.AWS,)
    plan = story.note(*gcp_bgp("ix-a", Health.DOWN, 5)).decided(6)
    assert set(steady().plan.marks) <= set(plan.marks)


def test_a_stores_time_before_the_plans_is_a_fault_that_is_reported_and_not_obeyed() -> None:
    story = steady()
    outcome = story.outcome(-60)
    assert isinstance(outcome, Declined)
    assert not outcome.stale_view
    assert "check the clocks" in outcome.because


def test_a_stores_time_a_little_before_the_plans_shortens_no_hold_down() -> None:
    story = grey(steady(), 10)
    left = story.decided(11).decided_at
    back = story.all_healthy(11).decided(7)
    assert (back.links[IX_A].good_since, back.links[IX_A].since, back.decided_at) == (left, left, left)
    story.all_healthy(309)
    assert story.decided(309).links[IX_A].drain is not None
    story.all_healthy(312)
    assert story.decided(312).links[IX_A].drain is None


def test_epochs_rise_by_one_and_chain_through_the_digest_of_the_plan_before() -> None:
    story = steady()
    first = story.plan
    second = grey(story, 10).decided(11)
    assert second.epoch == first.epoch + 1
    assert second.prev_digest
    assert second.prev_digest != first.prev_digest


def test_every_decision_says_what_was_refused_and_why() -> None:
    story = grey(steady(), 10)
    reasons = {reason.about: reason for reason in story.decided(11).reasons}
    assert reasons["training"].chosen == "ix-c"
    assert "room" in reasons["training"].refused["ix-b"]
    assert reasons["training"].refused["ix-a"] == "drained"
    assert "probes" in reasons["ix-a"].because


def test_a_plan_survives_being_written_and_read() -> None:
    plan = grey(steady(), 10).decided(11)
    assert parse(canonical(plan), Plan) == plan


def test_the_plan_stays_within_four_kilobytes_at_ten_links_and_forty_flows() -> None:
    names = [f"ix-{n}" for n in range(1, 11)]
    NUMBERS.update({name: number for number, name in enumerate(names, start=11)})
    flows = tuple(flow(f"flow-{n}", G, 1 + n % 5, (names[n % 10], names[(n + 1) % 10]), n) for n in range(40))
    story = Story(fabric(*(link(name, 20 * G) for name in names), flows=flows)).all_healthy(0)
    story.decided(1)
    assert len(canonical(grey(story, 10, "ix-3").decided(11))) <= 4096


CLAIMS = st.sampled_from(
    [
        *(row for name in ("ix-a", "ix-b", "vpn") for health in Health for at in (2.0, 5.0, 9.0) for row in aws_bgp(name, health, at)),
        *(
            row
            for name in ("ix-a", "ix-c")
            for health in Health
            for at in (3.0, 6.0)
            for row in gcp_bgp(name, health, at, source=Source.ROUTER_LOG, cause=Cause.LINK_DOWN)
        ),
        *(
            row
            for name in ("ix-a", "ix-b", "ix-c")
            for health in Health
            for at in (4.0, 8.0)
            for row in (*aws_probe(name, health, at), *gcp_probe(name, health, at))
        ),
    ]
)


@given(st.lists(CLAIMS, max_size=12), st.randoms(use_true_random=False))
def test_order_and_repetition_of_sightings_do_not_matter(claims: list[Sighting], dice: object) -> None:
    shuffled = [*claims, *claims]
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = steady().note(*claims), steady().note(*shuffled)
    assert canonical(one.decided(10)) == canonical(other.decided(10))


@given(st.lists(CLAIMS, max_size=12))
def test_a_flow_is_never_left_without_a_link_while_one_of_its_links_is_up(claims: list[Sighting]) -> None:
    story = steady().note(*claims)
    plan = story.decided(10)
    for one in ATLAS.flows:
        assert plan.flows[one.name].link is not None
        up = [name for name in one.prefer if plan.links[name].verdict is Verdict.UP]
        at = plan.flows[one.name].link
        assert not up or plan.links[LinkName(at or "")].drain is None


@given(st.lists(CLAIMS, max_size=12))
def test_good_news_alone_never_moves_anything(claims: list[Sighting]) -> None:
    story = steady()
    before = dict(story.plan.flows)
    story.note(*(row for row in claims if row.health is Health.UP))
    assert story.decided(10).flows == before


@given(st.lists(CLAIMS, max_size=12))
def test_the_last_healthy_link_is_never_drained(claims: list[Sighting]) -> None:
    story = steady()
    for at in (10.0, 11.0, 12.0):
        story.note(*claims)
        plan = story.decided(at)
        assert any(state.drain is None and state.verdict is not Verdict.DOWN for state in plan.links.values()) or not any(
            state.drain for state in plan.links.values()
        )


@given(st.lists(CLAIMS, max_size=8))
def test_deciding_twice_on_one_view_comes_to_rest(claims: list[Sighting]) -> None:
    story = steady().note(*claims)
    now = START + timedelta(seconds=10)
    plan = story.decided(10)
    for _ in range(3):
        again = decide(ATLAS, story.view(), plan, now)
        assert isinstance(again, Plan)
        if again is plan:
            return
        plan = again
    pytest.fail("the decision never comes to rest")
