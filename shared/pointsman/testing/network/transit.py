"""A Transit Gateway's route tables: which route is preferred, and which members an attachment forwards over."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from pointsman.testing.network.blueprint import LinkType, Side
from pointsman.testing.network.cidrs import Cidr, cidr, longest
from pointsman.testing.network.routing import learned
from pointsman.testing.network.state import State
from pointsman.testing.network.views import Route, TransitRoute

Held = Mapping[str, tuple[Route, ...]]
"""Every route that AWS ends hold, by attachment."""

_RANK = {LinkType.DXGW: 0, LinkType.VPN: 1}


def held_by_aws(state: State) -> Held:
    """Give the routes that each attachment has from its sessions."""
    held: dict[str, list[Route]] = {}
    for session in state.sessions.values():
        held.setdefault(session.member.attachment, []).extend(learned(state, session, Side.AWS))
    return {attachment: tuple(routes) for attachment, routes in held.items()}


def table(state: State, route_table: str, held: Held) -> dict[str, TransitRoute]:
    """Give a route table's preferred route per prefix.

    For equal prefixes: static, then prefix-list reference, then propagated (Transit Gateway guide, route evaluation order).
    A static route or reference stays active when its attachment's BGP is gone (unconfirmed: assumed).
    """
    routes = {one.prefix: one for one in _propagated(state, route_table, held)}
    for prefix_list, target in state.settings.references.get(route_table, {}).items():
        cidrs, _version = state.settings.prefix_lists.get(prefix_list, ((), 0))
        routes.update({one: _override(one, "prefix-list", target, prefix_list) for one in cidrs})
    for prefix, target in state.settings.statics.get(route_table, {}).items():
        routes[prefix] = _override(prefix, "static", target, "")
    return routes


def _override(prefix: str, origin: str, target: str | None, prefix_list: str) -> TransitRoute:
    state, attachments = ("active", (target,)) if target else ("blackhole", ())
    return TransitRoute(prefix=prefix, origin=origin, state=state, attachments=attachments, prefix_list=prefix_list)


def _propagated(state: State, route_table: str, held: Held) -> Iterator[TransitRoute]:
    site = state.tables()[route_table]
    types = {one.member.attachment: state.rank(one.link) for one in state.sessions.values() if one.link.aws_site == site.name}
    by_prefix: dict[str, list[Route]] = {}
    for attachment in types:
        for route in held.get(attachment, ()):
            by_prefix.setdefault(route.prefix, []).append(route)
    for prefix, routes in by_prefix.items():
        yield _preferred(prefix, routes, _order(types, cloud_wan=site.cloud_wan))


def _order(types: Mapping[str, LinkType], *, cloud_wan: bool) -> Callable[[Route], tuple[int, ...]]:
    """Prefer Direct Connect gateway to VPN, and inside one type the shorter AS path, then the lower MED.

    Cloud WAN compares AS path and MED before the type of the attachment (Cloud WAN guide, route evaluation).
    """
    if cloud_wan:
        return lambda route: (*merit(route), _RANK[types[route.attachment]])
    return lambda route: (_RANK[types[route.attachment]], *merit(route))


def _preferred(prefix: str, routes: Iterable[Route], order: Callable[[Route], tuple[int, ...]]) -> TransitRoute:
    """Choose the best route; equals share (ECMP).

    ECMP over several Direct Connect gateway attachments needs equal prefix and AS path (Transit Gateway guide, equal cost
    multipath); that MED breaks the tie there is unconfirmed.
    """
    ranked = sorted(routes, key=order)
    best = ranked[0]
    attachments = tuple(sorted({one.attachment for one in ranked if order(one) == order(best)}))
    return TransitRoute(prefix=prefix, origin="propagated", state="active", attachments=attachments, med=best.med, as_path=best.as_path)


def merit(route: Route) -> tuple[int, int]:
    """Give what routes of one attachment type are compared by: AS path length, then MED; lower is better."""
    return len(route.as_path), route.med


def lookup(routes: Mapping[str, TransitRoute], target: Cidr) -> TransitRoute | None:
    """Find the longest match in a table."""
    return next((routes[prefix] for prefix in longest(routes, target)), None)


def forwards(held: Held, attachment: str, target: Cidr) -> tuple[Route, ...]:
    """Give the equal-cost routes that an attachment itself forwards a packet by; none when nothing it holds covers it."""
    best: dict[str, list[Route]] = {}
    for route in held.get(attachment, ()):
        if cidr(route.prefix).covers(target):
            best.setdefault(route.prefix, []).append(route)
    chosen = next((best[prefix] for prefix in longest(best, target)), [])
    top = min((merit(one) for one in chosen), default=(0, 0))
    return tuple(one for one in chosen if merit(one) == top)
