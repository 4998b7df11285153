"""How many tickets a desk made of one incident, and when more than one of them was open."""

from collections.abc import Iterator, Sequence

from pointsman.core.incidents import Ask
from pointsman.testing.simulation.evidence import Told

TOGETHER_SECONDS = 180.0
"""T of S6 for two open tickets: a lease, the time after which a desk is asked to close all but one, and a sweep."""


def made_in_time(told: Sequence[Told]) -> list[str]:
    """Name the tickets that a search could find before the lease of their letter ended."""
    first = {one.ticket: one for one in reversed(told)}
    return sorted(ticket for ticket, one in first.items() if not one.overdue)


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
