"""What a reaction looks at beforehand, so that the fast path may be taken: no call that would not have been made anyway."""

import pytest

from pointsman.core.fabric import Cloud, LinkName, SiteName
from pointsman.core.modes import NoQuorum
from pointsman.core.values import replace
from pointsman.service.converge import converge, heirs
from pointsman.service.status import status
from pointsman.service.sweep import sweep
from pointsman.testing.inprocess import probes
from tests.core.scene import ATLAS, AWS, G, fabric, flow, link, vpn
from tests.service.test_converge import World, far_away, story
from tests.service.test_fast_path import goes_grey, mend, refuse_to_agree
from tests.service.test_status import one_of, table

IX_A, IX_B = LinkName("ix-a"), LinkName("ix-b")
LAST = fabric(link("ix-a", 10 * G), vpn(), flows=(flow("checkout", 1 * G, 1, ("ix-a", "vpn"), 20),))


def test_the_heirs_of_a_link_are_what_its_flows_may_take_of_the_same_kind() -> None:
    assert heirs(ATLAS, {IX_A}) == {"ix-a", "ix-b", "ix-c"}
    assert heirs(ATLAS, {LinkName("vpn")}) == {"vpn"}
    assert heirs(ATLAS, set()) == set()


def test_a_link_in_another_region_is_no_heir() -> None:
    far = replace(next(site for site in ATLAS.sites if site.name == AWS), name=SiteName("aws-usw2"), region="us-west-2")
    links = tuple(replace(one, aws_site=far.name) if one.name == IX_B else one for one in ATLAS.links)
    assert heirs(replace(ATLAS, sites=(*ATLAS.sites, far), links=links), {IX_A}) == {"ix-a", "ix-c"}


@pytest.mark.parametrize("cloud", list(Cloud))
def test_one_look_shows_the_link_and_its_heirs(cloud: Cloud) -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        world.forget_requests()
        lost = [one for one in probes(world.twin, cloud) if one.health == "down"]
        await converge(world.house(cloud), lost)
        assert [what for _, what in world.twin.trips if what.startswith("look")] == [f"look {cloud} ix-a,ix-b,ix-c"]

    story(tell)


def test_from_an_interconnect_to_a_vpn_the_normal_path_is_taken() -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        await world.report(Cloud.AWS)
        far_away(world)
        report = await converge(world.gcp, probes(world.twin, Cloud.GCP))
        assert report.agreed
        assert report.stages.get("written", report.stages["agreed"]) >= report.stages["agreed"]

    story(tell, LAST)


def test_the_status_shows_a_steer_that_nobody_has_agreed_to_yet() -> None:
    async def tell(world: World) -> None:
        await goes_grey(world, Cloud.GCP)
        refuse_to_agree(world)
        with pytest.raises(NoQuorum):
            await world.report(Cloud.GCP)
        mend(world)
        assert one_of(await status(table(world)), "gcp steered what was foreseen for ix-a")
        await sweep(world.gcp)
        assert not one_of(await status(table(world)), "foreseen")

    story(tell)
