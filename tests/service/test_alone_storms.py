"""Clouds that lose and find their stores at random while links go grey: what is done alone stays on the list, and all ends well."""

import asyncio
import dataclasses
import itertools
from datetime import timedelta
from random import Random  # noqa: TID251 - seeded, so that every run is alike

import pytest

from pointsman.core.alone import Phase
from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud
from pointsman.core.modes import NoQuorum
from pointsman.core.plan import Verdict
from pointsman.core.safelist import is_safe
from pointsman.core.steering import FailoverTest, Observed, Setting, Verified
from pointsman.core.values import replace
from pointsman.core.wants import wanted
from pointsman.ports.clouds import Lever
from pointsman.service.enact import target_of
from pointsman.service.gather import Scope, gather
from pointsman.service.sweep import sweep
from tests.core.scene import G, fabric, flow, link
from tests.service.lonely import PROTECT, Lonely, lonely

SEEDS = range(20)
HOLD_DOWN = timedelta(seconds=60)
FLOWS = flow("checkout", 1 * G, 1, ("ix-a", "ix-b", "ix-c"), 20), flow("training", 6 * G, 5, ("ix-b", "ix-a", "ix-c"), 21)
LINKS = tuple(link(name, 10 * G) for name in ("ix-a", "ix-b", "ix-c"))
FABRIC = fabric(*LINKS, flows=FLOWS, policy=replace(PROTECT, hold_down=HOLD_DOWN, epochs_per_hour=60))
STORM = 600.0
EVENTS = 12


class WatchedLever:
    """Keeps ``Lever`` over another, and holds every write that is made without a majority against the list."""

    def __init__(self, inner: Lever, one: Lonely, cloud: Cloud) -> None:
        self.kind = inner.kind
        self.unsafe: list[Setting] = []
        self._inner = inner
        self._one = one
        self._cloud = cloud

    async def observe(self, target: str) -> Observed:
        return await self._inner.observe(target)

    async def apply(self, want: Setting, observed: Observed, token: str) -> None:
        if self._one.lost(self._cloud) and not is_safe(want, observed.setting):
            self.unsafe.append(want)
        await self._inner.apply(want, observed, token)

    async def undo(self, observed: Observed, token: str) -> None:
        await self._inner.undo(observed, token)

    async def verify(self, want: Setting) -> Verified:
        return await self._inner.verify(want)


def watched(one: Lonely) -> list[WatchedLever]:
    levers: list[WatchedLever] = []
    for cloud in Cloud:
        house = one.world.house(cloud)
        mine = {kind: WatchedLever(lever, one, cloud) for kind, lever in house.levers.items()}
        setattr(one.world, cloud.value, dataclasses.replace(house, levers=mine))
        levers += mine.values()
    return levers


def happen(one: Lonely, dice: Random) -> None:
    """Let one thing go wrong, or right."""
    world = one.world
    world.twin.catch_up()
    links = [one.name for one in LINKS]
    match dice.choice(("grey", "grey", "mend", "part", "part", "alone", "join")):
        case "grey":
            world.twin.network.blackhole(dice.choice(links))
        case "mend":
            for name in links:
                world.twin.network.heal(name)
        case "part":
            one.cut(dice.choice(list(Cloud)), *dice.sample(["aws", "gcp", "witness"], 2))
        case "alone":
            one.alone(*Cloud)
        case _:
            one.heal()


async def live(one: Lonely, cloud: Cloud, dice: Random, until: float) -> None:
    """Let a cloud's prober report and its sweep run, as events that are lost when they may not end."""
    world = one.world
    for turn in itertools.count():
        try:
            await world.report(cloud)
            if turn % 4 == 0:
                await sweep(world.house(cloud))
        except (NoQuorum, Transient):
            pass
        await world.clock.sleep(dice.uniform(8, 16))
        if world.clock.monotonic() >= until:
            return


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_lost_and_found_only_safe_things_are_done_and_all_ends_well(seed: int) -> None:
    async def tell(one: Lonely) -> None:
        dice, world = Random(f"alone {seed}"), one.world
        levers = watched(one)
        end = world.clock.monotonic() + STORM
        living = [asyncio.ensure_future(live(one, cloud, Random(f"{cloud} {seed}"), end)) for cloud in Cloud]
        one.alone(dice.choice(list(Cloud)))
        world.twin.network.blackhole(dice.choice(("ix-a", "ix-b")))
        for _ in range(EVENTS):
            await world.clock.sleep(dice.uniform(5, 2 * STORM / EVENTS))
            happen(one, dice)
        await asyncio.gather(*living)
        one.heal()
        world.twin.catch_up()
        for healed in LINKS:
            world.twin.network.heal(healed.name)
        await world.settle(30 * 60, every=45)
        assert [lever.unsafe for lever in levers if lever.unsafe] == []
        await ends_well(one)

    lonely(tell, FABRIC)


async def ends_well(one: Lonely) -> None:
    world = one.world
    plan = await world.plan()
    assert {name: (state.verdict, state.drain, state.down_since_epoch) for name, state in plan.links.items()} == {
        one.name: (Verdict.UP, None, None) for one in LINKS
    }
    for cloud in Cloud:
        house, deeds = world.house(cloud), await one.deeds(cloud)
        assert all(deed.told for deed in deeds if deed.phase is not Phase.VOID)
        done = [deed.at for deed in deeds if deed.phase is Phase.DONE]
        assert all(later - earlier >= HOLD_DOWN for earlier, later in itertools.pairwise(done))
        gathered = await gather(house, (), Scope(witness=True))
        for want in wanted(FABRIC, plan, gathered.view.rows, cloud, gathered.now):
            kind, name = target_of(want)
            held = (await house.levers[kind].observe(name)).setting
            assert held == want or (isinstance(held, FailoverTest) and not held.running)
    for each in FLOWS:
        assert world.links(each.name) == ({each.prefer[0]}, {each.prefer[0]})
        assert world.twin.network.loss(each.name) == 0.0
