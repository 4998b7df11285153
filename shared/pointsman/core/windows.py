"""Maintenance windows: announcements become rows, and what of them is believed, per link, is bounded.

A window is believed until its end however old its row is, and no longer: whatever a feed says, suppression ends. Rows
claim nothing of health. One announcement has one row, which its later versions replace; there is a fixed number of places
for them, so that announcements can never fill a store.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pointsman.core.fabric import Fabric, Link, LinkName, MemberId
from pointsman.core.marks import key_of, mark_of
from pointsman.core.members import places
from pointsman.core.plan import Maintenance
from pointsman.core.sightings import Aspect, Cause, Health, Notice, Sighting, Source, Vantage, Window
from pointsman.core.values import replace

LONGEST = timedelta(days=7)
"""How long a window is believed at most, counted from its start; windows that join count as one until then, and as another from then on."""
UNENDED = timedelta(hours=4)
"""How long a window is believed whose announcement names no end."""
UNSTARTED = timedelta(minutes=15)
"""How long a notice excuses a link that names no start: it tells of something short that has begun, as a router's restart."""
FORESEEN = timedelta(days=30)
"""How far ahead a window may start and be believed; one further ahead is looked at again when it is nearer."""
PLACES = 64
"""Places for the announcements that one vantage makes; at the bound a new one is refused, and said so."""
MEMBERS_KEPT = 64
"""Members of ours that one announcement may name; the others are dropped."""
TEXT_KEPT = 200
_PLACE = "window/"


def from_notice(fabrics: Iterable[Fabric], notice: Notice) -> Sighting | None:
    """Make a row of an announced maintenance that names something of ours; None for any other notice. It has no place yet."""
    known = {key for fabric in fabrics for key in places(fabric)}
    members = tuple(dict.fromkeys(one for one in notice.members if one in known))[:MEMBERS_KEPT]
    if notice.cause is not Cause.MAINTENANCE or not members:
        return None
    about = notice.about or notice.key or f"{notice.what} {' '.join(members)} {notice.start}"
    what = (notice.text or notice.what)[:TEXT_KEPT]
    window = Window(key=about, members=members, start=notice.start, end=notice.end, what=what, withdrawn=notice.withdrawn)
    return row_of(notice.vantage, window, notice.seen_at)


def row_of(vantage: Vantage, window: Window, seen_at: datetime) -> Sighting:
    """Make a window's row, which has no place yet. Of two versions of one instant the withdrawn one stands."""
    return Sighting(
        vantage=vantage,
        member=_PLACE,
        source=Source.NOTICE,
        aspect=Aspect.LINK,
        health=Health.UP if window.withdrawn else Health.UNKNOWN,
        seen_at=seen_at,
        cause=Cause.MAINTENANCE,
        window=window,
    )


def placed(
    rows: Sequence[Sighting], held: Iterable[Sighting], now: datetime, *, anew: bool = False
) -> tuple[tuple[Sighting, ...], tuple[str, ...]]:
    """Give each row the place of its announcement, or a free one, and leave out what is known; names those there is no room for.

    ``anew`` keeps what is known too: some store may lack it.
    """
    taken = {row.row: row for row in held if row.window is not None}
    found: list[Sighting] = []
    refused: list[str] = []
    for row in rows:
        one = _in_place(row, taken, now)
        if one is None:
            refused.append(f"no room for {_named(row)}: {PLACES} windows of {row.vantage} are still to end")
        elif anew or one.row not in taken or taken[one.row].window != one.window:
            taken[one.row] = one
            found.append(one)
    return tuple(found), tuple(refused)


def _in_place(row: Sighting, taken: Mapping[str, Sighting], now: datetime) -> Sighting | None:
    """Find the place of an announcement: its own, else an empty one, else one of a window that is over."""
    assert row.window is not None, "only windows have places"
    first = zlib.crc32(row.window.key.encode()) % PLACES
    free: list[Sighting] = []
    over: list[Sighting] = []
    for number in range(PLACES):
        one = replace(row, member=f"{_PLACE}{(first + number) % PLACES:02d}")
        there = taken.get(one.row)
        if there is None:
            free.append(one)
        elif there.window is not None and there.window.key == row.window.key:
            return one
        elif _is_spent(there, now) and there.seen_at < row.seen_at:
            over.append(one)
    return next(iter((*free, *over)), None)


