"""Capacity, MTU, asymmetry and determinism."""

from dataclasses import replace

import pytest

from pointsman.testing.network.blueprint import Side
from pointsman.testing.network.model import Network
from pointsman.testing.network.views import Broken
from tests.twin.networks import AWS, GBPS, GCP, IX_B, TABLE, VIF_A, blueprint, network, only, preferring_a


def test_an_overloaded_link_loses_the_excess_for_every_flow_alike() -> None:
    net = preferring_a()
    net.cut("ix-a")
    net.advance(5)
    assert net.utilisation("ix-b").to_gcp == pytest.approx(7 / 5)
    assert net.loss("checkout") == net.loss("training") == pytest.approx(2 / 7)
    assert net.reaches(AWS, GCP)


def test_traffic_that_never_reaches_a_link_does_not_load_it() -> None:
    net = preferring_a()
    net.set_static_route(TABLE, "10.217.0.0/16", IX_B)
    net.cut("ix-b")
    assert net.utilisation("ix-b").to_gcp == 0
    net.heal("ix-b")
    net.advance(20)
    assert net.utilisation("ix-b").to_gcp == pytest.approx(6 / 5)


def test_a_grey_link_is_still_loaded() -> None:
    net = preferring_a()
    net.blackhole("ix-a")
    assert net.utilisation("ix-a").to_gcp == pytest.approx(0.7)


def test_packets_too_big_for_a_link_do_not_arrive() -> None:
    net = only("vpn")
    assert net.path("checkout").carried
    assert net.path("training").to_gcp.broken == (Broken.MTU,)
    assert net.path_between("10.21.0.1", "10.217.0.1").carried
    assert net.path_between("10.21.0.1", "10.217.0.1", size=8000).to_aws.broken == (Broken.MTU,)


def test_loss_is_weighed_and_counted_over_time() -> None:
    net = preferring_a()
    net.degrade("ix-a", 0.25)
    net.advance(40)
    net.heal("ix-a")
    net.advance(100)
    assert net.lost_seconds()["checkout"] == pytest.approx(10)


def test_time_does_not_go_back() -> None:
    net = network()
    net.advance(100)
    net.advance(50)
    assert net.now == 100


def test_addresses_on_one_side_are_no_path() -> None:
    with pytest.raises(LookupError, match="same side"):
        network().path_between("10.20.0.1", "10.21.0.1")


def test_an_address_that_nobody_owns_is_a_lookup_error() -> None:
    with pytest.raises(LookupError, match=r"192\.0\.2\.1"):
        network().reaches("192.0.2.1", GCP)


def test_addresses_reach_one_way_each() -> None:
    net = preferring_a()
    net.blackhole("ix-a", towards=(Side.AWS,))
    assert net.reaches("10.20.0.1", "10.216.0.1")
    assert not net.reaches("10.216.0.1", "10.20.0.1")


def storm(seed: int) -> Network:
    net = network(seed=seed)
    net.cut("ix-a", silent=True)
    net.advance(100)
    net.heal("ix-a")
    net.cut("vpn")
    net.start_failover_test("dxvif-fh2b3c4d", 2)
    net.advance(300)
    net.heal("vpn")
    net.maintain("ix-b", 400, 500)
    net.router_restart("cr-aws-1")
    net.advance(2000)
    return net


def test_the_same_seed_gives_the_same_happenings_and_another_seed_other_ones() -> None:
    assert storm(3).happenings == storm(3).happenings
    assert [one.at for one in storm(3).happenings] != [one.at for one in storm(4).happenings]


def test_after_any_storm_everything_is_as_before() -> None:
    net = storm(5)
    assert net.path("training").to_gcp.links == {"ix-a": 0.5, "ix-b": 0.5}
    assert all(view.up for view in net.sessions())


def test_steps_of_time_do_not_change_what_happens() -> None:
    whole, steps = network(), network()
    for net, times in ((whole, [400]), (steps, range(401))):
        net.cut("ix-a", silent=True)
        net.start_failover_test("dxvif-fh2b3c4d", 3)
        for time in times:
            net.advance(time)
    assert whole.happenings == steps.happenings
    assert whole.lost_seconds() == pytest.approx(steps.lost_seconds())


def test_a_link_without_members_left_carries_nothing() -> None:
    net = only("ix-a")
    net.cut("ix-a", silent=True)
    assert net.utilisation("ix-a").to_gcp == 0
    assert net.path("checkout").to_gcp.broken == (Broken.LINK_CUT,)


def test_a_maintenance_inside_a_cut_ends_with_the_later_of_the_two() -> None:
    net = network()
    net.cut("ix-a")
    net.maintain("ix-a", 10, 50)
    net.advance(60)
    assert not net.virtual_interface(VIF_A).up
    net.heal("ix-a")
    net.advance(80)
    assert net.virtual_interface(VIF_A).up


def test_flows_of_several_prefixes_split_their_demand() -> None:
    plan = blueprint(ix_b=50)
    several = replace(plan.flow("checkout"), prefixes={Side.AWS: ("10.20.0.0/16",), Side.GCP: ("10.216.0.0/20", "10.217.0.0/16")})
    net = Network(replace(plan, flows=(several,)))
    net.set_static_route(TABLE, "10.217.0.0/16", IX_B)
    assert net.path("checkout").to_gcp.links == {"ix-a": 0.5, "ix-b": 0.5}
    assert net.utilisation("ix-b").to_gcp * 5 * GBPS == pytest.approx(0.5 * GBPS)
