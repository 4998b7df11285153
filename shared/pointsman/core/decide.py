"""The only place that decides: ``decide(fabric, view, plan, now) -> plan``.

It is pure and idempotent: the same inputs give the same bytes, and a view that brings nothing new gives back the
very plan it was given. Events, looks and chat only change the rows; what follows from them is decided here.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pointsman.core.alone import taken_over, told_of, with_taken_over
from pointsman.core.case import Case, open_case
from pointsman.core.evidence import Belief, believe, passing, still_passing
from pointsman.core.fabric import Fabric, FlowName, Link, LinkKind, LinkName, Mode
from pointsman.core.filling import excused, parallel
from pointsman.core.incidents import incident_id
from pointsman.core.marks import behind, current, lasting, marks
from pointsman.core.pins import Pinning, pins_for, still_drained
from pointsman.core.placement import Footing, Placed, place
from pointsman.core.plan import Drain, DrainCause, FlagState, LinkState, Placement, Plan, Reason, Verdict, View
from pointsman.core.values import Frozen, canonical, digest, replace

DECIDER = "4"
"""Version of the deciding rules; the plan names it, and it changes with every change of what is decided."""
SKEW = timedelta(seconds=5)
"""How far a store's time may lie behind the plan's before the clock is called wrong."""
CLOSING_KEPT = 8
"""Ended incidents of one link that may wait for their desks; at the bound the open one stays open, and further outages are its own."""
_BUDGET_SPAN = timedelta(hours=1)


class Declined(Frozen):
    """No plan was made: ``stale_view`` when rows newer than the view's were already decided on, else the clock is wrong."""

    stale_view: bool
    because: str


def first_plan(fabric: Fabric, now: datetime) -> Plan:
    """Give the plan before anything was decided: epoch 0, nothing steered."""
    return Plan(fabric=fabric.name, fabric_hash=fabric.hash, decider=DECIDER, decided_at=now)


def decide(fabric: Fabric, view: View, plan: Plan, now: datetime) -> Plan | Declined:
    """Decide what follows from a view. Gives ``plan`` itself when nothing does, else its successor with epoch + 1."""
    marked = lasting(plan.marks, fabric.policy.freshness, now)
    view = current(marked, view)
    refusal = _refuse(view, plan, marked, now)
    if refusal:
        return refusal
    case = open_case(fabric, view, plan, now)
    beliefs = told_of(case, excused(case, _beliefs(case)))
    states = {link.name: _next_state(beliefs[link.name], _state(plan, link), now) for link in fabric.links}
    states = _incidents(case, _forget(case, states))
    if _frozen(view, plan):
        return _successor(case, states, Placed(flows=dict(plan.flows), reasons=()), beliefs)
    states = drains(case, with_taken_over(case, states))
    placed = placements(case, states, beliefs)
    return _successor(case, _closed(case, states), placed, beliefs)


def _refuse(view: View, plan: Plan, marked: dict[str, int], now: datetime) -> Declined | None:
    if plan.epoch and now < plan.decided_at - SKEW:
        return Declined(
            stale_view=False, because=f"the stores' time {now:%FT%TZ} lies before the plan's {plan.decided_at:%FT%TZ}: check the clocks"
        )
    late = behind(marked, view)
    return Declined(stale_view=True, because=late) if late else None


def _frozen(view: View, plan: Plan) -> bool:
    """Say whether steering is stopped: either flag is set, the plan is frozen, or the own flag can't be read."""
    own = view.flags.get(view.here, FlagState.UNREADABLE)
    return plan.freeze is not None or FlagState.SET in view.flags.values() or own is FlagState.UNREADABLE


def _state(plan: Plan, link: Link) -> LinkState:
    return plan.links.get(link.name, LinkState())


def _beliefs(case: Case) -> dict[LinkName, Belief]:
    return {link.name: believe(link, case.claims[link.name], _state(case.plan, link), case.now) for link in case.fabric.links}


_STICKY = frozenset({Verdict.DOWN, Verdict.DEGRADED, Verdict.SUSPECT})


