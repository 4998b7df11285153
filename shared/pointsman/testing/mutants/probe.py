"""Runs a simulation of whatever package is on the path until it finds a violation; started as a process of its own."""

import importlib
import json
import sys
from collections.abc import Callable

from pointsman.testing.simulation.tally import Tally

PACKAGES = {"register": "pointsman.testing.simulation.registers", "system": "pointsman.testing.simulation.system"}
"""The simulation of each level; each has ``run(first, seeds) -> Tally``."""


def simulation(level: str) -> Callable[[int, int], Tally]:
    """Give the simulation of a level."""
    run: Callable[[int, int], Tally] = importlib.import_module(PACKAGES[level]).run
    return run


def first_violation(level: str, first: int, seeds: int) -> dict[str, object] | None:
    """Play seed after seed; give the first violation, None when there is none."""
    run = simulation(level)
    for seed in range(first, first + seeds):
        if violations := run(seed, 1).document()["violations"]:
            found: dict[str, object] = violations[0]
            return found
    return None


if __name__ == "__main__":
    sys.stdout.write(json.dumps(first_violation(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
