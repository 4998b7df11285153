"""What the desks are to be told of an incident: pure steps over the incident register.

claim -> tell -> record -> close losers. Letters are told in order, one function at a time holds the lease of one, and a letter
whose teller died is taken over when the lease is over. One that was told more than once may have left a second ticket at a
desk that knows no keys: when its search has caught up it is asked to close all but the oldest, and a resolve is told once more.
Any sweep can make an incident anew from the plan.
"""

import hashlib
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from pointsman.core import overfilling, unforced
from pointsman.core.approvals import PROPOSED, concerns, told
from pointsman.core.endings import as_it_was, belated, ended
from pointsman.core.fabric import Fabric, Flow, LinkName
from pointsman.core.incidents import Ask, Incident, Letter, Moment, Phase, Severity, Ticket, incident_id
from pointsman.core.plan import DrainCause, LinkState, Placement, Plan, Verdict
from pointsman.core.sightings import Sighting
from pointsman.core.silence import ending, headline, is_silence, severity_of_silence
from pointsman.core.unforced import Known
from pointsman.core.values import replace

LEASE = timedelta(seconds=30)
"""How long one function may take to tell a desk before another takes the letter over."""
SETTLING = timedelta(minutes=2)
"""After an unsure open or update: how long until a desk's search shows whatever came of it, and late asks have surfaced."""
PAUSE = timedelta(minutes=5)
"""Longest time that a desk is left alone because it asked for it: a longer one is cut to this."""
_OPENING = frozenset({Ask.OPEN, Ask.UPDATE})
"""What makes a ticket, or opens it again."""
AHEAD = timedelta(minutes=5)
"""How far ahead a clock may be whose time limits still bind."""
TIMELINE_KEPT = 50
"""Moments kept in an incident; at the bound the oldest after the first is dropped."""
PROPOSALS_TOLD = 20
"""Proposals that one incident tells of; further ones are in ``pointsman status`` alone."""
DESK_REMOVED = "the fabric no longer names this desk"
"""Why a letter is never told."""
UNKNOWN = Known()
"""What is known beside the plan by whoever read no rows."""
_KEY_LENGTH = 64
_RANK = {severity: rank for rank, severity in enumerate(Severity)}


def ticket_key(incident: Incident) -> str:
    """Give the deduplication key of an incident: ``pm-`` and a hash, 64 characters, the same from both clouds."""
    text = f"pm:{incident.fabric}:{incident.link}:{incident.epoch}"
    return f"pm-{hashlib.sha256(text.encode()).hexdigest()}"[:_KEY_LENGTH]


def open_incidents(fabric: Fabric, plan: Plan) -> Iterator[tuple[str, LinkName, int, Phase]]:
    """List every incident the plan knows of, with the phase it should be in: of links, and of what is silent."""
    links = ((name, state.closing, state.down_since_epoch) for name, state in plan.links.items())
    silences = ((LinkName(name), one.closing, one.epoch) for name, one in plan.silences.items())
    for name, closing, opened in (*links, *silences):
        for epoch in closing:
            yield incident_id(fabric.name, name, epoch), name, epoch, Phase.RESOLVED
        if opened is not None:
            yield incident_id(fabric.name, name, opened), name, opened, Phase.OPEN


def news(fabric: Fabric, before: Plan, after: Plan) -> Iterator[str]:
    """Name the incidents of which a plan has something to tell that the one before it had not: not every epoch is news of each.

    What is told once and was lost is found by the sweeps.
    """
    known = {incident: phase for incident, _, _, phase in open_incidents(fabric, before)}
    for incident, link, _, phase in open_incidents(fabric, after):
        if known.get(incident) is not phase or (phase is Phase.OPEN and _state(fabric, before, link) != _state(fabric, after, link)):
            yield incident


def _state(fabric: Fabric, plan: Plan, link: LinkName) -> tuple[object, ...]:
    """Give what an open incident's letters hang on."""
    return severity_of(fabric, plan, link), _is_well(plan, link), plan.proposal


