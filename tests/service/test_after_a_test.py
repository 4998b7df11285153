"""The moment after AWS's own drain ends: the session and its routes are still away, and that is nobody's outage."""

import json
from datetime import timedelta

from pointsman.core.fabric import Cloud
from pointsman.core.plan import Verdict
from pointsman.core.sightings import Sighting
from pointsman.service.doors import link_changed
from pointsman.service.gather import note
from pointsman.service.sweep import sweep
from pointsman.testing.happenings.rendering import Renderer
from pointsman.testing.network.blueprint import Side
from pointsman.wire.decode import decode
from tests.service.test_converge import World
from tests.service.test_windows import AHEAD, IX_A, announce, go, nothing, story


def told_by_google(world: World) -> list[Sighting]:
    """Give what Google's logs and alarms told so far."""
    net = world.twin.network
    events = Renderer(net.blueprint, world.clock.now() - timedelta(seconds=net.now)).all(net.happenings)
    records = (record for one in events if one.side is Side.GCP for record in decode(json.dumps(one.payload)))
    return [record.meaning for record in records if isinstance(record.meaning, Sighting)]


async def passing_on(world: World, seconds: float) -> None:
    """Let time pass, and both clouds sweep after it."""
    await world.clock.sleep(seconds)
    world.twin.catch_up()
    for house in (world.aws, world.gcp):
        await sweep(house)


def test_a_session_that_comes_back_from_our_own_failover_test_is_no_outage() -> None:
    async def tell(world: World) -> None:
        world.gcp.looker.notices = nothing  # type: ignore[attr-defined]
        await link_changed(world.aws, announce(world))
        await go(world, AHEAD - 60, clouds=(Cloud.AWS,))
        assert world.twin.network.failover_tests("dxvif-1")[0].ended is None, "AWS drains while Google's functions are away"
        await note(world.gcp, told_by_google(world))
        for house in (world.gcp, world.aws):
            await sweep(house)
        assert world.twin.network.failover_tests("dxvif-1")[0].ended is not None, "Google's finer lever is set"
        for _ in range(10):
            await passing_on(world, 1)
            state = (await world.plan()).links[IX_A]
            assert state.verdict is not Verdict.DOWN
            assert state.penalty is None

    story(tell)
