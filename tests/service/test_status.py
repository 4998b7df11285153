"""How things stand, read from the in-process twin's stores."""

import pytest

from pointsman.core.fabric import Cloud, Fabric, FlowName, LinkName
from pointsman.core.modes import Mode
from pointsman.core.plan import Drain, DrainCause, FlagState, Pin
from pointsman.core.values import canonical, replace
from pointsman.quorum.attempt import Request, Step
from pointsman.quorum.ballots import above
from pointsman.quorum.rows import Reply
from pointsman.quorum.sealing import sealing
from pointsman.service.attention import Status
from pointsman.service.repair import EVERY, is_due, lagging, survey
from pointsman.service.status import Table, status
from pointsman.service.sweep import sweep
from pointsman.service.trial import Trial
from tests.service.lonely import Lonely, lonely
from tests.service.test_converge import World, story


def table(world: World) -> Table:
    stores = {store.name: store for store in world.table.stores}
    return Table(fabric=world.gcp.current, stores=stores, registers=world.gcp.registers, flags=world.flags, clock=world.clock)


async def well(world: World) -> None:
    """Let both clouds sweep through a whole round of surveys."""
    await world.settle(60 * EVERY + 60, every=30)


def one_of(found: Status, name: str) -> str:
    return next((text for text in found.todo if name in text), "")


def test_when_all_is_well_there_is_nothing_to_do_and_nothing_is_written() -> None:
    async def tell(world: World) -> None:
        await well(world)
        world.forget_requests()
        found = await status(table(world))
        assert found.todo == ()
        assert (found.certain, found.reached) == (True, True)
        assert found.plan == await world.plan()
        assert {what for store in world.table.stores for what, _ in store.traffic} <= {"read", "rows"}
        ages = [answer.age for store in found.stores for answer in store.answered]
        assert all(age is not None and age <= 60 * EVERY + 60 for age in ages)

    story(tell)


def test_an_outage_shows_the_link_its_drain_and_the_incident_with_its_ticket() -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        found = await status(table(world))
        assert one_of(found, "ix-a is down, drained")
        (incident,) = found.incidents
        assert (incident.link, incident.phase) == ("ix-a", "open")
        assert list(incident.tickets) == ["noc"]
        assert found.plan is not None
        assert found.plan.flows["checkout"].link == "ix-b"  # type: ignore[index]

    story(tell)


def test_a_store_that_is_down_or_behind_is_named_with_its_lag() -> None:
    async def tell(world: World) -> None:
        await well(world)
        world.table.witness.break_down()
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        down = await status(table(world))
        assert one_of(down, "witness could not be read: witness is down")
        world.table.witness.mend()
        behind = await status(table(world))
        lag = next(store.lag for store in behind.stores if store.name == "witness")
        assert lag["plan/atlas"] >= 1
        assert one_of(behind, "ballots behind in plan/atlas")
        while not is_due(Cloud.GCP, world.clock.now()):
            await world.clock.sleep(10)
        await world.settle(1)
        assert not [store.lag for store in (await status(table(world))).stores if store.lag]

    story(tell)


def test_a_store_that_holds_the_majoritys_value_under_an_older_ballot_lacks_nothing() -> None:
    async def tell(world: World) -> None:
        await well(world)
        registers, name = world.gcp.registers, "plan/atlas"
        reading = await survey(registers, name)
        anew = above([reply.row.promised for reply in reading.replies.values()], "e" * 16)
        later = above([anew], "f" * 16)
        for store, ballot in (("aws", anew), ("gcp", anew), ("witness", later)):  # an attempt that found nothing to do follows on one
            seen = await registers.ask(name, Request(acceptor=store, step=Step.PREPARE, ballot=ballot, seen=reading.replies[store]))
            if ballot == anew and isinstance(seen, Reply):
                await registers.ask(name, Request(acceptor=store, step=Step.ACCEPT, ballot=anew, value=reading.value or "", seen=seen))
        assert set(lagging(await survey(registers, name))) == {"witness"}
        while not is_due(Cloud.GCP, world.clock.now()):
            await world.settle(1, every=20)
        assert (await sweep(world.gcp)).repaired == (), "its promise may be somebody's who is about to keep it"
        found = await status(table(world))
        assert [store.lag for store in found.stores] == [{}, {}, {}]
        assert found.todo == ()
        world.table.aws.break_down()
        assert (await world.plan()).epoch == (found.plan.epoch if found.plan else 0)

    story(tell)


def test_a_store_that_has_not_answered_the_functions_for_long_is_named() -> None:
    async def tell(world: World) -> None:
        await well(world)
        await world.clock.sleep(60 * 3 * EVERY)
        found = await status(table(world))
        assert one_of(found, "last answered the functions on aws")

    story(tell)


def test_freezes_are_shown_and_ask_for_attention() -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        world.flags[Cloud.AWS].state = FlagState.SET
        world.flags[Cloud.GCP].state = FlagState.UNREADABLE
        found = await status(table(world))
        assert one_of(found, "freeze flag of aws is set")
        assert one_of(found, "freeze flag of gcp is unreadable")

    story(tell)


def test_without_a_majority_it_says_alone_and_shows_what_can_be_read() -> None:
    async def tell(one: Lonely) -> None:
        world = one.world
        one.alone(*Cloud)
        one.grey("ix-a")
        await world.clock.sleep(1)
        await one.report(Cloud.GCP)
        for name in ("aws", "witness"):
            getattr(world.table, name).break_down()
        found = await status(table(world))
        assert (found.mode.mode, found.reached, found.certain) == (Mode.ALONE, False, False)
        assert found.plan is not None
        assert [(done.cloud, done.deed.link) for done in found.alone] == [(Cloud.GCP, "ix-a")]
        assert one_of(found, "no majority")
        assert one_of(found, "gcp avoided ix-a alone")

    lonely(tell)