def severity_of(fabric: Fabric, plan: Plan, link: LinkName, known: Known = UNKNOWN) -> Severity:
    """Grade an outage: a flow without a healthy link; capacity short or no second link; or redundancy lost with headroom.

    Within a window that its link was left for, or went down before, an outage is expected; one that a person must decide on breaks N-1. By the
    rows capacity is short too while AWS's own drain of the link overfills others, and while a lever of its drain is refused; a flow is
    without a healthy link where nothing leads it off a dead one.
    """
    if is_silence(link):
        return severity_of_silence(link)
    touched = [flow for flow in fabric.flows if link in flow.prefer]
    missing = unforced.unforced(fabric, plan, link, known)
    if any(not _healthy_links(plan, flow) for flow in touched) or (missing is not None and missing.stranded):
        return Severity.CRITICAL
    if missing is not None or overfilling.overfilled(fabric, plan, link, known.rows):
        return Severity.ERROR
    state = plan.links.get(link, LinkState())
    if state.maintenance is not None and state.maintenance.ask:
        return Severity.ERROR
    if _is_expected(state):
        return Severity.INFO
    placed = (plan.flows.get(flow.name, Placement()) for flow in touched)
    short = any(one.squeezed_by or one.mtu_short for one in placed)
    alone = any(len(_healthy_links(plan, flow)) == 1 for flow in touched)
    return Severity.ERROR if short or alone else Severity.WARNING


def _is_expected(state: LinkState) -> bool:
    """Say whether what a link suffers is its window's, for which it was left; or it is good again and waits for its return."""
    drain, window = state.drain, state.maintenance
    if window is None:
        return drain is not None and drain.cause is DrainCause.MAINTENANCE and state.good_since is not None
    return drain is None or drain.cause is not DrainCause.OUTAGE or drain.since < window.start


def _healthy_links(plan: Plan, flow: Flow) -> list[LinkName]:
    states = ((name, plan.links.get(name, LinkState())) for name in flow.prefer)
    return [name for name, state in states if state.verdict in {Verdict.UP, Verdict.DEGRADED} and state.drain is None]


def follow(fabric: Fabric, plan: Plan, link: LinkName, epoch: int, before: Incident | None, *, known: Known = UNKNOWN) -> Incident:
    """Bring an incident in line with the plan: open it, tell a change of severity, what is overfilled or not in force, or resolve it. Idempotent.

    Without the rows that are ``known`` nothing is told of what they alone show.
    """
    phase = Phase.OPEN if _open_epoch(plan, link) == epoch else Phase.RESOLVED
    incident = before or _opened(fabric, plan, link, epoch, known)
    if incident.phase is Phase.RESOLVED:
        return incident
    if phase is Phase.RESOLVED:
        return _resolved(fabric, plan, incident)
    severity = severity_of(fabric, plan, link, known)
    if _RANK[severity] > _RANK[incident.severity] and not _is_well(plan, link):
        text = f"{_headline(fabric, plan, link, known)}; severity rises to {severity}"
        return _told(fabric, replace(incident, severity=severity), plan, Ask.UPDATE, text)
    return _asked(fabric, plan, _enforced(fabric, plan, _strained(fabric, plan, incident, known.rows), known))


def _is_well(plan: Plan, link: LinkName) -> bool:
    """Say whether a link carries again and only its incident is still to end: that is no time to grade it anew."""
    state = plan.links.get(link, LinkState(verdict=Verdict.DOWN))
    return state.verdict is Verdict.UP and state.drain is None and state.maintenance is None


def _strained(fabric: Fabric, plan: Plan, incident: Incident, rows: tuple[Sighting, ...]) -> Incident:
    """Tell what AWS's own drain of this link overfills, once in the same words."""
    text = overfilling.told(fabric, plan, incident.link, rows)
    known = any(text in moment.text for moment in incident.timeline)
    return incident if not text or known else remarked(fabric, plan, incident, text)


