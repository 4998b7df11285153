"""Announced maintenance into the record: notices become rows of the own cloud's store, which both clouds read.

A reaction never waits for it: no window is so near that a sweep comes too late.
"""

from collections.abc import Iterable, Sequence

from pointsman.core.errors import Transient
from pointsman.core.sightings import Notice, Sighting
from pointsman.core.windows import from_notice, placed
from pointsman.ports.clouds import Announcer
from pointsman.ports.stores import Rows, RowUnreadable, StoreDown, StoreUnsure
from pointsman.service.gather import note
from pointsman.service.house import House

ASKED_EVERY = 5
"""Sweeps (minutes) from one reading of what a cloud announces without an event to the next."""
ASKED_MINUTE = 3
"""In which of them it is read: beside neither audit."""


async def told(house: House, notices: Sequence[Notice]) -> tuple[tuple[Sighting, ...], tuple[str, ...]]:
    """Make rows of the notices that announce, change or take back maintenance of ours, without what the rows hold already.

    Gives also what there is no room for, in words. Raises ``Transient`` when it cannot be known which rows there are.
    """
    rows = [row for notice in notices if (row := from_notice(house.fabrics, notice)) is not None]
    if not rows:
        return (), ()
    return placed(rows, await _held(house), house.clock.now())


async def overtaken(house: House, rows: Sequence[Sighting]) -> str:
    """Say which announcements lost their place to another that found it free at the same time, so that they come again; "" when none did."""
    held = {row.row: row for row in await _held(house)}
    lost = [row for row in rows if (there := held.get(row.row)) is not None and _key(there) != _key(row)]
    return "; ".join(f"another announcement took the place of {_key(row)}: deliver it again" for row in lost)


def _key(row: Sighting) -> str:
    return row.window.key if row.window is not None else ""


async def _held(house: House) -> Iterable[Sighting]:
    """Read the own cloud's rows, from the witness when its own store gives none."""
    await house.loaded()
    for store in (house.rows[house.here], house.witness):
        found = None if store is None else await _read(store, house)
        if found is not None:
            return found
    raise Transient("no store gives this cloud's rows, so the announcement has no place yet: deliver it again")


async def _read(store: Rows, house: House) -> tuple[Sighting, ...] | None:
    try:
        return (await store.rows(house.here)).rows
    except (StoreDown, StoreUnsure, RowUnreadable):
        return None  # the caller asks the next one


async def asked_if_due(house: House) -> tuple[str, ...]:
    """Ask a cloud that announces maintenance without an event, if it is this sweep's turn; gives what went wrong, in words."""
    if not isinstance(house.looker, Announcer) or int(house.clock.now().timestamp()) // 60 % ASKED_EVERY != ASKED_MINUTE:
        return ()
    try:
        rows, refused = await told(house, await house.looker.notices())
    except Transient as error:
        return (f"announced maintenance was not read: {error}",)
    trouble = await note(house, rows)
    return (*refused, *((f"announced maintenance was not noted: {trouble}",) if trouble else ()))
