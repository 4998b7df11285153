"""What a process read a while ago is old: the plan is looked at once more before a lever is written on its strength."""

import asyncio
import dataclasses

from pointsman.core.fabric import Cloud
from pointsman.core.steering import LeverKind, Observed, RoutePolicies
from pointsman.ports.clouds import Lever
from pointsman.service import doors
from pointsman.service.adopt import adopt
from pointsman.service.sweep import sweep
from pointsman.testing.inprocess import probes
from tests.core.scene import CHECKOUT, fabric
from tests.service.test_converge import World, story


def test_a_plan_that_this_pass_did_not_make_is_read_again_before_a_write() -> None:
    async def tell(one: World) -> None:
        await one.settle(60)
        one.forget_requests()
        await sweep(one.gcp)
        quiet = one.requests()["read"]
        lever = one.gcp.levers[LeverKind.ROUTE_POLICY]
        name = one.twin.fabric.links[1].name
        await lever.apply(RoutePolicies(link=name), await lever.observe(name), "by hand")
        one.forget_requests()
        report = await sweep(one.gcp)
        assert [step.setting for step in report.steps if step.written], "there was something to repair"
        assert one.requests()["read"] == quiet + 2 * 3, "once before the write, once after it"

    story(tell)


class SlowToRead:
    """A lever whose state takes its time to be read."""

    def __init__(self, inner: Lever, seconds: float) -> None:
        self.kind = inner.kind
        self.apply, self.undo, self.verify = inner.apply, inner.undo, inner.verify
        self._inner = inner
        self._seconds = seconds

    async def observe(self, target: str) -> Observed:
        await asyncio.sleep(self._seconds)
        return await self._inner.observe(target)


def test_a_lever_that_was_observed_after_the_plan_was_read_is_not_written_by_that_plan() -> None:
    async def tell(one: World) -> None:
        await one.settle(60)
        slow = {kind: SlowToRead(lever, 1.0) for kind, lever in one.gcp.levers.items()}
        late = asyncio.ensure_future(sweep(dataclasses.replace(one.gcp, levers=slow)))
        await asyncio.sleep(0.2)
        one.twin.network.blackhole("ix-a")
        await one.report(Cloud.AWS)
        await one.report(Cloud.GCP)
        drained = [at for at, setting in one.twin.writes if isinstance(setting, RoutePolicies) and setting.link == "ix-a"]
        await late
        after = [at for at, setting in one.twin.writes if isinstance(setting, RoutePolicies) and setting.link == "ix-a"]
        assert after == drained

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
