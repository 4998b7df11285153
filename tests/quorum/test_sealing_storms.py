"""A move that dies at any request, and a move among proposers of every kind in bad weather: nothing that was told is lost."""

import asyncio
from collections.abc import Callable, Iterator
from random import Random  # noqa: TID251 - seeded, so that every run is alike
from typing import Any, Self

import pytest

from pointsman.core.errors import Moved, Transient
from pointsman.quorum.outcomes import Agreed
from pointsman.service.registers import Registers
from pointsman.testing.stores import Fault, Weather
from pointsman.testing.virtual import run
from tests.quorum.test_sealing import NAME, Sets, append, held, moved

SEEDS = range(60)


class Killed:
    """Ends the mover at its n-th request to a store, before or after the store has done it."""

    def __init__(self, sets: Sets, at: int, *, after: bool) -> None:
        self.left = at
        self.fell = False
        self._after = after
        self._sets = sets

    def __enter__(self) -> Self:
        for store in self._sets.stores.values():
            store._do = self._counted(store._do)  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        for store in self._sets.stores.values():
            del store._do

    def _counted(self, do: Callable[..., Any]) -> Any:
        async def counted(*what: Any) -> Any:
            self.left -= 1
            if self.left < 0 and not (self._after and self.left == -1):
                self.fell = True
                await asyncio.sleep(1e9)
            done = await do(*what)
            if self.left < 0:
                self.fell = True
                await asyncio.sleep(1e9)
            return done

        return counted


def crashes() -> Iterator[tuple[int, bool]]:
    for at in range(36):
        yield at, False
        yield at, True


async def after_a_crash(at: int, *, after: bool, helper: str) -> tuple[bool, list[str]]:
    """Move until the mover dies, let others work on, move once more, and give what is held."""
    sets = Sets()
    await sets.old().change(NAME, append("a"))
    with Killed(sets, at, after=after) as killed:
        mover = asyncio.ensure_future(moved(sets.both()))
        await asyncio.wait({mover}, timeout=0.01)
        mover.cancel()
        await asyncio.wait({mover})
    acknowledged = ["a"]
    for item, one in (("b", getattr(sets, helper)()), ("c", sets.both())):
        try:
            if isinstance(await one.change(NAME, append(item)), Agreed):
                acknowledged.append(item)
        except Moved:
            assert helper in {"old", "new"}
    await moved(sets.both())
    final = [await held(sets.new()), await held(sets.both())]
    assert final[0] == final[1]
    assert (final[0] or "").split(",") == acknowledged
    return killed.fell, acknowledged


@pytest.mark.parametrize("helper", ["old", "both", "new"])
def test_a_move_that_dies_at_any_request_is_carried_on_and_loses_nothing(helper: str) -> None:
    ends = [run(after_a_crash(at, after=after, helper=helper)) for at, after in crashes()]
    assert {fell for fell, _ in ends} == {True, False}  # every request was one to die at, and some moves came to their end
    assert any("b" in items for _, items in ends)
    assert helper == "both" or any("b" not in items for _, items in ends)


async def storm(seed: int) -> None:
    """Move while proposers of every kind append, in bad weather; what was acknowledged must be held, once and in order."""
    sets, dice = Sets(), Random(seed)
    acknowledged: list[str] = []
    unsure: list[str] = []

    def weather(_: str) -> Weather:
        fault = dice.choice([Fault.NONE] * 12 + [Fault.DOWN, Fault.LOST_REQUEST, Fault.LOST_REPLY])
        again = dice.uniform(0, 9) if dice.random() < 0.1 else None
        return Weather(fault=fault, delay=dice.expovariate(8), reply_delay=dice.expovariate(8), again_after=again)

    for store in sets.stores.values():
        store.forecast = weather

    async def proposer(number: int, one: Registers) -> None:
        for serial in range(4):
            item = f"{number}.{serial}"
            await asyncio.sleep(dice.uniform(0, 3))
            try:
                outcome = await one.change(NAME, append(item), deadline=asyncio.get_running_loop().time() + 30)
            except Transient:
                continue
            (acknowledged if isinstance(outcome, Agreed) else unsure).append(item)

    async def mover(start: float) -> None:
        await asyncio.sleep(start)
        for _ in range(40):
            try:
                return await moved(sets.both())
            except (Transient, AssertionError):
                await asyncio.sleep(0.5)
        return None

    kinds = (sets.old, sets.old, sets.both, sets.both, sets.new)
    await asyncio.gather(*(proposer(number, kind()) for number, kind in enumerate(kinds)), mover(2.0), mover(2.5))
    for store in sets.stores.values():
        store.mend()
    await moved(sets.both())
    final = (await held(sets.new()) or "").split(",")
    assert len(final) == len(set(final))
    assert set(acknowledged) <= set(final) <= {*acknowledged, *unsure} | {""}
    with pytest.raises(Moved):
        await sets.old().change(NAME, append("late"))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_move_among_proposers_of_every_kind_loses_nothing_in_any_weather(seed: int) -> None:
    run(storm(seed))
