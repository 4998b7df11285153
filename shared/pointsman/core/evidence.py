"""From claims to belief: what the fresh rows together say of each link.

Forwarding evidence (probes, BFD, LINK_DOWN, IPsec, interconnect state, black-hole counters, absent routes) is
told apart from session evidence (BGP down); the two ends of one session are one witness of that session.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from operator import itemgetter

from pointsman.core.claims import LOOKS, Claims, rows_of, saying
from pointsman.core.fabric import Bandwidth, Cloud, Fabric, Freshness, Link, LinkName, MemberId
from pointsman.core.hidden import is_planned, lags, since_the_session
from pointsman.core.members import index
from pointsman.core.plan import LinkState, Verdict
from pointsman.core.rows import SEVERITY, rank
from pointsman.core.sightings import ALARMS, Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.core.values import Frozen, replace

_FORWARDING_CAUSES = frozenset({Cause.LINK_DOWN, Cause.BFD_DOWN})
_CLOUD = {
    Vantage.AWS: Cloud.AWS,
    Vantage.PROBE_AWS: Cloud.AWS,
    Vantage.GCP: Cloud.GCP,
    Vantage.PROBE_GCP: Cloud.GCP,
}
_BOTH = frozenset(Cloud)
_CARRYING = frozenset({Verdict.UP, Verdict.DEGRADED})
PROBES = frozenset({Vantage.PROBE_AWS, Vantage.PROBE_GCP})
_SEEN_BY_LOOKS = frozenset({Aspect.BGP, Aspect.LINK, Aspect.IPSEC})
"""What looks and probes can contradict."""
_SHOWS_PACKETS = frozenset({Aspect.IPSEC, Aspect.PROBE})
"""What shows that packets pass. That a port is available, or an attachment turned up, says that it was provisioned: down it counts, up not."""
BOTH_PROBES = "both probes lose packets over this link"
"""What is said of a link that probes alone condemn."""
TOTAL = 0.98
"""Share of lost packets, there and back, from which on a link passes nothing: no overload is as heavy."""
BACK_WITHIN = timedelta(minutes=2)
"""How long after a failover test a session may be on its way back: the ConnectRetryTimer that RFC 4271 (section 10) suggests."""


class Belief(Frozen):
    """What the rows say of one link, before the agreed plan's memory is added.

    ``onset`` is when the trouble began as far as the rows tell; ``good`` means that both ends say packets pass;
    ``passing`` means that fresh forwarding evidence shows it passing; ``lost_both_ends`` is a session loss that both
    ends see and whose budget still runs; ``lost`` says since when both ends miss the session, by member; ``ours`` means
    that our own failover test explains what is seen.
    """

    verdict: Verdict
    because: str
    ours: bool = False
    onset: datetime | None = None
    usable: Bandwidth | None = None
    good: bool = False
    passing: bool = False
    lost_both_ends: bool = False
    lost: dict[MemberId, datetime] = {}


def freshness_of(source: Source, freshness: Freshness) -> timedelta:
    """Say how long a claim of this source may be believed."""
    if source in LOOKS:
        return freshness.look
    return freshness.metric if source in ALARMS else freshness.event


def is_fresh(sighting: Sighting, freshness: Freshness, now: datetime) -> bool:
    """Say whether a claim may still be believed at ``now``."""
    return now - sighting.seen_at <= freshness_of(sighting.source, freshness)


def cloud_of(vantage: Vantage) -> Cloud | None:
    """Name the cloud that a vantage looks from; None for an operator."""
    return _CLOUD.get(vantage)


def is_forwarding(sighting: Sighting) -> bool:
    """Say whether a claim is about packets rather than about a BGP session."""
    return sighting.aspect is not Aspect.BGP or sighting.cause in _FORWARDING_CAUSES


def claims_by_link(fabric: Fabric, rows: Iterable[Sighting], now: datetime) -> dict[LinkName, dict[MemberId | None, tuple[Sighting, ...]]]:
    """Sort the fresh, definite claims by link and member: the newest of each vantage and aspect, the worst of equals.

    Alarms are apart: one that is raised stands until it is cleared itself, or another kind of source has contradicted it.

    A live look that finds down what an event had told of, or the other way round, leaves both: two sources that agree.
    What a later claim has contradicted is not believed again when that one is stale.
    What one cloud alone claims is left out once both ends have looked since and found the link well.
    """
    places, freshness = index(fabric), fabric.policy.freshness
    lever, unknown = Source.LEVER, Health.UNKNOWN
    told: dict[tuple[LinkName, MemberId | None, Vantage, Aspect], list[Sighting]] = {}
    for row in rows:
        ref = places.get(row.member)
        if ref is None or row.source is lever or row.health is unknown:
            continue
        told.setdefault((ref.link, ref.member, row.vantage, row.aspect), []).append(row)
    kept = [(row.row, link, member, row) for (link, member, _, _), claims in told.items() for row in _standing(claims, freshness, now)]
    kept.sort(key=itemgetter(0))
    found: dict[LinkName, dict[MemberId | None, tuple[Sighting, ...]]] = {link.name: {} for link in fabric.links}
    for _, link, member, row in kept:
        found[link][member] = (*found[link].get(member, ()), row)
    return {link: _unrefuted(claims) for link, claims in found.items()}


def _unrefuted(claims: dict[MemberId | None, tuple[Sighting, ...]]) -> dict[MemberId | None, tuple[Sighting, ...]]:
    """Leave out a lone claim of one cloud that both ends' looks and both probes have contradicted since."""
    downs = saying(rows_of(claims), Health.DOWN)
    if not downs or len({row.vantage for row in downs}) > 1 or downs[0].vantage in PROBES:
        return claims
    told = list(rows_of(claims))
    return {member: tuple(row for row in rows if not _refuted(row, rows, told)) for member, rows in claims.items()}


