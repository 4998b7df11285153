"""Rendered events, read back by the wire that reads the real ones."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pointsman.adapters.files import load
from pointsman.core.members import index
from pointsman.core.sightings import Actor, Change, Health, Ignored, Meaning, Notice, Rejected, Sighting
from pointsman.testing.blueprint import blueprint
from pointsman.testing.happenings.delivery import push_body
from pointsman.testing.happenings.events import Event, Form
from pointsman.testing.happenings.rendering import Renderer
from pointsman.testing.network.blueprint import Side
from pointsman.testing.network.happenings import Kind
from pointsman.testing.network.model import Network
from pointsman.testing.network.policies import Direction
from pointsman.wire.decode import decode
from tests.twin.networks import GCP, IX_B, LIST, ROUTER, TABLE, VIF_A, VPN_1, network, preferring_a

EPOCH = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
TUNNEL = "vpn-0b2c3d4e5f6071829:35.84.102.207"
PEER_A = "router/6983339776642123456:169.254.1.2"


def events(net: Network) -> list[Event]:
    return list(Renderer(net.blueprint, EPOCH).all(net.happenings))


def meanings(event: Event) -> list[Meaning | Rejected]:
    body = event.payload if event.side is Side.AWS else push_body(event, "projects/p/subscriptions/s", published="2026-11-20T09:00:00Z")
    return [record.meaning for record in decode(json.dumps(body))]


def understood(net: Network) -> list[Meaning | Rejected]:
    return [meaning for event in events(net) for meaning in meanings(event)]


def sightings(net: Network, member: str) -> list[Sighting]:
    return [one for one in understood(net) if isinstance(one, Sighting) and one.member == member]


def everything(seed: int) -> Network:
    """Let everything happen that a cloud announces."""
    net = network(seed=seed)
    net.maintain("ix-b", 1500, 1600)
    net.cut("ix-a", silent=seed % 2 == 0)
    net.cut("vpn")
    net.advance(400)
    net.cut("ix-b", silent=True)
    net.advance(450)
    for link in ("ix-a", "ix-b", "vpn"):
        net.heal(link)
    net.advance(700)
    net.router_restart(ROUTER)
    net.start_failover_test(VIF_A, 10, principal="pointsman-sweep")
    net.blackhole("ix-b")
    net.set_static_route(TABLE, "10.216.0.0/20", VPN_1)
    net.set_static_route(TABLE, "10.216.0.0/20", None, blackhole=True)
    net.set_static_route(TABLE, "10.216.0.0/20", None)
    net.set_prefix_list(LIST, ("10.216.0.0/20",), None)
    net.set_prefix_list_reference(TABLE, LIST, IX_B)
    net.set_allowed_prefixes("assoc-a", ("10.20.0.0/15",))
    net.note_call(Side.AWS, "ec2.ReplaceRoute", resource=TABLE, request={"routeTableId": "rtb-1"}, principal="an-operator")
    net.put_route_policy(ROUTER, "to", Direction.EXPORT, [], principal="pointsman")
    net.attach_policies(ROUTER, "aws-a", (), ("to",))
    net.set_transport_routes("projects/weft-prod-1/locations/us-east4/transports/mc-1", ("10.216.0.0/15",))
    net.add_static_route(GCP, "pin", "10.20.0.0/16", "ha-t1")
    net.advance(2500)
    return net


@pytest.mark.parametrize("seed", range(4))
def test_the_wire_reads_everything_that_the_twin_sends(seed: int) -> None:
    net = everything(seed)
    assert {one.kind for one in net.happenings} == set(Kind)
    assert not [one for one in understood(net) if isinstance(one, Rejected)]
    passed_over = [event for event in events(net) if any(isinstance(one, Ignored) for one in meanings(event))]
    assert all("ipsec_events" in str(event.payload) or "'last': True" in str(event.payload) for event in passed_over)


def test_a_vpn_tunnels_loss_and_return_are_told_of_the_tunnel() -> None:
    net = network()
    net.cut_member("vpn", "t1")
    net.advance(100)
    net.heal("vpn")
    net.advance(130)
    seen = sightings(net, TUNNEL)
    by_aspect = {(one.aspect, one.health) for one in seen}
    assert {("bgp", "down"), ("ipsec", "down"), ("bgp", "up"), ("ipsec", "up")} <= by_aspect
    assert {one.vantage for one in seen} == {"aws"}


def test_the_time_of_a_sighting_is_the_time_of_the_happening() -> None:
    net = network()
    net.cut("ix-a")
    net.advance(5)
    (down,) = (one for one in sightings(net, PEER_A) if one.aspect == "bgp")
    happened = next(one.at for one in net.happenings if one.kind is Kind.SESSION_DOWN)
    assert abs(down.seen_at - EPOCH - timedelta(seconds=happened)) < timedelta(milliseconds=1)
    assert (down.health, down.cause) == ("down", "link-down")


def test_the_four_ways_to_lose_a_session_have_their_own_cause() -> None:
    net = network()
    net.cut("ix-a", silent=True)
    net.cut("ix-b", silent=True)
    net.advance(100)
    net.start_failover_test(VIF_A, 10)
    assert {one.cause for one in sightings(net, PEER_A) if one.aspect == "bgp"} == {"hold-timer-expired"}
    other = sightings(net, PEER_A.replace("1.2", "2.2"))
    assert {"bfd-down", "config-disabled"} <= {one.cause for one in other}


def test_a_probe_alarm_is_the_probes_own_word() -> None:
    net = network()
    net.blackhole("ix-a")
    net.advance(60)
    (seen,) = (one for one in understood(net) if isinstance(one, Sighting) and one.aspect == "probe")
    assert (seen.vantage, seen.health, seen.cause) == ("probe-aws", "down", "packets-lost")


def test_an_alarm_that_clears_is_up_and_an_incident_that_closes_too() -> None:
    net = network()
    net.cut("ix-a")
    net.advance(400)
    net.heal("ix-a")
    net.advance(1000)
    vif = [one.health for one in sightings(net, VIF_A)]
    assert vif == [Health.DOWN, Health.UP]
    metric = [one.health for one in sightings(net, "router/6983339776642123456:aws-a")]
    assert metric == [Health.DOWN, Health.UP]


def test_maintenance_reaches_aws_as_a_notice_and_google_only_by_looking() -> None:
    net = network()
    net.maintain("ix-a", 3600, 7200)
    (notice,) = understood(net)
    assert isinstance(notice, Notice)
    assert notice.start == EPOCH + timedelta(hours=1)
    assert set(notice.members) == {VIF_A, "dxcon-fgv0etma"}


def test_incidents_of_two_regions_with_the_same_names_lead_each_to_its_own_link() -> None:
    fabric = load(str(Path(__file__).parents[2] / "docs" / "fabrics" / "two-regions.yaml"))
    for side in ("east", "west"):
        net = Network(blueprint(fabric))
        for name in (side, f"{side}-vpn"):
            net.cut(name)
        net.advance(300)
        found = {
            one.member: one.health for one in understood(net) if isinstance(one, Sighting) and one.member.startswith(("vlan/", "tunnel/"))
        }
        assert {index(fabric)[member].link: health for member, health in found.items()} == {side: Health.DOWN, f"{side}-vpn": Health.DOWN}


def test_writes_of_our_own_are_told_from_somebody_elses_on_both_clouds() -> None:
    net = network()
    net.start_failover_test(VIF_A, 5, principal="pointsman-sweep")
    net.set_peer_priority(ROUTER, "aws-a", 150, principal="pointsman")
    net.set_static_route(TABLE, "10.216.0.0/20", IX_B, principal="an-operator")
    net.set_peer_priority(ROUTER, "aws-a", 100, principal="bob@example.net")
    actors = [one.actor for one in understood(net) if isinstance(one, Change) and "TGW-ROUTE" not in one.what]
    assert actors == [Actor.OURSELVES, Actor.OURSELVES, Actor.SOMEBODY, Actor.SOMEBODY]


def test_an_audit_log_pair_counts_once() -> None:
    net = network()
    net.set_peer_priority(ROUTER, "aws-a", 150)
    first, last = (meanings(event)[0] for event in events(net) if event.form is Form.LOG_ENTRY)
    assert isinstance(first, Change)
    assert isinstance(last, Ignored)


def test_a_first_pin_is_created_the_next_replaced_and_the_last_deleted() -> None:
    net = preferring_a()
    for attachment in (IX_B, VPN_1, None):
        net.set_static_route(TABLE, "10.216.0.0/20", attachment)
    names = [event.payload["detail"]["eventName"] for event in events(net) if event.payload["source"] == "aws.ec2"]
    assert names == ["CreateTransitGatewayRoute", "ReplaceTransitGatewayRoute", "DeleteTransitGatewayRoute"]


def test_network_manager_delivers_everything_in_its_own_region() -> None:
    net = network()
    net.cut("vpn")
    net.advance(60)
    managed = [event.payload for event in events(net) if event.payload.get("source") == "aws.networkmanager"]
    assert {(one["region"], one["detail"]["region"]) for one in managed} == {("us-west-2", "us-east-1")}


def test_no_two_events_have_one_identifier_and_rendering_twice_gives_the_same() -> None:
    net = everything(1)
    rendered = events(net)
    names = [event.payload.get("id") or event.payload.get("insertId") for event in rendered if event.form is not Form.INCIDENT]
    assert len(names) == len(set(names))
    assert [event.payload for event in rendered] == [event.payload for event in events(net)]
