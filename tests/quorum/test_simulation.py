"""Many proposers, bad weather, crashes: every history of every seed is one that a single list could have had."""

import asyncio
import itertools
import random  # noqa: TID251 - seeded, so that every run is alike
from typing import Any

import pytest

from pointsman.core.errors import Transient
from pointsman.quorum.outcomes import Agreed, Change, NoMajority, Outcome, Unknown
from pointsman.service.registers import Registers
from pointsman.testing.stores import Fault, MemoryStore, Weather
from pointsman.testing.virtual import VirtualClock, run

NAME = "plan/atlas"
SEEDS = range(150)
PROPOSERS = 4
CHANGES = 4
PATIENCE = 30.0


class History:
    """Who began and ended when, and what they were told."""

    def __init__(self) -> None:
        self.ended: list[tuple[float, float, str, list[str]]] = []

    def record(self, began: float, ended: float, item: str, items: list[str]) -> None:
        self.ended.append((began, ended, item, items))


class Storm:
    """A seeded forecast: loss, doubling, delay (and so reordering), throttling."""

    def __init__(self, seed: str) -> None:
        self.dice = random.Random(seed)

    def __call__(self, _: str) -> Weather:
        dice = self.dice
        fault = dice.choices(list(Fault), weights=[80, 4, 4, 6, 6])[0]
        again = dice.expovariate(5) if dice.random() < 0.1 else None
        return Weather(fault=fault, delay=dice.expovariate(20), reply_delay=dice.expovariate(20), again_after=again)


def append(item: str) -> Change:
    def change(value: str | None) -> str:
        items = value.split() if value else []
        return value if value and item in items else " ".join([*items, item])

    return change


async def proposer(number: int, stores: list[MemoryStore], history: History, seed: int) -> None:
    """Append items one after the other; crash in the middle of some, and go on as a new process."""
    dice, clock = random.Random(f"{seed}/{number}"), VirtualClock()
    serial = itertools.count()

    def born() -> Registers:
        return Registers(stores, clock=clock, nonce=lambda: f"{number:08x}{next(serial):08x}", jitter=dice.random)

    registers = born()
    for turn in range(CHANGES):
        item, began = f"{number}.{turn}", clock.monotonic()
        task = asyncio.ensure_future(registers.change(NAME, append(item), deadline=began + PATIENCE))
        if dice.random() < 0.25:
            await clock.sleep(dice.expovariate(8))
            task.cancel()
            registers = born()
        outcomes: tuple[Outcome | BaseException] = await asyncio.gather(task, return_exceptions=True)
        if isinstance(outcomes[0], Agreed):
            history.record(began, clock.monotonic(), item, (outcomes[0].value or "").split())
        else:
            assert isinstance(outcomes[0], Unknown | NoMajority | Transient | asyncio.CancelledError)


async def story(seed: int) -> Any:
    clock, history = VirtualClock(), History()
    stores = [MemoryStore(name, clock, fenced=fenced, forecast=Storm(f"{seed}{name}")) for name, fenced in STORES]
    await asyncio.gather(*(proposer(number, stores, history, seed) for number in range(PROPOSERS)))
    for store in stores:
        store.mend()
    await clock.sleep(60)
    last = Registers(stores, clock=clock, nonce=lambda: "f" * 16, jitter=lambda: 0.5)
    final = await last.settle(NAME, await last.read(NAME))
    assert isinstance(final, Agreed)
    return history.ended, (final.value or "").split()


STORES = (("aws", False), ("gcp", True), ("witness", True))


@pytest.mark.parametrize("seed", SEEDS)
def test_an_appended_list_is_linearizable_in_any_weather(seed: int) -> None:
    ended, final = run(story(seed))
    assert len(final) == len(set(final)), "an operation was applied twice"
    for _, _, item, items in ended:
        assert item in items, "an acknowledged change was not in its own answer"
        assert items == final[: len(items)], "an acknowledged value is not a part of the final history"
    for (_, end, _, earlier), (begin, _, _, later) in itertools.product(ended, repeat=2):
        if end < begin:
            assert len(earlier) <= len(later), "a later change saw less than an earlier one"


def test_the_storms_leave_something_to_check() -> None:
    ended = [len(run(story(seed))[0]) for seed in (1, 2, 3)]
    assert sum(ended) > PROPOSERS * CHANGES


@pytest.mark.parametrize("count", [2, 8])
def test_duelling_proposers_end(count: int) -> None:
    async def duel() -> Any:
        clock = VirtualClock()
        dice = random.Random(count)
        stores = [MemoryStore(n, clock, fenced=f, forecast=lambda _: Weather(delay=dice.uniform(0.01, 0.05))) for n, f in STORES]
        serial = itertools.count()
        crowd = [Registers(stores, clock=clock, nonce=lambda: f"{next(serial):016x}", jitter=dice.random) for _ in range(count)]
        outcomes = await asyncio.gather(*(one.change(NAME, append(f"{n}"), deadline=60.0) for n, one in enumerate(crowd)))
        final = await crowd[0].read(NAME)
        return outcomes, (final.value or "").split(), clock.monotonic()

    outcomes, final, seconds = run(duel())
    assert all(isinstance(outcome, Agreed) for outcome in outcomes)
    assert sorted(final, key=int) == [str(n) for n in range(count)]
    assert seconds < 30


@pytest.mark.parametrize("lost", range(3))
def test_an_acknowledged_change_survives_the_loss_of_any_one_store(lost: int) -> None:
    async def loss() -> Any:
        clock = VirtualClock()
        stores = [MemoryStore(name, clock, fenced=fenced) for name, fenced in STORES]
        one = Registers(stores, clock=clock, nonce=lambda: "a" * 16, jitter=lambda: 0.5)
        stores[(lost + 1) % 3].next("accept", Weather(fault=Fault.DOWN))
        await one.change(NAME, append("kept"))
        await one.rest()
        stores[lost].break_down()
        other = Registers(stores, clock=clock, nonce=lambda: "b" * 16, jitter=lambda: 0.5)
        return await other.settle(NAME, await other.read(NAME))

    assert run(loss()).value == "kept"
