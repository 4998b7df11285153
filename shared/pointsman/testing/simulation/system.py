"""The whole product in small: the real use cases, the real protocol and the twin, on virtual time, with the faults that a seed draws."""

import asyncio
import contextlib
import enum
import gc
import time
from collections.abc import Callable, Collection, Iterator

from pointsman.testing.simulation.coverage import WATCH_EVERY
from pointsman.testing.simulation.ending import played
from pointsman.testing.simulation.evidence import Evidence
from pointsman.testing.simulation.invariants import broken
from pointsman.testing.simulation.kinds import FaultKind
from pointsman.testing.simulation.play import Play
from pointsman.testing.simulation.schedule import DEFAULT, Size, schedule
from pointsman.testing.simulation.tally import Tally, Violation
from pointsman.testing.virtual import run as run_virtually

__all__ = ["LEVEL", "play", "run", "story"]

LEVEL = "system"
TIDY_EVERY = 20
"""Schedules between two collections of what the dead leave behind."""


def run(first: int, seeds: int, kinds: Collection[FaultKind] = tuple(FaultKind), size: Size = DEFAULT) -> Tally:
    """Play ``seeds`` schedules from the seed ``first`` on, one after the other."""
    tally = Tally(level=LEVEL, first=first)
    began, worked = time.perf_counter(), time.process_time()
    with _tidied_seldom() as tidy, _plain_enums(), _unlisted_tasks():
        for seed in range(first, first + seeds):
            tally.add(play(seed, kinds, size))
            tidy(seed)
    tally.seconds, tally.processor_seconds = time.perf_counter() - began, time.process_time() - worked
    return tally


@contextlib.contextmanager
def _tidied_seldom() -> Iterator[Callable[[int], None]]:
    """Let cycles of dead tasks be collected every few schedules only, instead of all the time."""
    was = gc.isenabled()
    gc.disable()
    gc.freeze()  # what was there before need not be looked at again and again
    try:
        yield lambda seed: None if seed % TIDY_EVERY else _tidy()
    finally:
        gc.unfreeze()
        if was:
            gc.enable()


@contextlib.contextmanager
def _plain_enums() -> Iterator[None]:
    """Let members of enumerations be found as any attribute of a class is, as they are from Python 3.12 on.

    Before it a hook of theirs, which finds nothing that is not found without it, makes each use of one five times as slow.
    """
    hook = vars(enum.EnumType).get("__getattr__")
    if hook is not None:
        del enum.EnumType.__getattr__  # type: ignore[attr-defined]
    try:
        yield
    finally:
        if hook is not None:
            enum.EnumType.__getattr__ = hook  # type: ignore[attr-defined]


@contextlib.contextmanager
def _unlisted_tasks() -> Iterator[None]:
    """Enter no task in asyncio's own set of them all, as Python 3.11 does by a weak reference to each: the loop has a list, and nobody asks for that."""
    listed = getattr(asyncio.tasks, "_all_tasks", None)
    if listed is not None:
        listed.add = set[object]().discard
    try:
        yield
    finally:
        if listed is not None:
            del listed.add


def _tidy() -> None:
    gc.collect()


def play(seed: int, kinds: Collection[FaultKind] = tuple(FaultKind), size: Size = DEFAULT) -> Tally:
    """Play the schedule of one seed."""
    return _tally(*_played(seed, kinds, size, telling=False))


def story(seed: int, kinds: Collection[FaultKind] = tuple(FaultKind), size: Size = DEFAULT) -> tuple[Tally, tuple[str, ...]]:
    """Play the schedule of one seed, and tell it in words."""
    one, evidence = _played(seed, kinds, size, telling=True)
    return _tally(one, evidence), tuple(one.world.nature.story)


def _played(seed: int, kinds: Collection[FaultKind], size: Size, *, telling: bool) -> tuple[Play, Evidence]:
    async def main() -> tuple[Play, Evidence]:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)  # the dead leave unread answers behind
        one = Play(schedule(seed, kinds, size), watching=seed % WATCH_EVERY == 0, telling=telling)
        return one, await played(one)

    return run_virtually(main())


def _tally(one: Play, evidence: Evidence) -> Tally:
    nature, seed = one.world.nature, one.schedule.seed
    return Tally(
        level=LEVEL,
        first=seed,
        schedules=1,
        events=one.events,
        operations=nature.operations,
        faults=nature.faults,
        coverage=nature.coverage,
        violations=[Violation(seed=seed, invariant=name, what=what) for name, what in broken(evidence)],
    )
