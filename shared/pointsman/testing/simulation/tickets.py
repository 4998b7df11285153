"""How many tickets a desk made of one incident, when more than one of them was open, and from when on one is due."""

from collections.abc import Iterator, Sequence

from pointsman.core.fabric import LinkName
from pointsman.core.incidents import Ask, Incident, Phase
from pointsman.core.outbox import AHEAD
from pointsman.core.plan import LinkState, Plan, Verdict
from pointsman.core.values import parse
from pointsman.testing.simulation.agreed import Record
from pointsman.testing.simulation.evidence import Told
from pointsman.testing.simulation.windowed import drained_for_it, keeps_a_path

TICKET_SECONDS = 1_200.0
"""T of S6: how long an incident may stay without a ticket."""
TOGETHER_SECONDS = 180.0
"""T of S6 for two open tickets: a lease, the time after which a desk is asked to close all but one, and a sweep."""
CLOCKS_LIMIT = 1
"""How many of the three stores may have a wrong clock at once for their median to be the time."""
NOTICED = 120.0
"""How long an incident with announced maintenance in it must be due a ticket until somebody has seen to it, in seconds: a window can be
taken back, or explain an outage, before anybody has told of it."""


def is_tombstone(value: str) -> bool:
    """Say whether an incident's register holds what is left of one that is over."""
    incident = parse(value, Incident)
    return incident.phase is Phase.RESOLVED and not incident.outbox


def untold(record: Record, incident: str, began: float, ended: float | None) -> Iterator[str]:
    """Say what is wrong when an incident that was due a ticket has none. While every function is dead no time counts."""
    opened = [told.at for told in record.evidence.book if told.incident == incident and told.ask is not Ask.RESOLVE]
    awake, lived = record.evidence.woke or 0.0, _lived(record, incident, began, ended)
    planned = any(state.maintenance is not None or drained_for_it(state) for _, _, _, (_, state) in lived)
    for first, until in due(record, lived):
        since = max(first, awake) if until > awake else first
        if until - since > TICKET_SECONDS:
            if not opened or min(opened) - since > TICKET_SECONDS:
                yield f"{incident} has no ticket {TICKET_SECONDS:.0f} s after it began"
        elif not opened and not (planned and until - since < NOTICED):
            yield f"{incident} never had a ticket"


Life = tuple[float, float, Plan, tuple[LinkName, LinkState]]
"""From when until when an incident's link was in a state, and by which plan."""


def _lived(record: Record, incident: str, began: float, ended: float | None) -> list[Life]:
    """Give what became of an incident's link while it was open, plan by plan."""
    ends = [at for at, _ in record.history[1:]] + [float("inf")]
    over = float("inf") if ended is None else ended
    spans = [(max(at, began), min(end, over), plan) for (at, plan), end in zip(record.history, ends, strict=True)]
    return [(since, until, plan, _state(plan, incident)) for since, until, plan in spans if since < until]


def due(record: Record, lived: Sequence[Life]) -> list[tuple[float, float]]:
    """Give each time in which an incident is due a ticket: all of it, but for what announced maintenance explains.

    Nobody is told of an outage while its link is to be away, nor while the link waits to be returned to and is seen good, as long as
    every flow has an open link: that is what was announced. Nor is anybody told of such a one once the link carries again.
    """
    explained = [_announced(record, plan, state) for _, _, plan, state in lived]
    found: list[tuple[float, float]] = []
    for (since, until, _, (_, state)), told in zip(lived, explained, strict=True):
        if not told and not (any(explained) and _carries_again(state)):
            joins = bool(found) and found[-1][1] == since
            found[-1:] = [(found[-1][0], until)] if joins else [*found[-1:], (since, until)]
    return found


def _state(plan: Plan, incident: str) -> tuple[LinkName, LinkState]:
    """Find the link of an incident with its state; what is silent has none."""
    found = (one for one in plan.links.items() if incident.startswith(f"{plan.fabric}/{one[0]}@"))
    return next(found, (LinkName(""), LinkState()))


def _announced(record: Record, plan: Plan, told_of: tuple[LinkName, LinkState]) -> bool:
    name, state = told_of
    within = state.maintenance is not None and not state.maintenance.ask
    waits = drained_for_it(state) and state.good_since is not None
    return (within or waits) and all(keeps_a_path(plan, flow) for flow in record.fabric(plan).flows if name in flow.prefer)


def _carries_again(state: LinkState) -> bool:
    return state.verdict is Verdict.UP and state.drain is None and state.maintenance is None


def made_in_time(told: Sequence[Told]) -> list[str]:
    """Name the tickets that a search could find before the lease of their letter ended."""
    first = {one.ticket: one for one in reversed(told)}
    return sorted(ticket for ticket, one in first.items() if not one.overdue)


def together_seconds(misled: int) -> float:
    """Give T of S6 for two open tickets, in seconds, when the clocks of ``misled`` stores were wrong at once at most.

    With more than one no median is the time: a lease taken by theirs binds for as long ahead of the true time as clocks are believed to differ.
    """
    return TOGETHER_SECONDS + (AHEAD.total_seconds() if misled > CLOCKS_LIMIT else 0.0)


def open_together(told: Sequence[Told], end: float) -> Iterator[tuple[float, float]]:
    """Give each time in which more than one ticket was open: from when until when, the run's end at the latest."""
    standing, since = set[str](), end
    for one in told:
        (standing.discard if one.ask is Ask.RESOLVE else standing.add)(one.ticket)
        if len(standing) > 1:
            since = min(since, one.at)
        elif since < end:
            yield since, one.at
            since = end
    if since < end:
        yield since, end
