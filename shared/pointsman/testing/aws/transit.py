"""EC2's Transit Gateway routes, prefix-list references and managed prefix lists, shown and changed in the model."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.testing.aws.protocols import Refused
from pointsman.testing.aws.world import Operation, Params, World, page
from pointsman.testing.network.views import Refusal, TransitRoute

ROUTES_PAGE = 1000
"""Routes on a page where the caller does not say."""


def search_transit_gateway_routes(world: World, params: Params) -> Mapping[str, Any]:
    """Search a route table: only the preferred route of a prefix is there to be found."""
    table = _table(world, params)
    routes = list(world.network.transit_routes(table))
    for one in params.get("Filters") or ():
        routes = _filtered(world, table, routes, str(one.get("Name")), one.get("Values") or ())
    sized = dict(params) | {"MaxResults": params.get("MaxResults") or ROUTES_PAGE}
    shown, token = page(routes, sized, size="MaxResults", token="NextToken")  # noqa: S106 - a page token's name
    return {"Routes": [_route(world, one) for one in shown], "AdditionalRoutesAvailable": token is not None, "NextToken": token}


def create_transit_gateway_route(world: World, params: Params) -> Mapping[str, Any]:
    """Create a static route; one that is there is refused."""
    table, cidr = _table(world, params), _cidr(params)
    if _static(world, table, cidr):
        raise Refused("RouteAlreadyExists", f"A static route for {cidr} exists in {table}")
    return _write_route(world, params, table, cidr)


def replace_transit_gateway_route(world: World, params: Params) -> Mapping[str, Any]:
    """Point a static route elsewhere; one that is not there is refused."""
    table, cidr = _table(world, params), _cidr(params)
    if not _static(world, table, cidr):
        raise Refused("InvalidRoute.NotFound", f"No static route for {cidr} in {table}")
    return _write_route(world, params, table, cidr)


def delete_transit_gateway_route(world: World, params: Params) -> Mapping[str, Any]:
    """Delete a static route."""
    table, cidr = _table(world, params), _cidr(params)
    held = _static(world, table, cidr)
    if held is None:
        raise Refused("InvalidRoute.NotFound", f"No static route for {cidr} in {table}")
    _dry(params)
    world.network.set_static_route(table, cidr, None, principal=world.principal)
    return {"Route": _route(world, held) | {"State": "deleted"}}


def get_transit_gateway_prefix_list_references(world: World, params: Params) -> Mapping[str, Any]:
    """List the prefix-list references of a route table."""
    table = _table(world, params)
    _dry(params)
    held = world.network.prefix_list_references(table)
    going = {name: shown for (of, name), (until, shown) in world.leaving.items() if of == table and until > world.network.now}
    there = going | {name: _reference(world, table, name) for name in held}
    found = [shown for name, shown in there.items() if _wants(params, "prefix-list-id", name)]
    shown, token = page(found, params, size="MaxResults", token="NextToken")  # noqa: S106 - a page token's name
    return {"TransitGatewayPrefixListReferences": shown, "NextToken": token}


def create_transit_gateway_prefix_list_reference(world: World, params: Params) -> Mapping[str, Any]:
    """Create a reference; one that is there is refused."""
    table, name = _table(world, params), _prefix_list(world, params)
    if name in world.network.prefix_list_references(table):
        raise Refused("InvalidPrefixListReference.AlreadyExists", f"{table} refers to {name} already")
    if world.leaving.get((table, name), (0.0, {}))[0] > world.network.now:
        raise Refused("IncorrectState", f"the reference of {table} to {name} is being deleted")
    return _write_reference(world, params, table, name)


def modify_transit_gateway_prefix_list_reference(world: World, params: Params) -> Mapping[str, Any]:
    """Point a reference elsewhere; one that is not there, or still changes, is refused."""
    table, name = _table(world, params), _prefix_list(world, params)
    if name not in world.network.prefix_list_references(table):
        raise Refused("InvalidPrefixListReference.NotFound", f"{table} does not refer to {name}")
    if _settling(world, table, name):
        raise Refused("IncorrectState", f"the reference of {table} to {name} is not available")
    return _write_reference(world, params, table, name)


def delete_transit_gateway_prefix_list_reference(world: World, params: Params) -> Mapping[str, Any]:
    """Delete a reference."""
    table, name = _table(world, params), _prefix_list(world, params)
    if name not in world.network.prefix_list_references(table):
        raise Refused("InvalidPrefixListReference.NotFound", f"{table} does not refer to {name}")
    _dry(params)
    shown = _reference(world, table, name) | {"State": "deleting"}
    world.network.set_prefix_list_reference(table, name, None, principal=world.principal)
    world.leaving[table, name] = (world.network.now + world.settle, shown)
    return {"TransitGatewayPrefixListReference": shown}


def get_managed_prefix_list_entries(world: World, params: Params) -> Mapping[str, Any]:
    """List the CIDRs of a managed prefix list."""
    held = world.network.prefix_list(_prefix_list(world, params))
    shown, token = page(held.cidrs, params, size="MaxResults", token="NextToken")  # noqa: S106 - a page token's name
    return {"Entries": [{"Cidr": cidr, "Description": ""} for cidr in shown], "NextToken": token}


def describe_managed_prefix_lists(world: World, params: Params) -> Mapping[str, Any]:
    """List the managed prefix lists with their versions."""
    wanted = params.get("PrefixListIds")
    names = [one.id for one in world.network.blueprint.prefix_lists if not wanted or one.id in wanted]
    return {"PrefixLists": [_described(world, name) for name in names]}


def modify_managed_prefix_list(world: World, params: Params) -> Mapping[str, Any]:
    """Change the CIDRs of a prefix list; a version that is not the current one is refused."""
    name = _prefix_list(world, params)
    held, version = world.network.prefix_list(name), params.get("CurrentVersion")
    removed = {one["Cidr"] for one in params.get("RemoveEntries") or ()}
    added = [one["Cidr"] for one in params.get("AddEntries") or ()]
    cidrs = tuple(dict.fromkeys([*(cidr for cidr in held.cidrs if cidr not in removed), *added]))
    try:
        world.network.set_prefix_list(name, cidrs, int(version) if version is not None else None, principal=world.principal)
    except Refusal as error:
        raise Refused("PrefixListVersionMismatch", str(error)) from error
    return {"PrefixList": _described(world, name)}


def _write_route(world: World, params: Params, table: str, cidr: str) -> Mapping[str, Any]:
    attachment, blackhole = _next_hop(world, params)
    _dry(params)
    world.network.set_static_route(table, cidr, attachment, blackhole=blackhole, principal=world.principal)
    held = _static(world, table, cidr)
    assert held is not None, "it was just written"
    return {"Route": _route(world, held)}


def _write_reference(world: World, params: Params, table: str, name: str) -> Mapping[str, Any]:
    attachment, blackhole = _next_hop(world, params)
    _dry(params)
    fresh = name not in world.network.prefix_list_references(table)
    world.network.set_prefix_list_reference(table, name, attachment, blackhole=blackhole, principal=world.principal)
    world.settling[table, name] = world.network.now + world.settle
    return {"TransitGatewayPrefixListReference": _reference(world, table, name) | {"State": "pending" if fresh else "modifying"}}


def _next_hop(world: World, params: Params) -> tuple[str | None, bool]:
    attachment, blackhole = params.get("TransitGatewayAttachmentId"), bool(params.get("Blackhole"))
    if bool(attachment) == blackhole:
        raise Refused("InvalidParameterCombination", "name either an attachment or Blackhole")
    if attachment:
        world.link_of_attachment(str(attachment))
    return (str(attachment) if attachment else None), blackhole


def _table(world: World, params: Params) -> str:
    table = str(params.get("TransitGatewayRouteTableId"))
    world.site_of_table(table)
    return table


def _prefix_list(world: World, params: Params) -> str:
    name = str(params.get("PrefixListId"))
    if name not in {one.id for one in world.network.blueprint.prefix_lists}:
        raise Refused("InvalidPrefixListID.NotFound", f"The prefix list ID {name} does not exist")
    return name


def _cidr(params: Params) -> str:
    given = str(params.get("DestinationCidrBlock"))
    try:
        return str(ipaddress.ip_network(given))
    except ValueError as error:
        raise Refused("InvalidParameterValue", f"{given[:60]} is not a CIDR block") from error


def _dry(params: Params) -> None:
    if params.get("DryRun"):
        raise Refused("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)


def _static(world: World, table: str, cidr: str) -> TransitRoute | None:
    routes = world.network.transit_routes(table)
    return next((one for one in routes if one.prefix == cidr and one.origin == "static"), None)


def _settling(world: World, table: str, name: str) -> bool:
    return world.settling.get((table, name), 0.0) > world.network.now


def _reference(world: World, table: str, name: str) -> dict[str, Any]:
    attachment = world.network.prefix_list_references(table)[name]
    return {
        "TransitGatewayRouteTableId": table,
        "PrefixListId": name,
        "PrefixListOwnerId": world.site_of_table(table).account,
        "State": "modifying" if _settling(world, table, name) else "available",
        "Blackhole": attachment is None,
        "TransitGatewayAttachment": None if attachment is None else world.attachment(attachment),
    }


def _route(world: World, route: TransitRoute) -> dict[str, Any]:
    return {
        "DestinationCidrBlock": route.prefix,
        "PrefixListId": route.prefix_list or None,
        "TransitGatewayAttachments": [world.attachment(one) for one in route.attachments],
        "Type": "propagated" if route.origin == "propagated" else "static",
        "State": route.state,
    }


def _described(world: World, name: str) -> dict[str, Any]:
    held = world.network.prefix_list(name)
    return {"PrefixListId": name, "PrefixListName": name, "AddressFamily": "IPv4", "State": "modify-complete", "Version": held.version}


def _wants(params: Params, name: str, value: str) -> bool:
    filters = [one.get("Values") or () for one in params.get("Filters") or () if one.get("Name") == name]
    return all(value in values for values in filters)


def _filtered(world: World, table: str, routes: list[TransitRoute], name: str, values: Sequence[str]) -> list[TransitRoute]:
    match name:
        case "type":
            return [one for one in routes if ("propagated" if one.origin == "propagated" else "static") in values]
        case "state":
            return [one for one in routes if one.state in values]
        case "prefix-list-id":
            return [one for one in routes if one.prefix_list in values]
        case "attachment.transit-gateway-attachment-id":
            return [one for one in routes if set(one.attachments) & set(values)]
        case "attachment.resource-type":
            return [one for one in routes if any(world.attachment(each)["ResourceType"] in values for each in one.attachments)]
        case _:
            return _searched(world, table, routes, name, values)


def _searched(world: World, table: str, routes: list[TransitRoute], name: str, values: Sequence[str]) -> list[TransitRoute]:
    nets = [ipaddress.ip_network(value, strict=False) for value in values]
    match name:
        case "route-search.exact-match":
            return [one for one in routes if _net(one) in nets]
        case "route-search.subnet-of-match":
            return [one for one in routes if any(_within(_net(one), net) for net in nets)]
        case "route-search.supernet-of-match":
            return [one for one in routes if any(_within(net, _net(one)) for net in nets)]
        case "route-search.longest-prefix-match":
            found = {world.network.transit_lookup(table, value) for value in values}
            return [one for one in routes if one in found]
        case _:
            raise Refused("InvalidParameterValue", f"the filter {name[:60]!r} is invalid")


def _net(route: TransitRoute) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(route.prefix)


def _within(inner: ipaddress.IPv4Network | ipaddress.IPv6Network, outer: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


OPERATIONS: Mapping[str, Operation] = {
    "SearchTransitGatewayRoutes": search_transit_gateway_routes,
    "CreateTransitGatewayRoute": create_transit_gateway_route,
    "ReplaceTransitGatewayRoute": replace_transit_gateway_route,
    "DeleteTransitGatewayRoute": delete_transit_gateway_route,
    "GetTransitGatewayPrefixListReferences": get_transit_gateway_prefix_list_references,
    "CreateTransitGatewayPrefixListReference": create_transit_gateway_prefix_list_reference,
    "ModifyTransitGatewayPrefixListReference": modify_transit_gateway_prefix_list_reference,
    "DeleteTransitGatewayPrefixListReference": delete_transit_gateway_prefix_list_reference,
    "GetManagedPrefixListEntries": get_managed_prefix_list_entries,
    "DescribeManagedPrefixLists": describe_managed_prefix_lists,
    "ModifyManagedPrefixList": modify_managed_prefix_list,
}
