"""How BGP sessions and tunnels are lost, noticed, kept stale and established again."""

from collections.abc import Callable, Collection

from pointsman.testing.network.blueprint import LinkType, Side
from pointsman.testing.network.happenings import Kind, Reason
from pointsman.testing.network.state import End, Session, State
from pointsman.testing.network.timeline import between

SEES_LINK_DOWN = (0.05, 0.5)
"""Seconds until a router acts on lost light (unconfirmed: vendors name no figure for their edge)."""

DEAD_PEER = (30.0, 10.0)
"""IPsec dead peer detection: timeout and interval in seconds (AWS Site-to-Site VPN tunnel options: 30 s by default)."""

KEYS = (1.0, 4.0)
"""Seconds until a tunnel that lost its path has new keys after the path is back (unconfirmed)."""


def lose_path(state: State, session: Session, why: str, *, seen_by: Collection[Side]) -> None:
    """Take the path away: each end notices by light, by BFD, by dead peer detection or by its hold timer, whichever is first.

    The hold timer counts from the last keepalive received (RFC 4271 section 6.5), BFD from the last packet (RFC 5880 section 6.8.4).
    """
    was = session.physical
    session.blocks.add(why)
    if session.link.type is not LinkType.VPN:
        session.dark.update(seen_by)
    if not was:
        return
    session.turn += 1
    session.changes += 1
    for side in Side:
        _arm(state, session, side, sees=side in session.dark)
    state.touch()


def _arm(state: State, session: Session, side: Side, *, sees: bool) -> None:
    timers, label = session.link.timers, (session.link.name, session.member.id, side)
    if sees:
        _later(state, session, between(*SEES_LINK_DOWN, state.dice(*label, "light")), lambda: drop(state, session, side, Reason.LINK_DOWN))
    if timers.bfd:
        quiet = (timers.bfd.multiplier - state.dice(*label, "bfd")) * timers.bfd.interval
        _later(state, session, quiet, lambda: _bfd_down(state, session, side))
    if session.link.type is LinkType.VPN:
        silent = DEAD_PEER[0] - state.dice(*label, "dpd") * DEAD_PEER[1]
        _unless_it_changes(state, session, silent, lambda: _tunnel_down(state, session, side))
    quiet = timers.hold - state.dice(*label, "keepalive") * timers.keepalive
    _later(state, session, quiet, lambda: drop(state, session, side, Reason.HOLD_TIMER_EXPIRED))


def _later(state: State, session: Session, after: float, act: Callable[[], None]) -> None:
    turn = session.turn
    state.time.at(state.now + after, lambda: act() if session.turn == turn else None)


def _unless_it_changes(state: State, session: Session, after: float, act: Callable[[], None]) -> None:
    changes = session.changes
    state.time.at(state.now + after, lambda: act() if session.changes == changes else None)


def _bfd_down(state: State, session: Session, side: Side) -> None:
    if session.ends[side].up:
        _announce(state, session, side, Kind.BFD_DOWN)
        drop(state, session, side, Reason.CONFIG_DISABLED)


def _tunnel_down(state: State, session: Session, side: Side) -> None:
    _set_tunnel(state, session, side, up=False)
    state.touch()


def _set_tunnel(state: State, session: Session, side: Side, *, up: bool) -> None:
    end = session.ends[side]
    if end.tunnel_up != up:
        end.tunnel_up, end.tunnel_since = up, state.now
        state.emit(side, Kind.TUNNEL_UP if up else Kind.TUNNEL_DOWN, session)


def drop(state: State, session: Session, side: Side, reason: str, *, keep_routes: bool = False) -> None:
    """End a session at one end; its routes go at once unless graceful restart keeps them."""
    end = session.ends[side]
    if end.up:
        end.up, end.since, end.reason = False, state.now, str(reason)
        _announce(state, session, side, Kind.SESSION_DOWN, reason=str(reason))
    end.routes = end.routes and keep_routes
    state.touch()


def _announce(state: State, session: Session, side: Side, kind: Kind, **details: object) -> None:
    """Announce what a cloud announces of a session: Network Manager speaks of VPN alone, router logs of our own peers alone."""
    speaks = session.link.type is LinkType.VPN and kind in _NETWORK_MANAGER if side is Side.AWS else session.member.peer is not None
    if speaks:
        state.emit(side, kind, session, **details)


_NETWORK_MANAGER = frozenset((Kind.SESSION_DOWN, Kind.SESSION_UP))


def close(state: State, session: Session, why: str, side: Side, reason: str) -> None:
    """Close a session on purpose: the far end is told at once by a NOTIFICATION, if packets pass."""
    session.blocks.add(why)
    drop(state, session, side, reason)
    if session.carries:
        session.turn += 1
        drop(state, session, side.other, Reason.NOTIFICATION_RECEIVED)


def restart(state: State, session: Session, *, takes: float) -> None:
    """Restart the Cloud Router's end: the session drops at both ends, and graceful restart forwards on (RFC 4724).

    Routes that are still stale when the restart time ends are removed.
    """
    grace = session.link.timers.graceful_restart
    session.turn += 1
    session.blocks.add("restart")
    reasons = {Side.GCP: Reason.BGP_PROCESS_STOPPED, Side.AWS: ""}
    for side, reason in reasons.items():
        drop(state, session, side, reason, keep_routes=grace > 0)
    _later(state, session, grace, lambda: _sweep_stale(state, session))
    state.time.at(state.now + takes, lambda: unblock(state, session, "restart"))


def _sweep_stale(state: State, session: Session) -> None:
    for end in session.ends.values():
        end.routes = end.routes and end.up
    state.touch()


def unblock(state: State, session: Session, why: str) -> None:
    """Take one reason away; when it was the last, tunnels get keys and the session is established after a while."""
    if why not in session.blocks:
        return
    was_physical = session.physical
    session.blocks.discard(why)
    if session.physical and not was_physical:
        _path_back(state, session)
    if not session.blocks:
        _reconnect(state, session)
    state.touch()


def _path_back(state: State, session: Session) -> None:
    session.turn += 1
    session.changes += 1
    session.dark.clear()
    if session.stale:
        _later(state, session, session.link.timers.graceful_restart, lambda: _sweep_stale(state, session))
    if session.carries:
        return
    after = between(*KEYS, state.dice(session.link.name, session.member.id, "keys"))
    _unless_it_changes(state, session, after, lambda: _keys(state, session))


def _keys(state: State, session: Session) -> None:
    for side in Side:
        _set_tunnel(state, session, side, up=True)
    state.touch()


def _reconnect(state: State, session: Session) -> None:
    if all(end.up for end in session.ends.values()):
        return
    dice = state.dice(session.link.name, session.member.id, "reconnect")
    keys = 0.0 if session.carries else KEYS[1]
    _later(state, session, keys + between(*session.link.timers.reconnect, dice), lambda: _establish(state, session))


def _establish(state: State, session: Session) -> None:
    """Bring both ends up. An end that had not noticed the loss is reset first by the new OPEN (RFC 4271 section 6.8)."""
    if session.blocks or all(end.up for end in session.ends.values()):
        return
    for side in Side:
        drop(state, session, side, Reason.NOTIFICATION_RECEIVED, keep_routes=session.ends[side].routes)
    for side in Side:
        _up(state, session, side, session.ends[side])
    state.touch()


def _up(state: State, session: Session, side: Side, end: End) -> None:
    end.up, end.since, end.reason, end.routes = True, state.now, "", True
    if session.link.timers.bfd:
        _announce(state, session, side, Kind.BFD_UP)
    _announce(state, session, side, Kind.SESSION_UP)
