"""What the agreed plan becomes should one thing fail: computed beforehand, by either cloud alike, and stored nowhere.

A contingency is a function of the fabric, the agreed plan and the time. It foresees what deciding would find if nothing
but this failure were new, so it can be held byte for byte against what deciding finds (``outcome``). Where the two
differ, more is new than the failure, and only the decision counts.
"""

from collections.abc import Iterator
from datetime import datetime

from pointsman.core.analysis import Failure, failures
from pointsman.core.case import Case
from pointsman.core.drains import drains
from pointsman.core.evidence import Belief
from pointsman.core.fabric import Cloud, Fabric, FlowName, LinkKind, LinkName
from pointsman.core.flows import placements
from pointsman.core.intents import failure_of
from pointsman.core.placement import Placed
from pointsman.core.plan import Drain, DrainCause, LinkState, Pin, Placement, Plan, Verdict, View
from pointsman.core.sightings import Sighting
from pointsman.core.values import Frozen, replace
from pointsman.core.versions import DECIDER


class Contingency(Frozen):
    """Where a plan leads: ``epoch`` is the plan's own, ``failed`` what is down anew, ``drained`` every link that is kept off then.

    Pins are those that stand already: a new one is never foreseen, since it needs evidence that only deciding has.
    """

    fabric_hash: str
    decider: str
    epoch: int
    failed: tuple[LinkName, ...]
    drained: tuple[LinkName, ...]
    flows: dict[FlowName, Placement]
    pins: tuple[Pin, ...] = ()

    def carried_out(self, plan: Plan, now: datetime, enactor: Cloud) -> Plan:
        """Give the plan that asks of the levers what this contingency of ``plan`` asks; its reasons and marks are nobody's."""
        before = {name: plan.links.get(name, LinkState()) for name in {*plan.links, *self.drained, *self.failed}}
        links = {name: self._state(name, state, now, enactor) for name, state in before.items()}
        return replace(plan, epoch=self.epoch + 1, decided_at=now, links=links, flows=self.flows, pins=self.pins)

    def _state(self, name: LinkName, before: LinkState, now: datetime, enactor: Cloud) -> LinkState:
        drain = before.drain or Drain(cause=DrainCause.OUTAGE, since=now, epoch=self.epoch + 1, enactor=enactor)
        verdict = Verdict.DOWN if name in self.failed else before.verdict
        return replace(before, verdict=verdict, drain=drain if name in self.drained else None)


def contingencies(fabric: Fabric, plan: Plan, now: datetime) -> dict[str, Contingency]:
    """Foresee every single failure, by its name: a link's, or ``group:`` and a shared-risk group's of several links."""
    return {one.name: contingency(fabric, plan, one, now) for one in failures(fabric, 1)}


def contingency(fabric: Fabric, plan: Plan, failure: Failure, now: datetime) -> Contingency:
    """Foresee one failure. A frozen plan keeps its flows where they are; as a decision, it is of no earlier time than the plan."""
    now = max(now, plan.decided_at)
    before = {link.name: plan.links.get(link.name, LinkState()) for link in fabric.links}
    down = {name: replace(before[name], verdict=Verdict.DOWN, since=now, onset=now, good_since=None, usable=None) for name in failure.links}
    states, flows = before | down, plan.flows
    if plan.freeze is None:
        case = _case(fabric, plan, now)
        states = drains(case, states)
        flows = _with_only(fabric, states, placements(case, states, _beliefs(states)))
    return Contingency(
        fabric_hash=plan.fabric_hash,
        decider=DECIDER,
        epoch=plan.epoch,
        failed=tuple(sorted(name for name in failure.links if before[name].verdict is not Verdict.DOWN)),
        drained=_drained(states),
        flows=flows,
        pins=plan.pins,
    )


def outcome(fabric: Fabric, plan: Plan, decided: Plan) -> Contingency | None:
    """Give what a decision made of the plan, in the form of a contingency; None unless exactly one thing failed and nothing else changed."""
    failed = tuple(sorted(_newly_down(fabric, plan, decided)))
    if not failed or failure_like(fabric, failed) is None or _others_changed(plan, decided, failed):
        return None
    return Contingency(
        fabric_hash=decided.fabric_hash,
        decider=decided.decider,
        epoch=decided.epoch - 1,
        failed=failed,
        drained=_drained(decided.links),
        flows=decided.flows,
        pins=decided.pins,
    )


def failure_named(fabric: Fabric, name: str) -> Failure | None:
    """Find a single failure by its name."""
    return next((one for one in failures(fabric, 1) if one.name == name), None)


def explained(fabric: Fabric, plan: Plan, row: Sighting) -> Plan | None:
    """Give the plan whose settings an intent announces, worked out again from the plan that it stands on; None when it stands on another."""
    failure = failure_named(fabric, failure_of(row))
    if failure is None or row.value != plan.epoch:
        return None
    return contingency(fabric, plan, failure, row.seen_at).carried_out(plan, row.seen_at, Cloud(row.vantage.value))


def failure_like(fabric: Fabric, failed: tuple[LinkName, ...]) -> Failure | None:
    """Find the single failure that takes exactly these links; of equal ones the first."""
    return next((one for one in failures(fabric, 1) if set(one.links) == set(failed)), None)


def _newly_down(fabric: Fabric, plan: Plan, decided: Plan) -> Iterator[LinkName]:
    for link in fabric.links:
        before, after = (one.links.get(link.name, LinkState()) for one in (plan, decided))
        if after.verdict is Verdict.DOWN and before.verdict is not Verdict.DOWN:
            yield link.name


def _others_changed(plan: Plan, decided: Plan, failed: tuple[LinkName, ...]) -> bool:
    """Say whether a link that did not fail is believed or can carry otherwise than the plan says."""
    others = (name for name in decided.links if name not in failed)
    seen = ((plan.links.get(name, LinkState()), decided.links[name]) for name in others)
    return any((before.verdict, before.usable) != (after.verdict, after.usable) for before, after in seen)


def _case(fabric: Fabric, plan: Plan, now: datetime) -> Case:
    """Make a case in which nothing is claimed; who looks does not matter, since nothing of it is kept."""
    return Case(fabric=fabric, view=View(here=Cloud.AWS), plan=plan, now=now, claims={link.name: {} for link in fabric.links})


def _beliefs(states: dict[LinkName, LinkState]) -> dict[LinkName, Belief]:
    return {name: Belief(verdict=state.verdict, because="foreseen") for name, state in states.items()}


def _with_only(fabric: Fabric, states: dict[LinkName, LinkState], placed: Placed) -> dict[FlowName, Placement]:
    """Foresee that a VPN which is up is proved to pass packets too: should it not be, the decision differs, and counts."""
    vpns = {link.name for link in fabric.links if link.kind is LinkKind.VPN and states[link.name].verdict in {Verdict.UP, Verdict.DEGRADED}}
    return {name: replace(one, only=one.link in vpns) for name, one in placed.flows.items()}


def _drained(states: dict[LinkName, LinkState]) -> tuple[LinkName, ...]:
    return tuple(sorted(name for name, state in states.items() if state.drain is not None))
