"""EC2's Transit Gateway attachments: which route table each is associated with, and which take its routes.

The model's traffic does not depend on them (it is of networks that are wired); what is shown here is what the calls of
this face have made of it.
"""

from collections.abc import Mapping
from typing import Any

from pointsman.testing.aws.protocols import Refused
from pointsman.testing.aws.world import Operation, Params, World, page
from pointsman.testing.network.blueprint import Side


def describe_transit_gateway_attachments(world: World, params: Params) -> Mapping[str, Any]:
    """List attachments with their association; one that was named and does not exist is refused."""
    wanted = [str(one) for one in params.get("TransitGatewayAttachmentIds") or ()]
    names = wanted or [one for link in world.links for one in link.attachments]
    shown, token = page([_attachment(world, name) for name in names], params, size="MaxResults", token="NextToken")  # noqa: S106 - a page token's name
    return {"TransitGatewayAttachments": shown, "NextToken": token}


def get_transit_gateway_route_table_propagations(world: World, params: Params) -> Mapping[str, Any]:
    """List the attachments whose routes a table takes."""
    table = _table(world, params)
    names = [one for link in world.links if table in world.site(link).route_tables for one in link.attachments]
    found = [_resource(world, one) | {"State": "enabled"} for one in names if (table, one) not in world.unpropagated]
    shown, token = page(found, params, size="MaxResults", token="NextToken")  # noqa: S106 - a page token's name
    return {"TransitGatewayRouteTablePropagations": shown, "NextToken": token}


def associate_transit_gateway_route_table(world: World, params: Params) -> Mapping[str, Any]:
    """Associate an attachment; one that is associated is refused."""
    table, name = _table(world, params), _named(world, params)
    if name not in world.unassociated:
        raise Refused("Resource.AlreadyAssociated", f"Transit Gateway Attachment {name} is already associated to a route table.")
    world.unassociated.remove(name)
    _note(world, "AssociateTransitGatewayRouteTable", table, name)
    return {"Association": _resource(world, name) | {"TransitGatewayRouteTableId": table, "State": "associating"}}


def disassociate_transit_gateway_route_table(world: World, params: Params) -> Mapping[str, Any]:
    """Take an association away."""
    table, name = _table(world, params), _named(world, params)
    world.unassociated.add(name)
    _note(world, "DisassociateTransitGatewayRouteTable", table, name)
    return {"Association": _resource(world, name) | {"TransitGatewayRouteTableId": table, "State": "disassociating"}}


def enable_transit_gateway_route_table_propagation(world: World, params: Params) -> Mapping[str, Any]:
    """Let a table take an attachment's routes."""
    table, name = _table(world, params), _named(world, params)
    world.unpropagated.discard((table, name))
    _note(world, "EnableTransitGatewayRouteTablePropagation", table, name)
    return {"Propagation": _resource(world, name) | {"TransitGatewayRouteTableId": table, "State": "enabled"}}


def disable_transit_gateway_route_table_propagation(world: World, params: Params) -> Mapping[str, Any]:
    """Let a table take an attachment's routes no more."""
    table, name = _table(world, params), _named(world, params)
    world.unpropagated.add((table, name))
    _note(world, "DisableTransitGatewayRouteTablePropagation", table, name)
    return {"Propagation": _resource(world, name) | {"TransitGatewayRouteTableId": table, "State": "disabled"}}


def _attachment(world: World, name: str) -> dict[str, Any]:
    site = world.site(world.link_of_attachment(name))
    held = {"TransitGatewayRouteTableId": (*site.route_tables, "")[0], "State": "associated"}
    return _resource(world, name) | {
        "TransitGatewayId": site.hub,
        "TransitGatewayOwnerId": site.account,
        "State": "available",
        "Association": None if name in world.unassociated else held,
    }


def _resource(world: World, name: str) -> dict[str, Any]:
    return world.attachment(name)


def _table(world: World, params: Params) -> str:
    table = str(params.get("TransitGatewayRouteTableId"))
    world.site_of_table(table)
    return table


def _named(world: World, params: Params) -> str:
    name = str(params.get("TransitGatewayAttachmentId"))
    world.link_of_attachment(name)
    return name


def _note(world: World, operation: str, table: str, attachment: str) -> None:
    request = {f"{operation}Request": {"TransitGatewayRouteTableId": table, "TransitGatewayAttachmentId": attachment}}
    world.network.note_call(Side.AWS, f"ec2.{operation}", resource=table, request=request, principal=world.principal)


OPERATIONS: Mapping[str, Operation] = {
    "DescribeTransitGatewayAttachments": describe_transit_gateway_attachments,
    "GetTransitGatewayRouteTablePropagations": get_transit_gateway_route_table_propagations,
    "AssociateTransitGatewayRouteTable": associate_transit_gateway_route_table,
    "DisassociateTransitGatewayRouteTable": disassociate_transit_gateway_route_table,
    "EnableTransitGatewayRouteTablePropagation": enable_transit_gateway_route_table_propagation,
    "DisableTransitGatewayRouteTablePropagation": disable_transit_gateway_route_table_propagation,
}
