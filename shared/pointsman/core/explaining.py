"""Why things are as they are: verdicts with the claims that made them, choices with what was refused, and what waits for what.

Everything is told of one decision and its inputs, by the very functions that decide.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pointsman.core.approvals import concerns, told
from pointsman.core.case import Case, open_case
from pointsman.core.damping import told as told_of_damping
from pointsman.core.drains import hushed, renewed
from pointsman.core.evidence import PROBES, cloud_of, freshness_of, is_forwarding, is_fresh
from pointsman.core.fabric import Cloud, Fabric, Flow, Link, LinkName, Mode
from pointsman.core.filling import parallel
from pointsman.core.incidents import incident_id
from pointsman.core.journal import Entry
from pointsman.core.maintenance import spoken
from pointsman.core.marks import current, lasting
from pointsman.core.members import index
from pointsman.core.motion import one_domain
from pointsman.core.plan import DrainCause, FlagState, LinkState, Placement, Plan, Reason, Verdict, View
from pointsman.core.rows import SEVERITY
from pointsman.core.sightings import Health, Sighting, Source
from pointsman.core.silence import Kind, silence_name
from pointsman.core.unforced import Known
from pointsman.core.unforced import told as told_of_levers
from pointsman.core.values import Frozen, replace
from pointsman.core.wants import held_back
from pointsman.core.windows import announced

_EPOCH_DIGITS = 12
_HOUR = timedelta(hours=1)
_MINUTE, _MINUTES = 60, 3_600
"""Seconds from which on ages are told in minutes, and in hours."""
_BELIEVED = {Verdict.UP, Verdict.DEGRADED}


class Evidence(Frozen):
    """One claim as it stood when a decision was made. ``age`` in seconds; ``aside`` says why it did not count ("" when it did)."""

    by: str
    source: str
    member: str
    says: str
    seen_at: datetime
    age: float
    forwarding: bool
    aside: str = ""

    @property
    def kind(self) -> str:
        """Say what kind of evidence it is."""
        return "forwarding" if self.forwarding else "session"

    @property
    def old(self) -> str:
        """Say how old it was. Stores tell whole seconds, so that a claim may seem to come after what was decided on it."""
        old = max(0.0, self.age)
        if old < _MINUTE:
            return f"{old:.1f} s"
        return f"{old / _MINUTE:.1f} min" if old < _MINUTES else f"{old / _MINUTES:.1f} h"


class LinkStory(Frozen):
    """Why a link is believed what it is.

    ``epoch``, ``decided_at`` and ``decided_by`` are of the decision that made the verdict (epoch 0: the journal no
    longer reaches it). ``maintenance`` says the windows that it has, ``fail_back`` what its return waits for, ``rails`` what holds something back.
    """

    link: LinkName
    verdict: Verdict
    since: datetime | None
    epoch: int = 0
    decided_at: datetime | None = None
    decided_by: str = ""
    because: str = ""
    evidence: tuple[Evidence, ...] = ()
    incident: str = ""
    drained: str = ""
    maintenance: tuple[str, ...] = ()
    fail_back: tuple[str, ...] = ()
    rails: tuple[str, ...] = ()


class FlowStory(Frozen):
    """Why a flow is where it is; ``refused`` holds each other option with why. Bits per second in ``squeezed_by``."""

    flow: str
    link: LinkName | None
    epoch: int = 0
    decided_at: datetime | None = None
    decided_by: str = ""
    because: str = ""
    refused: dict[str, str] = {}
    squeezed_by: int = 0
    rails: tuple[str, ...] = ()


def verdict_changed(entry: Entry, link: str) -> bool:
    """Say whether this decision made a link's verdict what it is."""
    name = LinkName(link)
    before, after = entry.before.links.get(name, LinkState()), entry.plan.links.get(name, LinkState())
    return before.verdict is not after.verdict or before.down_since_epoch != after.down_since_epoch


def reason_for(entry: Entry, flow: str) -> Reason | None:
    """Give what this decision said of a flow's place: it says so when that changed."""
    return next((reason for reason in entry.plan.reasons if reason.about == flow), None)


class Named(Frozen):
    """An incident by its parts."""

    id: str
    link: LinkName
    epoch: int


