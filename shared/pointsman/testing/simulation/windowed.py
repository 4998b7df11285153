"""What must hold of announced maintenance: what of it is believed, what is left for it, and that all of it ends."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from pointsman.core.fabric import Flow
from pointsman.core.journal import opened
from pointsman.core.plan import DrainCause, LinkState, Maintenance, Plan
from pointsman.testing.simulation.agreed import CARRYING, Record, drained, rescued
from pointsman.testing.simulation.evidence import Foretold

Findings = Iterator[str]


def for_a_window(record: Record, plan: Plan, before: LinkState, after: LinkState) -> bool:
    """Say whether a plan opens an incident about a window: a person is asked, or the link was left for it and is not seen good after it.

    Nothing of ours is on such a link then, and nothing will be until somebody sees to it. Rows that could not be read say nothing of it.
    """
    if after.maintenance is not None and after.maintenance.ask:
        return True
    entry = record.evidence.entries.get(plan.entry)
    return drained_for_it(before) and (entry is None or not opened(plan.entry, entry).view.unreadable)


def drained_for_it(state: LinkState) -> bool:
    """Say whether a link is kept free of traffic for its window."""
    return state.drain is not None and state.drain.cause is DrainCause.MAINTENANCE


def only_announced_windows_are_believed(record: Record) -> Findings:
    """Windows: a plan believes no maintenance that nobody announced, none before its lead, and leaves a link for none that is not near or running."""
    for plan in record.plans:
        lead = record.fabric(plan).policy.maintenance.lead
        for name, state in plan.links.items():
            window, works = state.maintenance, [one for one in record.evidence.works if one.link == name]
            if window and not _was_announced(window, works, plan.decided_at):
                yield f"epoch {plan.epoch} believes that {name} is away from {window.start} to {window.until}, which nobody announced"
            if window and plan.decided_at + lead < window.start:
                yield f"epoch {plan.epoch} counts on {name}'s window of {window.start}, which is further off than its lead"
            began = drained_for_it(state) and state.drain is not None and state.drain.epoch == plan.epoch
            if began and not (_whole(window) and window is not None and plan.decided_at < window.until):
                yield f"epoch {plan.epoch} leaves {name} for {window}"


def _was_announced(window: Maintenance, works: Sequence[Foretold], now: datetime) -> bool:
    """Say whether announcements bear a window out; one that is over, or was taken back, ended when that was noticed."""
    began = any(one.start == window.start for one in works) or (window.over and window.start == window.until)
    return began and (window.until <= now if window.over else any(one.end == window.until for one in works))


def _whole(window: Maintenance | None) -> bool:
    return window is not None and not window.away


def no_window_takes_a_flow_its_last_path(record: Record) -> Findings:
    """Windows: while a link is left for maintenance every flow that had an open link keeps one, and none is squeezed by it.

    A link that fails in the same step is no window's doing.
    """
    for before, after in record.steps():
        began = [name for name, state in after.links.items() if drained_for_it(state) and not drained(before, name)]
        lost = any(
            before.links[name].verdict in CARRYING and one.verdict not in CARRYING
            for name, one in after.links.items()
            if name in before.links
        )
        for flow in record.fabric(after).flows if began and not lost else ():
            held, placed = before.flows.get(flow.name), after.flows[flow.name]
            if keeps_a_path(before, flow) and not keeps_a_path(after, flow):
                yield f"epoch {after.epoch} leaves {' and '.join(began)} for maintenance, and {flow.name} has no open link"
            if held is not None and placed.squeezed_by > held.squeezed_by:
                yield f"epoch {after.epoch} leaves {' and '.join(began)} for maintenance, and squeezes {flow.name} by {placed.squeezed_by}"


def keeps_a_path(plan: Plan, flow: Flow) -> bool:
    """Say whether a plan leaves a flow an open link."""
    states = [(name, plan.links.get(name, LinkState())) for name in flow.prefer]
    return any(state.verdict in CARRYING and not drained(plan, name) for name, state in states)


def nothing_is_returned_to_within_its_window(record: Record) -> Findings:
    """Windows: a link whose window is believed to run is returned to only for a flow that has no other open link."""
    for before, after in record.steps():
        for link in record.fabric(after).links:
            window = after.links[link.name].maintenance
            running = _whole(window) and window is not None and after.decided_at < window.until
            if (
                running
                and drained(before, link.name)
                and not drained(after, link.name)
                and not rescued(record.fabric(after), before, after, link.name)
            ):
                yield f"epoch {after.epoch} returns to {link.name} within its window until {window.until if window else ''}"


def every_window_ends(record: Record) -> Findings:
    """Windows: at the end none is believed, and no link is kept free for one."""
    for name, state in record.newest.links.items():
        if state.maintenance is not None or drained_for_it(state):
            yield f"{name} is still held for maintenance: {state.maintenance}, {state.drain}"


OF_WINDOWS: Mapping[str, Callable[[Record], Findings]] = {
    "windows announced": only_announced_windows_are_believed,
    "windows last path": no_window_takes_a_flow_its_last_path,
    "windows hold": nothing_is_returned_to_within_its_window,
    "windows end": every_window_ends,
}