def _next_state(belief: Belief, before: LinkState, now: datetime) -> LinkState:
    """Take a link's state one step on. What can't be seen never starts a trouble and never ends one."""
    verdict = _next_verdict(belief.verdict, before.verdict)
    changed = verdict is not before.verdict
    return replace(
        before,
        verdict=verdict,
        since=now if changed else before.since,
        onset=_next_onset(verdict, belief, before),
        good_since=_next_good(verdict, belief, before, now),
        usable=before.usable if belief.verdict is Verdict.UNKNOWN else belief.usable,
    )


def _next_verdict(belief: Verdict, before: Verdict) -> Verdict:
    if belief is Verdict.UNKNOWN and before in _STICKY:
        return before
    if belief is Verdict.SUSPECT and before is Verdict.DOWN:
        return before
    return belief


def _next_onset(verdict: Verdict, belief: Belief, before: LinkState) -> datetime | None:
    if verdict in {Verdict.UP, Verdict.UNKNOWN}:
        return None
    return before.onset or belief.onset


def _next_good(verdict: Verdict, belief: Belief, before: LinkState, now: datetime) -> datetime | None:
    """Count since when a link is good. A quiet prober stops the count only while the link is being watched for its return."""
    if verdict is Verdict.UP and belief.good:
        return before.good_since or now
    watched = before.drain is not None or before.down_since_epoch is not None
    return None if verdict in _STICKY or watched else before.good_since


def _forget(case: Case, states: dict[LinkName, LinkState]) -> dict[LinkName, LinkState]:
    """Drop ended incidents of which every desk has been told."""
    told, fabric = set(case.view.closed), case.fabric.name

    def kept(name: LinkName, state: LinkState) -> tuple[int, ...]:
        return tuple(epoch for epoch in state.closing if incident_id(fabric, name, epoch) not in told)

    return {name: replace(state, closing=kept(name, state)) for name, state in states.items()}


def _incidents(case: Case, states: dict[LinkName, LinkState]) -> dict[LinkName, LinkState]:
    """Open an incident for every link that is down or degraded and has none."""

    def opened(state: LinkState) -> LinkState:
        needs = state.verdict in {Verdict.DOWN, Verdict.DEGRADED} and state.down_since_epoch is None
        return replace(state, down_since_epoch=case.next_epoch) if needs else state

    return {name: opened(state) for name, state in states.items()}


def settled(state: LinkState, hold_down: timedelta, now: datetime) -> bool:
    """Say whether a link's hold-down is over: both ends have seen it good without a break for that long."""
    return state.good_since is not None and now - state.good_since >= hold_down


def drains(case: Case, states: dict[LinkName, LinkState]) -> dict[LinkName, LinkState]:
    """Start and end drains: a link that is down is left, a link that has been good for the hold-down is returned to."""
    found = dict(states)
    for link in case.fabric.links:
        state = states[link.name]
        if state.drain is None and _may_leave(case.fabric, link, states):
            drain = Drain(cause=DrainCause.OUTAGE, since=case.now, epoch=case.next_epoch, enactor=case.view.here)
            found[link.name] = replace(state, drain=drain)
        elif state.drain is not None and _may_return(case, state):
            found[link.name] = replace(state, drain=None)
    for name in _rescues(case, found):
        found[name] = replace(found[name], drain=None)
    return found


def _rescues(case: Case, states: Mapping[LinkName, LinkState]) -> set[LinkName]:
    """List the drained links that a flow needs now: it has no other open link, and both ends see this one good again.

    The hold-down damps a choice; a flow that has no choice would only stay dark for it.
    """
    found: set[LinkName] = set()
    for flow in case.fabric.flows:
        if not any(_open(states[name]) for name in flow.prefer):
            back = [name for name in flow.prefer if states[name].drain and states[name].good_since is not None]
            found.update(back[:1])
    return found


def _open(state: LinkState) -> bool:
    return state.drain is None and state.verdict in {Verdict.UP, Verdict.DEGRADED}


def _closed(case: Case, states: dict[LinkName, LinkState]) -> dict[LinkName, LinkState]:
    """End the incident of every link that is up, past its hold-down, undrained, and whose levers are seen to be back.

    None ends while as many as may wait have desks yet to be told: traffic returns, and the ticket stays open.
    """

    def over(name: LinkName, state: LinkState) -> bool:
        kept_open = len(state.closing) >= CLOSING_KEPT
        back = not kept_open and state.verdict is Verdict.UP and state.drain is None and _undrained_before(case, name)
        return back and settled(state, case.fabric.policy.hold_down, case.now) and not still_drained(case.view.rows, name)

    return {name: _ended(state) if state.down_since_epoch is not None and over(name, state) else state for name, state in states.items()}


