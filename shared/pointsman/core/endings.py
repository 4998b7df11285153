"""What is said when an incident of a link is over: what the agreed plan shows of the link and its flows by then, and no more."""

from collections.abc import Sequence

from pointsman.core.fabric import Fabric, Flow, FlowName, LinkName
from pointsman.core.incidents import Incident
from pointsman.core.plan import LinkState, Placement, Plan, Verdict
from pointsman.core.values import replace

FLOWS_NAMED = 8
"""Flows that one sentence names; of more it says how many."""


def belated(link: LinkName, epoch: int) -> str:
    """Say what is left to say of an incident that was over before anybody wrote it down: why it began is in the record."""
    return f"{link} had an incident from epoch {epoch} on: it was over before anybody could be told; see pointsman history --link {link}"


def as_it_was(plan: Plan, link: LinkName) -> Plan:
    """Give a plan in which a link is out, and for no announced reason: what such an incident is graded by, whatever its link does by now."""
    return replace(plan, links={**plan.links, link: LinkState(verdict=Verdict.DOWN)})


def ended(fabric: Fabric, plan: Plan, incident: Incident) -> str:
    """Say that an incident is over, how its link is, what it carries, and which flows that prefer it are still elsewhere."""
    link = incident.link
    state = plan.links.get(link, LinkState())
    if state.verdict is not Verdict.UP or state.drain is not None:
        return f"this incident is over; by now {link} is {'drained' if state.verdict is Verdict.UP else state.verdict}"
    carried = [name for name, one in plan.flows.items() if one.link == link]
    away = [_whereabouts(plan, flow) for flow in fabric.flows if _prefers(plan, flow, link)]
    said = f"{link} {_how(incident, state)}, and carries {_named(carried) if carried else 'no flow'}"
    return f"{said}; {_named(away)}" if away else said


def _how(incident: Incident, state: LinkState) -> str:
    """Tell a link that came back from one that was only asked about: that one's verdict is older than its incident.

    An incident that was written down late doesn't know when it began.
    """
    begun = next((moment.epoch for moment in incident.timeline), None) == incident.epoch
    if not begun or state.since is None:
        return "is up"
    return "was up all along" if state.since <= incident.opened_at else "is up again"


def _prefers(plan: Plan, flow: Flow, link: LinkName) -> bool:
    """Say whether a flow is elsewhere, on a link that it prefers less, or on none."""
    placed = plan.flows.get(flow.name, Placement()).link
    if link not in flow.prefer or placed == link:
        return False
    return placed not in flow.prefer or flow.prefer.index(link) < flow.prefer.index(placed)


def _whereabouts(plan: Plan, flow: Flow) -> str:
    placed = plan.flows.get(flow.name, Placement()).link
    return f"{flow.name} is still on {placed}" if placed else f"{flow.name} has no link"


def _named(told: Sequence[FlowName] | Sequence[str]) -> str:
    kept = ", ".join(told[:FLOWS_NAMED])
    more = len(told) - FLOWS_NAMED
    return f"{kept} and {more} more" if more > 0 else kept
