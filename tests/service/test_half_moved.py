"""No flow is left half moved where a link is not, or no longer, ours to steer: what is asserted is where each direction goes."""

import pytest

from pointsman.core.errors import Refused
from pointsman.core.fabric import (
    AwsEnd,
    Bandwidth,
    Cloud,
    Fabric,
    GcpEnd,
    Link,
    LinkKind,
    LinkName,
    Member,
    MemberId,
    Mode,
    ProbePair,
    Timers,
)
from pointsman.core.sightings import Aspect, Health, Vantage, Verb
from pointsman.core.values import replace
from pointsman.service.adopt import adopt
from pointsman.service.converge import converge
from pointsman.service.gather import note
from pointsman.testing.inprocess import probes
from tests.core.scene import AWS, GCP, G, claim, fabric, flow, link, seconds, vpn
from tests.service.test_adopt import carrying, swept
from tests.service.test_converge import World, story
from tests.service.test_orders import carried_out

FLOWS = (flow("checkout", 1 * G, 1, ("ix-a", "ix-b", "vpn"), 20), flow("training", 6 * G, 5, ("ix-b", "ix-a", "ix-c"), 21, min_mtu=8000))
"""Each prefers another interconnect, so that either of them is somebody's second."""
PROVED_VPN = replace(
    vpn(),
    probes=(
        ProbePair(site=AWS, source="10.250.3.1", target="10.251.3.1"),
        ProbePair(site=GCP, source="10.251.3.1", target="10.250.3.1"),
    ),
)
MANAGED = Link(
    name=LinkName("mc"),
    kind=LinkKind.MANAGED_INTERCONNECT,
    aws_site=AWS,
    gcp_site=GCP,
    capacity=Bandwidth(10 * G),
    mtu=8500,
    timers=Timers(hold=seconds(60)),
    mode=Mode.OBSERVE,
    members=(Member(id=MemberId("m1")),),
    aws=AwsEnd(attachments=("tgw-attach-6",), connection="mcc-6", dx_gateway="dxgw-6", association="assoc-6"),
    gcp=GcpEnd(transport="projects/weft-prod-1/locations/us-east4/transports/mc-1"),
)


def modes(**other: Mode) -> Fabric:
    links = (link("ix-a", 10 * G), link("ix-b", 10 * G), link("ix-c", 10 * G, cost=0.02), PROVED_VPN)
    return fabric(*(replace(one, mode=other.get(one.name.replace("-", "_"), one.mode)) for one in links), flows=FLOWS)


async def adopted(world: World, following: Fabric) -> None:
    carrying(world, following, *Cloud)
    await swept(world)
    await adopt(world.gcp, author="operator", reason="we want to be asked")


async def planned(world: World, name: str) -> tuple[set[str], set[str]]:
    """Give where the plan puts a flow, as both directions should be seen."""
    at = (await world.plan()).flows[FLOWS[0].name if name == "checkout" else FLOWS[1].name].link
    return ({str(at)}, {str(at)})


async def whole(world: World) -> None:
    for one in FLOWS:
        assert world.links(one.name) == await planned(world, one.name), one.name


def test_a_flow_on_a_link_that_turns_to_mode_recommend_returns_to_a_better_one_on_a_persons_word_and_as_a_whole() -> None:
    async def tell(world: World) -> None:
        await world.settle(400, every=40)
        world.twin.network.blackhole("ix-b")
        await world.settle(60)
        assert world.links("training") == ({"ix-a"}, {"ix-a"})
        await adopted(world, modes(ix_a=Mode.RECOMMEND))
        world.twin.network.heal("ix-b")
        await world.settle(900, every=30)
        await whole(world)
        plan = await world.plan()
        assert plan.links[LinkName("ix-b")].drain is None
        assert plan.proposal is not None
        assert plan.proposal.flows == {"training": "ix-b"}
        await carried_out(world, Verb.APPROVE, plan.proposal.hash)
        await world.settle(60)
        assert world.links("training") == ({"ix-b"}, {"ix-b"})
        await whole(world)

    story(tell, modes())


