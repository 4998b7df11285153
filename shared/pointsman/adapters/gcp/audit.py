"""What Google Cloud shows of a fabric, read once for an audit: peers with their settings and routes, MTUs, outages, and who changed what.

Each part is read for itself, so that a right which is missing hides nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pointsman.adapters.gcp.compute import Compute, RouterRef, region_path, router_of, table, tables
from pointsman.adapters.gcp.http import GoogleHttp, Unanswered, Unreached
from pointsman.adapters.gcp.proof import families, prefix_of, routes_of
from pointsman.adapters.gcp.statuses import BFD_MILLIS, far_bfd
from pointsman.core.audit.seen import End, Seen, Unread
from pointsman.core.errors import PointsmanError
from pointsman.core.fabric import Cloud, Fabric, GcpSite, Link, LinkName, Member
from pointsman.core.sightings import Change, Notice
from pointsman.core.values import replace
from pointsman.ports.clouds import LeverFailed

LOGGING = "https://logging.googleapis.com"
"""Where Cloud Logging's API lives unless boot says otherwise."""
PAGES = 4
"""Pages of the audit log that are read, newest first."""
PAGE_SIZE = 250
KEEPALIVES = 3
"""Hold time of a Cloud Router in keepalive intervals (Cloud Router documentation, keepalive timer)."""
KEEPALIVE, BFD_MULTIPLIER = 20, 5
"""What a Cloud Router does where nothing is set (REST reference, routers)."""

Decode = Callable[[Mapping[str, Any]], tuple[Change, ...]]
"""Reads one entry of an audit log: the change it means, or nothing."""
T = TypeVar("T")


