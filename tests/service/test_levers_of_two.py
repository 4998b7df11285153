"""Two functions of one cloud at one lever: what the slower one wrote is no older word than what the faster one saw before."""

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import timedelta

from pointsman.core.fabric import Cloud
from pointsman.core.members import lever_key
from pointsman.core.sightings import Health, Sighting, own_word
from pointsman.core.steering import FailoverTest, LeverKind
from pointsman.ports.clouds import Look, Looker
from pointsman.service.enact import Step, acknowledge
from pointsman.service.gather import Gathered, Scope, gather, note
from pointsman.service.sweep import sweep
from pointsman.testing.inprocess import probes
from tests.service.test_converge import World, story
from tests.service.test_stale_enactor_20_october_2025 import IX_A, SLOW, START, slowed

REST = FailoverTest(link=IX_A, running=False, duration=timedelta(0))
TEST = FailoverTest(link=IX_A, running=True, duration=timedelta(minutes=30))


async def word_of_the_lever(world: World) -> Sighting | None:
    rows = (await world.table.aws.rows(Cloud.AWS)).rows
    return next((row for row in rows if row.member == lever_key(IX_A)), None)


def test_a_lever_that_was_written_is_told_as_of_then_and_whoever_saw_it_before_does_not_unsay_it() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        await world.report(Cloud.GCP)
        await note(world.aws, probes(world.twin, Cloud.AWS))
        slow, _ = slowed(world, Cloud.AWS, LeverKind.FAILOVER_TEST)
        sweeping = asyncio.create_task(sweep(slow))
        await world.clock.sleep(SLOW / 2)
        seen = await gather(world.aws, (), Scope(witness=True))
        await sweeping
        word = await word_of_the_lever(world)
        assert word is not None
        assert word.health is Health.DRAINING
        assert timedelta(seconds=SLOW / 2 - 2) < word.seen_at - seen.now <= timedelta(seconds=SLOW / 2 + 1)
        await acknowledge(world.aws, await world.plan(), (REST,), (), seen)
        assert await word_of_the_lever(world) == word

    story(tell, START)


def test_a_lever_that_was_only_seen_is_told_as_of_when_it_was() -> None:
    async def tell(world: World) -> None:
        seen = await gather(world.aws, (), Scope(witness=True))
        await world.clock.sleep(SLOW)
        await acknowledge(world.aws, await world.plan(), (REST,), (), seen)
        word = await word_of_the_lever(world)
        assert word is not None
        assert word.seen_at <= seen.now

    story(tell, START)


async def told_after(world: World, seen: Gathered, looked: float, wrote: FailoverTest) -> Sighting:
    """Let a pass tell what it wrote, whose proof began then; gives what stands."""
    await acknowledge(world.aws, await world.plan(), (wrote,), (Step(setting=wrote, written=True, looked=looked),), seen)
    word = await word_of_the_lever(world)
    assert word is not None
    return word


def test_a_pass_that_hangs_after_its_proof_tells_nothing_newer_than_that() -> None:
    async def tell(world: World) -> None:
        seen = await gather(world.aws, (), Scope(witness=True))
        looked = world.clock.monotonic()
        await world.clock.sleep(SLOW)
        word = await told_after(world, seen, looked, TEST)
        assert (word.health, word.seen_at) == (Health.DRAINING, seen.now)

    story(tell, START)


class SlowEye:
    """A looker that takes long."""

    def __init__(self, inner: Looker, world: World) -> None:
        self.cloud = inner.cloud
        self._inner, self._world = inner, world

    async def look(self, links: Sequence[str]) -> Look:
        await self._world.clock.sleep(SLOW)
        return await self._inner.look(links)


def test_a_slow_look_makes_no_written_lever_older() -> None:
    async def tell(world: World) -> None:
        slow = dataclasses.replace(world.aws, looker=SlowEye(world.aws.looker, world))
        seen = await gather(slow, (), Scope(look=(IX_A,), witness=True))
        now = (await gather(world.aws, (), Scope())).now
        assert seen.now <= now - timedelta(seconds=SLOW)
        assert (await told_after(world, seen, world.clock.monotonic(), TEST)).seen_at >= now

    story(tell, START)


def test_what_a_pass_wrote_after_it_had_read_a_word_unsays_that_though_both_are_of_one_second() -> None:
    async def tell(world: World) -> None:
        now = (await gather(world.aws, (), Scope())).now
        begun = own_word(Cloud.AWS, lever_key(IX_A), Health.DRAINING, 1, now)
        await note(world.aws, (begun,))
        seen = await gather(world.aws, (), Scope(witness=True))
        assert (await told_after(world, seen, world.clock.monotonic(), REST)).health is Health.UP

    story(tell, START)
