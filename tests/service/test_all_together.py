"""Outages, orders, approvals, windows, freezes, doubled and lost events and dark stores at once, through both clouds' functions."""

import asyncio
import contextlib
import dataclasses
import random  # noqa: TID251 - seeded, so that every run is the same
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from pointsman.core.bundles import read, written
from pointsman.core.errors import PointsmanError
from pointsman.core.explaining import named_incident, named_silence
from pointsman.core.fabric import Cloud, Damping, Fabric, Mode, Policy, WithoutQuorum
from pointsman.core.replaying import replay
from pointsman.core.sightings import Order, Verb
from pointsman.core.values import replace
from pointsman.service.adopt import adopt
from pointsman.service.announcing import Wish, add, cancel, listed
from pointsman.service.deliver import deliver
from pointsman.service.explain import Asked, explain
from pointsman.service.history import history
from pointsman.service.house import Hands, House
from pointsman.service.order import order, still
from pointsman.service.record import record
from pointsman.service.status import Table, status
from pointsman.service.sweep import sweep
from pointsman.service.verify import verify
from pointsman.testing.virtual import run
from tests.core.scene import G, fabric, flow, link, vpn
from tests.service.test_converge import World, build

FLOWS = (flow("checkout", 1 * G, 1, ("ix-a", "ix-b", "vpn"), 20), flow("training", 6 * G, 5, ("ix-a", "ix-b", "ix-c"), 21, min_mtu=8000))
LINKS = ("ix-a", "ix-b", "ix-c", "vpn")
TURNS = 24
ENDS_WITHIN = 5 * 3_600.0
"""Seconds after which nothing may be held back any more: a denial counts for four hours, damping for one."""
EVERY = 60.0


def fabrics(*, recommend: bool, protect: bool) -> tuple[Fabric, Fabric]:
    """Give the fabric that a night begins under, and the next: other modes, another damping, and some links' probes gone."""
    mode, alone = (Mode.RECOMMEND if recommend else Mode.AUTO), (WithoutQuorum.PROTECT if protect else WithoutQuorum.HOLD)
    links = (link("ix-a", 10 * G, mode=mode), link("ix-b", 10 * G), link("ix-c", 10 * G, cost=0.02), vpn())
    first = fabric(*links, flows=FLOWS, policy=Policy(mode=Mode.AUTO, damping=Damping(down=1500), without_quorum=alone))
    after = (replace(links[0], mode=Mode.RECOMMEND), links[1], replace(links[2], probes=()), links[3])
    return first, replace(first, links=after, policy=replace(first.policy, damping=Damping(observe=True)))


def carrying(world: World, *both: Fabric) -> World:
    """Let both clouds' functions carry two fabrics."""
    for cloud in Cloud:
        bare = world.house(cloud)
        hands = {one.hash: Hands(looker=bare.looker, levers=bare.levers) for one in both}
        setattr(world, cloud.value, dataclasses.replace(bare, fabrics=both, hands=hands))
    return world


