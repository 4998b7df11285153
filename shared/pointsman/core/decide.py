"""The only place that decides: ``decide(fabric, view, plan, now) -> plan``.

It is pure and idempotent: the same inputs give the same bytes, and a view that brings nothing new gives back the
very plan it was given. Events, looks and chat only change the rows; what follows from them is decided here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pointsman.core import approvals, orders
from pointsman.core.alone import taken_over, told_of, with_taken_over
from pointsman.core.case import Case, open_case
from pointsman.core.damping import damp, tidied, told
from pointsman.core.drains import is_move, rescues, with_move
from pointsman.core.evidence import Belief, believe
from pointsman.core.fabric import Fabric, FlowName, Link, LinkName
from pointsman.core.filling import excused, relieved
from pointsman.core.flows import placements
from pointsman.core.maintenance import at_work, with_drains, with_windows, words
from pointsman.core.marks import behind, binding, current, lasting, marks
from pointsman.core.pins import Pinning, pins_for, refusal
from pointsman.core.placement import Placed
from pointsman.core.plan import LinkState, Plan, Proposal, Reason, Verdict, View
from pointsman.core.sightings import Verb
from pointsman.core.silence import silences
from pointsman.core.values import Frozen, canonical, digest, replace
from pointsman.core.verdicts import closed, forgotten, opened, stepped
from pointsman.core.versions import DECIDER, handover

SKEW = timedelta(seconds=5)
"""How far a store's time may lie behind the plan's before the clock is called wrong."""


class Declined(Frozen):
    """No plan was made: ``stale_view`` when rows newer than the view's were already decided on, else the clock is wrong."""

    stale_view: bool
    because: str


class Judged(Frozen):
    """What follows from a view; ``refused`` says by an order's key why nothing was done of it."""

    plan: Plan | Declined
    refused: Mapping[str, str] = {}


@dataclass(frozen=True)
class Rules:
    """What decides, by the version that plans are marked with. During a roll-out functions of two versions work side by side."""

    version: str
    decide: Callable[[Fabric, View, Plan, datetime], Plan | Declined]


def first_plan(fabric: Fabric, now: datetime) -> Plan:
    """Give the plan before anything was decided: epoch 0, nothing steered."""
    return Plan(fabric=fabric.name, fabric_hash=fabric.hash, decider=DECIDER, decided_at=now)


def decide(fabric: Fabric, view: View, plan: Plan, now: datetime) -> Plan | Declined:
    """Decide what follows from a view. Gives ``plan`` itself when nothing does, else its successor with epoch + 1."""
    return judge(fabric, view, plan, now).plan


RULES = Rules(DECIDER, decide)
"""The rules of this version."""


def judge(fabric: Fabric, view: View, plan: Plan, now: datetime) -> Judged:
    """Decide, and say which of the view's orders are refused. An order that is refused changes nothing."""
    marked = lasting(plan.marks, fabric.policy.freshness, now)
    view = current(marked, view)
    declined = _refuse(view, plan, marked, now)
    if declined:
        return Judged(plan=declined)
    now = max(now, plan.decided_at)  # along the chain time never goes back: a hold-down counts from no earlier than what it follows
    heard = orders.hear(fabric, view, plan, now)
    case = open_case(fabric, view, heard.plan, now)
    beliefs = told_of(case, excused(case, _beliefs(case)))
    half_blind = bool(view.unreadable)
    states = {link.name: stepped(beliefs[link.name], _state(plan, link), now, half_blind=half_blind) for link in fabric.links}
    states = opened(case, forgotten(case, with_windows(case, damp(case, states, at_work(case)))))
    if orders.frozen(view, case.plan):
        still = approvals.Made(states=states, placed=Placed(flows=dict(plan.flows), reasons=()))
        return _concluded(plan, case, approvals.paused(case, still, heard), heard, beliefs)
    held = orders.held(case, with_taken_over(case, states), heard)
    after = with_drains(case, held.states)
    made = approvals.Made(states=after, placed=placements(case, after, beliefs))
    weighed = approvals.weigh(case, held.states, beliefs, made, heard)
    made = replace(weighed.made, states=closed(case, weighed.made.states))
    return _concluded(plan, case, replace(weighed, made=made), heard.without(held.refused), beliefs)


