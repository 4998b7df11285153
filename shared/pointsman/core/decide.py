"""The only place that decides: ``decide(fabric, view, plan, now) -> plan``.

It is pure and idempotent: the same inputs give the same bytes, and a view that brings nothing new gives back the
very plan it was given. Events, looks and chat only change the rows; what follows from them is decided here.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pointsman.core.alone import taken_over, told_of, with_taken_over
from pointsman.core.case import Case, open_case
from pointsman.core.drains import drains, recent_moves
from pointsman.core.evidence import Belief, believe
from pointsman.core.fabric import Fabric, FlowName, Link, LinkName
from pointsman.core.filling import excused
from pointsman.core.flows import placements
from pointsman.core.marks import behind, current, lasting, marks
from pointsman.core.pins import Pinning, pins_for
from pointsman.core.placement import Placed
from pointsman.core.plan import FlagState, LinkState, Placement, Plan, Reason, Verdict, View
from pointsman.core.silence import silences
from pointsman.core.values import Frozen, canonical, digest, replace
from pointsman.core.verdicts import closed, forgotten, opened, stepped

DECIDER = "5"
"""Version of the deciding rules; the plan names it, and it changes with every change of what is decided."""
SKEW = timedelta(seconds=5)
"""How far a store's time may lie behind the plan's before the clock is called wrong."""


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
    states = {link.name: stepped(beliefs[link.name], _state(plan, link), now) for link in fabric.links}
    states = opened(case, forgotten(case, states))
    if _frozen(view, plan):
        return _successor(case, states, Placed(flows=dict(plan.flows), reasons=()), beliefs)
    states = drains(case, with_taken_over(case, states))
    placed = placements(case, states, beliefs)
    return _successor(case, closed(case, states), placed, beliefs)


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


def _successor(case: Case, states: dict[LinkName, LinkState], placed: Placed, beliefs: Mapping[LinkName, Belief]) -> Plan:
    plan = case.plan
    pinning = pins_for(case, states, placed.flows)
    pins = pinning.pins
    if _frozen(case.view, plan):
        pins = tuple(pin for pin in pins if pin in plan.pins)  # a freeze lets a pin end and never begins one
    silent = silences(case)
    if states == plan.links and placed.flows == plan.flows and pins == plan.pins and silent == plan.silences:
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
        moves=(*recent_moves(case), *((case.now,) if _is_move(case, states, placed) else ())),
        reasons=(
            *link_reasons,
            *placed.doubt,
            *(_with_pin(reason, placed, pinning) for reason in placed.reasons if _is_news(plan, placed, reason.about)),
        ),
        prev_digest=digest(canonical(plan)),
        silences=silent,
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
