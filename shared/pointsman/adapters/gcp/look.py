"""One look at links from Google's control plane: sessions, tunnels, attachments, transports, and announced outages.

Each API is asked once a round for all links of a region, in parallel; a router is asked by one look at a time.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pointsman.adapters.gcp import statuses
from pointsman.adapters.gcp.compute import Compute, RouterRef, Throttled, region_path, router_of, tables
from pointsman.adapters.gcp.outages import carried_by, notices_of
from pointsman.adapters.looking import Asked, side_by_side
from pointsman.core.errors import PointsmanError, Transient
from pointsman.core.fabric import Cloud, Fabric, GcpSite, Link
from pointsman.core.members import gcp_tunnel_key, peer_key, vlan_key
from pointsman.core.sightings import Aspect, Notice, Sighting
from pointsman.ports.clouds import Clock, Look

CONNECTIVITY = "https://networkconnectivity.googleapis.com"
"""Where the transports' API lives unless boot says otherwise."""
MINUTE = timedelta(minutes=1)
"""Google's request quotas refill at each clock minute."""
PROJECT_LIMIT = 16
"""Most projects whose interconnects are asked for outages."""

Body = Mapping[str, Any]
"""What was read of one resource; empty where it could not be read."""
Peer = tuple[str, str]
"""A peer's name, and its address."""
T = TypeVar("T")