def _undrained_before(case: Case, link: LinkName) -> bool:
    """Say whether the agreed plan already lets the link carry: its levers had a chance to be set back."""
    return case.plan.links.get(link, LinkState()).drain is None


def _ended(state: LinkState) -> LinkState:
    assert state.down_since_epoch is not None, "only an open incident can end"
    return replace(state, down_since_epoch=None, closing=(*state.closing, state.down_since_epoch))


def _may_leave(fabric: Fabric, link: Link, states: Mapping[LinkName, LinkState]) -> bool:
    """Say whether a link may be drained: it is down, ours to steer, and some parallel link is seen up.

    With every link between two sites dark our eyes are broken rather than the network: hold.
    """
    if states[link.name].verdict is not Verdict.DOWN or link.mode is not Mode.AUTO:
        return False
    healthy = (states[other.name] for other in parallel(fabric, link))
    return any(state.verdict in {Verdict.UP, Verdict.DEGRADED} and state.drain is None for state in healthy)


def _may_return(case: Case, state: LinkState) -> bool:
    """Say whether fail-back is allowed: up, hold-down over, time trusted, and a discretionary epoch left this hour."""
    if state.verdict is not Verdict.UP or not settled(state, case.fabric.policy.hold_down, case.now):
        return False
    return _discretion(case)


def _discretion(case: Case) -> bool:
    """Say whether a move that no outage forces may be made now."""
    return case.view.clock_trusted and len(_recent(case)) < case.fabric.policy.epochs_per_hour


def _recent(case: Case) -> tuple[datetime, ...]:
    return tuple(move for move in case.plan.moves if case.now - move < _BUDGET_SPAN)


def placements(case: Case, states: Mapping[LinkName, LinkState], beliefs: Mapping[LinkName, Belief]) -> Placed:
    """Place all flows. A session lost at both ends is left before its budget is over only if everything then fits elsewhere."""
    today = case.plan.flows
    lost = frozenset(link.name for link in case.fabric.links if beliefs[link.name].lost_both_ends and link.mode is Mode.AUTO)
    if lost:
        early = place(case.fabric, _footings(case, states, shut=lost), today)
        if all(one.link is not None and one.link not in lost and not one.squeezed_by and not one.mtu_short for one in early.flows.values()):
            return _with_only(case, states, early)
    placed = place(case.fabric, _footings(case, states), today)
    return _with_only(case, states, placed if _discretion(case) else _without_discretion(case, states, placed))


def _with_only(case: Case, states: Mapping[LinkName, LinkState], placed: Placed) -> Placed:
    """Mark flows on a VPN that is proved to pass: AWS would prefer any DX gateway's route, so those are to be dropped.

    Of a degraded one a single tunnel that is proved to pass will do: what it carries was weighed when the flow was placed.
    """

    def only(one: Placement) -> bool:
        if one.link is None or case.fabric.link(one.link).kind is not LinkKind.VPN:
            return False
        claims, verdict = case.claims[one.link], states[one.link].verdict
        return (verdict is Verdict.UP and passing(claims)) or (verdict is Verdict.DEGRADED and still_passing(claims))

    flows = {name: replace(one, only=only(one)) for name, one in placed.flows.items()}
    return replace(placed, flows=flows, reasons=tuple(_without_drop(case.fabric, reason, flows) for reason in placed.reasons))


def _without_drop(fabric: Fabric, reason: Reason, flows: Mapping[FlowName, Placement]) -> Reason:
    """Say of a flow that is placed on a VPN, and that AWS may not be led there yet, why not."""
    one = flows[FlowName(reason.about)]
    if one.link is None or one.only or fabric.link(one.link).kind is not LinkKind.VPN:
        return reason
    why = f"no fresh forwarding evidence shows {one.link} passing packets: both directions wait for it, or for the interconnects' end"
    return replace(reason, refused=reason.refused | {"drop on interconnects": why})


