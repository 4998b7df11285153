"""Moving a whole fabric to another set of stores, while the functions of both clouds are at work."""

import asyncio
import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from pointsman.core.alone import register_of
from pointsman.core.domains import StoreSet
from pointsman.core.errors import Moved, Refused, Transient
from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.outbox import open_incidents
from pointsman.ports.stores import Listed, ListedStore
from pointsman.quorum.sealing import seal_in
from pointsman.service.converge import converge
from pointsman.service.deliver import agreed_plan, deliver
from pointsman.service.house import House, incident_register
from pointsman.service.moving import Move, Stage, carry_out, survey
from pointsman.service.registers import Registers
from pointsman.service.sweep import sweep
from pointsman.service.verify import verify
from pointsman.testing.inprocess import probes
from pointsman.testing.stores import MemoryStore, Weather
from pointsman.testing.virtual import START, VirtualClock, run
from tests.core.scene import fabric
from tests.service.lonely import Lonely, lonely
from tests.service.test_converge import World, story

NEXT = StoreSet(generation=2, id="2.next")
QUIET: Callable[[str], None] = lambda _: None  # noqa: E731 - nobody listens


class Site:
    """A world whose witness is replaced: the stores of both sets and the functions that know either or both."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.fourth = MemoryStore("fourth", world.clock, fenced=True)
        table = world.table
        self.leaving = {"aws": table.aws, "gcp": table.gcp, "witness": table.witness}
        self.coming = {"aws": table.aws, "gcp": table.gcp, "witness": self.fourth}
        self._nonces = itertools.count(10**6)

    def _of(self, stores: dict[str, MemoryStore], which: StoreSet, following: Registers | None) -> Registers:
        return Registers(
            tuple(stores.values()),
            clock=self.world.clock,
            nonce=lambda: f"{next(self._nonces):016x}",
            jitter=lambda: 0.5,
            stores=which,
            following=following,
        )

    def both(self) -> Registers:
        return self._of(self.leaving, StoreSet(), self.new())

    def new(self) -> Registers:
        return self._of(self.coming, NEXT, None)

    def house(self, cloud: Cloud, registers: Registers) -> House:
        return dataclasses.replace(self.world.house(cloud), registers=registers)

    def deploy(self, *clouds: Cloud) -> None:
        """Let a cloud's functions carry both sets."""
        for cloud in clouds:
            setattr(self.world, cloud.value, self.house(cloud, self.both()))

    def move(self) -> Move:
        leaving: dict[str, ListedStore] = dict(self.leaving)
        coming: dict[str, ListedStore] = dict(self.coming)
        return Move(fabric=self.world.aws.current, registers=self.both(), leaving=leaving, coming=coming, now=START)


async def broken(world: World) -> str:
    """Break a link and give the name of its incident."""
    world.twin.network.blackhole("ix-a")
    await world.settle(60)
    plan = await world.plan()
    ((name, *_),) = open_incidents(world.gcp.current, plan)
    return name


def test_a_fabric_moves_in_the_middle_of_an_incident_and_its_story_goes_on() -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        name = await broken(world)
        site.deploy(*Cloud)
        before = await world.plan()
        told: list[str] = []
        done = await carry_out(site.move(), told.append)
        assert (done.left_behind, done.registers >= 3) == ((), True)
        assert any(incident_register(name) in line for line in told)
        world.table.witness.break_down()
        alone = site.house(Cloud.GCP, site.new())
        plan = await agreed_plan(alone)
        assert plan is not None
        assert plan == before
        world.twin.network.heal("ix-a")
        await world.settle(480)
        assert world.desk.told == ["open", "resolve"]
        assert (await world.plan()).epoch > before.epoch
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})

    story(tell)


def test_a_dry_run_says_what_would_be_moved_and_writes_nothing() -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        name = await broken(world)
        world.forget_requests()
        found = (await survey(site.move())).stages
        assert found[f"plan/{world.aws.current.name}"] is Stage.HERE
        assert found[incident_register(name)] is Stage.HERE
        assert set(world.requests()) <= {"read", "registers"}
        await carry_out(site.move(), QUIET)
        assert set((await survey(site.move())).stages.values()) == {Stage.MOVED}

    story(tell)