def _enforced(fabric: Fabric, plan: Plan, incident: Incident, known: Known) -> Incident:
    """Tell what keeps the drain of this link from being in force, once in the same words; and that it is, once it is."""
    text = unforced.told(fabric, plan, incident.link, known)
    lines = [moment.text for moment in incident.timeline]
    missed = [line for line in lines if unforced.was_told(line)]
    if text:
        new = len(missed) < unforced.TOLD_LIMIT and not any(text in line for line in lines)
        return remarked(fabric, plan, incident, text) if new else incident
    after = unforced.in_force(plan, incident.link, known) if missed else ""
    return remarked(fabric, plan, incident, after) if after else incident


def _asked(fabric: Fabric, plan: Plan, incident: Incident) -> Incident:
    """Tell of what waits for a person's word about this link, once for each hash and each word on it."""
    text = _proposed(fabric, plan, incident.link)
    known = [moment.text for moment in incident.timeline]
    if not text or any(text in one for one in known) or sum(PROPOSED in one for one in known) >= PROPOSALS_TOLD:
        return incident
    return remarked(fabric, plan, incident, text)


def _proposed(fabric: Fabric, plan: Plan, link: LinkName) -> str:
    return told(fabric, plan.proposal) if plan.proposal is not None and concerns(plan, link) else ""


def _open_epoch(plan: Plan, link: LinkName) -> int | None:
    return plan.silences[link].epoch if is_silence(link) else plan.links[link].down_since_epoch


def _opened(fabric: Fabric, plan: Plan, link: LinkName, epoch: int, known: Known) -> Incident:
    if _open_epoch(plan, link) == epoch or is_silence(link):
        severity = severity_of(fabric, plan, link, known)
        text = "; ".join(part for part in (_headline(fabric, plan, link, known), _proposed(fabric, plan, link)) if part)
    else:
        severity, text = severity_of(fabric, as_it_was(plan, link), link), belated(link, epoch)
    incident = Incident(
        id=incident_id(fabric.name, link, epoch), fabric=fabric.name, link=link, epoch=epoch, opened_at=plan.decided_at, severity=severity
    )
    return _told(fabric, incident, plan, Ask.OPEN, text)


def _headline(fabric: Fabric, plan: Plan, link: LinkName, known: Known) -> str:
    if is_silence(link):
        return headline(link, plan.silences[link])
    state = plan.links[link]
    because = next((reason.because for reason in plan.reasons if reason.about == link), "")
    squeezed = [f"{name} squeezed by {one.squeezed_by // 10**6} Mbit/s" for name, one in plan.flows.items() if one.squeezed_by]
    by_rows = (overfilling.told(fabric, plan, link, known.rows), unforced.told(fabric, plan, link, known))
    parts = (f"{link} is {state.verdict}", because, *squeezed, *by_rows)
    return "; ".join(part for part in parts if part)


def _resolved(fabric: Fabric, plan: Plan, incident: Incident) -> Incident:
    over = replace(incident, phase=Phase.RESOLVED, resolved_at=plan.decided_at)
    text = ending(incident.link) if is_silence(incident.link) else ended(fabric, plan, incident)
    return _told(fabric, over, plan, Ask.RESOLVE, text)


def remarked(fabric: Fabric, plan: Plan, incident: Incident, text: str) -> Incident:
    """Add to the timeline what the plan itself does not tell, and tell the desks while the incident is open. Idempotent by the text."""
    if any(moment.text == text for moment in incident.timeline):
        return incident
    if incident.phase is Phase.RESOLVED:
        return _noted(incident, Moment(at=plan.decided_at, epoch=plan.epoch, text=text))
    return _told(fabric, incident, plan, Ask.UPDATE, text)


