from datetime import UTC, datetime, timedelta

from pointsman.quorum.timing import median_time

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=3)
YEARS_AHEAD = NOON.replace(year=2091)


def test_three_stores_give_the_one_in_the_middle_so_one_wild_clock_changes_nothing() -> None:
    assert median_time([YEARS_AHEAD, NOON, LATER]) == LATER


def test_two_stores_give_the_earlier() -> None:
    assert median_time([YEARS_AHEAD, NOON]) == NOON


def test_one_store_or_none_gives_no_time() -> None:
    assert median_time([NOON]) is None
    assert median_time([]) is None
