"""Sighting rows: what stands depends on the claims alone, and not on who came first."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.rows import GRAIN, clamped, newest, rank, standing, winning
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.core.values import replace
from tests.core.scene import START, Story, claim, seconds

MILDEST_FIRST = (Health.UNKNOWN, Health.UP, Health.DRAINING, Health.DEGRADED, Health.DOWN)
SECOND = claim(Vantage.AWS, "dxvif-1", Health.UP, 10)

claims = st.builds(
    Sighting,
    vantage=st.just(Vantage.AWS),
    member=st.sampled_from(["dxvif-1", "dxvif-2"]),
    source=st.just(Source.NETWORK_MANAGER),
    aspect=st.just(Aspect.BGP),
    health=st.sampled_from(Health),
    seen_at=st.builds(lambda second: START + seconds(second), st.integers(0, 2)),
    cause=st.sampled_from([Cause.UNSTATED, Cause.SESSION_DOWN, Cause.BFD_DOWN]),
    value=st.sampled_from([None, 0.0, 0.5]),
)
reordered = st.lists(claims, max_size=8).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some)))


def noted(some: Iterable[Sighting], store_time: datetime | None = None) -> dict[str, Sighting]:
    """Write claims one by one, as a store does."""
    rows: dict[str, Sighting] = {}
    for one in some:
        won = winning(one, rank(rows[one.row]) if one.row in rows else None, store_time)
        rows |= {} if won is None else {one.row: won}
    return rows


@given(reordered)
def test_the_newest_claims_of_a_batch_do_not_depend_on_its_order(orders: tuple[list[Sighting], list[Sighting]]) -> None:
    one, other = orders
    assert newest(one) == newest(other)


@given(reordered, st.sampled_from([None, START - seconds(60), START, START + seconds(60)]))
def test_the_rows_that_claims_leave_do_not_depend_on_their_order(
    orders: tuple[list[Sighting], list[Sighting]], time: datetime | None
) -> None:
    one, other = orders
    assert noted(one, time) == noted(other, time)


@given(st.lists(claims, max_size=8), st.integers(0, 8))
def test_claims_noted_one_by_one_or_in_batches_leave_the_same_rows(some: list[Sighting], cut: int) -> None:
    batches = (*newest(some[:cut]).values(), *newest(some[cut:]).values())
    assert noted(some) == noted(batches) == newest(some) == Story().note(*some).rows


@given(claims)
def test_a_repeated_claim_is_not_written_again(one: Sighting) -> None:
    assert winning(one, None, START) is not None
    assert winning(one, rank(one), START + seconds(60)) is None


@given(claims, claims)
def test_only_equal_claims_of_a_row_have_equal_ranks(one: Sighting, other: Sighting) -> None:
    assert (rank(one) == rank(other)) == (one == replace(other, member=one.member))


@given(st.datetimes(), st.datetimes())
def test_the_newer_claim_ranks_higher_whatever_it_says(one: datetime, other: datetime) -> None:
    down = replace(SECOND, health=Health.DOWN, seen_at=one.replace(tzinfo=START.tzinfo))
    up = replace(SECOND, seen_at=other.replace(tzinfo=START.tzinfo))
    assert (rank(down) < rank(up)) == (one < other)


@pytest.mark.parametrize(("mild", "bad"), list(pairwise(MILDEST_FIRST)))
def test_of_equal_times_the_worse_health_wins(mild: Health, bad: Health) -> None:
    milder, worse = replace(SECOND, health=mild), replace(SECOND, health=bad)
    assert winning(worse, rank(milder), None) == worse
    assert winning(milder, rank(worse), None) is None


def test_a_time_ahead_of_the_stores_is_brought_back_and_then_compared() -> None:
    time = SECOND.seen_at
    wild = replace(SECOND, health=Health.DOWN, seen_at=time + timedelta(days=9000))
    assert winning(wild, rank(SECOND), time) == replace(wild, seen_at=time)
    assert winning(wild, rank(replace(SECOND, seen_at=time + GRAIN)), time) is None


@pytest.mark.parametrize("held", [None, True, 10**16, "", "soon", "1e9.4.down.", "\u0663" * 18, "\u00b2" * 18])
def test_what_is_no_rank_blocks_no_claim(held: object) -> None:
    assert standing(held, START) is None


def test_a_rank_ahead_of_the_stores_time_was_never_clamped_and_blocks_no_claim() -> None:
    ahead, just = (rank(replace(SECOND, seen_at=START + GRAIN + timedelta(microseconds=more))) for more in (1, 0))
    assert standing(ahead, START) is None
    assert standing(ahead, None) == ahead
    assert standing(just, START) == just


@pytest.mark.parametrize("end", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_a_store_or_a_claim_at_the_calendars_end_is_compared_like_any_other(end: datetime) -> None:
    assert clamped(START, end) == min(START, end)
    assert clamped(end, START) == min(START, end)
    assert winning(SECOND, rank(replace(SECOND, seen_at=end)), end) is None