def _refuted(row: Sighting, member: tuple[Sighting, ...], link: list[Sighting]) -> bool:
    """Say whether both clouds' looks at this member, and packets both ways over this link, have been well since a claim.

    A look's own word is no older than it says, and what is said of routes concerns prefixes that no probe uses.
    """
    if row.health is not Health.DOWN or row.source is Source.LOOK or row.aspect not in _SEEN_BY_LOOKS:
        return False
    later = [one for one in link if one.health is Health.UP and one.seen_at > row.seen_at]
    looked = {cloud_of(one.vantage) for one in later if one.source is Source.LOOK and one in member}
    return looked >= _BOTH and {one.vantage for one in later} >= PROBES


def _standing(claims: list[Sighting], freshness: Freshness, now: datetime) -> Iterable[Sighting]:
    """Give the newest of the gravest claims that are fresh and uncontradicted; if it is down, also the next of the other kind (look or event).

    All that nothing later contradicts are equal, but those of different alarms.
    """
    if len(claims) == 1:
        return claims if now - claims[0].seen_at <= freshness_of(claims[0].source, freshness) else ()
    ordered = sorted(claims, key=lambda row: (rank(row), row.row), reverse=True)
    uncontradicted = (row for at, row in enumerate(ordered) if not any(contradicts(later, row) for later in ordered[:at]))
    fresh = [row for row in uncontradicted if is_fresh(row, freshness, now)]
    gravest = max((SEVERITY[row.health] for row in fresh), default=0)
    fresh = [row for row in fresh if SEVERITY[row.health] == gravest]
    if not fresh or fresh[0].health is not Health.DOWN:
        return fresh[:1]
    others = (row for row in fresh[1:] if (row.source is Source.LOOK) != (fresh[0].source is Source.LOOK))
    return (fresh[0], *islice(others, 1))


def contradicts(later: Sighting, row: Sighting) -> bool:
    """Say whether a later claim about the same thing unsays one. What one alarm says never unsays another, which may still be raised."""
    return later.health is not row.health and not (later.source in ALARMS and row.source in ALARMS)


