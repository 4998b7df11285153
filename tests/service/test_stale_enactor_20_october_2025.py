"""The outage of 20 October 2025, told again on the twin: it must end at the newest plan, and from no plan at all.

Then, a slow enactor had checked once that its plan was the newest, and wrote it minutes later over the newer one that a
fast enactor had finished; the clean-up deleted the old plan, which was the live one by now; and nothing could repair it.
Here a slow function holds an old plan in its hand, a fast one carries out a newer one, things are cleaned up, and then
nobody reports anything any more. Three things stand between that and the outage, and each is tried without the others:
the lever's fence, the second look at the plan, and the sweep.
"""

import asyncio
import dataclasses
from datetime import timedelta

from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud, LinkName, Mode, Policy
from pointsman.core.plan import Plan
from pointsman.core.steering import FailoverTest, LeverKind, Observed, RoutePolicies, Setting, Verified
from pointsman.core.wants import wanted
from pointsman.ports.clouds import FenceLost, Lever
from pointsman.service.enact import target_of
from pointsman.service.gather import Scope, gather
from pointsman.service.house import House
from pointsman.service.registers import Registers
from pointsman.service.sweep import sweep
from tests.core.scene import G, fabric, link, vpn
from tests.service.test_converge import World, story

QUICK = Policy(mode=Mode.AUTO, hold_down=timedelta(seconds=10), epochs_per_hour=60)
START = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), link("ix-c", 10 * G, cost=0.02), vpn(), policy=QUICK)
IX_A = LinkName("ix-a")
SLOW = 40.0
"""Seconds from when the slow enactor last knew that its plan was the newest to when its write arrives."""


class SlowLever:
    """Keeps ``Lever`` over another, and takes long over the first write; one that ``dies`` meanwhile leaves it to the cloud."""

    def __init__(self, inner: Lever, world: World, *, dies: bool = False) -> None:
        self.kind = inner.kind
        self._inner = inner
        self._world = world
        self._dies = dies
        self._slow = True
        self.late: list[asyncio.Task[None]] = []

    async def observe(self, target: str) -> Observed:
        return await self._inner.observe(target)

    async def apply(self, want: Setting, observed: Observed, token: str) -> None:
        first, self._slow = self._slow, False
        if first and self._dies:
            self.late.append(asyncio.ensure_future(self._arrive(want, observed, token)))
            raise Died
        if first:
            await self._world.clock.sleep(SLOW)
        await self._inner.apply(want, observed, token)

    async def _arrive(self, want: Setting, observed: Observed, token: str) -> None:
        await self._world.clock.sleep(SLOW)
        try:
            await self._inner.apply(want, observed, token)
        except FenceLost:
            return

    async def undo(self, observed: Observed, token: str) -> None:
        await self._inner.undo(observed, token)

    async def verify(self, want: Setting) -> Verified:
        return await self._inner.verify(want)


class Died(RuntimeError):
    """The function's process is gone."""


def slowed(world: World, cloud: Cloud, kind: LeverKind, *, dies: bool = False) -> tuple[House, SlowLever]:
    house = world.house(cloud)
    lever = SlowLever(house.levers[kind], world, dies=dies)
    return dataclasses.replace(house, levers={**house.levers, kind: lever}), lever


async def with_old_plan(world: World, cloud: Cloud, kind: LeverKind, *, dies: bool = False) -> tuple[asyncio.Task[None], SlowLever]:
    """Let ix-a go grey, and a slow function of this cloud begin to carry out the plan that drains it."""
    world.twin.network.blackhole("ix-a")
    await world.clock.sleep(1)
    await world.report(cloud.other)
    house, lever = slowed(world, cloud, kind, dies=dies)
    fast = world.house(cloud)
    setattr(world, cloud.value, house)

    async def enact() -> None:
        try:
            await world.report(cloud)
        except (Died, Transient):
            return

    slow = asyncio.ensure_future(enact())
    await world.clock.sleep(1)
    setattr(world, cloud.value, fast)
    assert (await world.plan()).links[IX_A].drain is not None
    return slow, lever


async def with_newer_plan(world: World) -> Plan:
    """Let ix-a heal and fast functions return to it; gives the newest plan, which is carried out well before the slow write comes."""
    world.twin.network.heal("ix-a")
    while (await world.plan()).links[IX_A].drain is not None:
        await world.settle(1, every=3)
    await world.settle(1, every=1)
    plan = await world.plan()
    assert await differences(world, plan) == []
    return plan


