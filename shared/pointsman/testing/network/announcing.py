"""What the clouds announce of their route tables, found by comparing them before and after each change."""

from collections.abc import Callable, Mapping
from typing import Any

from pointsman.testing.network.blueprint import Side
from pointsman.testing.network.happenings import Kind
from pointsman.testing.network.routing import advertised
from pointsman.testing.network.state import Session, State
from pointsman.testing.network.traffic import Traffic
from pointsman.testing.network.views import TransitRoute

Tables = Mapping[str, Mapping[str, TransitRoute]]


class Announcer:
    """Remembers the last look at both clouds' routes and announces the differences."""

    def __init__(self, state: State, traffic: Callable[[], Traffic]) -> None:
        self._state = state
        self._traffic = traffic
        self._tables: Tables = traffic().tables
        self._learned = self._google()

    def look(self) -> None:
        """Announce what changed since the last look: Network Manager routing updates, Cloud Router route events."""
        before, self._tables = self._tables, self._traffic().tables
        for name, routes in self._tables.items():
            self._compare(name, before[name], routes)
        known, self._learned = self._learned, self._google()
        for key, prefixes in self._learned.items():
            session = self._state.sessions[key]
            self._route_events(session, Kind.ROUTE_DELETED, known[key] - prefixes)
            self._route_events(session, Kind.ROUTE_ADDED, prefixes - known[key])

    def _compare(self, table: str, before: Mapping[str, TransitRoute], after: Mapping[str, TransitRoute]) -> None:
        gone = [route for prefix, route in before.items() if prefix not in after]
        came = [route for prefix, route in after.items() if before.get(prefix) != route]
        for kind, routes in ((Kind.ROUTES_UNINSTALLED, gone), (Kind.ROUTES_INSTALLED, came)):
            if routes:
                self._state.emit(Side.AWS, kind, table=table, routes=[_plain(route) for route in routes])

    def _google(self) -> dict[tuple[str, str], frozenset[str]]:
        """Give what each peer has announced; a route that an import policy drops is still announced (unconfirmed in the log)."""
        sessions = ((key, one) for key, one in self._state.sessions.items() if one.member.peer)
        return {key: self._announced(one) for key, one in sessions}

    def _announced(self, session: Session) -> frozenset[str]:
        if not session.ends[Side.GCP].routes:
            return frozenset()
        return frozenset(route.prefix for route in advertised(self._state, session, Side.AWS))

    def _route_events(self, session: Session, kind: Kind, prefixes: frozenset[str]) -> None:
        for prefix in sorted(prefixes):
            self._state.emit(Side.GCP, kind, session, prefix=prefix)


def _plain(route: TransitRoute) -> dict[str, Any]:
    return {
        "prefix": route.prefix,
        "origin": route.origin,
        "state": route.state,
        "attachments": list(route.attachments),
        "med": route.med,
        "as_path": list(route.as_path),
    }
