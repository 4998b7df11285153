"""Cloud Router logs: the fastest word from Google, in sentences.

The router is known by its number, the peer by its address in the text. Claims are ordered by ``timestamp``.
Source: docs.cloud.google.com/network-connectivity/docs/router/how-to/viewing-logs-metrics and
docs.cloud.google.com/network-connectivity/docs/router/support/troubleshoot-log-messages.
"""

import re
from collections.abc import Iterable

from pointsman.core.members import peer_key, router_key
from pointsman.core.sightings import Aspect, Cause, Health, Ignored, Meaning, Notice, Sighting, Source, Vantage
from pointsman.core.values import Frozen
from pointsman.wire.fields import Table, printable
from pointsman.wire.gcp.log_entry import log_id
from pointsman.wire.record import Letter

LOG_ID = "compute.googleapis.com/router_events"
NEXT_HOPS_LIMIT = 16
"""Most peers of one route event that get a claim each."""
_TEXT_LIMIT = 300
_IP = r"((?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9a-fA-F]{1,4}:[0-9a-fA-F:.]{1,43}[0-9a-fA-F])"
"""An IPv4 address, or what looks like an IPv6 one."""
_PEERING = re.compile(rf"BGP Event: BGP peering with {_IP} (went down|came up)\b")
_REASON = re.compile(r"\bwith (?:the )?reason:? ([A-Z][A-Z_]{1,63})")
_BFD = re.compile(rf"BFD Event\b.{{0,200}}?\b{_IP}(?=[ ,;]).{{0,200}}? to \[? ?(Up|Down|AdminDown|Init)\b")
_ROUTE = re.compile(r"Route Event: Prefix [0-9a-fA-F:./]{2,50} Nexthops \[([^\]]{0,1000})\] (deleted from|received by) Cloud Router")
_DROPPED = re.compile(r"Route Event: Dropping Route")
_TOO_MANY = re.compile(r"NOTIFICATION\b[^/]{0,60}?\b6/1\b")
_ADDRESS = re.compile(rf"\b{_IP}(?=[\s,;:()\[\]]|$)")
_MAINTENANCE = re.compile(r"(?:Router Event: )?Maintenance of router task\b")


class _Said(Frozen):
    """What a sentence claims of a peer."""

    aspect: Aspect
    health: Health
    cause: Cause


_UP = _Said(aspect=Aspect.BGP, health=Health.UP, cause=Cause.SESSION_UP)
_REASONS = {
    "BGP_PROCESS_STOPPED": Cause.BGP_PROCESS_STOPPED,
    "HOLD_TIMER_EXPIRED": Cause.HOLD_TIMER_EXPIRED,
    "LINK_DOWN": Cause.LINK_DOWN,
    "NOTIFICATION_RECEIVED": Cause.NOTIFICATION_RECEIVED,
    "CONFIG_DISABLED": Cause.CONFIG_DISABLED,
}
_BFD_STATES = {
    "Up": _Said(aspect=Aspect.LINK, health=Health.UP, cause=Cause.OPERATIONAL),
    "Down": _Said(aspect=Aspect.LINK, health=Health.DOWN, cause=Cause.BFD_DOWN),
    "AdminDown": _Said(aspect=Aspect.LINK, health=Health.UNKNOWN, cause=Cause.CONFIG_DISABLED),
}
_ROUTES = {
    "deleted from": _Said(aspect=Aspect.ROUTE, health=Health.DOWN, cause=Cause.ROUTE_GONE),
    "received by": _Said(aspect=Aspect.ROUTE, health=Health.UP, cause=Cause.ROUTE_PRESENT),
}


def recognises(letter: Letter) -> bool:
    """Say whether a letter is an entry of a Cloud Router's log."""
    return log_id(letter) == LOG_ID


def decode(letter: Letter) -> Iterable[Meaning]:
    """Decode one entry; a route that several peers announced gives a claim for each."""
    entry = letter.body
    text = entry.text("textPayload")
    if _MAINTENANCE.match(text):
        return (_notice(entry, text, "ROUTER_TASK_MAINTENANCE", Cause.MAINTENANCE),)
    if _TOO_MANY.search(text):
        return (_too_many(entry, text),)
    return _peering(entry, text) or _bfd(entry, text) or _route(entry, text) or (_other(entry, text),)


def _peering(entry: Table, text: str) -> tuple[Meaning, ...]:
    found = _PEERING.match(text)
    if found is None:
        return ()
    return (_sighting(entry, found[1], _UP if found[2] == "came up" else _down(text[found.end() :])),)


def _down(rest: str) -> _Said:
    reason = _REASON.search(rest)
    cause = _REASONS.get(reason[1], Cause.UNSTATED) if reason else Cause.UNSTATED
    return _Said(aspect=Aspect.BGP, health=Health.DOWN, cause=cause)


def _bfd(entry: Table, text: str) -> tuple[Meaning, ...]:
    found = _BFD.match(text)
    if found is None:
        return ()
    if found[2] not in _BFD_STATES:
        return (Ignored(reason="a BFD session on its way between two states"),)
    return (_sighting(entry, found[1], _BFD_STATES[found[2]]),)


def _route(entry: Table, text: str) -> tuple[Meaning, ...]:
    found = _ROUTE.match(text)
    if found is None:
        return ()
    hops = dict.fromkeys(_ADDRESS.findall(found[1].replace(",", " ")))
    return tuple(_sighting(entry, hop, _ROUTES[found[2]]) for hop in list(hops)[:NEXT_HOPS_LIMIT])


def _too_many(entry: Table, text: str) -> Meaning:
    """RFC 4486: a NOTIFICATION of code 6, subcode 1 ends a session because its peer announced too many prefixes."""
    address = _ADDRESS.search(text.replace("6/1", ""))
    if address is None:
        return _notice(entry, text, "TOO_MANY_PREFIXES", Cause.TOO_MANY_PREFIXES)
    return _sighting(entry, address[1], _Said(aspect=Aspect.BGP, health=Health.DOWN, cause=Cause.TOO_MANY_PREFIXES))


def _other(entry: Table, text: str) -> Meaning:
    if _DROPPED.match(text):
        return _notice(entry, text, "ROUTE_LIMIT_REACHED", Cause.TOO_MANY_PREFIXES)
    return Ignored(reason=f"a router's log line that says nothing of a link's health: {printable(text, 60)}")


def _sighting(entry: Table, peer: str, said: _Said) -> Sighting:
    return Sighting(
        vantage=Vantage.GCP,
        member=peer_key(_router(entry), peer),
        source=Source.ROUTER_LOG,
        aspect=said.aspect,
        health=said.health,
        seen_at=entry.time("timestamp"),
        cause=said.cause,
    )


def _notice(entry: Table, text: str, what: str, cause: Cause) -> Notice:
    return Notice(
        vantage=Vantage.GCP,
        what=what,
        members=(router_key(_router(entry)),),
        seen_at=entry.time("timestamp"),
        text=printable(text, _TEXT_LIMIT),
        cause=cause,
        key=f"log/{entry.prose('insertId', 64)}/{entry.prose('timestamp', 40)}",
    )


def _router(entry: Table) -> str:
    return entry.table("resource").table("labels").name("router_id")
