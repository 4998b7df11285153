"""An explanation as whoever is on call reads it."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from pointsman.cli.asking import plain
from pointsman.cli.penalty import chart
from pointsman.core.explaining import Evidence, FlowStory, LinkStory
from pointsman.core.incidents import Incident

if TYPE_CHECKING:
    from pointsman.service.explain import Explanation


def lines(found: "Explanation") -> Iterator[str]:
    """Write an explanation, one thing a line; what a desk or a cloud wrote stays on its line and turns nothing round."""
    return plain(_lines(found))


def _lines(found: "Explanation") -> Iterator[str]:
    if not found.epoch:
        yield f"{found.fabric}: no plan is agreed yet: the first sweep makes one"
        return
    yield f"{found.fabric}: epoch {found.epoch}, decided at {_time(found.decided_at)}, as of {_time(found.at)}"
    if found.changed:
        yield f"  it changed: {'; '.join(found.changed)}"
    if found.incident is None and found.quiet:
        yield "  no incident is open: every link is up"
    yield from _incident(found.incident)
    for link in found.links:
        yield from _link(link)
    for penalty in found.penalties:
        yield f"\n{penalty.text}"
        yield from (f"  {line}" for line in chart(penalty))
    for flow in found.flows:
        yield from _flow(flow)
    yield from (f"\n{one.about}: {one.because}" for one in found.remarks)
    yield from (f"\nnot known: {doubt}" for doubt in found.doubts)


def _incident(incident: Incident | None) -> Iterator[str]:
    if incident is None:
        return
    over = f" to {_time(incident.resolved_at)}" if incident.resolved_at else ""
    yield f"\nincident {incident.id}: {incident.phase}, {incident.severity}, from {_time(incident.opened_at)}{over}"
    yield from (f"  {_time(moment.at)}  epoch {moment.epoch}  {moment.text}" for moment in incident.timeline)
    yield from (f"  ticket at {ticket.desk}: {ticket.reference}, {ticket.phase}" for ticket in incident.tickets)


def _link(story: LinkStory) -> Iterator[str]:
    since = f" since {_time(story.since)}" if story.since else ""
    yield f"\n{story.link} is {story.verdict}{since}{f', incident {story.incident}' if story.incident else ''}"
    yield f"  because {story.because}{_by(story)}"
    yield from (f"    {_evidence(one)}" for one in story.evidence)
    yield from (f"  {one}" for one in story.maintenance)
    if story.drained:
        yield f"  {story.drained}"
        yield from (f"  returns after: {one}" for one in story.fail_back or ("nothing is missing: the next sweep returns to it",))
    yield from (f"  held back: {one}" for one in story.rails)


def _flow(story: FlowStory) -> Iterator[str]:
    squeezed = f", squeezed by {story.squeezed_by / 10**6:g} Mbit/s" if story.squeezed_by else ""
    yield f"\n{story.flow} is on {story.link or 'no path'}{squeezed}"
    yield f"  because {story.because}{_by(story)}"
    yield from (f"    not {option}: {why}" for option, why in story.refused.items())
    yield from (f"  held back: {one}" for one in story.rails)


def _by(story: LinkStory | FlowStory) -> str:
    return f" (epoch {story.epoch}, {_time(story.decided_at)}, decided by {story.decided_by})" if story.epoch else ""


def _evidence(one: Evidence) -> str:
    aside = f"; not counted: {one.aside}" if one.aside else ""
    return f"{one.by} {one.source} on {one.member} says {one.says}, {one.old} old then, {one.kind} evidence{aside}"


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%FT%TZ}"
