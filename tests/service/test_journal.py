"""The journal over the in-process twin: written before it counts, enough to decide again, and signed by the other cloud."""

import asyncio
import dataclasses
from collections.abc import Awaitable

import pytest

from pointsman.core import journal as core_journal
from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud
from pointsman.core.journal import Entry, again, countersignature, countersignature_key, opened
from pointsman.core.plan import Plan
from pointsman.core.values import canonical, digest, parse, replace
from pointsman.service import journal as journalling
from pointsman.service.adopt import adopt
from pointsman.service.journal import COUNTERSIGN_LIMIT, HEDGE_SECONDS, countersign
from pointsman.service.sweep import sweep
from pointsman.testing.stores import Fault, MemoryStore, Weather
from tests.service.test_adopt import NEXT, carrying, swept
from tests.service.test_converge import ROOMY, World, story


def hurt(world: World) -> Awaitable[None]:
    world.twin.network.blackhole("ix-a")
    return world.clock.sleep(1)


def kept(world: World) -> dict[str, dict[str, bytes]]:
    return {store.name: store.snapshot().entries for store in world.table.stores}


async def entry_of(world: World, plan: Plan) -> Entry:
    for entries in kept(world).values():
        if plan.entry in entries:
            return opened(plan.entry, entries[plan.entry])
    raise AssertionError(f"no store keeps the entry of epoch {plan.epoch}")


async def chain(world: World) -> list[tuple[Plan, Entry]]:
    found, plan = [], await world.plan()
    while plan.epoch:
        found.append((plan, await entry_of(world, plan)))
        plan = found[-1][1].before
    return found


def test_every_agreed_plan_leads_back_to_the_first_through_entries_that_decide_it_again_byte_for_byte() -> None:
    async def tell(world: World) -> None:
        await hurt(world)
        await world.settle(60)
        world.twin.network.heal("ix-a")
        await world.settle(400)
        links = await chain(world)
        assert len(links) >= 5
        for plan, entry in links:
            assert plan.prev_digest == digest(canonical(entry.before))
            assert canonical(again(entry, world.twin.fabric)) == canonical(replace(plan, entry=""))

    story(tell)


def test_an_entry_lies_in_its_own_clouds_store_and_is_small() -> None:
    async def tell(world: World) -> None:
        await hurt(world)
        await world.settle(60)
        links = await chain(world)
        for plan, entry in links:
            assert plan.entry in kept(world)[entry.view.here]
        packed = sum(len(kept(world)[entry.view.here][plan.entry]) for plan, entry in links)
        assert packed < sum(len(canonical(entry)) for _, entry in links) / 3

    story(tell)


@pytest.mark.parametrize("cloud", list(Cloud))
def test_no_accept_is_sent_before_the_entry_is_kept(cloud: Cloud) -> None:
    async def tell(world: World) -> None:
        await world.settle(30)
        await hurt(world)
        own = world.table.aws if cloud is Cloud.AWS else world.table.gcp
        asked: list[tuple[float, str, str]] = []
        slow = HEDGE_SECONDS * 0.8
        own.next("put_entry", Weather(reply_delay=slow))
        for store in world.table.stores:
            recording(store, asked, world)
        begun = world.clock.monotonic()
        report = await world.report(cloud)
        assert report.agreed
        accepts = [at for at, what, _ in asked if what == "accept"]
        puts = [at for at, what, name in asked if what == "put_entry" and name == report.plan.entry]
        assert len(puts) == 1
        assert min(accepts) - begun >= slow
        assert min(accepts) >= puts[0] + slow

    story(tell)


def recording(store: MemoryStore, asked: list[tuple[float, str, str]], world: World) -> None:
    before = store.forecast

    def forecast(operation: str) -> Weather:
        asked.append((world.clock.monotonic(), operation, store.traffic[-1][1]))
        return before(operation)

    store.forecast = forecast


