"""Recorded outages of the demo's fabric, made on the twin in virtual time: ``python -m pointsman.testing.recording DIR``.

They are what every version's rules are tried on. When ``DECIDER`` is raised, replay them first, read each difference,
and make them anew only if every one is meant.
"""

import argparse
import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pointsman.adapters.files import load, write
from pointsman.core.bundles import Bundle, written
from pointsman.core.explaining import named_incident
from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.plan import Plan
from pointsman.service.chain import newest
from pointsman.service.converge import converge
from pointsman.service.house import House
from pointsman.service.record import record
from pointsman.service.status import Table as Read
from pointsman.service.sweep import sweep
from pointsman.testing.inprocess import MemoryFlag, Twin, house, probes, table, twin
from pointsman.testing.virtual import VirtualClock, run

EVERY = 20.0
"""Seconds between two rounds of probes and sweeps."""
STEADY, OUTAGE, RETURN = 60.0, 120.0, 500.0
"""Seconds before the fault, until it heals, and until its incident has ended."""
FLAPS = 6
"""How often a flapping link fails: its verdict is held from the fourth time on."""
AHEAD = 1_200.0
"""Seconds from a window's announcement to its start."""
DAMPED = 1_700.0
"""Seconds that a damped link is waited for before its return."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The twin with both clouds' functions, and the table that a recording reads."""

    twin: Twin
    houses: Mapping[Cloud, House]
    table: Read

    async def settle(self, span: float) -> None:
        """Let time pass, with probers that report and sweeps that run."""
        for _ in range(int(span / EVERY)):
            for cloud, house_ in self.houses.items():
                await converge(house_, probes(self.twin, cloud))
                await sweep(house_)
            await self.twin.clock.sleep(EVERY)

    async def plan(self) -> Plan:
        """Read the agreed plan."""
        plan = (await newest(self.table)).plan
        assert plan is not None, "a plan is agreed before anything fails"
        return plan


Outage = Callable[[Scene], Awaitable[str]]
"""Breaks something and heals it; gives the link whose incident is recorded."""


def scene(fabric: Fabric) -> Scene:
    """Set up everything in process. Must be called on the virtual loop."""
    clock, counter = VirtualClock(), itertools.count(1)
    world, stores = twin(fabric, clock), table(clock)
    flags = {cloud: MemoryFlag(cloud) for cloud in Cloud}
    houses = {cloud: house(world, stores, cloud, flags=flags, nonce=lambda: f"{next(counter):016x}") for cloud in Cloud}
    slots = {"aws": stores.aws, "gcp": stores.gcp, "witness": stores.witness}
    return Scene(
        twin=world,
        houses=houses,
        table=Read(fabric=fabric, stores=slots, registers=houses[Cloud.GCP].registers, flags=flags, clock=clock),
    )


async def grey(on: Scene) -> str:
    """Let one link lose every packet while its session stays up."""
    on.twin.network.blackhole("ix-a")
    await on.settle(OUTAGE)
    on.twin.network.heal("ix-a")
    return "ix-a"


async def cut(on: Scene) -> str:
    """Cut one link."""
    on.twin.network.cut("ix-b")
    await on.settle(OUTAGE)
    on.twin.network.heal("ix-b")
    return "ix-b"


async def double(on: Scene) -> str:
    """Let a second link fail while the first is dark."""
    on.twin.network.blackhole("ix-a")
    await on.settle(OUTAGE)
    on.twin.network.blackhole("ix-b")
    await on.settle(OUTAGE)
    on.twin.network.heal("ix-b")
    on.twin.network.heal("ix-a")
    return "ix-a"


async def flap(on: Scene) -> str:
    """Let one link come and go until it is damped, and wait until the watch for its return is near."""
    for _ in range(FLAPS):
        on.twin.network.blackhole("ix-a")
        await on.settle(2 * EVERY)
        on.twin.network.heal("ix-a")
        await on.settle(2 * EVERY)
    await on.settle(DAMPED)
    return "ix-a"


async def window(on: Scene) -> str:
    """Let one link be away within a window that was announced for it."""
    net = on.twin.network
    net.maintain("ix-a", net.now + AHEAD, net.now + AHEAD + OUTAGE)
    await on.settle(AHEAD + OUTAGE / 2)
    return "ix-a"


OUTAGES: dict[str, Outage] = {"grey": grey, "cut": cut, "double": double, "flap": flap, "window": window}


def recorded(fabric: Fabric, outage: Outage) -> Bundle:
    """Play one outage in virtual time and record it: equal for equal fabrics."""

    async def play() -> Bundle:
        on = scene(fabric)
        await on.settle(STEADY)
        before = (await on.plan()).links
        link = await outage(on)
        opened = (await on.plan()).links
        epoch = next(state.down_since_epoch for name, state in opened.items() if name == link)
        assert before[next(name for name in opened if name == link)].down_since_epoch is None, "the fabric was well before"
        await on.settle(RETURN)
        named = named_incident(fabric, f"{link}@{epoch}")
        assert named is not None, "the outage opened an incident"
        return await record(on.table, named)

    return run(play())


def main() -> None:
    """Make every bundle anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--fabric", default="docs/fabrics/demo.yaml")
    asked = parser.parse_args()
    fabric = load(asked.fabric)
    for name, outage in OUTAGES.items():
        write(str(asked.directory / f"{name}.json"), written(recorded(fabric, outage)))


if __name__ == "__main__":
    main()
