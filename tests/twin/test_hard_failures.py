from dataclasses import replace

import pytest

from pointsman.testing.network.alone import bgp_alone
from pointsman.testing.network.blueprint import Blueprint, Side, Timers
from pointsman.testing.network.happenings import Kind
from pointsman.testing.network.views import Broken
from tests.twin.networks import AWS, GBPS, GCP, ROUTER, VIF_A, blueprint, network, only, preferring_a, timed

SEEDS = range(40)


def losses(link: str, plan: Blueprint) -> list[float]:
    light = replace(plan, flows=tuple(replace(flow, demand=GBPS) for flow in plan.flows))
    return [bgp_alone(light, lambda net: net.cut(link, silent=True), seed=seed)["checkout"] for seed in SEEDS]


def test_a_silent_cut_is_a_black_hole_until_the_hold_timer_counted_from_the_last_keepalive() -> None:
    found = losses("ix-a", blueprint(ix_b=50))
    assert all(40 <= seconds <= 60 for seconds in found)
    assert min(found) < 50 < max(found)


def test_shorter_timers_shorten_the_hole() -> None:
    found = losses("ix-a", timed("ix-a", Timers(hold=30, keepalive=10)))
    assert all(20 <= seconds <= 30 for seconds in found)


def test_bfd_finds_a_silent_cut_within_its_interval_times_multiplier() -> None:
    assert all(4 <= seconds <= 5 for seconds in losses("ix-b", blueprint(ix_a=500)))


def test_lost_light_is_acted_on_at_once() -> None:
    net = preferring_a()
    net.cut("ix-a")
    assert not net.reaches(AWS, GCP)
    net.advance(1)
    assert net.path("training").to_gcp.links == net.path("training").to_aws.links == {"ix-b": 1.0}
    assert net.session("ix-a", "a1", Side.GCP).reason == "LINK_DOWN"
    assert net.lost_seconds()["checkout"] < 0.6


def test_one_end_may_see_the_light_go_while_the_other_waits_for_its_hold_timer() -> None:
    net = preferring_a()
    net.cut("ix-a", seen_by=(Side.GCP,))
    net.advance(10)
    path = net.path("checkout")
    assert path.to_aws.arrives
    assert path.to_gcp.broken == (Broken.LINK_CUT,)
    assert not path.symmetric
    net.advance(61)
    assert net.path("checkout").carried


def test_both_directions_move_at_their_own_time() -> None:
    net = preferring_a()
    net.cut("ix-a", silent=True)
    moved: dict[Side, int] = {}
    for second in range(62):
        net.advance(second)
        for side, way in ((Side.GCP, net.path("checkout").to_gcp), (Side.AWS, net.path("checkout").to_aws)):
            if way.arrives:
                moved.setdefault(side, second)
    assert moved.keys() == {Side.GCP, Side.AWS}
    assert moved[Side.GCP] != moved[Side.AWS]


def test_a_cut_shorter_than_every_timer_drops_no_session() -> None:
    net = preferring_a()
    net.cut("ix-a", silent=True)
    net.advance(20)
    net.heal("ix-a")
    net.advance(200)
    assert net.session("ix-a", "a1", Side.GCP).since == 0
    assert net.path("checkout").carried
    assert net.lost_seconds()["checkout"] == pytest.approx(20)


def test_a_healed_link_gets_its_sessions_and_its_traffic_back() -> None:
    net = preferring_a()
    net.cut("ix-a")
    net.advance(30)
    net.heal("ix-a")
    assert not net.session("ix-a", "a1", Side.AWS).up
    net.advance(60)
    assert net.session("ix-a", "a1", Side.AWS).up
    assert net.path("training").to_gcp.links == {"ix-a": 1.0}


def test_a_session_that_one_end_never_lost_is_reset_when_it_comes_back() -> None:
    net = preferring_a()
    net.cut("ix-a", seen_by=(Side.AWS,))
    net.advance(10)
    assert net.session("ix-a", "a1", Side.GCP).up
    net.heal("ix-a")
    net.advance(30)
    views = [net.session("ix-a", "a1", side) for side in Side]
    assert all(view.up and view.since > 10 for view in views)


def test_a_link_with_a_member_left_goes_on_with_that_members_capacity() -> None:
    net = only("vpn")
    net.cut_member("vpn", "t1", silent=True)
    net.advance(40)
    assert net.path("checkout").carried
    assert {one.member for one in net.path("checkout").to_gcp.shares} == {"t2", "t3", "t4"}
    assert net.utilisation("vpn").to_gcp == pytest.approx(1 / 3.75)


