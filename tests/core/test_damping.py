"""Damping: a link that comes and goes is trusted later each time, what is worse is told at once, and no flow is left dark for it."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.damping import CEILING_HALVINGS, ceiling, charged, decayed, figure_at, told, under_at
from pointsman.core.fabric import Cloud, Damping, Fabric, LinkName, Policy
from pointsman.core.plan import FlagState, LinkState, Penalty, Plan, Verdict
from pointsman.core.sightings import Health
from pointsman.core.values import canonical, parse, replace
from tests.core.scene import (
    ATLAS,
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
)

IX_A, IX_B = LinkName("ix-a"), LinkName("ix-b")
USUAL = Damping()
QUARTER = timedelta(minutes=15)
OBSERVED = fabric(policy=replace(ATLAS.policy, damping=Damping(observe=True)))


@given(st.integers(0, 10**6), st.integers(0, 10**7), st.integers(1, 10**5))
def test_a_penalty_halves_with_every_half_life_and_is_rounded_down(figure: int, age: int, half_life: int) -> None:
    exact = figure * 2.0 ** -(age / half_life)
    assert exact - 1 - figure / 2**15 <= decayed(figure, seconds(age), seconds(half_life)) <= exact + figure / 2**15
    assert decayed(figure, seconds(half_life * 3), seconds(half_life)) == figure // 8


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_penalty_never_rises_by_itself(figure: int, age: int, more: int) -> None:
    assert decayed(figure, seconds(age + more), QUARTER) <= decayed(figure, seconds(age), QUARTER) <= figure
    assert decayed(figure, -seconds(age), QUARTER) == figure


def test_the_figures_of_a_decay_are_these_on_every_machine() -> None:
    ages = (0, 1, 60, 300, 899, 900, 1234, 3600)
    assert [decayed(3998, seconds(age), QUARTER) for age in ages] == FIGURES


FIGURES = [3998, 3994, 3817, 3173, 2000, 1999, 1545, 249]


def test_the_ceiling_is_what_falls_to_reuse_within_the_longest_suppression() -> None:
    assert ceiling(USUAL) == 12_000
    assert decayed(12_000, USUAL.max, USUAL.half_life) == USUAL.reuse
    odd = Damping(max=timedelta(minutes=40))
    assert abs(ceiling(odd) - 750 * 2 ** (40 / 15)) < 1


def test_the_ceiling_of_a_half_life_that_is_nothing_beside_the_longest_suppression_is_bounded() -> None:
    longest = Damping(half_life=timedelta(microseconds=1), max=timedelta(hours=999_999))
    assert ceiling(longest) == longest.reuse << CEILING_HALVINGS
    assert ceiling(Damping(half_life=timedelta(minutes=1), max=timedelta(minutes=CEILING_HALVINGS))) == 750 << CEILING_HALVINGS
    assert charged(None, longest, START).figure == longest.down


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_the_time_at_which_a_penalty_falls_under_a_threshold_is_the_first_second_that_it_is(figure: int, threshold: int) -> None:
    penalty = Penalty(figure=figure, at=START)
    when = under_at(penalty, USUAL, threshold)
    assert figure_at(penalty, USUAL, when) < threshold
    assert when == START or figure_at(penalty, USUAL, when - seconds(1)) >= threshold


@given(st.lists(st.integers(0, 2000), max_size=40))
def test_a_penalty_never_passes_its_ceiling_and_suppression_always_ends_within_its_longest(gaps: list[int]) -> None:
    penalty, now = None, START
    for gap in gaps:
        now += seconds(gap)
        penalty = charged(penalty, USUAL, now)
        assert penalty.figure <= ceiling(USUAL)
    state = LinkState(penalty=penalty)
    assert told(state, USUAL, now + USUAL.max + seconds(1)) == ""


def test_a_first_failure_is_never_damped_whatever_the_figures_are() -> None:
    harsh = Damping(down=5000, suppress_failback=2000)
    assert not charged(None, harsh, START).damped
    assert charged(charged(None, harsh, START), harsh, START).damped


def dark(story: Story, at: float, name: str = "ix-a") -> Plan:
    return story.note(*aws_probe(name, Health.DOWN, at), *gcp_probe(name, Health.DOWN, at)).decided(at)


def well(story: Story, at: float) -> Plan:
    return story.all_healthy(at).decided(at)


def steady(start: Fabric = ATLAS) -> Story:
    """Everything is up, and has been for longer than a hold-down."""
    story = Story(start)
    well(story, 0)
    well(story, 400)
    return story


def flapped(times: int, start: Fabric = ATLAS, *, at: float = 410, every: float = 10) -> Story:
    """Fail ix-a as often, a few seconds apart; it is well again in the end, as the rows say."""
    story = steady(start)
    for number in range(times):
        dark(story, at + number * every)
        story.note(*lever("ix-a", Health.DRAINING, at + number * every + 1, story.plan.epoch))
        well(story, at + number * every + every / 2)
    return story


def returns(story: Story, begin: float, until: float, every: float = 60) -> float | None:
    """Sweep with everything well; give when ix-a carries again."""
    at = begin
    while at <= until:
        well(story, at)
        if story.plan.links[IX_A].drain is None:
            return at
        at += every
    return None


def penalty_of(story: Story, name: LinkName = IX_A) -> Penalty:
    penalty = story.plan.links[name].penalty
    assert penalty is not None
    return penalty


def test_each_change_to_down_is_charged_once() -> None:
    story = flapped(2)
    assert penalty_of(story).figure == decayed(1000, seconds(10), QUARTER) + 1000
    assert not penalty_of(story).damped


def test_a_link_that_failed_three_times_returns_after_its_hold_down_and_no_later() -> None:
    story = flapped(3)
    assert returns(story, 440, 1000, every=5) == 435 + 300


def test_a_link_that_flaps_is_returned_to_only_after_its_penalty_is_under_reuse() -> None:
    story = flapped(4)
    assert penalty_of(story).damped
    reuse = (under_at(penalty_of(story), USUAL, USUAL.reuse) - START).total_seconds()
    at = returns(story, 450, 5000)
    assert at is not None
    assert reuse <= at < reuse + 60
    assert story.on("checkout") == "ix-a"


def test_time_alone_brings_a_damped_link_back_and_it_has_been_watched_for_a_hold_down_by_then() -> None:
    story = flapped(4)
    reuse = (under_at(penalty_of(story), USUAL, USUAL.reuse) - START).total_seconds()
    for at in range(450, int(reuse) - 299, 60):
        before = story.plan
        assert well(story, at) is before, "nothing is new while it is damped"
    assert well(story, reuse - 298).links[IX_A].verdict is Verdict.UP
    assert story.plan.links[IX_A].drain is not None
    assert well(story, reuse + 3).links[IX_A].drain is None


def test_what_a_damped_link_does_makes_no_epoch() -> None:
    story = flapped(4)
    before = story.plan
    for number in range(50):
        dark(story, 460 + 2 * number)
        well(story, 461 + 2 * number)
    assert story.plan is before


def test_a_link_that_goes_on_flapping_is_charged_anew_each_time_it_is_watched() -> None:
    story = flapped(4)
    watched = (under_at(penalty_of(story), USUAL, USUAL.reuse) - START).total_seconds() - 299
    well(story, watched)
    dark(story, watched + 10)
    assert penalty_of(story).figure > 1900
    assert penalty_of(story).damped
    assert returns(story, watched + 20, watched + 900) is None


def test_the_first_word_against_a_link_that_is_watched_for_its_return_ends_the_watch() -> None:
    story = flapped(1)
    story.note(*aws_probe("ix-a", Health.DOWN, 420)).decided(420)
    state = story.plan.links[IX_A]
    assert (state.verdict, state.good_since) == (Verdict.DOWN, None)
    assert (story.on("checkout"), story.on("training")) == ("ix-b", "ix-c")


def test_the_reason_names_the_penalty_and_when_it_is_under_reuse() -> None:
    story = steady()
    for number in range(4):
        plan = dark(story, 410 + 10 * number)
        because = next(reason.because for reason in plan.reasons if reason.about == "ix-a")
        assert ("damped" in because) is (number == 3)
        well(story, 415 + 10 * number)
    when = under_at(penalty_of(story), USUAL, USUAL.reuse)
    assert f"damped: penalty {penalty_of(story).figure} at 2026-11-20T12:07:20Z, under 750 at {when:%FT%TZ}" in because


def test_a_link_that_has_been_good_for_hours_waits_for_its_penalty_all_the_same() -> None:
    story = flapped(1)
    worst = Penalty(figure=12_000, at=START + seconds(3000), damped=True)
    story.plan = replace(story.plan, links=story.plan.links | {IX_A: replace(story.plan.links[IX_A], penalty=worst)})
    assert well(story, 3000).links[IX_A].drain is not None
    assert returns(story, 3000 + 3599, 7000, every=1) == 3000 + 3601


def test_a_damped_link_that_is_not_drained_attracts_no_flow_while_another_is_settled() -> None:
    story = steady()
    penalty = Penalty(figure=4000, at=START + seconds(400), damped=True)
    story.plan = replace(
        story.plan,
        links=story.plan.links | {IX_A: replace(story.plan.links[IX_A], penalty=penalty)},
        flows={name: replace(one, link=LinkName("ix-b")) for name, one in story.plan.flows.items()},
    )
    well(story, 420)
    assert story.on("checkout") == "ix-b"
    said = next(reason.refused["ix-a"] for reason in story.plan.reasons if reason.about == "training")
    assert "damped: penalty" in said


def test_a_flow_with_no_other_open_link_is_not_kept_dark_by_damping() -> None:
    story = flapped(4, fabric(flows=(flow("checkout", G, 1, ("ix-a", "ix-b"), 20),)))
    dark(story, 470, "ix-b")
    story.note(*healthy("ix-a", 471)).decided(471)
    story.note(*healthy("ix-a", 475)).decided(475)
    assert (story.plan.links[IX_A].drain, story.on("checkout")) == (None, "ix-a")


def test_with_observe_everything_is_reckoned_and_said_and_nothing_is_held_back() -> None:
    story = flapped(4, OBSERVED)
    assert penalty_of(story).damped
    assert story.plan.links[IX_A].verdict is Verdict.UP
    assert returns(story, 450, 1000, every=5) == 445 + 300
    plan = dark(story, 800)
    because = next(reason.because for reason in plan.reasons if reason.about == "ix-a")
    assert "would be damped, and is only observed: penalty" in because


def test_leaving_a_link_that_is_down_is_never_damped() -> None:
    story = steady()
    worst = Penalty(figure=12_000, at=START + seconds(400), damped=True)
    story.plan = replace(story.plan, links={name: replace(state, penalty=worst) for name, state in story.plan.links.items()})
    assert dark(story, 410).links[IX_A].drain is not None
    assert story.on("checkout") == "ix-b"


def torn(story: Story, at: float, figure: int) -> Story:
    """Give both links of a flow the same penalty; ix-a is drained since ``at``, ix-b carries and fails, ix-a is well."""
    worst = Penalty(figure=figure, at=START + seconds(at), damped=True)
    story.plan = replace(story.plan, links={name: replace(state, penalty=worst) for name, state in story.plan.links.items()})
    dark(story, at)
    story.note(*lever("ix-a", Health.DRAINING, at + 1, story.plan.epoch))
    story.note(*healthy("ix-a", at + 8))
    dark(story, at + 8, "ix-b")
    return story


TWO = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=(flow("checkout", G, 1, ("ix-a", "ix-b"), 20),))


@pytest.mark.parametrize(("figure", "back"), [(5000, True), (8000, False)])
def test_beyond_the_threshold_for_action_two_flapping_links_are_not_left_for_each_other_within_a_hold_down(
    figure: int, *, back: bool
) -> None:
    story = torn(steady(TWO), 410, figure)
    story.note(*healthy("ix-a", 420)).decided(420)
    assert (story.plan.links[IX_A].drain is None) is back
    story.note(*healthy("ix-a", 715)).decided(715)
    story.note(*healthy("ix-a", 716)).decided(716)
    assert (story.plan.links[IX_A].drain, story.on("checkout")) == (None, "ix-a"), "and the flow waits no longer than that"


def test_a_session_that_is_lost_at_both_ends_is_not_left_early_beyond_the_threshold_for_action() -> None:
    for figure, at in ((6001, "ix-a"), (6000, "ix-b")):
        story = steady()
        worst = Penalty(figure=figure, at=START + seconds(410))
        story.plan = replace(story.plan, links=story.plan.links | {IX_A: replace(story.plan.links[IX_A], penalty=worst)})
        for row in (*aws_probe("ix-a", Health.UP, 0), *gcp_probe("ix-a", Health.UP, 0)):
            story.rows.pop(row.row)
        story.plan = replace(story.plan, marks={})
        story.note(*aws_bgp("ix-a", Health.DOWN, 410), *gcp_bgp("ix-a", Health.DOWN, 410)).decided(410)
        assert story.plan.links[IX_A].verdict is Verdict.SUSPECT
        assert story.on("checkout") == at


def test_a_link_that_wavers_is_believed_well_again_once_in_a_share_of_the_hour() -> None:
    story, epochs = steady(), []
    for number in range(100):
        story.note(*aws_bgp("ix-a", Health.DOWN, 410 + 6 * number)).decided(410 + 6 * number)
        well(story, 413 + 6 * number)
        epochs.append(story.plan.epoch)
    assert epochs[-1] - epochs[0] <= 2, "suspect, well, suspect; and after ten minutes well once more"
    well(story, 413 + 1200)
    assert story.plan.links[IX_A].verdict is Verdict.UP


def test_a_link_that_wavers_is_believed_at_once_when_a_flow_needs_it() -> None:
    story = steady(TWO)
    story.note(*aws_bgp("ix-b", Health.DOWN, 410)).decided(410)
    well(story, 411)
    story.note(*aws_bgp("ix-b", Health.DOWN, 412)).decided(412)
    story.note(*healthy("ix-b", 413)).decided(413)
    assert story.plan.links[IX_B].verdict is Verdict.SUSPECT
    dark(story, 414)
    assert (story.plan.links[IX_B].verdict, story.on("checkout")) == (Verdict.UP, "ix-b")


def test_a_penalty_is_dropped_from_the_plan_once_it_is_under_half_of_reuse() -> None:
    story = flapped(1)
    assert returns(story, 420, 1000) is not None
    story.note(*lever("ix-a", Health.UP, 1000, story.plan.epoch)).decided(1001)
    well(story, 1800)
    dark(story, 1801, "ix-b")
    assert story.plan.links[IX_A].penalty is None
    assert parse(canonical(story.plan), Plan) == story.plan


def test_without_a_failure_the_plan_says_nothing_of_damping() -> None:
    assert b"penalty" not in canonical(steady().plan)
    assert b"wavered" not in canonical(steady().plan)


def test_in_a_freeze_a_damped_link_is_still_damped() -> None:
    story = flapped(4)
    story.flags[Cloud.AWS] = FlagState.SET
    before = story.plan
    assert well(story, 500) is before


def test_a_policy_without_figures_of_its_own_has_the_usual_ones() -> None:
    assert Policy().damping == Damping(half_life=QUARTER, down=1000, reuse=750, suppress_failback=3000, suppress_action=6000)


def test_what_is_told_of_a_penalty_is_as_it_stands() -> None:
    state = LinkState(penalty=Penalty(figure=4000, at=START, damped=True))
    now: datetime = START + QUARTER
    assert told(state, USUAL, now) == "damped: penalty 2000 at 2026-11-20T12:15:00Z, under 750 at 2026-11-20T12:36:14Z"
    assert told(replace(state, penalty=Penalty(figure=4000, at=START)), USUAL, now) == ""
