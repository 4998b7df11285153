"""Google's words for how a peer, tunnel, attachment or transport stands, as health and cause. Unknown words are unknown."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage

Claim = tuple[Health, Cause]

BFD_MILLIS = 1000
"""The interval of a Cloud Router's BFD where none is set (REST reference, routers)."""

_NOTHING: Claim = (Health.UNKNOWN, Cause.UNSTATED)
_GONE: Claim = (Health.DOWN, Cause.DELETED)
_OFF: Claim = (Health.DOWN, Cause.NOT_OPERATIONAL)
_ON: Claim = (Health.UP, Cause.OPERATIONAL)
_DISABLED: Claim = (Health.DOWN, Cause.CONFIG_DISABLED)

_TUNNEL_DOWN = (
    "AUTHORIZATION_ERROR",
    "DEPROVISIONING",
    "FAILED",
    "FIRST_HANDSHAKE",
    "NEGOTIATION_FAILURE",
    "NETWORK_ERROR",
    "NO_INCOMING_PACKETS",
    "REJECTED",
    "STOPPED",
    "WAITING_FOR_FULL_CONFIG",
)
_TUNNELS: Mapping[str, Claim] = {
    "ESTABLISHED": (Health.UP, Cause.IPSEC_UP),
    **dict.fromkeys(_TUNNEL_DOWN, (Health.DOWN, Cause.IPSEC_DOWN)),
}
_TRANSPORTS: Mapping[str, Claim] = {
    "ACTIVE": _ON,
    "SUSPENDED": _OFF,
    "DOWN": _OFF,
    "DISCONNECTED": _OFF,
    "DELETING": _GONE,
    "DEPROVISIONED": _GONE,
}
_ATTACHMENTS: Mapping[str, Claim] = {"OS_ACTIVE": _ON, "OS_UNPROVISIONED": _OFF}
_PATH_FAILED = frozenset({"CONTROL_DETECTION_TIME_EXPIRED", "ECHO_FUNCTION_FAILED", "PATH_DOWN", "CONCATENATED_PATH_DOWN"})
"""BFD diagnostics that speak of the path and not of somebody shutting the session down (RFC 5880 section 4.1)."""


def peer(status: Mapping[str, Any], *, enabled: bool) -> Claim:
    """Read one peer of getRouterStatus; ``enabled`` is False where the router's own setting keeps the session down."""
    match status.get("status"):
        case "UP":
            return (Health.UP, Cause.SESSION_UP)
        case "DOWN":
            return (Health.DOWN, Cause.SESSION_DOWN) if enabled else _DISABLED
        case _:
            return _NOTHING


def bfd(status: Mapping[str, Any]) -> Claim | None:
    """Read a peer's BFD state where it says something of the path; None where it does not."""
    found = status.get("bfdStatus")
    if not isinstance(found, Mapping):
        return None
    if found.get("localState") == "UP":
        return _ON
    failed = found.get("localState") == "DOWN" and found.get("localDiagnostic") in _PATH_FAILED
    return (Health.DOWN, Cause.BFD_DOWN) if failed else None


def far_bfd(settings: Mapping[str, Any], status: Mapping[str, Any]) -> timedelta | None:
    """Say how long BFD waits by what the far end sends: its multiplier times the slower of both ends' intervals (RFC 5880, 6.8.4).

    Zero where the BGP session is up and BFD is not; None where the status does not tell.
    """
    found = status.get("bfdStatus")
    if not isinstance(found, Mapping) or status.get("status") != "UP":
        return None
    if found.get("localState") == "DOWN":
        return timedelta(0)
    heard = found.get("rxPacket")
    if found.get("localState") != "UP" or not isinstance(heard, Mapping):
        return None
    interval, multiplier = heard.get("minTxIntervalMs"), heard.get("multiplier")
    if not isinstance(interval, int) or not isinstance(multiplier, int) or multiplier <= 0:
        return None
    own = settings.get("minReceiveInterval")
    return timedelta(milliseconds=multiplier * max(interval, own if isinstance(own, int) else BFD_MILLIS))


def tunnel(status: object) -> Claim:
    """Read ``VpnTunnel.status``; what is still being made is unknown."""
    return _TUNNELS.get(str(status), _NOTHING)


def attachment(body: Mapping[str, Any]) -> Claim:
    """Read a VLAN attachment: its ``operationalStatus``, unless it is disabled or defunct."""
    if body.get("state") == "DEFUNCT":
        return _GONE
    if body.get("adminEnabled") is False:
        return _DISABLED
    return _ATTACHMENTS.get(str(body.get("operationalStatus")), _NOTHING)


def transport(state: object) -> Claim:
    """Read a Partner Cross-Cloud transport's state; what is still being made is unknown."""
    return _TRANSPORTS.get(str(state), _NOTHING)


def sighting(member: str, aspect: Aspect, claim: Claim, now: datetime, value: float | None = None) -> Sighting:
    """Make the claim of a look from Google's side."""
    health, cause = claim
    return Sighting(
        vantage=Vantage.GCP, member=member, source=Source.LOOK, aspect=aspect, health=health, cause=cause, seen_at=now, value=value
    )