def _told(fabric: Fabric, incident: Incident, plan: Plan, ask: Ask, text: str) -> Incident:
    """Add one letter per desk that wants this severity (or was told before) and a line of the timeline.

    A desk that never opened a ticket has none to resolve: it may have joined during the outage.
    """
    known = {letter.desk for letter in incident.outbox if not letter.unsent}
    wanting = {desk.name for desk in fabric.desks if _RANK[incident.severity] >= _RANK[Severity(desk.min_severity)]}
    asked = known if ask is Ask.RESOLVE else known | wanting
    desks = [desk.name for desk in fabric.desks if desk.name in asked]
    letters = []
    for serial, desk in enumerate(desks, start=len(incident.outbox)):
        first = ask is Ask.UPDATE and desk not in known
        letters.append(Letter(serial=serial, desk=desk, ask=Ask.OPEN if first else ask, severity=incident.severity, summary=text))
    noted = _noted(incident, Moment(at=plan.decided_at, epoch=plan.epoch, text=text))
    return replace(noted, outbox=(*incident.outbox, *letters))


def settle_removed(fabric: Fabric, incident: Incident, now: datetime) -> Incident:
    """Bring letters to desks that the fabric no longer names to an end, and name those desks whose ticket a person has to close.

    Idempotent. A letter that somebody is telling right now is left to its lease.
    """
    named = {desk.name for desk in fabric.desks}
    letters = tuple(_given_up(letter) if letter.desk not in named and not _settled(letter, now) else letter for letter in incident.outbox)
    gone = sorted({letter.desk for letter in letters} - named)
    by_hand = tuple(desk for desk in gone if _left_open([letter for letter in letters if letter.desk == desk]))
    settled = replace(incident, outbox=letters, by_hand=by_hand)
    for desk in by_hand:
        if desk not in incident.by_hand:
            settled = _noted(settled, Moment(at=now, epoch=incident.epoch, text=f"desk {desk} removed: close its ticket by hand"))
    return settled if settled != incident else incident


def _settled(letter: Letter, now: datetime) -> bool:
    """Say whether a letter is done with, or in the hands of a teller."""
    return letter.done or (letter.claimed_until is not None and letter.claimed_until > now)


def _given_up(letter: Letter) -> Letter:
    return replace(letter, done=True, unsent=DESK_REMOVED, claimed_by="", claimed_until=None)


def _left_open(letters: list[Letter]) -> bool:
    """Say whether a desk's ticket may be open: it was asked for one, and the last word that reached it was no resolve."""
    asked = any(letter.ask in _OPENING and letter.attempts for letter in letters)
    words = [letter for letter in letters if letter.ask is not Ask.DEDUPLICATE]
    told = [letter for letter in words if letter.done and not letter.unsent]
    closed = bool(told) and told[-1].ask is Ask.RESOLVE and told[-1] is words[-1]
    return asked and not closed


def _noted(incident: Incident, moment: Moment) -> Incident:
    timeline = (*incident.timeline, moment)
    kept = timeline if len(timeline) <= TIMELINE_KEPT else (timeline[0], *timeline[2:])
    return replace(incident, timeline=kept)


def next_letter(incident: Incident, now: datetime, without: Collection[str] = ()) -> Letter | None:
    """Give the letter to tell now, to none of the desks ``without``: the one tried least often, so that no desk keeps another waiting."""
    return min((one for one in ready(incident, now) if one.desk not in without), key=lambda one: one.attempts, default=None)


def ready(incident: Incident, now: datetime) -> tuple[Letter, ...]:
    """List what may be told now: of each desk the first letter that is not done, unless somebody holds its lease or it must wait.

    A search for second tickets that must wait holds up no other letter; a desk that asked to be left alone is told none.
    """
    waiting, found = set(resting(incident, now)), list[Letter]()
    for letter in incident.outbox:
        if letter.done or letter.desk in waiting:
            continue
        held = _binds(letter.claimed_until, now, LEASE)
        early = _binds(letter.not_before, now, SETTLING)
        if not held and not early:
            found.append(letter)
        if not early or held or letter.ask is not Ask.DEDUPLICATE:
            waiting.add(letter.desk)
    return tuple(found)


def resting(incident: Incident, now: datetime) -> dict[str, datetime]:
    """Name the desks that asked to be left alone for a while, each with its end."""
    asked = ((letter.desk, letter.not_before) for letter in incident.outbox if not letter.done and _was_put_off(letter, now))
    return {desk: until for desk, until in asked if until is not None and _binds(until, now, PAUSE)}


