"""One contract over both faces of the twin: the same levers and looks, in process and over HTTP, move the same traffic."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import boto3
import pytest

from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.aws.failover_test import FailoverTestLever
from pointsman.adapters.aws.looker import AwsLooker
from pointsman.adapters.aws.prefix_list_pin import PrefixListPinLever
from pointsman.adapters.gcp.compute import Compute
from pointsman.adapters.gcp.http import GoogleHttp
from pointsman.adapters.gcp.look import GcpLooker
from pointsman.adapters.gcp.route_policy import RoutePolicyLever
from pointsman.core.fabric import Cloud, Fabric, FlowName, LinkName
from pointsman.core.sightings import Aspect, Health
from pointsman.core.steering import FailoverTest, LeverKind, PrefixListPin, PrefixStance, RoutePolicies, Setting, Stance
from pointsman.ports.clouds import FenceLost, Lever, LeverFailed, Looker
from pointsman.testing import virtual
from pointsman.testing.aws.face import AwsFace
from pointsman.testing.blueprint import blueprint
from pointsman.testing.faces.timing import HandTime
from pointsman.testing.gcp import GcpFace
from pointsman.testing.inprocess import FailoverLever, PinLever, PolicyLever, TwinLooker, twin
from pointsman.testing.network.model import Network
from tests.aws.conftest import REGION, SERVICES, HandClock
from tests.twin.networks import LIST, TABLE, reference

IX_A, CHECKOUT = LinkName("ix-a"), FlowName("checkout")


@dataclass
class Face:
    """A network behind one face: levers, lookers, and a way to let time pass."""

    fabric: Fabric
    network: Network
    levers: Mapping[LeverKind, Lever]
    lookers: Mapping[Cloud, Looker]
    later: Callable[[float], Awaitable[None]]

    async def put(self, setting: Setting, target: str) -> None:
        lever = next(one for kind, one in self.levers.items() if kind.value == setting.__struct_config__.tag)
        await lever.apply(setting, await lever.observe(target), f"token of {setting}")
        await self.later(10)

    def links(self) -> tuple[set[str], set[str]]:
        path = self.network.path("checkout")
        return set(path.to_gcp.links), set(path.to_aws.links)

    def both(self) -> set[str]:
        to_gcp, to_aws = self.links()
        return to_gcp | to_aws


Tell = Callable[[Face], Coroutine[Any, Any, None]]


def in_process(tell: Tell) -> None:
    async def main() -> None:
        clock = virtual.VirtualClock()
        world = twin(reference(), clock)

        async def later(seconds: float) -> None:
            await clock.sleep(seconds)
            world.catch_up()

        levers = (PolicyLever(world), FailoverLever(world), PinLever(world))
        lookers = {cloud: TwinLooker(world, cloud) for cloud in Cloud}
        await tell(Face(world.fabric, world.network, {one.kind: one for one in levers}, lookers, later))

    virtual.run(main())


def over_http(tell: Tell) -> None:
    with _served(reference()) as face:
        asyncio.run(tell(face))


@contextlib.contextmanager
def _served(fabric: Fabric) -> Iterator[Face]:
    network, lock, time = Network(blueprint(fabric)), threading.RLock(), HandTime()
    with AwsFace(network, lock, time) as aws, GcpFace(network, lock, time, latency=0.0) as gcp:
        gcp.install(fabric)

        async def later(seconds: float) -> None:
            time.now += seconds
            aws.tick()
            gcp.tick()

        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
        clients, clock = Clients(endpoints=dict.fromkeys(SERVICES, aws.url), session=lambda: session), HandClock(time)
        compute = Compute(GoogleHttp(), endpoint=gcp.url)
        levers: tuple[Lever, ...] = (
            RoutePolicyLever(fabric, compute),
            FailoverTestLever(fabric, clients, clock, lambda: 0.5),
            PrefixListPinLever(fabric, clients),
        )
        lookers: dict[Cloud, Looker] = {
            Cloud.AWS: AwsLooker(fabric, clients, clock),
            Cloud.GCP: GcpLooker(fabric, compute, clock, transports=compute),
        }
        yield Face(fabric, network, {one.kind: one for one in levers}, lookers, later)


each_face = pytest.mark.parametrize("play", [in_process, over_http])


def policies(fabric: Fabric, stance: Stance) -> RoutePolicies:
    flow, link = fabric.flow("checkout"), fabric.link("ix-a")
    imports = tuple(PrefixStance(prefix=one, stance=Stance.AVOID, rank=9) for one in flow.prefixes[link.aws_site])
    exports = tuple(PrefixStance(prefix=one, stance=stance, rank=9) for one in flow.prefixes[link.gcp_site])
    return RoutePolicies(link=link.name, imports=imports, exports=exports)


@each_face
@pytest.mark.parametrize("stance", [Stance.AVOID, Stance.DROP])
def test_route_policies_move_a_flow_off_a_link_both_ways_and_let_it_back(play: Callable[[Tell], None], stance: Stance) -> None:
    async def tell(face: Face) -> None:
        before = face.links()
        assert "ix-a" in before[0] & before[1]
        await face.put(policies(face.fabric, stance), "ix-a")
        assert "ix-a" not in face.both()
        await face.put(RoutePolicies(link=IX_A), "ix-a")
        assert face.links() == before

    play(tell)


@each_face
def test_what_was_written_reads_back_and_is_proved(play: Callable[[Tell], None]) -> None:
    async def tell(face: Face) -> None:
        want = policies(face.fabric, Stance.AVOID)
        await face.put(want, "ix-a")
        lever = face.levers[LeverKind.ROUTE_POLICY]
        assert (await lever.observe("ix-a")).setting == want
        assert (await lever.verify(want)).level == "effective"

    play(tell)


@each_face
def test_a_write_over_what_somebody_changed_meanwhile_is_refused(play: Callable[[Tell], None]) -> None:
    async def tell(face: Face) -> None:
        lever = face.levers[LeverKind.ROUTE_POLICY]
        seen = await lever.observe("ix-a")
        await face.put(policies(face.fabric, Stance.AVOID), "ix-a")
        with pytest.raises(FenceLost):
            await lever.apply(policies(face.fabric, Stance.DROP), seen, "late")

    play(tell)


@each_face
def test_a_failover_test_takes_a_link_out_both_ways_is_seen_as_ours_and_gives_it_back(play: Callable[[Tell], None]) -> None:
    async def tell(face: Face) -> None:
        await face.put(FailoverTest(link=IX_A, running=True, duration=timedelta(minutes=30)), "ix-a")
        assert "ix-a" not in face.both()
        sessions = [one.health for one in (await face.lookers[Cloud.AWS].look(("ix-a",))).claims if one.aspect is Aspect.BGP]
        assert sessions == [Health.DRAINING]
        await face.put(FailoverTest(link=IX_A, running=False), "ix-a")
        await face.later(60)
        assert "ix-a" in face.both()

    play(tell)


@each_face
def test_a_pin_moves_its_traffic_and_a_pin_to_a_dead_attachment_black_holes_it(play: Callable[[Tell], None]) -> None:
    async def tell(face: Face) -> None:
        attachment = face.fabric.link("ix-b").aws.attachments[0]
        await face.put(PrefixListPin(flow=CHECKOUT, attachment=attachment), "checkout")
        assert face.links()[0] == {"ix-b"}
        face.network.cut("ix-b")
        await face.later(200)
        assert not face.network.path("checkout").to_gcp.arrives
        await face.put(PrefixListPin(flow=CHECKOUT), "checkout")
        assert face.network.path("checkout").to_gcp.arrives

    play(tell)


@each_face
def test_no_pin_goes_by_a_list_that_holds_more_than_the_flow_and_one_that_stands_is_taken_away(play: Callable[[Tell], None]) -> None:
    async def tell(face: Face) -> None:
        links = [face.fabric.link(name) for name in ("ix-b", "vpn")]
        first, second = (PrefixListPin(flow=CHECKOUT, attachment=link.aws.attachments[0]) for link in links)
        await face.put(first, "checkout")
        face.network.set_prefix_list(LIST, ("10.216.0.0/20", "0.0.0.0/0"), None)
        with pytest.raises(LeverFailed, match=r"0\.0\.0\.0/0"):
            await face.put(second, "checkout")
        assert face.links()[0] == {"ix-b"}
        await face.put(PrefixListPin(flow=CHECKOUT), "checkout")
        assert not face.network.prefix_list_references(TABLE)

    play(tell)


@each_face
@pytest.mark.parametrize("cloud", list(Cloud))
def test_a_look_tells_a_session_that_is_up_from_one_that_is_down(play: Callable[[Tell], None], cloud: Cloud) -> None:
    async def tell(face: Face) -> None:
        async def session() -> set[Health]:
            return {one.health for one in (await face.lookers[cloud].look(("ix-a",))).claims if one.aspect is Aspect.BGP}

        assert await session() == {Health.UP}
        face.network.cut("ix-a")
        await face.later(200)
        assert await session() == {Health.DOWN}

    play(tell)
