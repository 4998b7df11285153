"""A move away from a store that is dead for good, and then one more loss: the set that holds everything now decides on."""

import dataclasses
from datetime import timedelta

import pytest

from pointsman.core.fabric import Cloud
from pointsman.core.outbox import open_incidents
from pointsman.quorum.outcomes import Agreed, NoMajority
from pointsman.service.deliver import agreed_plan
from pointsman.service.moving import carry_out
from pointsman.service.registers import Registers
from pointsman.service.sweep import sweep
from pointsman.testing.stores import MemoryStore, Weather
from tests.service.test_converge import World, story
from tests.service.test_moving import QUIET, Site, broken

LOST = pytest.mark.parametrize("lost", ["aws", "gcp", "witness"])
"""Each store of the set that comes."""


async def moved(world: World) -> Site:
    """Break a link, lose the witness, move on to another, and let functions that never saw the move carry both sets."""
    site = Site(world)
    await broken(world)
    world.table.witness.break_down()
    await carry_out(site.move(), QUIET)
    for cloud in Cloud:
        both = dataclasses.replace(site.house(cloud, site.both()), witness=site.fourth, spares=(site.coming[cloud.other], site.fourth))
        setattr(world, cloud.value, both)
    return site


@LOST
@pytest.mark.parametrize("silent", [False, True])
def test_after_a_move_from_a_dead_store_the_next_set_survives_the_loss_of_any_one_of_its_own(lost: str, silent: bool) -> None:  # noqa: FBT001
    async def tell(world: World) -> None:
        site = await moved(world)
        before = await agreed_plan(site.house(Cloud.AWS, site.new()))
        assert before is not None
        gone = site.coming[lost]
        if silent:
            gone.forecast = lambda _: Weather(delay=timedelta(days=1).total_seconds())
        else:
            gone.break_down()
        for cloud in Cloud:
            assert (await sweep(world.house(cloud))).plan.epoch >= before.epoch
        world.twin.network.heal("ix-a")
        await world.settle(480)
        after = await world.plan()
        assert after.epoch > before.epoch
        assert list(open_incidents(world.aws.current, after)) == []
        assert (world.desk.told[0], world.desk.told[-1], world.desk.told.count("open")) == ("open", "resolve", 1)

    story(tell)


def test_what_came_to_a_part_of_the_next_set_alone_is_made_certain_before_anybody_goes_by_it() -> None:
    async def tell(world: World) -> None:
        site = await moved(world)
        plan = world.aws.plan_register
        value = (await site.new().read(plan)).value
        await _forget(site.coming["gcp"], f"{plan}~2")
        site.coming["aws"].break_down()
        cold = site.both()
        assert (await cold.read(plan)).value == value
        outcome = await site.both().change(plan, lambda held: held)
        assert isinstance(outcome, Agreed)
        assert outcome.value == value
        assert (await site.coming["gcp"].read(f"{plan}~2")).row.value == value

    story(tell)


async def _forget(store: MemoryStore, row: str) -> None:
    """Let a store have missed the copy of a register."""
    held = store.snapshot()
    held.registers.pop(row)
    store.roll_back(held)


def test_before_anything_has_come_a_lost_majority_is_a_lost_majority() -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        world.table.witness.break_down()
        world.table.aws.break_down()
        both: Registers = site.both()
        reading = await both.read(world.aws.plan_register)
        assert (reading.reached, reading.stores) == (False, both.stores.id)
        outcome = await both.change(world.aws.plan_register, lambda _: "{}")
        assert isinstance(outcome, NoMajority)
        assert (await site.new().look(world.aws.plan_register)).value is None

    story(tell)
