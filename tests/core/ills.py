"""What is reported of a link that ails in one way or another, by both clouds and both probes."""

from collections.abc import Callable

from pointsman.core.fabric import Fabric
from pointsman.core.sightings import Cause, Health, Sighting, Source
from pointsman.core.values import replace
from tests.core.scene import aws_bgp, aws_probe, gcp_bgp, gcp_probe, healthy

STEP = 90.0
"""Seconds from one report to the next."""


def claims(name: str, what: str, at: float, start: Fabric) -> tuple[Sighting, ...]:
    """Say what is reported of a link in each state it may be in."""
    rows = _TELLS[what](name, at)
    pairs = {pair.source for pair in start.link(name).probes}
    return rows if pairs or name == "vpn" else tuple(row for row in rows if row.source is not Source.PROBE)


def _dead(name: str, at: float) -> tuple[Sighting, ...]:
    ends = (*aws_bgp(name, Health.DOWN, at, cause=Cause.LINK_DOWN), *gcp_bgp(name, Health.DOWN, at, cause=Cause.LINK_DOWN))
    return ends if name == "vpn" else (*ends, *_probes(name, Health.DOWN, at))


def _probes(name: str, health: Health, at: float) -> tuple[Sighting, ...]:
    return () if name == "vpn" else (*aws_probe(name, health, at), *gcp_probe(name, health, at))


def _grey(name: str, at: float) -> tuple[Sighting, ...]:
    return _dead(name, at) if name == "vpn" else (*healthy(name, at), *_probes(name, Health.DOWN, at))


def _session(name: str, at: float) -> tuple[Sighting, ...]:
    return (*aws_bgp(name, Health.DOWN, at), *gcp_bgp(name, Health.DOWN, at))


def _lone(name: str, at: float) -> tuple[Sighting, ...]:
    return (*healthy(name, at), *aws_bgp(name, Health.DOWN, at))


def _partly(name: str, at: float) -> tuple[Sighting, ...]:
    down = tuple(row for row in _dead(name, at) if row.member.endswith(("35.0.0.1", "3.4", "ix")))
    return (*healthy(name, at), *(down if name == "vpn" else gcp_bgp(name, Health.DEGRADED, at)))


def _flapping(name: str, at: float) -> tuple[Sighting, ...]:
    return _dead(name, at) if int(at // STEP) % 2 else healthy(name, at)


def _unknown(name: str, at: float) -> tuple[Sighting, ...]:
    return tuple(replace(row, health=Health.UNKNOWN) for row in healthy(name, at))


def _silent(name: str, at: float) -> tuple[Sighting, ...]:  # noqa: ARG001 - every teller is asked alike
    return ()


_TELLS: dict[str, Callable[[str, float], tuple[Sighting, ...]]] = {
    "": healthy,
    "dead": _dead,
    "grey": _grey,
    "session": _session,
    "lone": _lone,
    "partly": _partly,
    "flapping": _flapping,
    "unknown": _unknown,
    "silent": _silent,
}
ILLS = tuple(name for name in _TELLS if name)
