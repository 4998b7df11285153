"""The rules of a Cloud Router, seen in traffic."""

import pytest

from pointsman.core.fabric import BestPath
from pointsman.testing.blueprint import blueprint
from pointsman.testing.network.blueprint import Side
from pointsman.testing.network.model import Network
from pointsman.testing.network.policies import Act, Action, Direction, Match, Term
from pointsman.testing.network.views import Broken, Refusal
from tests.twin.networks import GCP, ROUTER, network, only, preferring_a, reference

MED = Action(act=Act.MED_SET, value=30_000)
PREPEND = Action(act=Act.PREPEND, as_path=(64512,) * 3)
DROP = Action(act=Act.DROP)


def imports(net: Network, link: str, *terms: Term) -> None:
    net.put_route_policy(ROUTER, f"from-{link}", Direction.IMPORT, terms)
    net.attach_policies(ROUTER, f"aws-{link}", (f"from-{link}",), ())


def term(*actions: Action, priority: int = 1, matches: tuple[Match, ...] = ()) -> Term:
    return Term(priority=priority, actions=actions, matches=matches)


def test_an_import_med_moves_google_to_aws_alone() -> None:
    net = preferring_a()
    imports(net, "a", term(MED))
    path = net.path("training")
    assert path.to_aws.links == {"ix-b": 1.0}
    assert path.to_gcp.links == {"ix-a": 1.0}


def test_import_and_export_together_drain_both_directions() -> None:
    net = preferring_a()
    net.put_route_policy(ROUTER, "from", Direction.IMPORT, [term(MED)])
    net.put_route_policy(ROUTER, "to", Direction.EXPORT, [term(MED, PREPEND)])
    net.attach_policies(ROUTER, "aws-a", ("from",), ("to",))
    path = net.path("training")
    assert path.symmetric
    assert path.to_gcp.links == {"ix-b": 1.0}
    net.put_route_policy(ROUTER, "from", Direction.IMPORT, [])
    net.put_route_policy(ROUTER, "to", Direction.EXPORT, [])
    assert net.path("training").to_gcp.links == net.path("training").to_aws.links == {"ix-a": 1.0}


def test_an_avoided_link_still_carries_when_nothing_else_is_left() -> None:
    net = only("ix-a", "ix-b")
    imports(net, "a", term(MED))
    net.cut("ix-b")
    net.advance(10)
    assert net.path("checkout").to_aws.links == {"ix-a": 1.0}


def test_a_dropped_route_is_gone() -> None:
    net = only("ix-a")
    imports(net, "a", term(DROP, matches=(Match(prefix="10.20.0.0/16"),)))
    assert net.path("checkout").to_aws.broken == (Broken.NO_ROUTE,)
    assert net.path("training").carried
    assert net.session("ix-a", "a1", Side.GCP).accepted == 2


def test_terms_run_in_priority_and_stop_at_accept() -> None:
    net = preferring_a()
    imports(net, "a", term(DROP, priority=20), term(Action(act=Act.MED_ADD, value=7), Action(act=Act.ACCEPT), priority=10))
    assert {route.med for route in net.peer(ROUTER, "aws-a").learned} == {107}


def test_a_term_without_an_end_goes_on_to_the_next() -> None:
    net = preferring_a()
    add = Action(act=Act.MED_ADD, value=5)
    imports(net, "a", term(add, priority=1), term(add, priority=2), term(Action(act=Act.NEXT_POLICY), priority=3), term(add, priority=4))
    assert {route.med for route in net.peer(ROUTER, "aws-a").learned} == {110}


def test_accept_ends_all_policies_of_a_peer_and_next_policy_only_its_own() -> None:
    net = preferring_a()
    net.put_route_policy(ROUTER, "second", Direction.IMPORT, [term(DROP)])
    for end, left in ((Act.ACCEPT, 3), (Act.NEXT_POLICY, 0)):
        net.put_route_policy(ROUTER, "first", Direction.IMPORT, [term(Action(act=end))])
        net.attach_policies(ROUTER, "aws-a", ("first", "second"), ())
        assert len(net.peer(ROUTER, "aws-a").learned) == left


def test_a_match_is_exact_unless_it_takes_longer_prefixes() -> None:
    net = preferring_a()
    imports(net, "a", term(DROP, matches=(Match(prefix="10.0.0.0/8"),)))
    assert len(net.peer(ROUTER, "aws-a").learned) == 3
    imports(net, "a", term(DROP, matches=(Match(prefix="10.0.0.0/8", or_longer=True),)))
    assert net.peer(ROUTER, "aws-a").learned == ()


def test_a_policy_of_the_other_direction_does_nothing() -> None:
    net = preferring_a()
    net.put_route_policy(ROUTER, "to", Direction.EXPORT, [term(DROP)])
    net.attach_policies(ROUTER, "aws-a", ("to",), ())
    assert net.path("training").to_aws.links == {"ix-a": 1.0}