def named_incident(fabric: Fabric, word: str) -> Named | None:
    """Read an incident's name, with or without the fabric's in front; None when it is none of a link of this fabric."""
    link, at, epoch = word.removeprefix(f"{fabric.name}/").rpartition("@")
    if (
        not at
        or not epoch.isdecimal()
        or not epoch.isascii()
        or len(epoch) > _EPOCH_DIGITS
        or link not in {one.name for one in fabric.links}
    ):
        return None
    return Named(id=incident_id(fabric.name, link, int(epoch)), link=LinkName(link), epoch=int(epoch))


def named_silence(fabric: Fabric, word: str) -> str | None:
    """Read the name of an incident about what is silent, with or without the fabric's in front; None when it is none."""
    what, _, epoch = word.removeprefix(f"{fabric.name}/").rpartition("@")
    known = {silence_name(kind, cloud) for kind in Kind for cloud in Cloud}
    plain = epoch.isdecimal() and epoch.isascii() and len(epoch) <= _EPOCH_DIGITS
    return incident_id(fabric.name, what, int(epoch)) if what in known and plain else None


def named_epoch(incident: str) -> int | None:
    """Give the epoch that an incident's name holds; None for no name."""
    return int(incident.rpartition("@")[2]) if incident else None


class Scene(Frozen):
    """The agreed plan with what was known when: at its own decision, or now."""

    fabric: Fabric
    plan: Plan
    view: View
    now: datetime


def link_story(scene: Scene, link: Link, made: Entry | None) -> LinkStory:
    """Tell a link. ``made`` is the decision that made its verdict, None when the journal no longer reaches it."""
    state = scene.plan.links.get(link.name, LinkState())
    epoch = state.down_since_epoch
    story = LinkStory(
        link=link.name,
        verdict=state.verdict,
        since=state.since,
        because="the journal no longer reaches the decision that made this verdict",
        incident="" if epoch is None else incident_id(scene.fabric.name, link.name, epoch),
        drained=_drained(scene, link, state),
        maintenance=tuple(_maintenance(scene, link, state)),
        fail_back=tuple(_fail_back(scene, link, state)),
        rails=tuple(_link_rails(scene, link, state)),
    )
    return (
        story
        if made is None
        else replace(story, **_origin(made), because=_because(made, link), evidence=evidence(scene.fabric, made, link))
    )


def _origin(made: Entry) -> dict[str, Any]:
    return {"epoch": made.plan.epoch, "decided_at": made.now, "decided_by": made.view.here.value}


def _because(made: Entry, link: Link) -> str:
    if made.adoption is not None:
        return f"its fabric was adopted by {made.adoption.author}: {made.adoption.reason}"
    said = next((reason.because for reason in made.plan.reasons if reason.about == link.name), "")
    return said or "seen up, and nothing says otherwise"


def evidence(fabric: Fabric, made: Entry, link: Link) -> tuple[Evidence, ...]:
    """List every claim about a link that a decision had before it: those that counted first, the gravest first."""
    places = index(fabric)
    rows = (row for row in made.view.rows if row.source is not Source.LEVER and row.member in places)
    ours = [row for row in rows if places[row.member].link == link.name]
    counted = [row for rows in _case(fabric, made).claims[link.name].values() for row in rows]
    told = [_told(fabric, made.now, row, counts=row in counted) for row in sorted(ours, key=lambda row: (-SEVERITY[row.health], row.row))]
    return tuple(sorted(told, key=lambda one: bool(one.aside)))


def _case(fabric: Fabric, made: Entry) -> Case:
    marked = lasting(made.before.marks, fabric.policy.freshness, made.now)
    return open_case(fabric, current(marked, made.view), made.before, made.now)


def _told(fabric: Fabric, now: datetime, row: Sighting, *, counts: bool) -> Evidence:
    words = (row.cause, *(() if row.value is None else (f"{row.value:g}",)), *((row.text,) if row.text else ()))
    return Evidence(
        by=row.vantage.value,
        source=row.source.value,
        member=row.member,
        says=f"{row.aspect} {row.health} ({', '.join(words)})",
        seen_at=row.seen_at,
        age=(now - row.seen_at).total_seconds(),
        forwarding=is_forwarding(row),
        aside="" if counts else _aside(fabric, now, row),
    )


def _aside(fabric: Fabric, now: datetime, row: Sighting) -> str:
    freshness = fabric.policy.freshness
    if not is_fresh(row, freshness, now):
        return f"too old: believed for {freshness_of(row.source, freshness).total_seconds():g} s"
    return "says nothing definite" if row.health is Health.UNKNOWN else "a newer claim of the same kind stands"


