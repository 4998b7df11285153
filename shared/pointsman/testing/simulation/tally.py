"""What a run of many seeds found: how much was played, what was done to it, and what broke."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pointsman.core.values import Frozen


class Violation(Frozen):
    """One invariant that did not hold in one schedule; ``what`` says it in words."""

    seed: int
    invariant: str
    what: str


@dataclass
class Tally:
    """Sums over schedules.

    ``events`` are deliveries to functions, ``operations`` requests to stores, levers, lookers and desks; ``faults``
    counts what was injected, by kind; ``coverage`` counts (await site, fault kind); ``seconds`` are real ones, ``processor_seconds``
    those that one core worked, added up over processes.
    """

    level: str
    first: int
    schedules: int = 0
    events: int = 0
    operations: int = 0
    seconds: float = 0.0
    processor_seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    coverage: Counter[tuple[str, str]] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Take in what another run of the same level found."""
        self.schedules += other.schedules
        self.events += other.events
        self.operations += other.operations
        self.seconds += other.seconds
        self.processor_seconds += other.processor_seconds
        self.faults.update(other.faults)
        self.coverage.update(other.coverage)
        self.violations += other.violations

    def document(self) -> dict[str, Any]:
        """Give everything as JSON holds it, with how many schedules a second of the clock takes, and one of a core's work."""
        return {
            "level": self.level,
            "first": self.first,
            "schedules": self.schedules,
            "events": self.events,
            "operations": self.operations,
            "seconds": round(self.seconds, 3),
            "schedules_per_second": round(self.schedules / self.seconds, 1) if self.seconds else None,
            "processor_seconds": round(self.processor_seconds, 3),
            "schedules_per_core_second": round(self.schedules / self.processor_seconds, 1) if self.processor_seconds else None,
            "faults": dict(sorted(self.faults.items())),
            "coverage": {f"{site} x {fault}": hits for (site, fault), hits in sorted(self.coverage.items())},
            "violations": [{"seed": one.seed, "invariant": one.invariant, "what": one.what} for one in self.violations],
        }
