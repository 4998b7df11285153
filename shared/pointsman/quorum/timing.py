"""The round's time, agreed from the stores' own times."""

from collections.abc import Iterable
from datetime import datetime

WITNESSES = 2
"""Fewer store times than this are no agreement: the caller's own clock counts, and nothing discretionary is done."""


def agreed_time(times: Iterable[datetime], majority: int) -> datetime | None:
    """Give the time by the stores' own; None when fewer than two answered, unless one store is all there is and is trusted by choice."""
    told = tuple(times)
    return min(told) if majority == 1 and told else median_time(told)


def median_time(times: Iterable[datetime]) -> datetime | None:
    """Give the median of the stores' times, the earlier of the two in the middle; None when fewer than two answered."""
    ordered = sorted(times)
    return ordered[(len(ordered) - 1) // 2] if len(ordered) >= WITNESSES else None
