"""Registers whose value nobody here can read stop nothing but themselves, and stay as they are."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from pointsman.core.alone import register_of
from pointsman.core.archive import AT_ONCE, KEPT, Archive, Closed, due, put_off
from pointsman.core.errors import Transient, ValueUnreadable
from pointsman.core.fabric import Cloud
from pointsman.core.incidents import Phase
from pointsman.core.outbox import open_incidents
from pointsman.core.plan import Verdict
from pointsman.core.sightings import Verb
from pointsman.core.steering import LeverKind, RoutePolicies
from pointsman.core.values import canonical, replace
from pointsman.entry.calls import told
from pointsman.entry.outcomes import Answer, outcome_of
from pointsman.service.adopt import adopt
from pointsman.service.archiving import Filed, archive, archive_register, archived
from pointsman.service.converge import converge
from pointsman.service.deliver import deliver, deliver_owed
from pointsman.service.house import incident_register
from pointsman.service.order import order
from pointsman.service.registers import Registers
from pointsman.service.status import status
from pointsman.service.sweep import sweep
from pointsman.testing.virtual import START
from tests.service.lonely import Lonely, lonely
from tests.service.test_archiving import NAME, held, incident, listed, written
from tests.service.test_converge import ROOMY, World, story
from tests.service.test_orders import ordered
from tests.service.test_status import one_of, table

Spoil = Callable[[str], str]


def newer(value: str) -> str:
    """Add a field, as a newer version may."""
    return value[:-1] + (',"runbook":"x"}' if len(value) > len("{}") else '"runbook":"x"}')


def torn(value: str) -> str:
    """Cut a value in two."""
    return value[: len(value) // 2]


SPOILT = pytest.mark.parametrize("spoil", [newer, torn], ids=["of a newer version", "damaged"])


async def poisoned(registers: Registers, register: str, spoil: Spoil = newer) -> str:
    """Spoil what a register holds; gives that."""
    await registers.change(register, lambda value: spoil(value or "{}"))
    value = (await registers.read(register)).value
    assert value is not None
    return value


async def value_of(registers: Registers, register: str) -> str | None:
    return (await registers.read(register)).value


async def incident_at(world: World, link: str) -> str:
    found = [name for name, at, *_ in open_incidents(world.gcp.current, await world.plan()) if at == link]
    return found[0]


@SPOILT
def test_a_sweep_sets_a_lever_that_was_changed_by_hand_back_though_an_incident_cannot_be_read(spoil: Spoil) -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.settle(40)
        register = incident_register(await incident_at(world, "ix-a"))
        left = await poisoned(world.aws.registers, register, spoil)
        lever = world.gcp.levers[LeverKind.ROUTE_POLICY]
        observed = await lever.observe("ix-a")
        await lever.apply(RoutePolicies(link=observed.setting.link), observed, "by hand")  # type: ignore[union-attr]
        for cloud in Cloud:
            report = await sweep(world.house(cloud))
            assert [one.startswith(f"{register} cannot be read") for one in report.unread] == [True]
            assert told(report)["unread"] == list(report.unread)
        assert (await lever.observe("ix-a")).setting == observed.setting
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        assert await value_of(world.aws.registers, register) == left

    story(tell, ROOMY)


def test_the_desks_are_told_of_another_incident_and_its_own_is_tried_again_until_it_can_be_read() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.settle(40)
        name = await incident_at(world, "ix-a")
        good = await value_of(world.aws.registers, incident_register(name))
        assert good is not None
        left = await poisoned(world.aws.registers, incident_register(name))
        world.twin.network.blackhole("ix-b")
        await world.settle(40)
        other = await incident_at(world, "ix-b")
        assert ("ix-b", "open") in world.desk.told_of
        assert (await deliver(world.aws, frozenset({other}))).trouble == ()
        assert len((await deliver_owed(world.gcp)).unread) == 1
        with pytest.raises(Transient, match=f"{incident_register(name)} cannot be read by this version .*runbook.*: deploy") as caught:
            await deliver(world.gcp, frozenset({name}))
        assert outcome_of(caught.value).answer is Answer.RETRY
        world.twin.network.heal("ix-a")
        world.twin.network.heal("ix-b")
        await world.settle(2400)
        assert await value_of(world.aws.registers, incident_register(name)) == left
        assert ("ix-b", "resolve") in world.desk.told_of
        assert ("ix-a", "resolve") not in world.desk.told_of
        await world.aws.registers.change(incident_register(name), lambda _: good)
        await world.settle(120, every=60)
        assert ("ix-a", "resolve") in world.desk.told_of
        assert (await world.plan()).links["ix-a"].closing == ()  # type: ignore[index]

    story(tell, ROOMY)


def test_an_ack_of_an_incident_that_cannot_be_read_says_so_and_an_order_for_anything_else_works() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.settle(40)
        name = await incident_at(world, "ix-a")
        left = await poisoned(world.aws.registers, incident_register(name))
        with pytest.raises(ValueUnreadable, match="cannot be read by this version"):
            await order(world.gcp, ordered(world, Verb.ACK, name))
        await order(world.aws, ordered(world, Verb.DRAIN, "ix-b", lasts=timedelta(hours=1)))
        assert (await world.plan()).links["ix-b"].drain is not None  # type: ignore[index]
        assert await value_of(world.aws.registers, incident_register(name)) == left

    story(tell, ROOMY)


def test_status_says_which_incident_and_which_diary_cannot_be_read() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.settle(40)
        register = incident_register(await incident_at(world, "ix-a"))
        await poisoned(world.aws.registers, register)
        assert world.gcp.own is not None
        await poisoned(world.gcp.own, register_of("atlas", Cloud.GCP))
        found = await status(table(world))
        assert one_of(found, f"{register} cannot be read")
        assert one_of(found, "alone/atlas/gcp cannot be read")

    story(tell, ROOMY)


@SPOILT
def test_a_cloud_whose_diary_cannot_be_read_holds_while_alone(spoil: Spoil) -> None:
    async def tell(one: Lonely) -> None:
        assert one.world.gcp.own is not None
        register = register_of("atlas", Cloud.GCP)
        left = await poisoned(one.world.gcp.own, register, spoil)
        one.alone(Cloud.GCP)
        one.grey("ix-a")
        await one.world.clock.sleep(1)
        writes = one.writes
        assert (await one.report(Cloud.GCP)).alone.startswith(f"hold: {register} cannot be read")
        assert one.writes == writes
        assert await value_of(one.world.gcp.own, register) == left

    lonely(tell)


@SPOILT
def test_a_diary_that_cannot_be_read_stops_no_sweep_at_heal(spoil: Spoil) -> None:
    async def tell(one: Lonely) -> None:
        one.alone(Cloud.GCP)
        one.grey("ix-a")
        world, register = one.world, register_of("atlas", Cloud.GCP)
        await world.clock.sleep(1)
        assert "avoided ix-a" in (await one.report(Cloud.GCP)).alone
        assert world.gcp.own is not None
        left = await poisoned(world.gcp.own, register, spoil)
        one.grey("ix-b")
        one.heal()
        report = await sweep(world.gcp)
        assert any("not in the record yet" in text and register in text for text in report.alone)
        await world.settle(60)
        assert (await world.plan()).links["ix-b"].verdict is Verdict.DOWN  # type: ignore[index]
        assert await value_of(world.gcp.own, register) == left

    lonely(tell)


def test_what_was_done_alone_is_kept_for_an_incident_that_cannot_be_read_yet() -> None:
    async def tell(one: Lonely) -> None:
        one.alone(*Cloud)
        one.grey("ix-a")
        world = one.world
        await world.clock.sleep(1)
        await one.report(Cloud.GCP)
        one.heal()
        await converge(world.aws, ())
        name = await incident_at(world, "ix-a")
        register = incident_register(name)
        await poisoned(world.aws.registers, register)
        report = await sweep(world.gcp)
        assert any("done alone at ix-a is not in the record yet" in text and register in text for text in report.alone)
        assert [deed.told for deed in await one.deeds(Cloud.GCP)] == [False]
        await world.aws.registers.change(register, lambda _: canonical(incident(name=name, phase=Phase.OPEN)).decode())
        await sweep(world.gcp)
        assert [deed.told for deed in await one.deeds(Cloud.GCP)] == [True]

    lonely(tell)


@SPOILT
def test_an_archived_incident_that_cannot_be_read_is_put_off_and_all_others_are_buried(spoil: Spoil) -> None:
    async def tell(world: World) -> None:
        await written(world, incident())
        await written(world, incident(name="atlas/ix-b@9"))
        await archive(world.aws, (NAME, "atlas/ix-b@9"))
        left = await poisoned(world.gcp.registers, incident_register(NAME), spoil)
        await asyncio.sleep(KEPT.total_seconds() + 1)
        filed = await archived(world.gcp, ("atlas/ix-b@10",))
        assert (filed.known, filed.buried) == (("atlas/ix-b@10",), ("atlas/ix-b@9",))
        assert [text.startswith(f"{incident_register(NAME)} cannot be read") for text in filed.unread] == [True]
        assert (await held(world, "atlas/ix-b@9")).outbox == ()
        assert await listed(world) == ["atlas/ix-b@10", NAME]
        assert await value_of(world.gcp.registers, incident_register(NAME)) == left
        assert await archived(world.aws, ("atlas/ix-b@11",)) == Filed(known=("atlas/ix-b@11",))
        await asyncio.sleep(KEPT.total_seconds() + 1)
        await world.gcp.registers.change(incident_register(NAME), lambda _: canonical(incident()).decode())
        assert NAME in (await archived(world.aws, ("atlas/ix-b@12",))).buried

    story(tell)


def test_more_poisoned_incidents_than_are_buried_at_once_stand_in_nobodys_way() -> None:
    names = tuple(f"atlas/ix-b@{epoch}" for epoch in range(AT_ONCE))
    full = Archive(closed=tuple(Closed(incident=name, at=START) for name in (*names, NAME)))
    assert due(put_off(full, names, START + KEPT), START + KEPT) == (NAME,)


@SPOILT
def test_with_an_archive_that_cannot_be_read_sweeps_go_on_and_the_plan_names_what_is_closed_until_it_can_be(spoil: Spoil) -> None:
    async def tell(world: World) -> None:
        register = archive_register("atlas")
        await archive(world.aws, (NAME,))
        good = await value_of(world.aws.registers, register)
        assert good is not None
        left = await poisoned(world.aws.registers, register, spoil)
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        world.twin.network.heal("ix-a")
        await world.settle(1200, every=60)
        assert world.desk.told == ["open", "resolve"]
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})
        report = await sweep(world.gcp)
        assert [text.startswith(f"{register} cannot be read") for text in report.unread] == [True]
        assert report.plan.links["ix-a"].closing != ()  # type: ignore[index]
        assert await value_of(world.aws.registers, register) == left
        await world.aws.registers.change(register, lambda _: good)
        await world.settle(120, every=60)
        assert (await world.plan()).links["ix-a"].closing == ()  # type: ignore[index]

    story(tell, ROOMY)


def _ordered(door: str, world: World) -> Awaitable[object]:
    match door:
        case "sweep":
            return sweep(world.gcp)
        case "deliver":
            return deliver(world.gcp)
        case "ack":
            return order(world.gcp, ordered(world, Verb.ACK, NAME))
        case "drain":
            return order(world.gcp, ordered(world, Verb.DRAIN, "ix-a", lasts=timedelta(hours=1)))
        case _:
            next_fabric = replace(world.gcp.current, policy=replace(world.gcp.current.policy, epochs_per_hour=9))
            both = dataclasses.replace(world.gcp, fabrics=(world.gcp.current, next_fabric))
            return adopt(both, author="operator", reason="newer", force=True)


@pytest.mark.parametrize("door", ["sweep", "deliver", "ack", "drain", "adopt"])
def test_every_door_says_that_the_plan_cannot_be_read_and_leaves_it(door: str) -> None:
    async def tell(world: World) -> None:
        left = await poisoned(world.aws.registers, "plan/atlas")
        with pytest.raises(ValueUnreadable, match="plan/atlas cannot be read by this version"):
            await _ordered(door, world)
        assert await value_of(world.aws.registers, "plan/atlas") == left

    story(tell)
