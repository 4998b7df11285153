"""Both directions of a flow move together, also where AWS and Google would prefer different links."""

import pytest

from pointsman.core.fabric import LinkName, Mode
from pointsman.core.steering import PrefixStance, RoutePolicies, Stance
from pointsman.core.values import replace
from pointsman.testing.inprocess import PolicyLever, twin
from pointsman.testing.virtual import VirtualClock, run
from tests.core.scene import CHECKOUT, G, fabric, link, vpn
from tests.service.test_converge import World, story

IX_A, IX_B, VPN = (LinkName(name) for name in ("ix-a", "ix-b", "vpn"))


AVOIDED = RoutePolicies(
    link=IX_A,
    imports=(PrefixStance(prefix="10.20.0.0/16", stance=Stance.AVOID),),
    exports=(PrefixStance(prefix="10.220.0.0/16", stance=Stance.AVOID),),
)


def test_the_network_parts_the_directions_of_a_flow_whose_every_interconnect_is_avoided_beside_an_unsteered_vpn() -> None:
    """Why such a flow is held back: AWS ranks by the type of the attachment first, and Google by MED alone."""

    async def tell() -> None:
        start = fabric(link("ix-a", 10 * G), replace(vpn(), mode=Mode.OBSERVE), flows=(replace(CHECKOUT, prefer=(IX_A, VPN)),))
        world = twin(start, VirtualClock())
        lever = PolicyLever(world)
        await lever.apply(AVOIDED, await lever.observe(IX_A), "epoch-1")
        world.network.advance(60)
        path = world.network.path("checkout")
        assert (set(path.to_gcp.links), set(path.to_aws.links)) == ({"ix-a"}, {"vpn"})

    run(tell())


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.OBSERVE])
@pytest.mark.parametrize("dark", [(), ("ix-b",)])
def test_a_flow_leaves_grey_interconnects_for_a_vpn_in_both_directions_or_in_none(mode: Mode, dark: tuple[str, ...]) -> None:
    """The looks tell of the VPN's sessions alone here, so no drop is allowed: AWS's own drain moves both directions at once."""
    links = (link("ix-a", 10 * G), *(link(name, 10 * G) for name in dark), replace(vpn(), mode=mode))
    start = fabric(*links, flows=(replace(CHECKOUT, prefer=tuple(one.name for one in links)),))

    async def tell(world: World) -> None:
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})
        for name in ("ix-a", *dark):
            world.twin.network.blackhole(name)
        for _ in range(12):
            await world.settle(10, every=5)
            there, back = world.links("checkout")
            assert there == back, (there, back)
        assert (there, back) == ({"vpn"}, {"vpn"})

    story(tell, start)


def test_interconnects_that_heal_behind_our_own_tests_are_seen_to_heal() -> None:
    """A failover test takes its link's BGP down, and the probes with it: it must rest now and then, or it would run for ever."""
    start = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), vpn(), flows=(replace(CHECKOUT, prefer=(IX_A, IX_B, VPN)),))

    async def tell(world: World) -> None:
        await world.settle(60)
        for name in (IX_A, IX_B):
            world.twin.network.blackhole(name)
        await world.settle(120, every=5)
        assert world.links("checkout") == ({"vpn"}, {"vpn"})
        for name in (IX_A, IX_B):
            world.twin.network.heal(name)
        await world.settle(3_600, every=30)
        plan = await world.plan()
        assert {name: state.drain for name, state in plan.links.items()} == dict.fromkeys((IX_A, IX_B, VPN))
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})

    story(tell, start)
