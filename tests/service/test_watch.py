"""A minute of looks: how often the cloud is asked, what is noted of it, and when it is left alone."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence

import pytest

from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud
from pointsman.core.sightings import Health, Sighting, Source
from pointsman.core.values import replace
from pointsman.ports.clouds import Look
from pointsman.ports.stores import Rows, RowsRead
from pointsman.service.house import House
from pointsman.service.slowness import ROWS_SECONDS
from pointsman.service.watch import LOOK_SECONDS, SLOWEST, watch
from pointsman.testing.inprocess import TwinLooker
from pointsman.testing.virtual import run
from tests.core.scene import fabric
from tests.service.test_converge import World, build

FABRIC = fabric()
TWO = ("dxvif-1", "dxvif-2")
EVERY, LASTING = 3.0, 55.0
Answer = Callable[[Look], Awaitable[Look]]
"""What becomes of one look, given what it would have seen."""


class Eyes(TwinLooker):
    """Looks at the twin, keeps when each look at everything began, and lets some of these go otherwise."""

    def __init__(self, world: World, answers: Mapping[int, Answer] | None = None) -> None:
        super().__init__(world.twin, Cloud.AWS)
        self.clock, self.answers = world.clock, answers or {}
        self.begun: list[float] = []
        self.in_flight = self.most = 0

    async def look(self, links: Sequence[str]) -> Look:
        if len(links) < len(FABRIC.links):
            return await super().look(links)  # a reaction's own look at what it is about
        answer = self.answers.get(len(self.begun))
        self.begun.append(self.clock.monotonic())
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            seen = await super().look(links)
            return seen if answer is None else await answer(seen)
        finally:
            self.in_flight -= 1

    @property
    def pauses(self) -> list[float]:
        """The seconds between the beginnings of two looks that follow each other."""
        return [round(later - one, 3) for one, later in zip(self.begun, self.begun[1:], strict=False)]


class Notes:
    """The own store's rows, and beside them each batch of looks with the second at which it was noted."""

    def __init__(self, world: World, rows: Rows) -> None:
        self.name, self.clock, self.inner = rows.name, world.clock, rows
        self.silent = False
        self.batches: list[tuple[float, tuple[Sighting, ...]]] = []

    async def note(self, prefix: Cloud, sightings: Sequence[Sighting]) -> None:
        looks = tuple(one for one in sightings if one.source is Source.LOOK)
        if looks:
            self.batches.append((self.clock.monotonic(), looks))
        await self.inner.note(prefix, sightings)

    async def rows(self, prefix: Cloud) -> RowsRead:
        if self.silent:
            await asyncio.Event().wait()
        return await self.inner.rows(prefix)


def watching(world: World, answers: Mapping[int, Answer] | None = None) -> tuple[House, Eyes, Notes]:
    """Furnish a function of AWS whose looks and notes are counted."""
    eyes, notes = Eyes(world, answers), Notes(world, world.aws.rows[Cloud.AWS])
    return dataclasses.replace(world.aws, looker=eyes, rows={**world.aws.rows, Cloud.AWS: notes}), eyes, notes


def story(tell: Callable[[World], Awaitable[None]]) -> None:
    """Begin with an agreed plan and rows that a minute of looks has just noted."""

    async def main() -> None:
        world = build(FABRIC)
        await world.settle(1)
        await world.settle(1)
        await watch(world.aws)
        await tell(world)

    run(main())


async def throttled(_: Look) -> Look:
    raise Transient("throttled: look again later")


async def hanging(seen: Look) -> Look:
    await asyncio.Event().wait()
    return seen


async def two_degraded(seen: Look) -> Look:
    return Look(claims=tuple(replace(one, health=Health.DEGRADED) if one.member in TWO else one for one in seen.claims))


def test_a_minute_is_a_look_every_few_seconds_and_ends_in_time() -> None:
    async def tell(world: World) -> None:
        house, eyes, _ = watching(world)
        assert (house.watch_every.total_seconds(), house.watch_lasting.total_seconds()) == (EVERY, LASTING)
        begun = world.clock.monotonic()
        watched = await watch(house)
        assert (watched.looks, watched.throttled, watched.trouble) == (19, 0, ())
        assert eyes.pauses == [EVERY] * 18
        assert LASTING - EVERY <= world.clock.monotonic() - begun <= LASTING

    story(tell)


def test_the_next_look_waits_until_a_slow_one_has_ended() -> None:
    async def slow(seen: Look) -> Look:
        await asyncio.sleep(2 * EVERY)
        return seen

    async def tell(world: World) -> None:
        house, eyes, _ = watching(world, dict.fromkeys(range(20), slow))
        await watch(house)
        assert eyes.most == 1
        assert len(eyes.begun) == 10
        assert max(eyes.pauses) < 2 * EVERY + 1

    story(tell)


