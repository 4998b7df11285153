"""Sighting rows: the newest claim wins, of equal times the worse, and no clock that runs ahead can block a row."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from pointsman.core.sightings import Health, Sighting
from pointsman.core.values import canonical, digest, replace

GRAIN = timedelta(seconds=1)
"""A store's time is given in whole seconds (HTTP Date): so far ahead of it a claim may be and still be right."""
FAR_OFF = timedelta(minutes=1)
"""How far a store's time may lie from the agreed one before it is told: claims are clamped by it, and age by it."""

STEP = timedelta(milliseconds=1)
"""By how much a word that unsays another of its row is later at least."""

_FIRST = datetime.min.replace(tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DIGITS = 18
"""Of a count of microseconds since the year 1, up to the calendar's end."""
SEVERITY = {Health.UNKNOWN: 0, Health.UP: 1, Health.DRAINING: 2, Health.DEGRADED: 3, Health.DOWN: 4}
"""Which of two claims of one instant stands: the graver."""


def rank(claim: Sighting) -> str:
    """Give a claim's place among those of its row, as text that sorts: the newer, of equal times the worse.

    Cause and figure come last, so that only equal claims rank equal: which of several stands never depends on their order.
    """
    figure = "" if claim.value is None else float(claim.value)
    announced = "" if claim.window is None else f".{digest(canonical(claim.window))}"
    said = f".{digest(claim.text.encode())}" if claim.text else ""
    return f"{_micros(claim.seen_at):0{_DIGITS}d}.{SEVERITY[claim.health]}.{claim.cause}.{figure}{announced}{said}"


def outranks(claim: Sighting, other: Sighting) -> bool:
    """Say whether a claim ranks above another of its row."""
    if claim is other or claim.seen_at != other.seen_at:
        return claim.seen_at > other.seen_at
    return rank(claim) > rank(other)


def standing(held: object, store_time: datetime | None) -> str | None:
    """Give the rank that a row holds, None where it blocks no claim.

    That is no rank at all, and one of a time ahead of the store's: such a time was never clamped.
    """
    if not isinstance(held, str) or not (held[:_DIGITS].isascii() and held[:_DIGITS].isdecimal()):
        return None
    stuck = store_time is not None and int(held[:_DIGITS]) > _micros(store_time) + GRAIN // _MICROSECOND
    return None if stuck else held


def clamped(seen_at: datetime, store_time: datetime | None) -> datetime:
    """Give a claim's time, brought back to the store's own when it lies ahead of that; unchanged without a store time."""
    return store_time if store_time is not None and seen_at - store_time > GRAIN else seen_at


def winning(claim: Sighting, held: object, store_time: datetime | None) -> Sighting | None:
    """Give the claim as it is to be written over a row that holds the rank ``held``, or None to leave the row as it is."""
    seen_at, stands = clamped(claim.seen_at, store_time), standing(held, store_time)
    placed = claim if seen_at == claim.seen_at else replace(claim, seen_at=seen_at)
    return placed if stands is None or rank(placed) > stands else None


def following(claim: Sighting, held: Sighting | None) -> Sighting:
    """Date a claim that unsays what its row holds after that, though by the own time it may not be: stores tell it in whole seconds."""
    return claim if held is None or claim.seen_at > held.seen_at else replace(claim, seen_at=held.seen_at + STEP)


def newest(claims: Iterable[Sighting]) -> dict[str, Sighting]:
    """Keep, per row, the claim that ranks highest."""
    kept: dict[str, Sighting] = {}
    for claim in claims:
        row = claim.row
        held = kept.get(row)
        if held is None or (held is not claim and outranks(claim, held)):
            kept[row] = claim
    return kept


def _micros(instant: datetime) -> int:
    return (instant - _FIRST) // _MICROSECOND
