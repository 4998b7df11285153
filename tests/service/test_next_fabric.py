"""A fabric that the plan adopts counts at once: its links are heard of, looked at and steered by the artefact that carries both."""

import dataclasses
import itertools

from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.plan import Verdict
from pointsman.core.sightings import Health, Sighting
from pointsman.core.values import replace
from pointsman.service.adopt import adopt
from pointsman.service.converge import Report
from pointsman.service.doors import link_changed
from pointsman.service.house import Hands, House
from pointsman.service.watch import watch
from pointsman.testing.inprocess import MemoryFlag, Twin, house, probes, table, twin
from pointsman.testing.virtual import VirtualClock, run
from tests.core.scene import CHECKOUT, G, fabric, link, vpn
from tests.service.test_converge import LedgerDesk, World

IX_A, IX_B, VPN = (LinkName(name) for name in ("ix-a", "ix-b", "vpn"))
OLD = fabric(link("ix-a", 10 * G), vpn(), flows=(replace(CHECKOUT, prefer=(IX_A, VPN)),))
NEW = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), vpn(), flows=(replace(CHECKOUT, prefer=(IX_B, IX_A, VPN)),))


def world() -> World:
    """Give a network that already has the next fabric's link, and functions that carry both fabrics."""
    clock = VirtualClock()
    whole, stores = twin(NEW, clock), table(clock)
    counter = itertools.count(1)
    flags = {cloud: MemoryFlag(cloud) for cloud in Cloud}
    desk = LedgerDesk()

    def made(network: Twin, cloud: Cloud) -> House:
        return house(network, stores, cloud, flags=flags, nonce=lambda: f"{next(counter):016x}")

    def furnished(cloud: Cloud) -> House:
        following, today = made(whole, cloud), made(dataclasses.replace(whole, fabric=OLD), cloud)
        hands = {one.current.hash: Hands(looker=one.looker, levers=one.levers) for one in (today, following)}
        return dataclasses.replace(today, fabrics=(OLD, NEW), hands=hands, desks={"noc": desk})

    return World(clock, whole, stores, furnished(Cloud.AWS), furnished(Cloud.GCP), flags, desk)


async def adopted(one: World) -> None:
    await one.settle(40)
    await adopt(one.gcp, author="operator", reason="ix-b was built")
    await one.settle(400)


def test_traffic_moves_to_a_link_of_the_fabric_that_was_adopted_and_away_again_when_it_turns_grey() -> None:
    async def tell() -> None:
        one = world()
        await adopted(one)
        assert (await one.plan()).fabric_hash == NEW.hash
        assert one.links("checkout") == ({"ix-b"}, {"ix-b"})
        one.twin.network.blackhole("ix-b")
        await one.settle(40)
        assert one.links("checkout") == ({"ix-a"}, {"ix-a"})

    run(tell())


def test_a_new_links_event_is_heard_and_its_levers_are_written_by_the_function_that_hears_it() -> None:
    async def tell() -> None:
        one = world()
        await adopted(one)
        one.twin.network.blackhole("ix-b")
        grey = [probe for cloud in Cloud for probe in lost(one, cloud)]
        report = await link_changed(one.gcp, grey)
        assert isinstance(report, Report)
        assert report.plan.links[IX_B].verdict is Verdict.DOWN
        assert {step.setting.link for step in report.steps if step.written} >= {"ix-b"}  # type: ignore[union-attr]
        assert one.links("checkout") == ({"ix-a"}, {"ix-a"})

    run(tell())


def lost(one: World, cloud: Cloud) -> list[Sighting]:
    return [probe for probe in probes(one.twin, cloud) if probe.health is Health.DOWN]


def test_watch_looks_at_a_new_link_once_the_plan_has_adopted_it() -> None:
    async def tell() -> None:
        one = world()
        await adopted(one)
        one.twin.trips.clear()
        await watch(one.aws)
        assert any("ix-b" in trip for trip in trips(one))

    run(tell())


def trips(one: World) -> list[str]:
    return [str(trip) for trip in one.twin.trips]


def test_before_it_is_adopted_nothing_of_the_next_fabric_is_touched() -> None:
    async def tell() -> None:
        one = world()
        one.twin.trips.clear()
        await one.settle(40)
        await watch(one.aws)
        assert not any("ix-b" in trip for trip in trips(one))
        assert IX_B not in (await one.plan()).links

    run(tell())
