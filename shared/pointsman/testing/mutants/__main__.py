"""``python -m pointsman.testing.mutants``: hunt all mutants, and print what noticed each."""

import argparse
import json
import sys
from collections.abc import Sequence

from pointsman.testing.mutants.controller import CONTROLLER
from pointsman.testing.mutants.hunt import hunt, record, recorded, replay
from pointsman.testing.mutants.mutant import SEEDS_LIMIT, Kill, Level, Mutant
from pointsman.testing.mutants.protocol import PROTOCOL

MUTANTS: tuple[Mutant, ...] = (*PROTOCOL, *CONTROLLER)


def main(arguments: Sequence[str] | None = None) -> int:
    """Hunt, print a line for each, and say 1 when one was not noticed."""
    asked = _parsed(arguments)
    chosen = [one for one in MUTANTS if asked.level in (None, one.level) and (not asked.only or asked.only in one.name)]
    found = replay(chosen, recorded()) if asked.replay else hunt(chosen, first=asked.first)
    rows = []
    for mutant, kill in found:
        rows.append((mutant, kill))
        if not asked.json:
            _say(_line(mutant, kill))
    kills = [kill for _, kill in rows if kill is not None]
    if asked.record:
        record(kills)
    _say(json.dumps(_document(rows), indent=2) if asked.json else f"{len(kills)} of {len(rows)} mutants were noticed")
    return int(len(kills) < len(rows))


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pointsman.testing.mutants", description=__doc__)
    parser.add_argument("--level", type=Level, choices=list(Level), help="only the mutants of one level")
    parser.add_argument("--only", default="", help="only the mutants whose name contains this")
    parser.add_argument("--first", type=int, default=0, help="the first seed of each hunt")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--replay", action="store_true", help="play only the recorded seeds")
    parser.add_argument("--record", action="store_true", help="keep the killing seeds")
    return parser.parse_args(arguments)


def _line(mutant: Mutant, kill: Kill | None) -> str:
    if kill is None:
        return f"{mutant.level:8}  {mutant.name:58}  NOT NOTICED within {SEEDS_LIMIT[mutant.level]} schedules"
    return f"{mutant.level:8}  {mutant.name:58}  {kill.seeds:5} schedules  {kill.invariant}"


def _document(rows: Sequence[tuple[Mutant, Kill | None]]) -> list[dict[str, object]]:
    return [
        {
            "mutant": mutant.name,
            "level": mutant.level,
            "file": mutant.file,
            "noticed": kill is not None,
            "seed": kill.seed if kill else None,
            "schedules": kill.seeds if kill else None,
            "invariant": kill.invariant if kill else None,
            "what": kill.what if kill else None,
        }
        for mutant, kill in rows
    ]


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
