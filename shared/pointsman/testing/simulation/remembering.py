"""The network of a schedule: what follows from a state is worked out once, for all schedules that come to one like it."""

from collections.abc import Hashable, Iterator
from dataclasses import astuple
from functools import cache

from pointsman.testing.blueprint import blueprint
from pointsman.testing.network.blueprint import Blueprint, Side
from pointsman.testing.network.model import Network
from pointsman.testing.network.state import State
from pointsman.testing.network.views import ProbeResult
from pointsman.testing.simulation.fabrics import Shape, Terms, fabrics

REMEMBERED = 20_000
"""States that are remembered; at the bound all are forgotten."""

_results: dict[tuple[Hashable, ...], dict[tuple[str, str], ProbeResult]] = {}
"""How each probe (a link, and the site that it starts from) fared, by everything that it hangs on."""


@cache
def _blueprint(shape: Shape) -> Blueprint:
    """Build the network of a shape; what its policy says makes no difference to packets."""
    return blueprint(fabrics(shape, Terms())[1])


def network(shape: Shape, seed: int) -> "RememberingNetwork":
    """Build the network of a shape in which nothing has gone wrong yet."""
    return RememberingNetwork(shape, seed)


class RememberingNetwork(Network):
    """A network that sends a probe only in states that none of its shape was in before."""

    def __init__(self, shape: Shape, seed: int) -> None:
        super().__init__(_blueprint(shape), seed=seed, announcing=False, counting=False)
        self._shape = shape
        self._version = -1
        self._found: dict[tuple[str, str], ProbeResult] = {}

    def probe(self, link: str, from_site: str) -> ProbeResult:
        """Send a probe, or remember how one fared in such a state."""
        if self._version != self._state.version:
            self._version, self._found = self._state.version, _found((self._shape, *_content(self._state)))
        key = (link, from_site)
        if key not in self._found:
            self._found[key] = super().probe(link, from_site)
        return self._found[key]


def _found(state: tuple[Hashable, ...]) -> dict[tuple[str, str], ProbeResult]:
    if len(_results) >= REMEMBERED and state not in _results:
        _results.clear()
    return _results.setdefault(state, {})


def _content(state: State) -> Iterator[Hashable]:
    """Give everything of a state that packets hang on: sessions, faults, and what is set in both clouds."""
    for session in state.sessions.values():
        yield session.ends[Side.AWS].routes, session.ends[Side.GCP].routes, session.carries
    yield from (tuple(part.items()) for part in (state.faults.loss, state.faults.grey))
    settings = state.settings
    plain = (settings.prefix_lists, settings.allowed, settings.policies, settings.transports, settings.gcp_statics)
    yield from (tuple(part.items()) for part in plain)
    yield from (tuple((table, tuple(held.items())) for table, held in part.items()) for part in (settings.statics, settings.references))
    yield from ((key, astuple(peer)) for key, peer in settings.peers.items())
