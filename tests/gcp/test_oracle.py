"""Google's own client is the oracle: for each operation we use, it and we send the face equal requests, and it reads its answers."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import compute_v1

from pointsman.adapters.gcp.compute import RouterRef, request_id
from pointsman.adapters.gcp.look import GcpLooker
from pointsman.adapters.gcp.peer_priority import PeerPriorityLever
from pointsman.adapters.gcp.policies import Direction, write
from pointsman.adapters.gcp.proof import advertised
from pointsman.adapters.gcp.route_policy import RoutePolicyLever
from pointsman.core.fabric import LinkName
from pointsman.core.steering import PeerPriority, PrefixStance, RoutePolicies, Stance
from pointsman.testing.faces.request_log import Entry
from tests.gcp.conftest import Cloud, run
from tests.gcp.test_look import StillClock

PLACE: dict[str, Any] = {"project": "weft-prod-1", "region": "us-east4"}
AT: dict[str, Any] = PLACE | {"router": "cr-aws-1"}
ROUTER = RouterRef(project="weft-prod-1", region="us-east4", name="cr-aws-1", id="6983339776642123456")
DRAIN = RoutePolicies(
    link=LinkName("ix-a"),
    imports=(PrefixStance(prefix="10.20.0.0/16", stance=Stance.AVOID),),
    exports=(PrefixStance(prefix="10.216.0.0/20", stance=Stance.AVOID), PrefixStance(prefix="10.217.0.0/16", stance=Stance.DROP)),
)


def client(cloud: Cloud, kind: Callable[..., Any]) -> Any:
    nobody = AnonymousCredentials()  # type: ignore[no-untyped-call]
    return kind(credentials=nobody, client_options={"api_endpoint": cloud.face.url})


def routers(cloud: Cloud) -> compute_v1.RoutersClient:
    found: compute_v1.RoutersClient = client(cloud, compute_v1.RoutersClient)
    return found


def shape(entry: Entry) -> tuple[str, str, dict[str, str], Any]:
    """What matters of a request: method, path, query and body, not their order or spacing."""
    return entry.method, entry.path, entry.query, json.loads(entry.body) if entry.body else None


def asked(cloud: Cloud, operation: str) -> list[tuple[str, str, dict[str, str], Any]]:
    return sorted((shape(entry) for entry in cloud.face.log.since() if entry.operation == operation), key=str)


def test_the_drain_that_we_write_is_the_request_that_googles_client_sends(cloud: Cloud) -> None:
    hand = RoutePolicyLever(cloud.fabric, cloud.compute)
    seen = run(hand.observe("ix-a"))
    before = {name: versions.now["fingerprint"] for name, versions in cloud.face.routers.states[0].policies.items()}
    run(hand.apply(DRAIN, seen, "epoch-1"))
    ours = asked(cloud, "routers.patchRoutePolicy")
    cloud.face.log.clear()
    for name, direction, stances in (("from-ix-a", Direction.IMPORT, DRAIN.imports), ("to-ix-a", Direction.EXPORT, DRAIN.exports)):
        policy = compute_v1.RoutePolicy(name=name, type_=direction.value, fingerprint=before[name], terms=typed(write(stances)))
        request = request_id("epoch-1", ROUTER.path, name, before[name])
        routers(cloud).patch_route_policy_unary(
            request=compute_v1.PatchRoutePolicyRouterRequest(**AT, request_id=request, route_policy_resource=policy)
        )
    assert asked(cloud, "routers.patchRoutePolicy") == ours
    assert len(ours) == 2


def typed(terms: list[dict[str, Any]]) -> list[compute_v1.RoutePolicyPolicyTerm]:
    return [
        compute_v1.RoutePolicyPolicyTerm(
            priority=term["priority"],
            match=compute_v1.Expr(**term["match"]) if "match" in term else None,
            actions=[compute_v1.Expr(**action) for action in term["actions"]],
        )
        for term in terms
    ]


def test_the_priority_that_we_write_is_the_request_that_googles_client_sends(cloud: Cloud) -> None:
    hand = PeerPriorityLever(cloud.fabric, cloud.compute)
    seen = run(hand.observe("ix-b"))
    run(hand.apply(PeerPriority(link=LinkName("ix-b"), priority=7), seen, "epoch-1"))
    ((method, path, query, body),) = asked(cloud, "routers.patch")
    cloud.face.log.clear()
    peers = compute_v1.Router.from_json(json.dumps(body), ignore_unknown_fields=False)
    routers(cloud).patch_unary(request=compute_v1.PatchRouterRequest(**AT, request_id=query["requestId"], router_resource=peers))
    assert asked(cloud, "routers.patch") == [(method, path, query, body)]


READS: dict[str, tuple[Callable[[Cloud], object], Callable[[Cloud], object]]] = {
    "routers.get": (
        lambda cloud: run(cloud.compute.get(ROUTER.path)),
        lambda cloud: routers(cloud).get(**AT),
    ),
    "routers.getRouterStatus": (
        lambda cloud: run(cloud.compute.status(ROUTER)),
        lambda cloud: routers(cloud).get_router_status(**AT),
    ),
    "routers.getRoutePolicy": (
        lambda cloud: run(cloud.compute.get(f"{ROUTER.path}/getRoutePolicy", {"policy": "from-ix-a"})),
        lambda cloud: routers(cloud).get_route_policy(request=compute_v1.GetRoutePolicyRouterRequest(**AT, policy="from-ix-a")),
    ),
    "routers.listRoutePolicies": (
        lambda cloud: run(cloud.compute.policies(ROUTER)),
        lambda cloud: list(routers(cloud).list_route_policies(request=compute_v1.ListRoutePoliciesRoutersRequest(**AT, max_results=500))),
    ),
    "routers.listBgpRoutes": (
        lambda cloud: run(advertised(cloud.compute, ROUTER, cloud.fabric, cloud.fabric.link("ix-a"))),
        lambda cloud: list(
            routers(cloud).list_bgp_routes(
                request=compute_v1.ListBgpRoutesRoutersRequest(
                    **AT, peer="aws-a", address_family="IPV4", route_type="ADVERTISED", policy_applied=True, max_results=500
                )
            )
        ),
    ),
    "interconnectAttachments.list": (
        lambda cloud: run(GcpLooker(cloud.fabric, cloud.compute, StillClock()).look(["ix-a"])),
        lambda cloud: list(
            client(cloud, compute_v1.InterconnectAttachmentsClient).list(
                request=compute_v1.ListInterconnectAttachmentsRequest(**PLACE, max_results=500)
            )
        ),
    ),
    "vpnTunnels.list": (
        lambda cloud: run(GcpLooker(cloud.fabric, cloud.compute, StillClock()).look(["vpn"])),
        lambda cloud: list(
            client(cloud, compute_v1.VpnTunnelsClient).list(request=compute_v1.ListVpnTunnelsRequest(**PLACE, max_results=500))
        ),
    ),
    "interconnects.list": (
        lambda cloud: run(GcpLooker(cloud.fabric, cloud.compute, StillClock()).notices()),
        lambda cloud: list(
            client(cloud, compute_v1.InterconnectsClient).list(
                request=compute_v1.ListInterconnectsRequest(project=PLACE["project"], max_results=500)
            )
        ),
    ),
}


@pytest.mark.parametrize("operation", READS)
def test_each_read_of_ours_is_the_request_that_googles_client_sends(cloud: Cloud, operation: str) -> None:
    ours, theirs = READS[operation]
    ours(cloud)
    first = asked(cloud, operation)
    cloud.face.log.clear()
    theirs(cloud)
    assert asked(cloud, operation) == first
    assert len(first) == 1


def test_waiting_for_an_operation_is_the_request_that_googles_client_sends(cloud: Cloud) -> None:
    hand = RoutePolicyLever(cloud.fabric, cloud.compute)
    run(hand.apply(DRAIN, run(hand.observe("ix-a")), "epoch-1"))
    name = next(iter(cloud.face.world.operations._operations))
    assert run(cloud.compute.wait(ROUTER, name))
    assert run(cloud.compute.finished(ROUTER, name))
    ours = asked(cloud, "regionOperations.wait"), asked(cloud, "regionOperations.get")
    cloud.face.log.clear()
    operations = client(cloud, compute_v1.RegionOperationsClient)
    operations.wait(**PLACE, operation=name)
    operations.get(**PLACE, operation=name)
    assert (asked(cloud, "regionOperations.wait"), asked(cloud, "regionOperations.get")) == ours


def test_googles_client_reads_what_the_face_answers(cloud: Cloud) -> None:
    status = routers(cloud).get_router_status(**AT).result
    assert {peer.status for peer in status.bgp_peer_status} == {"UP"}
    assert {route.dest_range for route in status.best_routes} >= {"10.20.0.0/16", "10.21.0.0/16"}
    router = routers(cloud).get(**AT)
    assert (router.id, router.bgp.asn, router.bgp_peers[0].enable) == (6983339776642123456, 16550, "TRUE")
    policies = list(routers(cloud).list_route_policies(request=compute_v1.ListRoutePoliciesRoutersRequest(**AT)))
    assert {policy.name for policy in policies} == {"from-ix-a", "to-ix-a", "from-ix-b", "to-ix-b", "from-vpn", "to-vpn"}
    tunnels = list(client(cloud, compute_v1.VpnTunnelsClient).list(**PLACE))
    assert {tunnel.status for tunnel in tunnels} == {"ESTABLISHED"}
    vlan = client(cloud, compute_v1.InterconnectAttachmentsClient).get(**PLACE, interconnect_attachment="vlan-a")
    assert (vlan.operational_status, vlan.bandwidth, vlan.mtu) == ("OS_ACTIVE", "BPS_10G", 8500)


def test_a_drain_by_googles_own_client_moves_the_same_traffic(cloud: Cloud) -> None:
    for name, stances in (("from-ix-a", DRAIN.imports), ("to-ix-a", DRAIN.exports)):
        held = routers(cloud).get_route_policy(request=compute_v1.GetRoutePolicyRouterRequest(**AT, policy=name)).resource
        held.terms = typed(write(stances))
        routers(cloud).update_route_policy_unary(request=compute_v1.UpdateRoutePolicyRouterRequest(**AT, route_policy_resource=held))
    assert cloud.links("checkout") == ({"ix-b"}, {"ix-b"})
    assert run(RoutePolicyLever(cloud.fabric, cloud.compute).observe("ix-a")).setting == DRAIN


def test_a_stale_fingerprint_is_refused_to_googles_client_as_to_ours(cloud: Cloud) -> None:
    policy = compute_v1.RoutePolicy(name="to-ix-a", type_="ROUTE_POLICY_TYPE_EXPORT", fingerprint="c3RhbGU=", terms=typed(write(())))
    with pytest.raises(Exception, match="412"):
        routers(cloud).patch_route_policy_unary(request=compute_v1.PatchRoutePolicyRouterRequest(**AT, route_policy_resource=policy))
