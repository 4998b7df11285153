"""The in-process twin with a fabric that permits protection, and stores that each cloud can lose by itself."""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, cast

import pytest

from pointsman.core.alone import Deed, Diary, register_of
from pointsman.core.fabric import Cloud, Fabric, Mode, Policy, WithoutQuorum
from pointsman.core.modes import NoQuorum
from pointsman.core.sightings import Cause, Health, Sighting
from pointsman.core.values import parse, replace
from pointsman.ports.stores import Store, StoreDown
from pointsman.service.converge import converge
from pointsman.service.house import House
from pointsman.service.registers import Registers
from pointsman.testing.inprocess import probes
from tests.core.scene import NUMBERS, G, fabric, link, vpn
from tests.service.test_converge import World, story

PROTECT = Policy(mode=Mode.AUTO, without_quorum=WithoutQuorum.PROTECT, hold_down=timedelta(seconds=300))
ROOMY = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), link("ix-c", 10 * G, cost=0.02), vpn(), policy=PROTECT)


class Reached:
    """A store as one cloud reaches it, until it is ``cut`` off."""

    def __init__(self, inner: Store) -> None:
        self.name = inner.name
        self.cut = False
        self._inner = inner

    def __getattr__(self, operation: str) -> Callable[..., Awaitable[Any]]:
        async def ask(*arguments: Any) -> Any:
            if self.cut:
                raise StoreDown(f"{self.name} cannot be reached")
            return await getattr(self._inner, operation)(*arguments)

        return ask


def _as_lost(claim: Sighting, link: str) -> Sighting:
    if link and claim.member.partition("/")[2].split(".")[2] == str(NUMBERS[link]):
        return replace(claim, health=Health.DOWN, cause=Cause.PACKETS_LOST, value=1.0)
    return claim


@dataclasses.dataclass
class Lonely:
    """A world in which each cloud has ways of its own to the stores."""

    world: World
    ways: dict[Cloud, dict[str, Reached]]

    def cut(self, cloud: Cloud, *stores: str) -> None:
        for name in stores:
            self.ways[cloud][name].cut = True

    def lost(self, cloud: Cloud) -> bool:
        """Say whether a cloud reaches no majority."""
        return sum(not way.cut for way in self.ways[cloud].values()) < 2

    def alone(self, *clouds: Cloud) -> None:
        """Leave each of these clouds with its own store."""
        for cloud in clouds:
            self.cut(cloud, cloud.other.value, "witness")

    def heal(self) -> None:
        for ways in self.ways.values():
            for way in ways.values():
                way.cut = False

    def grey(self, name: str) -> None:
        self.world.twin.network.blackhole(name)

    async def report(self, cloud: Cloud, *, lost: str = "") -> NoQuorum:
        """Let one cloud's prober report what it sees, without a majority; ``lost`` is a link that it alone loses packets on."""
        with pytest.raises(NoQuorum) as caught:
            await converge(self.world.house(cloud), [_as_lost(one, lost) for one in probes(self.world.twin, cloud)])
        return caught.value

    async def deeds(self, cloud: Cloud) -> tuple[Deed, ...]:
        store = getattr(self.world.table, cloud.value)
        value = (await store.read(register_of("atlas", cloud))).row.value
        return parse(value, Diary).deeds if value else ()

    @property
    def writes(self) -> int:
        return len(self.world.twin.writes)


def furnished(world: World, cloud: Cloud, reached: Mapping[str, Reached]) -> House:
    bare, ways = world.house(cloud), cast("Mapping[str, Store]", reached)
    own = ways[cloud.value]

    def registers(*stores: Store) -> Registers:
        return Registers(stores, clock=world.clock, nonce=bare.nonce, jitter=lambda: 0.5)

    return dataclasses.replace(
        bare,
        registers=registers(*ways.values()),
        own=registers(own),
        rows={one: ways[one.value] for one in Cloud},
        witness=ways["witness"],
        journal=own,
        spares=tuple(way for way in ways.values() if way is not own),
    )


def lonely(tell: Callable[[Lonely], Awaitable[None]], start: Fabric = ROOMY) -> None:
    async def told(world: World) -> None:
        ways = {cloud: {store.name: Reached(store) for store in world.table.stores} for cloud in Cloud}
        world.aws, world.gcp = (furnished(world, cloud, ways[cloud]) for cloud in Cloud)
        await world.settle(60)
        await tell(Lonely(world, ways))

    story(told, start)
