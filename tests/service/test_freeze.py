"""A freeze that comes while a decision is being agreed stops the writes of that decision too."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from pointsman.core.fabric import Cloud
from pointsman.core.plan import FlagState
from pointsman.core.sightings import Order, Verb
from pointsman.core.values import replace
from pointsman.service.order import still
from pointsman.testing.inprocess import MemoryFlag
from pointsman.testing.stores import Weather
from tests.service.test_converge import World, story
from tests.service.test_orders import ordered


def slow_prepares(operation: str) -> Weather:
    return Weather(delay=3.0 if operation == "prepare" else 0.0)


@pytest.mark.usefixtures("normal_path")
def test_a_flag_set_during_a_slow_agreement_stops_the_writes_that_follow_it() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        await world.report(Cloud.AWS)
        for store in world.table.stores:
            store.forecast = slow_prepares
        writes = len(world.twin.writes)
        reacting = asyncio.ensure_future(world.report(Cloud.GCP))
        await world.clock.sleep(1)
        world.flags[Cloud.AWS].state = FlagState.SET
        report = await reacting
        assert report.agreed
        assert len(world.twin.writes) == writes
        world.flags[Cloud.AWS].state = FlagState.CLEAR
        await world.settle(30)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    story(tell)


def noted(world: World) -> dict[Cloud, list[str]]:
    """Keep what is written to each flag from here on."""
    found: dict[Cloud, list[str]] = {cloud: [] for cloud in world.flags}

    def recording(cloud: Cloud, write: Callable[[bool, str], Awaitable[None]]) -> Callable[[bool, str], Awaitable[None]]:
        async def recorded(frozen: bool, note: str) -> None:  # noqa: FBT001 - the port's own yes or no
            found[cloud].append(note)
            await write(frozen, note)

        return recorded

    for cloud, flag in world.flags.items():
        flag.write = recording(cloud, flag.write)  # type: ignore[method-assign,assignment]
    return found


def test_a_shorter_freeze_of_another_person_leaves_the_plan_and_both_flags_as_long_as_they_were_frozen_and_says_so() -> None:
    async def tell(world: World) -> None:
        def freeze(who: str, lasts: timedelta) -> Order:
            return replace(ordered(world, Verb.FREEZE, key=who, lasts=lasts), author=who)

        first = freeze("kim", timedelta(hours=4))
        assert (await still(world.gcp, first)).complete
        assert first.expires_at is not None
        notes = noted(world)
        done = await still(world.gcp, freeze("lee", timedelta(minutes=2)))
        assert done.complete
        assert done.heeded is not None
        until = f"{first.expires_at:%FT%TZ}"
        assert done.heeded.waits_for == (f"it holds until {until}, as kim ordered: {first.reason}",)
        assert {cloud: one[-1] for cloud, one in notes.items()} == dict.fromkeys(Cloud, f"until {until} by kim: {first.reason}")
        await world.settle(600)
        plan = await world.plan()
        assert plan is not None
        assert plan.freeze is not None

    story(tell)


def test_whatever_befalls_one_flag_or_the_plan_the_others_are_frozen_and_it_is_told_as_missed() -> None:
    class Odd(MemoryFlag):
        """A flag that fails as nobody foresaw."""

        unreadable = False

        async def read(self) -> FlagState:
            if self.unreadable:
                raise ZeroDivisionError("of one flag")
            return await super().read()

        async def write(self, frozen: bool, note: str) -> None:  # noqa: FBT001 - the port's own yes or no
            raise ZeroDivisionError(f"of one flag ({frozen=}, {note=})")

    async def tell(world: World) -> None:
        odd = Odd(Cloud.AWS)
        half = dataclasses.replace(world.gcp, flags={Cloud.AWS: odd, Cloud.GCP: world.flags[Cloud.GCP]})
        done = await still(half, ordered(world, Verb.FREEZE))
        assert (done.written, done.unagreed) == ((Cloud.GCP,), "")
        assert done.missed[Cloud.AWS].startswith("it failed in a way that is not foreseen (ZeroDivisionError: of one flag")
        assert (await world.plan()).freeze is not None
        odd.unreadable = True
        thawed = await still(half, ordered(world, Verb.THAW))
        assert (thawed.written, thawed.still) == ((Cloud.GCP,), ("the freeze flag of aws is unreadable",))
        assert "(ZeroDivisionError: of one flag)" in thawed.unagreed
        assert (await still(world.aws, ordered(world, Verb.THAW, key="whole"))).complete
        garbled = await still(world.aws, replace(ordered(world, Verb.FREEZE, key="garbled"), author="kim\udcff"))
        assert (garbled.written, garbled.missed) == (tuple(Cloud), {})
        assert "UnicodeEncodeError" in garbled.unagreed
        assert {flag.state for flag in world.flags.values()} == {FlagState.SET}

    story(tell)
