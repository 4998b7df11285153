"""A store whose own clock lies behind gives claims an earlier time than whoever decides from them: that holds nobody up."""

import dataclasses
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.marks import BINDING
from pointsman.core.plan import Verdict
from pointsman.testing.stores import MemoryStore
from pointsman.testing.virtual import VirtualClock, run
from tests.core.scene import fabric
from tests.service.test_converge import World, build

IX_A = LinkName("ix-a")


def behind(seconds: float, tell: Callable[[World], Awaitable[None]], *, falls_back: float = 0.0) -> None:
    """Tell a story in which the clock of the store that holds AWS's rows lies so far behind, and may fall back further when ix-a is gone."""

    async def told() -> None:
        world, clock = build(fabric()), VirtualClock(skew=-seconds)
        rows = {Cloud.AWS: MemoryStore("aws", clock), Cloud.GCP: world.table.gcp}
        for cloud in Cloud:
            setattr(world, cloud.value, dataclasses.replace(world.house(cloud), rows=rows))
        await world.settle(60)
        if falls_back:
            world.twin.network.blackhole("ix-a")
            await world.settle(60)
            clock.skew = timedelta(seconds=-falls_back)
        await tell(world)

    run(told())


@pytest.mark.parametrize("seconds", [3, 18, 60])
@pytest.mark.parametrize("last", list(Cloud))
def test_what_one_cloud_agreed_on_the_other_carries_out_and_decides_on_from(last: Cloud, seconds: float) -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        await world.report(last.other)
        assert (await world.report(last)).agreed
        assert (await world.plan()).links[IX_A].verdict is Verdict.DOWN
        await world.report(last.other)
        await world.clock.sleep(5)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    behind(seconds, tell)


def test_a_store_whose_clock_falls_back_holds_decisions_up_for_a_minute_at_most() -> None:
    async def tell(world: World) -> None:
        await world.clock.sleep(BINDING.total_seconds())
        world.twin.network.blackhole("ix-b")
        await world.clock.sleep(1)
        for cloud in (*Cloud, *Cloud):
            await world.report(cloud)
        assert (await world.plan()).links[LinkName("ix-b")].verdict is Verdict.DOWN

    behind(0, tell, falls_back=240)
