"""What a process read before it slept is old when it wakes: the plan is looked at once more before a lever is written."""

import asyncio
import dataclasses
from collections.abc import Sequence

from pointsman.core.fabric import Cloud
from pointsman.core.sightings import Sighting
from pointsman.core.steering import LeverKind, RoutePolicies
from pointsman.ports.clouds import Looker
from pointsman.service import doors
from pointsman.service.adopt import adopt
from pointsman.service.sweep import sweep
from pointsman.testing.inprocess import probes
from tests.core.scene import CHECKOUT, fabric
from tests.service.test_converge import World, story


class Slow:
    """A looker that takes its time."""

    def __init__(self, inner: Looker, seconds: float) -> None:
        self.cloud = inner.cloud
        self._inner = inner
        self._seconds = seconds

    async def look(self, links: Sequence[str]) -> tuple[Sighting, ...]:
        await asyncio.sleep(self._seconds)
        return await self._inner.look(links)


async def reads_of_a_repair(one: World, *, look_takes: float) -> int:
    """Undo a link's policies by hand; count the register reads of the sweep that repairs them."""
    lever = one.gcp.levers[LeverKind.ROUTE_POLICY]
    name = one.twin.fabric.links[1].name
    await lever.apply(RoutePolicies(link=name), await lever.observe(name), "by hand")
    one.forget_requests()
    report = await sweep(dataclasses.replace(one.gcp, looker=Slow(one.gcp.looker, look_takes)))
    assert [step.setting for step in report.steps if step.written], "there was something to repair"
    return one.requests()["read"]


def test_a_plan_that_was_read_long_before_the_write_is_read_again() -> None:
    async def tell(one: World) -> None:
        await one.settle(60)
        quick = await reads_of_a_repair(one, look_takes=0.0)
        slow = await reads_of_a_repair(one, look_takes=5.0)
        assert slow == quick + 3

    story(tell)


def test_a_process_remembers_which_fabric_the_plan_names() -> None:
    async def tell(one: World) -> None:
        following = fabric(flows=(CHECKOUT,))
        house = dataclasses.replace(one.gcp, fabrics=(one.gcp.current, following))
        await one.settle(60)
        await adopt(house, author="an operator", reason="the roll-out is through", force=True)
        claims = probes(one.twin, Cloud.GCP)
        await doors.link_changed(house, claims)
        one.forget_requests()
        await doors.link_changed(house, claims)
        assert one.requests()["read"] == 3
        assert house.lately().current == following

    story(tell)
