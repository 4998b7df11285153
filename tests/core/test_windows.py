"""Announced maintenance: what of it is believed, when a link is left for it, when it is returned to, and who is asked."""

from datetime import UTC, datetime, timedelta

import pytest

from pointsman.core.decide import decide
from pointsman.core.plan import DrainCause, Maintenance, Verdict
from pointsman.core.sightings import Cause, Sighting, Vantage, Window
from pointsman.core.values import canonical, parse, replace
from pointsman.core.windows import (
    FORESEEN,
    LONGEST,
    PLACES,
    UNENDED,
    UNSTARTED,
    from_notice,
    is_over,
    near,
    placed,
    row_of,
    span_of,
    told_by_link,
)
from tests.core.days import HOLD, HOUR, IX_A, LEAD, ROOMY, STEP, Days, at, notice, rows_for
from tests.core.scene import (
    START,
    Story,
    seconds,
)

# Rows


def test_an_announcement_of_what_the_fabric_lacks_or_of_no_maintenance_is_no_row() -> None:
    assert from_notice((ROOMY,), notice(1, 2, members=("dxvif-77",))) is None
    assert from_notice((ROOMY,), notice(1, 2, cause=Cause.OUTAGE)) is None
    assert from_notice((ROOMY,), notice(1, 2)) is not None


def test_two_announcements_of_one_member_have_two_rows_and_a_rewritten_one_replaces_its_own() -> None:
    first = rows_for((), notice(HOUR, 2 * HOUR, about="x"), notice(5 * HOUR, 6 * HOUR, about="y"))
    assert len({row.row for row in first}) == 2
    (moved,) = rows_for(first, notice(3 * HOUR, 4 * HOUR, about="x", seen=5))
    assert moved.row in {row.row for row in first}
    assert moved.window is not None
    assert moved.window.start == at(3 * HOUR)


def test_a_repeated_announcement_writes_nothing() -> None:
    first = rows_for((), notice(HOUR, 2 * HOUR))
    assert rows_for(first, notice(HOUR, 2 * HOUR, seen=99)) == ()


def test_places_are_bounded_and_those_of_windows_that_are_over_are_used_again() -> None:
    many = [notice(HOUR, 2 * HOUR, about=f"event {number}") for number in range(PLACES + 1)]
    rows = [row for one in many if (row := from_notice((ROOMY,), one)) is not None]
    kept, refused = placed(rows, (), START)
    assert (len(kept), len({row.row for row in kept}), len(refused)) == (PLACES, PLACES, 1)
    assert "no room" in refused[0]
    later = rows_for(kept, notice(9 * HOUR, 10 * HOUR, about="later", seen=8 * HOUR), now=8 * HOUR)
    assert len(later) == 1


def test_what_takes_a_window_back_keeps_its_place_until_that_window_is_over() -> None:
    back = rows_for((), notice(HOUR, 2 * HOUR, about="x", withdrawn=True))
    many = [notice(5 * HOUR, 6 * HOUR, about=f"event {number}", seen=10) for number in range(PLACES)]
    rows = [row for one in many if (row := from_notice((ROOMY,), one)) is not None]
    kept, refused = placed(rows, back, START + seconds(10))
    assert (len(kept), len(refused), back[0].row in {row.row for row in kept}) == (PLACES - 1, 1, False)
    assert len(placed(rows, back, START + seconds(2 * HOUR))[1]) == 0


def test_an_older_version_that_arrives_late_does_not_bring_back_what_was_withdrawn() -> None:
    story = Days()
    first = notice(HOUR, 2 * HOUR, seen=10)
    story.announce(notice(HOUR, 2 * HOUR, seen=20, withdrawn=True)).announce(first)
    story.until(HOUR)
    assert story.state().maintenance is None


@pytest.mark.parametrize("about", ["a", "b", "c", "d", "e", "f", "g", "h"])
def test_of_two_versions_of_one_instant_the_withdrawn_one_stands_in_either_order(about: str) -> None:
    live, over = notice(HOUR, 2 * HOUR, about=about), notice(HOUR, 2 * HOUR, about=about, withdrawn=True)
    for order in ((live, over), (over, live)):
        story = Days().announce(order[0]).announce(order[1])
        story.until(HOUR)
        assert story.state().maintenance is None


