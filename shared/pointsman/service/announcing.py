"""A person's word on maintenance: announce a window, take one back, list them. It is written for both clouds, and what could not be is named."""

import asyncio
import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pointsman.core.errors import Refused, Transient
from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.members import link_key
from pointsman.core.nearness import meant
from pointsman.core.rows import newest
from pointsman.core.sightings import Sighting, Vantage, Window
from pointsman.core.values import Frozen, digest, replace
from pointsman.core.windows import FORESEEN, LONGEST, TEXT_KEPT, in_utc, is_over, is_overruled, placed, row_of, span_of, taken_by
from pointsman.ports.stores import RowsRead, RowUnreadable, StoreDown, StoreUnsure
from pointsman.service.repair import survey
from pointsman.service.status import ROWS_SECONDS, Table

ID_LENGTH = 8
_MICROSECOND = timedelta(microseconds=1)


class Announced(Frozen):
    """One window as it stands: ``until`` is until when it is believed, ``withdrawn`` by whom it was taken back ("" by nobody)."""

    id: str
    by: str
    links: tuple[str, ...]
    start: datetime | None
    until: datetime | None
    what: str = ""
    author: str = ""
    withdrawn: str = ""
    over: bool = False


class Listed(Frozen):
    """All windows that the rows of both clouds tell of, the nearest first; ``missed`` are the clouds whose rows could not be read."""

    windows: tuple[Announced, ...]
    missed: tuple[Cloud, ...] = ()


class Written(Frozen):
    """What became of a person's word: the window, and ``missed``, by cloud why its store did not take it."""

    window: Announced
    missed: dict[Cloud, str] = {}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A window as a person asks for it, with times of any zone."""

    link: str
    start: datetime
    end: datetime
    author: str
    reason: str


async def add(table: Table, wish: Wish) -> Written:
    """Announce a window on a link. Raises ``Refused`` for one that cannot be, ``Transient`` when no store could be reached."""
    wish = _in_utc(wish)
    read, now = await _read(table)
    why = refusal(table.fabric, wish, now)
    if why:
        raise Refused(why)
    window = Window(
        key=f"{wish.link} {wish.start:%FT%TZ} {wish.end:%FT%TZ}",
        members=(link_key(wish.link),),
        start=wish.start,
        end=wish.end,
        what=wish.reason[:TEXT_KEPT],
        author=wish.author[:TEXT_KEPT],
    )
    return await _write(table, read, window, now)


def _in_utc(wish: Wish) -> Wish:
    """Give a wish with its times in UTC, in which they are named and kept. Raises ``Refused`` for a time that names no instant."""
    if wish.start.tzinfo is None or wish.end.tzinfo is None:
        raise Refused("a window's times name their zone: add Z for UTC, or an offset as in +01:00")
    try:
        return dataclasses.replace(wish, start=wish.start.astimezone(UTC), end=wish.end.astimezone(UTC))
    except OverflowError as error:
        raise Refused("a window's times are beyond every calendar: announce one that is nearer") from error


def refusal(fabric: Fabric, wish: Wish, now: datetime) -> str:
    """Say why a window cannot be announced; "" when it can."""
    names = [link.name for link in fabric.links]
    if wish.link not in names:
        return f"there is no link {wish.link[:TEXT_KEPT]} in this fabric: {meant(wish.link, names)}"
    if wish.end <= wish.start:
        swapped = f"before it starts at {wish.start:%FT%TZ}: swap --from and --to"
        return f"the window ends at {wish.end:%FT%TZ}, {swapped if wish.end < wish.start else 'when it starts: give a later --to'}"
    if wish.end <= now:
        return f"the window ended at {wish.end:%FT%TZ}, and it is {now:%FT%TZ} now: announce one that is still to end"
    if wish.end - wish.start > LONGEST:
        return f"the window lasts longer than {LONGEST.days} days, which is as long as one is believed: announce several"
    if wish.start - now > FORESEEN:
        return f"the window starts more than {FORESEEN.days} days from now: announce it when it is nearer"
    return "" if wish.author.strip() and wish.reason.strip() else "a window names who announces it and why: give --author and --reason"


async def cancel(table: Table, name: str, *, author: str, reason: str) -> Written:
    """Take a window back: a person's own, or set aside what a cloud announced; again where a store missed it. Raises ``Refused`` when there is none of that name."""
    read, now = await _read(table)
    rows = _rows(read.values())
    row = next((one for one in rows if _name(one) == name), None)
    if row is None or row.window is None:
        raise Refused(f"there is no window {name[:TEXT_KEPT]}: pointsman window list names those there are")
    word = next((one for one in rows if one.window is not None and (_sets_aside(one, row) or one is row) and _takes_back(one)), None)
    if word is not None and any(cloud not in read or word not in read[cloud].rows for cloud in Cloud):
        return await _kept(table, (word,), (*rows, word), now)
    if is_over(row, now) or is_overruled(row, rows):
        raise Refused(f"the window {name} is over or taken back already: nothing is to be done")
    window = replace(row.window, withdrawn=True, what=reason[:TEXT_KEPT], author=author[:TEXT_KEPT])
    return await _write(table, read, window, max(now, row.seen_at + _MICROSECOND))


