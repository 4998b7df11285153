"""Adopting the next fabric, over the in-process twin."""

import dataclasses

import pytest

from pointsman.core.errors import ConfigError, Refused
from pointsman.core.fabric import Cloud, Fabric, LinkName
from pointsman.core.values import replace
from pointsman.service.adopt import adopt
from pointsman.service.sweep import sweep
from tests.core.scene import CHECKOUT, G, fabric, link, vpn
from tests.service.test_converge import World, story

NEXT = fabric(link("ix-a", 20 * G), link("ix-b", 5 * G), link("ix-c", 10 * G, cost=0.02), vpn())
WITHOUT_A = fabric(link("ix-b", 5 * G), vpn(), flows=(replace(CHECKOUT, prefer=(LinkName("ix-b"), LinkName("vpn"))),))


def carrying(world: World, following: Fabric, *clouds: Cloud) -> None:
    for cloud in clouds:
        setattr(world, cloud.value, dataclasses.replace(world.house(cloud), fabrics=(world.house(cloud).current, following)))


async def swept(world: World) -> None:
    for cloud in Cloud:
        await sweep(world.house(cloud))


def test_the_next_fabric_is_adopted_when_both_clouds_carry_it_and_decisions_go_on_under_it() -> None:
    async def tell(world: World) -> None:
        carrying(world, NEXT, *Cloud)
        await swept(world)
        before = await world.plan()
        plan = await adopt(world.gcp, author="operator", reason="ix-a was enlarged")
        assert (plan.fabric_hash, plan.epoch) == (NEXT.hash, before.epoch + 1)
        assert plan.flows == before.flows
        world.twin.network.blackhole("ix-a")
        await world.settle(30)
        assert (await world.plan()).links[LinkName("ix-a")].drain is not None
        assert (await world.plan()).fabric_hash == NEXT.hash

    story(tell)


def test_a_cloud_that_does_not_carry_the_next_fabric_stops_it_unless_forced() -> None:
    async def tell(world: World) -> None:
        carrying(world, NEXT, Cloud.GCP)
        await swept(world)
        with pytest.raises(Refused, match="functions on aws"):
            await adopt(world.gcp, author="operator", reason="too early")
        assert (await world.plan()).fabric_hash != NEXT.hash
        assert (await adopt(world.gcp, author="operator", reason="aws is gone", force=True)).fabric_hash == NEXT.hash

    story(tell)


def test_adopting_twice_is_adopting_once() -> None:
    async def tell(world: World) -> None:
        carrying(world, NEXT, *Cloud)
        await swept(world)
        first = await adopt(world.gcp, author="operator", reason="once")
        assert await adopt(world.aws, author="another operator", reason="twice") == first

    story(tell)


def test_a_function_without_the_fabric_that_the_plan_names_says_so_and_moves_nothing() -> None:
    async def tell(world: World) -> None:
        carrying(world, NEXT, Cloud.GCP)
        await swept(world)
        await adopt(world.gcp, author="operator", reason="aws is late", force=True)
        writes = len(world.twin.writes)
        with pytest.raises(ConfigError, match="deploy the artefact"):
            await world.report(Cloud.AWS)
        assert len(world.twin.writes) == writes

    story(tell)


def test_a_fabric_that_lost_a_drained_link_is_refused() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.settle(30)
        carrying(world, WITHOUT_A, *Cloud)
        await swept(world)
        with pytest.raises(Refused, match="ix-a is drained"):
            await adopt(world.gcp, author="operator", reason="ix-a is to be removed")

    story(tell)


def test_without_a_next_fabric_there_is_nothing_to_adopt() -> None:
    async def tell(world: World) -> None:
        with pytest.raises(ConfigError, match="POINTSMAN_FABRIC_NEXT"):
            await adopt(world.gcp, author="operator", reason="by mistake")

    story(tell)
