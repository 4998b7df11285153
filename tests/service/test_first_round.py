"""The first round trip: everything at once, and the store that has the most to do before all others."""

import dataclasses

import pytest

from pointsman.core.fabric import Cloud
from pointsman.core.plan import FlagState
from pointsman.ports.clouds import Flag
from pointsman.service.converge import everywhere, scope_of
from pointsman.service.gather import gather
from pointsman.service.house import House
from pointsman.testing.inprocess import probes
from pointsman.testing.stores import Weather
from tests.service.test_converge import World, story

Asked = list[tuple[str, str]]
SLOW = 0.4


class ListingFlag:
    """A flag that lists when it is read."""

    def __init__(self, flag: Flag, asked: Asked) -> None:
        self.cloud, self._flag, self._asked = flag.cloud, flag, asked

    async def read(self) -> FlagState:
        self._asked.append(("flag", self.cloud))
        return await self._flag.read()

    async def write(self, frozen: bool, note: str) -> None:  # noqa: FBT001 - the port's form
        await self._flag.write(frozen, note)


def listing(world: World, cloud: Cloud, asked: Asked) -> House:
    """Give a cloud's house whose stores, flags and levers list what they are asked, in order."""
    for store in world.table.stores:

        def fares(operation: str, name: str = store.name) -> Weather:
            asked.append((name, operation))
            return Weather()

        store.forecast = fares
    house = world.house(cloud)
    flags = {place: ListingFlag(flag, asked) for place, flag in house.flags.items()}
    return dataclasses.replace(house, flags=flags)


@pytest.mark.parametrize("cloud", list(Cloud))
def test_the_own_store_is_asked_all_it_is_asked_before_anything_else(cloud: Cloud) -> None:
    async def tell(world: World) -> None:
        asked: Asked = []
        house = listing(world, cloud, asked)
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        await gather(house, probes(world.twin, cloud), everywhere(house))
        own = [asked.index((cloud.value, operation)) for operation in ("rows", "note", "read")]
        assert max(own) < min(place for place, (who, _) in enumerate(asked) if who == "flag")

    story(tell)


@pytest.mark.parametrize("cloud", list(Cloud))
def test_the_first_round_takes_as_long_as_its_slowest_answer(cloud: Cloud) -> None:
    async def tell(world: World) -> None:
        for store in world.table.stores:
            store.forecast = lambda _: Weather(delay=SLOW / 2, reply_delay=SLOW / 2)
        house, claims, begun = world.house(cloud), probes(world.twin, cloud), world.clock.monotonic()
        await gather(house, claims, scope_of(house, claims))
        assert world.clock.monotonic() - begun == pytest.approx(SLOW, abs=0.01)

    story(tell)
