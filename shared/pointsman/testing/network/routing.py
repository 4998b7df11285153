"""What each end announces over a session, and what the other end makes of it."""

from collections.abc import Iterable

from pointsman.testing.network.blueprint import BASE_MED, LinkType, Side
from pointsman.testing.network.policies import Attributes, Direction, RoutePolicy, run_policies
from pointsman.testing.network.state import Session, State
from pointsman.testing.network.views import Route


def advertised(state: State, session: Session, side: Side) -> tuple[Route, ...]:
    """Give what one end sends over a session (whether or not the session is up), after Google's export policies."""
    sent = [_announced(state, session, side, prefix) for prefix in _prefixes(state, session, side)]
    return sent_by_google(state, session, sent) if side is Side.GCP else tuple(sent)


def learned(state: State, session: Session, side: Side) -> tuple[Route, ...]:
    """Give what one end holds from the other: nothing without a session or stale routes; Google's import policies applied."""
    if not session.ends[side].routes:
        return ()
    heard = advertised(state, session, side.other)
    if side is Side.AWS:
        return heard
    names = state.peer_settings(session).imports
    return _after(_policies(state, session, names, Direction.IMPORT), heard)


def sent_by_google(state: State, session: Session, routes: Iterable[Route]) -> tuple[Route, ...]:
    """Give what is left of routes after a peer's export policies."""
    names = state.peer_settings(session).exports
    return _after(_policies(state, session, names, Direction.EXPORT), routes)


def _prefixes(state: State, session: Session, side: Side) -> tuple[str, ...]:
    """Name the prefixes that an end announces.

    To a Transit Gateway association the allowed prefixes are what is announced, whatever exists behind it
    (Direct Connect user guide, allowed prefixes interactions). A Cloud Router announces its custom prefixes when it
    has any, a managed transport its advertised routes.
    """
    link, settings = session.link, state.settings
    native = tuple(one.prefix for one in link.announces.get(side, ()))
    if side is Side.AWS:
        return settings.allowed[link.association] if link.association and link.type is not LinkType.VPN else native
    custom = state.peer_settings(session).custom_prefixes
    if custom is not None:
        return custom
    return settings.transports[link.transport] if link.transport else native


def _announced(state: State, session: Session, side: Side, prefix: str) -> Route:
    """Build a route as its announcer sends it: the peer's advertised priority is the MED towards AWS (Cloud Router, advertised routes)."""
    link = session.link
    added = next((one.med for one in link.announces.get(side, ()) if one.prefix == prefix), 0)
    if side is Side.AWS:
        base, asn = BASE_MED, state.sites[link.aws_site].asn
    else:
        router = state.sites[link.gcp_site].router
        base, asn = state.peer_settings(session).priority + link.region_cost, router.asn if router else 16550
    return Route(
        prefix=prefix,
        med=base + added,
        as_path=(asn,),
        link=link.name,
        member=session.member.id,
        attachment=session.member.attachment,
        peer_ip=session.member.peer.ip if session.member.peer else "",
    )


def _policies(state: State, session: Session, names: Iterable[str], direction: Direction) -> tuple[RoutePolicy, ...]:
    router = state.router_of(session.link)
    named = (state.settings.policies.get((router, name)) for name in names)
    return tuple(policy for policy in named if policy and policy.direction is direction)


def _after(policies: tuple[RoutePolicy, ...], routes: Iterable[Route]) -> tuple[Route, ...]:
    if not policies:
        return tuple(routes)
    return tuple(kept for route in routes if (kept := _judged(policies, route)))


def _judged(policies: tuple[RoutePolicy, ...], route: Route) -> Route | None:
    after = run_policies(policies, route.prefix, Attributes(med=route.med, as_path=route.as_path))
    if after is None:
        return None
    return Route(
        prefix=route.prefix,
        med=after.med,
        as_path=after.as_path,
        link=route.link,
        member=route.member,
        attachment=route.attachment,
        peer_ip=route.peer_ip,
    )
