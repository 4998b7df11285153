"""Whether a file's data has the declared shape, in sentences; and the same data made whole, so that rules can still run.

A wrong value is replaced by its key's example, and the file knows where. What a rule says of a replaced value is not
reported, so one mistake gives one finding; and a rule that compares values leaves it out, so that it hides no other mistake.
"""

import copy
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pointsman.adapters.files import json_schema
from pointsman.adapters.files.bounds import unbounded
from pointsman.adapters.files.declared import File
from pointsman.adapters.files.findings import SHOWN_LIMIT, Fault, Path, nearest, shown
from pointsman.adapters.files.understanding import as_written, mend, understood, value_at
from pointsman.core.nearness import likely
from pointsman.core.values import Frozen

MAX_ROUNDS = 6
"""Most rounds of repair; a file that is still wrong then gets no rules run over it."""

_TAGS = {"aws", "gcp"}
_TAGGED = 3
_TAG_AT = 2


class Shaped(Frozen, eq=False):
    """A file of the declared shape, perhaps after repairs; ``whole`` is None when it could not be made whole.

    ``meant`` are the paths that misspelt keys were read as, each with the path that is written.
    """

    whole: File | None
    faults: tuple[Fault, ...]
    meant: dict[Path, Path]

    def sound(self, faults: Iterable[Fault]) -> tuple[Fault, ...]:
        """Give the faults that follow from what the user wrote and not from a repair, with their paths as they are written."""
        return _written((fault for fault in faults if self._follows(fault)), self.meant)

    def _follows(self, fault: Fault) -> bool:
        own = fault.path[:-1] if fault.present else fault.path
        return self.whole is not None and all(self.whole.wrote(path) for path in (own, *fault.related))


def shape(data: Any) -> Shaped:
    """Hold data against the declared models and repair it."""
    read = understood(copy.deepcopy(data))
    data, faults, repaired = read.data, list(read.faults), set(read.unknown)
    for _ in range(MAX_ROUNDS):
        try:
            whole = File.model_validate_json(json.dumps(data))
        except ValidationError as error:
            found = [_Wrong(one, data) for one in error.errors(include_url=False)]
            faults += [one.fault() for one in _told(found) if not _inside(one.path, repaired)]
            repaired |= {one.path for one in found}
            for one in sorted(found, key=lambda one: len(one.path), reverse=True):
                mend(data, one.path, drop=one.unknown)
        else:
            loose = [fault for fault in unbounded(data) if not _inside(fault.path, repaired)]
            empty = {fault.path for fault in loose if not fault.on_key and value_at(fault.path, data) in ([], {})}
            return Shaped(whole=whole.mended(frozenset(repaired | empty)), faults=_written((*faults, *loose), read.meant), meant=read.meant)
    return Shaped(whole=None, faults=_written(faults, read.meant), meant=read.meant)


def _written(faults: Iterable[Fault], meant: dict[Path, Path]) -> tuple[Fault, ...]:
    return tuple(msgspec.structs.replace(fault, path=as_written(fault.path, meant)) for fault in faults)


def _inside(path: Path, repaired: set[Path]) -> bool:
    return any(path[:end] in repaired for end in range(len(path) + 1))


class _Wrong:
    """One error of pydantic's, read against the data."""

    def __init__(self, error: ErrorDetails, data: Any) -> None:
        self._error = error
        self._data = data
        self._kind = error["type"]
        self.path = _untagged(error["loc"])

    def fault(self) -> Fault:
        text, mend = _SAID.get(self._kind, _as_pydantic)(self)
        on_key = self._kind in {"missing", "extra_forbidden"}
        return Fault(path=self.path, text=text, mend=mend, on_key=on_key)

    @property
    def node(self) -> json_schema.Node:
        return json_schema.node_at(self.path, self._data)

    @property
    def given(self) -> Any:
        return self._error["input"]

    @property
    def context(self) -> dict[str, Any]:
        return self._error.get("ctx", {})

    @property
    def message(self) -> str:
        return self._error["msg"]

    @property
    def siblings(self) -> list[str]:
        return json_schema.keys_at(self.path[:-1], self._data)

    @property
    def unknown(self) -> bool:
        return self._kind == "extra_forbidden"

    @property
    def missing(self) -> bool:
        return self._kind == "missing"