def test_a_journal_that_keeps_up_costs_no_round_trip() -> None:
    async def tell(world: World) -> None:
        await world.settle(30)
        await hurt(world)
        for store in world.table.stores:
            store.forecast = lambda _: Weather(delay=0.005, reply_delay=0.005)
        report = await world.report(Cloud.AWS)
        assert report.stages["agreed"] == pytest.approx(0.03)

    story(tell, ROOMY)


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.THROTTLED, Fault.LOST_REQUEST])
def test_with_the_own_store_refusing_entries_another_store_keeps_them(fault: Fault) -> None:
    async def tell(world: World) -> None:
        await world.settle(30)
        await hurt(world)
        world.table.gcp.forecast = lambda what: Weather(fault=fault if what == "put_entry" else Fault.NONE)
        report = await world.report(Cloud.GCP)
        assert report.agreed
        held = {name for name, entries in kept(world).items() if report.plan.entry in entries}
        assert held
        assert held <= {"aws", "witness"}

    story(tell)


def test_with_the_own_store_silent_the_entry_is_hedged_to_another() -> None:
    async def tell(world: World) -> None:
        await world.settle(30)
        await hurt(world)
        world.table.gcp.forecast = lambda what: Weather(delay=60.0 if what == "put_entry" else 0.0)
        begun = world.clock.monotonic()
        report = await world.report(Cloud.GCP)
        assert report.agreed
        assert report.stages["agreed"] < HEDGE_SECONDS + 0.1
        assert world.clock.monotonic() - begun < 2

    story(tell)


def test_without_any_store_for_the_entry_nothing_is_agreed_and_the_event_comes_again() -> None:
    async def tell(world: World) -> None:
        await world.settle(30)
        before = await world.plan()
        await hurt(world)
        world.forget_requests()
        for store in world.table.stores:
            store.forecast = lambda what: Weather(fault=Fault.DOWN if what == "put_entry" else Fault.NONE)
        with pytest.raises(Transient, match="journal's entry"):
            await world.report(Cloud.GCP)
        assert "accept" not in world.requests()
        for store in world.table.stores:
            store.mend()
        assert await world.plan() == before
        assert (await world.report(Cloud.GCP)).agreed

    story(tell)


def test_a_decision_made_again_on_what_the_prepare_found_has_an_entry_of_its_own() -> None:
    async def tell(world: World) -> None:
        await hurt(world)
        await world.report(Cloud.AWS)
        await asyncio.gather(*(world.report(cloud) for cloud in (*Cloud, *Cloud)), return_exceptions=True)
        await world.settle(60)
        for plan, entry in await chain(world):
            assert plan.prev_digest == digest(canonical(entry.before))

    story(tell)


def test_an_adopted_fabric_is_an_entry_too() -> None:
    async def tell(world: World) -> None:
        carrying(world, NEXT, *Cloud)
        await swept(world)
        plan = await adopt(world.gcp, author="operator", reason="ix-a was enlarged")
        entry = await entry_of(world, plan)
        assert entry.adoption is not None
        assert entry.adoption.author == "operator"
        assert canonical(again(entry, NEXT)) == canonical(replace(plan, entry=""))

    story(tell)


async def words(world: World, signer: Cloud) -> dict[str, bool]:
    entries = kept(world)[signer]
    names = [name.partition(".")[0] for name in entries if name.endswith(f".{signer}")]
    return {name: countersignature(name, signer, entries[countersignature_key(name, signer)]).agrees for name in names}


def test_the_other_clouds_sweep_decides_every_entry_again_and_signs_it() -> None:
    async def tell(world: World) -> None:
        await hurt(world)
        await world.settle(60)
        world.twin.network.heal("ix-a")
        await world.settle(400)
        await world.settle(1)
        for plan, entry in await chain(world):
            signed = await words(world, entry.view.here.other)
            assert signed.get(plan.entry) is True, plan.epoch

    story(tell)


def test_a_sweep_with_nothing_new_asks_nothing_of_the_journal() -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        world.forget_requests()
        await sweep(world.aws)
        await sweep(world.gcp)
        assert {"entry", "put_entry"} & set(world.requests()) == set()

    story(tell)