def believe(link: Link, claims: Claims, before: LinkState, now: datetime) -> Belief:
    """Judge one link from its fresh claims. ``before`` lends when what is still going on began: the trouble, and each lost session."""
    tested = {row.health for row in rows_of(claims) if row.cause is Cause.FAILOVER_TEST}
    if Health.DRAINING in tested:
        return Belief(verdict=Verdict.UNKNOWN, because="our own failover test hides the link", ours=True)
    if Health.DOWN in tested and (before.verdict is not Verdict.UP or _may_be_on_its_way(claims, before, now)):  # it has not been up since
        return Belief(verdict=Verdict.UNKNOWN, because="a failover test has just ended, and the session is on its way back", ours=True)
    if is_planned(before):
        claims = since_the_session(claims, before)
    elif lags(claims, before):
        return Belief(verdict=Verdict.UNKNOWN, because="the session is back, and its probes have yet to say whether packets pass")
    alone = len(link.members) == 1
    before = replace(before, lost=_losses(link, claims, before))
    whole = _judge(link, tuple(rows_of(claims)) if alone else claims.get(None, ()), before, max(before.lost.values(), default=now), now)
    members = [] if alone else _members(link, claims, before, now)
    if members and whole.verdict is Verdict.SUSPECT:
        whole = _confirmed(link, claims, before, now) or whole
    belief = _together(link, whole, members)
    if belief.lost_both_ends and _probes_pass(claims):
        return replace(belief, lost=before.lost, lost_both_ends=False)  # a restarting router's sessions are gone and its packets flow
    if belief.verdict not in _CARRYING:
        return replace(belief, lost=before.lost)
    return replace(belief, lost=before.lost, good=_good(link, claims), passing=passing(claims))


def _may_be_on_its_way(claims: Claims, before: LinkState, now: datetime) -> bool:
    """Say whether AWS missed a session of a drained link in a test lately, and has not seen it up since, though a view without its words took it for up.

    Packets that were lost since that was agreed are no test's.
    """
    downs = saying(rows_of(claims), Health.DOWN)
    told = max(row.seen_at for row in downs if row.cause is Cause.FAILOVER_TEST)
    lost = any(row.source is Source.PROBE and (before.since is None or row.seen_at >= before.since) for row in downs)
    return before.drain is not None and now < told + BACK_WITHIN and not lost


def dark_members(link: Link, claims: Claims, before: LinkState, now: datetime) -> frozenset[MemberId]:
    """Name the members that their own claims show down, or suspect of it."""
    judged = zip(link.members, _members(link, claims, replace(before, lost=_losses(link, claims, before)), now), strict=True)
    return frozenset(member.id for member, one in judged if one.verdict in {Verdict.DOWN, Verdict.SUSPECT})


def _losses(link: Link, claims: Claims, before: LinkState) -> dict[MemberId, datetime]:
    """Say since when both ends miss the session of each member that has lost it: the convergence budget runs from there.

    A claim about the link as a whole speaks of every member.
    """
    whole = claims.get(None, ())
    found = ((one.id, _lost(before.lost.get(one.id), (*whole, *claims.get(one.id, ())), before)) for one in link.members)
    return {member: since for member, since in found if since is not None}


def _lost(known: datetime | None, rows: tuple[Sighting, ...], before: LinkState) -> datetime | None:
    """Give the later of the two ends' first claims that a session is lost, as it was when both first made one; None while one has it.

    An end of which nothing is seen for a while does not end a loss that is known, as long as the other still tells of it.
    """
    told = [row for row in rows if row.aspect is Aspect.BGP]
    downs = _lasting(saying(told, Health.DOWN), before)
    if not downs:
        return None
    lost = {cloud_of(row.vantage) for row in downs}
    if lost >= _BOTH:
        return known or max(min(row.seen_at for row in downs if cloud_of(row.vantage) is cloud) for cloud in _BOTH)
    held = {cloud_of(row.vantage) for row in saying(told, Health.UP)} - lost
    return known if lost & _BOTH and not held & _BOTH else None


def _confirmed(link: Link, claims: Claims, before: LinkState, now: datetime) -> Belief | None:
    """Judge a link that is only suspect as a whole by every member's claims too: down when each of them, with those, is down."""
    told = claims.get(None, ())
    joint = _members(link, {member.id: (*told, *claims.get(member.id, ())) for member in link.members}, before, now)
    dark = all(any(row.health is Health.DOWN for row in claims.get(member.id, ())) for member in link.members)
    return joint[0] if dark and all(one.verdict is Verdict.DOWN for one in joint) else None


