"""A fabric file checked whole: every error at once, each with its place."""

from collections.abc import Iterable, Iterator

import msgspec

from pointsman.adapters.files import compiling
from pointsman.adapters.files.findings import MAX_FINDINGS, Fault, Finding, Path, Place, Report, spelled
from pointsman.adapters.files.notes import notes
from pointsman.adapters.files.places import Tree, Unparsable, read_trees
from pointsman.adapters.files.rules import broken
from pointsman.adapters.files.shapes import shape
from pointsman.core.fabric import Fabric

MAX_LINES = 3
"""Most lines of copies that a message names before the last."""


class _Reading:
    """One reading of the file: its copies of doubled keys, and every fault with its place."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._shaped = shape(tree.data)
        self.whole = self._shaped.whole
        self.found = [*tree.faults, *((fault, self._place(fault)) for fault in self._faults())]
        self._known = {_key(*one) for one in self.found}

    def agrees(self, fault: Fault, place: Place) -> bool:
        """Say whether what a fault speaks of has the same fault here, or does not stand here at all."""
        return _key(fault, place) in self._known or self._place(fault) != place

    def told(self, fault: Fault) -> Fault:
        """Say of a fault by which copies of doubled keys, other than those it stands in, it is one."""
        lines = list(map(str, self._tree.copied(fault.path)))
        if not lines:
            return fault
        *others, last = lines
        by = f"copies in lines {', '.join(others[:MAX_LINES])} and {last}" if others else f"copy in line {last}"
        return msgspec.structs.replace(fault, text=f"{fault.text}, by the {by}")

    def _place(self, fault: Fault) -> Place:
        return self._tree.place(fault.path, on_key=fault.on_key)

    def _faults(self) -> Iterable[Fault]:
        yield from self._shaped.faults
        if self.whole:
            yield from self._shaped.sound(broken(self.whole))


def check_declared(raw: bytes, name: str) -> Report:
    """Check a declared file's bytes; ``name`` is what findings call it. Raises nothing."""
    try:
        readings = [_Reading(tree) for tree in read_trees(raw)]
    except Unparsable as wrong:
        return Report(file=name, findings=(_whole(wrong, name),))
    placed = list(_told(readings))
    first = readings[0].whole
    return _report(placed, name) if placed or not first else accepted(compiling.compiled(first), name)


def _told(readings: list[_Reading]) -> Iterator[tuple[Fault, Place]]:
    """Give what is wrong in any reading; what is declared nowhere is wrong only if it is so in all of them."""
    known: set[tuple[str, Path, Place]] = set()
    for reading in readings:
        for fault, place in reading.found:
            if _key(fault, place) in known or (fault.lacks and not all(other.agrees(fault, place) for other in readings)):
                continue
            known.add(_key(fault, place))
            yield (fault if reading is readings[0] else reading.told(fault)), place


def _key(fault: Fault, place: Place) -> tuple[str, Path, Place]:
    return fault.text, fault.path, place


def accepted(fabric: Fabric, name: str) -> Report:
    """Report a fabric that has nothing wrong."""
    return Report(file=name, fabric=fabric, notes=notes(fabric))


def _report(placed: Iterable[tuple[Fault, Place]], name: str) -> Report:
    findings = sorted({_finding(fault, place, name): None for fault, place in placed}, key=lambda one: (one.line, one.column, one.path))
    return Report(file=name, findings=tuple(findings[:MAX_FINDINGS]), unlisted=max(0, len(findings) - MAX_FINDINGS))


def _finding(fault: Fault, place: Place, name: str) -> Finding:
    return Finding(file=name, line=place.line, column=place.column, path=spelled(fault.path), text=fault.text, mend=fault.mend)


def _whole(wrong: Unparsable, name: str) -> Finding:
    return Finding(file=name, line=wrong.place.line, column=wrong.place.column, path="", text=str(wrong), mend=wrong.mend)