class Night:
    """One night of a world in which everything happens at once, from one seed."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.dice = random.Random(seed)
        self.ill: set[str] = set()
        self.gone: set[str] = set()
        self.dozing: set[Cloud] = set()
        stores = {"aws": world.table.aws, "gcp": world.table.gcp, "witness": world.table.witness}
        fabric_, registers = world.aws.current, world.gcp.registers
        self.table = Table(fabric=fabric_, stores=stores, registers=registers, flags=world.flags, clock=world.clock)

    async def go(self, count: int) -> None:
        """Let minutes pass: reports are lost or doubled, sweeps of both clouds run at once."""
        for _ in range(count):
            awake = [cloud for cloud in Cloud if cloud not in self.dozing]
            calls = [self.world.report(cloud) for cloud in awake for _ in range(self.dice.choice((0, 1, 1, 2)))]
            calls += [sweep(self.world.house(cloud)) for cloud in awake]
            self.dice.shuffle(calls)
            await self.quietly(*calls)
            await self.quietly(*(deliver(self.world.house(cloud)) for cloud in awake))
            await self.world.clock.sleep(EVERY)
            self.world.twin.catch_up()

    async def quietly(self, *calls: Awaitable[object]) -> None:
        """Run at once what may be refused, or have to come again, and nothing else."""
        for end in await asyncio.gather(*calls, return_exceptions=True):
            assert end is None or not isinstance(end, BaseException) or isinstance(end, PointsmanError), repr(end)

    async def turn(self) -> None:
        network = (self.fail, self.fail, self.heal, self.lose, self.mend, self.doze, self.wake)
        people = (self.order, self.answer, self.announce, self.call_off, self.still, self.adopt)
        acts: tuple[Callable[[], Awaitable[object]], ...] = (*network, *people)
        await self.quietly(self.dice.choice(acts)(), *(self.world.report(cloud) for cloud in Cloud), self.dice.choice(acts)())
        await self.go(self.dice.randint(1, 4))
        await self.read()

    async def fail(self) -> None:
        name = self.dice.choice(LINKS)
        net = self.world.twin.network
        if name in self.ill:
            return
        self.ill.add(name)
        self.dice.choice((net.cut, net.blackhole))(name)

    async def heal(self) -> None:
        for name in sorted(self.ill)[:1]:
            self.ill.discard(name)
            self.world.twin.network.heal(name)

    async def lose(self) -> None:
        """Let a store go dark; the second one leaves both clouds alone."""
        name = self.dice.choice(("aws", "gcp", "witness"))
        if len(self.gone) < 2:
            self.gone.add(name)
            getattr(self.world.table, name).break_down()

    async def mend(self) -> None:
        for name in self.gone:
            getattr(self.world.table, name).mend()
        self.gone.clear()

    async def doze(self) -> None:
        """Let one cloud's functions sleep."""
        self.dozing = {self.dice.choice(list(Cloud))}

    async def wake(self) -> None:
        self.dozing.clear()

    async def adopt(self) -> None:
        await adopt(self.house, author="kim", reason="the next one")

    def given(self, verb: Verb, target: str = "", minutes: int = 20) -> Order:
        now = self.world.clock.now()
        lasting = now + timedelta(minutes=minutes) if verb in {Verb.DRAIN, Verb.FREEZE} else None
        return Order(key=f"{verb} {now}", verb=verb, target=target, author="kim", reason="a night", seen_at=now, expires_at=lasting)

    @property
    def house(self) -> House:
        """Give a shell in either cloud."""
        return self.world.house(self.dice.choice(list(Cloud)))

    async def order(self) -> None:
        await order(self.house, self.given(self.dice.choice((Verb.DRAIN, Verb.UNDRAIN)), self.dice.choice(LINKS)))

    async def answer(self) -> None:
        proposal = (await self.world.plan()).proposal
        if proposal is not None:
            await order(self.house, self.given(self.dice.choice((Verb.APPROVE, Verb.APPROVE, Verb.DENY)), proposal.hash))

    async def still(self) -> None:
        await still(self.house, self.given(self.dice.choice((Verb.FREEZE, Verb.THAW, Verb.THAW)), minutes=5))

    async def announce(self) -> None:
        begins = self.world.clock.now() + timedelta(minutes=self.dice.choice((1, 12)))
        wish = Wish(link=self.dice.choice(LINKS), start=begins, end=begins + timedelta(minutes=20), author="kim", reason="optics")
        await add(self.table, wish)

    async def call_off(self) -> None:
        for one in (await listed(self.table)).windows[:1]:
            await cancel(self.table, one.id, author="kim", reason="not tonight")

    async def read(self) -> None:
        """Whoever is awake can read it all, as far as stores answer."""
        with contextlib.suppress(PointsmanError):
            await status(self.table)
        with contextlib.suppress(PointsmanError):
            await explain(self.table, Asked(links=LINKS, flows=tuple(one.name for one in FLOWS)))

    async def end(self) -> None:
        """Everything heals, a person approves of what waits, and nothing stays held back."""
        while self.ill:
            await self.heal()
        await self.mend()
        await self.wake()
        await still(self.world.aws, self.given(Verb.THAW))
        until = self.world.clock.monotonic() + ENDS_WITHIN
        while self.world.clock.monotonic() < until:
            await self.go(3)
            proposal = (await self.world.plan()).proposal
            if proposal is not None and not proposal.denied:
                await self.quietly(order(self.world.gcp, self.given(Verb.APPROVE, proposal.hash)))
        self.table = dataclasses.replace(self.table, fabric=self.world.aws.fabric_of(await self.world.plan()))
        await self.over()

    async def over(self) -> None:
        plan = await self.world.plan()
        held = {
            name: one for name, one in plan.links.items() if one.drain or one.maintenance or one.down_since_epoch is not None or one.closing
        }
        mute = {name for name in plan.silences if not name.startswith("events:")}  # this network sends none, which is told for a day
        assert (held, plan.proposal, plan.freeze, mute) == ({}, None, None, set())
        assert self.world.links("checkout") == self.world.links("training") == ({"ix-a"}, {"ix-a"})
        last = {name: ask for name, ask in self.world.desk.told_of if not name.startswith("events:")}
        assert set(last.values()) <= {"resolve"}
        asks = [one for one in (await status(self.table)).todo if "event" not in one and "ballots behind" not in one]
        assert asks == []
        for cloud in Cloud:
            walk = await verify(self.world.house(cloud))
            assert (walk.trouble, walk.again) == (None, walk.entries)

    async def recall(self) -> int:
        """Record every incident of a link, and decide it again; tell every silence."""
        told = await history(self.table, limit=1_000)
        names = {
            part.removesuffix(" opened")
            for one in told.told
            for change in one.changed
            for part in change.split("incident ")[1:]
            if part.endswith(" opened")
        }
        for name in sorted(names):
            named = named_incident(self.table.fabric, name)
            if named is None:
                assert named_silence(self.table.fabric, name) is not None, name
                await explain(self.table, Asked(links=(), flows=(), incident=name))
                continue
            bundle = await record(self.table, named, self.world.aws.fabrics)
            assert replay(read(written(bundle))).same
            await explain(self.table, Asked(links=(named.link,), flows=(), incident=named.id))
        return len(names)


@pytest.mark.parametrize("seed", range(2))
def test_after_any_night_everything_is_home_told_and_borne_out_by_the_journal(seed: int) -> None:
    async def tell() -> None:
        first, after = fabrics(recommend=bool(seed % 2), protect=bool(seed // 2 % 2))
        world = carrying(build(first), first, after)
        night = Night(world, seed)
        await world.settle(400, every=60)
        for _ in range(TURNS):
            await night.turn()
        await night.end()
        assert await night.recall()

    run(tell())
