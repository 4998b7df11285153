"""Which links are kept free of traffic: when one is left, and when it may be returned to."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pointsman.core.case import Case
from pointsman.core.damping import is_damped, is_resting, is_stranded
from pointsman.core.fabric import FlowName, Link, LinkName, Mode
from pointsman.core.filling import parallel
from pointsman.core.motion import one_domain
from pointsman.core.plan import Drain, DrainCause, LinkState, Placement, Verdict
from pointsman.core.sightings import Verb
from pointsman.core.values import replace
from pointsman.core.versions import yielding

UNTIMED = "fewer than two stores gave the time, and nothing is moved at discretion until they do"
"""Why nothing is while the time is not trusted."""
_BUDGET_SPAN = timedelta(hours=1)


def settled(state: LinkState, hold_down: timedelta, now: datetime) -> bool:
    """Say whether a link's hold-down is over: both ends have seen it good without a break for that long."""
    return state.good_since is not None and now - state.good_since >= hold_down


def drains(case: Case, states: dict[LinkName, LinkState]) -> dict[LinkName, LinkState]:
    """Start and end drains: a link that is down is left, a link that has been good for the hold-down is returned to."""
    found = dict(states)
    for link in case.fabric.links:
        state = states[link.name]
        if state.drain is None and _may_leave(case, link, states):
            drain = Drain(cause=DrainCause.OUTAGE, since=case.now, epoch=case.next_epoch, enactor=case.view.here)
            found[link.name] = replace(state, drain=drain)
        elif state.drain is not None and _may_return(case, link, state) and one_domain(case, found, link):
            found[link.name] = replace(state, drain=None)
    for name in _rescues(case, found):
        found[name] = replace(found[name], drain=None)
    return found


def _rescues(case: Case, states: Mapping[LinkName, LinkState]) -> set[LinkName]:
    """List the drained links that a flow needs now: it has no other way, and both ends see this one good again.

    The hold-down damps a choice; a flow that has no choice would only stay dark for it. A link that flapped beyond all
    measure rests for a hold-down all the same: with two of them each would be left for the other for ever.
    """
    found: set[LinkName] = set()
    for flow in case.fabric.flows:
        if is_stranded(case, flow, states):
            good = [name for name in flow.prefer if states[name].drain and states[name].good_since is not None]
            back = [name for name in good if not is_resting(states[name], case.fabric.policy, case.now)]
            found.update(back[:1])
    return found


def rescues(case: Case, states: Mapping[LinkName, LinkState]) -> dict[LinkName, str]:
    """Say of each link that is returned to before its time what that cuts short, and for which flows."""
    found: dict[LinkName, str] = {}
    for name, state in states.items():
        drain = case.plan.links.get(name, LinkState()).drain
        early = _early(case, name, state, drain) if drain is not None and state.drain is None else ""
        if early:
            without = {**states, name: replace(state, drain=drain)}
            flows = [flow.name for flow in case.fabric.flows if name in flow.prefer and is_stranded(case, flow, without)]
            found |= {name: f"returned to {early}: {' and '.join(flows)} had no other way"} if flows else {}
    return found


def _early(case: Case, name: LinkName, state: LinkState, drain: Drain) -> str:
    """Say what a return cuts short; "" when nothing of it was left."""
    let_go = any(order.verb is Verb.UNDRAIN and order.target == name for order in case.view.orders)
    if drain.cause is DrainCause.ORDER and drain.until is not None and case.now < drain.until and not let_go:
        return f"before its order ends, at {drain.until:%FT%TZ}"
    window = state.maintenance
    if window is not None and not window.away and window.by:
        return f"within its window, which ends at {window.until:%FT%TZ}"
    return "" if settled(state, case.fabric.policy.hold_down, case.now) else "before its hold-down is over"


def _may_leave(case: Case, link: Link, states: Mapping[LinkName, LinkState]) -> bool:
    """Say whether a link may be drained: it is down, ours to steer, and some parallel link is seen up.

    With every link between two sites dark our eyes are broken rather than the network: hold.
    """
    if states[link.name].verdict is not Verdict.DOWN or not case.steers(link):
        return False
    healthy = (states[other.name] for other in parallel(case.fabric, link))
    return any(state.verdict in {Verdict.UP, Verdict.DEGRADED} and state.drain is None for state in healthy)


