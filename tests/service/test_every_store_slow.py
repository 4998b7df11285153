"""Every store slow at once: registers wait for such stores, so rows do too, once nobody is left who would answer sooner."""

from datetime import timedelta

import pytest

from pointsman.core.fabric import Cloud
from pointsman.service.slowness import ROWS_SECONDS, SLOW_ROWS_SECONDS
from pointsman.service.sweep import sweep
from pointsman.testing.stores import Weather
from tests.service.test_converge import World, story

WITHIN = timedelta(minutes=5)


def slow(world: World, seconds: float, *stores: str) -> None:
    for store in world.table.stores:
        if store.name in stores or not stores:
            store.forecast = lambda _: Weather(delay=seconds / 2, reply_delay=seconds / 2)


@pytest.mark.parametrize("seconds", [1.0, 2.0, 2.8])
def test_an_outage_is_left_and_told_though_every_store_takes_seconds(seconds: float) -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        slow(world, seconds)
        before = (await world.plan()).epoch
        world.twin.network.blackhole("ix-a")
        await world.settle(WITHIN.total_seconds())
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        assert world.desk.told == ["open"]
        assert (await world.plan()).epoch - before <= 8

    story(tell)


def test_with_one_store_dead_and_the_others_slow_it_is_left_and_told_too() -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        slow(world, 2.0)
        world.table.aws.break_down()
        world.twin.network.blackhole("ix-a")
        await world.settle(WITHIN.total_seconds())
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        assert world.desk.told[0] == "open"
        assert world.desk.told.count("open") == 1

    story(tell)


def test_rows_are_waited_for_no_longer_than_ever_while_others_answer() -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        slow(world, 2 * SLOW_ROWS_SECONDS, "aws")
        for _ in range(3):
            await sweep(world.aws)
        began = world.clock.monotonic()
        await world.report(Cloud.AWS)
        assert world.clock.monotonic() - began < 2 * SLOW_ROWS_SECONDS

    story(tell)


def test_stores_that_are_fast_again_are_waited_for_as_ever() -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        slow(world, 2.0)
        await world.settle(120)
        assert world.aws.silent
        slow(world, 0.1)
        await world.settle(60)
        assert (world.aws.silent, world.gcp.silent) == (set(), set())
        assert ROWS_SECONDS < SLOW_ROWS_SECONDS

    story(tell)