def test_the_attachment_with_one_tunnel_left_still_gets_its_half() -> None:
    net = only("vpn")
    net.cut_member("vpn", "t1")
    net.advance(40)
    shares = {one.member: one.share for one in net.path("checkout").to_gcp.shares}
    assert shares == {"t2": 0.5, "t3": 0.25, "t4": 0.25}


def test_a_tunnel_is_down_by_dead_peer_detection_and_has_new_keys_after_the_path_is_back() -> None:
    net = network()
    net.cut_member("vpn", "t1")
    net.advance(40)
    assert not net.tunnel("vpn-0b2c3d4e5f6071829:35.84.102.207").up
    assert not net.tunnel(f"{GCP}/ha-t1").up
    assert net.tunnel(f"{GCP}/ha-t2").up
    net.heal("vpn")
    net.advance(70)
    assert net.tunnel(f"{GCP}/ha-t1").up
    assert net.tunnel(f"{GCP}/ha-t1").session.up


def test_a_silent_cut_leaves_the_light_on_and_a_plain_one_does_not() -> None:
    for silent, light in ((True, True), (False, False)):
        net = network()
        net.cut("ix-a", silent=silent)
        net.cut("mc", silent=silent)
        net.advance(5)
        states = (net.connection_up("dxcon-fgv0etma"), net.vlan_up(f"{GCP}/vlan-a"), net.connection_up("mcc-1a2b3c4d"))
        assert states == (light, light, light)
        assert net.transport_up("projects/weft-prod-1/locations/us-east4/transports/mc-1") is light


def test_maintenance_is_announced_before_and_takes_the_link_away_for_its_window() -> None:
    net = preferring_a()
    net.maintain("ix-a", 100, 200)
    assert net.maintenance("ix-a") == ((100, 200),)
    assert [one.kind for one in net.happenings] == [Kind.MAINTENANCE_ANNOUNCED] * 2
    net.advance(99)
    assert net.path("training").to_gcp.links == {"ix-a": 1.0}
    net.advance(102)
    assert net.path("training").to_gcp.links == {"ix-b": 1.0}
    net.advance(230)
    assert net.path("training").to_gcp.links == {"ix-a": 1.0}
    assert net.maintenance("ix-a") == ()


def test_a_router_restart_drops_sessions_and_forwards_on_under_graceful_restart() -> None:
    net = preferring_a()
    net.router_restart(ROUTER)
    views = [net.session("ix-a", "a1", side) for side in Side]
    assert all(not view.up and view.stale for view in views)
    assert net.path("training").to_gcp.links == {"ix-a": 1.0}
    assert net.session("ix-b", "b1", Side.GCP).accepted == 0
    net.advance(120)
    assert all(view.up for view in net.sessions())
    assert net.lost_seconds()["training"] == 0
    assert Kind.ROUTER_MAINTENANCE in {one.kind for one in net.happenings}


def test_stale_routes_go_when_the_restart_takes_longer_than_the_grace() -> None:
    net = preferring_a()
    net.router_restart(ROUTER, takes=500)
    net.advance(119)
    assert net.path("checkout").carried
    net.advance(121)
    assert net.session("ix-a", "a1", Side.AWS).accepted == 0


def test_a_tunnel_comes_back_though_its_router_restarts_before_it_has_keys() -> None:
    net = network()
    net.cut("vpn", silent=True)
    net.advance(40)
    assert not net.tunnel_up("vpn-0b2c3d4e5f6071829:35.84.102.207")
    net.heal("vpn")
    net.router_restart(ROUTER)
    net.advance(200)
    assert net.probe("vpn", AWS).loss == 0


def test_the_virtual_interface_and_the_session_are_one() -> None:
    net = network()
    net.cut("ix-a")
    net.advance(1)
    assert not net.virtual_interface(VIF_A).up


def test_healing_ends_neither_a_maintenance_nor_a_failover_test() -> None:
    net = network()
    net.start_failover_test(VIF_A, 10)
    net.maintain("ix-b", 10, 500)
    net.advance(20)
    for link in ("ix-a", "ix-b"):
        net.cut(link)
        net.heal(link)
    net.advance(100)
    assert net.path("checkout").to_gcp.links.keys() == {"mc"}
    net.advance(700)
    assert net.path("checkout").to_gcp.links == {"ix-a": 0.5, "ix-b": 0.5}
