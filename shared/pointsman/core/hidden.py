"""A link that our own drain hides: what was told of it meanwhile says nothing of it once its session is back."""

from datetime import datetime

from pointsman.core.claims import LOOKS, Claims, rows_of, saying
from pointsman.core.plan import DrainCause, LinkState, Verdict
from pointsman.core.sightings import Aspect, Health, Sighting, Source, Vantage

_OF_SESSIONS = frozenset({Source.LOOK, Source.NETWORK_MANAGER, Source.ROUTER_LOG})
"""What tells of a session as it is, and not of a figure in a while."""


def is_planned(state: LinkState) -> bool:
    """Say whether a link is drained for another reason than an outage, and not believed down since."""
    return state.drain is not None and state.drain.cause is not DrainCause.OUTAGE and state.verdict is not Verdict.DOWN


def lags(claims: Claims, before: LinkState) -> bool:
    """Say whether probes have yet to speak of a link that could not be seen and is drained no more: all against it is older than its session.

    Whoever notes a prober's word looks at its own end just after that. So what counts is the end whose last look is the older one.
    """
    if before.verdict is not Verdict.UNKNOWN or before.drain is not None or before.since is None:
        return False
    ends = _back_by_end(claims)
    seen = [at for at in ends.values() if at > before.since] or list(ends.values())
    downs = saying(rows_of(claims), Health.DOWN)
    return bool(seen) and any(row.source is Source.PROBE for row in downs) and all(row.seen_at < min(seen) for row in downs)


def _back(claims: Claims) -> datetime | None:
    """Give when a session was last seen up, by a look or its own feed."""
    return max(_back_by_end(claims).values(), default=None)


def _back_by_end(claims: Claims) -> dict[Vantage, datetime]:
    """Give when each end last saw a session up."""
    found: dict[Vantage, datetime] = {}
    for row in saying(rows_of(claims), Health.UP):
        if row.aspect is Aspect.BGP and row.source in _OF_SESSIONS:
            found[row.vantage] = max(row.seen_at, found.get(row.vantage, row.seen_at))
    return found


def since_the_session(claims: Claims, before: LinkState) -> Claims:
    """Leave out what was told before the session was seen up, by a look or its own feed: our own drain, which hides the link, may have been its cause.

    Looks and probes are left out only until the link is agreed to be up: they tell again, unlike events and alarms. By then
    it has been seen, though the look that saw it may not be in the rows yet.
    """
    seen = _back(claims)
    back = before.since if seen is None and before.verdict is Verdict.UP else seen
    if back is None:
        return claims
    first = {Verdict.UNKNOWN: back, Verdict.SUSPECT: back, Verdict.UP: before.since}.get(before.verdict)
    return _since(claims, first, back)


def since_agreed_up(claims: Claims, since: datetime) -> Claims:
    """Leave out what was told before a link was agreed to be up, which knew it: a drain that explained it may be in no plan any more.

    A look tells again within a minute. An event does not: it counts still unless a look has seen the session up since.
    """
    back = _back(claims)
    return _since(claims, since, None if back is None else min(back, since))


def _since(claims: Claims, look: datetime | None, event: datetime | None) -> Claims:
    """Leave out what speaks against the link and is older: than one time for looks and probes, than the other for what tells once."""

    def counts(row: Sighting) -> bool:
        since = look if row.source in LOOKS else event
        return row.health is not Health.DOWN or since is None or row.seen_at >= since

    return {member: tuple(filter(counts, rows)) for member, rows in claims.items()}