def _footings(case: Case, states: Mapping[LinkName, LinkState], shut: frozenset[LinkName] = frozenset()) -> dict[LinkName, Footing]:
    return {link.name: _footing(case, link, states[link.name], shut=link.name in shut) for link in case.fabric.links}


def _footing(case: Case, link: Link, state: LinkState, *, shut: bool) -> Footing:
    kept_off = shut or state.drain is not None
    takes = not kept_off and state.verdict in {Verdict.UP, Verdict.DEGRADED}
    return Footing(
        usable=link.capacity if state.usable is None else state.usable,
        stays=not kept_off,
        takes=takes,
        settled=link.mode is Mode.AUTO and settled(state, case.fabric.policy.hold_down, case.now),
        why="" if takes else ("drained" if state.drain else f"believed {state.verdict}"),
    )


def _without_discretion(case: Case, states: Mapping[LinkName, LinkState], placed: Placed) -> Placed:
    """Take back every move that no outage forces: the flow's link of today would still have kept it."""

    def chosen(name: FlowName, new: Placement) -> Placement:
        old = case.plan.flows.get(name)
        keeps = old is not None and old.link is not None and states[old.link].drain is None
        return old if keeps and old is not None else new

    return replace(placed, flows={name: chosen(name, new) for name, new in placed.flows.items()})


def _successor(case: Case, states: dict[LinkName, LinkState], placed: Placed, beliefs: Mapping[LinkName, Belief]) -> Plan:
    plan = case.plan
    pinning = pins_for(case, states, placed.flows)
    pins = pinning.pins
    if _frozen(case.view, plan):
        pins = tuple(pin for pin in pins if pin in plan.pins)  # a freeze lets a pin end and never begins one
    if states == plan.links and placed.flows == plan.flows and pins == plan.pins:
        return plan
    told = taken_over(case)
    worth = {name: state for name, state in states.items() if state.verdict is not Verdict.UP or name in told}
    link_reasons = tuple(_link_reason(name, state, beliefs[name]) for name, state in worth.items())
    return replace(
        plan,
        decider=DECIDER,
        epoch=case.next_epoch,
        decided_at=max(case.now, plan.decided_at),
        links=states,
        flows=placed.flows,
        pins=pins,
        marks=marks(case.fabric, case.view, plan.marks),
        moves=(*_recent(case), *((case.now,) if _is_move(case, states, placed) else ())),
        reasons=(
            *link_reasons,
            *placed.doubt,
            *(_with_pin(reason, placed, pinning) for reason in placed.reasons if _is_news(plan, placed, reason.about)),
        ),
        prev_digest=digest(canonical(plan)),
    )


def _is_news(plan: Plan, placed: Placed, about: str) -> bool:
    """Say whether a flow's placement changed: only then does the plan itself carry the reason (the journal keeps the inputs)."""
    flow = FlowName(about)
    return plan.flows.get(flow) != placed.flows[flow]


def _with_pin(reason: Reason, placed: Placed, pinning: Pinning) -> Reason:
    """Add, to the reason for a flow's place, the pin that was refused to hold it there."""
    flow = FlowName(reason.about)
    if flow not in pinning.refused:
        return reason
    return replace(reason, refused=reason.refused | {f"pin to {placed.flows[flow].link}": pinning.refused[flow]})


def _link_reason(name: LinkName, state: LinkState, belief: Belief) -> Reason:
    held = "" if belief.verdict is state.verdict else f" (held: rows now say {belief.verdict})"
    return Reason(about=name, chosen=state.verdict, because=belief.because + held)


def _is_move(case: Case, states: Mapping[LinkName, LinkState], placed: Placed) -> bool:
    """Say whether this epoch moves traffic at discretion: it returns to a link, or changes places with no outage behind it."""
    before = case.plan
    if not before.epoch:
        return False
    left = any(state.drain and before.links.get(name, LinkState()).drain is None for name, state in states.items())
    returned = any(before.links[name].drain and not state.drain for name, state in states.items() if name in before.links)
    moved = any(before.flows.get(name, Placement()).link != new.link for name, new in placed.flows.items())
    return returned or (moved and not left)