def test_an_attached_policy_is_not_deleted() -> None:
    net = network()
    imports(net, "a", term(MED))
    with pytest.raises(Refusal, match="aws-a"):
        net.delete_route_policy(ROUTER, "from-a")
    net.attach_policies(ROUTER, "aws-a", (), ())
    net.delete_route_policy(ROUTER, "from-a")
    assert net.route_policies(ROUTER) == ()


def test_the_advertised_priority_is_the_med_that_aws_compares() -> None:
    net = network()
    net.set_peer_priority(ROUTER, "aws-a", 150)
    path = net.path("training")
    assert path.to_gcp.links == {"ix-b": 1.0}
    assert path.to_aws.links == {"ix-a": 0.5, "ix-b": 0.5}


def prepending_towards_google(mode: BestPath) -> Network:
    net = Network(blueprint(reference(best_path=mode), native={"ix-a": 0, "ix-b": 50}))
    imports(net, "a", term(PREPEND))
    return net


def test_legacy_compares_med_alone_between_tasks() -> None:
    assert prepending_towards_google(BestPath.LEGACY).path("training").to_aws.links == {"ix-a": 1.0}


def test_standard_compares_the_as_path_before_med() -> None:
    assert prepending_towards_google(BestPath.STANDARD).path("training").to_aws.links == {"ix-b": 1.0}


def test_legacy_compares_the_as_path_inside_one_task() -> None:
    net = only("vpn")
    net.put_route_policy(ROUTER, "long", Direction.IMPORT, [term(PREPEND)])
    net.attach_policies(ROUTER, "aws-vpn-1", ("long",), ())
    assert {one.member for one in net.path("checkout").to_aws.shares} == {"t2", "t3", "t4"}


def test_a_disabled_peer_drops_everything_at_once_and_comes_back() -> None:
    net = preferring_a()
    net.set_peer_enabled(ROUTER, "aws-a", enabled=False)
    assert net.session("ix-a", "a1", Side.GCP).reason == "CONFIG_DISABLED"
    assert net.session("ix-a", "a1", Side.AWS).reason == "NOTIFICATION_RECEIVED"
    assert net.path("training").to_gcp.links == net.path("training").to_aws.links == {"ix-b": 1.0}
    net.advance(100)
    assert not net.peer(ROUTER, "aws-a").session.up
    net.set_peer_enabled(ROUTER, "aws-a", enabled=True)
    net.advance(120)
    assert net.path("training").to_gcp.links == {"ix-a": 1.0}


def test_custom_prefixes_replace_what_a_peer_announces() -> None:
    net = preferring_a()
    net.set_advertised(ROUTER, "aws-a", ("10.217.0.0/16",))
    assert net.path("checkout").to_gcp.links == {"ix-b": 1.0}
    assert net.path("training").to_gcp.links == {"ix-a": 1.0}
    net.set_advertised(ROUTER, "aws-a", None)
    assert net.path("checkout").to_gcp.links == {"ix-a": 1.0}


def test_a_more_specific_announcement_beats_any_preference() -> None:
    net = preferring_a()
    net.set_advertised(ROUTER, "aws-b", ("10.216.0.0/24",))
    assert net.path("checkout").to_gcp.links == {"ix-a": 0.9375, "ix-b": 0.0625}


def test_a_static_route_to_a_dead_tunnel_black_holes() -> None:
    net = network()
    net.add_static_route(GCP, "pin", "10.20.0.0/16", "ha-t1", priority=50)
    assert net.path("checkout").to_aws.links == {"vpn": 1.0}
    net.cut("vpn")
    assert net.path("checkout").to_aws.broken == (Broken.LINK_CUT,)
    with pytest.raises(Refusal, match="already exists"):
        net.add_static_route(GCP, "pin", "10.20.0.0/16", "ha-t1")
    net.delete_static_route(GCP, "pin")
    assert net.path("checkout").carried


def test_a_static_route_of_lower_rank_waits_behind_the_learned_one() -> None:
    net = preferring_a()
    net.add_static_route(GCP, "backup", "10.20.0.0/16", "ha-t1", priority=1000)
    assert net.path("checkout").to_aws.links == {"ix-a": 1.0}


def test_a_peer_tells_what_it_learned_and_advertised() -> None:
    view = network().peer(ROUTER, "aws-a")
    assert [route.prefix for route in view.learned] == ["10.20.0.0/16", "10.21.0.0/16", "10.250.1.1/32"]
    assert [route.prefix for route in view.advertised] == ["10.216.0.0/20", "10.217.0.0/16", "10.251.1.1/32"]
    assert view.learned[0].as_path == (64512,)