async def differences(world: World, plan: Plan) -> list[tuple[Setting, Setting]]:
    """List what the levers read against what a plan wants."""
    found = []
    for cloud in Cloud:
        house = world.house(cloud)
        gathered = await gather(house, (), Scope(witness=True))
        for want in wanted(house.current, plan, gathered.view.rows, cloud, gathered.now):
            kind, name = target_of(want)
            held = (await house.levers[kind].observe(name)).setting
            same = held.running == want.running if isinstance(held, FailoverTest) and isinstance(want, FailoverTest) else held == want
            found += [] if same else [(want, held)]
    return found


def avoids_ix_a(setting: Setting) -> bool:
    return isinstance(setting, RoutePolicies) and setting.link == "ix-a" and bool(setting.imports or setting.exports)


def clean_up(world: World) -> None:
    """Delete every journal entry: what is kept of old plans, the live one's among them."""
    for store in world.table.stores:
        store._entries.clear()


def test_the_fence_keeps_the_slow_enactors_write_out_altogether() -> None:
    async def tell(world: World) -> None:
        slow, _ = await with_old_plan(world, Cloud.GCP, LeverKind.ROUTE_POLICY)
        plan = await with_newer_plan(world)
        newest = world.clock.monotonic()
        assert not slow.done()
        clean_up(world)
        await slow
        assert [setting for at, setting in world.twin.writes if at >= newest and avoids_ix_a(setting)] == []
        assert await world.plan() == plan
        assert await differences(world, plan) == []
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})

    story(tell, START)


def test_where_no_fence_exists_the_second_look_takes_the_write_back_with_nobody_else_awake() -> None:
    async def tell(world: World) -> None:
        slow, _ = await with_old_plan(world, Cloud.AWS, LeverKind.FAILOVER_TEST)
        plan = await with_newer_plan(world)
        assert not slow.done()
        clean_up(world)
        before = len(world.twin.writes)
        await slow
        tests = [setting.running for _, setting in world.twin.writes[before:] if isinstance(setting, FailoverTest)]
        assert tests == [True, False]
        newest = await world.plan()
        assert newest.flows == plan.flows
        assert await differences(world, newest) == []
        await world.clock.sleep(60)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})

    story(tell, START)


def test_a_write_that_arrives_after_its_function_died_is_put_right_by_the_next_sweep() -> None:
    async def tell(world: World) -> None:
        slow, lever = await with_old_plan(world, Cloud.AWS, LeverKind.FAILOVER_TEST, dies=True)
        await slow
        plan = await with_newer_plan(world)
        clean_up(world)
        await asyncio.gather(*lever.late)
        assert [want for want, _ in await differences(world, plan)] == [FailoverTest(link=IX_A, running=False)]
        await sweep(world.aws)
        assert await differences(world, await world.plan()) == []
        for _ in range(4):
            await world.clock.sleep(60)
            await asyncio.gather(sweep(world.aws), sweep(world.gcp))
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})

    story(tell, START)


def test_levers_that_hold_no_plan_at_all_get_the_newest_from_the_sweep() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        plan = await world.plan()
        clean_up(world)
        policies = world.gcp.levers[LeverKind.ROUTE_POLICY]
        for one in START.links:
            await policies.apply(RoutePolicies(link=one.name), await policies.observe(one.name), "clean-up")
        assert await differences(world, plan) != []
        await world.clock.sleep(60)
        for cloud in Cloud:
            await sweep(world.house(cloud))
        assert await differences(world, await world.plan()) == []
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    story(tell, START)


def test_a_table_that_holds_no_plan_at_all_gets_one_from_the_sweep_of_functions_that_start_afresh() -> None:
    """No clean-up of ours can do that; were the rows gone all the same, nothing is waited for but a start."""

    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        clean_up(world)
        for store in world.table.stores:
            store._registers.clear()
        for cloud in Cloud:
            setattr(world, cloud.value, afresh(world, cloud))
        await world.settle(60)
        plan = await world.plan()
        assert plan.links[IX_A].drain is not None
        assert await differences(world, plan) == []
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    story(tell, START)


def afresh(world: World, cloud: Cloud) -> House:
    bare = world.house(cloud)
    return dataclasses.replace(bare, registers=Registers(world.table.stores, clock=world.clock, nonce=bare.nonce, jitter=lambda: 0.5))