async def listed(table: Table) -> Listed:
    """List the windows that are still to end, or were taken back before their end."""
    read, now = await _read(table)
    rows = _rows(read.values())
    told = [_told(table.fabric, row, rows, now) for row in rows if not _is_word(row)]
    kept = [one for one in told if not one.over]
    return Listed(
        windows=tuple(sorted(kept, key=lambda one: (one.start or now, one.id))), missed=tuple(cloud for cloud in Cloud if cloud not in read)
    )


def _told(fabric: Fabric, row: Sighting, rows: Iterable[Sighting], now: datetime) -> Announced:
    window, span = row.window, span_of(row)
    assert window is not None, "only windows are told"
    by = next((one for one in rows if one.window is not None and _sets_aside(one, row)), row)
    start = row.seen_at if window.start is None else in_utc(window.start)
    return Announced(
        id=_name(row),
        by=row.vantage.value,
        links=tuple(sorted(taken_by(fabric, row))),
        start=start,
        until=span.until if span is not None else window.end,
        what=window.what,
        author=window.author,
        withdrawn=_by_whom(by),
        over=now >= (span.until if span is not None else window.end or start),
    )


def _is_word(row: Sighting) -> bool:
    """Say whether a row only sets aside what a cloud announced."""
    named = row.window.members if row.window is not None else ()
    return row.vantage is Vantage.OPERATOR and not any(one.startswith(link_key("")) for one in named)


def _sets_aside(word: Sighting, row: Sighting) -> bool:
    return word.row != row.row and is_overruled(row, (word,))


def _takes_back(row: Sighting) -> bool:
    """Say whether a row is a person's word that takes a window back."""
    return row.vantage is Vantage.OPERATOR and row.window is not None and row.window.withdrawn


def _by_whom(row: Sighting) -> str:
    assert row.window is not None, "only windows are told"
    return (row.window.author or row.vantage.value) if row.window.withdrawn else ""


def _name(row: Sighting) -> str:
    """Name a window by what announced it and its key: short enough to type, the same for every version."""
    assert row.window is not None, "only windows have names"
    by = row.window.key if row.vantage is Vantage.OPERATOR else f"{row.vantage} {row.window.key}"
    return digest(by.encode())[:ID_LENGTH]


async def _read(table: Table) -> tuple[dict[Cloud, RowsRead], datetime]:
    """Read each cloud's rows, and the time, of which all stores are asked: with one of two clocks wrong nobody could tell which."""
    reading, found = await asyncio.gather(
        survey(table.registers, f"plan/{table.fabric.name}"), asyncio.gather(*(_rows_of(table, cloud) for cloud in Cloud))
    )
    read = {cloud: one for cloud, one in zip(Cloud, found, strict=True) if one is not None}
    if not read:
        raise Transient("neither cloud's rows can be read from here: see pointsman status for what can be reached, and try again")
    return read, table.time(reading)


async def _rows_of(table: Table, cloud: Cloud) -> RowsRead | None:
    try:
        async with asyncio.timeout(ROWS_SECONDS):
            return await table.own(cloud).rows(cloud)
    except (StoreDown, StoreUnsure, RowUnreadable, TimeoutError):
        return None


def _rows(read: Iterable[RowsRead]) -> tuple[Sighting, ...]:
    """Give the newest version of every window's row."""
    return tuple(row for _, row in sorted(newest(row for one in read for row in one.rows if row.window is not None).items()))


async def _write(table: Table, read: dict[Cloud, RowsRead], window: Window, at: datetime) -> Written:
    """Write a person's window for every cloud that can be reached, in the same place; at a time after whatever stands there."""
    before = _rows(read.values())
    same = [one.seen_at for one in before if one.vantage is Vantage.OPERATOR and one.window is not None and one.window.key == window.key]
    row = row_of(Vantage.OPERATOR, window, max([at, *(one + _MICROSECOND for one in same)]))
    rows, refused = placed((row,), before, at, anew=True)
    if refused:
        raise Refused(refused[0])
    return await _kept(table, rows, (*before, *rows), at)


async def _kept(table: Table, rows: tuple[Sighting, ...], known: Iterable[Sighting], at: datetime) -> Written:
    """Have both clouds' stores keep a row that has its place. Raises ``Transient`` when neither does."""
    faults = await asyncio.gather(*(_noted(table, cloud, rows) for cloud in Cloud))
    missed = {cloud: why for cloud, why in zip(Cloud, faults, strict=True) if why}
    if len(missed) == len(Cloud):
        raise Transient(f"no store took the window, so nothing is announced: {'; '.join(missed.values())}")
    return Written(window=_told(table.fabric, rows[0], tuple(known), at), missed=missed)


async def _noted(table: Table, cloud: Cloud, rows: tuple[Sighting, ...]) -> str:
    """Write rows under a cloud's prefix; gives why its store took none, or ""."""
    try:
        async with asyncio.timeout(ROWS_SECONDS):
            await table.own(cloud).note(cloud, rows)
    except TimeoutError:
        return f"{cloud}'s store took nothing within {ROWS_SECONDS:g} s"
    except (StoreDown, StoreUnsure, RowUnreadable) as error:
        return str(error)
    return ""