def test_a_function_that_starts_anew_stops_at_what_it_has_signed_before() -> None:
    async def tell(world: World) -> None:
        await hurt(world)
        await world.settle(60)
        fresh = [dataclasses.replace(world.house(cloud)) for cloud in Cloud]
        for house in fresh:
            house.countersigned.clear()
        world.forget_requests()
        for house in fresh:
            assert await countersign(house, await world.plan(), world.clock.now()) == ()
        assert "put_entry" not in world.requests()

    story(tell)


def test_a_sweep_asks_the_own_store_alone_for_the_own_clouds_entries() -> None:
    async def tell(world: World) -> None:
        await world.report(Cloud.AWS)
        await world.report(Cloud.AWS)
        made = (await world.plan()).entry
        world.aws.countersigned.clear()
        world.forget_requests()
        assert await countersign(world.aws, await world.plan(), world.clock.now()) == ()
        assert ("entry", made) in world.table.aws.traffic
        assert ("entry", made) not in (*world.table.gcp.traffic, *world.table.witness.traffic)

    story(tell)


def test_an_entry_that_does_not_follow_from_its_inputs_is_told_by_the_other_clouds_sweep() -> None:
    async def tell(world: World) -> None:
        await world.settle(30)
        held = await world.plan()
        odd = replace(held, epoch=held.epoch + 1, flows={}, prev_digest=digest(canonical(held)))
        entry = await entry_of(world, held)
        notebook = journalling.Notebook(world.gcp, replace(entry.view, here=Cloud.GCP), world.clock.now())
        text = notebook.enter(held, odd)
        await notebook.kept(text)
        doubts = await countersign(world.aws, parse(text, Plan), world.clock.now())
        assert len(doubts) == 1
        assert f"epoch {odd.epoch} differently" in doubts[0]
        assert (await words(world, Cloud.AWS))[parse(text, Plan).entry] is False

    story(tell)


def test_the_sweep_goes_on_and_says_so_when_the_journal_cannot_be_read() -> None:
    async def tell(world: World) -> None:
        await hurt(world)
        await world.report(Cloud.AWS)
        await world.report(Cloud.GCP)
        world.table.aws.forecast = lambda what: Weather(fault=Fault.DOWN if what in {"entry", "put_entry"} else Fault.NONE)
        report = await sweep(world.aws)
        assert report.doubts
        world.table.aws.mend()
        assert (await sweep(world.aws)).doubts == ()

    story(tell)


def test_one_sweep_signs_a_bounded_number_of_entries() -> None:
    async def tell(world: World) -> None:
        await world.settle(30)
        notebook_plan = await world.plan()
        view = (await entry_of(world, notebook_plan)).view
        for _ in range(COUNTERSIGN_LIMIT + 5):
            after = replace(notebook_plan, epoch=notebook_plan.epoch + 1, prev_digest=digest(canonical(notebook_plan)))
            notebook = journalling.Notebook(world.gcp, replace(view, here=Cloud.GCP), world.clock.now())
            text = notebook.enter(notebook_plan, after)
            await notebook.kept(text)
            notebook_plan = parse(text, Plan)
        world.forget_requests()
        await countersign(world.aws, notebook_plan, world.clock.now())
        assert world.requests()["put_entry"] == COUNTERSIGN_LIMIT

    story(tell)


def test_a_decision_whose_entry_is_too_long_is_agreed_all_the_same_and_told_by_the_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    async def tell(world: World) -> None:
        await world.settle(30)
        monkeypatch.setattr(core_journal, "ENTRY_LIMIT", 0)
        await hurt(world)
        report = await world.report(Cloud.AWS)
        assert report.agreed
        assert (await entry_of(world, report.plan)).too_long
        monkeypatch.undo()
        assert any("cannot be decided again" in doubt for doubt in (await sweep(world.gcp)).doubts)

    story(tell)