class GcpAuditor:
    """``Auditor`` over Compute Engine and Cloud Logging; ``notices`` reads the announced outages."""

    cloud = Cloud.GCP

    def __init__(
        self,
        fabric: Fabric,
        compute: Compute,
        http: GoogleHttp,
        *,
        decode: Decode,
        notices: Callable[[], Awaitable[tuple[Notice, ...]]],
        logging: str = LOGGING,
    ) -> None:
        self._fabric, self._compute, self._http = fabric, compute, http
        self._decode, self._notices, self._logging = decode, notices, logging.rstrip("/")

    async def seen(self, since: datetime) -> Seen:
        """Read once."""
        unread: list[Unread] = []
        links = [link for link in self._fabric.links if any(member.gcp.peer for member in link.members)]
        peers = asyncio.gather(*(_part(f"the peers of {link.name}", self._ends(link), unread) for link in links))
        mtus, notices, changes, ends = await asyncio.gather(
            _part("VLAN attachments", self._mtus(), unread),
            _part("announced outages", self._outages(), unread),
            _part("the audit log", self._changes(since, unread), unread),
            peers,
        )
        read = tuple(end for one in ends if one is not None for end in one)
        return Seen(cloud=self.cloud, ends=read, mtus=mtus or {}, notices=notices or (), changes=changes or (), unread=tuple(unread))

    async def _ends(self, link: Link) -> list[End]:
        router = router_of(self._fabric, link.name)
        body, status = await asyncio.gather(self._compute.get(router.path), self._compute.status(router))
        settings = {str(one.get("name")): one for one in tables(body.get("bgpPeers"))}
        states = {str(one.get("name")): one for one in tables(status.get("bgpPeerStatus"))}
        members = [member for member in link.members if member.gcp.peer]
        keepalive = table(body.get("bgp")).get("keepaliveInterval", KEEPALIVE)
        found = [_end(link, member, settings, states, timedelta(seconds=KEEPALIVES * _whole(keepalive, KEEPALIVE))) for member in members]
        return list(await asyncio.gather(*(self._with_routes(router, end) for end in found)))

    async def _with_routes(self, router: RouterRef, end: End) -> End:
        if not end.up:
            return end
        asked = families(self._fabric, self._fabric.link(end.link))
        found, whole = await routes_of(self._compute, router, end.name, asked, told=False)
        return replace(end, learned=tuple(map(prefix_of, found)) if whole else None)

    async def _mtus(self) -> dict[LinkName, int]:
        found: dict[LinkName, int] = {}
        for site in self._sites():
            links = {link.gcp.vlan_attachment: link.name for link in self._fabric.links if link.gcp_site == site.name}
            if any(links):
                listed = await self._compute.list_all(f"{region_path(site.project, site.region)}/interconnectAttachments")
                held = ((links.get(str(one.get("name"))), one.get("mtu")) for one in listed)
                found.update((name, mtu) for name, mtu in held if name and isinstance(mtu, int))
        return found

    def _sites(self) -> list[GcpSite]:
        return [site for site in self._fabric.sites if isinstance(site, GcpSite)]

    async def _outages(self) -> tuple[Notice, ...]:
        return await self._notices()

    async def _changes(self, since: datetime, unread: list[Unread]) -> tuple[Change, ...]:
        projects = dict.fromkeys(site.project for site in self._sites())
        entries = [entry for project in projects for entry in await self._audit_log(project, since, unread)]
        return tuple(change for entry in entries for change in self._decode(entry))

    async def _audit_log(self, project: str, since: datetime, unread: list[Unread]) -> list[dict[str, Any]]:
        """Give the newest entries of a project's admin activity log. Raises ``LeverFailed``."""
        log = f"projects/{project}/logs/cloudaudit.googleapis.com%2Factivity"
        asked: dict[str, Any] = {
            "resourceNames": [f"projects/{project}"],
            "filter": f'logName="{log}" AND timestamp>="{since:%Y-%m-%dT%H:%M:%SZ}"',
            "orderBy": "timestamp desc",
            "pageSize": PAGE_SIZE,
        }
        found: list[dict[str, Any]] = []
        for _ in range(PAGES):
            page = await self._listed(asked)
            found += tables(page.get("entries"))
            if not page.get("nextPageToken"):
                return found
            asked = asked | {"pageToken": page["nextPageToken"]}
        why = f"it has more than {PAGES * PAGE_SIZE} entries since {since:%FT%TZ}, and the newest were read"
        unread.append(Unread(what=f"the older part of the audit log of {project}", why=why))
        return found

    async def _listed(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer = await self._http.ask("POST", f"{self._logging}/v2/entries:list", body=asked)
            if answer.ok:
                return table(answer.json())
        except (Unreached, Unanswered) as error:
            raise LeverFailed(f"Cloud Logging did not answer: {error}") from error
        raise LeverFailed(f"Cloud Logging answered entries:list with {answer.status}: grant logging.logEntries.list (roles/logging.viewer)")


async def _part(what: str, reading: Coroutine[Any, Any, T], unread: list[Unread]) -> T | None:
    try:
        return await reading
    except PointsmanError as error:
        unread.append(Unread(what=what, why=str(error)))
        return None


def _end(
    link: Link, member: Member, settings: Mapping[str, Mapping[str, Any]], states: Mapping[str, Mapping[str, Any]], hold: timedelta
) -> End:
    assert member.gcp.peer is not None, "the caller filters"
    name = member.gcp.peer.name
    held, state = settings.get(name), states.get(name, {})
    priority = held.get("advertisedRoutePriority") if held else None
    accepted = state.get("numLearnedRoutes")
    return End(
        link=link.name,
        member=member.id,
        name=name,
        up={"UP": True, "DOWN": False}.get(str(state.get("status"))),
        accepted=accepted if isinstance(accepted, int) and state.get("status") == "UP" else None,
        priority=priority if isinstance(priority, int) else None,
        hold=hold if held else None,
        bfd=_bfd(table(held.get("bfd"))) if held else None,
        far_bfd=far_bfd(table(held.get("bfd")), state) if held else None,
    )


def _bfd(bfd: Mapping[str, Any]) -> timedelta:
    """Give how long BFD waits before it gives a session up; zero where it is not in use."""
    if bfd.get("sessionInitializationMode", "DISABLED") == "DISABLED":
        return timedelta(0)
    slowest = max(_whole(bfd.get("minReceiveInterval"), BFD_MILLIS), _whole(bfd.get("minTransmitInterval"), BFD_MILLIS))
    return timedelta(milliseconds=slowest * _whole(bfd.get("multiplier"), BFD_MULTIPLIER))


def _whole(value: object, usual: int) -> int:
    return value if isinstance(value, int) else usual
