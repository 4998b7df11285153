"""An outage while the hour's moves are used up, through the whole loop: what is asserted is traffic."""

from datetime import timedelta

import pytest

from pointsman.core.plan import Verdict
from pointsman.core.values import replace
from tests.core.test_indiscretion import NARROW, squeezed, told
from tests.service.test_converge import World, story
from tests.service.test_fast_path import agreed_to


@pytest.mark.parametrize("used_up", [False, True])
def test_an_outage_harms_no_flow_that_fits_elsewhere_though_the_hours_moves_are_used_up(used_up: bool) -> None:  # noqa: FBT001 - named by the table
    async def tell(world: World) -> None:
        await world.settle(400, every=60)
        if used_up:
            moves = tuple(world.clock.now() - timedelta(seconds=10 * number) for number in range(6, 0, -1))
            await agreed_to(world, lambda plan: replace(plan, moves=moves))
        world.twin.network.blackhole("ix-a")
        for _ in range(12):
            await world.settle(20)
        plan = await world.plan()
        assert {name: one.link for name, one in plan.flows.items()} == {"checkout": "ix-b", "training": "ix-c"}
        assert told(plan) == squeezed(NARROW, plan)
        assert (world.twin.network.loss("checkout"), world.twin.network.loss("training")) == (0, 0)
        assert {name for name, state in plan.links.items() if state.verdict is not Verdict.UP} == {"ix-a"}, "nor is another link condemned"

    story(tell, NARROW)
