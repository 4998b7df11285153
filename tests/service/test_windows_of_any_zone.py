"""A window that a person announces in their own zone is one of UTC from the door on: it is told, kept and told apart by its instant."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pointsman.core.errors import Refused
from pointsman.core.sightings import Vantage, Window
from pointsman.core.windows import in_utc, row_of, span_of
from pointsman.service.announcing import Wish, add, cancel, listed
from tests.service.test_converge import World, story
from tests.service.test_status import table

EAST, WEST = timezone(timedelta(hours=5)), timezone(timedelta(hours=-3))


def wish(at: datetime, reason: str) -> Wish:
    return Wish(link="ix-a", start=at, end=at + timedelta(hours=1), author="kim", reason=reason)


def wall(world: World, zone: timezone) -> datetime:
    """Give four o'clock tomorrow as a clock on a wall of that zone shows it."""
    return (world.clock.now() + timedelta(days=1)).replace(hour=4, minute=0, second=0, microsecond=0, tzinfo=zone)


def test_one_wall_clock_time_in_three_zones_is_three_windows_each_told_in_utc() -> None:
    async def tell(world: World) -> None:
        told = [(await add(table(world), wish(wall(world, zone), f"{zone}"))).window for zone in (EAST, UTC, WEST)]
        found = (await listed(table(world))).windows
        assert len({one.id for one in told}) == len(found) == 3
        four = wall(world, UTC)
        assert [one.start for one in found] == [four - timedelta(hours=5), four, four + timedelta(hours=3)]
        assert {one.start.utcoffset() for one in (*told, *found) if one.start} == {timedelta(0)}

    story(tell)


def test_one_instant_in_two_zones_is_one_window() -> None:
    async def tell(world: World) -> None:
        at = wall(world, EAST)
        first = await add(table(world), wish(at, "east"))
        again = await add(table(world), wish(at.astimezone(WEST), "west"))
        (one,) = (await listed(table(world))).windows
        assert first.window.id == again.window.id == one.id
        assert (one.start, one.what) == (at, "west")
        await cancel(table(world), one.id, author="kim", reason="not needed")

    story(tell)


def test_what_the_plan_keeps_of_a_window_reads_in_utc_whatever_zone_its_row_names() -> None:
    at = datetime(2026, 11, 25, 4, tzinfo=EAST)
    window = Window(key="k", members=("link/ix-a",), start=at, end=at + timedelta(hours=1))
    span = span_of(row_of(Vantage.OPERATOR, window, at))
    assert span is not None
    assert f"{span.start:%FT%TZ} {span.until:%FT%TZ}" == "2026-11-24T23:00:00Z 2026-11-25T00:00:00Z"
    assert in_utc(datetime.max.replace(tzinfo=WEST)) == datetime.max.replace(tzinfo=WEST)


@pytest.mark.parametrize("at", [datetime(2026, 11, 25, 4), datetime.min.replace(tzinfo=EAST)])  # noqa: DTZ001 - that it has no zone is the point
def test_a_time_that_names_no_instant_of_utc_is_refused_in_one_line(at: datetime) -> None:
    async def tell(world: World) -> None:
        with pytest.raises(Refused, match="a window's times"):
            await add(table(world), wish(at, "nowhere"))

    story(tell)
