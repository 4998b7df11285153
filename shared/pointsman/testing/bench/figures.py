"""Figures of a series, and how they are told: milliseconds, ratios, bars."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.core.values import Frozen


class Bar(Frozen):
    """A bound that a figure is held against: ``name`` says of what, ``limit`` is the most it may be."""

    name: str
    found: float | None
    limit: float

    @property
    def holds(self) -> bool:
        """Say whether the figure was found and keeps within the limit."""
        return self.found is not None and self.found <= self.limit


def percentile(values: Sequence[float], share: float) -> float:
    """Give the smallest value that at least ``share`` (above 0, to 1) of the values do not exceed. Raises ValueError on none."""
    if not values:
        raise ValueError("no values were measured")
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]


def spread(seconds: Sequence[float]) -> dict[str, Any]:
    """Tell a series: how many, p50, p95 and p99, in milliseconds."""
    marks = {f"p{round(share * 100)}_ms": round(percentile(seconds, share) * 1000, 3) for share in (0.5, 0.95, 0.99)}
    return {"count": len(seconds), **marks}


def middle(seconds: Sequence[float]) -> dict[str, Any]:
    """Tell a short series: how many, median, least and most, in milliseconds."""
    return {
        "count": len(seconds),
        "median_ms": round(median(seconds) * 1000, 1),
        "least_ms": round(min(seconds) * 1000, 1),
        "most_ms": round(max(seconds) * 1000, 1),
    }


def median(values: Sequence[float]) -> float:
    """Give the middle value, or the mean of the two middle ones. Raises ValueError on none."""
    if not values:
        raise ValueError("no values were measured")
    ranked, half = sorted(values), len(values) // 2
    return ranked[half] if len(ranked) % 2 else (ranked[half - 1] + ranked[half]) / 2


def ratio(found: float | None, beside: float | None) -> float | None:
    """Give how many times ``beside`` a figure is; None where either was not measured or is nothing."""
    return None if found is None or not beside else round(found / beside, 2)


def told(bars: Sequence[Bar]) -> list[Mapping[str, Any]]:
    """Write bars as JSON has them."""
    return [{"name": one.name, "found": one.found, "limit": one.limit, "holds": one.holds} for one in bars]
