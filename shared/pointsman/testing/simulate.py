"""Plays seeded schedules of faults and says what was played, what was injected and what broke.

``python -m pointsman.testing.simulate --level system --seeds 500``; exit 1 on a violation, 2 on a wrong argument.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NoReturn

from pointsman.testing.simulation import registers, system
from pointsman.testing.simulation.adding import CannotAdd, added, played_code, read
from pointsman.testing.simulation.coverage import Coverage, coverage
from pointsman.testing.simulation.kinds import FaultKind
from pointsman.testing.simulation.schedule import DEFAULT, LONG
from pointsman.testing.simulation.tally import Tally

LEVELS = (registers.LEVEL, system.LEVEL)
SIZES = {size.name: size for size in (DEFAULT, LONG)}
SEEDS = 100
"""Schedules that are played when nothing else is said."""
CHUNK = 25
"""Schedules that one process plays before it tells."""
COUNTED = ("level", "first", "schedules", "events", "operations", "seconds", "schedules_per_second", "schedules_per_core_second")
"""What the words begin with."""
MISSING_SHOWN = 20
"""Cells never hit that are named in words; ``--json`` names all."""

Run = Callable[[int, int], Tally]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong."""
        self.exit(2, f"simulate: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Play as the command line says; gives the exit code."""
    parser = _parser()
    told = parser.parse_args(arguments)
    if told.add:
        return _added(parser, told)
    _check(parser, told)
    if told.trace:
        tally, lines = _story(told)
        sys.stdout.write(_lines(lines))
    else:
        tally = _played(told, _run(told))
    reached = coverage(tally) if told.level == system.LEVEL and told.seeds > 1 else None
    sys.stdout.write(_json(tally, reached) if told.json else _words(tally, reached))
    short = told.require_coverage and reached is not None and bool(reached.missing)
    return 1 if tally.violations or short else 0


def _story(told: argparse.Namespace) -> tuple[Tally, tuple[str, ...]]:
    """Play one schedule and tell it in words."""
    if told.level == system.LEVEL:
        return system.story(told.first, told.faults, SIZES[told.size])
    lines: list[str] = []
    return registers.play(told.first, tell=lines.append), tuple(lines)


def _parser() -> _Parser:
    parser = _Parser(prog="simulate", description=__doc__)
    parser.add_argument("--level", choices=LEVELS, default=system.LEVEL, help="the register protocol alone, or the whole product")
    parser.add_argument("--seeds", type=_positive, default=None, help=f"how many schedules ({SEEDS})")
    parser.add_argument("--first", type=_natural, default=None, help="the first seed (0)")
    parser.add_argument("--seed", type=_natural, default=None, help="play this one schedule alone")
    parser.add_argument("--faults", type=_kinds, default=tuple(FaultKind), help="all, or kinds separated by commas")
    parser.add_argument("--size", choices=tuple(SIZES), default=DEFAULT.name, help="how long a schedule is")
    parser.add_argument("--jobs", type=_positive, default=1, help="processes")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--trace", action="store_true", help="tell the one schedule of --seed in words")
    parser.add_argument("--require-coverage", action="store_true", help="exit 1 when a cell of await site x fault kind was never hit")
    parser.add_argument("--add", type=Path, nargs="+", metavar="FILE", help="play nothing: add up what runs wrote with --json")
    return parser


def _added(parser: _Parser, told: argparse.Namespace) -> int:
    """Add runs up, and say 1 when one found a violation, or all together left a cell or a kind of fault out."""
    try:
        total = added([read(path) for path in told.add])
    except CannotAdd as error:
        parser.error(str(error))
    sys.stdout.write(json.dumps(total.document(), indent=1) + "\n" if told.json else _lines(total.words(MISSING_SHOWN)))
    return int(total.short)


def _positive(text: str) -> int:
    number = _natural(text)
    if not number:
        raise argparse.ArgumentTypeError("1 or more is needed, not 0")
    return number


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a whole number is needed, not {text!r}")
    return int(text)


def _kinds(text: str) -> tuple[FaultKind, ...]:
    if text == "all":
        return tuple(FaultKind)
    known = {kind.value: kind for kind in FaultKind}
    names = [name for name in text.split(",") if name]
    strange = [name for name in names if name not in known]
    if strange:
        raise argparse.ArgumentTypeError(f"no fault kind is named {strange[0]!r}: known are {', '.join(known)}")
    return tuple(known[name] for name in names)


def _check(parser: _Parser, told: argparse.Namespace) -> None:
    if told.level == registers.LEVEL and (len(told.faults) < len(FaultKind) or told.size != DEFAULT.name):
        parser.error("--faults and --size are for --level system: the register level draws from all of its own faults")
    alone = told.seed is not None or told.seeds == 1
    if told.require_coverage and (told.level == registers.LEVEL or alone):
        parser.error(
            "--require-coverage judges several schedules of --level system: a single one, or the register level, tells no coverage"
        )
    if told.trace and told.seed is None:
        parser.error("--trace tells one schedule: name it with --seed")
    if told.seed is not None and (told.seeds, told.first) != (None, None):
        parser.error("--seed plays one schedule: leave out --seeds and --first, or give those alone")
    told.first, told.seeds = (told.first or 0, told.seeds or SEEDS) if told.seed is None else (told.seed, 1)


def _run(told: argparse.Namespace) -> Run:
    if told.level == registers.LEVEL:
        return registers.run
    return partial(system.run, kinds=told.faults, size=SIZES[told.size])


def _played(told: argparse.Namespace, run: Run) -> Tally:
    """Play all seeds, in chunks, by as many processes as asked; the figures do not depend on how many."""
    tally, began = Tally(level=told.level, first=told.first), time.perf_counter()
    for part in _parts(told, run):
        tally.add(part)
    tally.seconds = time.perf_counter() - began
    return tally


def _parts(told: argparse.Namespace, run: Run) -> Iterator[Tally]:
    firsts = range(told.first, told.first + told.seeds, CHUNK)
    counts = [min(CHUNK, told.first + told.seeds - first) for first in firsts]
    if told.jobs == 1:
        yield from map(run, firsts, counts)
        return
    with ProcessPoolExecutor(told.jobs) as pool:
        yield from pool.map(run, firsts, counts)


def _json(tally: Tally, reached: Coverage | None) -> str:
    document = {**tally.document(), "code": played_code()}
    if reached is not None:
        document["coverage"] = reached.document()
    return json.dumps(document, indent=1) + "\n"


def _words(tally: Tally, reached: Coverage | None) -> str:
    document = tally.document()
    lines = [f"{name}: {document[name]}" for name in COUNTED]
    lines += ["faults:", *(f"  {count:>9} {kind}" for kind, count in document["faults"].items())]
    lines += [] if reached is None else reached.words(MISSING_SHOWN)
    lines += [f"violation: seed {one.seed}: {one.invariant}: {one.what}" for one in tally.violations] or ["no violation"]
    return _lines(lines)


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _told() -> int:
    """Play, and end quietly when whoever reads the output has heard enough."""
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


if __name__ == "__main__":
    sys.exit(_told())
