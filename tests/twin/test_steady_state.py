import pytest

from pointsman.testing.network.blueprint import Side
from tests.twin.networks import AWS, GCP, ROUTER, TABLE, network, preferring_a


def test_every_session_is_up_and_every_site_reaches_the_other() -> None:
    net = network()
    assert all(view.up for view in net.sessions())
    assert net.reaches(AWS, GCP)
    assert net.reaches(GCP, AWS)
    net.advance(3600)
    assert not net.happenings


def test_equal_interconnects_share_a_flow_both_ways() -> None:
    path = network().path("training")
    assert path.to_gcp.links == {"ix-a": 0.5, "ix-b": 0.5}
    assert path.to_aws.links == {"ix-a": 0.5, "ix-b": 0.5}
    assert path.symmetric
    assert path.carried


def test_a_native_preference_takes_all_of_it() -> None:
    path = preferring_a().path("training")
    assert path.to_gcp.links == path.to_aws.links == {"ix-a": 1.0}


def test_utilisation_is_offered_traffic_over_capacity_each_way() -> None:
    used = preferring_a().utilisation("ix-a")
    assert used.to_gcp == used.to_aws == 0.7


def test_each_end_accepts_the_flows_and_the_probe_of_the_other() -> None:
    view = network().session("ix-a", "a1", Side.AWS)
    assert (view.accepted, view.advertised) == (3, 3)


def test_a_transit_gateway_shows_only_the_preferred_route() -> None:
    routes = {route.prefix: route for route in network().transit_routes(TABLE)}
    assert len(routes["10.216.0.0/20"].attachments) == 2
    assert all("vpn" not in attachment for attachment in routes["10.216.0.0/20"].attachments)
    assert len(network().learned_by_aws("vpn")) == 8


def test_a_cloud_router_gives_its_best_routes_with_all_equal_next_hops() -> None:
    best = {route.prefix: route for route in network().best_routes(ROUTER)}
    assert {hop.link for hop in best["10.20.0.0/16"].next_hops} == {"ix-a", "ix-b"}
    assert best["10.250.1.1/32"].next_hops[0].link == "ix-a"


def test_a_probe_is_routed_over_its_own_link_only() -> None:
    net = network()
    assert net.probe("ix-a", AWS).loss == 0
    assert net.path_between("10.250.1.1", "10.251.1.1").to_gcp.links == {"ix-a": 1.0}
    assert (net.probe("ix-a", AWS).rtt, net.probe("vpn", AWS).rtt) == (0.004, 0.024)


@pytest.mark.parametrize("read", ["path", "cut", "peers", "transit_routes", "virtual_interface", "connection_up", "tunnel"])
def test_names_that_do_not_exist_are_lookup_errors(read: str) -> None:
    with pytest.raises(LookupError, match="no-such-thing"):
        getattr(network(), read)("no-such-thing")