def test_functions_of_the_old_set_alone_stop_and_say_what_to_deploy() -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        await carry_out(site.move(), QUIET)
        with pytest.raises(Moved, match="deploy the artefact"):
            await sweep(world.aws)
        with pytest.raises(Moved):
            await deliver(world.gcp)
        site.deploy(*Cloud)
        await sweep(world.aws)

    story(tell)


def test_functions_of_the_old_set_alone_never_take_a_move_for_a_lost_majority_and_act_alone() -> None:
    async def tell(one: Lonely) -> None:
        site = Site(one.world)
        await carry_out(site.move(), QUIET)
        one.grey("ix-a")
        await one.world.clock.sleep(1)
        before = one.writes
        for cloud in Cloud:
            with pytest.raises(Moved):
                await converge(one.world.house(cloud), probes(one.world.twin, cloud))
        assert one.writes == before

    lonely(tell)


def test_an_incident_that_only_the_plan_names_is_sealed_too_so_no_slow_function_opens_it_behind_our_back() -> None:
    async def tell(world: World) -> None:
        site, old = Site(world), world.aws
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        await world.report(Cloud.AWS)
        await world.report(Cloud.GCP)
        ((name, *_),) = open_incidents(world.gcp.current, await world.plan())
        slow = await world.plan()
        assert (await old.registers.read(incident_register(name))).value is None
        await carry_out(site.move(), QUIET)
        assert slow.links[LinkName("ix-a")].down_since_epoch is not None
        with pytest.raises(Moved):
            await old.registers.change(incident_register(name), lambda _: "opened too late")
        site.deploy(*Cloud)
        await sweep(world.gcp)
        assert world.desk.told == ["open"]

    story(tell)


def test_the_chain_of_plans_is_walked_in_the_new_stores_when_all_three_were_exchanged() -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        site.coming = {slot: MemoryStore(f"new {slot}", world.clock, fenced=True) for slot in site.leaving}
        await broken(world)
        before = await verify(world.gcp)
        done = await carry_out(site.move(), QUIET)
        assert (done.entries > 2, done.left_behind) == (True, ())
        aws, gcp, witness = site.coming.values()
        rows = {Cloud.AWS: aws, Cloud.GCP: gcp}
        alone = dataclasses.replace(site.house(Cloud.GCP, site.new()), rows=rows, witness=witness, journal=gcp, spares=(aws, witness))
        walk = await verify(alone)
        assert walk.trouble is None
        assert (walk.epoch, walk.entries, walk.signed) == (before.epoch, before.entries, before.signed)

    story(tell)


def test_a_store_that_is_gone_is_left_and_the_journal_that_went_with_it_is_named() -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        before = await world.plan()
        world.table.witness.break_down()
        done = await carry_out(site.move(), QUIET)
        assert [text for text in done.left_behind if "journal of witness" in text]
        plan = await agreed_plan(site.house(Cloud.AWS, site.new()))
        assert plan == before

    story(tell)


def test_a_move_begins_only_when_a_majority_of_both_sets_answers() -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        site.fourth.break_down()
        world.table.gcp.break_down()
        for act in (survey, lambda move: carry_out(move, QUIET)):
            with pytest.raises(Transient, match="no majority of stores"):
                await act(site.move())
        world.table.gcp.mend()
        assert seal_in((await world.aws.registers.read(world.aws.plan_register)).value) is None
        await carry_out(site.move(), QUIET, force=True)

    story(tell)


def test_a_move_onto_a_set_that_lacks_a_store_is_foretold_and_made_only_by_force() -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        site.fourth.break_down()
        found = await survey(site.move())
        assert ([text for text in found.dark_next if "fourth is down" in text], found.dark) == (list(found.dark_next), ())
        assert found.dark_next
        with pytest.raises(Refused, match=r"--force: stores 2\.next: fourth is down"):
            await carry_out(site.move(), QUIET)
        assert seal_in((await world.aws.registers.read(world.aws.plan_register)).value) is None
        done = await carry_out(site.move(), QUIET, force=True)
        assert done.dark == found.dark_next

    story(tell)


