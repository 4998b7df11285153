"""What AWS shows of a fabric, read once for an audit: wiring, static entries, sessions and their routes, gateways, and who changed what.

Each part is read for itself, so that a right which is missing hides nothing else.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime
from typing import Any, TypeVar

from pointsman.adapters.aws.asking import ask, ask_json
from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.aws.interfaces import Interface, interfaces
from pointsman.adapters.aws.prefix_lists import entries
from pointsman.adapters.aws.transit import read, site_of
from pointsman.core.audit.seen import Attachment, End, Entry, Seen, Unread
from pointsman.core.errors import PointsmanError
from pointsman.core.fabric import AwsSite, Cloud, Fabric, Link, LinkName
from pointsman.core.members import tunnel_key
from pointsman.core.sightings import Change
from pointsman.ports.clouds import LeverFailed

HISTORY = {"AttributeKey": "ReadOnly", "AttributeValue": "false"}
"""What CloudTrail's event history is looked up by, which one lookup may name one attribute of: calls that only read are far more."""
HISTORY_PAGES = 8
"""Pages of 50 events that are read of one Region's history, newest first: two lookups a second, account and Region are its limit."""
PAGES = 4
"""Pages that are read of any other list."""
LIST_PAGES = 10
"""Pages of 100 entries that are read of a managed prefix list, which holds 1,000 at most (VPC quotas)."""
IDS_AT_ONCE = 50
"""Attachments that are asked for in one call."""

Decode = Callable[[str], tuple[Change, ...]]
"""Reads one CloudTrail record (JSON text): the change it means, or nothing."""
T = TypeVar("T")


