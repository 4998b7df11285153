"""AWS can only withdraw a link, and BGP asks nobody's leave: what that may cost those who are well elsewhere."""

import pytest

from pointsman.core.fabric import Cloud, LinkName
from pointsman.service.gather import note
from pointsman.service.sweep import sweep
from pointsman.testing.inprocess import probes
from tests.core.scene import G, fabric, flow, link
from tests.service.test_converge import World, story

IX_A = LinkName("ix-a")
PAY, BULK = flow("pay", 1 * G, 1, ("ix-b", "ix-a"), 20), flow("bulk", 8 * G, 9, ("ix-a",), 21)
CHECKOUT = flow("checkout", 1 * G, 1, ("ix-a", "ix-b"), 22)
NARROW = fabric(link("ix-a", 10 * G), link("ix-b", 5 * G), flows=(PAY, BULK))
BOTH = fabric(*NARROW.links, flows=(PAY, BULK, CHECKOUT))
ROUNDS = 6


async def sees(world: World, *, google: bool) -> None:
    """Let AWS react, and Google too if it lives; of a dead Google the prober's word still arrives."""
    if google:
        await world.report(Cloud.GCP)
        await sweep(world.gcp)
    else:
        assert await note(world.gcp, probes(world.twin, Cloud.GCP)) == ""
    await world.report(Cloud.AWS)
    await sweep(world.aws)
    world.twin.catch_up()


@pytest.mark.parametrize("google", [True, False])
@pytest.mark.parametrize("lost", [0.1, 0.6, 1.0])
def test_who_is_well_loses_nothing_to_a_flow_that_has_only_the_failing_link(google: bool, lost: float) -> None:  # noqa: FBT001 - named by the table
    async def tell(world: World) -> None:
        await world.settle(400)
        assert world.links("bulk") == ({"ix-a"}, {"ix-a"})
        world.twin.network.degrade("ix-a", lost)
        await world.clock.sleep(1)
        for _ in range(ROUNDS):
            await sees(world, google=google)
            assert world.twin.network.loss("pay") == 0
            assert world.twin.network.loss("bulk") == pytest.approx(lost)
            await world.clock.sleep(20)
            assert world.twin.network.loss("pay") == 0
        assert (await world.plan()).links[IX_A].drain is not None

    story(tell, NARROW)


def test_aws_keeps_to_its_takeover_for_a_flow_that_the_plan_leads_off_although_it_overloads_the_other_link() -> None:
    """Everything is lost on ix-a and Google is dead: what ix-b loses from then on is our own doing, and no reason to go back."""

    async def tell(world: World) -> None:
        await world.settle(400)
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        for number in range(ROUNDS):
            await sees(world, google=False)
            await world.clock.sleep(20)
            if number > ROUNDS // 2:
                assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
                assert world.twin.network.loss("checkout") == pytest.approx(0.5)

    story(tell, BOTH)