def _drained(scene: Scene, link: Link, state: LinkState) -> str:
    if state.drain is None:
        return ""
    drain, after = state.drain, scene.fabric.policy.takeover_after.total_seconds()
    lever = scene.fabric.gap(link) or f"{drain.enactor} acts first, {drain.enactor.other} takes over after {after:g} s"
    cause = f"{drain.cause} by {drain.by}" if drain.by else drain.cause
    until = f" until {drain.until:%FT%TZ}" if drain.until else ""
    known = Known(rows=scene.view.rows, whole_at=None if scene.view.unreadable else scene.now)
    missed = told_of_levers(scene.fabric, scene.plan, link.name, known)
    said = f"drained for {cause} since {drain.since:%FT%TZ}{until} (epoch {drain.epoch}); {lever}"
    return f"{said}; {missed}" if missed else said


def _maintenance(scene: Scene, link: Link, state: LinkState) -> Iterator[str]:
    """Say the window that is agreed on, and what else is announced for the link."""
    if state.maintenance is not None:
        yield spoken(state.maintenance, state)
    yield from (f"announced by {one}" for one in announced(scene.fabric, link.name, scene.view.rows, scene.now))


def _fail_back(scene: Scene, link: Link, state: LinkState) -> Iterator[str]:
    """Say what a drained link's return waits for, in the order in which it has to come."""
    drain, window = state.drain, state.maintenance
    if drain is None:
        return
    if window is not None and not window.away:
        yield f"its maintenance window, until {window.until:%FT%TZ}"
    if drain.cause is DrainCause.ORDER and drain.until is not None and scene.now < drain.until:
        yield f"the order holds it off until {drain.until:%FT%TZ}, or until pointsman undrain"
    elif drain.cause is DrainCause.ORDER and scene.now < drain.since + scene.fabric.policy.hold_down:
        yield f"a hold-down between its two moves, until {drain.since + scene.fabric.policy.hold_down:%FT%TZ}"
    elif drain.cause is not DrainCause.ORDER and link.mode is Mode.RECOMMEND:
        yield f"mode {link.mode}: its return is proposed once all else allows it, and waits for an approval"
    if state.verdict is not Verdict.UP:
        yield f"it is still believed {state.verdict}: it has to be seen up"
    if state.good_since is None:
        yield f"both ends have to show packets passing: {'; '.join(_lacking(scene, link)) or 'the next decision counts from when they do'}"
    else:
        over = state.good_since + scene.fabric.policy.hold_down
        left = (over - scene.now).total_seconds()
        if left > 0:
            yield f"hold-down: {left:.0f} s left, until {over:%FT%TZ}"
    yield from _damped(scene, state)
    if not one_domain(open_case(scene.fabric, scene.view, scene.plan, scene.now), scene.plan.links, link):
        yield "one failure domain at a time: a link of another one is still on the move"
    yield from _indiscretion(scene)
    yield from _stopped(scene)


def _damped(scene: Scene, state: LinkState) -> Iterator[str]:
    """Say what damping holds back, or would, and until when."""
    said = told_of_damping(state, scene.fabric.policy.damping, scene.now)
    if said:
        yield said


def _lacking(scene: Scene, link: Link) -> Iterator[str]:
    """Say of each end that has to be heard from what it says, unless it says up."""
    claims = open_case(scene.fabric, scene.view, scene.plan, scene.now).claims[link.name]
    rows = [row for some in claims.values() for row in some]
    if link.probes:
        said = {one.value: [row for row in rows if row.vantage is one] for one in sorted(PROBES)}
    else:
        said = {one.value: [row for row in rows if cloud_of(row.vantage) is one] for one in Cloud}
    for name, some in said.items():
        if not any(row.health is Health.UP for row in some):
            yield f"{name} says {some[0].aspect} {some[0].health}" if some else f"{name} has no fresh word"


