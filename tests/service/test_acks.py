"""An ack acts on a plan that a majority holds, like everybody else: not on what one store alone has accepted, nor on one that was moved."""

import pytest

from pointsman.core.errors import Moved, Transient
from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.sightings import Verb
from pointsman.service.gather import note
from pointsman.service.moving import carry_out
from pointsman.service.order import order
from pointsman.testing.inprocess import probes
from pointsman.testing.stores import Fault, MemoryStore, Weather
from tests.service.test_converge import World, story
from tests.service.test_moving import QUIET, Site, broken
from tests.service.test_orders import ordered

IX_A = LinkName("ix-a")


def takes_no_accept(store: MemoryStore) -> None:
    store.forecast = lambda operation: Weather(fault=Fault.LOST_REQUEST if operation == "accept" else Fault.NONE)


async def outage_that_one_store_knows(world: World) -> str:
    """Let a function die after AWS's store alone accepted the plan that opens an incident; gives its name. The witness is silent since."""
    epoch = (await world.plan()).epoch + 1
    world.twin.network.blackhole("ix-a")
    await world.clock.sleep(1)
    assert await note(world.gcp, probes(world.twin, Cloud.GCP)) == ""
    takes_no_accept(world.table.gcp)
    takes_no_accept(world.table.witness)
    with pytest.raises(Transient):
        await world.report(Cloud.AWS)
    world.table.gcp.mend()
    world.table.witness.break_down()
    assert f'"epoch":{epoch}' in str((await world.table.aws.read("plan/atlas")).row.value)
    return f"ix-a@{epoch}"


def test_an_acknowledged_incident_is_one_that_a_majorities_plan_opened_and_the_loss_of_a_store_keeps_it() -> None:
    async def tell(world: World) -> None:
        name = await outage_that_one_store_knows(world)
        await order(world.gcp, ordered(world, Verb.ACK, name))
        world.table.aws.break_down()
        world.table.witness.mend()
        assert f"ix-a@{(await world.plan()).links[IX_A].down_since_epoch}" == name

    story(tell)


def test_a_shell_that_knows_the_old_stores_alone_is_told_of_the_move_and_not_that_there_is_no_plan() -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        name = await broken(world)
        await carry_out(site.move(), QUIET)
        with pytest.raises(Moved, match="deploy the artefact whose fabric names them"):
            await order(world.gcp, ordered(world, Verb.ACK, name))

    story(tell)
