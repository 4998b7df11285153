"""How long rows are waited for: not long while somebody else may tell them, and as long as registers are once nobody does sooner."""

import asyncio
from collections.abc import Sequence

from pointsman.core.fabric import Cloud
from pointsman.core.sightings import Sighting
from pointsman.ports.stores import Rows, RowsRead, RowUnreadable, StoreDown, StoreUnsure
from pointsman.service.house import House

ROWS_SECONDS = 1.0
"""How long a reaction waits for rows: a store that keeps silent longer is unreadable to this pass."""
SLOW_ROWS_SECONDS = 3.0
"""How long it waits for them when every place that holds rows took longer than that lately: a plan could be agreed all the same, and on nothing."""


async def note_in(house: House, rows: Rows, claims: Sequence[Sighting]) -> str:
    """Write claims into one place; gives why it did not take them, or ""."""
    await _ready(house, rows)
    began, patience = house.clock.monotonic(), _patience(house)
    try:
        async with asyncio.timeout(patience):
            await rows.note(house.here, claims)
    except TimeoutError:
        house.silent.add(rows.name)
        return f"{rows.name} took no claims within {patience} s"
    except (StoreDown, StoreUnsure, RowUnreadable) as error:
        return str(error)
    _heard(house, rows, began)
    return ""


def known_silent(house: House, cloud: Cloud) -> bool:
    """Say whether a cloud's store kept silent when it was last asked: it is asked again, and waited for no longer than the witness."""
    return house.witness is not None and house.rows[cloud].name in house.silent and not _nobody_sooner(house)


def _nobody_sooner(house: House) -> bool:
    """Say whether nobody is left who would answer sooner: who was not silent could not be read at all."""
    places = (*house.rows.values(), *(() if house.witness is None else (house.witness,)))
    return all(rows.name in house.silent | house.dark for rows in places)


def _patience(house: House) -> float:
    return SLOW_ROWS_SECONDS if _nobody_sooner(house) else ROWS_SECONDS


def _heard(house: House, rows: Rows, began: float) -> None:
    """Note that a place answered; one that is late stays among the silent, so that what it tells is waited for again."""
    if house.clock.monotonic() - began < ROWS_SECONDS:
        house.silent.discard(rows.name)


async def _ready(house: House, rows: Rows) -> None:
    """Begin to count a store's silence only when there is something to speak to it with."""
    if rows is not house.rows[house.here]:
        await house.loaded()


async def read_from(house: House, rows: Rows, cloud: Cloud) -> RowsRead | None:
    """Read a cloud's rows from one place; None when they cannot be had."""
    await _ready(house, rows)
    began, patience = house.clock.monotonic(), _patience(house)
    try:
        async with asyncio.timeout(patience):
            read = await rows.rows(cloud)
    except TimeoutError:
        house.silent.add(rows.name)
        house.dark.add(rows.name)
        return None
    except (StoreDown, StoreUnsure, RowUnreadable):
        house.dark.add(rows.name)
        return None
    _heard(house, rows, began)
    house.dark.discard(rows.name)
    return read
