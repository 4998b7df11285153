"""One key for many orders: a repeated order is done once, and another one with its key is another order."""

from datetime import datetime, timedelta

from pointsman.core.fabric import LinkName
from pointsman.core.plan import DrainCause
from pointsman.core.sightings import Verb
from pointsman.service.order import order, still
from tests.core.scene import G, fabric, link, vpn
from tests.service.test_converge import World, story
from tests.service.test_orders import HOUR, ordered

KEY = "cli/INC123"
WIDE = fabric(*(link(name, 20 * G) for name in ("ix-a", "ix-b", "ix-c")), vpn())


async def held_by_order(world: World) -> set[str]:
    states = (await world.plan()).links.items()
    now = world.clock.now()
    held = ((name, one.drain) for name, one in states)
    return {name for name, drain in held if drain and drain.cause is DrainCause.ORDER and drain.until and drain.until > now}


async def until(world: World) -> datetime:
    drain = (await world.plan()).links[LinkName("ix-a")].drain
    assert drain is not None
    assert drain.until is not None
    return drain.until


async def given(world: World, verb: Verb, target: str = "", lasts: timedelta | None = None) -> bool:
    """Give an order with the one key; says whether nothing was left to do."""
    return (await order(world.aws, ordered(world, verb, target, key=KEY, lasts=lasts))).already


def test_a_drain_of_another_link_and_an_undrain_with_the_same_key_are_carried_out() -> None:
    async def tell(world: World) -> None:
        await world.settle(400, every=60)
        assert not await given(world, Verb.DRAIN, "ix-a", HOUR)
        assert not await given(world, Verb.DRAIN, "ix-c", HOUR)
        assert await held_by_order(world) == {"ix-a", "ix-c"}
        assert not await given(world, Verb.UNDRAIN, "ix-a")
        assert await held_by_order(world) == {"ix-c"}

    story(tell, WIDE)


def test_a_retry_of_an_order_is_done_once_and_a_longer_drain_with_its_key_holds_longer() -> None:
    async def tell(world: World) -> None:
        await world.settle(400, every=60)
        assert not await given(world, Verb.DRAIN, "ix-a", HOUR)
        first, ends = await world.plan(), await until(world)
        await world.clock.sleep(30)
        assert await given(world, Verb.DRAIN, "ix-a", HOUR)
        assert await world.plan() == first
        assert not await given(world, Verb.DRAIN, "ix-a", 3 * HOUR)
        assert await until(world) > ends + HOUR

    story(tell, WIDE)


def test_a_retry_of_a_drain_that_has_ended_drains_nothing_anew_and_says_so() -> None:
    async def tell(world: World) -> None:
        await world.settle(400, every=60)
        await given(world, Verb.DRAIN, "ix-a", HOUR)
        await given(world, Verb.UNDRAIN, "ix-a")
        await world.settle(420, every=60)
        again = await order(world.aws, ordered(world, Verb.DRAIN, "ix-a", key=KEY, lasts=HOUR))
        assert again.already
        assert again.waits_for == ("ix-a is not drained: this very drain has ended since, so order it with another key",)
        assert await held_by_order(world) == set()

    story(tell, WIDE)


def test_a_thaw_with_the_key_of_the_freeze_thaws_the_plan_too() -> None:
    async def tell(world: World) -> None:
        for verb, frozen in ((Verb.FREEZE, True), (Verb.THAW, False)):
            done = await still(world.aws, ordered(world, verb, key=KEY))
            assert done.complete
            assert ((await world.plan()).freeze is not None) is frozen

    story(tell, WIDE)
