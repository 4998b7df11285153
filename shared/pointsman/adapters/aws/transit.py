"""Read a Transit Gateway route table, and say where it sends a prefix.

For one prefix the table shows the preferred route only; a more specific one anywhere beats it
(docs.aws.amazon.com/vpc/latest/tgw, "How transit gateways work", route evaluation order).
"""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

from pointsman.adapters.aws.asking import ask
from pointsman.adapters.aws.clients import Clients
from pointsman.core.fabric import AwsSite, Fabric
from pointsman.core.values import Frozen
from pointsman.ports.clouds import LeverFailed

ROUTES_A_PAGE = 1000
"""As many as SearchTransitGatewayRoutes gives at once."""
PAGES = 12
"""A Transit Gateway holds 10,000 routes by default; a longer table is not read to its end, and nothing is proved from it."""

Net = ipaddress.IPv4Network | ipaddress.IPv6Network


class Hop(Frozen):
    """One route of a table: ``static`` is True for prefix-list references too, whose list ``prefix_list`` names."""

    prefix: str
    attachments: tuple[str, ...]
    static: bool
    active: bool
    prefix_list: str = ""


class Table(Frozen):
    """A route table as read; ``whole`` is False when it was too long to be read to its end."""

    name: str
    hops: tuple[Hop, ...]
    whole: bool = True


def site_of(fabric: Fabric, table: str) -> AwsSite:
    """Give the site that declares a route table. Raises ``LeverFailed``."""
    for site in fabric.sites:
        if isinstance(site, AwsSite) and table in site.route_tables:
            return site
    raise LeverFailed(f"no AWS site declares route table {table}: add it to route_tables of its site")


STATES = ("active", "blackhole")
"""The states of routes that forward or drop."""


async def read(clients: Clients, region: str, table: str, by: str = "state", values: Sequence[str] = STATES) -> Table:
    """Search a route table by one filter, page by page. Raises what ``asking.ask`` raises."""
    named: Any = [{"Name": by, "Values": list(values)}]
    more: dict[str, Any] = {}
    hops: list[Hop] = []
    for _ in range(PAGES):
        found: Any = await ask(
            lambda more=more: clients.ec2(region).search_transit_gateway_routes(  # type: ignore[misc]
                TransitGatewayRouteTableId=table, Filters=named, MaxResults=ROUTES_A_PAGE, **more
            ),
            "ec2:SearchTransitGatewayRoutes",
        )
        hops += [_hop(route) for route in found.get("Routes", ()) if route.get("DestinationCidrBlock")]
        if not found.get("NextToken"):
            return Table(name=table, hops=tuple(hops), whole=not found.get("AdditionalRoutesAvailable"))
        more = {"NextToken": found["NextToken"]}
    return Table(name=table, hops=tuple(hops), whole=False)


def astray(table: Table, prefix: str, attachment: str | None) -> str:
    """Say why a prefix is not sent to an attachment, or (None) by no route but what BGP propagates; "" when it is."""
    if not table.whole:
        return f"{table.name} is too long to be read to its end"
    best = longest_match(table.hops, prefix)
    if best is None:
        return f"{table.name} has no route to {prefix}"
    wrong = [hop for hop in (best, *more_specific(table.hops, prefix)) if _wrong(hop, attachment)]
    if wrong:
        return f"{table.name} sends {wrong[0].prefix} to {','.join(wrong[0].attachments) or 'a black hole'}"
    return ""


def longest_match(hops: Iterable[Hop], prefix: str) -> Hop | None:
    """Give the most specific route that covers a whole prefix."""
    covering = [hop for hop in hops if _covers(hop.prefix, prefix)]
    return max(covering, key=lambda hop: _net(hop.prefix).prefixlen, default=None)


def more_specific(hops: Iterable[Hop], prefix: str) -> tuple[Hop, ...]:
    """List the routes to a part of a prefix."""
    return tuple(hop for hop in hops if hop.prefix != prefix and _covers(prefix, hop.prefix))


def _wrong(hop: Hop, attachment: str | None) -> bool:
    if attachment is None:
        return hop.static or not hop.active
    return hop.attachments != (attachment,) or not hop.active


def _covers(outer: str, inner: str) -> bool:
    wide, narrow = _net(outer), _net(inner)
    return wide.version == narrow.version and narrow.subnet_of(wide)  # type: ignore[arg-type]


def _net(prefix: str) -> Net:
    return ipaddress.ip_network(prefix, strict=False)


def _hop(route: Any) -> Hop:
    attachments = tuple(one.get("TransitGatewayAttachmentId", "") for one in route.get("TransitGatewayAttachments") or ())
    return Hop(
        prefix=str(route["DestinationCidrBlock"]),
        attachments=attachments,
        static=route.get("Type") == "static",
        active=route.get("State") == "active",
        prefix_list=str(route.get("PrefixListId") or ""),
    )
