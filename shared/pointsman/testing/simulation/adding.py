"""Runs of ranges of seeds added up, as the JSON documents of ``simulate --json`` tell them."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pointsman
from pointsman.core.values import Frozen, digest
from pointsman.testing.simulation.coverage import passes
from pointsman.testing.simulation.kinds import FaultKind
from pointsman.testing.simulation.system import LEVEL

PACKAGE = Path(pointsman.__file__).parent
OFTEN = 1_000
"""How often each kind of fault must have been injected in all runs together."""


class CannotAdd(ValueError):
    """The documents are not parts of one run: the text says why."""


class Range(Frozen):
    """The seeds of one run."""

    first: int
    schedules: int


class Total(Frozen):
    """Sums over runs. ``seldom`` are the kinds injected too seldom, ``missing`` the cells never hit."""

    level: str
    code: str
    ranges: tuple[Range, ...]
    events: int
    operations: int
    seconds: float
    faults: dict[str, int]
    cells: dict[str, int]
    violations: tuple[dict[str, Any], ...]

    @property
    def schedules(self) -> int:
        """How many were played."""
        return sum(one.schedules for one in self.ranges)

    @property
    def seldom(self) -> dict[str, int]:
        """The kinds of fault injected too seldom, with how often."""
        return {kind: count for kind, count in self.faults.items() if count < OFTEN}

    @property
    def missing(self) -> list[str]:
        """The cells of await site and fault kind never hit."""
        return [cell for cell, count in self.cells.items() if not count]

    @property
    def short(self) -> bool:
        """Whether something must be played that was not."""
        return bool(self.violations or self.seldom or self.missing)

    def document(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return {
            "level": self.level,
            "code": self.code,
            "ranges": [{"first": one.first, "schedules": one.schedules} for one in self.ranges],
            "schedules": self.schedules,
            "events": self.events,
            "operations": self.operations,
            "seconds": round(self.seconds, 3),
            "schedules_per_second": round(self.schedules / self.seconds, 1) if self.seconds else None,
            "faults": self.faults,
            "seldom": self.seldom,
            "coverage": {
                "possible": len(self.cells),
                "hit": len(self.cells) - len(self.missing),
                "missing": self.missing,
                "cells": self.cells,
            },
            "violations": list(self.violations),
        }

    def words(self, shown: int) -> list[str]:
        """Give it in lines; at most ``shown`` cells never hit, and as many of those that were hit least."""
        names = ("level", "schedules", "events", "operations", "seconds", "schedules_per_second")
        lines = [f"{name}: {value}" for name, value in self.document().items() if name in names]
        lines += [f"seeds: {one.first} to {one.first + one.schedules - 1}" for one in self.ranges]
        lines += ["faults:", *(f"  {count:>9} {kind}" for kind, count in self.faults.items())]
        lines += [f"  injected fewer than {OFTEN} times: {kind}" for kind in self.seldom]
        lines += [f"coverage: {len(self.cells) - len(self.missing)} of {len(self.cells)} cells of await site x fault kind"]
        lines += [f"  never hit: {cell}" for cell in self.missing[:shown]]
        rarest = sorted((count, cell) for cell, count in self.cells.items() if count)[:shown]
        lines += [f"  {count:>9} {cell}" for count, cell in rarest]
        told = (f"violation: seed {one['seed']}: {one['invariant']}: {one['what']}" for one in self.violations)
        return [*lines, *(told if self.violations else ("no violation",))]


def played_code() -> str:
    """Give a digest of the package's source: runs of one digest were played with the same code."""
    files = sorted(PACKAGE.rglob("*.py"))
    return digest(b"".join(str(path.relative_to(PACKAGE)).encode() + path.read_bytes() for path in files))


def read(path: Path) -> dict[str, Any]:
    """Read the document of one run. Raises ``CannotAdd``."""
    try:
        document: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CannotAdd(f"{path} is not the JSON document of a run ({error}): write it with --json > {path.name}") from error
    wanted = {"level", "code", "first", "schedules", "events", "operations", "seconds", "faults", "coverage", "violations"}
    if not isinstance(document, dict) or not wanted <= document.keys():
        raise CannotAdd(f"{path} is not the JSON document of a run: write it with --json > {path.name}")
    return document


def added(documents: Sequence[Mapping[str, Any]]) -> Total:
    """Add runs up. Raises ``CannotAdd`` when they overlap, are of two levels or were played with other code."""
    levels, codes = {document["level"] for document in documents}, {document["code"] for document in documents}
    if len(levels) != 1:
        raise CannotAdd("runs of two levels are not added up: give those of one")
    if len(codes) != 1:
        raise CannotAdd("the runs were played with other code: add up runs of one version")
    level = levels.pop()
    ranges = tuple(sorted((Range(first=one["first"], schedules=one["schedules"]) for one in documents), key=lambda one: one.first))
    _apart(ranges)
    cells = [_cells(document) for document in documents] if level == LEVEL else []
    schedules = sum(one.schedules for one in ranges)
    under_way = _summed(one["coverage"].get("under_way", {}) for one in documents)
    return Total(
        level=level,
        code=codes.pop(),
        ranges=ranges,
        events=sum(one["events"] for one in documents),
        operations=sum(one["operations"] for one in documents),
        seconds=sum(one["seconds"] for one in documents),
        faults=_summed([dict.fromkeys(FaultKind, 0) if level == LEVEL else {}, *(one["faults"] for one in documents)]),
        cells=_possible(_summed(cells), under_way, schedules),
        violations=tuple(violation for one in documents for violation in one["violations"]),
    )


def _cells(document: Mapping[str, Any]) -> dict[str, int]:
    cells: dict[str, int] | None = document["coverage"].get("cells")
    if cells is None or "under_way" not in document["coverage"]:
        raise CannotAdd("a run of one schedule, or of an earlier version, tells no such coverage: leave it out")
    return cells


def _possible(cells: Mapping[str, int], under_way: Mapping[str, int], schedules: int) -> dict[str, int]:
    """Leave out the cells that were never hit and that, by what was under way in all runs, only strays could have been hit in."""
    return {cell: hits for cell, hits in cells.items() if hits or _passes(cell, under_way, schedules)}


def _passes(cell: str, under_way: Mapping[str, int], schedules: int) -> bool:
    site, _, kind = cell.partition(" x ")
    return passes(site, FaultKind(kind), under_way, schedules)


def _apart(ranges: Sequence[Range]) -> None:
    for before, after in pairwise(ranges):
        if before.first + before.schedules > after.first:
            raise CannotAdd(f"two runs played seed {after.first}: give runs of different seeds")


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update({str(name): count for name, count in one.items()})
    return dict(sorted(total.items()))
