"""A person's word, a window and a lost majority in the middle of a reaction: what stands in the end, and that nobody acts on both."""

import asyncio
from datetime import timedelta

import pytest

from pointsman.core.errors import PointsmanError
from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.plan import FlagState
from pointsman.core.sightings import Order, Verb
from pointsman.service.announcing import Wish, add
from pointsman.service.order import order, still
from pointsman.service.sweep import sweep
from pointsman.service.verify import verify
from pointsman.testing.stores import Weather
from tests.core.scene import G, fabric, flow, link
from tests.service.test_converge import World, story
from tests.service.test_fast_path import STEADY, goes_grey
from tests.service.test_windows import shown

IX_A, IX_B = LinkName("ix-a"), LinkName("ix-b")
ROOM = fabric(
    link("ix-a", 10 * G),
    link("ix-b", 10 * G),
    link("ix-c", 10 * G, cost=0.02),
    flows=(flow("checkout", G, 1, ("ix-a", "ix-b", "ix-c"), 20),),
)


def given(world: World, verb: Verb, target: str = "", minutes: int = 60) -> Order:
    now = world.clock.now()
    ends = now + timedelta(minutes=minutes) if verb in {Verb.FREEZE, Verb.DRAIN} else None
    return Order(key=f"{verb} {target}", verb=verb, target=target, author="kim", reason="now", seen_at=now, expires_at=ends)


def slow(world: World, *operations: str, seconds: float) -> None:
    """Let some requests of all stores take long."""
    for store in world.table.stores:
        store.forecast = lambda operation: Weather(delay=seconds if operation in operations else 0.01)


async def calm(world: World) -> None:
    for store in world.table.stores:
        store.mend()
    await world.settle(120, every=30)
    for cloud in Cloud:
        walk = await verify(world.house(cloud))
        assert (walk.trouble, walk.again) == (None, walk.entries)


@pytest.mark.parametrize("after", [0.05, 0.5, 1.2])
def test_a_freeze_in_the_middle_of_a_reaction_stops_what_is_not_written_yet_and_holds_until_it_is_thawed(after: float) -> None:
    async def tell(world: World) -> None:
        await goes_grey(world, Cloud.GCP)
        slow(world, "prepare", "accept", seconds=0.4)
        reacting = asyncio.ensure_future(world.report(Cloud.GCP))
        await world.clock.sleep(after)
        done = await still(world.aws, given(world, Verb.FREEZE))
        assert done.written == (Cloud.AWS, Cloud.GCP)
        await asyncio.gather(reacting, return_exceptions=True)
        writes = len(world.twin.writes)
        await calm(world)
        assert len(world.twin.writes) == writes, "something was steered while a person had stopped all steering"
        assert (await world.plan()).freeze is not None
        assert (await still(world.gcp, given(world, Verb.THAW))).complete
        assert {flag.state for flag in world.flags.values()} == {FlagState.CLEAR}
        await calm(world)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    story(tell, STEADY)


@pytest.mark.parametrize("after", [0.0, 0.05, 0.3, 0.9])
@pytest.mark.parametrize("target", ["ix-a", "ix-b", "ix-c"])
def test_an_order_in_the_middle_of_a_fast_reaction_leaves_every_flow_on_a_link_that_carries(after: float, target: str) -> None:
    async def tell(world: World) -> None:
        await goes_grey(world, Cloud.GCP)
        slow(world, "prepare", "accept", seconds=0.3)
        reacting = asyncio.ensure_future(world.report(Cloud.GCP))
        await world.clock.sleep(after)
        ended = await asyncio.gather(order(world.aws, given(world, Verb.DRAIN, target)), reacting, return_exceptions=True)
        assert all(isinstance(end, PointsmanError) for end in ended if isinstance(end, BaseException))
        await calm(world)
        to_gcp, to_aws = world.links("checkout")
        assert to_gcp == to_aws == {"ix-c" if target == "ix-b" and not isinstance(ended[0], BaseException) else "ix-b"}

    story(tell, ROOM)


def test_a_window_that_begins_while_both_clouds_are_alone_is_met_when_a_majority_is_back_and_ends() -> None:
    async def tell(world: World) -> None:
        await world.settle(400, every=60)
        now = world.clock.now()
        await add(
            shown(world),
            Wish(link="ix-a", start=now + timedelta(minutes=15), end=now + timedelta(minutes=60), author="kim", reason="optics"),
        )
        world.table.gcp.break_down()
        world.table.witness.break_down()
        for _ in range(20):
            await asyncio.gather(*(sweep(world.house(cloud)) for cloud in Cloud), return_exceptions=True)
            await world.clock.sleep(60)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"}), "alone, nothing is left for maintenance"
        world.table.gcp.mend()
        world.table.witness.mend()
        await world.settle(600, every=60)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        await world.settle(3_000, every=60)
        plan = await world.plan()
        assert (plan.links[IX_A].drain, plan.links[IX_A].maintenance) == (None, None)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})

    story(tell, ROOM)