def _refuse(view: View, plan: Plan, marked: dict[str, int], now: datetime) -> Declined | None:
    if plan.epoch and now < plan.decided_at - SKEW:
        return Declined(
            stale_view=False, because=f"the stores' time {now:%FT%TZ} lies before the plan's {plan.decided_at:%FT%TZ}: check the clocks"
        )
    late = behind(marked, view) if binding(plan.decided_at, view, now) else ""
    return Declined(stale_view=True, because=late) if late else None


def _state(plan: Plan, link: Link) -> LinkState:
    return plan.links.get(link.name, LinkState())


def _beliefs(case: Case) -> dict[LinkName, Belief]:
    return {link.name: believe(link, case.claims[link.name], _state(case.plan, link), case.now) for link in case.fabric.links}


def _concluded(plan: Plan, case: Case, weighed: approvals.Weighed, heard: orders.Heard, beliefs: Mapping[LinkName, Belief]) -> Judged:
    """Make the plan that follows on ``plan``: itself when nothing is different and no order was carried out."""
    states, placed = weighed.made.states, weighed.made.placed
    pinning = pins_for(case, states, placed.flows)
    heard = heard.without(weighed.refused)
    heard = heard.without({order.key: why for order in heard.of(Verb.PIN) if (why := refusal(case, states, placed.flows, order.target))})
    pins = pinning.pins
    if orders.frozen(case.view, case.plan):
        pins = tuple(pin for pin in pins if pin in plan.pins)  # a freeze lets a pin end and never begins one
    after = replace(
        plan, links=states, flows=placed.flows, pins=pins, freeze=case.plan.freeze, proposal=weighed.proposal, silences=silences(case)
    )
    if after == plan and not heard.orders:
        return Judged(plan=plan, refused=heard.refused)
    because = (*_reasons(case, weighed.made, beliefs, pinning), *_words(plan, case, weighed.proposal), *orders.reasons(after, heard.orders))
    return Judged(plan=_successor(plan, case, replace(after, reasons=because), heard), refused=heard.refused)


def _successor(plan: Plan, case: Case, after: Plan, heard: orders.Heard) -> Plan:
    """Give ``after`` the marks of a plan of its own, which follows on ``plan``."""
    after = replace(after, decided_at=case.now)
    return replace(
        after,
        decider=DECIDER,
        handover=handover(plan, case.now),
        epoch=case.next_epoch,
        marks=marks(case.fabric, case.view, plan.marks),
        links=tidied(case.fabric.policy, relieved(case, plan, after), case.now),
        moves=with_move(case, made=is_move(case, after.links, after.flows)),
        orders=orders.kept(plan, heard.orders, case.now),
        prev_digest=digest(canonical(plan)),
    )


def _reasons(case: Case, made: approvals.Made, beliefs: Mapping[LinkName, Belief], pinning: Pinning) -> tuple[Reason, ...]:
    """Say why each link that is not well is so, and why each flow that moved is where it is."""
    alone, states, placed = taken_over(case), made.states, made.placed
    back = rescues(case, states)
    news = {*alone, *back}
    worth = {name: state for name, state in states.items() if state.verdict is not Verdict.UP or state.maintenance or name in news}
    would = approvals.would_leave(case, states)
    moved = (reason for reason in placed.reasons if _is_news(case.plan, placed, reason.about))
    return (
        *(_link_reason(case, name, state, beliefs[name], left=name in would, back=back.get(name, "")) for name, state in worth.items()),
        *placed.doubt,
        *(_with_pin(reason, placed, pinning) for reason in moved),
    )


def _words(plan: Plan, case: Case, proposal: Proposal | None) -> tuple[Reason, ...]:
    """Say what waits for a person's word since now."""
    if proposal is None or proposal == plan.proposal:
        return ()
    return (Reason(about=f"proposal {proposal.hash}", chosen="wait", because=approvals.told(case.fabric, proposal)),)


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


def _link_reason(case: Case, name: LinkName, state: LinkState, belief: Belief, *, left: bool, back: str) -> Reason:
    unread = f", and those of {' and '.join(case.view.unreadable)} cannot be read" if case.view.unreadable else ""
    held = "" if belief.verdict is state.verdict else f" (held: rows now say {belief.verdict}{unread})"
    damped = told(state, case.fabric.policy.damping, case.now)
    would = "it would have been left, but it is in mode observe" if left else ""
    rest = "".join(f"; {one}" for one in (would, damped, back) if one)
    return Reason(about=name, chosen=state.verdict, because=belief.because + held + words(case, name, state) + rest)
