"""Is a stance in force? Read from what a router has chosen and what it announces after its policies."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from pointsman.adapters.gcp.compute import Compute, RouterRef, table, tables
from pointsman.adapters.gcp.policies import AVOIDED
from pointsman.core.fabric import Fabric, Link
from pointsman.core.steering import PrefixStance, Stance
from pointsman.core.values import Frozen

Announced = Mapping[str, tuple[tuple[str, int], ...]]
"""Per peer, the prefixes announced to it after the export policies, with their MED."""
_IPV4, _IPV6 = "IPV4", "IPV6"


class Sent(Frozen):
    """What a link's peers are told; ``unread`` says of which peer the list was too long to be read to its end, "" of none."""

    routes: Announced
    unread: str = ""


def families(fabric: Fabric, link: Link) -> tuple[str, ...]:
    """Name the address families, in the API's words, that the flows permitted on a link are of: IPv4 in any case."""
    flows = (flow for flow in fabric.flows if fabric.permits(flow, link))
    of_six = any(":" in prefix for flow in flows for prefixes in flow.prefixes.values() for prefix in prefixes)
    return (_IPV4, _IPV6) if of_six else (_IPV4,)


async def advertised(compute: Compute, router: RouterRef, fabric: Fabric, link: Link) -> Sent:
    """Ask what a link's peers are told, all at once."""
    names = [member.gcp.peer.name for member in link.members if member.gcp.peer]
    asked = families(fabric, link)
    found = await asyncio.gather(*(_told(compute, router, name, asked) for name in names))
    short = next((name for name, (_, whole) in zip(names, found, strict=True) if not whole), None)
    unread = f"peer {short} is told more routes than are read, so nothing is proved of the others" if short else ""
    return Sent(routes={name: routes for name, (routes, _) in zip(names, found, strict=True)}, unread=unread)


async def routes_of(
    compute: Compute, router: RouterRef, peer: str, asked: Sequence[str], *, told: bool
) -> tuple[list[Mapping[str, Any]], bool]:
    """List what a peer is told after our policies, or told us before them, of each address family; says whether these are all."""
    kind = {"routeType": "ADVERTISED", "policyApplied": "true"} if told else {"routeType": "LEARNED", "policyApplied": "false"}
    queries = ({"peer": peer, "addressFamily": family, **kind} for family in asked)
    found = await asyncio.gather(*(compute.bgp_routes(router, query) for query in queries))
    return [one for routes, _ in found for one in routes], all(whole for _, whole in found)


def prefix_of(route: Mapping[str, Any]) -> str:
    """Give the prefix that a listed route leads to."""
    return str(table(route.get("destination")).get("prefix", ""))


def missing_imports(link: Link, status: Mapping[str, Any], stances: Iterable[PrefixStance]) -> str:
    """Say which prefix is not steered as its stance asks, by the router's best routes; "" when all are."""
    hops = _next_hops(link, status)
    best = [route for route in tables(status.get("bestRoutes")) if route.get("nextHopIp") in hops]
    for stance in stances:
        here = [route for route in best if within(str(route.get("destRange", "")), stance.prefix)]
        if stance.stance is not Stance.ATTRACT and here:
            return f"Google still sends {stance.prefix} over {link.name}: no other link offers it, or it has not converged"
    kept = [one.prefix for one in stances if one.stance is not Stance.ATTRACT]
    for route in best:
        prefix = str(route.get("destRange", ""))
        if route.get("priority") in AVOIDED and not any(within(prefix, one) for one in kept):
            return f"Google still holds {prefix} over {link.name} as one to avoid"
    return ""


def missing_exports(sent: Announced, stances: Iterable[PrefixStance]) -> str:
    """Say which prefix AWS is not told as its stance asks; "" when all are."""
    by_prefix = {one.prefix: one.stance for one in stances}
    for peer, routes in sent.items():
        for prefix, med in routes:
            stance = next((how for wide, how in by_prefix.items() if within(prefix, wide)), Stance.ATTRACT)
            if _contradicts(stance, med):
                return f"peer {peer} is still told {prefix} with MED {med} where it should {stance.value}"
    return ""


def within(prefix: str, wide: str) -> bool:
    """Say whether a prefix lies in another; what is no prefix lies nowhere."""
    try:
        return ip_network(prefix).subnet_of(ip_network(wide))  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return False


def _next_hops(link: Link, status: Mapping[str, Any]) -> set[str]:
    """Name the far ends of a link as next hops: IPv6 routes lead to an address of their own, whatever family the session is of."""
    peers = {member.gcp.peer.name: member.gcp.peer.ip for member in link.members if member.gcp.peer}
    ours = (one for one in tables(status.get("bgpPeerStatus")) if one.get("name") in peers)
    return {*peers.values(), *(str(one["peerIpv6NexthopAddress"]) for one in ours if one.get("peerIpv6NexthopAddress"))}


async def _told(compute: Compute, router: RouterRef, peer: str, asked: Sequence[str]) -> tuple[tuple[tuple[str, int], ...], bool]:
    found, whole = await routes_of(compute, router, peer, asked, told=True)
    return tuple((prefix_of(one), _number(one.get("med"))) for one in found), whole


def _contradicts(stance: Stance, med: int) -> bool:
    match stance:
        case Stance.DROP:
            return True
        case Stance.AVOID:
            return med not in AVOIDED
        case Stance.ATTRACT:
            return med in AVOIDED


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
