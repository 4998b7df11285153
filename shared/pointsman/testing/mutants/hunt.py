"""Finds out which schedule notices a mutant, in a process that runs the mutated copy."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from pointsman.core.values import replace
from pointsman.testing.mutants.copies import copied, mutated
from pointsman.testing.mutants.mutant import SEEDS_LIMIT, Kill, Level, Mutant

RECORDED = Path(__file__).with_name("recorded.json")
"""The seed that kills each mutant, as ``hunt`` found it."""
HUNT_SECONDS = 3_600.0
"""Longest that the hunt for one mutant may take."""
REPLAYED = {Level.REGISTER: 600, Level.SYSTEM: 20}
"""Schedules that a replay may take for one mutant: one, unless the code has changed since it was recorded."""
ERROR_LIMIT = 2_000
"""Most that is told of what a simulation said before it broke down, in characters."""


class BrokenDown(RuntimeError):
    """The simulation itself could not run: a mutant must be code that runs."""


def hunt(mutants: Iterable[Mutant], *, first: int = 0) -> Iterable[tuple[Mutant, Kill | None]]:
    """Look for the first schedule that notices each mutant, from the seed ``first`` on and up to the level's limit.

    A schedule that the shipped code fails as well notices nothing: the hunt goes on after it.
    """
    with copied() as folder, copied() as shipped:
        for mutant in mutants:
            with mutated(folder, mutant):
                yield mutant, noticed_alone(folder, shipped, mutant, first)


def noticed_alone(folder: Path, shipped: Path, mutant: Mutant, first: int) -> Kill | None:
    """Look for the first schedule that a mutated copy fails and the shipped one passes."""
    seed, end = first, first + SEEDS_LIMIT[mutant.level]
    while seed < end:
        kill = noticed(folder, mutant, seed, end - seed)
        if kill is None or probed(shipped, mutant.level, kill.seed, 1) is None:
            return kill and replace(kill, seeds=kill.seed - first + 1)
        seed = kill.seed + 1
    return None


def replay(mutants: Iterable[Mutant], recorded: Mapping[str, int]) -> Iterable[tuple[Mutant, Kill | None]]:
    """Play the schedule that is recorded for each mutant, and if that has changed with the code a few more from there on.

    One without a record is not noticed.
    """
    with copied() as folder:
        for mutant in mutants:
            with mutated(folder, mutant):
                seed = recorded.get(mutant.name)
                yield mutant, None if seed is None else noticed(folder, mutant, seed, REPLAYED[mutant.level])


def noticed(folder: Path, mutant: Mutant, first: int, seeds: int) -> Kill | None:
    """Play schedules on a copy until one notices the mutant."""
    found = probed(folder, mutant.level, first, seeds)
    if found is None:
        return None
    seed = int(str(found["seed"]))
    return Kill(
        mutant=mutant.name,
        level=mutant.level,
        seed=seed,
        seeds=seed - first + 1,
        invariant=str(found["invariant"]),
        what=str(found["what"]),
    )


def probed(folder: Path, level: Level, first: int, seeds: int) -> dict[str, object] | None:
    """Run the simulation of a copy; gives its first violation. Raises ``BrokenDown``."""
    command = [sys.executable, "-m", "pointsman.testing.mutants.probe", level.value, str(first), str(seeds)]
    env = {"PATH": os.defpath, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    told = subprocess.run(  # noqa: S603 - this interpreter, on arguments of our own
        command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=HUNT_SECONDS
    )
    if told.returncode:
        raise BrokenDown(f"the simulation broke down, which notices nothing: {told.stderr[-ERROR_LIMIT:]}")
    found: dict[str, object] | None = json.loads(told.stdout)
    return found


def recorded() -> dict[str, int]:
    """Give the killing seed of each mutant that has one."""
    held: dict[str, int] = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.is_file() else {}
    return held


def record(kills: Iterable[Kill]) -> None:
    """Keep the killing seeds, beside those of the mutants that were not hunted now."""
    seeds = recorded() | {kill.mutant: kill.seed for kill in kills}
    RECORDED.write_text(json.dumps(dict(sorted(seeds.items())), indent=2) + "\n", encoding="utf-8")