def test_a_store_that_is_left_and_hangs_is_foretold_and_need_not_answer() -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        world.table.witness.forecast = lambda _: Weather(delay=3600)
        found = await survey(site.move())
        assert (len(found.dark), found.dark_next) == (1, ())
        assert "did not answer in time" in found.dark[0]
        done = await carry_out(site.move(), QUIET)
        assert done.dark == found.dark

    story(tell)


def test_a_set_that_was_left_once_is_not_taken_up_again() -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        await carry_out(site.move(), QUIET)
        back = site._of(site.coming, NEXT, site._of(site.leaving, StoreSet(), None))
        with pytest.raises(Refused, match=r"higher stores\.generation"):
            await survey(dataclasses.replace(site.move(), registers=back))
        other = site._of(site.leaving, StoreSet(), site._of(site.coming, StoreSet(generation=3, id="3.other"), None))
        with pytest.raises(Refused, match=r"2\.next already"):
            await survey(dataclasses.replace(site.move(), registers=other))

    story(tell)


def test_what_a_cloud_noted_alone_stays_in_its_own_store() -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        own = Registers((world.table.aws,), clock=world.clock, nonce=lambda: "0" * 16, jitter=lambda: 0.5)
        name = register_of(world.aws.current.name, Cloud.AWS)
        await own.change(name, lambda _: "{}")
        await carry_out(site.move(), QUIET)
        assert (await own.read(name)).value == "{}"

    story(tell)


def test_the_registers_of_another_fabric_in_the_same_stores_stay_where_they_are() -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        await world.aws.registers.change("plan/other", lambda _: "{}")
        await world.aws.registers.change("incident/other/ix-a@1", lambda _: "{}")
        await carry_out(site.move(), QUIET)
        assert [(await world.aws.registers.read(name)).value for name in ("plan/other", "incident/other/ix-a@1")] == ["{}", "{}"]

    story(tell)


@pytest.mark.parametrize("stop", range(0, 220, 4))
def test_a_move_that_is_stopped_anywhere_goes_on_from_there(stop: int) -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        name = await broken(world)
        site.deploy(*Cloud)
        before = await world.plan()
        await stopped_after(stop, carry_out(site.move(), QUIET), site)
        await sweep(world.aws)
        await sweep(world.gcp)
        done = await carry_out(site.move(), QUIET)
        assert done.left_behind == ()
        assert set((await survey(site.move())).stages.values()) == {Stage.MOVED}
        alone = await agreed_plan(site.house(Cloud.GCP, site.new()))
        assert alone is not None
        assert alone.epoch >= before.epoch
        assert (await site.new().read(incident_register(name))).value is not None
        assert world.desk.told == ["open"]

    story(tell)


async def stopped_after(requests: int, work: Any, site: Site) -> None:
    """Let a move make so many requests and then vanish."""
    stores = {*site.leaving.values(), *site.coming.values()}
    start = sum(len(store.traffic) for store in stores)
    task = asyncio.ensure_future(work)
    while not task.done() and sum(len(store.traffic) for store in stores) - start < requests:  # noqa: ASYNC110 - step by step
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})


def test_two_moves_at_once_are_one() -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        before = await world.plan()
        ends = await asyncio.gather(*(carry_out(site.move(), QUIET) for _ in range(2)))
        assert [end.left_behind for end in ends] == [(), ()]
        assert await agreed_plan(site.house(Cloud.AWS, site.new())) == before

    story(tell)


def test_a_store_whose_listing_never_ends_is_said() -> None:
    class Endless(MemoryStore):
        async def registers(self, after: str = "") -> Listed:
            return Listed(names=("plan/atlas",), after=f"{after}x"[:1])

    async def tell() -> None:
        world_stores = {name: Endless(name, VirtualClock()) for name in ("aws", "gcp", "witness")}
        registers = Registers(
            tuple(world_stores.values()),
            clock=VirtualClock(),
            nonce=lambda: "0" * 16,
            jitter=lambda: 0.5,
            following=Registers(
                tuple(world_stores.values()), clock=VirtualClock(), nonce=lambda: "1" * 16, jitter=lambda: 0.5, stores=NEXT
            ),
        )
        listed: dict[str, ListedStore] = dict(world_stores)
        move = Move(fabric=fabric(), registers=registers, leaving=listed, coming=listed, now=START)
        with pytest.raises(Transient, match="more than 10000 pages"):
            await survey(move)

    run(tell())
