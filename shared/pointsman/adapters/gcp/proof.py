"""Is a stance in force? Read from what a router has chosen and what it announces after its policies."""

import asyncio
from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from typing import Any

from pointsman.adapters.gcp.compute import Compute, RouterRef, table, tables
from pointsman.adapters.gcp.policies import AVOIDED
from pointsman.core.fabric import Link
from pointsman.core.steering import PrefixStance, Stance

Announced = Mapping[str, tuple[tuple[str, int], ...]]
"""Per peer, the prefixes announced to it after the export policies, with their MED."""


async def advertised(compute: Compute, router: RouterRef, link: Link) -> Announced:
    """Ask what a link's peers are told, all at once."""
    names = [member.gcp.peer.name for member in link.members if member.gcp.peer]
    found = await asyncio.gather(*(_told(compute, router, name) for name in names))
    return dict(zip(names, found, strict=True))


def missing_imports(link: Link, status: Mapping[str, Any], stances: Iterable[PrefixStance]) -> str:
    """Say which prefix is not steered as its stance asks, by the router's best routes; "" when all are."""
    peers = {member.gcp.peer.ip for member in link.members if member.gcp.peer}
    best = [route for route in tables(status.get("bestRoutes")) if route.get("nextHopIp") in peers]
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


async def _told(compute: Compute, router: RouterRef, peer: str) -> tuple[tuple[str, int], ...]:
    query = {"peer": peer, "addressFamily": "IPV4", "routeType": "ADVERTISED", "policyApplied": "true"}
    page = await compute.get(f"{router.path}/listBgpRoutes", query)
    return tuple((str(table(one.get("destination")).get("prefix", "")), _number(one.get("med"))) for one in tables(page.get("result")))


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
