"""YAML text as plain data, with the line and column of every key and value.

The part of YAML that a fabric needs: one document of mappings, lists and scalars; anchors, aliases and merge keys
unfold within a bound; tags have no meaning. Scalars follow YAML 1.2's core schema, so ``yes`` and ``12:30`` are text.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from pointsman.adapters.files.findings import Fault, Path, Place, shown
from pointsman.core.values import Frozen

MAX_BYTES = 256 * 1024
"""Largest fabric file."""

MAX_DEPTH = 24
"""Deepest nesting of mappings and lists."""

MAX_COPIES = 4
"""Most copies of one key that are read; of more it is only told that they are there."""

MAX_READINGS = 16
"""Most readings of a file with doubled keys: the first copies, all second ones, then each copy by itself. What is left is not read."""

MAX_NODES = 20_000
"""Most keys and values in a file, with aliases unfolded."""

_EXACT = 2**53
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?([0-9]{1,18}\.[0-9]{0,18}|\.[0-9]{1,18}|[0-9]{1,18})([eE][-+]?[0-9]{1,2})?")
_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = {"", "~", "null", "Null", "NULL"}
_CORE = "tag:yaml.org,2002:"
_STRING = f"{_CORE}str"
_MERGE = f"{_CORE}merge"


class Unparsable(ValueError):
    """The text as a whole cannot be understood; there is one reason and one place."""

    def __init__(self, text: str, mend: str = "", *, place: Place | None = None) -> None:
        super().__init__(text)
        self.mend = mend
        self.place = place or Place(line=1, column=1)


class Tree(Frozen):
    """A file as plain data. ``values`` (scalars and list entries) and ``keys`` give places by path; ``faults`` were found on the way.

    Of a key that is there more than once ``data`` holds one copy; ``copies`` are the paths of those where it is not the first.
    """

    data: Any
    values: dict[Path, Place]
    keys: dict[Path, Place]
    faults: tuple[tuple[Fault, Place], ...] = ()
    copies: frozenset[Path] = frozenset()

    def copied(self, path: Path) -> list[int]:
        """List the lines of the copies that are not the first and that a path is not in."""
        return sorted({self.keys[copy].line for copy in self.copies if path[: len(copy)] != copy})

    def place(self, path: Path, *, on_key: bool = False) -> Place:
        """Find where a path is written; for one that is not, where its nearest parent is."""
        for end in range(len(path), -1, -1):
            here = path[:end]
            found = (self.keys if on_key else self.values).get(here) or self.keys.get(here) or self.values.get(here)
            if found:
                return found
        return Place(line=1, column=1)


def read_tree(raw: bytes) -> Tree:
    """Read a file's bytes, of a key that is there twice the first copy. Raises Unparsable."""
    return read_trees(raw)[0]


def read_trees(raw: bytes) -> list[Tree]:
    """Read a file's bytes: the first copies of doubled keys, each other copy by itself, and all of them at once. Raises Unparsable."""
    text = _text(raw)
    root = _compose(text)
    if root is None:
        raise Unparsable("the file is empty", "start from one of the examples")
    if not isinstance(root, yaml.MappingNode):
        raise Unparsable("the file is not a mapping of keys", "start it with version: 1", place=_place(root.start_mark))
    return list(_readings(root))


class _Choice(Frozen):
    """Which copy of each doubled key is read, keys being known by the place of their first copy; 0 is the first copy."""

    others: int = 0
    chosen: frozenset[tuple[Place, int]] = frozenset()

    def of(self, first: Place, count: int) -> int:
        """Give the copy that is read of a key with ``count`` of them."""
        return next((copy for place, copy in self.chosen if place == first), min(self.others, count - 1))


def _readings(root: yaml.Node) -> Iterator[Tree]:
    first = _Walk(_Choice())
    yield first.tree(root)
    most = min(max(first.doubled.values(), default=1), MAX_COPIES)
    together = [_Choice(others=copy) for copy in range(1, most)] if len(first.doubled) > 1 else []
    waiting = _each(first.doubled, frozenset())
    for _ in range(MAX_READINGS - 1 - len(together)):
        if not waiting:
            break
        choice = waiting.pop(0)
        walk = _Walk(choice)
        yield walk.tree(root)
        waiting += _each({place: count for place, count in walk.doubled.items() if place not in first.doubled}, choice.chosen)
    for choice in together:
        yield _Walk(choice).tree(root)


def _each(doubled: dict[Place, int], beside: frozenset[tuple[Place, int]]) -> list[_Choice]:
    """Choose each copy but the first of each key, where it was not chosen yet."""
    known = {place for place, _ in beside}
    counts = {place: min(count, MAX_COPIES) for place, count in doubled.items() if place not in known}
    return [_Choice(chosen=beside | {(place, copy)}) for place, count in counts.items() for copy in range(1, count)]


