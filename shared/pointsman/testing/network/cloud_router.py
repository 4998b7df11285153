"""A Cloud Router's best paths, and the routes of the VPC network behind it."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from pointsman.testing.network.blueprint import Side, SiteSpec
from pointsman.testing.network.cidrs import Cidr, longest
from pointsman.testing.network.routing import learned
from pointsman.testing.network.state import Session, State, StaticRoute
from pointsman.testing.network.views import BestRoute, Route

Merit = Callable[[Route], tuple[int, ...]]
"""What routes are compared by; lower is better."""


def network_routes(state: State, site: SiteSpec) -> dict[str, BestRoute]:
    """Give the routes of a site's VPC network per prefix: the lower priority wins, and a static route wins a tie (unconfirmed)."""
    routes = best_routes(state, site)
    for static in state.settings.gcp_statics.values():
        known = routes.get(static.prefix)
        if static.site == site.name and (known is None or static.priority <= known.priority):
            hop = _static_hop(state, static)
            routes[static.prefix] = BestRoute(prefix=static.prefix, priority=static.priority, as_path=(), next_hops=hop, static=True)
    return routes


def _static_hop(state: State, static: StaticRoute) -> tuple[Route, ...]:
    sessions = [one for one in state.sessions.values() if (one.link.gcp_site, one.member.gcp_tunnel) == (static.site, static.tunnel)]
    return tuple(Route(prefix=static.prefix, med=0, as_path=(), link=one.link.name, member=one.member.id) for one in sessions)


def best_routes(state: State, site: SiteSpec) -> dict[str, BestRoute]:
    """Give a site's learned best routes per prefix, by the router's best-path mode."""
    heard: dict[str, list[tuple[Session, Route]]] = {}
    for session in state.sessions.values():
        if session.link.gcp_site == site.name:
            for route in learned(state, session, Side.GCP):
                heard.setdefault(route.prefix, []).append((session, route))
    standard = bool(site.router and site.router.standard_best_path)
    choose = _standard if standard else _legacy
    return {prefix: _best(prefix, choose(candidates)) for prefix, candidates in heard.items()}


def _best(prefix: str, hops: Sequence[Route]) -> BestRoute:
    return BestRoute(prefix=prefix, priority=hops[0].med, as_path=hops[0].as_path, next_hops=tuple(hops))


def _legacy(candidates: Iterable[tuple[Session, Route]]) -> list[Route]:
    """Choose as LEGACY: AS path then MED inside one software task, MED alone between tasks (Cloud Router, best path selection)."""
    tasks: dict[int, list[Route]] = {}
    for session, route in candidates:
        tasks.setdefault(session.member.task, []).append(route)
    winners = [route for routes in tasks.values() for route in _least(routes, _by_path)]
    return _least(winners, _by_med)


def _standard(candidates: Iterable[tuple[Session, Route]]) -> list[Route]:
    """Choose as STANDARD: AS path, origin (equal here), MED, region cost (Cloud Router, best path selection)."""
    pairs = list(candidates)
    cost = {id(route): session.link.region_cost for session, route in pairs}
    routes = _least([route for _, route in pairs], _by_path)
    return _least(routes, lambda route: (cost[id(route)],))


def _by_path(route: Route) -> tuple[int, ...]:
    return len(route.as_path), route.med


def _by_med(route: Route) -> tuple[int, ...]:
    return (route.med,)


def _least(routes: Sequence[Route], key: Merit) -> list[Route]:
    top = min(key(route) for route in routes)
    return [route for route in routes if key(route) == top]


def lookup(routes: Mapping[str, BestRoute], target: Cidr) -> BestRoute | None:
    """Find the longest match among a network's routes."""
    return next((routes[prefix] for prefix in longest(routes, target)), None)
