"""A fabric file checked whole: every error at once, each with its place."""

from collections.abc import Iterable

from pointsman.adapters.files import compiling
from pointsman.adapters.files.findings import MAX_FINDINGS, Fault, Finding, Place, Report, spelled
from pointsman.adapters.files.notes import notes
from pointsman.adapters.files.places import Tree, Unparsable, read_trees
from pointsman.adapters.files.rules import broken
from pointsman.adapters.files.shapes import Shaped, shape
from pointsman.core.fabric import Fabric


def check_declared(raw: bytes, name: str) -> Report:
    """Check a declared file's bytes; ``name`` is what findings call it. Raises nothing."""
    try:
        first, *copies = read_trees(raw)
    except Unparsable as wrong:
        return Report(file=name, findings=(_whole(wrong, name),))
    shaped = shape(first.data)
    placed = [*first.faults, *_placed(first, _faults(shaped))]
    for tree in copies:
        placed += [*tree.faults, *_placed(tree, (fault for fault in _faults(shape(tree.data)) if tree.within_copy(fault.path)))]
    if placed or not shaped.whole:
        return _report(placed, name)
    fabric = compiling.compiled(shaped.whole)
    return accepted(fabric, name)


def accepted(fabric: Fabric, name: str) -> Report:
    """Report a fabric that has nothing wrong."""
    return Report(file=name, fabric=fabric, notes=notes(fabric))


def _placed(tree: Tree, faults: Iterable[Fault]) -> list[tuple[Fault, Place]]:
    return [(fault, tree.place(fault.path, on_key=fault.on_key)) for fault in faults]


def _faults(shaped: Shaped) -> Iterable[Fault]:
    yield from shaped.faults
    if shaped.whole:
        yield from filter(shaped.sound, broken(shaped.whole))


def _report(placed: Iterable[tuple[Fault, Place]], name: str) -> Report:
    findings = sorted({_finding(fault, place, name): None for fault, place in placed}, key=lambda one: (one.line, one.column, one.path))
    return Report(file=name, findings=tuple(findings[:MAX_FINDINGS]), unlisted=max(0, len(findings) - MAX_FINDINGS))


def _finding(fault: Fault, place: Place, name: str) -> Finding:
    return Finding(file=name, line=place.line, column=place.column, path=spelled(fault.path), text=fault.text, mend=fault.mend)


def _whole(wrong: Unparsable, name: str) -> Finding:
    return Finding(file=name, line=wrong.place.line, column=wrong.place.column, path="", text=str(wrong), mend=wrong.mend)
