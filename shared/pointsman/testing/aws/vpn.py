"""EC2's Site-to-Site VPN connections with the telemetry of each tunnel."""

from collections.abc import Mapping
from typing import Any

from pointsman.testing.aws.protocols import Refused
from pointsman.testing.aws.world import Operation, Params, World
from pointsman.testing.network.blueprint import LinkSpec, MemberSpec


def describe_vpn_connections(world: World, params: Params) -> Mapping[str, Any]:
    """List VPN connections; one named by id that does not exist is an error, one named in a filter is not."""
    held = list(dict.fromkeys(member.vpn for _, member in world.members if member.vpn))
    for missing in set(params.get("VpnConnectionIds") or ()) - set(held):
        raise Refused("InvalidVpnConnectionID.NotFound", f"The vpnConnection ID '{missing}' does not exist")
    return {"VpnConnections": [_connection(world, name) for name in held if _wanted(params, name)]}


def _wanted(params: Params, name: str) -> bool:
    named = params.get("VpnConnectionIds")
    filters = [one.get("Values") or () for one in params.get("Filters") or () if one.get("Name") == "vpn-connection-id"]
    return (not named or name in named) and all(name in values for values in filters)


def _connection(world: World, name: str) -> dict[str, Any]:
    tunnels = [(link, member) for link, member in world.members if member.vpn == name]
    return {
        "VpnConnectionId": name,
        "State": "available",
        "Type": "ipsec.1",
        "TransitGatewayId": world.site(tunnels[0][0]).hub,
        "VgwTelemetry": [_telemetry(world, link, member) for link, member in tunnels],
    }


def _telemetry(world: World, _: LinkSpec, member: MemberSpec) -> dict[str, Any]:
    tunnel = world.network.tunnel(f"{member.vpn}:{member.outside_ip}")
    up = tunnel.up and tunnel.session.up
    routes = tunnel.session.accepted if up else 0
    return {
        "OutsideIpAddress": member.outside_ip,
        "Status": "UP" if up else "DOWN",
        "StatusMessage": f"{routes} BGP ROUTES" if up else "IPSEC IS UP" if tunnel.up else "IPSEC IS DOWN",
        "AcceptedRouteCount": routes,
        "LastStatusChange": world.time.moment(max(tunnel.since, tunnel.session.since)),
    }


OPERATIONS: Mapping[str, Operation] = {"DescribeVpnConnections": describe_vpn_connections}
