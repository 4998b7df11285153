"""Silence: a cloud whose functions or probes are not heard of, and events that told nothing of what a look saw change.

Delivery is best effort, so what ought to speak is watched for not speaking. Silence is no evidence about any link: it opens
an incident of its own, and never moves traffic. It is judged by a view that read every place where rows may be, and begins
for no cloud whose rows could not be read; it ends wherever a word is heard, and for events a day later at the latest.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from pointsman.core.case import Case
from pointsman.core.fabric import AwsSite, Cloud, Fabric
from pointsman.core.incidents import Severity, incident_id
from pointsman.core.members import index, probe_key
from pointsman.core.plan import Silence
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.core.values import Frozen, replace

BEAT_EVERY = timedelta(seconds=50)
"""How old a heartbeat is before a sweep renews it: a little less than what lies between two sweeps."""
SILENT_AFTER = timedelta(minutes=5)
"""How old the newest heartbeat of a cloud may be: past it, several sweeps in a row have not ended."""
EVENT_WITHIN = timedelta(minutes=3)
"""How long an event may take after a look saw what it should tell of: both clouds' feeds need seconds as a rule, best effort."""
TOLD_FOR = timedelta(days=1)
"""How long a change that no event told of is held against a feed: links seldom change, and a ticket must end."""
CLOSING_KEPT = 8
"""Ended incidents of one silence that may wait for their desks; at the bound the open one stays open."""
ARTEFACT = "artefact/"
"""Beginning of the member of a heartbeat row."""
TURN = "turn/"
"""Beginning of the member of a row that says when a look first saw a session go or come."""
FEEDS = {Cloud.AWS: Source.NETWORK_MANAGER, Cloud.GCP: Source.ROUTER_LOG}
"""The feed of each cloud that tells of BGP sessions by itself: of VPN tunnels on AWS, of every peer on Google. Virtual interfaces have none."""
_PROBES = {Cloud.AWS: Vantage.PROBE_AWS, Cloud.GCP: Vantage.PROBE_GCP}
_DEFINITE = frozenset({Health.UP, Health.DOWN})


class Kind(StrEnum):
    """What may fall silent in a cloud."""

    FUNCTIONS = "functions"
    EVENTS = "events"
    PROBES = "probes"


class Heard(Frozen):
    """It speaks."""


class Unheard(Frozen):
    """It should have spoken ``since`` then, ``about`` a member where that is known."""

    since: datetime
    about: str = ""


Finding = Heard | Unheard | None
"""What the rows say of one cloud's functions or events; None when they can't tell."""


def silence_name(kind: Kind, cloud: Cloud) -> str:
    """Name what may be silent as incidents name it, where a link's name would stand: no link's name has a colon."""
    return f"{kind}:{cloud}"


def beats_due(beats: Iterable[Sighting], stored: Mapping[str, Sighting]) -> tuple[Sighting, ...]:
    """Leave out the heartbeats whose row is still young."""
    return tuple(one for one in beats if one.row not in stored or one.seen_at - stored[one.row].seen_at >= BEAT_EVERY)


def last_beat(rows: Iterable[Sighting], cloud: Cloud) -> datetime | None:
    """Say when a cloud's functions last ended a sweep; None when none is known."""
    vantage = cloud.value
    beats = [row.seen_at for row in rows if row.member.startswith(ARTEFACT) and row.vantage == vantage]
    return max(beats, default=None)


def turns(fabric: Fabric, looks: Iterable[Sighting], known: Mapping[str, Sighting]) -> tuple[Sighting, ...]:
    """Give the rows that keep when a look first saw a session go or come of which an event should tell as well."""
    return tuple(_turn(look) for look in looks if _should_be_told(fabric, look) and _flipped(look, known.get(look.row)))


def _should_be_told(fabric: Fabric, look: Sighting) -> bool:
    ref = index(fabric).get(look.member)
    if look.source is not Source.LOOK or look.aspect is not Aspect.BGP or ref is None or ref.member is None:
        return False
    return look.vantage is Vantage.GCP or fabric.link(ref.link).member(ref.member).aws.vpn is not None


def _flipped(look: Sighting, before: Sighting | None) -> bool:
    return before is not None and {look.health, before.health} == _DEFINITE


def _turn(look: Sighting) -> Sighting:
    return replace(look, member=f"{TURN}{look.member}", source=Source.LEVER, cause=Cause.UNSTATED, value=None)


def silences(case: Case) -> dict[str, Silence]:
    """Take each silence one step on: opened once, told, closed when it speaks again. Only a view of everything changes any."""
    if not (case.view.wide and case.view.clock_trusted):
        return case.plan.silences
    stepped = {name: _stepped(case, name, found) for name, found in _findings(case)}
    return {name: one for name, one in stepped.items() if one is not None}


def _findings(case: Case) -> Iterator[tuple[str, Finding]]:
    for cloud in Cloud:
        beat = last_beat(case.view.rows, cloud)
        found = {
            Kind.FUNCTIONS: _functions(case, cloud, beat),
            Kind.EVENTS: _events(case, cloud, beat),
            Kind.PROBES: _probes(case, cloud, beat),
        }
        hidden = cloud in case.view.unreadable  # what was heard in the witness was heard; what was not may stand where nobody could look
        yield from ((silence_name(kind, cloud), None if hidden and isinstance(one, Unheard) else one) for kind, one in found.items())


