"""One look at the AWS ends of links: what it claims, what it leaves unknown, and what it costs."""

import asyncio
import contextlib
import threading
from datetime import timedelta
from typing import cast

import pytest

from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.aws.failover_test import FailoverTestLever
from pointsman.adapters.aws.looker import HISTORY_LIMIT, AwsLooker
from pointsman.core.errors import Transient
from pointsman.core.evidence import BACK_WITHIN
from pointsman.core.fabric import AwsMember, Fabric, LinkName, Member, MemberId
from pointsman.core.members import index
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.core.values import replace
from pointsman.testing.aws import world
from pointsman.testing.blueprint import blueprint
from pointsman.testing.faces.faults import FaultKind
from pointsman.testing.network.model import Network
from tests.aws.conftest import REGION, Cloud, run
from tests.twin.networks import VIF_A, VIF_B

ALL = ("ix-a", "ix-b", "mc", "vpn")
TUNNEL = "vpn-0b2c3d4e5f6071829:35.84.102.207"
MANAGED = "mcc-1a2b3c4d"
PORT_A = "dxcon-fgv0etma"


def look(cloud: Cloud, *links: str) -> dict[tuple[str, Aspect], Sighting]:
    looker = AwsLooker(cloud.fabric, cloud.clients, cloud.clock)
    found = run(looker.look(links or ALL)).claims
    told = {(one.member, one.aspect): one for one in found}
    assert len(told) == len(found), "one claim a row"
    return told


def healths(cloud: Cloud, *links: str) -> dict[tuple[str, Aspect], Health]:
    return {key: one.health for key, one in look(cloud, *links).items()}


def test_in_steady_state_everything_is_up(cloud: Cloud) -> None:
    found = look(cloud)
    assert {one.health for one in found.values()} == {Health.UP}
    assert {(one.vantage, one.source, one.seen_at) for one in found.values()} == {(Vantage.AWS, Source.LOOK, cloud.clock.now())}
    assert len(found) == 2 + 2 + 1 + 8


def test_every_key_is_one_that_the_fabric_knows(cloud: Cloud) -> None:
    known = index(cloud.fabric)
    assert all(member in known for member, _ in look(cloud))


def test_a_dead_session_is_down_once_bgp_has_noticed(cloud: Cloud) -> None:
    cloud.network.cut("ix-a", silent=True)
    cloud.later(seconds=1)
    assert healths(cloud)[VIF_A, Aspect.BGP] is Health.UP
    cloud.later(seconds=70)
    found = look(cloud)
    assert found[VIF_A, Aspect.BGP].health is Health.DOWN
    assert found[VIF_A, Aspect.BGP].cause is Cause.SESSION_DOWN
    assert found[VIF_B, Aspect.BGP].health is Health.UP


def test_a_dark_port_is_down_by_itself(cloud: Cloud) -> None:
    cloud.network.cut("ix-a")
    cloud.later(seconds=2)
    assert look(cloud)[PORT_A, Aspect.LINK].cause is Cause.NOT_OPERATIONAL


def test_a_grey_failure_is_invisible_from_here(cloud: Cloud) -> None:
    cloud.network.blackhole("ix-a")
    cloud.later(minutes=5)
    assert set(healths(cloud).values()) == {Health.UP}


def test_a_failover_test_is_a_drain_and_not_an_outage(cloud: Cloud, operator: Clients) -> None:
    operator.direct_connect(REGION).start_bgp_failover_test(virtualInterfaceId=VIF_A, testDurationInMinutes=10)
    cloud.later(seconds=5)
    found = look(cloud)[VIF_A, Aspect.BGP]
    assert (found.health, found.cause) == (Health.DRAINING, Cause.FAILOVER_TEST)


def test_a_session_that_is_still_away_after_a_failover_test_is_told_so_for_two_minutes(cloud: Cloud, operator: Clients) -> None:
    operator.direct_connect(REGION).start_bgp_failover_test(virtualInterfaceId=VIF_A, testDurationInMinutes=10)
    cloud.later(minutes=1)
    cloud.network.cut("ix-a", silent=True)
    operator.direct_connect(REGION).stop_bgp_failover_test(virtualInterfaceId=VIF_A)
    for after, cause in ((5, Cause.FAILOVER_TEST), (BACK_WITHIN.total_seconds(), Cause.SESSION_DOWN)):
        cloud.later(seconds=after)
        found = look(cloud)[VIF_A, Aspect.BGP]
        assert (found.health, found.cause) == (Health.DOWN, cause)


