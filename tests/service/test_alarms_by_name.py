"""An alarm that a member declares is heard at the door, whatever resource it names."""

import pytest

from pointsman.core.fabric import Fabric, LinkName
from pointsman.core.members import alarm_key
from pointsman.core.plan import Verdict
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.core.values import replace
from pointsman.service.doors import link_changed
from tests.core.scene import G, fabric, link, vpn
from tests.service.test_converge import World, story

IX_A = LinkName("ix-a")


def declared(name: str) -> Fabric:
    first = link("ix-a", 10 * G)
    return fabric(replace(first, members=(replace(first.members[0], alarms=(name,)),)), link("ix-b", 10 * G), link("ix-c", 10 * G), vpn())


@pytest.mark.parametrize(("name", "verdict"), [("weft-lag", Verdict.SUSPECT), ("another", Verdict.UP)])
def test_an_alarm_on_a_lag_casts_doubt_on_the_member_that_declares_it(name: str, verdict: Verdict) -> None:
    async def tell(world: World) -> None:
        alarm = Sighting(
            vantage=Vantage.AWS,
            member="dxlag-fg000001",
            source=Source.CLOUDWATCH,
            aspect=Aspect.LINK,
            health=Health.DOWN,
            seen_at=world.clock.now(),
            cause=Cause.ALARM,
            text=alarm_key("weft-lag"),
        )
        await link_changed(world.aws, [alarm])
        assert (await world.plan()).links[IX_A].verdict is verdict

    story(tell, declared(name))
