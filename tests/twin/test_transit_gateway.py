"""The rules of a Transit Gateway's route tables, seen in traffic."""

import pytest

from pointsman.testing.network.blueprint import Side
from pointsman.testing.network.model import Network
from pointsman.testing.network.policies import Act, Action, Direction, Match, Term
from pointsman.testing.network.views import Broken, Refusal, TransitRoute
from tests.twin.networks import AWS, GCP, IX_A, IX_B, LIST, MANAGED, ROUTER, TABLE, VIF_A, VPN_1, network, only, preferring_a

CHECKOUT, TRAINING = "10.216.0.0/20", "10.217.0.0/16"


def found(net: Network, destination: str) -> TransitRoute:
    route = net.transit_lookup(TABLE, destination)
    assert route is not None
    return route


def test_a_pin_moves_its_traffic_one_way_and_leaves_the_return_path_to_google() -> None:
    net = preferring_a()
    net.set_static_route(TABLE, CHECKOUT, IX_B)
    path = net.path("checkout")
    assert path.to_gcp.links == {"ix-b": 1.0}
    assert path.to_aws.links == {"ix-a": 1.0}
    assert path.carried
    assert not path.symmetric
    assert net.path("training").to_gcp.links == {"ix-a": 1.0}


def test_a_pin_beats_bgp_so_one_to_a_dead_attachment_black_holes() -> None:
    net = preferring_a()
    net.set_static_route(TABLE, CHECKOUT, IX_B)
    net.cut("ix-b")
    net.advance(30)
    assert found(net, CHECKOUT).state == "active"
    assert net.path("checkout").to_gcp.broken == (Broken.DEAD_PIN,)
    assert net.path("training").carried
    net.set_static_route(TABLE, CHECKOUT, None)
    assert net.path("checkout").to_gcp.links == {"ix-a": 1.0}


def test_a_black_hole_route_drops_everything_it_covers() -> None:
    net = network()
    net.set_static_route(TABLE, CHECKOUT, None, blackhole=True)
    assert net.path("checkout").to_gcp.broken == (Broken.BLACKHOLE_ROUTE,)
    assert found(net, "10.216.3.4").state == "blackhole"


def test_a_prefix_list_reference_moves_all_its_cidrs_in_one_call() -> None:
    net = preferring_a()
    net.set_prefix_list(LIST, (CHECKOUT, TRAINING), 1)
    net.set_prefix_list_reference(TABLE, LIST, IX_B)
    assert net.path("checkout").to_gcp.links == net.path("training").to_gcp.links == {"ix-b": 1.0}
    assert net.prefix_list_references(TABLE) == {LIST: IX_B}
    net.set_prefix_list_reference(TABLE, LIST, None)
    assert net.path("checkout").to_gcp.links == {"ix-a": 1.0}


def test_a_static_route_beats_a_prefix_list_reference_of_the_same_prefix() -> None:
    net = network()
    net.set_prefix_list_reference(TABLE, LIST, IX_B)
    net.set_static_route(TABLE, CHECKOUT, IX_A)
    assert net.path("checkout").to_gcp.links == {"ix-a": 1.0}
    assert found(net, CHECKOUT).origin == "static"


def test_a_longer_propagated_prefix_beats_a_shorter_pin() -> None:
    net = preferring_a()
    net.set_static_route(TABLE, "10.216.0.0/15", IX_B)
    assert net.path("checkout").to_gcp.links == {"ix-a": 1.0}


def test_a_more_specific_pin_takes_its_share_of_the_addresses() -> None:
    net = preferring_a()
    net.set_static_route(TABLE, "10.216.8.0/21", IX_B)
    assert net.path("checkout").to_gcp.links == {"ix-a": 0.5, "ix-b": 0.5}
    assert net.path_between("10.20.0.1", "10.216.9.1").to_gcp.links == {"ix-b": 1.0}


def test_a_stale_prefix_list_version_is_refused() -> None:
    net = network()
    assert net.set_prefix_list(LIST, (CHECKOUT,), 1).version == 2
    with pytest.raises(Refusal, match="version 2"):
        net.set_prefix_list(LIST, (), 1)
    assert net.prefix_list(LIST).cidrs == (CHECKOUT,)


def test_direct_connect_beats_vpn_whatever_the_path_attributes() -> None:
    net = network()
    long_path = Action(act=Act.PREPEND, as_path=(16550,) * 10)
    for link in ("a", "b"):
        net.put_route_policy(ROUTER, f"to-{link}", Direction.EXPORT, [Term(priority=1, actions=(long_path,))])
        net.attach_policies(ROUTER, f"aws-{link}", (), (f"to-{link}",))
    net.set_transport_routes("projects/weft-prod-1/locations/us-east4/transports/mc-1", ())
    assert set(net.path("checkout").to_gcp.links) == {"ix-a", "ix-b"}


