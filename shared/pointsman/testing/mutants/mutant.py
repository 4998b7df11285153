"""What a mutant is."""

from enum import StrEnum

from pointsman.core.values import Frozen


class Level(StrEnum):
    """Which simulation must notice it."""

    REGISTER = "register"
    SYSTEM = "system"


SEEDS_LIMIT = {Level.REGISTER: 10_000, Level.SYSTEM: 2_000}
"""Schedules within which a mutant must be noticed."""


class Mutant(Frozen):
    """One defect: in ``file`` (below the package's folder) the text ``old``, found exactly once, becomes ``new``, and so each pair of ``also``."""

    name: str
    file: str
    old: str
    new: str
    level: Level
    also: tuple[tuple[str, str], ...] = ()


class Kill(Frozen):
    """How a mutant was noticed: ``seeds`` is how many schedules that took, from the hunt's first seed on."""

    mutant: str
    level: Level
    seed: int
    seeds: int
    invariant: str
    what: str


class MutantMisfit(ValueError):
    """A mutant does not fit the code: the text says which, and what to do."""
