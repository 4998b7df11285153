"""What is said to be at rest was read when it was at rest."""

import asyncio
from typing import Any

from pointsman.adapters.gcp.compute import RouterRef
from pointsman.adapters.gcp.route_policy import RoutePolicyLever
from pointsman.core.fabric import LinkName
from pointsman.core.steering import PrefixStance, RoutePolicies, Stance
from tests.gcp.conftest import LATENCY, Cloud, Patient, run

FREE = RoutePolicies(link=LinkName("ix-a"))
KEPT_OFF = RoutePolicies(link=LinkName("ix-a"), imports=(PrefixStance(prefix="10.20.0.0/16", stance=Stance.AVOID),))


class Racing(Patient):
    """Lets an operation end just between the read of the policies and the look at that operation."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.read = asyncio.Event()
        self.hand = cloud

    async def policies(self, router: RouterRef) -> dict[str, dict[str, Any]]:
        found = await super().policies(router)
        self.read.set()
        return found

    async def finished(self, router: RouterRef, operation: str) -> bool:
        await self.read.wait()
        self.hand.past(LATENCY)
        return await super().finished(router, operation)


def test_policies_read_before_an_operation_ended_are_read_again_once_it_has(slow_cloud: Cloud) -> None:
    async def main() -> None:
        compute = Racing(slow_cloud)
        lever = RoutePolicyLever(slow_cloud.fabric, compute)
        await lever.apply(KEPT_OFF, await lever.observe("ix-a"), "epoch-1")
        compute.read.clear()
        seen = await lever.observe("ix-a")
        assert (seen.settled, seen.setting) == (True, KEPT_OFF)
        await lever.apply(FREE, seen, "epoch-2")

    run(main())


def test_a_write_sent_while_the_policies_are_read_leaves_them_unsettled(slow_cloud: Cloud) -> None:
    async def main() -> None:
        lever = RoutePolicyLever(slow_cloud.fabric, slow_cloud.compute)
        first = await lever.observe("ix-a")
        seen, _ = await asyncio.gather(lever.observe("ix-a"), lever.apply(KEPT_OFF, first, "epoch-1"))
        assert not seen.settled

    run(main())