class GcpLooker:
    """``Looker`` over Compute Engine and Network Connectivity."""

    cloud = Cloud.GCP

    def __init__(self, fabric: Fabric, compute: Compute, clock: Clock, *, transports: Compute | None = None) -> None:
        """Look through ``compute``; ``transports`` is a client whose endpoint is the Network Connectivity API's."""
        self._fabric = fabric
        self._compute = compute
        self._transports = transports
        self._clock = clock

    async def look(self, links: Sequence[str]) -> Look:
        """Look once at these links. What cannot be read is ``unknown``, what is throttled unseen; raises ``Transient`` when all of it is."""
        return await side_by_side(self._feeds([link for link in self._fabric.links if link.name in set(links)]))

    async def notices(self) -> tuple[Notice, ...]:
        """Read the outages that Google announces, or takes back, for the interconnects under the fabric's attachments. Raises ``Transient``."""
        declared = list(self._by_site((link, link.gcp.vlan_attachment) for link in self._fabric.links))
        listed = await asyncio.gather(*(self._of_site(site, "interconnectAttachments") for site, _ in declared))
        read = ((site, name, bodies[name]) for (site, names), bodies in zip(declared, listed, strict=True) for name in names)
        carried = carried_by((vlan_key(name, site.project, site.region), body) for site, name, body in read)
        projects = sorted({project for project, _ in carried})[:PROJECT_LIMIT]
        lists = await asyncio.gather(*(self._listed(f"/compute/v1/projects/{project}/global/interconnects") for project in projects))
        bodies = ((project, body) for project, found in zip(projects, lists, strict=True) for body in found)
        return tuple(notices_of(bodies, carried, self._clock.now()))

    def _feeds(self, links: Sequence[Link]) -> Iterator[Asked]:
        """Say what is read: each router, each collection of each site, each transport, with the members it is read for."""
        for ref, peers in self._routers(links):
            yield Asked(keys=tuple(peer_key(ref.id, ip) for _, ip in peers), reading=self._sessions(ref, peers))
        for site, names in self._by_site((link, member.gcp.tunnel) for link in links for member in link.members):
            yield Asked(keys=_keys(gcp_tunnel_key, site, names), reading=self._tunnels(site, names))
        for site, names in self._by_site((link, link.gcp.vlan_attachment) for link in links):
            yield Asked(keys=_keys(vlan_key, site, names), reading=self._vlans(site, names))
        for name in [link.gcp.transport for link in links if link.gcp.transport]:
            yield Asked(keys=(name,), reading=self._managed(name))

    def _routers(self, links: Sequence[Link]) -> Iterable[tuple[RouterRef, list[Peer]]]:
        """Give each router that these links have peers on, with these."""
        found: dict[str, tuple[RouterRef, list[Peer]]] = {}
        for link in links:
            if _peers(link) and self._fabric.gcp_site(link).router:
                ref = router_of(self._fabric, link.name)
                found.setdefault(ref.path, (ref, []))[1].extend(_peers(link))
        return found.values()

    async def _sessions(self, ref: RouterRef, peers: Sequence[Peer]) -> list[Sighting]:
        read, now = await self._router(ref), self._clock.now()
        return [one for name, ip in peers for one in _session(peer_key(ref.id, ip), read.get(name, {}), now)]

    async def _router(self, ref: RouterRef) -> dict[str, Body]:
        """Give each peer's status by name, with its ``enable`` setting."""
        status, settings = await asyncio.gather(self._one(self._compute.status(ref)), self._one(self._compute.get(ref.path)))
        enabled = {peer.get("name"): peer.get("enable") for peer in tables((settings or {}).get("bgpPeers"))}
        peers = tables((status or {}).get("bgpPeerStatus"))
        return {str(peer.get("name")): peer | {"enable": enabled.get(peer.get("name"))} for peer in peers}

    async def _tunnels(self, site: GcpSite, names: Sequence[str]) -> list[Sighting]:
        bodies, now = await self._of_site(site, "vpnTunnels"), self._clock.now()
        claims = [statuses.tunnel(bodies[name].get("status")) for name in names]
        members = _keys(gcp_tunnel_key, site, names)
        return [statuses.sighting(member, Aspect.IPSEC, claim, now) for member, claim in zip(members, claims, strict=True)]

    async def _vlans(self, site: GcpSite, names: Sequence[str]) -> list[Sighting]:
        bodies, now = await self._of_site(site, "interconnectAttachments"), self._clock.now()
        claims = [statuses.attachment(bodies[name]) for name in names]
        members = _keys(vlan_key, site, names)
        return [statuses.sighting(member, Aspect.LINK, claim, now) for member, claim in zip(members, claims, strict=True)]

    async def _managed(self, name: str) -> list[Sighting]:
        body = await self._transport(name)
        return [statuses.sighting(name, Aspect.LINK, statuses.transport(body.get("state")), self._clock.now())]

    async def _transport(self, name: str) -> Body:
        return await self._one(self._transports.get(f"/v1/{name}")) or {} if self._transports else {}

    def _by_site(self, named: Iterable[tuple[Link, str | None]]) -> Iterable[tuple[GcpSite, list[str]]]:
        """Sort the names that links have for something by the links' sites at Google."""
        found: dict[str, tuple[GcpSite, list[str]]] = {}
        for link, name in named:
            if name:
                found.setdefault(link.gcp_site, (self._fabric.gcp_site(link), []))[1].append(name)
        return found.values()

    async def _of_site(self, site: GcpSite, collection: str) -> Mapping[str, Body]:
        """List a site's collection, by resource name; what is not in it reads as empty."""
        listed = await self._listed(f"{region_path(site.project, site.region)}/{collection}")
        return defaultdict(dict, {str(body.get("name")): body for body in listed})

    async def _listed(self, path: str) -> list[dict[str, Any]]:
        return await self._one(self._compute.list_all(path)) or []

    async def _one(self, read: Awaitable[T]) -> T | None:
        try:
            return await read
        except Throttled as error:
            now = self._clock.now()
            refill = now.replace(second=0, microsecond=0) + MINUTE - now
            raise Transient(f"Google throttles the look: {error}", retry_after=refill) from error
        except PointsmanError:
            return None  # what cannot be read is unknown, and its sighting says so


def _peers(link: Link) -> list[Peer]:
    return [(member.gcp.peer.name, member.gcp.peer.ip) for member in link.members if member.gcp.peer]


def _keys(key: Callable[[str, str, str], str], site: GcpSite, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(key(name, site.project, site.region) for name in names)


def _session(member: str, status: Body, now: datetime) -> list[Sighting]:
    enabled = status.get("enable") != "FALSE"
    learned = status.get("numLearnedRoutes")
    value = float(learned) if isinstance(learned, int) else None
    found = [statuses.sighting(member, Aspect.BGP, statuses.peer(status, enabled=enabled), now, value)]
    path = statuses.bfd(status) if enabled else None
    return found if path is None else [*found, statuses.sighting(member, Aspect.LINK, path, now)]
