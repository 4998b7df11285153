"""Desks that come and go with the fabric, and incidents over that wait for them."""

import dataclasses

import pytest

from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud, DeskSettings, LinkName
from pointsman.core.incidents import Ask, Incident, Letter, Phase, Ticket, phase_after
from pointsman.core.outbox import LEASE, SETTLING
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


@dataclasses.dataclass
class SearchingDesk:
    """A desk that knows no keys: it makes a ticket whose answer is lost, and its search shows that one too late."""

    name: str = "noc"
    open: list[str] = dataclasses.field(default_factory=list)
    asked: list[Ask] = dataclasses.field(default_factory=list)

    async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
        self.asked.append(letter.ask)
        match letter.ask:
            case Ask.OPEN | Ask.UPDATE:
                self.open.append(f"{key}/{len(self.open)}")
            case Ask.DEDUPLICATE:
                del self.open[1:]
            case Ask.RESOLVE:
                self.open.clear()
        if len(self.asked) == 1:
            raise Transient("the desk did not answer: try again")
        return Ticket(desk=self.name, reference=f"{key}/0", phase=phase_after(incident, letter))


def test_of_two_tickets_that_one_outage_got_one_is_closed_within_minutes_while_it_lasts() -> None:
    async def tell(world: World) -> None:
        desk = SearchingDesk()
        for cloud in Cloud:
            setattr(world, cloud.value, dataclasses.replace(world.house(cloud), desks={"noc": desk}))
        world.twin.network.blackhole("ix-a")
        await world.settle(2 * LEASE.total_seconds())
        assert (desk.asked, len(desk.open)) == ([Ask.OPEN, Ask.OPEN], 2)
        await world.settle(SETTLING.total_seconds() + 60)
        assert (desk.asked, len(desk.open)) == ([Ask.OPEN, Ask.OPEN, Ask.DEDUPLICATE], 1)
        world.twin.network.heal("ix-a")
        await world.settle(600)
        assert (desk.asked[3:], desk.open) == ([Ask.RESOLVE, Ask.RESOLVE], [])
        assert (await world.plan()).links[IX_A].closing == ()

    story(tell)


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
