"""A store that lost its rows, or came back without them, holds nobody up for longer than a plan's marks bind."""

from pointsman.core.fabric import Cloud
from pointsman.core.marks import BINDING
from pointsman.core.values import replace
from tests.service.test_converge import ROOMY, World, story


def test_a_store_that_was_emptied_of_rows_stops_no_decision_once_the_marks_bind_nobody() -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        emptied = replace(world.table.gcp.snapshot(), rows={cloud: {} for cloud in Cloud})
        world.table.gcp.roll_back(emptied)
        await world.clock.sleep(BINDING.total_seconds())
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        for cloud in (*Cloud, *Cloud):
            await world.report(cloud)
        await world.clock.sleep(5)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    story(tell, ROOMY)