def test_a_look_beside_a_lever_that_has_asked_asks_nobody_again(cloud: Cloud) -> None:
    cloud.network.cut("ix-a")
    cloud.later(minutes=2)
    lever = FailoverTestLever(cloud.fabric, cloud.clients, cloud.clock, lambda: 0.5)

    async def both() -> None:
        await asyncio.gather(lever.observe("ix-a"), AwsLooker(cloud.fabric, cloud.clients, cloud.clock).look(("ix-a",)))

    run(both())
    assert cloud.asked.count("ListVirtualInterfaceTestHistory") == 1
    look(cloud)
    assert cloud.asked.count("ListVirtualInterfaceTestHistory") == 2, "what another call was told long ago is asked for anew"


@pytest.mark.parametrize("fault", [FaultKind.THROTTLED, FaultKind.DENIED, FaultKind.SLOW])
def test_a_lost_session_is_told_of_though_its_failover_tests_cannot_be_read(cloud: Cloud, fault: FaultKind) -> None:
    cloud.network.cut("ix-a")
    cloud.later(minutes=2)
    cloud.fails("ListVirtualInterfaceTestHistory", fault, seconds=HISTORY_LIMIT.total_seconds() + 1)
    assert look(cloud)[VIF_A, Aspect.BGP].cause is Cause.SESSION_DOWN


def test_a_tunnel_says_whether_ipsec_or_only_the_session_is_down(cloud: Cloud) -> None:
    cloud.network.cut_member("vpn", "t1")
    cloud.later(minutes=2)
    found = look(cloud)
    assert found[TUNNEL, Aspect.IPSEC].health is Health.DOWN
    assert found[TUNNEL, Aspect.BGP].health is Health.DOWN
    other = found["vpn-0b2c3d4e5f6071829:35.161.41.136", Aspect.BGP]
    assert (other.health, other.value) == (Health.UP, 2.0)


def test_a_session_that_is_down_inside_a_living_tunnel_leaves_ipsec_up(cloud: Cloud) -> None:
    router = cloud.network.blueprint.sites[1].router
    assert router is not None
    cloud.network.set_peer_enabled(router.name, "aws-vpn-1", enabled=False)
    cloud.later(minutes=1)
    found = look(cloud)
    assert (found[TUNNEL, Aspect.IPSEC].health, found[TUNNEL, Aspect.BGP].health) == (Health.UP, Health.DOWN)


def test_an_interconnect_speaks_of_the_link_alone(cloud: Cloud) -> None:
    assert [aspect for member, aspect in look(cloud, "mc") if member == MANAGED] == [Aspect.LINK]
    cloud.network.cut("mc")
    cloud.later(seconds=5)
    assert healths(cloud, "mc") == {(MANAGED, Aspect.LINK): Health.DOWN}


def test_one_call_an_api_whatever_the_number_of_members(cloud: Cloud) -> None:
    look(cloud)
    assert sorted(cloud.asked) == ["DescribeConnections", "DescribeVirtualInterfaces", "DescribeVpnConnections", "ListConnections"]


def test_only_what_the_links_need_is_asked(cloud: Cloud) -> None:
    look(cloud, "vpn")
    assert cloud.asked == ("DescribeVpnConnections",)


@pytest.mark.parametrize("kind", [FaultKind.DENIED, FaultKind.UNANSWERED, FaultKind.BROKEN])
def test_what_cannot_be_read_is_unknown_and_the_rest_is_told(cloud: Cloud, kind: FaultKind) -> None:
    cloud.network.cut("ix-a")
    cloud.later(minutes=5)
    cloud.fails("DescribeVirtualInterfaces", kind)
    found = healths(cloud)
    assert found[VIF_A, Aspect.BGP] is found[VIF_B, Aspect.BGP] is Health.UNKNOWN
    assert found[PORT_A, Aspect.LINK] is Health.DOWN
    assert found[TUNNEL, Aspect.BGP] is Health.UP


FEEDS = ("DescribeVirtualInterfaces", "DescribeConnections", "DescribeVpnConnections", "ListConnections")


@pytest.mark.parametrize("operation", FEEDS)
def test_a_throttled_feed_leaves_its_members_unseen_and_the_rest_is_told(cloud: Cloud, operation: str) -> None:
    everything = {one.member for one in look(cloud).values()}
    cloud.fails(operation, FaultKind.THROTTLED)
    found = run(AwsLooker(cloud.fabric, cloud.clients, cloud.clock).look(ALL))
    told = {one.member for one in found.claims}
    assert found.unseen
    assert told | set(found.unseen) == everything
    assert not told & set(found.unseen)
    assert {one.health for one in found.claims} == {Health.UP}