def _may_return(case: Case, link: Link, state: LinkState) -> bool:
    """Say whether fail-back is allowed: up, hold-down over, not damped, time trusted, and a discretionary epoch left this hour."""
    if is_damped(state, case.fabric.policy.damping, case.now):
        return False
    if _held(case, link, state) or state.verdict is not Verdict.UP or not settled(state, case.fabric.policy.hold_down, case.now):
        return False
    return discretion(case)


def _held(case: Case, link: Link, state: LinkState) -> bool:
    """Say whether a link is held off: for its window, by an order that lasts, or, in mode recommend, until its return is approved of.

    An order that is taken back at once still leaves a hold-down between the two moves.
    """
    drain = state.drain
    if drain is None:
        return False
    if state.maintenance is not None and not state.maintenance.away:
        return True  # while its window runs, whatever it was left for
    if drain.cause is DrainCause.ORDER:
        return case.now < max(drain.until or drain.since, drain.since + case.fabric.policy.hold_down)
    return link.mode is Mode.RECOMMEND and not case.steers(link)


def discretion(case: Case) -> bool:
    """Say whether a move that no outage forces may be made now."""
    return not hushed(case) and len(recent_moves(case)) < case.fabric.policy.epochs_per_hour


def hushed(case: Case) -> str:
    """Say why nothing is moved at discretion, whatever is left of the budget; "" when it may be."""
    if not case.view.clock_trusted:
        return UNTIMED
    return yielding(case.plan, case.fabric.policy.hold_down, case.now)


def recent_moves(case: Case) -> tuple[datetime, ...]:
    """List the discretionary moves of the last hour, which the budget counts."""
    return tuple(move for move in case.plan.moves if case.now - move < _BUDGET_SPAN)


def renewed(case: Case) -> datetime | None:
    """Say when the budget has a move again; None while it has one."""
    moves, most = recent_moves(case), case.fabric.policy.epochs_per_hour
    if len(moves) < most:
        return None
    return moves[-most] + _BUDGET_SPAN if most else case.now + _BUDGET_SPAN


def with_move(case: Case, *, made: bool) -> tuple[datetime, ...]:
    """Give the discretionary moves of the last hour with this decision's, at most as many as the budget has."""
    recent = (*recent_moves(case), case.now) if made else recent_moves(case)
    return recent[-max(1, case.fabric.policy.epochs_per_hour) :]


def is_move(case: Case, states: Mapping[LinkName, LinkState], flows: Mapping[FlowName, Placement]) -> bool:
    """Say whether an epoch moves traffic at discretion: it leaves or returns to a link with no outage behind it, or changes places so.

    Leaving a link that is down is exempt, and so are what a flow with no other way forces and what a person orders; a flow
    that comes home in the same epoch is not.
    """
    before = case.plan
    if not before.epoch:
        return False
    pairs = [(before.links.get(name, LinkState()).drain, state) for name, state in states.items()]
    begun = [state.drain for old, state in pairs if state.drain is not None and old is None]
    ended = [state for old, state in pairs if state.drain is None and old is not None]
    if any(drain.cause is DrainCause.MAINTENANCE for drain in begun):
        return True
    if any(settled(state, case.fabric.policy.hold_down, case.now) for state in ended):
        return True
    moved = any(before.flows.get(name, Placement()).link != new.link for name, new in flows.items())
    return moved and not ended and (not begun or _is_any_nearer(case, states, flows))


def _is_any_nearer(case: Case, states: Mapping[LinkName, LinkState], flows: Mapping[FlowName, Placement]) -> bool:
    """Say whether a flow comes nearer to its favourite that no outage moves: who only makes way for others comes no nearer."""
    for flow in case.fabric.flows:
        old, new = case.plan.flows.get(flow.name, Placement()).link, flows[flow.name].link
        if old not in flow.prefer or new not in flow.prefer or states[old].drain is not None or states[old].verdict is Verdict.DOWN:
            continue
        if flow.prefer.index(new) < flow.prefer.index(old):
            return True
    return False