def _stepped(case: Case, name: str, found: Finding) -> Silence | None:
    """Take one silence on; None when nothing of it is left to tell."""
    before = case.plan.silences.get(name)
    if before is None:
        return Silence(since=found.since, about=found.about, epoch=case.next_epoch) if isinstance(found, Unheard) else None
    told = (epoch for epoch in before.closing if incident_id(case.fabric.name, name, epoch) not in case.view.closed)
    left = replace(before, closing=tuple(told))
    if isinstance(found, Unheard) and left.epoch is None:
        return replace(left, since=found.since, about=found.about, epoch=case.next_epoch)
    if isinstance(found, Heard) and left.epoch is not None and len(left.closing) < CLOSING_KEPT:
        return replace(left, epoch=None, closing=(*left.closing, left.epoch))
    return left if left.epoch is not None or left.closing else None


def _functions(case: Case, cloud: Cloud, last: datetime | None) -> Finding:
    """Judge a cloud's functions by their newest heartbeat. No function calls its own cloud's dead: it runs."""
    if last is None:
        return None
    if case.now - last <= SILENT_AFTER:
        return Heard()
    return None if cloud is case.view.here else Unheard(since=last)


def _probes(case: Case, cloud: Cloud, last: datetime | None) -> Finding:
    """Judge a cloud's prober by the newest row of its own that claims anything: one whose eyes are shut tells nothing either."""
    pairs = _pairs(case.fabric, cloud)
    if not pairs:
        return Heard()  # what is no longer declared need not speak
    vantage, probe, unknown = _PROBES[cloud], Source.PROBE, Health.UNKNOWN
    rows = (row for row in case.view.rows if row.vantage is vantage and row.source is probe and row.member in pairs)
    latest = max((row.seen_at for row in rows if row.health is not unknown), default=None)
    patience = max(SILENT_AFTER, case.fabric.policy.freshness.look)
    if latest is None or last is None:
        return None
    if case.now - latest <= patience:
        return Heard()
    return Unheard(since=latest) if last >= latest + patience else None


def _pairs(fabric: Fabric, cloud: Cloud) -> frozenset[str]:
    """Name the probes that start on a cloud."""
    sites = {site.name for site in fabric.sites if isinstance(site, AwsSite) is (cloud is Cloud.AWS)}
    return frozenset(probe_key(pair.source, pair.target) for link in fabric.links for pair in link.probes if pair.site in sites)


def _events(case: Case, cloud: Cloud, beat: datetime | None) -> Finding:
    """Judge a cloud's feed by the changes that its looks saw: any later word of the feed shows that it speaks."""
    feed, vantage = FEEDS[cloud], cloud.value
    told = [row for row in case.view.rows if row.source is feed and row.vantage == vantage]
    latest = max((row.seen_at for row in told), default=None)
    before = case.plan.silences.get(silence_name(Kind.EVENTS, cloud))
    if before is not None and before.epoch is not None:
        over = case.now - before.since >= TOLD_FOR or (latest is not None and latest >= before.since)
        return Heard() if over else None
    missed = [turn for turn in _untold(case, cloud, told, beat) if latest is None or latest < turn.seen_at]
    first = min(missed, key=lambda turn: (turn.seen_at, turn.member), default=None)
    return None if first is None else Unheard(since=first.seen_at, about=first.member.removeprefix(TURN))


def _untold(case: Case, cloud: Cloud, told: Iterable[Sighting], last: datetime | None) -> Iterator[Sighting]:
    """List the turns that are due and that the feed's word on the member does not bear out.

    A turn is due once the cloud's functions have swept after its time was up: events wait for functions that are dead.
    """
    places, vantage = index(case.fabric), cloud.value
    words = {(places.get(row.member), row.health) for row in told}
    for turn in case.view.rows:
        ref = places.get(turn.member.removeprefix(TURN)) if turn.vantage == vantage and turn.member.startswith(TURN) else None
        if ref is None or last is None or case.now - turn.seen_at >= TOLD_FOR or last < turn.seen_at + EVENT_WITHIN:
            continue
        if (ref, turn.health) not in words and (ref, Health.UNKNOWN) not in words:
            yield turn


def is_silence(name: str) -> bool:
    """Say whether an incident of this name is about a silence, and not about a link."""
    return ":" in name


def severity_of_silence(name: str) -> Severity:
    """Grade a silence: with one cloud's functions gone nothing may fail further; without events or probes less is seen, or later."""
    return Severity.ERROR if name.startswith(Kind.FUNCTIONS) else Severity.WARNING


def headline(name: str, silence: Silence) -> str:
    """Say what is silent, since when, and where to look."""
    kind, _, cloud = name.partition(":")
    if kind == Kind.FUNCTIONS:
        return f"no sweep of the functions on {cloud} has ended since {silence.since:%FT%TZ}: see whether they run, and their schedule"
    if kind == Kind.PROBES:
        return f"the probes that start on {cloud} have told nothing since {silence.since:%FT%TZ}: see whether the prober runs, sees and reports"
    feed = FEEDS[Cloud(cloud)]
    return (
        f"{cloud} sent no event of {silence.about}, which a look saw change at {silence.since:%FT%TZ}: see the trigger of its {feed} events"
    )


def ending(name: str) -> str:
    """Say that a silence is over."""
    kind, _, cloud = name.partition(":")
    if kind == Kind.FUNCTIONS:
        return f"the functions on {cloud} are heard of again"
    if kind == Kind.PROBES:
        return f"the probes that start on {cloud} tell again"
    return f"events of {cloud} are heard again, or none was missed for {TOLD_FOR / timedelta(hours=1):g} hours"