def _is_spent(row: Sighting, now: datetime) -> bool:
    """Say whether a row's place is free again: one that takes a window back is needed for as long as that would count."""
    assert row.window is not None, "only windows have places"
    return is_over(replace(row, window=replace(row.window, withdrawn=False)), now)


def _named(row: Sighting) -> str:
    assert row.window is not None, "only windows are named"
    return f"{row.window.what or 'maintenance'} from {_spoken(row.window.start)} to {_spoken(row.window.end)}"


def _spoken(at: datetime | None) -> str:
    return f"{at:%FT%TZ}" if at else "an unnamed time"


class Span(NamedTuple):
    """What is believed of one announcement; ``leaves`` is False for what only explains."""

    start: datetime
    until: datetime
    leaves: bool = True


def span_of(row: Sighting) -> Span | None:
    """Bound what an announcement says; None for a withdrawn one, and for one that ends before it starts."""
    window = row.window
    if window is None or window.withdrawn:
        return None
    last = None if window.end is None else in_utc(window.end)
    if window.start is None:
        return Span(row.seen_at, _after(row.seen_at, UNSTARTED, last), leaves=False)
    start = in_utc(window.start)
    end = _after(start, UNENDED if last is None else LONGEST, last)
    return Span(start, end) if end > start else None


def in_utc(at: datetime) -> datetime:
    """Give an instant of any zone in UTC, as it is spoken of and kept in plans; one that UTC's calendar lacks stays as it is."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return at


def _after(start: datetime, longest: timedelta, end: datetime | None) -> datetime:
    """Give the end, or where that is missing or too far off the bound; a calendar's last days have no bound but the end."""
    try:
        bound = start + longest
    except OverflowError:
        return start
    return bound if end is None else min(end, bound)


def is_over(row: Sighting, now: datetime) -> bool:
    """Say whether a window's row tells of nothing that is still to come."""
    span = span_of(row)
    return span is None or span.until <= now


class Stay(NamedTuple):
    """A span with the rows that it stands on, of members of one link."""

    start: datetime
    until: datetime
    rows: tuple[Sighting, ...]


Told = dict[LinkName, list[tuple[frozenset[MemberId], Stay]]]
"""By link, which members are to be away when."""


def told_by_link(fabric: Fabric, rows: Iterable[Sighting], now: datetime) -> Told:
    """Sort what is believed of all announcements by the links that it takes; empty while nothing is announced."""
    found: Told = {}
    windows = [row for row in rows if row.window is not None]
    announced = [(row, span) for row in windows if (span := span_of(row)) is not None and span.leaves]
    for row, span in announced:
        if is_overruled(row, windows):
            continue
        if span.start <= now + FORESEEN:  # one that is over counts too: it may be where a chain of them began
            for link, members in taken_by(fabric, row).items():
                found.setdefault(link, []).append((members, Stay(span.start, span.until, (row,))))
    return found


def is_overruled(row: Sighting, rows: Iterable[Sighting]) -> bool:
    """Say whether a person set an announcement aside, as it stands: a later version of it counts again."""
    return any(_overrules(one, row) for one in rows if one.vantage is Vantage.OPERATOR)


def _overrules(word: Sighting, row: Sighting) -> bool:
    if word.window is None or row.window is None or word.row == row.row:
        return False
    return word.window.withdrawn and word.window.key == row.window.key and row.seen_at <= word.seen_at


def taken_by(fabric: Fabric, row: Sighting) -> dict[LinkName, frozenset[MemberId]]:
    """Name the members that an announcement takes, by link; a key of a link, or its name, takes them all."""
    known, found = places(fabric), dict[LinkName, frozenset[MemberId]]()
    for key in row.window.members if row.window is not None else ():
        for ref in known.get(key, ()):
            named = (member.id for member in fabric.link(ref.link).members) if ref.member is None else (ref.member,)
            found[ref.link] = found.get(ref.link, frozenset()) | frozenset(named)
    return found


