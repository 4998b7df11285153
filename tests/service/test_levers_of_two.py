"""Two functions of one cloud at one lever: what the slower one wrote is no older word than what the faster one saw before."""

import asyncio
from datetime import timedelta

from pointsman.core.fabric import Cloud
from pointsman.core.members import lever_key
from pointsman.core.sightings import Health, Sighting
from pointsman.core.steering import FailoverTest, LeverKind
from pointsman.service.enact import acknowledge
from pointsman.service.gather import Scope, gather, note
from pointsman.service.sweep import sweep
from pointsman.testing.inprocess import probes
from tests.service.test_converge import World, story
from tests.service.test_stale_enactor_20_october_2025 import IX_A, SLOW, START, slowed

REST = FailoverTest(link=IX_A, running=False, duration=timedelta(0))


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