def test_all_news_of_a_round_is_noted_at_once_and_a_round_without_news_notes_nothing() -> None:
    async def tell(world: World) -> None:
        house, eyes, notes = watching(world, dict.fromkeys(range(2, 40), two_degraded))
        watched = await watch(house)
        ((at, news),) = notes.batches
        assert {(one.member, one.health) for one in news} == {(member, Health.DEGRADED) for member in TWO}
        assert at - eyes.begun[2] < EVERY
        assert watched.changes == 1

    story(tell)


def test_what_is_known_already_is_no_news_to_a_new_minute() -> None:
    async def tell(world: World) -> None:
        house, _, notes = watching(world)
        watched = await watch(house)
        assert (watched.changes, watched.reports, notes.batches) == (0, (), [])

    story(tell)


def test_a_store_that_keeps_silent_lets_the_minute_begin_without_what_it_holds() -> None:
    async def tell(world: World) -> None:
        house, eyes, notes = watching(world)
        notes.silent = True
        begun = world.clock.monotonic()
        await watch(house)
        assert eyes.begun[0] - begun == ROWS_SECONDS
        assert world.clock.monotonic() - begun <= LASTING + ROWS_SECONDS

    story(tell)


def test_rows_that_say_the_same_are_written_anew_together_when_half_their_freshness_is_over() -> None:
    async def tell(world: World) -> None:
        half = FABRIC.policy.freshness.look.total_seconds() / 2
        await world.clock.sleep(3 * half)
        house, eyes, notes = watching(world)
        for _ in range(3):
            await watch(house)
        ((first, looks), (second, again), *more) = notes.batches
        assert more == []
        assert first - eyes.begun[0] < EVERY
        assert half < second - first <= half + 2 * EVERY
        assert {one.row for one in looks} == {one.row for one in again}
        assert len(looks) == len({one.row for one in looks}) > 1

    story(tell)


def test_pauses_double_up_to_their_bound_while_throttled_and_are_short_again_afterwards() -> None:
    async def tell(world: World) -> None:
        house, eyes, _ = watching(world, dict.fromkeys(range(4), throttled))
        house = dataclasses.replace(house, watch_lasting=4 * house.watch_lasting)
        watched = await watch(house)
        assert watched.throttled == 4
        assert eyes.pauses[:4] == [2 * EVERY, 4 * EVERY, SLOWEST.total_seconds(), SLOWEST.total_seconds()]
        assert set(eyes.pauses[4:]) == {EVERY}
        assert watched.looks == len(eyes.begun) - 4

    story(tell)


def test_a_minute_that_is_throttled_throughout_ends_in_time() -> None:
    async def tell(world: World) -> None:
        house, eyes, notes = watching(world, dict.fromkeys(range(40), throttled))
        begun = world.clock.monotonic()
        watched = await watch(house)
        assert (watched.looks, watched.throttled, len(eyes.begun)) == (0, 4, 4)
        assert world.clock.monotonic() - begun <= LASTING
        assert notes.batches == []

    story(tell)


def test_what_one_feed_saw_is_told_while_another_is_throttled_and_the_pauses_double() -> None:
    async def partly(seen: Look) -> Look:
        first, *_ = seen.claims
        return Look(claims=(replace(first, health=Health.DEGRADED),), unseen=tuple(one.member for one in seen.claims[1:]))

    async def tell(world: World) -> None:
        house, eyes, notes = watching(world, dict.fromkeys(range(2), partly))
        watched = await watch(house)
        assert watched.throttled == 2
        assert watched.looks == len(eyes.begun)
        assert eyes.pauses[:3] == [2 * EVERY, 4 * EVERY, EVERY]
        (_, (news,)), *_ = notes.batches
        assert news.health is Health.DEGRADED

    story(tell)


@pytest.mark.parametrize("which", [0, 5])
def test_a_look_that_hangs_is_given_up_and_the_next_round_looks_anew(which: int) -> None:
    async def tell(world: World) -> None:
        house, eyes, _ = watching(world, {which: hanging})
        begun = world.clock.monotonic()
        watched = await watch(house)
        assert (watched.looks, watched.throttled) == (len(eyes.begun) - 1, 0)
        assert eyes.pauses[which] == LOOK_SECONDS
        assert eyes.in_flight == 0
        assert [f"{LOOK_SECONDS:g} s" in text for text in watched.trouble] == [True]
        assert world.clock.monotonic() - begun <= LASTING

    story(tell)


def test_a_minute_in_which_every_look_hangs_ends_all_the_same() -> None:
    async def tell(world: World) -> None:
        house, eyes, _ = watching(world, dict.fromkeys(range(40), hanging))
        begun = world.clock.monotonic()
        assert (await watch(house)).looks == 0
        assert len(eyes.begun) == 6
        assert world.clock.monotonic() - begun <= LASTING, "the next minute's look is not the second one under way"

    story(tell)
