"""A prefix-list reference that a person set: left alone where the links it leads to are not ours to steer, mended in mode auto."""

import pytest

from pointsman.core.fabric import Cloud, Fabric, FlowName, Mode
from pointsman.core.sightings import Verb
from pointsman.core.steering import LeverKind, PrefixListPin
from pointsman.core.values import replace
from pointsman.service.adopt import adopt
from tests.core.scene import G, fabric, flow, link, seconds, vpn
from tests.service.test_adopt import carrying
from tests.service.test_converge import World, story
from tests.service.test_orders import carried_out, pinned, pinned_world


def modes(mode: Mode, *only: str) -> Fabric:
    """Give the fabric of ``pinned_world`` with its links, or only some of them, in another mode."""
    links = (link("ix-a", 10 * G), link("ix-b", 10 * G), link("ix-c", 10 * G, cost=0.02), vpn())
    return fabric(*(replace(one, mode=mode if not only or one.name in only else one.mode) for one in links))


async def set_by_hand(world: World, attachment: str) -> None:
    lever = world.aws.levers[LeverKind.PREFIX_LIST_PIN]
    await lever.apply(PrefixListPin(flow=FlowName("checkout"), attachment=attachment), await lever.observe("checkout"), "by hand")


def pin_writes(world: World) -> int:
    return sum(isinstance(one, PrefixListPin) for _, one in world.twin.writes)


@pytest.mark.parametrize("start", [modes(Mode.OBSERVE), modes(Mode.RECOMMEND), modes(Mode.OBSERVE, "ix-b")])
def test_a_persons_entry_to_a_link_that_is_not_in_mode_auto_is_left_and_hinders_nothing(start: Fabric) -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        await set_by_hand(world, "tgw-attach-2")
        await world.settle(60)
        assert pinned(world) == {"checkout"}
        assert pin_writes(world) == 1
        assert (await world.report(Cloud.AWS)).steps == ()

    story(tell, start)


FIRM = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=(flow("checkout", 1 * G, 1, ("ix-a", "ix-b"), 20, pin=True),))
"""No pin would ever be planned here by us: AWS's own drain works on every link."""


@pytest.mark.parametrize("start", [modes(Mode.OBSERVE, "ix-c"), FIRM])
def test_a_persons_entry_to_a_link_in_mode_auto_is_drift_that_the_sweep_mends(start: Fabric) -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        await set_by_hand(world, "tgw-attach-2")
        await world.settle(60)
        assert pinned(world) == set()

    story(tell, start)


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.RECOMMEND])
def test_a_pin_of_ours_that_the_plan_let_go_is_taken_away_though_its_link_left_mode_auto_meanwhile(mode: Mode) -> None:
    """Its end comes, and the next fabric is adopted, before any function on AWS has looked."""

    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        await carried_out(world, Verb.PIN, "checkout>ix-b", lasts=seconds(120))
        assert pinned(world) == {"checkout"}
        await world.settle(180, clouds=(Cloud.GCP,))
        assert (await world.plan()).pins == ()
        assert pinned(world) == {"checkout"}
        carrying(world, modes(mode, "ix-b"), *Cloud)
        await adopt(world.gcp, author="operator", reason="AWS's functions are away", force=True)
        await world.settle(60)
        assert pinned(world) == set()

    story(tell, pinned_world())
