"""Marks: which claims a plan was decided from, so that nobody decides again from an older view.

A view that was read a good while after the plan was decided is none, whatever its rows say: a store that lost rows, came
back empty or whose clock fell back holds nobody up for longer than that (docs/adr/0024).
"""

import zlib
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from pointsman.core.evidence import cloud_of, contradicts
from pointsman.core.fabric import Fabric, Freshness
from pointsman.core.members import index
from pointsman.core.plan import View
from pointsman.core.rows import SEVERITY
from pointsman.core.sightings import Health, Sighting, Source
from pointsman.core.values import replace

KEYS_KEPT = 4096
"""Keys of rows that are remembered with what they are shortened to: the same few rows come with every view."""
BINDING = timedelta(minutes=1)
"""How long after a plan was decided its marks bind: far longer than two rounds' times, told by the stores, can lie apart."""
GRADES = 8
"""Room for the severities of one instant."""
_ZERO = datetime(2020, 1, 1, tzinfo=UTC)
"""Where counting begins: late enough for a mark to stay below 2**53, which every JSON reader keeps exact, until 2055."""

_MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=KEYS_KEPT)
def key_of(row: str) -> str:
    """Shorten a row's key to the 8 hex digits that a plan's marks use."""
    return f"{zlib.crc32(row.encode()):08x}"


def mark_of(claim: Sighting) -> int:
    """Give a claim's mark: its microsecond, and of equal ones its severity, in the order in which claims win a row."""
    return (claim.seen_at - _ZERO) // _MICROSECOND * GRADES + SEVERITY[claim.health]


def lasting(marked: dict[str, int], freshness: Freshness, now: datetime) -> dict[str, int]:
    """Leave out the marks of claims that nobody would believe any more: a store that lost such rows holds nobody up."""
    longest = max(freshness.event, freshness.look, freshness.metric)
    first = (now - longest - _ZERO) // _MICROSECOND * GRADES
    return {key: mark for key, mark in marked.items() if mark >= first}


def binding(decided_at: datetime, view: View, now: datetime) -> bool:
    """Say whether a plan's marks bind a view that was read at ``now``: it may have been read before the plan was decided."""
    return not view.clock_trusted or now < decided_at + BINDING


def behind(marked: dict[str, int], view: View) -> str:
    """Say in what a view lies behind the marks of a plan; "" when it is at or beyond every one.

    Rows that could not be read are not held against it.
    """
    if not marked:
        return ""
    seen = {key_of(row.row): row for row in view.rows}
    older = sum(mark_of(seen[key]) < mark for key, mark in marked.items() if key in seen)
    missing = 0 if view.unreadable else sum(key not in seen for key in marked)
    return f"{older} rows older and {missing} rows missing against the plan's marks" if older or missing else ""


def current(marked: dict[str, int], view: View) -> View:
    """Leave out what lies behind the marks of a cloud that could not be read: leftovers elsewhere, and something newer stands unread.

    What such a leftover contradicts, an event that a look had found over, goes with it: nothing else is left to unsay it.
    """
    if not view.unreadable:
        return view
    behind = [row for row in view.rows if cloud_of(row.vantage) in view.unreadable and mark_of(row) < marked.get(key_of(row.row), 0)]
    left = {row.row for row in behind}
    kept = (row for row in view.rows if row.row not in left and not any(_unsays(one, row) for one in behind))
    return replace(view, rows=tuple(kept))


def _unsays(leftover: Sighting, row: Sighting) -> bool:
    same = (leftover.vantage, leftover.member, leftover.aspect) == (row.vantage, row.member, row.aspect)
    return same and leftover.health is not Health.UNKNOWN and leftover.seen_at > row.seen_at and contradicts(leftover, row)


def marks(fabric: Fabric, view: View, before: dict[str, int]) -> dict[str, int]:
    """Note the newest claim seen of every row of ours; rows that could not be read keep their marks."""
    places = index(fabric)
    hidden = frozenset(view.unnoted)
    ours = (row for row in view.rows if row.member in places and row.source is not Source.LEVER and row.row not in hidden)
    seen = {key_of(row.row): mark_of(row) for row in ours}
    return (before | seen) if view.unreadable else seen