def _probes_pass(claims: Claims) -> bool:
    """Say whether fresh probes from both ends pass: graceful restart forwards while no session stands."""
    return {row.vantage for row in saying(rows_of(claims), Health.UP)} >= PROBES


def _members(link: Link, claims: Claims, before: LinkState, now: datetime) -> list[Belief]:
    """Judge each member by its own claims."""
    return [_judge(link, claims.get(one.id, ()), before, before.lost.get(one.id, now), now) for one in link.members]


def _judge(link: Link, rows: tuple[Sighting, ...], before: LinkState, lost: datetime, now: datetime) -> Belief:
    """Judge one member, or the whole link by its own claims: down, suspect, degraded, up or unknown, in that order.

    ``lost`` is since when both ends miss the session, where they do.
    """
    told = {row.health for row in rows}
    if Health.DOWN in told:
        downs = saying(rows, Health.DOWN)
        return _downs(link, _lasting(downs, before), _onset(downs, before), now - lost)
    if Health.DEGRADED in told:
        degraded = saying(rows, Health.DEGRADED)
        return Belief(verdict=Verdict.DEGRADED, because=_word(degraded[0]), onset=_onset(degraded, before))
    if Health.UP in told:
        return Belief(verdict=Verdict.UP, because="seen up, and nothing says otherwise")
    return Belief(verdict=Verdict.UNKNOWN, because="no fresh claim")


def _lasting(downs: list[Sighting], before: LinkState) -> list[Sighting]:
    """Leave out what is older than the agreement that the link is up, unless all is: what it told of is over."""
    if before.verdict is not Verdict.UP or before.since is None:
        return downs
    return [row for row in downs if row.seen_at >= before.since] or downs


def _onset(rows: list[Sighting], before: LinkState) -> datetime:
    first = min(row.seen_at for row in rows)
    return min(first, before.onset) if before.onset is not None else first


def _downs(link: Link, downs: list[Sighting], onset: datetime, lost: timedelta) -> Belief:
    if {row.vantage for row in downs} >= PROBES:
        return Belief(verdict=Verdict.DOWN, because=BOTH_PROBES, onset=onset)
    pair = _agreeing(downs)
    if pair:
        return Belief(verdict=Verdict.DOWN, because=f"{_word(pair[0])}, and {_word(pair[1])} agrees", onset=onset)
    clouds = {cloud_of(row.vantage) for row in downs}
    both = clouds >= _BOTH
    if both and lost >= link.timers.budget:
        return Belief(verdict=Verdict.DOWN, because="the session is lost at both ends for longer than the convergence budget", onset=onset)
    words = "both ends lost the session; the convergence budget still runs" if both else f"only {_word(downs[0])}: looking from both sides"
    return Belief(verdict=Verdict.SUSPECT, because=words, onset=onset, lost_both_ends=both)


def _agreeing(downs: list[Sighting]) -> tuple[Sighting, Sighting] | None:
    """Find forwarding evidence and another source that agrees: the other cloud, or a live look."""
    pairs = ((one, other) for one in downs if is_forwarding(one) for other in downs if other is not one)
    return next(((one, other) for one, other in pairs if _independent(one, other)), None)


def _independent(one: Sighting, other: Sighting) -> bool:
    if cloud_of(one.vantage) is not cloud_of(other.vantage):
        return True
    return other.source is Source.LOOK and one.source is not Source.LOOK


def _word(row: Sighting) -> str:
    return f"{row.vantage} {row.source} says {row.aspect} {row.health} ({row.cause})"