def test_what_was_decided_before_an_adoption_is_still_carried_out_on_a_link_that_turns_to_mode_recommend() -> None:
    """AWS decides the return to ix-b while Google's functions only tell what they see, and the fabric changes before any lever is written."""

    async def tell(world: World) -> None:
        await world.settle(400, every=40)
        world.twin.network.blackhole("ix-b")
        await world.settle(60)
        carrying(world, modes(ix_a=Mode.RECOMMEND), *Cloud)
        await swept(world)
        world.twin.network.heal("ix-b")
        for _ in range(60):
            await note(world.gcp, probes(world.twin, Cloud.GCP))
            await world.settle(10, clouds=(Cloud.AWS,), every=10)
        assert (await planned(world, "training"), world.links("training")) == (({"ix-b"}, {"ix-b"}), ({"ix-a"}, {"ix-a"}))
        await adopt(world.aws, author="operator", reason="Google's functions write nothing now", force=True)
        await world.settle(120)
        assert world.links("training") == ({"ix-b"}, {"ix-b"})
        await whole(world)
        assert (await world.plan()).links[LinkName("ix-a")].steered is None

    story(tell, modes())


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.RECOMMEND])
@pytest.mark.parametrize("silent", [False, True])
def test_a_flow_that_loses_its_link_goes_as_a_whole_where_aws_takes_it_although_a_vpn_could_be_steered(mode: Mode, *, silent: bool) -> None:
    async def tell(world: World) -> None:
        await world.settle(400, every=40)
        if silent:
            world.twin.network.blackhole("ix-a")
        else:
            world.twin.network.cut("ix-a", silent=False)
        await world.settle(120)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        await whole(world)

    story(tell, modes(ix_b=mode))


def test_a_flow_whose_dark_link_waits_for_a_persons_word_falls_to_one_link_in_both_directions() -> None:
    async def tell(world: World) -> None:
        await world.settle(400, every=40)
        await adopted(world, modes(ix_a=Mode.RECOMMEND))
        for name in ("ix-b", "ix-a"):
            world.twin.network.cut(name, silent=False)
            await world.settle(120)
        assert world.links("checkout") == ({"ix-c"}, {"ix-c"})
        assert (await world.plan()).proposal is not None

    story(tell, modes())


def test_a_link_in_mode_recommend_lets_a_flow_in_that_has_no_other_way_though_its_levers_dropped_it() -> None:
    first, following = (vpn_first(mode) for mode in (Mode.AUTO, Mode.RECOMMEND))

    async def tell(world: World) -> None:
        await world.settle(400, every=40)
        assert world.links("checkout") == ({"vpn"}, {"vpn"})
        await adopted(world, following)
        await world.settle(120)
        assert world.links("checkout") == ({"vpn"}, {"vpn"})
        world.twin.network.cut("vpn", silent=False)
        await world.settle(120)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})

    story(tell, first)


def vpn_first(mode: Mode) -> Fabric:
    return fabric(link("ix-a", 10 * G, mode=mode), PROVED_VPN, flows=(flow("checkout", 1 * G, 1, ("vpn", "ix-a"), 20),))


def test_a_drained_link_cannot_turn_to_mode_observe_since_nothing_would_let_traffic_in_again() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.settle(30)
        with pytest.raises(Refused, match="ix-a is drained, and in mode observe"):
            await adopted(world, modes(ix_a=Mode.OBSERVE))

    story(tell, modes())


@pytest.mark.parametrize("told", [False, True])
def test_a_managed_interconnect_that_takes_awss_direction_is_where_the_flow_is_placed_once_it_is_seen_up(told: bool) -> None:  # noqa: FBT001
    """Nothing of ours leads AWS from it to the VPN: that a flow is on the VPN would be claimed and not be so."""
    start = fabric(link("ix-a", 10 * G), MANAGED, PROVED_VPN, flows=(flow("checkout", 1 * G, 1, ("ix-a", "mc", "vpn"), 20),))

    async def tell(world: World) -> None:
        await world.settle(400, every=40)
        world.twin.network.cut("ix-a", silent=False)
        for _ in range(6):
            await seen(world, told=told)
            await world.settle(20)
        plan = await world.plan()
        assert world.links("checkout") == ({"mc"}, {"mc"})
        because = next(one for one in plan.reasons if one.about == "checkout") if not told else None
        assert plan.flows[FLOWS[0].name].link == ("mc" if told else "vpn")
        assert because is None or because.refused["drop on mc"].endswith("AWS takes it, not vpn, while it announces these prefixes")

    story(tell, start)


async def seen(world: World, *, told: bool) -> None:
    if told:
        row = claim(Vantage.AWS, "mcc-6", Health.UP, 0, aspect=Aspect.LINK)
        await converge(world.aws, [replace(row, seen_at=world.clock.now())])
