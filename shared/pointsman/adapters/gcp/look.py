"""One look at links from Google's control plane: sessions, tunnels, attachments, transports, and announced outages.

Each API is asked once a round for all links of a region, in parallel; a router is asked by one look at a time.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pointsman.adapters.gcp import statuses
from pointsman.adapters.gcp.compute import Compute, RouterRef, Throttled, region_path, router_of, tables
from pointsman.adapters.gcp.outages import carried_by, notices_of
from pointsman.core.errors import PointsmanError, Transient
from pointsman.core.fabric import Cloud, Fabric, Link
from pointsman.core.members import gcp_tunnel_key, peer_key, vlan_key
from pointsman.core.sightings import Aspect, Notice, Sighting
from pointsman.ports.clouds import Clock

CONNECTIVITY = "https://networkconnectivity.googleapis.com"
"""Where the transports' API lives unless boot says otherwise."""
MINUTE = timedelta(minutes=1)
"""Google's request quotas refill at each clock minute."""
PROJECT_LIMIT = 16
"""Most projects whose interconnects are asked for outages."""

Body = Mapping[str, Any]
"""What was read of one resource; empty where it could not be read."""
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

    async def look(self, links: Sequence[str]) -> tuple[Sighting, ...]:
        """Look once at these links. What cannot be read gives ``unknown``; raises ``Transient`` when throttled."""
        chosen = [link for link in self._fabric.links if link.name in set(links)]
        rounds = await asyncio.gather(self._sessions(chosen), self._tunnels(chosen), self._vlans(chosen), self._managed(chosen))
        return tuple(sighting for found in rounds for sighting in found)

    async def notices(self) -> tuple[Notice, ...]:
        """Read the outages that Google announces, or takes back, for the interconnects under the fabric's attachments. Raises ``Transient``."""
        links = [link for link in self._fabric.links if link.gcp.vlan_attachment]
        attachments = await self._by_region(links, "interconnectAttachments")
        carried = carried_by(attachments[self._key(link, str(link.gcp.vlan_attachment))] for link in links)
        projects = sorted({project for project, _ in carried})[:PROJECT_LIMIT]
        lists = await asyncio.gather(*(self._listed(f"/compute/v1/projects/{project}/global/interconnects") for project in projects))
        bodies = ((project, body) for project, found in zip(projects, lists, strict=True) for body in found)
        return tuple(notices_of(bodies, carried, self._clock.now()))

    async def _sessions(self, links: Sequence[Link]) -> list[Sighting]:
        peered = [link for link in links if _peers(link) and self._fabric.gcp_site(link).router]
        routers = {ref.path: ref for ref in (router_of(self._fabric, link.name) for link in peered)}
        read = dict(zip(routers, await asyncio.gather(*map(self._router, routers.values())), strict=True))
        now = self._clock.now()
        found = []
        for link in peered:
            ref = router_of(self._fabric, link.name)
            for name, ip in _peers(link):
                found += _session(peer_key(ref.id, ip), read[ref.path].get(name, {}), now)
        return found

    async def _router(self, ref: RouterRef) -> dict[str, Body]:
        """Give each peer's status by name, with its ``enable`` setting."""
        status, settings = await asyncio.gather(self._one(self._compute.status(ref)), self._one(self._compute.get(ref.path)))
        enabled = {peer.get("name"): peer.get("enable") for peer in tables((settings or {}).get("bgpPeers"))}
        peers = tables((status or {}).get("bgpPeerStatus"))
        return {str(peer.get("name")): peer | {"enable": enabled.get(peer.get("name"))} for peer in peers}

    async def _tunnels(self, links: Sequence[Link]) -> list[Sighting]:
        named = [(link, member.gcp.tunnel) for link in links for member in link.members if member.gcp.tunnel]
        bodies = await self._by_region([link for link, _ in named], "vpnTunnels")
        now = self._clock.now()
        claims = [(name, statuses.tunnel(bodies[self._key(link, name)].get("status"))) for link, name in named]
        return [statuses.sighting(gcp_tunnel_key(name), Aspect.IPSEC, claim, now) for name, claim in claims]

    async def _vlans(self, links: Sequence[Link]) -> list[Sighting]:
        named = [(link, link.gcp.vlan_attachment) for link in links if link.gcp.vlan_attachment]
        bodies = await self._by_region([link for link, _ in named], "interconnectAttachments")
        now = self._clock.now()
        claims = [(name, statuses.attachment(bodies[self._key(link, name)])) for link, name in named]
        return [statuses.sighting(vlan_key(name), Aspect.LINK, claim, now) for name, claim in claims]

    async def _managed(self, links: Sequence[Link]) -> list[Sighting]:
        names = [link.gcp.transport for link in links if link.gcp.transport]
        bodies = await asyncio.gather(*map(self._transport, names))
        now = self._clock.now()
        claims = [statuses.transport(body.get("state")) for body in bodies]
        return [statuses.sighting(name, Aspect.LINK, claim, now) for name, claim in zip(names, claims, strict=True)]

    async def _transport(self, name: str) -> Body:
        return await self._one(self._transports.get(f"/v1/{name}")) or {} if self._transports else {}

    async def _by_region(self, links: Iterable[Link], collection: str) -> Mapping[tuple[str, str], Body]:
        """List a collection once per region; what is not in it reads as empty. Keyed by site and resource name."""
        sites = {link.gcp_site: self._fabric.gcp_site(link) for link in links}
        paths = [f"{region_path(site.project, site.region)}/{collection}" for site in sites.values()]
        lists = await asyncio.gather(*map(self._listed, paths))
        found = {(str(site), str(body.get("name"))): body for site, bodies in zip(sites, lists, strict=True) for body in bodies}
        return defaultdict(dict, found)

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

    def _key(self, link: Link, name: str) -> tuple[str, str]:
        return str(link.gcp_site), name


def _peers(link: Link) -> list[tuple[str, str]]:
    return [(member.gcp.peer.name, member.gcp.peer.ip) for member in link.members if member.gcp.peer]


def _session(member: str, status: Body, now: datetime) -> list[Sighting]:
    enabled = status.get("enable") != "FALSE"
    learned = status.get("numLearnedRoutes")
    value = float(learned) if isinstance(learned, int) else None
    found = [statuses.sighting(member, Aspect.BGP, statuses.peer(status, enabled=enabled), now, value)]
    path = statuses.bfd(status) if enabled else None
    return found if path is None else [*found, statuses.sighting(member, Aspect.LINK, path, now)]
