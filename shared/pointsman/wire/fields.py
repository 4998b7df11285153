"""Typed fields out of JSON from outside, with the path of each: the only error is ``RejectedEvent``.

The bounds of everything that is read are here; what is longer or deeper is rejected, except free text, which is cut.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NoReturn, TypeVar

import msgspec

from pointsman.core.errors import RejectedEvent
from pointsman.core.values import Frozen, one_line
from pointsman.wire import times

BYTES_LIMIT = 16 * 1024 * 1024
"""Longest payload, in bytes: above what either cloud delivers (Lambda 6 MB, a Pub/Sub push 10 MB before base64)."""
DEPTH_LIMIT = 40
"""Deepest nesting of objects and arrays."""
NODES_LIMIT = 1_000_000
"""Most values in one payload."""
ITEMS_LIMIT = 10_000
"""Most items that are read of one array: an SQS batch holds at most that many records."""
NAME_LIMIT = 512
"""Longest identifier, in characters."""
TEXT_LIMIT = 8192
"""Longest text that is searched, in characters."""

T = TypeVar("T")


class Table(Frozen):
    """A JSON object and where it was found. ``path`` is a JSONPath such as ``$.detail.routes[0]``."""

    values: dict[str, Any]
    path: str = "$"

    def __contains__(self, key: object) -> bool:
        """Say whether the key is there with a value: null counts as absent."""
        return self.values.get(key) is not None if isinstance(key, str) else False

    def get(self, key: str) -> object:
        """Give the raw value, None where it is absent."""
        return self.values.get(key)

    def refuse(self, key: str, why: str) -> NoReturn:
        """Raise ``RejectedEvent`` for one key."""
        raise RejectedEvent(why, path=self.at(key))

    def at(self, key: str) -> str:
        """Give the path of one key."""
        return f"{self.path}.{key}"

    def table(self, key: str) -> "Table":
        """Give the object under a key."""
        return table(self._need(key), self.at(key))

    def table_or_empty(self, key: str) -> "Table":
        """Give the object under a key, an empty one where it is absent."""
        return self.table(key) if key in self else Table(values={}, path=self.at(key))

    def items(self, key: str, limit: int = ITEMS_LIMIT) -> tuple[object, ...]:
        """Give the array under a key, empty where it is absent; more than ``limit`` items are rejected."""
        value = self.get(key)
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            self.refuse(key, "should be an array")
        if len(value) > limit:
            self.refuse(key, f"has more than {limit} items")
        return tuple(value)

    def tables(self, key: str, limit: int = ITEMS_LIMIT) -> tuple["Table", ...]:
        """Give the array of objects under a key."""
        return tuple(table(item, f"{self.at(key)}[{number}]") for number, item in enumerate(self.items(key, limit)))

    def names(self, key: str, limit: int = ITEMS_LIMIT) -> tuple[str, ...]:
        """Give the array of identifiers under a key."""
        return tuple(_name(item, f"{self.at(key)}[{number}]") for number, item in enumerate(self.items(key, limit)))

    def name(self, key: str) -> str:
        """Give an identifier: printable, one line, never empty, without white space around it."""
        return _name(self._need(key), self.at(key))

    def name_or_empty(self, key: str) -> str:
        """Give an identifier, empty where it is absent or blank."""
        value = self.get(key)
        return "" if value is None or (isinstance(value, str) and not value.strip()) else self.name(key)

    def text(self, key: str, limit: int = TEXT_LIMIT) -> str:
        """Give a text that is searched; longer than ``limit`` is rejected."""
        value = _text(self._need(key), self.at(key))
        if len(value) > limit:
            self.refuse(key, f"is longer than {limit} characters")
        return value

    def prose(self, key: str, limit: int) -> str:
        """Give free text cut to ``limit`` characters, empty where it is absent or no text."""
        value = self.get(key)
        return printable(value, limit) if isinstance(value, str) else ""

    def integer(self, key: str) -> int:
        """Give a whole number of at most 64 bits."""
        value = self._need(key)
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 1 << 63:
            self.refuse(key, "should be a whole number of at most 64 bits")
        return value

    def flag(self, key: str) -> bool:
        """Say whether a key is true, or the text ``true``."""
        return self.get(key) in (True, "true", "True")

    def time(self, key: str, form: Callable[[object], datetime] = times.rfc3339) -> datetime:
        """Give the time under a key in one of the forms of ``times``."""
        value = self._need(key)
        try:
            return form(value)
        except ValueError as error:
            raise RejectedEvent(str(error), path=self.at(key)) from error

    def time_or_none(self, key: str, form: Callable[[object], datetime] = times.rfc3339) -> datetime | None:
        """Give the time under a key, None where it is absent or blank."""
        return self.time(key, form) if self.get(key) not in (None, "") else None

    def choice(self, key: str, choices: Mapping[str, T]) -> T:
        """Give what a word stands for. The words known are named in the error."""
        value = self._need(key)
        if not isinstance(value, str) or value not in choices:
            self.refuse(key, f"should be one of {', '.join(choices)}")
        return choices[value]

    def _need(self, key: str) -> object:
        value = self.get(key)
        if value is None:
            self.refuse(key, "is missing")
        return value


def table(value: object, path: str = "$") -> Table:
    """See a value as a JSON object."""
    if not isinstance(value, dict):
        raise RejectedEvent("should be an object", path=path)
    return Table(values=value, path=path)


def printable(value: str, limit: int) -> str:
    """Cut free text and put a space for what cannot be printed on one line."""
    return one_line(value[:limit]).strip()


def parse(data: bytes | str, path: str = "$") -> object:
    """Read JSON bytes within the bounds of this module."""
    if len(data) > BYTES_LIMIT:
        raise RejectedEvent(f"is longer than {BYTES_LIMIT} bytes", path=path)
    if not data.strip():
        raise RejectedEvent("is empty: there is nothing to read", path=path)
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise RejectedEvent("is no JSON that can be read", path=path) from error
    return bounded(value, path)


def bounded(value: object, path: str = "$") -> object:
    """Pass plain JSON values through that are within the bounds; anything else is rejected."""
    for count, (node, depth) in enumerate(_walk(value)):
        if count > NODES_LIMIT or depth > DEPTH_LIMIT:
            raise RejectedEvent(f"is nested deeper than {DEPTH_LIMIT} or holds more than {NODES_LIMIT} values", path=path)
        if not isinstance(node, dict | list | tuple | str | int | float | None):
            raise RejectedEvent("holds something that is not JSON", path=path)
        if isinstance(node, dict) and not all(isinstance(key, str) for key in node):
            raise RejectedEvent("has a key that is not a text", path=path)
    return value


def _walk(value: object) -> Iterator[tuple[object, int]]:
    waiting: list[tuple[object, int]] = [(value, 0)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        if isinstance(node, dict):
            waiting.extend((child, depth + 1) for child in node.values())
        elif isinstance(node, list | tuple):
            waiting.extend((child, depth + 1) for child in node)


def _text(value: object, path: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise RejectedEvent("should be a text that is not empty", path=path)
    return value


def _name(value: object, path: str) -> str:
    text = _text(value, path).strip()
    if len(text) > NAME_LIMIT:
        raise RejectedEvent(f"is longer than {NAME_LIMIT} characters", path=path)
    if not text.isprintable():
        raise RejectedEvent("holds a sign that no identifier has", path=path)
    return text
