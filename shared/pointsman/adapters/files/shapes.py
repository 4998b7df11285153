"""Whether a file's data has the declared shape, in sentences; and the same data made whole, so that rules can still run.

A wrong value is replaced by its key's example (or left out, where it may be), and the file knows where. What a rule says
of a replaced value is not reported, so one mistake gives one finding; and a rule that compares values leaves it out, so
that it hides no other mistake.
"""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pointsman.adapters.files import json_schema
from pointsman.adapters.files.declared import File
from pointsman.adapters.files.findings import SHOWN_LIMIT, Fault, Path, likely, nearest, shown
from pointsman.core.values import Frozen

MAX_ROUNDS = 4
"""Most rounds of repair; a file that is still wrong then gets no rules run over it."""

_TAGS = {"aws", "gcp"}
_KEY = "[key]"
_TAGGED = 3
_TAG_AT = 2


class Shaped(Frozen, eq=False):
    """A file of the declared shape, perhaps after repairs; ``whole`` is None when it could not be made whole."""

    whole: File | None
    faults: tuple[Fault, ...]

    def sound(self, fault: Fault) -> bool:
        """Say whether a fault follows from what the user wrote, not from a repair."""
        return self.whole is not None and all(self.whole.wrote(path) for path in (fault.path, *fault.related))


def shape(data: Any) -> Shaped:
    """Hold data against the declared models and repair it."""
    data = copy.deepcopy(data)
    faults = [_empty(path, data) for path in _nulls(data, ())]
    repaired = {fault.path for fault in faults}
    for path in sorted(repaired, key=len, reverse=True):
        _mend(data, path, drop=not json_schema.required_at(path, data))
    for _ in range(MAX_ROUNDS):
        try:
            whole = File.model_validate_json(json.dumps(data))
        except ValidationError as error:
            found = [_Wrong(one, data) for one in error.errors(include_url=False)]
            faults += [one.fault() for one in _told(found) if not _inside(one.path, repaired)]
            repaired |= {one.path for one in found}
            for one in sorted(found, key=lambda one: len(one.path), reverse=True):
                _mend(data, one.path, drop=one.droppable)
        else:
            return Shaped(whole=whole.mended(frozenset(repaired)), faults=tuple(faults))
    return Shaped(whole=None, faults=tuple(faults))


def _inside(path: Path, repaired: set[Path]) -> bool:
    return any(path[:end] in repaired for end in range(len(path) + 1))


def _nulls(data: Any, path: Path) -> Iterator[Path]:
    match data:
        case None:
            yield path
        case dict():
            for key, value in data.items():
                yield from _nulls(value, (*path, key))
        case list():
            for at, value in enumerate(data):
                yield from _nulls(value, (*path, at))
        case _:
            return


def _empty(path: Path, data: Any) -> Fault:
    known = json_schema.keys_at(path[:-1], data)
    if known and path[-1] not in known:
        return Fault(path=path, text="unknown key", mend=nearest(str(path[-1]), known), on_key=True)
    mend = "give it a value" if json_schema.required_at(path, data) else "give it a value or remove the key"
    return Fault(path=path, text="is empty", mend=mend, on_key=True)


def _mend(data: Any, path: Path, *, drop: bool) -> None:
    *above, last = path
    here = data
    for step in above:
        here = _into(here, step)
    if drop and isinstance(here, dict):
        here.pop(last, None)
    elif _fits(here, last):
        here[last] = json_schema.sample(json_schema.node_at(path, data))


def _into(data: Any, step: str | int) -> Any:
    return data[step] if _fits(data, step) and not (isinstance(data, dict) and step not in data) else None


def _fits(data: Any, step: str | int) -> bool:
    return isinstance(data, dict) if isinstance(step, str) else isinstance(data, list) and step < len(data)


class _Wrong:
    """One error of pydantic's, read against the data."""

    def __init__(self, error: ErrorDetails, data: Any) -> None:
        self._error = error
        self._data = data
        self._kind = error["type"]
        self.path = _untagged(error["loc"])

    @property
    def droppable(self) -> bool:
        return self.unknown or self.of_name

    def fault(self) -> Fault:
        text, mend = _SAID.get(self._kind, _as_pydantic)(self)
        on_key = self._kind in {"missing", "extra_forbidden"} or _KEY in self._error["loc"]
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

    @property
    def of_name(self) -> bool:
        return _KEY in self._error["loc"]


def _told(found: list[_Wrong]) -> Iterator[_Wrong]:
    """Leave out a key that is missing because it is misspelt: the unknown key beside it says so."""
    meant = {(*one.path[:-1], likely(str(one.path[-1]), one.siblings)) for one in found if one.unknown}
    return (one for one in found if not (one.missing and one.path in meant))


def _untagged(loc: tuple[int | str, ...]) -> Path:
    """Give an error's path as the file has it: pydantic also names the kind of a site, and says when a key is meant."""
    if len(loc) >= _TAGGED and loc[0] == "sites" and loc[_TAG_AT] in _TAGS:
        loc = (*loc[:_TAG_AT], *loc[_TAG_AT + 1 :])
    return tuple(step for step in loc if step != _KEY)


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


def _cloud(wrong: _Wrong) -> tuple[str, str]:
    if wrong.context.get("tag") is None:
        close = likely("cloud", wrong.given) if isinstance(wrong.given, dict) else None
        mend = f"write cloud where it says {shown(close)}" if close else "add cloud: aws or cloud: gcp"
        return "required key cloud is missing", mend
    return f"cloud {shown(wrong.context['tag'])} is not one of aws, gcp", "write cloud: aws or cloud: gcp"


def _text(wrong: _Wrong) -> tuple[str, str]:
    if isinstance(wrong.given, dict | list):
        return "must be text", _like(wrong)
    return "must be text, and this is a number or a truth value", "put it in quotes"


def _pattern(wrong: _Wrong) -> tuple[str, str]:
    if wrong.of_name:
        return "is not a name", "use a-z, 0-9 and hyphens, 40 characters at most"
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


def _few(wrong: _Wrong) -> tuple[str, str]:
    least = wrong.context["min_length"]
    return f"has {wrong.context['actual_length']} entries and needs {least}", "add the missing ones"


def _many(wrong: _Wrong) -> tuple[str, str]:
    return f"has more than {wrong.context['max_length']} entries", "leave out or split"


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
    "union_tag_invalid": _cloud,
    "union_tag_not_found": _cloud,
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
    "too_short": _few,
    "too_long": _many,
    "unit": _own,
    "value_wrong": _own,
}
