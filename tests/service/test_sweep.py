"""The pass of every minute looks at every lever of its cloud, so that what it leaves in the record follows each drain."""

from pointsman.core.fabric import Cloud, PinTarget
from pointsman.core.members import lever_key
from pointsman.core.sightings import Health
from pointsman.core.values import replace
from pointsman.service.converge import converge, everywhere
from pointsman.service.sweep import sweep
from tests.core.scene import G, fabric, link
from tests.service.test_converge import World, story

PAIR = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G))
PINNABLE = replace(
    PAIR,
    flows=tuple(
        replace(
            flow, prefer=tuple(link.name for link in PAIR.links), aws_prefix_list=PinTarget(prefix_list="pl-1", route_tables=("tgw-rtb-1",))
        )
        for flow in PAIR.flows
    ),
)


def said(world: World, link: str) -> Health:
    rows = world.table.aws.snapshot().rows[Cloud.AWS].values()
    return next(row.health for row in rows if row.member == lever_key(PAIR.link(link).name))


def test_a_flow_that_may_be_pinned_does_not_keep_aws_from_saying_that_its_lever_follows_a_drain() -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        assert said(world, "ix-a") is Health.UP
        world.twin.network.blackhole("ix-a")
        await world.report(Cloud.GCP)
        await world.settle(90, clouds=(Cloud.AWS,))
        assert said(world, "ix-a") is Health.DRAINING, "it took over, since nobody on Google acts"
        world.twin.network.heal("ix-a")
        await world.settle(900)
        assert said(world, "ix-a") is Health.UP
        assert (await world.plan()).links[PAIR.link("ix-a").name].drain is None

    story(tell, PINNABLE)


def test_a_pass_that_a_hint_asked_for_does_not_look_at_every_flows_place_for_a_pin() -> None:
    """It may be in a reaction, and each place is a request to EC2: the sweep looks at them all."""

    async def tell(world: World) -> None:
        await world.settle(60)
        world.forget_requests()
        await converge(world.aws, (), everywhere(world.aws))
        assert [what for _, what in world.twin.trips if what.startswith("observe aws.prefix_list_pin")] == []
        await sweep(world.aws)
        looked = [what for _, what in world.twin.trips if what.startswith("observe aws.prefix_list_pin")]
        assert len(looked) == len(PINNABLE.flows)

    story(tell, PINNABLE)