def test_a_table_that_nobody_used_yet_has_no_plan() -> None:
    async def tell(world: World) -> None:
        empty = table(world)
        found = await status(Table(**{**vars(empty), "fabric": replace(empty.fabric, name="elsewhere")}))
        assert found.plan is None
        assert one_of(found, "no plan is known")

    story(tell)


def test_with_all_stores_dark_nobody_is_told_that_there_is_no_plan() -> None:
    async def tell(world: World) -> None:
        await well(world)
        for store in world.table.stores:
            store.break_down()
        found = await status(table(world))
        assert not one_of(found, "the first sweep makes one")
        assert one_of(found, "no plan could be read: whether one is agreed")

    story(tell)


def test_a_plan_that_was_moved_is_not_called_unknown() -> None:
    async def tell(world: World) -> None:
        await well(world)
        sealed = sealing("2.next")(canonical(await world.plan()).decode())
        assert isinstance(sealed, str)
        await world.gcp.registers.carry(world.gcp.plan_register, Trial(lambda _: sealed, entered=True), None, world.clock.monotonic() + 9)
        found = await status(table(world))
        assert "moved to stores 2.next" in found.unread
        assert found.todo[0] == found.unread
        assert not one_of(found, "no plan")

    story(tell)


def test_with_one_store_gone_the_mode_says_that_no_other_may_go() -> None:
    async def tell(world: World) -> None:
        await well(world)
        assert "no further loss" not in (await status(table(world))).mode.text
        world.table.witness.break_down()
        assert "survives no further loss while the store witness" in (await status(table(world))).mode.text

    story(tell)


def test_what_a_plan_of_another_version_or_fabric_says_is_not_guessed() -> None:
    async def tell(world: World) -> None:
        await sweep(world.gcp)
        held = table(world)
        other = replace(held.fabric, policy=replace(held.fabric.policy, epochs_per_hour=9))
        told = one_of(await status(Table(**{**vars(held), "fabric": other})), "names another fabric")
        assert "after a move of stores 'pointsman adopt' is the next step" in told
        await world.gcp.registers.change("plan/atlas", lambda _: '{"of": "tomorrow"}')
        found = await status(held)
        assert found.plan is None
        assert one_of(found, "newer version") == found.unread
        assert not one_of(found, "no plan")

    story(tell)


def without(fabric: Fabric, name: str) -> Fabric:
    """Give a fabric that never had a link, nor the flows that would have no other."""
    flows = (replace(one, prefer=tuple(other for other in one.prefer if other != name)) for one in fabric.flows)
    return replace(fabric, links=tuple(one for one in fabric.links if one.name != name), flows=tuple(one for one in flows if one.prefer))


@pytest.mark.parametrize("name", ["ix-a", "ix-b"])
def test_of_links_that_the_file_lacks_the_plan_alone_is_told(name: str) -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        plan = await world.plan()
        drain = Drain(cause=DrainCause.OUTAGE, since=world.clock.now(), epoch=plan.epoch + 1, enactor=Cloud.GCP)
        drained = {LinkName("ix-a"): replace(plan.links[LinkName("ix-a")], drain=drain)}
        pin = Pin(flow=FlowName("checkout"), link=LinkName(name), owner="pointsman", reason="grey", expires_at=world.clock.now())
        newer = replace(plan, epoch=plan.epoch + 1, links=plan.links | drained, pins=(pin,))
        await world.gcp.registers.change("plan/atlas", lambda _: canonical(newer).decode())
        held = table(world)
        found = await status(Table(**{**vars(held), "fabric": without(held.fabric, name)}))
        assert found.plan == newer
        told = one_of(found, "names another fabric than this file")
        assert f", which lacks {name} (told of by the plan alone): give status the one that is adopted" in told
        assert name not in found.unforced
        assert one_of(found, "ix-a is down")

    story(tell)


def test_functions_that_have_stopped_sweeping_are_named_whoever_is_left_to_notice() -> None:
    async def tell(world: World) -> None:
        await well(world)
        fresh = await status(table(world))
        assert [one.age is not None and one.age <= 60 for one in fresh.swept] == [True, True]
        await world.clock.sleep(400)
        both = [text for text in (await status(table(world))).todo if text.startswith("no sweep of the functions on")]
        assert [text.split()[6] for text in both] == ["aws", "gcp"]
        await world.settle(1, clouds=(Cloud.GCP,))
        told = await status(table(world))
        assert told.plan is not None
        assert list(told.plan.silences) == ["functions:aws"]
        assert [text.split()[6] for text in told.todo if text.startswith("no sweep of the functions on")] == ["aws"]
        assert any(one.id.startswith("atlas/functions:aws@") for one in told.incidents)

    story(tell)


def test_a_link_that_flaps_is_shown_damped_with_its_penalty_and_until_when() -> None:
    async def tell(world: World) -> None:
        for _ in range(4):
            world.twin.network.blackhole("ix-a")
            await world.settle(30, every=10)
            world.twin.network.heal("ix-a")
            await world.settle(30, every=10)
        found = await status(table(world))
        assert set(found.damped) == {"ix-a"}
        text = one_of(found, "ix-a is damped: penalty ")
        assert text == f"ix-a {found.damped[LinkName('ix-a')]}"
        assert "under 750 at 2026-01-01T00:3" in text

    story(tell)
