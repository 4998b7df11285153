"""Which changes ask for a pass over everything: a stranger's do, our own and those under our user agent wait for the sweep."""

import pytest

from pointsman.core.fabric import Cloud
from pointsman.core.sightings import Actor, Change, Vantage
from pointsman.service import doors
from tests.service.test_converge import World, story


@pytest.mark.parametrize("actor", Actor)
def test_only_a_change_that_somebody_else_made_asks_for_a_pass(actor: Actor) -> None:
    passes = actor is Actor.SOMEBODY

    async def tell(world: World) -> None:
        for cloud in Cloud:
            world.forget_requests()
            change = Change(vantage=Vantage(cloud.value), what="x", target="y", seen_at=world.clock.now(), actor=actor)
            report = await doors.link_changed(world.house(cloud), (change,))
            assert (report is not None, bool(world.requests())) == (passes, passes)

    story(tell)
