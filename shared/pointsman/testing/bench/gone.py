"""Warm reactions with one of the three stores gone: it keeps silent, as a store behind a broken network does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointsman.boot import loop
from pointsman.core.fabric import Cloud, Fabric, LinkName
from pointsman.testing.bench.bed import Bed, laid
from pointsman.testing.bench.figures import percentile
from pointsman.testing.bench.warm import Reactions
from pointsman.testing.faces.timing import monotonic
from pointsman.testing.proxy import Weather
from pointsman.testing.shaky import SLOTS, Shaky

LEARNING = 3
"""Reactions in which the functions find out that a store keeps silent, before the first that counts."""
READS = 20
"""Reads of each store that its latency is taken from."""


@dataclass
class GoneBed(Shaky, Bed):
    """A bed whose stores can be taken away from the functions alone."""

    def note(self, cloud: Cloud, loss: float, links: Sequence[LinkName] = ()) -> None:
        """Write a prober's rows, as a function does that may not be read where it writes: into the witness too."""
        super().note(cloud, loss, links)
        rows = loop.run(self.stores[cloud.value].rows(cloud)).rows
        loop.run(self.stores["witness"].note(cloud, rows))


def gone(root: Path, folder: Path, fabric: Fabric, count: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Measure ``count`` reactions a cloud with every store there, and with each gone; gives milliseconds. Raises ProcessError."""
    with laid(GoneBed, root, folder, fabric) as bed:
        reactions = Reactions(bed)
        latencies = {slot: _latency(bed, slot) for slot in SLOTS}
        whole = _median(reactions, count)
        found: dict[str, Any] = {"latency_ms": _milliseconds(latencies), "none": {"p50_ms": _milliseconds(whole)}}
        for slot in SLOTS:
            tell(f"warm: with {slot}'s store gone")
            with bed.weather(slot, Weather.SILENT):
                _median(reactions, LEARNING)
                without = _median(reactions, count)
            slowest = max(seconds for name, seconds in latencies.items() if name != slot)
            growth = {cloud: without[cloud] - whole[cloud] for cloud in whole}
            found[slot] = {
                "p50_ms": _milliseconds(without),
                "growth_ms": _milliseconds(growth),
                "slowest_remaining_ms": round(slowest * 1000, 1),
            }
    return found


def _median(reactions: Reactions, count: int) -> dict[str, float]:
    rounds = [{cloud.value: reactions.react(cloud, foreseen=False) for cloud in Cloud} for _ in range(count)]
    return {cloud.value: percentile([one[cloud.value] for one in rounds], 0.5) for cloud in Cloud}


def _latency(bed: GoneBed, slot: str) -> float:
    """Give the median time of one read of a store, in seconds."""
    spent = []
    for _ in range(READS):
        begun = monotonic()
        loop.run(bed.stores[slot].read(bed.plan_register))
        spent.append(monotonic() - begun)
    return percentile(spent, 0.5)


def _milliseconds(seconds: dict[str, float]) -> dict[str, float]:
    return {name: round(value * 1000, 1) for name, value in seconds.items()}
