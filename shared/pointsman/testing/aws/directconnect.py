"""Direct Connect: virtual interfaces, connections, gateways, and BGP failover tests."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pointsman.testing.aws.protocols import Refused
from pointsman.testing.aws.world import Operation, Params, World, page
from pointsman.testing.network.blueprint import LinkSpec, MemberSpec
from pointsman.testing.network.views import FailoverTestView, Refusal, Route

TEST_MINUTES = 180
"""A failover test's length where the caller names none."""
TEST_MINUTES_LIMIT = 4320
"""A failover test's greatest length."""

T = TypeVar("T")


def describe_virtual_interfaces(world: World, params: Params) -> Mapping[str, Any]:
    """List virtual interfaces with the state of each BGP peer."""
    wanted, connection = params.get("virtualInterfaceId"), params.get("connectionId")
    found = [
        _virtual_interface(world, link, member)
        for link, member in world.members
        if member.virtual_interface and wanted in (None, member.virtual_interface) and connection in (None, member.connection)
    ]
    if wanted and not found:
        raise _client(f"Virtual interface {wanted} does not exist")
    shown, token = page(found, params, size="maxResults", token="nextToken")  # noqa: S106 - a page token's name
    return {"virtualInterfaces": shown, "nextToken": token}


def describe_connections(world: World, params: Params) -> Mapping[str, Any]:
    """List the physical connections: whether there is light, nothing of routing."""
    names = dict.fromkeys(member.connection for _, member in world.members if member.connection)
    wanted = params.get("connectionId")
    found = [_connection(world, name) for name in names if wanted in (None, name)]
    shown, token = page(found, params, size="maxResults", token="nextToken")  # noqa: S106 - a page token's name
    return {"connections": shown, "nextToken": token}


def start_bgp_failover_test(world: World, params: Params) -> Mapping[str, Any]:
    """Put the BGP peers of a virtual interface down for some minutes."""
    minutes = int(params.get("testDurationInMinutes") or TEST_MINUTES)
    if not 1 <= minutes <= TEST_MINUTES_LIMIT:
        raise _client(f"testDurationInMinutes must be between 1 and {TEST_MINUTES_LIMIT}")
    name = str(params.get("virtualInterfaceId"))
    return _test(world, _told(lambda: world.network.start_failover_test(name, minutes, principal=world.principal)))


def stop_bgp_failover_test(world: World, params: Params) -> Mapping[str, Any]:
    """Stop a running failover test."""
    name = str(params.get("virtualInterfaceId"))
    return _test(world, _told(lambda: world.network.stop_failover_test(name, principal=world.principal)))


def list_virtual_interface_test_history(world: World, params: Params) -> Mapping[str, Any]:
    """List failover tests, the running ones included."""
    wanted, test = params.get("virtualInterfaceId"), params.get("testId")
    names = [wanted] if wanted else [member.virtual_interface for _, member in world.members if member.virtual_interface]
    tests = [one for name in names for one in _told(lambda name=name: world.network.failover_tests(name))]  # type: ignore[misc]
    found = [_test_view(world, one) for one in tests if test in (None, one.id)]
    shown, token = page(found, params, size="maxResults", token="nextToken")  # noqa: S106 - a page token's name
    return {"virtualInterfaceTestHistory": shown, "nextToken": token}


def list_virtual_interface_routes(world: World, params: Params) -> Mapping[str, Any]:
    """List the routes that AWS accepted on a virtual interface; those it advertises are not simulated."""
    name, filters = params.get("virtualInterfaceId"), params.get("filters") or {}
    found = next(((link, member) for link, member in world.members if member.virtual_interface == name), None)
    if found is None:
        raise _client(f"Virtual interface {name} does not exist")
    link, member = found
    held = [one for one in world.network.learned_by_aws(link.name) if one.member == member.id]
    routes = [_accepted(one) for one in held if filters.get("routeDirection", "accepted") == "accepted"]
    shown, token = page(routes, params, size="maxResults", token="nextToken")  # noqa: S106 - a page token's name
    return {"virtualInterfaceId": name, "routes": shown, "nextToken": token}


def _accepted(route: Route) -> dict[str, Any]:
    return {
        "cidr": route.prefix,
        "routeDirection": "accepted",
        "addressFamily": "ipv6" if ":" in route.prefix else "ipv4",
        "asPath": [{"pathType": "seq", "path": list(route.as_path)}],
    }


