"""Closed incidents become tombstones in the end, and nothing opens one again."""

import asyncio
import dataclasses
import zlib
from datetime import datetime, timedelta

import pytest

from pointsman.core.archive import AT_ONCE, CLOSED_LIMIT, KEPT, Archive, Closed, closing, due, put_off, tombstone, without
from pointsman.core.errors import Refused, Transient
from pointsman.core.fabric import LinkName
from pointsman.core.incidents import Ask, Incident, Letter, Moment, Phase, Severity, Ticket
from pointsman.core.journal import check_kept
from pointsman.core.outbox import all_told, follow, next_letter
from pointsman.core.plan import LinkState, Verdict
from pointsman.core.values import canonical, digest, parse, replace
from pointsman.ports.clouds import Clock
from pointsman.quorum.outcomes import Outcome
from pointsman.quorum.sealing import UNSEALED_LIMIT
from pointsman.service.archiving import archive, archive_register, archived
from pointsman.service.house import incident_register
from pointsman.service.registers import Registers
from pointsman.testing.stores import Fault, Weather
from pointsman.testing.virtual import START
from tests.core.scene import fabric
from tests.service.test_converge import World, story

NAME = "atlas/ix-a@3"


class WrongClock:
    """A clock that is wrong by a fixed time."""

    def __init__(self, clock: Clock, ahead: timedelta) -> None:
        self._clock, self._ahead = clock, ahead

    def now(self) -> datetime:
        return self._clock.now() + self._ahead

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


def incident(*, told: bool = True, phase: Phase = Phase.RESOLVED, name: str = NAME) -> Incident:
    letters = tuple(
        Letter(serial=serial, desk="noc", ask=ask, severity=Severity.ERROR, summary="long " * 50, done=told)
        for serial, ask in enumerate((Ask.OPEN, Ask.RESOLVE))
    )
    moments = tuple(Moment(at=START, epoch=3 + number, text="something happened") for number in range(20))
    link, _, epoch = name.partition("/")[2].partition("@")
    return Incident(
        id=name,
        fabric="atlas",
        link=LinkName(link),
        epoch=int(epoch),
        opened_at=START,
        severity=Severity.ERROR,
        phase=phase,
        resolved_at=START if phase is Phase.RESOLVED else None,
        timeline=moments,
        tickets=(Ticket(desk="noc", reference="pm-1", phase=Phase.RESOLVED),),
        outbox=letters,
    )


async def written(world: World, one: Incident) -> None:
    await world.gcp.registers.change(incident_register(one.id), lambda _: canonical(one).decode())


async def held(world: World, name: str) -> Incident:
    value = (await world.aws.registers.read(incident_register(name))).value
    assert value is not None
    return parse(value, Incident)


async def listed(world: World) -> list[str]:
    value = (await world.aws.registers.read(archive_register(world.aws.current.name))).value
    return [] if value is None else [one.incident for one in parse(value, Archive).closed]


def test_a_tombstone_keeps_name_times_and_tickets_and_is_small() -> None:
    one = incident()
    stone = tombstone(one, "0" * 32)
    assert (stone.id, stone.phase, stone.tickets, stone.resolved_at) == (one.id, Phase.RESOLVED, one.tickets, one.resolved_at)
    assert "0" * 32 in stone.timeline[0].text
    assert len(canonical(stone)) < 500 < len(canonical(one))
    assert tombstone(stone, "1" * 32) == stone


@pytest.mark.parametrize("one", [incident(told=False), incident(phase=Phase.OPEN)])
def test_an_incident_that_still_has_something_to_tell_gets_no_tombstone(one: Incident) -> None:
    assert tombstone(one, "0" * 32) == one


def test_s11_a_late_duplicate_finds_a_tombstone_over_and_told_whatever_its_plan_says() -> None:
    async def tell(world: World) -> None:
        stone, plan = tombstone(incident(), "0" * 32), await world.plan()
        old = replace(plan, links={**plan.links, stone.link: LinkState(verdict=Verdict.DOWN, down_since_epoch=3)})
        assert follow(fabric(), old, stone.link, 3, stone) == stone
        assert next_letter(stone, world.clock.now()) is None
        assert all_told(stone)

    story(tell)


def test_a_closed_incident_stays_whole_for_forty_five_days_and_then_leaves_a_tombstone() -> None:
    async def tell(world: World) -> None:
        one = incident()
        await written(world, one)
        assert (await archive(world.aws, (NAME,))).buried == ()
        await asyncio.sleep((KEPT - timedelta(seconds=1)).total_seconds())
        assert (await archive(world.gcp, ("atlas/ix-b@9",))).buried == ()
        assert await held(world, NAME) == one
        await asyncio.sleep(2)
        await written(world, incident(name="atlas/ix-b@11"))
        assert (await archive(world.gcp, ("atlas/ix-b@11",))).buried == (NAME,)
        assert await held(world, NAME) == tombstone(one, digest(canonical(one)))
        kept = await world.gcp.journal.entry(digest(canonical(one)))
        assert kept is not None
        check_kept(digest(canonical(one)), kept)
        assert zlib.decompress(kept) == canonical(one)
        assert await listed(world) == ["atlas/ix-b@9", "atlas/ix-b@11"]

    story(tell)