def _told(found: list[_Wrong]) -> Iterator[_Wrong]:
    """Leave out a key that is missing because it is misspelt: the unknown key beside it says so."""
    meant = {(*one.path[:-1], likely(str(one.path[-1]), one.siblings)) for one in found if one.unknown}
    return (one for one in found if not (one.missing and one.path in meant))


def _untagged(loc: tuple[int | str, ...]) -> Path:
    """Give an error's path as the file has it: pydantic also names the kind of a site."""
    if len(loc) >= _TAGGED and loc[0] == "sites" and loc[_TAG_AT] in _TAGS:
        loc = (*loc[:_TAG_AT], *loc[_TAG_AT + 1 :])
    return loc


def _missing(wrong: _Wrong) -> tuple[str, str]:
    example = _flow(json_schema.sample(wrong.node))
    return "required key is missing", f"add {wrong.path[-1]}: {example if len(example) <= SHOWN_LIMIT else ''}".rstrip()


def _unknown(wrong: _Wrong) -> tuple[str, str]:
    return "unknown key", nearest(str(wrong.path[-1]), wrong.siblings)


def _choice(wrong: _Wrong) -> tuple[str, str]:
    node = wrong.node
    choices = [str(one) for one in node.get("enum", [node.get("const")])]
    text = f"{shown(wrong.given)} is not {'one of ' if len(choices) > 1 else ''}{', '.join(choices)}"
    return text, nearest(str(wrong.given), choices) if len(choices) > 1 else f"write {choices[0]}"


def _text(wrong: _Wrong) -> tuple[str, str]:
    if isinstance(wrong.given, dict | list):
        return "must be text", _like(wrong)
    return "must be text, and this is a number or a truth value", "put it in quotes"


def _pattern(wrong: _Wrong) -> tuple[str, str]:
    if "secret://" in wrong.context["pattern"]:
        return "must be a reference to a secret, never the secret itself", "keep it in the secret store and write secret://PATH"
    return f"{shown(wrong.given)} is not what this key takes", _like(wrong)


def _like(wrong: _Wrong) -> str:
    example = json_schema.sample(wrong.node)
    return "indent its keys under it" if isinstance(example, dict) else f"write for example {_flow(example)}"


def _flow(example: Any) -> str:
    """Write an example the way a fabric does."""
    match example:
        case dict():
            return "{" + ", ".join(f"{key}: {_flow(value)}" for key, value in example.items()) + "}"
        case list():
            return f"[{', '.join(map(_flow, example))}]"
        case _:
            return str(example)


def _range(wrong: _Wrong) -> tuple[str, str]:
    node = wrong.node
    return f"{shown(wrong.given)} is out of range", f"it is from {node.get('minimum')} to {node.get('maximum')}"


def _own(wrong: _Wrong) -> tuple[str, str]:
    text = wrong.context["text"]
    given = f"{shown(wrong.given)} " if wrong.context.get("repeat", True) and not isinstance(wrong.given, dict | list) else ""
    return f"{given}{text}", wrong.context["mend"]


def _kind_of(what: str) -> Callable[[_Wrong], tuple[str, str]]:
    return lambda wrong: (f"must be {what}", _like(wrong))


def _as_pydantic(wrong: _Wrong) -> tuple[str, str]:
    return wrong.message[:1].lower() + wrong.message[1:], _like(wrong)


_SAID: dict[str, Callable[[_Wrong], tuple[str, str]]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "enum": _choice,
    "literal_error": _choice,
    "string_type": _text,
    "string_pattern_mismatch": _pattern,
    "int_type": _kind_of("a whole number"),
    "int_from_float": _kind_of("a whole number"),
    "float_type": _kind_of("a number"),
    "bool_type": _kind_of("true or false"),
    "list_type": _kind_of("a list"),
    "dict_type": _kind_of("a mapping of names"),
    "model_type": _kind_of("a mapping"),
    "model_attributes_type": _kind_of("a mapping"),
    "greater_than_equal": _range,
    "less_than_equal": _range,
    "unit": _own,
    "value_wrong": _own,
}