def _together(link: Link, whole: Belief, members: list[Belief]) -> Belief:
    """Join the members' verdicts: all down is down, some down is degraded with their share of capacity gone.

    A link of one member has no ``members``: what is said of the member and of the link is judged together.
    """
    if not members or whole.verdict in {Verdict.DOWN, Verdict.SUSPECT}:
        return whole
    dark = [one for one in members if one.verdict in {Verdict.DOWN, Verdict.SUSPECT}]
    if len(dark) == len(members):
        return next((one for one in dark if one.verdict is Verdict.SUSPECT), dark[0])
    everybody = (*members, whole)
    troubled = [*dark, *(one for one in everybody if one.verdict is Verdict.DEGRADED)]
    if troubled:
        return _degraded(link, troubled, members)
    return next((one for one in everybody if one.verdict is Verdict.UP), whole)


def _degraded(link: Link, troubled: list[Belief], members: list[Belief]) -> Belief:
    """Give a link that lost some members: their share of its capacity is gone."""
    down = sum(one.verdict is Verdict.DOWN for one in members)
    because = f"{down} of {len(members)} members down: {troubled[0].because}" if down else troubled[0].because
    usable = Bandwidth(link.capacity * (len(members) - down) // len(members)) if down else None
    return Belief(verdict=Verdict.DEGRADED, because=because, onset=troubled[0].onset, usable=usable)


def _good(link: Link, claims: Claims) -> bool:
    """Say whether both ends show packets passing: by probes where the link declares them, else by both ends' sessions."""
    ups = saying(rows_of(claims), Health.UP)
    if link.probes:
        return {row.vantage for row in ups} >= PROBES
    return {cloud_of(row.vantage) for row in ups if row.aspect is Aspect.BGP or row.aspect in _SHOWS_PACKETS} >= _BOTH


def heard_since(link: Link, claims: Claims, instant: datetime) -> frozenset[Cloud]:
    """Name the clouds that have told since an instant what shows that a link is good, and everything else than that it is up.

    Its probes show it where it declares them.
    """
    rows = list(rows_of(claims))
    told = {row.vantage for row in rows if row.seen_at > instant and (not link.probes or row.vantage in PROBES)}
    before = {row.vantage for row in rows if row.seen_at <= instant and row.health is not Health.UP}
    return frozenset(filter(None, map(cloud_of, told))).difference(map(cloud_of, before))


def passing(claims: Claims) -> bool:
    """Say whether fresh forwarding evidence shows the link passing packets, and none shows it failing."""
    told = list(filter(is_forwarding, rows_of(claims)))
    return any(row.health is Health.UP and row.aspect in _SHOWS_PACKETS for row in told) and not saying(told, Health.DOWN)


def under_load(claims: Claims) -> Claims:
    """Take it for packets that pass where probes lose a part of them by the figure they tell.

    So may be read what is said of a link that is believed to carry all the same: load explains what is lost there.
    """
    return {member: tuple(replace(row, health=Health.UP) if _is_partial(row) else row for row in rows) for member, rows in claims.items()}


def _is_partial(row: Sighting) -> bool:
    return row.health is Health.DOWN and row.vantage in PROBES and row.value is not None and row.value < TOTAL


def still_passing(claims: Claims) -> bool:
    """Say whether fresh forwarding evidence shows packets passing over a member of which nobody says anything bad.

    A claim about the link as a whole speaks for or against every member.
    """
    whole = [row for row in claims.get(None, ()) if is_forwarding(row)]
    sound = (rows for member, rows in claims.items() if member is not None and all(row.health is Health.UP for row in rows))
    if any(row.health is Health.DOWN for row in whole):
        return False
    return any(any(row.health is Health.UP and row.aspect in _SHOWS_PACKETS for row in (*whole, *rows)) for rows in sound)


def lost_by_probes_alone(claims: Claims) -> bool:
    """Say whether probes are all that speaks against a link."""
    return all(row.vantage in PROBES for row in rows_of(claims) if row.health is Health.DOWN)


def is_total(claims: Claims) -> bool:
    """Say whether a fresh probe lost as good as every packet by the figure it tells."""
    return any(row.vantage in PROBES and row.value is not None and row.value >= TOTAL for row in saying(rows_of(claims), Health.DOWN))


def observed_loss(claims: Claims) -> float:
    """Give the worst share of packets that fresh probes lose (0 to 1); 1 when no probe tells a figure."""
    return max((row.value for row in rows_of(claims) if row.vantage in PROBES and row.value is not None), default=1.0)