def test_a_session_that_went_down_is_told_while_ec2_throttles(cloud: Cloud) -> None:
    cloud.network.cut("ix-a")
    cloud.later(minutes=5)
    cloud.fails("DescribeVpnConnections", FaultKind.THROTTLED)
    found = run(AwsLooker(cloud.fabric, cloud.clients, cloud.clock).look(ALL))
    assert {one.member for one in found.claims if one.health is Health.DOWN} == {VIF_A, PORT_A}
    assert TUNNEL in found.unseen


def test_a_tunnel_that_went_down_is_told_while_direct_connect_throttles(cloud: Cloud) -> None:
    cloud.network.cut_member("vpn", "t1")
    cloud.later(minutes=2)
    for operation in FEEDS[:2]:
        cloud.fails(operation, FaultKind.THROTTLED)
    found = run(AwsLooker(cloud.fabric, cloud.clients, cloud.clock).look(ALL))
    assert {one.member for one in found.claims if one.health is Health.DOWN} == {TUNNEL}
    assert {VIF_A, VIF_B, PORT_A} <= set(found.unseen)


def test_a_look_that_is_throttled_everywhere_is_transient_with_a_pause(cloud: Cloud) -> None:
    for operation in FEEDS:
        cloud.fails(operation, FaultKind.THROTTLED)
    with pytest.raises(Transient, match=FEEDS[0]) as told:
        look(cloud)
    assert told.value.retry_after == timedelta(seconds=5)


def test_lists_of_many_pages_are_read_to_their_end(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "PAGE", 1)
    assert set(healths(cloud, "ix-a", "ix-b", "mc").values()) == {Health.UP}
    assert cloud.asked.count("DescribeVirtualInterfaces") == 2


def test_a_tunnels_ipv6_address_is_found_however_aws_spells_it(cloud: Cloud) -> None:
    def spelled(address: str) -> Fabric:
        link = cloud.fabric.link("vpn")
        first = replace(link.members[0], aws=replace(link.members[0].aws, outside_ip=address))
        changed = replace(link, members=(first, *link.members[1:]))
        return replace(cloud.fabric, links=tuple(changed if one.name == "vpn" else one for one in cloud.fabric.links))

    cloud.face.restart(Network(blueprint(spelled("2001:DB8:0:0:0:0:0:7"))), cloud.time)
    found = run(AwsLooker(spelled("2001:db8::7"), cloud.clients, cloud.clock).look(["vpn"])).claims
    assert {one.health for one in found if one.member == "vpn-0b2c3d4e5f6071829:2001:db8::7"} == {Health.UP}


def test_what_aws_does_not_list_is_unknown_and_never_down(cloud: Cloud) -> None:
    gone = Member(id=MemberId("a9"), aws=AwsMember(virtual_interface="dxvif-gone0000", connection="dxcon-gone0000"))
    tunnel = Member(id=MemberId("t9"), aws=AwsMember(vpn="vpn-0999999999999999f", outside_ip="203.0.113.9"))
    link = replace(cloud.fabric.links[0], name=LinkName("ghost"), members=(gone, tunnel))
    asking = replace(cloud.fabric, links=(*cloud.fabric.links, link))
    found = run(AwsLooker(asking, cloud.clients, cloud.clock).look(["ghost"])).claims
    assert {one.health for one in found} == {Health.UNKNOWN}
    assert len(found) == 4


class Hanging:
    """A VPN interface that keeps every call until it is let go, and counts how many wait at once."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.entered = self.waiting = self.most = 0
        self._lock = threading.Lock()

    def ec2(self, region: str) -> "Hanging":
        assert region == REGION
        return self

    def describe_vpn_connections(self, **_: object) -> dict[str, object]:
        with self._lock:
            self.entered, self.waiting = self.entered + 1, self.waiting + 1
            self.most = max(self.most, self.waiting)
        assert self.go.wait(10)
        with self._lock:
            self.waiting -= 1
        return {"VpnConnections": []}


def test_a_look_that_was_given_up_is_out_of_the_way_before_the_next_asks_the_same(cloud: Cloud) -> None:
    hanging = Hanging()
    looker = AwsLooker(cloud.fabric, cast("Clients", hanging), cloud.clock)

    async def several() -> int:
        for _ in range(3):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(looker.look(("vpn",)), 0.1)
        hanging.go.set()
        return len((await looker.look(("vpn",))).claims)

    assert run(several()) == 8, "and that one is answered"
    assert (hanging.most, hanging.entered) == (1, 2)
