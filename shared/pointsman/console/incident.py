"""The page of an incident: what happened, why it was decided so, who was told, and what its failures count for."""

from collections.abc import Iterator

from pointsman.console.page import Html, at, element, listed, page, section, table
from pointsman.console.penalty import drawing
from pointsman.core.explaining import FlowStory, LinkStory
from pointsman.core.incidents import Incident
from pointsman.service.explain import Explanation


def incident_page(found: Explanation) -> str:
    """Write an explanation as one page of HTML, of an incident, or of links and flows as they are."""
    incident = found.incident
    title = incident.id if incident else f"{found.fabric}: epoch {found.epoch}"
    return page(
        title,
        element("h1", title),
        _standing(incident) if incident else Html(),
        _asked(found),
        section("What happened", _timeline(incident), _tickets(incident)) if incident else Html(),
        section("Why", *(part for story in found.links for part in _link(story))),
        section("Where flows are", *(part for flow in found.flows for part in _flow(flow))),
        section("What its failures count for", *_penalties(found)),
        section("Remarks", listed(f"{one.about}: {one.because}" for one in found.remarks)),
        section("Not known", listed(found.doubts)),
    )


def _standing(incident: Incident) -> Html:
    over = f" to {at(incident.resolved_at)}" if incident.resolved_at else ""
    return element(
        "p", element("strong", incident.severity, kind=incident.severity), f", {incident.phase}, from {at(incident.opened_at)}{over}"
    )


def _asked(found: Explanation) -> Html:
    if not found.epoch:
        return element("p", "No plan is agreed yet: the first sweep makes one.")
    changed = f" It changed: {'; '.join(found.changed)}." if found.changed else ""
    return element("p", element("small", f"Epoch {found.epoch}, decided at {at(found.decided_at)}, told as of {at(found.at)}.{changed}"))


def _timeline(incident: Incident) -> Html:
    return table(("at", "epoch", ""), ((at(moment.at), moment.epoch, moment.text) for moment in incident.timeline))


def _tickets(incident: Incident) -> Html:
    waiting = [letter for letter in incident.outbox if not letter.done]
    return listed(
        (
            *(f"Ticket at {ticket.desk}: {ticket.reference}, {ticket.phase}" for ticket in incident.tickets),
            *(f"Not told yet: {letter.ask} to {letter.desk}, tried {letter.attempts} times" for letter in waiting),
            *(f"Desk {desk} is no longer in the fabric: close its ticket by hand" for desk in incident.by_hand),
        )
    )


def _link(story: LinkStory) -> Iterator[Html]:
    since = f" since {at(story.since)}" if story.since else ""
    yield element("h3", f"{story.link} is {story.verdict}{since}")
    yield element("p", f"Because {story.because}. ", _origin(story))
    yield table(
        ("who says", "of", "what", "how old then", "kind", "not counted"),
        ((f"{one.by} {one.source}", one.member, one.says, one.old, one.kind, one.aside) for one in story.evidence),
    )
    returns = story.fail_back or ("nothing is missing: the next sweep returns to it",)
    yield listed(
        (
            *story.maintenance,
            *((story.drained, *(f"It returns after: {one}" for one in returns)) if story.drained else ()),
            *(f"Held back: {one}" for one in story.rails),
        )
    )


def _flow(story: FlowStory) -> Iterator[Html]:
    squeezed = f", squeezed by {story.squeezed_by / 10**6:g} Mbit/s" if story.squeezed_by else ""
    yield element("h3", f"{story.flow} is on {story.link or 'no path'}{squeezed}")
    yield element("p", f"Because {story.because}. ", _origin(story))
    yield listed((*(f"Not {option}: {why}" for option, why in story.refused.items()), *(f"Held back: {one}" for one in story.rails)))


def _origin(story: LinkStory | FlowStory) -> Html:
    told = f"Epoch {story.epoch}, {at(story.decided_at)}, decided by {story.decided_by}." if story.epoch else ""
    return element("small", told) if told else Html()


def _penalties(found: Explanation) -> Iterator[Html]:
    if found.penalties:
        yield Html(drawing(found.fabric, found.penalties))
        yield from (
            table(("charged at", "penalty then", "epoch"), ((at(one.at), one.figure, one.epoch) for one in story.charges))
            for story in found.penalties
        )