class AwsAuditor:
    """``Auditor`` over EC2, Direct Connect and CloudTrail."""

    cloud = Cloud.AWS

    def __init__(self, fabric: Fabric, clients: Clients, decode: Decode) -> None:
        self._fabric, self._clients, self._decode = fabric, clients, decode

    async def seen(self, since: datetime) -> Seen:
        """Read once."""
        unread: list[Unread] = []
        statics = asyncio.gather(
            _part("static routes and prefix-list references", self._entries(), unread),
            _part("the entries of managed prefix lists", self._lists(), unread),
        )
        attachments, (routes, lists), tunnels, sessions, allowed, changes = await asyncio.gather(
            _part("the wiring of attachments", self._attachments(), unread),
            statics,
            _part("the tunnels of VPN connections", self._tunnels(), unread),
            _part("the routes of virtual interfaces", self._sessions(), unread),
            _part("the prefixes that gateways may announce", self._allowed(), unread),
            _part("CloudTrail's event history", self._changes(since, unread), unread),
        )
        ends, mtus = sessions or ((), {})
        return Seen(
            cloud=self.cloud,
            attachments=attachments,
            entries=routes,
            ends=(*(tunnels or ()), *ends),
            mtus=mtus,
            allowed=allowed or {},
            lists=lists or {},
            changes=changes or (),
            unread=tuple(unread),
        )

    def _sites(self) -> list[AwsSite]:
        return [site for site in self._fabric.sites if isinstance(site, AwsSite)]

    def _links(self, site: AwsSite) -> list[Link]:
        return [link for link in self._fabric.links if link.aws_site == site.name]

    async def _attachments(self) -> tuple[Attachment, ...]:
        found = await asyncio.gather(*(self._wired(site) for site in self._sites() if site.transit_gateway))
        return tuple(one for wired in found for one in wired)

    async def _wired(self, site: AwsSite) -> list[Attachment]:
        names = list(dict.fromkeys(one for link in self._links(site) for one in link.aws.attachments))
        shown: dict[str, Any] = {}
        for start in range(0, len(names), IDS_AT_ONCE):
            held = await self._described(site.region, names[start : start + IDS_AT_ONCE])
            shown.update((str(one.get("TransitGatewayAttachmentId")), one) for one in held)
        takes = dict(
            zip(site.route_tables, await asyncio.gather(*(self._takes(site.region, one) for one in site.route_tables)), strict=True)
        )
        return [_attachment(name, shown.get(name, {}), takes) for name in names]

    async def _described(self, region: str, names: list[str]) -> list[Any]:
        by = "transit-gateway-attachment-id"
        answer: Any = await ask(
            lambda: self._clients.ec2(region).describe_transit_gateway_attachments(Filters=[{"Name": by, "Values": names}]),
            "ec2:DescribeTransitGatewayAttachments",
        )
        return list(answer.get("TransitGatewayAttachments", ()))

    async def _takes(self, region: str, table: str) -> frozenset[str]:
        """Name the attachments whose routes a table takes."""
        found: list[Any] = []
        more: dict[str, Any] = {}
        for _ in range(PAGES):
            answer: Any = await ask(
                lambda more=more: self._clients.ec2(region).get_transit_gateway_route_table_propagations(  # type: ignore[misc]
                    TransitGatewayRouteTableId=table, **more
                ),
                "ec2:GetTransitGatewayRouteTablePropagations",
            )
            found += answer.get("TransitGatewayRouteTablePropagations", ())
            if not answer.get("NextToken"):
                return frozenset(str(one.get("TransitGatewayAttachmentId")) for one in found if one.get("State") in {"enabled", "enabling"})
            more = {"NextToken": answer["NextToken"]}
        raise LeverFailed(f"{table} takes the routes of more attachments than are read: nothing is proved of those left out")

    async def _entries(self) -> tuple[Entry, ...]:
        tables = [(site.region, table) for site in self._sites() for table in site.route_tables]
        found = await asyncio.gather(*(read(self._clients, region, table, "type", ("static",)) for region, table in tables))
        partial = [table.name for table in found if not table.whole]
        if partial:
            raise LeverFailed(f"{partial[0]} is too long to be read to its end")
        return tuple(
            Entry(
                table=table.name,
                name=hop.prefix_list or hop.prefix,
                attachment=",".join(hop.attachments),
                prefix=hop.prefix if hop.prefix_list else "",
            )
            for table in found
            for hop in table.hops
        )

    async def _lists(self) -> dict[str, tuple[str, ...]]:
        targets = {flow.aws_prefix_list.prefix_list: flow.aws_prefix_list for flow in self._fabric.flows if flow.aws_prefix_list}
        found = await asyncio.gather(
            *(entries(self._clients, site_of(self._fabric, one.route_tables[0]).region, name, LIST_PAGES) for name, one in targets.items())
        )
        return dict(zip(targets, found, strict=True))

    async def _tunnels(self) -> tuple[End, ...]:
        found = await asyncio.gather(*map(self._tunnels_of, self._sites()))
        return tuple(end for ends in found for end in ends)

    async def _tunnels_of(self, site: AwsSite) -> list[End]:
        members = [(link, member) for link in self._links(site) for member in link.members if member.aws.vpn and member.aws.outside_ip]
        names = list(dict.fromkeys(str(member.aws.vpn) for _, member in members))
        if not names:
            return []
        by = "vpn-connection-id"
        answer: Any = await ask(
            lambda: self._clients.ec2(site.region).describe_vpn_connections(Filters=[{"Name": by, "Values": names}]),
            "ec2:DescribeVpnConnections",
        )
        told = {
            tunnel_key(str(one.get("VpnConnectionId")), str(tunnel.get("OutsideIpAddress"))): tunnel
            for one in answer.get("VpnConnections", ())
            for tunnel in one.get("VgwTelemetry") or ()
        }
        keys = [(link, member.id, tunnel_key(str(member.aws.vpn), str(member.aws.outside_ip))) for link, member in members]
        return [_tunnel(End(link=link.name, member=member, name=key), told.get(key, {})) for link, member, key in keys]

    async def _sessions(self) -> tuple[tuple[End, ...], dict[LinkName, int]]:
        ends: list[End] = []
        mtus: dict[LinkName, int] = {}
        for site in self._sites():
            members = [(link, member) for link in self._links(site) for member in link.members if member.aws.virtual_interface]
            shown = await interfaces(self._clients, site.region) if members else {}
            names = [str(member.aws.virtual_interface) for _, member in members]
            learned = dict(zip(names, await asyncio.gather(*(self._accepted(site.region, one) for one in names)), strict=True))
            for link, member in members:
                name = str(member.aws.virtual_interface)
                held = shown.get(name, Interface(name=name, state="unknown", peers=()))
                ends.append(End(link=link.name, member=member.id, name=name, up=_up(held), learned=learned[name] if _up(held) else None))
                if held.mtu is not None:
                    mtus[link.name] = min(held.mtu, mtus.get(link.name, held.mtu))
        return tuple(ends), mtus

    async def _accepted(self, region: str, interface: str) -> tuple[str, ...] | None:
        """List the prefixes that a virtual interface accepted; None when there are more than are read."""
        found: list[str] = []
        more: dict[str, Any] = {"virtualInterfaceId": interface, "filters": {"routeDirection": "accepted"}}
        for _ in range(PAGES):
            answer = await ask_json(self._clients.signed("directconnect", region), "ListVirtualInterfaceRoutes", more)
            found += [str(one.get("cidr")) for one in answer.get("routes") or ()]
            if not answer.get("nextToken"):
                return tuple(found)
            more = more | {"nextToken": answer["nextToken"]}
        return None

    async def _allowed(self) -> dict[LinkName, tuple[str, ...]]:
        links = [link for link in self._fabric.links if link.aws.association]
        found = await asyncio.gather(*map(self._gateway, links))
        return {link.name: prefixes for link, prefixes in zip(links, found, strict=True) if prefixes is not None}

    async def _gateway(self, link: Link) -> tuple[str, ...] | None:
        signed = self._clients.signed("directconnect", self._fabric.aws_site(link).region)
        answer = await ask_json(signed, "DescribeDirectConnectGatewayAssociations", {"associationId": link.aws.association})
        for held in answer.get("directConnectGatewayAssociations") or ():
            return tuple(str(one.get("cidr")) for one in held.get("allowedPrefixesToDirectConnectGateway") or ())
        return None

    async def _changes(self, since: datetime, unread: list[Unread]) -> tuple[Change, ...]:
        regions = dict.fromkeys(site.region for site in self._sites())
        records = [record for region in regions for record in await self._lookup(region, since, unread)]
        return tuple(change for record in records for change in self._decode(record))

    async def _lookup(self, region: str, since: datetime, unread: list[Unread]) -> list[str]:
        """Give the newest records of calls that change something, one page after the other: the history is throttled."""
        found: list[str] = []
        more: dict[str, Any] = {}
        for _ in range(HISTORY_PAGES):
            answer: Any = await ask(
                lambda more=more: self._clients.get("cloudtrail", region).lookup_events(  # type: ignore[misc]
                    LookupAttributes=[HISTORY], StartTime=since, **more
                ),
                "cloudtrail:LookupEvents",
            )
            found += [str(one["CloudTrailEvent"]) for one in answer.get("Events", ()) if one.get("CloudTrailEvent")]
            if not answer.get("NextToken"):
                return found
            more = {"NextToken": answer["NextToken"]}
        why = f"more than {HISTORY_PAGES} pages of calls that change something were made since {since:%FT%TZ}, and the newest were read"
        unread.append(Unread(what=f"the older part of CloudTrail's event history of {region}", why=why))
        return found


async def _part(what: str, reading: Coroutine[Any, Any, T], unread: list[Unread]) -> T | None:
    try:
        return await reading
    except PointsmanError as error:
        unread.append(Unread(what=what, why=str(error)))
        return None


def _attachment(name: str, shown: Any, takes: dict[str, frozenset[str]]) -> Attachment:
    held = shown.get("Association") or {}
    associated = held.get("State") in {"associated", "associating"}
    tables: Iterable[str] = (table for table, names in takes.items() if name in names)
    return Attachment(id=name, association=str(held.get("TransitGatewayRouteTableId", "")) if associated else "", propagates=tuple(tables))


def _tunnel(end: End, told: Any) -> End:
    status = str(told.get("Status", "")).upper()
    count = told.get("AcceptedRouteCount")
    accepted = count if status == "UP" and isinstance(count, int) else None
    return End(link=end.link, member=end.member, name=end.name, up={"UP": True, "DOWN": False}.get(status), accepted=accepted)


def _up(interface: Interface) -> bool | None:
    """Say whether a session is up; while a failover test runs nobody can say what it would be."""
    if interface.testing or not interface.peers:
        return None
    return {frozenset({"up"}): True, frozenset({"down"}): False}.get(frozenset(interface.peers))
