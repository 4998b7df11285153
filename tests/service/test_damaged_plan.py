"""One store's row of the plan is damaged, and a link fails: the others are enough, and the row is mended by what is agreed next."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from pointsman.quorum.ballots import COUNTER_LIMIT, ballot
from pointsman.quorum.rows import Row
from pointsman.service.status import status
from tests.service.test_converge import World, story
from tests.service.test_status import table

PLAN = "plan/atlas"
Damage = Callable[[Row], Row]


def torn(row: Row) -> Row:
    return replace(row, value=(row.value or "")[: len(row.value or "") // 2])


def another(row: Row) -> Row:
    return replace(row, value=(row.value or "").replace('"epoch":', '"epoch":9', 1))


@pytest.mark.parametrize("damage", [torn, another])
@pytest.mark.parametrize("store", range(3))
def test_a_damaged_value_in_one_store_stops_no_reroute_and_is_overwritten(store: int, damage: Damage) -> None:
    async def tell(world: World) -> None:
        await world.settle(20)
        epoch = (await world.plan()).epoch
        world.table.stores[store].damage(PLAN, damage)
        found = await status(table(world))
        assert found.certain
        assert found.plan is not None
        assert found.plan.epoch == epoch
        assert ["another value" in one.fault for one in found.stores] == [number == store for number in range(3)]
        assert [text.startswith(f"{world.table.stores[store].name} holds another value") for text in found.todo if "ballot" in text] == [
            True
        ]
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        assert (await world.plan()).epoch < epoch + 20
        rows = [(await one.read(PLAN)).row for one in world.table.stores]
        assert len({row.value for row in rows}) == 1

    story(tell)


@pytest.mark.parametrize("counter", [COUNTER_LIMIT, COUNTER_LIMIT - 1, COUNTER_LIMIT // 2, 10**12, 10**10])
@pytest.mark.parametrize("store", range(3))
def test_a_promise_in_one_store_that_nobody_can_have_made_stops_no_reroute(store: int, counter: int) -> None:
    async def tell(world: World) -> None:
        await world.settle(20)
        world.table.stores[store].damage(PLAN, lambda row: replace(row, promised=ballot(counter, "f" * 16)))
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        others = [(await one.read(PLAN)).row for number, one in enumerate(world.table.stores) if number != store]
        assert all(row.promised < ballot(10**9, "0" * 16) for row in others)
        (fault,) = [one.fault for number, one in enumerate((await status(table(world))).stores) if number == store]
        assert fault

    story(tell)
