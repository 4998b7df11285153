"""The register protocol alone: shipped code, several proposers, stores in memory, and the faults that a seed draws."""

import time

from pointsman.testing.simulation.registers.schedule import Schedule, Tell
from pointsman.testing.simulation.tally import Tally

__all__ = ["LEVEL", "play", "run"]

LEVEL = "register"


def run(first: int, seeds: int) -> Tally:
    """Play ``seeds`` schedules from the seed ``first`` on, one after the other."""
    tally = Tally(level=LEVEL, first=first)
    began, worked = time.perf_counter(), time.process_time()
    for seed in range(first, first + seeds):
        tally.add(play(seed))
    tally.seconds, tally.processor_seconds = time.perf_counter() - began, time.process_time() - worked
    return tally


def play(seed: int, *, tell: Tell | None = None) -> Tally:
    """Play the schedule of one seed; ``tell`` hears it in words."""
    schedule = Schedule(seed, tell=tell)
    schedule.play()
    return Tally(
        level=LEVEL,
        first=seed,
        schedules=1,
        events=schedule.loop.steps,
        operations=schedule.operations,
        faults=schedule.faults,
        coverage=schedule.coverage,
        violations=schedule.watch.violations,
    )