def test_a_row_that_names_no_zone_cannot_be_read_back_and_a_good_one_can() -> None:
    (row,) = rows_for((), notice(HOUR, 2 * HOUR))
    assert parse(canonical(row), Sighting) == row
    with pytest.raises(ValueError, match="Expected"):
        parse(canonical(row).replace(b'"start":"2026-11-20T13:00:00Z"', b'"start":"2026-11-20T13:00:00"'), Sighting)


# Bounds: suppression always ends


def window(start: datetime | None, end: datetime | None) -> Sighting:
    return row_of(Vantage.AWS, Window(key="k", members=("dxvif-1",), start=start, end=end), START)


def test_a_window_without_end_or_beginning_or_too_long_is_bounded() -> None:
    unended, endless = span_of(window(START, None)), span_of(window(START, START + timedelta(days=400)))
    unstarted = span_of(window(None, None))
    assert unended is not None
    assert endless is not None
    assert unstarted is not None
    assert unended.until == START + UNENDED
    assert endless.until == START + LONGEST
    assert (unstarted.until, unstarted.leaves) == (START + UNSTARTED, False)


def test_a_window_that_ends_before_it_starts_is_no_window() -> None:
    assert span_of(window(START, START - seconds(1))) is None
    assert span_of(window(START, START)) is None


def test_the_ends_of_the_calendar_harm_nobody() -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for start, end in ((last, None), (last, last), (first, last), (None, first), (None, last), (first, None)):
        row = window(start, end)
        assert not any(near(ROOMY, ROOMY.link("ix-a"), told_by_link(ROOMY, (row,), now), now) for now in (START, START + FORESEEN))
        is_over(row, START)
    decide(ROOMY, replace(Story(ROOMY).view(), rows=(window(last, None),)), Story(ROOMY).plan, START)


def test_windows_that_join_are_believed_no_longer_than_one() -> None:
    days = [notice(24 * HOUR * day, 24 * HOUR * (day + 1), about=f"day {day}") for day in range(12)]
    rows = rows_for((), *days)

    def running(day: float) -> Maintenance | None:
        now = START + timedelta(days=day)
        return near(ROOMY, ROOMY.link("ix-a"), told_by_link(ROOMY, rows, now), now)

    begun = running(0.5)
    assert begun is not None
    assert begun.until == START + LONGEST


# Before, within and after


def test_a_link_is_left_before_its_window_and_returned_to_after_it() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR - LEAD - STEP)
    assert story.state().drain is None
    assert story.on("checkout") == "ix-a"
    story.until(2 * HOUR - LEAD + STEP)
    assert (story.cause, story.on("checkout")) == (DrainCause.MAINTENANCE, "ix-b")
    assert len(story.plan.moves) == 1, "it is a choice, and the budget counts it"
    story.until(2 * HOUR)
    story.away = {"ix-a"}
    story.until(3 * HOUR)
    assert (story.state().verdict, story.cause) == (Verdict.DOWN, DrainCause.MAINTENANCE)
    story.away = set()
    story.until(3 * HOUR + HOLD - STEP)
    assert story.on("checkout") == "ix-b"
    story.until(3 * HOUR + HOLD + 2 * STEP)
    assert story.state().drain is None
    assert story.on("checkout") == "ix-a"
    story.go(HOLD + STEP)
    assert (story.state().maintenance, story.state().down_since_epoch) == (None, None)


def test_the_hold_down_counts_from_the_end_of_a_window_in_which_nothing_happened() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR))
    story.until(3 * HOUR + HOLD - STEP)
    assert story.cause is DrainCause.MAINTENANCE
    story.until(3 * HOUR + HOLD + STEP)
    assert story.cause is None


def test_a_decision_that_finds_nothing_new_within_a_window_is_the_same_plan() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR)
    epoch = story.plan.epoch
    story.until(3 * HOUR - STEP)
    assert story.plan.epoch == epoch


