"""What a decision may ask of the stores: bounds on reads and conditional writes."""

import asyncio
import itertools
from random import Random  # noqa: TID251 - seeded, so that every run is alike
from typing import Any

import pytest

from pointsman.quorum.outcomes import Agreed, Change
from pointsman.service.registers import Registers
from pointsman.testing.stores import MemoryStore, Weather
from pointsman.testing.virtual import VirtualClock, run

NAME = "plan/atlas"
STORES = (("aws", False), ("gcp", True), ("witness", True))
WRITES = ("prepare", "accept")


def append(item: str) -> Change:
    def change(value: str | None) -> str:
        items = value.split() if value else []
        return value if value and item in items else " ".join([*items, item])

    return change


class Crowd:
    """Some proposers on one register, whose stores take 10 to 50 ms."""

    def __init__(self, count: int, seed: int) -> None:
        self.clock, dice = VirtualClock(), Random(f"crowd {seed}")
        nonces = itertools.count()
        self.stores = [
            MemoryStore(name, self.clock, fenced=fenced, forecast=lambda _: Weather(delay=dice.uniform(0.01, 0.05)))
            for name, fenced in STORES
        ]
        self.proposers = [
            Registers(self.stores, clock=self.clock, nonce=lambda: f"{next(nonces):016x}", jitter=dice.random) for _ in range(count)
        ]

    def asked(self, *operations: str) -> int:
        return sum(store.count(operation) for store in self.stores for operation in operations)


@pytest.mark.parametrize("seed", range(10))
def test_a_decision_alone_costs_three_reads_and_six_conditional_writes(seed: int) -> None:
    async def story() -> Any:
        crowd = Crowd(1, seed)
        for number in range(5):
            await crowd.proposers[0].change(NAME, append(str(number)))
            await crowd.proposers[0].rest()
        return crowd.asked("read"), crowd.asked(*WRITES)

    reads, writes = run(story())
    assert reads <= 3 * 5
    assert writes <= 6 * 5


@pytest.mark.parametrize("seed", range(10))
def test_a_duplicate_costs_three_reads_and_no_write(seed: int) -> None:
    async def story() -> Any:
        crowd = Crowd(2, seed)
        await crowd.proposers[0].change(NAME, append("a"))
        await crowd.proposers[0].rest()
        before = crowd.asked("read"), crowd.asked(*WRITES)
        outcome = await crowd.proposers[1].change(NAME, append("a"))
        await crowd.proposers[1].rest()
        return outcome, crowd.asked("read") - before[0], crowd.asked(*WRITES) - before[1]

    outcome, reads, writes = run(story())
    assert isinstance(outcome, Agreed)
    assert (outcome.changed, writes) == (False, 0)
    assert reads <= 3


def test_eight_proposers_at_once_end_and_cost_no_more_than_sixteen_conditional_writes_a_decision_on_average() -> None:
    async def story(seed: int) -> Any:
        crowd = Crowd(8, seed)
        deciding = (one.change(NAME, append(str(number)), deadline=60.0) for number, one in enumerate(crowd.proposers))
        outcomes = await asyncio.gather(*deciding)
        return outcomes, crowd.asked(*WRITES) / 8, crowd.clock.monotonic()

    told = [run(story(seed)) for seed in range(30)]
    assert all(isinstance(outcome, Agreed) for outcomes, *_ in told for outcome in outcomes)
    assert sum(writes for _, writes, _ in told) / len(told) <= 16
    assert max(seconds for *_, seconds in told) < 30
