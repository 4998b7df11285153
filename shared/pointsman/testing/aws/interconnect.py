"""AWS Interconnect: connections to the other provider, whose state says nothing of reachability."""

from collections.abc import Mapping
from typing import Any

from pointsman.testing.aws.protocols import Refused
from pointsman.testing.aws.world import Operation, Params, World, page
from pointsman.testing.network.blueprint import LinkSpec

_GIGA = 1_000_000_000


def get_connection(world: World, params: Params) -> Mapping[str, Any]:
    """Describe one connection, by its short id or its ARN."""
    wanted = str(params.get("identifier")).rpartition("/")[2]
    for link in world.links:
        if link.aws_connection == wanted:
            return {"connection": _connection(world, link) | {"ownerAccount": world.site(link).account, "tags": {}}}
    raise Refused("ResourceNotFoundException", f"Connection {wanted} was not found", 404)


def list_connections(world: World, params: Params) -> Mapping[str, Any]:
    """List the connections, of one state if asked."""
    found = [_connection(world, link) for link in world.links if link.aws_connection]
    state = params.get("state")
    shown, token = page([one for one in found if state in (None, one["state"])], params, size="maxResults", token="nextToken")  # noqa: S106 - a page token's name
    return {"connections": shown, "nextToken": token}


def _connection(world: World, link: LinkSpec) -> dict[str, Any]:
    name, site = str(link.aws_connection), world.site(link)
    return {
        "id": name,
        "arn": f"arn:aws:interconnect:{site.region}:{site.account}:connection/{name}",
        "description": link.name,
        "bandwidth": f"{link.capacity // _GIGA}Gbps",
        "attachPoint": {"directConnectGateway": link.dx_gateway},
        "environmentId": "mce-gcp",
        "provider": {"cloudServiceProvider": "gcp"},
        "location": site.region,
        "type": "multicloud",
        "state": "available" if world.network.connection_up(name) else "down",
        "sharedId": f"shared-{name}",
        "billingTier": 1,
    }


OPERATIONS: Mapping[str, Operation] = {"GetConnection": get_connection, "ListConnections": list_connections}
