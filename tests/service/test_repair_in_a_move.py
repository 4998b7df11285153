"""While functions carry two sets of stores, each set is surveyed and repaired: that may last for days."""

from pointsman.core.fabric import Cloud
from pointsman.service.moving import carry_out
from pointsman.service.repair import EVERY, lagging, survey
from pointsman.service.status import Table, status
from pointsman.testing.stores import MemoryStore
from tests.service.test_converge import World, story
from tests.service.test_moving import QUIET, Site, broken

TWO_TURNS = 2 * EVERY * 60


def table(site: Site, stores: dict[str, MemoryStore]) -> Table:
    registers = site.new() if stores is site.coming else site.both()
    return Table(fabric=site.world.aws.current, stores=stores, registers=registers, flags=site.world.aws.flags, clock=site.world.clock)


def test_no_store_is_called_silent_while_both_sets_are_carried() -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        await world.settle(TWO_TURNS)
        site.deploy(*Cloud)
        await world.settle(3 * TWO_TURNS)
        assert not [text for text in (await status(table(site, site.leaving))).todo if "last answered" in text]
        await carry_out(site.move(), QUIET)
        await world.settle(3 * TWO_TURNS)
        found = await status(table(site, site.coming))
        assert not [text for text in found.todo if "last answered" in text]
        assert all(answer.age is not None for store in found.stores for answer in store.answered)

    story(tell)


def test_a_store_that_missed_the_move_is_brought_up_by_the_sweeps_of_functions_that_carry_both_sets() -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        await broken(world)
        site.deploy(*Cloud)
        site.fourth.break_down()
        await carry_out(site.move(), QUIET, force=True)
        site.fourth.mend()
        plan = world.aws.plan_register
        assert lagging(await survey(site.new(), plan)) != {}
        await world.settle(TWO_TURNS)
        assert lagging(await survey(site.new(), plan)) == {}

    story(tell)


def test_a_store_of_the_old_set_that_lags_is_brought_up_before_the_move() -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        site.deploy(*Cloud)
        world.table.witness.break_down()
        await broken(world)
        world.table.witness.mend()
        assert lagging(await survey(site.both(), world.aws.plan_register)) != {}
        await world.settle(TWO_TURNS)
        assert lagging(await survey(site.both(), world.aws.plan_register)) == {}

    story(tell)
