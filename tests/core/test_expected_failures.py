"""Failures within an announced window: expected, so they cost the link no trust; all others do, and none is hidden."""

import pytest

from pointsman.core.damping import told
from pointsman.core.fabric import Mode
from pointsman.core.incidents import Severity
from pointsman.core.outbox import severity_of
from pointsman.core.plan import DrainCause, Verdict
from pointsman.core.values import replace
from tests.core.days import FLOWS, HOLD, HOUR, IX_A, LEAD, ROOMY, STEP, VPN, Days, notice
from tests.core.scene import START, G, fabric, flow, link, seconds

DAMPING = ROOMY.policy.damping


def flap(story: Days, times: int, name: str = "ix-a") -> Days:
    """Fail a link as often, for a minute, with a minute between; it is well in the end."""
    for _ in range(times):
        story.away = {name}
        story.go(STEP)
        story.away = set()
        story.go(STEP)
    return story


def announced() -> Days:
    """Give a story in which ix-a is to be left for a window from 2 h to 3 h."""
    return Days().announce(notice(2 * HOUR, 3 * HOUR))


def test_a_link_that_flaps_while_it_is_worked_on_is_returned_to_a_hold_down_after_its_window() -> None:
    story = announced()
    story.until(2 * HOUR + STEP)
    assert story.cause is DrainCause.MAINTENANCE
    flap(story, 20)
    story.until(3 * HOUR - 4 * STEP)
    flap(story, 2)
    assert story.state().penalty is None
    story.until(3 * HOUR + HOLD + STEP)
    assert (story.state().drain, story.state().penalty, story.on("checkout")) == (None, None, "ix-a")


def test_what_a_window_expects_bounds_its_epochs_as_damping_does() -> None:
    story = announced()
    story.until(2 * HOUR + STEP)
    before = len(story.history)
    flap(story, 25)
    assert len(story.history) - before <= 12, "a storm of failures that move nothing is not agreed on one by one"


def test_a_link_held_back_within_its_window_says_so_and_is_no_longer_than_that() -> None:
    story = announced()
    story.until(3 * HOUR - 12 * STEP)
    flap(story, 5)
    end = START + seconds(3 * HOUR)
    text = told(story.state(), DAMPING, START + seconds(story.now))
    assert text.startswith("damped, within its window alone: penalty ")
    assert text.endswith(f", until {end:%FT%TZ}")
    assert told(story.state(), DAMPING, end) == "", "also if nobody decides any more by then"


@pytest.mark.parametrize("begin", [2 * HOUR - LEAD + STEP, 3 * HOUR + STEP])
def test_a_failure_outside_the_window_is_charged_before_it_begins_and_right_after_its_end(begin: float) -> None:
    story = announced()
    story.until(begin)
    assert story.state().penalty is None
    flap(story, 1)
    penalty = story.state().penalty
    assert penalty is not None
    assert (penalty.figure, penalty.at) == (DAMPING.down, START + seconds(begin))


def test_a_window_that_was_withdrawn_expects_nothing_more() -> None:
    story = announced()
    story.until(2 * HOUR + 10 * STEP)
    flap(story, 2)
    story.announce(notice(2 * HOUR, 3 * HOUR, seen=story.now, withdrawn=True))
    flap(story, 1)
    penalty = story.state().penalty
    assert penalty is not None
    assert penalty.figure == DAMPING.down


def test_what_was_charged_before_a_window_counts_after_it_and_no_more() -> None:
    story = Days()
    story.until(HOUR)
    flap(story, 4)
    before = story.state().penalty
    assert before is not None
    assert before.damped
    story.announce(notice(story.now + 300, story.now + 900, seen=story.now))
    story.go(360)
    flap(story, 3)
    assert story.state().penalty == before
    story.go(600)
    assert story.state().penalty == before


def test_a_failure_that_was_expected_is_placed_around_and_told_like_any_other() -> None:
    watched = fabric(link("ix-a", 10 * G), link("ix-b", 5 * G), flows=FLOWS)
    story = Days(watched).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR + STEP)
    assert (story.cause, story.on("checkout")) == (None, "ix-a"), "a person is asked: it would squeeze"
    story.away = {"ix-a"}
    story.go(STEP)
    assert (story.state().verdict, story.cause, story.on("checkout")) == (Verdict.DOWN, DrainCause.OUTAGE, "ix-b")
    assert story.state().down_since_epoch is not None
    assert story.state().penalty is None
    last = Days(fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=(flow("checkout", G, 1, ("ix-a",), 20),)))
    last.announce(notice(2 * HOUR, 3 * HOUR)).until(2 * HOUR + STEP)
    last.away = {"ix-a"}
    last.go(STEP)
    assert severity_of(last.fabric, last.plan, IX_A) is Severity.CRITICAL


def test_a_link_in_mode_observe_is_not_charged_for_its_window_either() -> None:
    watched = fabric(link("ix-a", 10 * G, mode=Mode.OBSERVE), link("ix-b", 10 * G), flows=FLOWS)
    story = Days(watched).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR + STEP)
    flap(story, 2)
    assert story.state().penalty is None


def test_a_window_on_some_members_does_not_expect_the_failure_of_the_others() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR, members=("vpn-1",)))
    story.until(2 * HOUR + STEP)
    window = story.state(VPN).maintenance
    assert window is not None
    assert window.away
    story.away = {"vpn"}
    story.go(2 * STEP)
    assert story.state(VPN).verdict is Verdict.DOWN
    penalty = story.state(VPN).penalty
    assert penalty is not None
    assert penalty.figure == DAMPING.down


def test_only_observed_damping_charges_a_window_nothing_either() -> None:
    story = Days(replace(ROOMY, policy=replace(ROOMY.policy, damping=replace(DAMPING, observe=True))))
    story.announce(notice(2 * HOUR, 3 * HOUR)).until(2 * HOUR + STEP)
    flap(story, 5)
    assert story.state().penalty is None