def _was_put_off(letter: Letter, now: datetime) -> bool:
    """Say whether a desk put a letter off, while its teller had it by a lease that no wrong clock gave."""
    return letter.claimed_until is not None and letter.claimed_until <= now + LEASE + AHEAD


def _binds(until: datetime | None, now: datetime, longest: timedelta) -> bool:
    """Say whether a time limit is still to be waited for. One that lies further ahead than any is long was set by a wrong clock."""
    return until is not None and now < until <= now + longest + AHEAD


def claim(incident: Incident, serial: int, teller: str, now: datetime) -> Incident:
    """Take the lease of a letter for ``teller`` (a name no other call has); unchanged when it may not be told now, or is taken."""
    letter = next((one for one in ready(incident, now) if one.serial == serial), None)
    if letter is None:
        return incident
    return _with_letter(incident, replace(letter, claimed_by=teller, claimed_until=now + LEASE, attempts=letter.attempts + 1))


def record(incident: Incident, serial: int, ticket: Ticket, now: datetime) -> Incident:
    """Note that a desk was told.

    An open or update tried more than once may have made two tickets, or surface late and open one again: then the desk is asked
    to close all but the oldest once its search has caught up, and the resolve is told twice.
    """
    letter = incident.outbox[serial]
    if letter.done and not letter.unsent:
        return incident
    told = _with_letter(incident, replace(letter, done=True, unsent="", claimed_by="", claimed_until=None))
    others = tuple(one for one in told.tickets if one.desk != ticket.desk)
    told = replace(told, tickets=(*others, ticket))
    return told if letter.unsent or not _leaves_doubt(told, letter) else _later(told, letter, now)


def _leaves_doubt(incident: Incident, letter: Letter) -> bool:
    """Say whether the desk must be asked once more later: after an unsure open or update, and after the first resolve since one."""
    same = [one for one in incident.outbox if one.desk == letter.desk]
    match letter.ask:
        case Ask.OPEN | Ask.UPDATE:
            return letter.attempts > 1
        case Ask.RESOLVE:
            unsure = any(one.ask in _OPENING and one.attempts > 1 for one in same)
            return unsure and sum(one.ask is Ask.RESOLVE for one in same) == 1
        case Ask.DEDUPLICATE:
            return False


def _later(incident: Incident, letter: Letter, now: datetime) -> Incident:
    ask = Ask.DEDUPLICATE if letter.ask in _OPENING else letter.ask
    late = Letter(
        serial=len(incident.outbox),
        desk=letter.desk,
        ask=ask,
        severity=letter.severity,
        summary=letter.summary,
        not_before=now + SETTLING,
    )
    return replace(incident, outbox=(*incident.outbox, late))


def release(incident: Incident, serial: int, teller: str) -> Incident:
    """Give a lease back after a desk could not be told, so that the next try need not wait for it to end.

    Unchanged when the letter is told or the lease is no longer this teller's: whoever took it over keeps it.
    """
    letter = incident.outbox[serial]
    if letter.done or letter.claimed_by != teller:
        return incident
    return _with_letter(incident, replace(letter, claimed_by="", claimed_until=None))


def put_off(incident: Incident, serial: int, teller: str, until: datetime) -> Incident:
    """Leave a letter's desk alone until then, as it asked its teller, in both clouds. The lease ends by itself: the letter may have been carried out.

    Unchanged when the letter is told or the lease is no longer this teller's.
    """
    letter = incident.outbox[serial]
    if letter.done or letter.claimed_by != teller:
        return incident
    return _with_letter(incident, replace(letter, not_before=until))


def all_told(incident: Incident) -> bool:
    """Say whether the incident is over and every desk knows."""
    return incident.phase is Phase.RESOLVED and all(letter.done for letter in incident.outbox)


def _with_letter(incident: Incident, letter: Letter) -> Incident:
    return replace(incident, outbox=tuple(letter if one.serial == letter.serial else one for one in incident.outbox))
