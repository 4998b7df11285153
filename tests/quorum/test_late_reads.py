"""Reads that a reading did not wait for: joined while they go on, and used once they have ended."""

import asyncio
from typing import Any

import pytest

from pointsman.testing.stores import Weather
from pointsman.testing.virtual import run
from tests.quorum.test_registers import NAME, Bench, append

TURNS = 100


@pytest.fixture(params=[False, True], ids=["by ballot", "by version"])
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(fenced=request.param)


def test_a_read_that_is_still_under_way_is_joined_not_sent_again(bench: Bench) -> None:
    async def story() -> Any:
        bench.stores[2].forecast = lambda _: Weather(delay=0.5)
        await bench.registers.change(NAME, append("a"))
        await bench.registers.rest()

    run(story())
    assert bench.counts() == {"read": 3, "prepare": 3, "accept": 3}


def test_resting_waits_for_no_request_that_has_ended(bench: Bench) -> None:
    async def story() -> bool:
        ended = asyncio.get_running_loop().create_task(bench.clock.sleep(0))
        await ended
        bench.registers._lingering.add(ended)  # as it stands there until its end has been told
        resting = asyncio.ensure_future(bench.registers.rest())
        for _ in range(TURNS):
            await asyncio.sleep(0)
        over = resting.done()
        resting.cancel()
        return over

    assert run(story())


def test_a_read_that_ended_after_its_reading_serves_the_change_that_follows(bench: Bench) -> None:
    async def story() -> Any:
        bench.stores[2].forecast = lambda _: Weather(delay=0.5)
        await bench.registers.change(NAME, append("a"))
        await bench.registers.rest()
        before, reading = bench.counts(), await bench.registers.read(NAME)
        await bench.clock.sleep(1.0)
        outcome = await bench.registers.change(NAME, append("b"), reading=reading)
        await bench.registers.rest()
        return before, reading, outcome

    before, reading, outcome = run(story())
    assert ("witness" in reading.replies, outcome.value) == (False, "a,b")
    assert bench.counts() == {name: count + 3 for name, count in before.items()}


def test_what_a_late_read_brought_counts_for_one_change_and_until_the_next_reading(bench: Bench) -> None:
    async def story() -> Any:
        bench.stores[2].forecast = lambda _: Weather(delay=0.5)
        for _ in range(2):
            reading = await bench.registers.read(NAME)
            await bench.clock.sleep(1.0)
        await bench.proposer(2).change(NAME, append("theirs"))
        outcomes = [await bench.registers.change(NAME, append(item), reading=reading) for item in ("a", "b")]
        await bench.registers.rest()
        bench.stores[2].mend()
        return outcomes, [await store.read(NAME) for store in bench.stores]

    outcomes, replies = run(story())
    assert [one.value for one in outcomes] == ["theirs,a", "theirs,a,b"]
    assert [reply.row.value for reply in replies] == ["theirs,a,b"] * 3