def test_a_longer_as_path_loses_inside_one_attachment_type_and_comes_before_med() -> None:
    net = network(ix_a=500)
    assert net.path("training").to_gcp.links == {"ix-b": 1.0}
    net.put_route_policy(ROUTER, "to-b", Direction.EXPORT, [Term(priority=1, actions=(Action(act=Act.PREPEND, as_path=(16550,)),))])
    net.attach_policies(ROUTER, "aws-b", (), ("to-b",))
    assert net.path("training").to_gcp.links == {"ix-a": 1.0}


def test_a_managed_interconnect_is_a_direct_connect_gateway_attachment() -> None:
    net = only("mc", "vpn")
    assert net.path("checkout").to_gcp.links == {"mc": 1.0}
    assert found(net, CHECKOUT).attachments == (MANAGED,)


def test_a_vpn_link_shares_over_its_attachments_and_their_tunnels() -> None:
    shares = only("vpn").path("checkout").to_gcp.shares
    assert {one.member: one.share for one in shares} == dict.fromkeys(("t1", "t2", "t3", "t4"), 0.25)


def test_a_pin_towards_one_attachment_loses_the_sharing_over_both() -> None:
    net = only("vpn")
    net.set_static_route(TABLE, CHECKOUT, VPN_1)
    assert {one.member for one in net.path("checkout").to_gcp.shares} == {"t1", "t2"}


def test_allowed_prefixes_are_what_google_learns_whatever_exists() -> None:
    net = preferring_a()
    net.set_allowed_prefixes("assoc-a", ("10.20.0.0/15",))
    assert [route.prefix for route in net.peer(ROUTER, "aws-a").learned] == ["10.20.0.0/15"]
    assert net.path("checkout").to_aws.links == {"ix-b": 1.0}
    assert net.path("checkout").to_gcp.links == {"ix-a": 1.0}
    net.set_allowed_prefixes("assoc-a", ())
    assert net.allowed_prefixes("assoc-a") == ()


def test_a_failover_test_withdraws_at_once_on_both_ends_and_ends_by_itself() -> None:
    net = preferring_a()
    test = net.start_failover_test(VIF_A, 10, principal="pointsman")
    assert not net.virtual_interface(VIF_A).up
    assert net.session("ix-a", "a1", Side.GCP).reason == "NOTIFICATION_RECEIVED"
    assert net.path("training").to_gcp.links == net.path("training").to_aws.links == {"ix-b": 1.0}
    assert net.path("training").carried
    net.advance(599)
    assert not net.virtual_interface(VIF_A).up
    net.advance(620)
    assert net.virtual_interface(VIF_A).up
    assert net.failover_tests(VIF_A)[0].ended == test.until == 600


def test_a_failover_test_can_be_stopped_and_never_runs_twice_at_once() -> None:
    net = network()
    net.start_failover_test(VIF_A, 60)
    with pytest.raises(Refusal, match="in progress"):
        net.start_failover_test(VIF_A, 60)
    net.advance(30)
    net.stop_failover_test(VIF_A)
    with pytest.raises(Refusal, match="no failover test"):
        net.stop_failover_test(VIF_A)
    net.advance(60)
    assert net.virtual_interface(VIF_A).up
    net.start_failover_test(VIF_A, 60)
    net.advance(3601)
    assert net.failover_tests(VIF_A)[0].ended is None


def test_a_failover_test_of_a_managed_interconnect_goes_by_its_own_id() -> None:
    net = only("mc", "vpn")
    net.start_failover_test("mcc-1a2b3c4d", 5)
    assert net.path("checkout").to_gcp.links == {"vpn": 1.0}


def test_no_route_at_all_is_said() -> None:
    net = only("ix-a")
    net.start_failover_test(VIF_A, 5)
    path = net.path("checkout")
    assert path.to_gcp.broken == path.to_aws.broken == (Broken.NO_ROUTE,)
    assert not net.reaches(AWS, GCP)


def test_a_policy_that_matches_one_prefix_moves_one_flow() -> None:
    net = preferring_a()
    drop = Term(priority=1, matches=(Match(prefix=CHECKOUT),), actions=(Action(act=Act.DROP),))
    net.put_route_policy(ROUTER, "to-a", Direction.EXPORT, [drop])
    net.attach_policies(ROUTER, "aws-a", (), ("to-a",))
    assert net.path("checkout").to_gcp.links == {"ix-b": 1.0}
    assert net.path("training").to_gcp.links == {"ix-a": 1.0}


def test_an_attachment_or_table_that_does_not_exist_is_refused() -> None:
    net = network()
    with pytest.raises(LookupError):
        net.set_static_route(TABLE, CHECKOUT, "tgw-attach-none")
    with pytest.raises(LookupError):
        net.set_static_route("tgw-rtb-none", CHECKOUT, IX_A)
