"""Sighting rows: the newest claim wins, and no clock that runs ahead can block a row."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from pointsman.core.sightings import Sighting

GRAIN = timedelta(seconds=1)
"""A store's time is given in whole seconds (HTTP Date): so far ahead of it a claim may be and still be right."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CALENDAR_END = 253_402_300_800 * 1_000_000


def clamped(seen_at: datetime, store_time: datetime | None) -> datetime:
    """Give a claim's time, brought back to the store's own when it lies ahead of that; unchanged without a store time."""
    return store_time if store_time is not None and ahead(seen_at, store_time) else seen_at


def ahead(seen_at: datetime, store_time: datetime) -> bool:
    """Say whether a time lies ahead of the store's by more than its grain."""
    return seen_at > store_time + GRAIN


def winning(claim: Sighting, held: datetime | None, store_time: datetime | None) -> Sighting | None:
    """Give the claim as it is to be written over a row that holds a claim of time ``held``, or None to leave the row.

    An equal or older claim leaves it. A held time that lies ahead of the store's was never clamped, and gives way.
    """
    seen_at = clamped(claim.seen_at, store_time)
    stuck = held is not None and store_time is not None and ahead(held, store_time)
    if held is not None and not stuck and seen_at <= held:
        return None
    return claim if seen_at == claim.seen_at else msgspec.structs.replace(claim, seen_at=seen_at)


def newest(claims: Iterable[Sighting]) -> dict[str, Sighting]:
    """Keep the newest claim per row; of equal times the first."""
    kept: dict[str, Sighting] = {}
    for claim in claims:
        if claim.row not in kept or claim.seen_at > kept[claim.row].seen_at:
            kept[claim.row] = claim
    return kept


def micros(instant: datetime) -> int:
    """Give an instant as microseconds since 1970, exactly."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def instant(count: object) -> datetime | None:
    """Read an instant back; None for anything that is not one."""
    return _EPOCH + timedelta(microseconds=count) if isinstance(count, int) and 0 <= count < _CALENDAR_END else None
