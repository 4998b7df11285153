"""A store whose own clock lies behind gives claims an earlier time than whoever decides from them: that holds nobody up."""

import dataclasses
from collections.abc import Awaitable, Callable

import pytest

from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.plan import Verdict
from pointsman.testing.stores import MemoryStore
from pointsman.testing.virtual import VirtualClock, run
from tests.core.scene import fabric
from tests.service.test_converge import World, build

IX_A = LinkName("ix-a")


def behind(seconds: float, tell: Callable[[World], Awaitable[None]]) -> None:
    """Tell a story in which the clock of the store that holds AWS's rows lies so far behind."""

    async def told() -> None:
        world = build(fabric())
        rows = {Cloud.AWS: MemoryStore("aws", VirtualClock(skew=-seconds)), Cloud.GCP: world.table.gcp}
        for cloud in Cloud:
            setattr(world, cloud.value, dataclasses.replace(world.house(cloud), rows=rows))
        await world.settle(60)
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