def _link_rails(scene: Scene, link: Link, state: LinkState) -> Iterator[str]:
    """Say what keeps a link that is believed down from being drained, and a suspect one from being left."""
    if scene.plan.proposal is not None and concerns(scene.plan, link.name):
        yield told(scene.fabric, scene.plan.proposal)
    if state.verdict is Verdict.SUSPECT:
        yield "one lone claim moves nothing: it is looked at from both sides"
    if state.drain is None and (missed := told_of_levers(scene.fabric, scene.plan, link.name, Known(rows=scene.view.rows))):
        yield missed
    if state.verdict is Verdict.UP and state.drain is None and state.down_since_epoch is not None:
        yield "its incident ends with a decision that finds the hold-down over and every lever set back"
    if state.verdict is Verdict.UNKNOWN:
        yield "what cannot be seen is never called down"
    if state.verdict is not Verdict.DOWN or state.drain is not None:
        return
    if link.mode is not Mode.AUTO:
        said = "it is left when a person approves of that" if link.mode is Mode.RECOMMEND else "it is decided and told, and not steered"
        yield f"mode {link.mode}: {said}"
    if not any(_takes(scene.plan, other) for other in parallel(scene.fabric, link)):
        yield "no other link between these sites is seen up: the last path is never left, and with all of them dark our eyes may be broken"
    yield from _stopped(scene)


def _takes(plan: Plan, link: Link) -> bool:
    state = plan.links.get(link.name, LinkState())
    return state.verdict in _BELIEVED and state.drain is None


def _indiscretion(scene: Scene) -> Iterator[str]:
    """Say what forbids moves that no outage forces."""
    case = open_case(scene.fabric, scene.view, scene.plan, scene.now)
    if (until := renewed(case)) is not None:
        yield f"the budget of {scene.fabric.policy.epochs_per_hour} discretionary decisions an hour is used up until {until:%FT%TZ}"
    if hush := hushed(case):
        yield hush


def _stopped(scene: Scene) -> Iterator[str]:
    """Say what stops all steering."""
    if scene.plan.freeze is not None:
        yield f"frozen by {scene.plan.freeze.author}: {scene.plan.freeze.reason}"
    yield from (f"the freeze flag of {cloud} is set" for cloud, flag in scene.view.flags.items() if flag is FlagState.SET)
    if scene.view.flags.get(scene.view.here) is FlagState.UNREADABLE:
        yield f"{scene.view.here} could not read its own freeze flag"


def flow_story(scene: Scene, flow: Flow, made: Entry | None) -> FlowStory:
    """Tell a flow. ``made`` is the decision that put it where it is, None when the journal no longer reaches it."""
    placed = scene.plan.flows.get(flow.name, Placement())
    reason = None if made is None else reason_for(made, flow.name)
    story = FlowStory(
        flow=flow.name,
        link=placed.link,
        because="the journal no longer reaches the decision that put it there",
        squeezed_by=placed.squeezed_by,
        rails=tuple(_flow_rails(scene, flow, placed, {} if reason is None else reason.refused)),
    )
    if made is None or reason is None:
        return story if made is None else replace(story, **_origin(made), because="its fabric was adopted")
    return replace(story, **_origin(made), because=reason.because, refused=dict(reason.refused))


def _flow_rails(scene: Scene, flow: Flow, placed: Placement, refused: Mapping[str, str]) -> Iterator[str]:
    if placed.link is None:
        yield "no permitted link is open: nothing is steered on an empty set"
        return
    if placed.link not in flow.prefer:
        yield f"this file does not permit it on {placed.link}: the plan was made under another fabric"
        return
    if not _takes(scene.plan, scene.fabric.link(placed.link)):
        yield f"{placed.link} is not open, and no permitted link is: a flow with no choice keeps its place"
    if held_back(scene.fabric, scene.plan, flow):
        yield f"AWS prefers an interconnect's route to a VPN's: both directions wait until {placed.link} is proved to pass, or they are gone"
    better = [
        name
        for name in flow.prefer[: flow.prefer.index(placed.link)]
        if name not in refused and _takes(scene.plan, scene.fabric.link(name))
    ]
    if better:
        yield from (f"{better[0]} is preferred: {why}" for why in (*_unsettled(scene, better[0]), *_indiscretion(scene), *_stopped(scene)))
    if placed.mtu_short:
        yield f"{placed.link} carries smaller packets than the {flow.min_mtu} bytes it declares: nothing else was left"


def _unsettled(scene: Scene, name: LinkName) -> Iterator[str]:
    state, link = scene.plan.links.get(name, LinkState()), scene.fabric.link(name)
    if link.mode is not Mode.AUTO:
        yield f"mode {link.mode}: nothing is steered to it"
    elif state.good_since is None or scene.now - state.good_since < scene.fabric.policy.hold_down:
        yield "its hold-down is not over"
    else:
        yield from _damped(scene, state)