def near(fabric: Fabric, link: Link, told: Told, now: datetime) -> Maintenance | None:
    """Say what members of a link are to be left now for windows that run or start within the lead; None while none is.

    Windows of one member that overlap, or leave too short a pause to return in, are one. The whole link is left while
    all its members would be away at once, and until the first of them is back.
    """
    if link.name not in told:
        return None
    lead, pause = fabric.policy.maintenance.lead, _pause(fabric)
    away: dict[MemberId, Stay] = {}
    for member in link.members:
        stays = sorted((stay for names, stay in told.get(link.name, ()) if member.id in names), key=_order)
        running = next((stay for stay in _joined(stays, pause) if stay.start <= now + lead and now < stay.until), None)
        away |= {} if running is None else {member.id: running}
    if not away:
        return None
    whole = len(away) == len(link.members)
    marks = {key_of(row.row): mark_of(row) for stay in away.values() for row in stay.rows}
    return Maintenance(
        start=(max if whole else min)(stay.start for stay in away.values()),
        until=min(stay.until for stay in away.values()),
        away=() if whole else tuple(sorted(away)),
        by=dict(sorted(marks.items())),
    )


def _pause(fabric: Fabric) -> timedelta:
    """Give the longest pause between two windows that is too short to return in, or to go elsewhere for."""
    return fabric.policy.maintenance.lead + fabric.policy.hold_down


def follows(fabric: Fabric, link: Link, told: Told, window: Maintenance, now: datetime) -> datetime | None:
    """Say when all members of a link are to be away so soon after another's window begins that it is no place to go to for that.

    None while they are not, and where the other's window is over by then.
    """
    last = max(window.start, now) + _pause(fabric)
    begun = sorted({stay.start for _, stay in told.get(link.name, ()) if now < stay.start <= last and stay.start < window.until})
    found = (near(fabric, link, told, start) for start in begun)
    return next((one.start for one in found if one is not None and not one.away), None)


def _order(stay: Stay) -> tuple[datetime, datetime, str]:
    return stay.start, stay.until, stay.rows[0].row


def _joined(stays: Sequence[Stay], pause: timedelta) -> list[Stay]:
    """Join what overlaps or leaves a pause of no more than this; what is joined lasts no longer than one window may.

    What is announced beyond that is another stay, so that no window ends before its own bound.
    """
    found: list[Stay] = []
    for stay in stays:
        last = found[-1] if found else None
        if last is None or stay.start - last.until > pause:
            found.append(stay)
            continue
        bound = last.start + LONGEST
        found[-1] = Stay(last.start, min(max(last.until, stay.until), bound), (*last.rows, *stay.rows))
        if stay.until > bound:
            found.append(Stay(max(bound, stay.start), stay.until, stay.rows))
    return found


def covers(rows: Iterable[Sighting], agreed: Maintenance) -> bool:
    """Say whether rows show every announcement that an agreed window stands on, as it was then or later."""
    seen = {key_of(row.row): mark_of(row) for row in rows if row.window is not None}
    return all(seen.get(key, -1) >= mark for key, mark in agreed.by.items())


def excuses(fabric: Fabric, link: LinkName, rows: Iterable[Sighting], now: datetime) -> str:
    """Say what short maintenance, which names no start, explains trouble of a link right now; "" when none does."""
    windows = ((row, span_of(row)) for row in rows if row.window is not None)
    short = ((row, span) for row, span in windows if span is not None and not span.leaves and span.start <= now < span.until)
    found = [(span.start, row.vantage) for row, span in short if link in taken_by(fabric, row)]
    if not found:
        return ""
    start, vantage = min(found)
    return f"{vantage} told of maintenance at {start:%FT%TZ}"


def announced(fabric: Fabric, link: LinkName, rows: Iterable[Sighting], now: datetime) -> tuple[str, ...]:
    """Say every window of a link that is still to end: by whom, when, and in what words."""
    windows = [row for row in rows if row.window is not None]
    counting = (row for row in windows if not is_over(row, now) and not is_overruled(row, windows) and link in taken_by(fabric, row))
    return tuple(f"{row.vantage}: {_named(row)}" for row in sorted(counting, key=lambda one: (_from(one), one.row)))


def _from(row: Sighting) -> datetime:
    assert row.window is not None, "only windows begin"
    return row.window.start or row.seen_at
