"""A freeze that comes while a decision is being agreed stops the writes of that decision too."""

import asyncio

import pytest

from pointsman.core.fabric import Cloud
from pointsman.core.plan import FlagState
from pointsman.testing.stores import Weather
from tests.service.test_converge import World, story


def slow_prepares(operation: str) -> Weather:
    return Weather(delay=3.0 if operation == "prepare" else 0.0)


@pytest.mark.usefixtures("normal_path")
def test_a_flag_set_during_a_slow_agreement_stops_the_writes_that_follow_it() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        await world.report(Cloud.AWS)
        for store in world.table.stores:
            store.forecast = slow_prepares
        writes = len(world.twin.writes)
        reacting = asyncio.ensure_future(world.report(Cloud.GCP))
        await world.clock.sleep(1)
        world.flags[Cloud.AWS].state = FlagState.SET
        report = await reacting
        assert report.agreed
        assert len(world.twin.writes) == writes
        world.flags[Cloud.AWS].state = FlagState.CLEAR
        await world.settle(30)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    story(tell)
