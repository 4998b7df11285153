"""What a cloud's levers may still hold though the plan let it go, while that cloud's functions are dead: status says it, and what to do."""

from pointsman.core.fabric import Cloud
from pointsman.core.sightings import Verb
from pointsman.service.status import status
from pointsman.testing.virtual import START
from tests.service.test_converge import World, story
from tests.service.test_orders import HOUR, carried_out, pinned_world
from tests.service.test_status import table


async def said(world: World) -> list[str]:
    return [text for text in (await status(table(world))).todo if "has not acknowledged" in text]


async def pinned(world: World) -> None:
    world.twin.network.blackhole("ix-a")
    await world.settle(60)
    await carried_out(world, Verb.PIN, "checkout>ix-b", lasts=HOUR)
    assert [pin.flow for pin in (await world.plan()).pins] == ["checkout"]


def test_a_pin_that_the_plan_let_go_is_named_until_the_functions_that_hold_it_say_that_it_is_gone() -> None:
    async def tell(world: World) -> None:
        await pinned(world)
        began = (await world.plan()).epoch
        assert await said(world) == [], "a pin that the plan asks for is listed as such"
        world.twin.network.blackhole("ix-b")
        await world.settle(60, clouds=(Cloud.GCP,))
        plan = await world.plan()
        assert plan.pins == ()
        (text,) = [one for one in await said(world) if "pinned" in one]
        assert text.startswith(f"aws has not acknowledged epoch {plan.epoch}: checkout may still be pinned to ix-b since epoch {began}; ")
        assert "if the functions on aws stay away, delete the reference to" in text
        await world.settle(60)
        assert [one for one in await said(world) if "pinned" in one] == []

    story(tell, pinned_world())


def test_a_pin_is_told_of_beside_its_write_and_not_only_once_it_is_proved() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        await carried_out(world, Verb.PIN, "checkout>ix-b", lasts=HOUR)
        rows = world.table.aws.snapshot().rows[Cloud.AWS].values()
        (row,) = [one for one in rows if one.member == "pin/checkout>ix-b"]
        (written,) = [at for at, one in world.twin.writes if getattr(one, "flow", "") == "checkout"]
        assert (row.seen_at - START).total_seconds() <= written

    story(tell, pinned_world())
