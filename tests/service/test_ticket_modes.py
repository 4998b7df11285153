"""A ticket tells the honest mode as it stands when it is told: what the status says, and no request to a store more."""

import dataclasses

import pytest

from pointsman.core.fabric import Cloud, Fabric, Stores
from pointsman.core.incidents import Ask, Incident, Letter, Ticket
from pointsman.core.values import replace
from pointsman.service.adopt import adopt
from pointsman.service.deliver import deliver
from pointsman.service.status import status
from pointsman.testing.stores import Fault, MemoryStore, Weather
from tests.core.scene import fabric
from tests.service.test_adopt import carrying, swept
from tests.service.test_converge import LedgerDesk, World, story
from tests.service.test_status import table

QUORUM = Stores(
    aws="dynamodb://us-east-1/pointsman", gcp="firestore://weft-prod-1/pointsman", witness="s3://w?endpoint=https://objects.example.net"
)
HOME = Stores(aws="dynamodb://us-east-1/pointsman", gcp="firestore://weft-prod-1/pointsman", witness="dynamodb://us-west-2/pointsman")
LITE = Stores(aws="sqlite:///a", gcp="sqlite:///b", witness="sqlite:///c")
HANGING = Weather(delay=3600.0)
LATE = Weather(reply_delay=1.0)


class ModeDesk(LedgerDesk):
    """A desk that keeps the modes that it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.modes: list[str] = []

    async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
        if letter.ask is Ask.OPEN:
            self.modes.append(letter.mode)
        return await super().tell(incident, letter, key)


def declared(stores: Stores) -> Fabric:
    return replace(fabric(), stores=stores)


async def agreed_outage(world: World) -> ModeDesk:
    """Let an outage be agreed of which no desk has heard; gives the desk."""
    desk = ModeDesk()
    for cloud in Cloud:
        setattr(world, cloud.value, dataclasses.replace(world.house(cloud), desks={"noc": desk}))
    world.twin.network.blackhole("ix-a")
    await world.clock.sleep(1)
    for cloud in Cloud:
        await world.report(cloud)
    return desk


def lacks(store: MemoryStore, weather: Weather) -> None:
    store.forecast = lambda _: weather


@pytest.mark.parametrize(
    "weather", [Weather(fault=Fault.DOWN), Weather(fault=Fault.THROTTLED), HANGING], ids=["down", "throttled", "hanging"]
)
@pytest.mark.parametrize("stores", [QUORUM, HOME, LITE], ids=["quorum", "home", "lite"])
@pytest.mark.parametrize("gone", range(3))
def test_a_ticket_that_is_opened_while_a_store_is_silent_says_what_the_status_says(stores: Stores, gone: int, weather: Weather) -> None:
    async def tell(world: World) -> None:
        desk = await agreed_outage(world)
        lacks(world.table.stores[gone], weather)
        await deliver(world.gcp)
        said = (await status(table(world))).mode.text
        assert "survives no further loss while the store" in said
        assert desk.modes == [said]

    story(tell, declared(stores))


@pytest.mark.parametrize("stores", [QUORUM, HOME, LITE], ids=["quorum", "home", "lite"])
def test_while_every_store_answers_a_ticket_says_all_that_the_mode_survives(stores: Stores) -> None:
    async def tell(world: World) -> None:
        desk = await agreed_outage(world)
        await deliver(world.gcp)
        assert desk.modes == [(await status(table(world))).mode.text]
        assert "does not answer" not in desk.modes[0]
        held = [await store.read(name) for store in world.table.stores for name in (await store.registers()).names]
        assert any('"outbox"' in (reply.row.value or "") for reply in held)
        assert not any('"mode":' in (reply.row.value or "") for reply in held), "functions of an earlier version could not read it"

    story(tell, declared(stores))


def test_a_store_that_is_only_slower_than_the_others_is_none_that_does_not_answer() -> None:
    async def tell(world: World) -> None:
        desk = await agreed_outage(world)
        lacks(world.table.witness, LATE)
        await deliver(world.gcp)
        assert desk.modes == [(await status(table(world))).mode.text]
        assert "does not answer" not in desk.modes[0]

    story(tell, declared(QUORUM))


def test_the_mode_of_a_ticket_costs_no_request_to_a_store() -> None:
    async def tell(world: World) -> None:
        desk = await agreed_outage(world)
        lacks(world.table.witness, HANGING)
        world.forget_requests()
        await deliver(world.gcp)
        assert len(desk.told) == 1
        assert world.requests() == {"rows": 2, "read": 12, "prepare": 6, "accept": 6}, "the plan; the incident opened, claimed, recorded"

    story(tell, declared(QUORUM))


def test_a_ticket_tells_the_mode_of_the_fabric_that_was_adopted() -> None:
    async def tell(world: World) -> None:
        carrying(world, declared(HOME), *Cloud)
        await swept(world)
        await adopt(world.gcp, author="operator", reason="the third place is given up")
        desk = await agreed_outage(world)
        await deliver(world.gcp)
        assert [text.partition(":")[0] for text in desk.modes] == ["home"]

    story(tell, declared(QUORUM))
