"""Desks that come and go with the fabric, and incidents over that wait for them."""

import dataclasses

import pytest

from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud, DeskSettings, LinkName
from pointsman.core.incidents import Incident, Letter, Phase, Ticket
from pointsman.core.outbox import LEASE
from pointsman.core.values import replace
from pointsman.service.adopt import adopt
from pointsman.service.deliver import deliver
from pointsman.service.sweep import sweep
from tests.core.scene import fabric
from tests.service.test_adopt import carrying, swept
from tests.service.test_converge import World, story

IX_A = LinkName("ix-a")
BOSS = DeskSettings(name="boss", kind="pagerduty", secret="secret://boss", min_severity="critical")
NO_DESK, ANOTHER = replace(fabric(), desks=()), replace(fabric(), desks=(BOSS,))


class DeadDesk:
    """A desk that answers nobody."""

    name = "noc"

    async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
        raise Transient(f"desk {self.name}: not reached for {incident.id}, {letter.ask}, {key}")


async def removed_in_mid_outage(world: World) -> None:
    world.twin.network.blackhole("ix-a")
    await world.settle(60)
    assert list(world.desk.tickets.values()) == [Phase.OPEN]
    carrying(world, NO_DESK, *Cloud)
    await swept(world)
    await adopt(world.gcp, author="operator", reason="the desk has gone")


def test_a_ticket_at_a_removed_desk_is_shown_to_be_closed_by_hand_and_its_incident_ends() -> None:
    async def tell(world: World) -> None:
        await removed_in_mid_outage(world)
        (key,) = world.desk.tickets
        shown = (await sweep(world.gcp)).by_hand
        assert [one.split(": ", 1)[1] for one in shown] == [f"desk noc removed: close its ticket {key} by hand"]
        world.twin.network.heal("ix-a")
        await world.settle(420)
        state = (await world.plan()).links[IX_A]
        assert (state.down_since_epoch, state.closing) == (None, ())
        assert world.desk.told == ["open"]

    story(tell)


def test_a_letter_owed_to_a_removed_desk_is_not_tried_for_ever() -> None:
    async def tell(world: World) -> None:
        for cloud in Cloud:
            setattr(world, cloud.value, dataclasses.replace(world.house(cloud), desks={"noc": DeadDesk()}))
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        await world.clock.sleep(LEASE.total_seconds() + 1)
        with pytest.raises(Transient, match="noc: not reached"):
            await deliver(world.gcp)
        carrying(world, ANOTHER, *Cloud)
        await swept(world)
        await adopt(world.gcp, author="operator", reason="the desk has gone")
        await world.clock.sleep(60)
        assert len((await deliver(world.gcp)).by_hand) == 1, "whoever died telling it may have opened a ticket"

    story(tell)


def test_a_fabric_without_desks_ends_its_incidents() -> None:
    async def tell(world: World) -> None:
        for cloud in Cloud:
            setattr(world, cloud.value, dataclasses.replace(world.house(cloud), desks={}))
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        world.twin.network.heal("ix-a")
        await world.settle(420)
        state = (await world.plan()).links[IX_A]
        assert (state.down_since_epoch, state.closing) == (None, ())

    story(tell, NO_DESK)
