"""Marks: no view that lacks what was decided on is decided from again, however close together claims lie."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.decide import Declined, decide
from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.marks import BINDING, current, mark_of, marks
from pointsman.core.members import alarm_key
from pointsman.core.plan import Verdict
from pointsman.core.rows import newest
from pointsman.core.sightings import Cause, Health, Sighting, Source
from pointsman.core.values import replace
from tests.core.scene import START, Story, aws_bgp, aws_probe, gcp_bgp, gcp_probe

IX_A = LinkName("ix-a")
TICK = timedelta(microseconds=1)


def probes(health: Health, ticks: int) -> tuple[Sighting, ...]:
    """Give both ends' probes of ix-a some microseconds after second 10."""
    return tuple(
        replace(one, seen_at=one.seen_at + ticks * TICK) for one in (*aws_probe("ix-a", health, 10), *gcp_probe("ix-a", health, 10))
    )


def steady() -> Story:
    story = Story().all_healthy(10)
    story.decided(11)
    return story


def test_a_view_of_the_same_millisecond_that_lacks_the_worse_claim_is_stale() -> None:
    story = steady()
    blind = dict(story.rows)
    assert story.note(*probes(Health.DOWN, 1)).decided(12).links[IX_A].verdict is Verdict.DOWN
    story.rows = blind
    outcome = story.outcome(13)
    assert isinstance(outcome, Declined)
    assert outcome.stale_view


def test_a_view_of_the_very_same_instant_that_lacks_the_worse_claim_is_stale() -> None:
    story = steady()
    blind = dict(story.rows)
    story.note(*probes(Health.DOWN, 0)).decided(12)
    story.rows = blind
    assert isinstance(story.outcome(13), Declined)


def test_a_view_that_was_read_a_minute_after_the_plan_was_decided_is_stale_no_more_unless_the_time_is_anybodys_guess() -> None:
    story = steady()
    blind = dict(story.rows)
    decided = story.note(*probes(Health.DOWN, 0)).decided(12)
    story.rows = blind
    later = decided.decided_at + BINDING
    assert isinstance(decide(story.fabric, story.view(), decided, later - TICK), Declined)
    assert isinstance(decide(story.fabric, replace(story.view(), clock_trusted=False), decided, later), Declined)
    assert not isinstance(decide(story.fabric, story.view(), decided, later), Declined)


def test_marks_stay_exact_for_every_reader_of_json() -> None:
    assert 0 < mark_of(probes(Health.DOWN, 0)[0]) < 2**53
    assert mark_of(replace(probes(Health.DOWN, 0)[0], seen_at=START.replace(year=2054))) < 2**53


HEALTHS = st.sampled_from([Health.UP, Health.DEGRADED, Health.DOWN])


@given(HEALTHS, st.integers(0, 1500), HEALTHS, st.integers(0, 1500))
def test_marks_rank_claims_as_rows_do(one: Health, at: int, other: Health, then: int) -> None:
    first, second = probes(one, at)[0], probes(other, then)[0]
    wins = newest((first, second))[first.row]
    assert mark_of(wins) == max(mark_of(first), mark_of(second))


STEPS = st.lists(st.tuples(HEALTHS, st.integers(0, 3), st.booleans()), min_size=1, max_size=12)


@given(STEPS)
def test_however_claims_tie_a_decision_from_a_late_reader_hides_no_worse_row(steps: list[tuple[Health, int, bool]]) -> None:
    """Deciders read at any time and decide later; each row holds the claim that won, and the last look settles the verdict."""
    story = steady()
    read = dict(story.rows)
    for count, (health, ticks, fresh) in enumerate(steps):
        story.note(*probes(health, ticks))
        now, read = dict(story.rows), (dict(story.rows) if fresh else read)
        story.rows = read
        decided = story.outcome(12 + count / 100)
        if not isinstance(decided, Declined):
            assert all(mark <= max(map(mark_of, now.values())) for mark in decided.marks.values())
            story.plan = decided
        story.rows = now
    plan = story.decided(13)
    held = story.rows[probes(Health.UP, 0)[0].row]
    assert (plan.links[IX_A].verdict is Verdict.DOWN) == (held.health is Health.DOWN)


def told_and_unsaid(looked: Health) -> Story:
    """Let AWS's feed tell of a session that went, and AWS look at it twice since; then leave of AWS's rows what lies elsewhere."""
    story = steady()
    story.note(*aws_bgp("ix-a", Health.DOWN, 20, source=Source.NETWORK_MANAGER, cause=Cause.SESSION_DOWN)).decided(21)
    leftovers = story.note(*aws_bgp("ix-a", looked, 30)).rows
    story.note(*aws_bgp("ix-a", Health.UP, 60), *gcp_bgp("ix-a", Health.UP, 60)).decided(61)
    story.rows, story.unreadable = dict(leftovers), (Cloud.AWS,)
    return story.note(*gcp_bgp("ix-a", Health.UP, 70))


def test_an_event_is_not_believed_again_when_only_leftovers_of_what_unsaid_it_can_be_read() -> None:
    story = told_and_unsaid(Health.UP)
    assert story.outcome(70) == story.plan
    assert story.plan.links[IX_A].verdict is Verdict.UP


def test_a_leftover_that_could_not_tell_unsays_nothing() -> None:
    assert told_and_unsaid(Health.UNKNOWN).decided(70).links[IX_A].verdict is Verdict.SUSPECT


def test_an_alarm_that_is_cleared_long_ago_hides_no_other_alarm_while_its_cloud_is_unreadable() -> None:
    """What is left elsewhere of one alarm lies behind its mark; the other alarm of the same metric is at its own."""
    story = steady()
    down, up = (aws_bgp("ix-a", one, at, source=Source.CLOUDWATCH)[0] for one, at in ((Health.DOWN, 20), (Health.UP, 25)))
    keen, deaf = replace(down, text=alarm_key("keen")), replace(up, text=alarm_key("deaf"))
    leftovers = story.note(keen, deaf).rows
    marked = marks(story.fabric, story.note(replace(deaf, seen_at=deaf.seen_at + TICK)).view(), {})
    story.rows, story.unreadable = dict(leftovers), (Cloud.AWS,)
    assert keen in current(marked, story.view()).rows
    assert deaf not in current(marked, story.view()).rows