def test_a_late_announcement_is_met_at_once() -> None:
    story = Days()
    story.until(HOUR)
    story.announce(notice(HOUR - 600, 2 * HOUR, seen=HOUR))
    story.go(STEP)
    assert (story.cause, story.on("checkout")) == (DrainCause.MAINTENANCE, "ix-b")


def test_a_cancelled_window_returns_its_link_after_the_hold_down() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR - 300)
    story.announce(notice(2 * HOUR, 3 * HOUR, seen=story.now, withdrawn=True))
    story.go(HOLD - STEP)
    assert story.cause is DrainCause.MAINTENANCE
    story.go(2 * STEP)
    assert story.on("checkout") == "ix-a"


def test_a_window_that_is_put_off_returns_its_link_and_leaves_it_again() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR - 300)
    story.announce(notice(5 * HOUR, 6 * HOUR, seen=story.now))
    story.go(HOLD + 2 * STEP)
    assert story.cause is None
    story.until(5 * HOUR)
    assert story.cause is DrainCause.MAINTENANCE


def test_a_longer_window_is_believed_longer() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR + 600)
    story.announce(notice(2 * HOUR, 4 * HOUR, seen=story.now))
    story.until(3 * HOUR + HOLD + 5 * STEP)
    assert story.cause is DrainCause.MAINTENANCE


def test_overlapping_windows_are_one_and_a_short_pause_is_not_returned_in() -> None:
    story = Days().announce(
        notice(2 * HOUR, 3 * HOUR, about="x"), notice(2.5 * HOUR, 3.5 * HOUR, about="y"), notice(3.5 * HOUR + 600, 4 * HOUR, about="z")
    )
    story.until(4 * HOUR)
    assert sum(plan.links[IX_A].drain is not None for plan in story.history) > 0
    drained = [plan.links[IX_A].drain is not None for plan in story.history]
    assert drained == sorted(drained), "left once, and not returned to in between"
    assert story.state().drain is not None


def test_one_window_of_two_overlapping_ones_may_be_withdrawn() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR, about="x"), notice(2 * HOUR, 5 * HOUR, about="y"))
    story.until(2 * HOUR)
    story.announce(notice(2 * HOUR, 5 * HOUR, about="y", seen=story.now, withdrawn=True))
    story.until(3 * HOUR + HOLD + 2 * STEP)
    assert story.cause is None


def test_windows_that_follow_one_another_for_ten_days_hold_a_link_off_for_all_of_them_and_no_longer() -> None:
    story = Days()
    chain = [notice((2 + 4 * part) * HOUR, (6 + 4 * part) * HOUR - STEP, about=f"part {part}") for part in range(60)]
    story.announce(*chain)
    story.go(242 * HOUR - 1200, every=1200.0)
    assert story.cause is DrainCause.MAINTENANCE
    drained = [plan.links[IX_A].drain is not None for plan in story.history]
    assert drained == sorted(drained), "left once, and not returned to in between"
    story.go(HOUR, every=600.0)
    assert (story.state().drain, story.state().maintenance) == (None, None)


def test_two_windows_of_six_days_one_after_the_other_are_both_believed_to_their_end() -> None:
    day = 24 * HOUR
    rows = rows_for((), notice(day, 7 * day, about="first"), notice(7 * day, 13 * day, about="second"))

    def running(instant: float) -> tuple[datetime, datetime] | None:
        now = START + seconds(instant)
        found = near(ROOMY, ROOMY.link("ix-a"), told_by_link(ROOMY, rows, now), now)
        return None if found is None else (found.start, found.until)

    assert running(8 * day - 1) == (at(day), at(8 * day))
    assert running(8 * day) == (at(8 * day), at(13 * day))
    assert running(13 * day - 1) == (at(8 * day), at(13 * day))
    assert running(13 * day) is None


def test_a_link_that_failed_and_healed_within_its_window_is_returned_to_a_hold_down_after_the_windows_end() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR - LEAD - 2 * STEP)
    story.away = {"ix-a"}
    story.go(2 * STEP)
    story.away = set()
    story.until(3 * HOUR + HOLD - STEP)
    assert story.cause is DrainCause.OUTAGE
    story.go(2 * STEP)
    assert story.state().drain is None