def _text(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise Unparsable(f"the file is larger than {MAX_BYTES // 1024} KiB", "split the fabric into two")
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise Unparsable("the file starts with a byte order mark", "save it as UTF-8 without one")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        raise Unparsable("the file is not UTF-8", "save it as UTF-8", place=_after(before)) from error


def _after(before: str) -> Place:
    before = before.replace("\r\n", "\n").replace("\r", "\n")
    return Place(line=before.count("\n") + 1, column=len(before) - before.rfind("\n"))


class _Bounded(yaml.SafeLoader):
    """PyYAML's composer, which recurses, kept within a depth."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self._depth > MAX_DEPTH:
            place = _place(self.peek_event().start_mark)  # type: ignore[no-untyped-call]
            raise Unparsable(f"nested deeper than {MAX_DEPTH} levels", "flatten it", place=place)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def _compose(text: str) -> yaml.Node | None:
    try:
        loader = _Bounded(text)
        return loader.get_single_node()
    except yaml.reader.ReaderError as error:
        place = _after(text[: error.position])
        raise Unparsable("the file holds a control character", "remove it", place=place) from error
    except yaml.MarkedYAMLError as error:
        raise _syntax(error) from error
    except Unparsable:
        raise
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise Unparsable("this is not YAML: an escape or a directive is out of range", "check its quotes and escapes") from error


def _syntax(error: yaml.MarkedYAMLError) -> Unparsable:
    mark = error.problem_mark or error.context_mark
    place = _place(mark) if mark else None
    problem = " ".join(part for part in (error.context, error.problem) if part)
    if r"'\t'" in problem:
        return Unparsable("a tab stands where only spaces may", "indent with spaces", place=place)
    if "single document" in problem:
        return Unparsable("the file holds more than one document", "keep one fabric in a file", place=place)
    return Unparsable(f"this is not YAML: {problem[:200]}", "check indentation, colons and quotes", place=place)


def _place(mark: Any) -> Place:
    return Place(line=mark.line + 1, column=mark.column + 1)


class _Walk:
    """Turns nodes into data, remembering places; aliases unfold, so everything is counted."""

    def __init__(self, choice: _Choice) -> None:
        self.doubled: dict[Place, int] = {}
        self._values: dict[Path, Place] = {}
        self._keys: dict[Path, Place] = {}
        self._faults: list[tuple[Fault, Place]] = []
        self._copies: set[Path] = set()
        self._choice = choice
        self._count = 0
        self._merged = False

    def tree(self, root: yaml.Node) -> Tree:
        data = self.value(root, ())
        if self._merged:
            self._forget(set(_paths(data, ())))
        return Tree(data=data, values=self._values, keys=self._keys, faults=tuple(self._faults), copies=frozenset(self._copies))

    def _forget(self, there: set[Path]) -> None:
        """Drop the places of what was merged in and then replaced."""
        self._values = {path: place for path, place in self._values.items() if path in there}
        self._keys = {path: place for path, place in self._keys.items() if path in there}
        self._copies &= there

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._bound(node, path)
        self._values.pop(path, None)
        if isinstance(node, yaml.ScalarNode) or path not in self._keys:
            self._values[path] = _place(node.start_mark)
        match node:
            case yaml.MappingNode():
                return self._mapping(node, path)
            case yaml.SequenceNode():
                return [self.value(one, (*path, at)) for at, one in enumerate(node.value)]
            case _:
                return self._scalar(node, path)

    def _bound(self, node: yaml.Node, path: Path) -> None:
        self._count += 1
        if self._count > MAX_NODES:
            text = f"the file holds more than {MAX_NODES} keys and values, with its aliases unfolded"
            raise Unparsable(text, "split the fabric, or alias less", place=_place(node.start_mark))
        if len(path) > MAX_DEPTH:
            raise Unparsable("its aliases unfold to themselves", "write the values out", place=_place(node.start_mark))
        if node.tag and not node.tag.startswith(_CORE):
            self._fault(node, Fault(path=path, text="a YAML tag has no meaning here", mend="remove it"))

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        copies: dict[str, list[tuple[yaml.Node, yaml.Node]]] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                merged = self._merge(value, path) | merged
            elif (name := self._name(key, path)) is not None:
                copies.setdefault(name, []).append((key, value))
        return merged | {name: self._entry(several, (*path, name)) for name, several in copies.items()}

    def _merge(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        self._merged = True
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for part in parts:
            if isinstance(part, yaml.MappingNode):
                self._bound(part, path)
                merged = self._mapping(part, path) | merged
            else:
                self._fault(part, Fault(path=path, text="<< merges mappings only", mend="name an anchor of a mapping"))
        return merged

    def _name(self, key: yaml.Node, path: Path) -> str | None:
        if isinstance(key, yaml.ScalarNode) and _encodable(key.value):
            return str(key.value)
        self._fault(key, Fault(path=path, text="a key must be a plain word", mend="write it without brackets or escapes"))
        return None

    def _entry(self, several: list[tuple[yaml.Node, yaml.Node]], path: Path) -> Any:
        first = _place(several[0][0].start_mark)
        for key, _ in several[1:]:
            text = f"this key is here twice, first in line {first.line} column {first.column}"
            self._fault(key, Fault(path=path, text=text, mend="keep one of the two"))
        self._copies.discard(path)
        copy = self._choice.of(first, len(several))
        if len(several) > 1:
            self.doubled[first] = len(several)
        if copy:
            self._copies.add(path)
        key, value = several[copy]
        self._keys[path] = _place(key.start_mark)
        return self.value(value, path)

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        text = node.value
        if not _encodable(text):
            self._fault(node, Fault(path=path, text=f"{shown(text)} is not valid Unicode", mend="remove the escape"))
            return ""
        return text if getattr(node, "style", None) or node.tag == _STRING else _plain(text)

    def _fault(self, node: yaml.Node, fault: Fault) -> None:
        self._faults.append((fault, _place(node.start_mark)))


def _paths(data: Any, path: Path) -> Iterator[Path]:
    yield path
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, below in entries:
        yield from _paths(below, (*path, step))


def _encodable(text: str) -> bool:
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def _plain(text: str) -> Any:
    if text in _NULLS:
        return None
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return _number(text) if _FLOAT.fullmatch(text) else text


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < _EXACT else number