@pytest.mark.parametrize("ahead", [timedelta(days=3650), timedelta(days=-3650)], ids=["years ahead", "years behind"])
def test_a_function_whose_clock_is_wrong_buries_nothing_early_and_nothing_for_ever(ahead: timedelta) -> None:
    async def tell(world: World) -> None:
        wrong = dataclasses.replace(world.aws, clock=WrongClock(world.clock, ahead))
        await written(world, incident())
        assert (await archive(wrong, (NAME,))).buried == ()
        assert (await archive(wrong, ("atlas/ix-b@9",))).buried == ()
        await asyncio.sleep(KEPT.total_seconds())
        assert (await archive(world.gcp, ("atlas/ix-b@10",))).buried == (NAME, "atlas/ix-b@9")

    story(tell)


def test_an_incident_that_cannot_be_kept_whole_anywhere_gets_no_tombstone_yet() -> None:
    async def tell(world: World) -> None:
        await written(world, incident())
        await archive(world.aws, (NAME,))
        await asyncio.sleep(KEPT.total_seconds())
        world.table.aws.next("put_entry", Weather(fault=Fault.DOWN))
        assert (await archive(world.aws, ("atlas/ix-b@9",))).buried == ()
        assert await held(world, NAME) == incident()
        assert (await archive(world.aws, ("atlas/ix-b@10",))).buried == (NAME,)

    story(tell)


def test_the_plan_forgets_an_incident_only_once_the_archive_knows_it() -> None:
    async def tell(world: World) -> None:
        for store in (world.table.gcp, world.table.witness):
            store.break_down()
        assert (await archived(world.aws, (NAME,))).known == ()
        with pytest.raises(Transient):
            await archive(world.aws, (NAME,))
        for store in world.table.stores:
            store.mend()
        assert (await archived(world.aws, (NAME,))).known == (NAME,)
        assert (await archived(world.gcp, (NAME,))).known == (NAME,)
        assert await listed(world) == [NAME]

    story(tell)


def test_without_a_closed_incident_the_archive_costs_no_request() -> None:
    async def tell(world: World) -> None:
        world.forget_requests()
        assert (await archived(world.aws, ())).known == ()
        assert world.requests() == {}

    story(tell)


def test_an_incident_that_runs_its_course_is_in_the_archive_when_the_plan_has_forgotten_it() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        name = await the_open_one(world)
        world.twin.network.heal("ix-a")
        await world.settle(480)
        assert (await world.plan()).links[LinkName("ix-a")].closing == ()
        assert await listed(world) == [name]

    story(tell)


async def the_open_one(world: World) -> str:
    plan = await world.plan()
    (link,) = [name for name, state in plan.links.items() if state.down_since_epoch is not None]
    return f"{plan.fabric}/{link}@{plan.links[link].down_since_epoch}"


@pytest.mark.parametrize("size", [1, 20, 40])
def test_the_archive_fits_its_register_however_long_the_names_are_and_whatever_is_put_off(size: int) -> None:
    names = tuple(f"{'f' * size}/{'l' * size}@{10**9 + number}" for number in range(CLOSED_LIMIT + 5))
    full = closing(closing(Archive(), names[:1000], START), names[1000:], START)
    late = START + KEPT + timedelta(microseconds=1)
    assert len(canonical(put_off(full, tuple(one.incident for one in full.closed), late))) <= UNSEALED_LIMIT
    assert tuple(one.incident for one in full.closed) == names[: len(full.closed)]
    assert len(full.closed) >= 1500


def test_an_incident_closes_though_the_archive_is_full_of_the_longest_names() -> None:
    async def tell(world: World) -> None:
        known = tuple(Closed(incident=f"{'f' * 40}/{'l' * 40}@{10**5 + number}", at=world.clock.now()) for number in range(1884))
        await world.aws.registers.change(archive_register("atlas"), lambda _: canonical(Archive(closed=known)).decode())
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        world.twin.network.heal("ix-a")
        await world.settle(1200, every=60)
        assert (await world.plan()).links[LinkName("ix-a")].closing == ()

    story(tell)


class Full(Registers):
    """Registers in which nothing more has room."""

    async def change(self, register: str, *_: object, **__: object) -> Outcome:
        raise Refused(f"the new value of {register} is too long: archive closed parts of it first")


def test_an_archive_that_takes_nothing_more_stops_no_sweep_and_is_told() -> None:
    async def tell(world: World) -> None:
        full = Full(world.table.stores, clock=world.clock, nonce=str, jitter=float)
        filed = await archived(dataclasses.replace(world.aws, registers=full), (NAME,))
        assert (filed.known, filed.buried) == ((), ())
        assert [text.startswith("archive/atlas takes no more") for text in filed.unread] == [True]

    story(tell)


def test_the_list_of_closed_incidents_is_bounded_and_so_is_one_calls_work() -> None:
    names = tuple(f"atlas/ix-a@{number}" for number in range(CLOSED_LIMIT + 5))
    full = closing(Archive(), names, START)
    assert len(full.closed) == CLOSED_LIMIT
    assert due(full, START + KEPT) == names[:AT_ONCE]
    assert due(full, START + KEPT - timedelta(seconds=1)) == ()
    assert without(full, names[:AT_ONCE]).closed[0] == Closed(incident=names[AT_ONCE], at=START)
