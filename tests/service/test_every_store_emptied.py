"""Stores that were all restored or emptied under warm functions: nothing is believed, and the error says what to do."""

import pytest

from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud, LinkName
from pointsman.service.sweep import sweep
from tests.service.test_converge import World, story
from tests.service.test_stale_enactor_20_october_2025 import afresh

IX_A = LinkName("ix-a")
ANEW = "deploy the functions anew: most stores"


def empty(world: World, *names: str) -> None:
    for store in world.table.stores:
        if store.name in names:
            store._registers.clear()


@pytest.mark.parametrize("emptied", [("aws", "gcp", "witness"), ("aws", "gcp"), ("gcp", "witness"), ("aws", "witness")], ids="+".join)
def test_warm_functions_decide_nothing_and_say_that_they_are_to_be_deployed_anew(emptied: tuple[str, ...]) -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        empty(world, *emptied)
        for _ in range(3):
            for cloud in Cloud:
                with pytest.raises(Transient, match=ANEW):
                    await sweep(world.house(cloud))
            await world.clock.sleep(60)
        assert {(await store.read("plan/atlas")).row.value for store in world.table.stores if store.name in emptied} == {None}
        for cloud in Cloud:
            setattr(world, cloud.value, afresh(world, cloud))
        world.twin.network.blackhole("ix-a")
        await world.settle(90)
        assert (await world.plan()).links[IX_A].drain is not None
        assert len({(await store.read("plan/atlas")).row.value for store in world.table.stores}) == 1, "the spared store's too"
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    story(tell)


@pytest.mark.parametrize("emptied", ["aws", "gcp", "witness"])
def test_one_emptied_store_is_to_be_taken_out_and_stops_nobody(emptied: str) -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        empty(world, emptied)
        reading = await world.gcp.registers.read("plan/atlas")
        assert reading.confirmed
        assert all(why.endswith("it was rolled back, take it out and copy it anew") for why in reading.faults.values())
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    story(tell)