def describe_direct_connect_gateway_associations(world: World, params: Params) -> Mapping[str, Any]:
    """List which gateway is associated with which Transit Gateway, and the prefixes it may announce."""
    wanted, gateway = params.get("associationId"), params.get("directConnectGatewayId")
    found = [
        _association(world, link)
        for link in world.links
        if link.association and wanted in (None, link.association) and gateway in (None, link.dx_gateway)
    ]
    return {"directConnectGatewayAssociations": found}


def update_direct_connect_gateway_association(world: World, params: Params) -> Mapping[str, Any]:
    """Add and remove prefixes that a gateway may announce."""
    name = str(params.get("associationId"))
    link = next((link for link in world.links if link.association == name), None)
    if link is None:
        raise _client(f"Association {name} does not exist")
    added = [one["cidr"] for one in params.get("addAllowedPrefixesToDirectConnectGateway") or ()]
    removed = {one["cidr"] for one in params.get("removeAllowedPrefixesToDirectConnectGateway") or ()}
    kept = [cidr for cidr in world.network.allowed_prefixes(name) if cidr not in removed]
    world.network.set_allowed_prefixes(name, tuple(dict.fromkeys([*kept, *added])), principal=world.principal)
    return {"directConnectGatewayAssociation": _association(world, link)}


def _virtual_interface(world: World, link: LinkSpec, member: MemberSpec) -> dict[str, Any]:
    name = str(member.virtual_interface)
    up, site = world.network.virtual_interface(name).up, world.site(link)
    testing = any(test.ended is None for test in world.network.failover_tests(name))
    state = "testing" if testing else "available" if up else "down"
    return {
        "ownerAccount": site.account,
        "virtualInterfaceId": name,
        "virtualInterfaceName": name,
        "virtualInterfaceType": "transit",
        "virtualInterfaceState": state,
        "connectionId": member.connection,
        "directConnectGatewayId": link.dx_gateway,
        "amazonSideAsn": site.asn,
        "mtu": link.mtu,
        "region": site.region,
        "bgpPeers": [_peer(member, up=up)],
    }


def _peer(member: MemberSpec, *, up: bool) -> dict[str, Any]:
    return {
        "bgpPeerId": f"dxpeer-{member.id}",
        "addressFamily": "ipv4",
        "amazonAddress": member.peer.ip if member.peer else None,
        "bgpPeerState": "available",
        "bgpStatus": "up" if up else "down",
    }


def _connection(world: World, name: str) -> dict[str, Any]:
    link = next(link for link, member in world.members if member.connection == name)
    state = "available" if world.network.connection_up(name) else "down"
    site = world.site(link)
    return {"connectionId": name, "connectionState": state, "region": site.region, "ownerAccount": site.account}


def _association(world: World, link: LinkSpec) -> dict[str, Any]:
    site = world.site(link)
    return {
        "associationId": link.association,
        "associationState": "associated",
        "directConnectGatewayId": link.dx_gateway,
        "associatedGateway": {"id": site.hub, "type": "transitGateway", "region": site.region, "ownerAccount": site.account},
        "allowedPrefixesToDirectConnectGateway": [{"cidr": cidr} for cidr in world.network.allowed_prefixes(str(link.association))],
    }


def _test(world: World, test: FailoverTestView) -> dict[str, Any]:
    return {"virtualInterfaceTest": _test_view(world, test)}


def _test_view(world: World, test: FailoverTestView) -> dict[str, Any]:
    ends = test.ended if test.ended is not None else test.until if world.tells_end else None
    return {
        "testId": test.id,
        "virtualInterfaceId": test.virtual_interface,
        "status": "in_progress" if test.ended is None else "completed",
        "testDurationInMinutes": test.minutes,
        "startTime": world.time.moment(test.started),
        "endTime": None if ends is None else world.time.moment(ends),
    }


def _told(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except Refusal as error:
        raise _client(str(error)) from error
    except LookupError as error:
        raise _client(f"no such virtual interface: {error}") from error


def _client(text: str) -> Refused:
    return Refused("DirectConnectClientException", text)


OPERATIONS: Mapping[str, Operation] = {
    "DescribeVirtualInterfaces": describe_virtual_interfaces,
    "DescribeConnections": describe_connections,
    "StartBgpFailoverTest": start_bgp_failover_test,
    "StopBgpFailoverTest": stop_bgp_failover_test,
    "ListVirtualInterfaceTestHistory": list_virtual_interface_test_history,
    "ListVirtualInterfaceRoutes": list_virtual_interface_routes,
    "DescribeDirectConnectGatewayAssociations": describe_direct_connect_gateway_associations,
    "UpdateDirectConnectGatewayAssociation": update_direct_connect_gateway_association,
}
