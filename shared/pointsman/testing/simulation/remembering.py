"""The network of a schedule: what follows from a state is worked out once, for all schedules that come to one like it."""

from collections.abc import Hashable, Iterator
from functools import cache

import msgspec

from pointsman.testing.blueprint import blueprint
from pointsman.testing.network.blueprint import Blueprint, Side
from pointsman.testing.network.model import Network
from pointsman.testing.network.state import PeerSettings, State
from pointsman.testing.network.views import Path, ProbeResult
from pointsman.testing.simulation.fabrics import Shape, Terms, fabrics

REMEMBERED = 20_000
"""States that are remembered; at the bound all are forgotten."""


class _Known(msgspec.Struct, frozen=True):
    """What was worked out in one state: how each probe (a link, and the site that it starts from) fared, and where each flow goes."""

    probes: dict[tuple[str, str], ProbeResult] = {}
    paths: dict[str, Path] = {}


_results: dict[tuple[Hashable, ...], _Known] = {}
"""What is known, by everything that packets hang on."""


@cache
def _blueprint(shape: Shape) -> Blueprint:
    """Build the network of a shape; what its policy says makes no difference to packets."""
    return blueprint(fabrics(shape, Terms())[1])


def network(shape: Shape, seed: int) -> "RememberingNetwork":
    """Build the network of a shape in which nothing has gone wrong yet."""
    return RememberingNetwork(shape, seed)


class RememberingNetwork(Network):
    """A network that sends a probe, or follows a flow, only in states that none of its shape was in before."""

    def __init__(self, shape: Shape, seed: int) -> None:
        super().__init__(_blueprint(shape), seed=seed, announcing=False, counting=False)
        self._shape = shape
        self._version = -1
        self._found = _Known()

    def probe(self, link: str, from_site: str) -> ProbeResult:
        """Send a probe, or remember how one fared in such a state."""
        known, key = self._known().probes, (link, from_site)
        if key not in known:
            known[key] = super().probe(link, from_site)
        return known[key]

    def path(self, flow: str) -> Path:
        """Follow a flow, or remember where it went in such a state."""
        known = self._known().paths
        if flow not in known:
            known[flow] = super().path(flow)
        return known[flow]

    def _known(self) -> _Known:
        if self._version != self._state.version:
            self._version, self._found = self._state.version, _found((self._shape, *_content(self._state)))
        return self._found


def _found(state: tuple[Hashable, ...]) -> _Known:
    if len(_results) >= REMEMBERED and state not in _results:
        _results.clear()
    return _results.setdefault(state, _Known())


def _content(state: State) -> Iterator[Hashable]:
    """Give everything of a state that packets hang on: sessions, faults, and what is set in both clouds."""
    for session in state.sessions.values():
        yield session.ends[Side.AWS].routes, session.ends[Side.GCP].routes, session.carries
    yield from (tuple(part.items()) for part in (state.faults.loss, state.faults.grey))
    settings = state.settings
    plain = (settings.prefix_lists, settings.allowed, settings.policies, settings.transports, settings.gcp_statics)
    yield from (tuple(part.items()) for part in plain)
    yield from (tuple((table, tuple(held.items())) for table, held in part.items()) for part in (settings.statics, settings.references))
    yield from ((key, _of_peer(peer)) for key, peer in settings.peers.items())


def _of_peer(peer: PeerSettings) -> Hashable:
    return peer.enabled, peer.priority, peer.imports, peer.exports, peer.custom_prefixes
