"""What becomes of closed incidents: kept whole for as long as a late event may name them, then a tombstone for ever.

A tombstone is an incident that is over, with nothing left to tell: every version reads it, and nobody can open it again.
"""

from datetime import datetime, timedelta
from itertools import accumulate

from pointsman.core.incidents import Incident, Moment, Phase
from pointsman.core.values import Frozen, canonical, replace

KEPT = timedelta(days=45)
"""How long a closed incident stays whole: the longest queue retention, and as long again for a redrive."""
CLOSED_LIMIT = 2_000
"""Closed incidents that wait for their tombstones; past it the newest keep their registers as they are, for good."""
CLOSED_BYTES_LIMIT = 240 * 1024
"""Bytes of their names and times, at which the same happens: a register's value holds that, and times to the microsecond too."""
AT_ONCE = 8
"""Tombstones that one call sets up."""


class Closed(Frozen):
    """One incident of which every desk has been told."""

    incident: str
    at: datetime


class Archive(Frozen):
    """The closed incidents of a fabric whose registers still hold all of them, oldest first."""

    closed: tuple[Closed, ...] = ()


def closing(archive: Archive, incidents: tuple[str, ...], now: datetime) -> Archive:
    """Note closed incidents. Idempotent."""
    known = {one.incident for one in archive.closed}
    new = tuple(Closed(incident=name, at=now) for name in incidents if name not in known)
    listed = (*archive.closed, *new)[:CLOSED_LIMIT]
    ends = accumulate(len(canonical(one)) + len(",") for one in listed)
    return replace(archive, closed=listed[: sum(end <= CLOSED_BYTES_LIMIT for end in ends)])


def due(archive: Archive, now: datetime) -> tuple[str, ...]:
    """Name the incidents whose time is over, a few at a time."""
    return tuple(one.incident for one in archive.closed if now - one.at >= KEPT)[:AT_ONCE]


def without(archive: Archive, incidents: tuple[str, ...]) -> Archive:
    """Forget incidents that are tombstones now."""
    return replace(archive, closed=tuple(one for one in archive.closed if one.incident not in incidents))


def put_off(archive: Archive, incidents: tuple[str, ...], now: datetime) -> Archive:
    """Have incidents wait as long again, so that those which cannot be read now stand in nobody's way."""
    late = tuple(replace(one, at=now) for one in archive.closed if one.incident in incidents)
    return replace(archive, closed=(*without(archive, incidents).closed, *late))


def tombstone(incident: Incident, entry: str) -> Incident:
    """Give what stays of a closed incident: its name, its times, its tickets, and the journal's entry that holds the rest.

    Unchanged when the incident is not over, has something left to tell, or is a tombstone already.
    """
    over = incident.phase is Phase.RESOLVED and all(letter.done for letter in incident.outbox)
    if not over or (not incident.outbox and len(incident.timeline) <= 1):
        return incident
    at = incident.resolved_at or incident.opened_at
    moment = Moment(at=at, epoch=incident.epoch, text=f"archived: the journal's entry {entry} holds it whole")
    return replace(incident, outbox=(), timeline=(moment,))
