"""A store whose clock is years off: commands go by the time that the stores agree on, and status names the store."""

from datetime import timedelta

import pytest

from pointsman.core.errors import Refused
from pointsman.service.announcing import Wish, add, cancel, listed
from pointsman.service.status import status
from pointsman.testing.virtual import VirtualClock
from tests.service.test_converge import World, story
from tests.service.test_status import one_of, table, well

YEARS = timedelta(days=30_000).total_seconds()
OFF = [("aws", YEARS), ("gcp", -YEARS), ("witness", YEARS), ("witness", -YEARS)]


def put_off(world: World, store: str, seconds: float) -> None:
    getattr(world.table, store)._clock = VirtualClock(skew=seconds)


@pytest.mark.parametrize(("store", "seconds"), OFF)
def test_status_goes_by_the_other_two_and_names_the_store(store: str, seconds: float) -> None:
    async def tell(world: World) -> None:
        await well(world)
        put_off(world, store, seconds)
        found = await status(table(world))
        assert abs(found.at - world.clock.now()) <= timedelta(seconds=5)
        assert one_of(found, f"{store} says that it is")
        assert len([text for text in found.todo if "says that it is" in text]) == 1
        assert [one.age for one in found.swept if one.age is None or one.age > 120] == []
        assert not one_of(found, "no sweep of the functions")

    story(tell)


def test_status_names_no_store_for_a_minute() -> None:
    async def tell(world: World) -> None:
        await well(world)
        put_off(world, "witness", 55)
        assert not one_of(await status(table(world)), "says that it is")

    story(tell)


@pytest.mark.parametrize(("store", "seconds"), OFF)
def test_a_window_is_announced_listed_and_taken_back_by_the_time_of_the_other_two(store: str, seconds: float) -> None:
    async def tell(world: World) -> None:
        put_off(world, store, seconds)
        start = world.clock.now() + timedelta(hours=1)
        wish = Wish(link="ix-a", start=start, end=start + timedelta(hours=2), author="kim", reason="splice")
        done = await add(table(world), wish)
        assert done.missed == {}
        assert [one.id for one in (await listed(table(world))).windows] == [done.window.id]
        gone = Wish(link="ix-a", start=start - timedelta(hours=5), end=start - timedelta(hours=2), author="kim", reason="splice")
        with pytest.raises(Refused, match="announce one that is still to end"):
            await add(table(world), gone)
        await cancel(table(world), done.window.id, author="kim", reason="not needed")

    story(tell)
