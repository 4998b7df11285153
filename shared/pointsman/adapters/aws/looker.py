"""Look once at how the AWS ends of links stand: one call per API and Region, all side by side.

What each feed says, and no more: a virtual interface's ``bgpStatus`` speaks of the session, a connection's state of
light on the cross-connect, a tunnel's telemetry of IPsec and the session inside, an AWS Interconnect's state of the
product, never of reachability. ``available`` there may mean three of four channels (it is ``up`` for the aspect link alone).
Of a session that is down the failover tests are asked for too: it may be on its way back from one. In a reaction its lever
has asked for them already, so that this costs no round trip.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pointsman.adapters.aws.asking import Throttled, ask, ask_json
from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.aws.interfaces import Interface, failover_tests, interfaces
from pointsman.adapters.looking import Asked, side_by_side
from pointsman.adapters.threads import Turns
from pointsman.core.errors import PointsmanError, Transient
from pointsman.core.evidence import BACK_WITHIN
from pointsman.core.fabric import Cloud, Fabric, Link
from pointsman.core.members import tunnel_key
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.core.values import Frozen
from pointsman.ports.clouds import Clock, Look

PAGES = 20
"""Pages of a list that are read in one look."""
SLOW_DOWN = timedelta(seconds=5)
"""How long to leave AWS alone once it throttled a whole look."""
HISTORY_LIMIT = timedelta(seconds=1)
"""How long a look waits to be told of failover tests, and how old the answer may be: a session that is down is told of in any case."""


class Claim(Frozen):
    """What a feed says of one aspect of one thing."""

    aspect: Aspect
    health: Health
    cause: Cause = Cause.UNSTATED
    value: float | None = None


Claims = Mapping[str, tuple[Claim, ...]]
"""Key of a member -> what is said of it."""


class Feed(Frozen):
    """The keys that one feed of one Region is asked about, with the aspects it speaks of."""

    keys: tuple[str, ...]
    aspects: tuple[Aspect, ...]


class AwsLooker:
    """Reads virtual interfaces, connections, VPN tunnels and AWS Interconnects."""

    cloud = Cloud.AWS

    def __init__(self, fabric: Fabric, clients: Clients, clock: Clock) -> None:
        self._fabric, self._clients, self._clock = fabric, clients, clock
        self._turns = Turns()

    async def look(self, links: Sequence[str]) -> Look:
        """Look once. What cannot be read is ``unknown``, what AWS throttles unseen. Raises ``Transient`` when it throttles every feed."""
        seen_at = self._clock.now()
        regions: dict[str, list[Link]] = {}
        for name in links:
            link = self._fabric.link(name)
            regions.setdefault(self._fabric.aws_site(link).region, []).append(link)
        feeds = (feed for region, chosen in regions.items() for feed in self._feeds(region, chosen))
        return await side_by_side(Asked(keys=feed.keys, reading=_told(feed, reading, seen_at)) for feed, reading in feeds)

    def _feeds(self, region: str, links: list[Link]) -> Iterator[tuple[Feed, Coroutine[Any, Any, Claims]]]:
        """Pair each feed that these links need with what it is asked about."""
        members = [member.aws for link in links for member in link.members]
        sessions = _keys(member.virtual_interface for member in members)
        ports = _keys(member.connection for member in members)
        tunnels = _keys(tunnel_key(member.vpn, member.outside_ip) for member in members if member.vpn and member.outside_ip)
        managed = _keys(link.aws.connection for link in links)
        if sessions:
            yield Feed(keys=sessions, aspects=(Aspect.BGP,)), self._interfaces(region, sessions)
        if ports:
            yield Feed(keys=ports, aspects=(Aspect.LINK,)), self._connections(region)
        if tunnels:
            yield Feed(keys=tunnels, aspects=(Aspect.IPSEC, Aspect.BGP)), self._tunnels(region, tunnels)
        if managed:
            yield Feed(keys=managed, aspects=(Aspect.LINK,)), self._interconnects(region)

    async def _interfaces(self, region: str, names: tuple[str, ...]) -> Claims:
        shown = await interfaces(self._clients, region)
        down = [name for name in names if name in shown and _session(shown[name]).health is Health.DOWN]
        tested = dict(zip(down, await asyncio.gather(*(self._tested_lately(region, name) for name in down)), strict=True))
        return {name: (_session(one, tested_lately=tested.get(name, False)),) for name, one in shown.items()}

    async def _tested_lately(self, region: str, interface: str) -> bool:
        """Say whether a failover test has just ended; not where AWS does not say so in time."""
        try:
            async with asyncio.timeout(HISTORY_LIMIT.total_seconds()):
                tests = await failover_tests(self._clients, region, interface, within=HISTORY_LIMIT)
        except (PointsmanError, TimeoutError):
            return False
        return bool(tests) and self._clock.now() - tests[-1].until < BACK_WITHIN

    async def _connections(self, region: str) -> Claims:
        signed = self._clients.signed("directconnect", region)
        shown = await _pages(lambda more: ask_json(signed, "DescribeConnections", more), "connections")
        return {str(one.get("connectionId")): (_port(one.get("connectionState")),) for one in shown}

    async def _tunnels(self, region: str, keys: tuple[str, ...]) -> Claims:
        names = list(dict.fromkeys(key.partition(":")[0] for key in keys))
        by = "vpn-connection-id"
        answer: Any = await ask(
            lambda: self._clients.ec2(region).describe_vpn_connections(Filters=[{"Name": by, "Values": names}]),
            "ec2:DescribeVpnConnections",
            turns=self._turns,
            kind=f"ec2 {region}",
        )
        return {
            tunnel_key(str(one.get("VpnConnectionId")), str(tunnel.get("OutsideIpAddress"))): _tunnel(tunnel)
            for one in answer.get("VpnConnections", ())
            for tunnel in one.get("VgwTelemetry") or ()
        }

    async def _interconnects(self, region: str) -> Claims:
        client, kind = self._clients.interconnect, f"interconnect {region}"

        def listed(more: dict[str, Any]) -> Awaitable[Any]:
            return ask(lambda: client(region).list_connections(**more), "interconnect:ListConnections", turns=self._turns, kind=kind)

        return {str(one.get("id")): (_interconnect(one.get("state")),) for one in await _pages(listed, "connections")}


async def _told(feed: Feed, reading: Coroutine[Any, Any, Claims], seen_at: datetime) -> tuple[Sighting, ...]:
    """Give what a feed says of its keys; ``unknown`` where it says nothing or cannot be read."""
    try:
        said = await reading
    except Throttled as error:
        raise Transient(str(error), retry_after=SLOW_DOWN) from error
    except PointsmanError:
        said = {}  # the rows say unknown, which is what a look that failed is worth
    nothing = tuple(Claim(aspect=aspect, health=Health.UNKNOWN) for aspect in feed.aspects)
    return tuple(_sighting(key, claim, seen_at) for key in feed.keys for claim in said.get(key, nothing))


async def _pages(call: Callable[[dict[str, Any]], Awaitable[Any]], field: str) -> list[Any]:
    """Read a list to its end, or to the bound."""
    found: list[Any] = []
    more: dict[str, Any] = {}
    for _ in range(PAGES):
        answer = await call(more)
        found += answer.get(field, ())
        if not answer.get("nextToken"):
            break
        more = {"nextToken": answer["nextToken"]}
    return found


def _keys(names: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


def _session(interface: Interface, *, tested_lately: bool = False) -> Claim:
    """Read a session; a running failover test is a drain, not an outage, and one that has just ended may be the cause of a loss."""
    statuses = set(interface.peers)
    if interface.testing:
        return Claim(aspect=Aspect.BGP, health=Health.DRAINING, cause=Cause.FAILOVER_TEST)
    if statuses == {"up"}:
        return Claim(aspect=Aspect.BGP, health=Health.UP, cause=Cause.SESSION_UP)
    if statuses == {"down"}:
        return Claim(aspect=Aspect.BGP, health=Health.DOWN, cause=Cause.FAILOVER_TEST if tested_lately else Cause.SESSION_DOWN)
    if {"up", "down"} <= statuses:
        return Claim(aspect=Aspect.BGP, health=Health.DEGRADED, cause=Cause.REDUNDANCY_LOST)
    return Claim(aspect=Aspect.BGP, health=Health.UNKNOWN)


def _port(state: object) -> Claim:
    match state:
        case "available":
            return Claim(aspect=Aspect.LINK, health=Health.UP, cause=Cause.OPERATIONAL)
        case "down":
            return Claim(aspect=Aspect.LINK, health=Health.DOWN, cause=Cause.NOT_OPERATIONAL)
        case "deleting" | "deleted" | "rejected":
            return Claim(aspect=Aspect.LINK, health=Health.DOWN, cause=Cause.DELETED)
        case _:
            return Claim(aspect=Aspect.LINK, health=Health.UNKNOWN)


def _tunnel(tunnel: Any) -> tuple[Claim, ...]:
    """Read a tunnel: UP means IPsec and the session; DOWN says by its message which of them is."""
    routes = float(tunnel.get("AcceptedRouteCount") or 0)
    match str(tunnel.get("Status", "")).upper(), str(tunnel.get("StatusMessage", "")).upper():
        case "UP", _:
            ipsec = Claim(aspect=Aspect.IPSEC, health=Health.UP, cause=Cause.IPSEC_UP)
            return ipsec, Claim(aspect=Aspect.BGP, health=Health.UP, cause=Cause.SESSION_UP, value=routes)
        case "DOWN", message:
            return _ipsec(message), Claim(aspect=Aspect.BGP, health=Health.DOWN, cause=Cause.SESSION_DOWN, value=0.0)
        case _:
            return Claim(aspect=Aspect.IPSEC, health=Health.UNKNOWN), Claim(aspect=Aspect.BGP, health=Health.UNKNOWN)


def _ipsec(message: str) -> Claim:
    if "IPSEC IS DOWN" in message:
        return Claim(aspect=Aspect.IPSEC, health=Health.DOWN, cause=Cause.IPSEC_DOWN)
    if "IPSEC IS UP" in message:
        return Claim(aspect=Aspect.IPSEC, health=Health.UP, cause=Cause.IPSEC_UP)
    return Claim(aspect=Aspect.IPSEC, health=Health.UNKNOWN)


def _interconnect(state: object) -> Claim:
    """Read an Interconnect's state; while it is ``updating`` (a change of bandwidth) it goes on as it was: available."""
    match state:
        case "available" | "updating":
            return Claim(aspect=Aspect.LINK, health=Health.UP, cause=Cause.OPERATIONAL)
        case "down":
            return Claim(aspect=Aspect.LINK, health=Health.DOWN, cause=Cause.NOT_OPERATIONAL)
        case "deleting" | "deleted" | "failed":
            return Claim(aspect=Aspect.LINK, health=Health.DOWN, cause=Cause.DELETED)
        case _:
            return Claim(aspect=Aspect.LINK, health=Health.UNKNOWN)


def _sighting(key: str, claim: Claim, seen_at: datetime) -> Sighting:
    return Sighting(
        vantage=Vantage.AWS,
        member=key,
        source=Source.LOOK,
        aspect=claim.aspect,
        health=claim.health,
        seen_at=seen_at,
        cause=claim.cause,
        value=claim.value,
    )
