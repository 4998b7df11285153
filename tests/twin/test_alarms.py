"""What the clouds announce of their own accord, and how late."""

import pytest

from pointsman.testing.network.blueprint import Side
from pointsman.testing.network.happenings import Happening, Kind
from pointsman.testing.network.model import Network
from tests.twin.networks import IX_B, ROUTER, TABLE, VIF_A, network, preferring_a


def told(net: Network, side: Side, kind: Kind) -> list[Happening]:
    return [one for one in net.happenings if one.side is side and one.kind is kind]


def alarms(net: Network, metric: str) -> list[Happening]:
    return [one for one in told(net, Side.AWS, Kind.ALARM) if one.details["metric"] == metric]


def test_direct_connect_bgp_is_announced_by_no_event_and_by_a_five_minute_metric_alone() -> None:
    net = network()
    net.cut("ix-a", silent=True)
    net.advance(299)
    assert not told(net, Side.AWS, Kind.SESSION_DOWN)
    assert not alarms(net, "VirtualInterfaceBgpStatus")
    net.advance(320)
    (alarm,) = alarms(net, "VirtualInterfaceBgpStatus")
    assert (alarm.details["name"], alarm.details["value"], alarm.member) == (f"xc-{VIF_A}-bgp", 0.0, "a1")
    assert 305 <= alarm.at <= 315


def test_a_flap_between_two_samples_is_never_alarmed() -> None:
    net = network()
    net.start_failover_test(VIF_A, 2)
    net.advance(1000)
    assert not alarms(net, "VirtualInterfaceBgpStatus")


def test_an_alarm_clears_when_the_metric_does() -> None:
    net = network()
    net.cut("ix-a")
    net.advance(320)
    net.heal("ix-a")
    net.advance(700)
    assert [one.details["bad"] for one in alarms(net, "VirtualInterfaceBgpStatus")] == [True, False]
    assert [one.details["bad"] for one in alarms(net, "ConnectionState")] == [True, False]


def test_a_managed_interconnect_sends_nothing_at_all() -> None:
    net = network()
    net.cut("mc")
    net.advance(290)
    assert not [one for one in net.happenings if one.link == "mc"]


def test_a_vpn_tunnel_is_announced_by_network_manager_with_ipsec_and_bgp_apart() -> None:
    net = network()
    net.cut_member("vpn", "t1")
    net.advance(60)
    kinds = [one.kind for one in net.happenings if one.side is Side.AWS and one.member == "t1"]
    assert {Kind.SESSION_DOWN, Kind.TUNNEL_DOWN} <= set(kinds)
    net.heal("vpn")
    net.advance(90)
    kinds = [one.kind for one in net.happenings if one.side is Side.AWS and one.member == "t1"]
    assert {Kind.SESSION_UP, Kind.TUNNEL_UP} <= set(kinds)


def test_a_probe_alarm_finds_a_grey_failure_within_a_minute() -> None:
    net = network()
    net.advance(100)
    net.blackhole("ix-a")
    net.advance(160)
    (alarm,) = alarms(net, "PacketLoss")
    assert (alarm.details["name"], alarm.details["value"], alarm.link) == ("probe-ix-a-aws-use1", 100.0, "ix-a")
    assert not told(net, Side.GCP, Kind.SESSION_DOWN)


def test_a_dead_pin_raises_the_black_hole_alarm() -> None:
    net = preferring_a()
    net.set_static_route(TABLE, "10.216.0.0/20", IX_B)
    net.cut("ix-b")
    net.advance(90)
    assert [one.details["bad"] for one in alarms(net, "RoutingDrops")] == [True]


def test_the_routers_log_says_why_a_session_went() -> None:
    net = network()
    net.cut("ix-a")
    net.cut("ix-b", silent=True)
    net.cut("vpn")
    net.advance(70)
    reasons = {one.member: one.details["reason"] for one in told(net, Side.GCP, Kind.SESSION_DOWN)}
    assert reasons["a1"] == "LINK_DOWN"
    assert reasons["b1"] == "CONFIG_DISABLED"
    assert reasons["t1"] == "HOLD_TIMER_EXPIRED"
    assert [one.member for one in told(net, Side.GCP, Kind.BFD_DOWN)] == ["b1"]


def test_a_restart_is_announced_before_its_excuse() -> None:
    net = network()
    net.router_restart(ROUTER)
    net.advance(100)
    downs = told(net, Side.GCP, Kind.SESSION_DOWN)
    assert {one.details["reason"] for one in downs} == {"BGP_PROCESS_STOPPED"}
    (excuse,) = told(net, Side.GCP, Kind.ROUTER_MAINTENANCE)
    assert 20 <= excuse.at - downs[0].at <= 60


def test_a_google_metric_is_a_sample_of_a_minute_seen_three_minutes_late() -> None:
    net = network()
    net.cut("ix-a")
    wanted = {"bgp/session_up", "interconnect/operational"}
    net.advance(239)
    assert not wanted & {one.details["metric"] for one in told(net, Side.GCP, Kind.INCIDENT)}
    net.advance(241)
    assert wanted <= {one.details["metric"] for one in told(net, Side.GCP, Kind.INCIDENT)}


def test_route_tables_that_change_are_announced_and_others_not() -> None:
    net = preferring_a()
    net.cut("vpn")
    net.advance(60)
    assert not told(net, Side.AWS, Kind.ROUTES_INSTALLED)
    net.cut("ix-a")
    net.advance(61)
    (installed,) = told(net, Side.AWS, Kind.ROUTES_INSTALLED)
    assert {route["prefix"] for route in installed.details["routes"]} == {"10.216.0.0/20", "10.217.0.0/16"}
    assert {one.details["prefix"] for one in told(net, Side.GCP, Kind.ROUTE_DELETED) if one.member == "a1"} == {
        "10.20.0.0/16",
        "10.21.0.0/16",
        "10.250.1.1/32",
    }


def test_every_api_write_is_recorded_with_who_made_it() -> None:
    net = network()
    net.set_static_route(TABLE, "10.216.0.0/20", IX_B, principal="pointsman-sweep")
    net.set_peer_priority(ROUTER, "aws-a", 120)
    net.note_call(Side.AWS, "ec2.ReplaceRoute", resource=TABLE, request={}, principal="an-operator")
    calls = [(one.side, one.details["action"], one.details["principal"]) for one in net.happenings if one.kind is Kind.API_CALL]
    assert calls == [
        (Side.AWS, "set_static_route", "pointsman-sweep"),
        (Side.GCP, "set_peer_priority", "operator"),
        (Side.AWS, "ec2.ReplaceRoute", "an-operator"),
    ]


@pytest.mark.parametrize("link", ["ix-a", "ix-b", "mc", "vpn"])
def test_happenings_are_numbered_and_in_order_of_time(link: str) -> None:
    net = network()
    net.cut(link)
    net.advance(400)
    assert [one.number for one in net.happenings] == list(range(len(net.happenings)))
    assert [one.at for one in net.happenings] == sorted(one.at for one in net.happenings)
