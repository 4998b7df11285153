"""Names and counts, held against their bounds by a walk of their own: what is out of bounds is told, and read all the same."""

import re
from collections.abc import Iterator
from typing import Any

from pointsman.adapters.files import json_schema, scalars
from pointsman.adapters.files.findings import Fault, Path, shown


def unbounded(data: Any) -> Iterator[Fault]:
    """Find names that are none, and lists and mappings with too few or too many entries."""
    yield from _within(json_schema.node_at((), data), data, ())


def _within(node: json_schema.Node, here: Any, path: Path) -> Iterator[Fault]:
    match here:
        case str() if node.get("pattern") == scalars.NAME_PATTERN and not scalars.is_name(here):
            mend = f"write for example {json_schema.sample(node)}"
            yield Fault(path=path, text=f"{shown(here)} is not what this key takes", mend=mend)
        case dict():
            yield from _counted(len(here), path, node.get("minProperties", 0), node.get("maxProperties", len(here)))
            yield from _misnamed(node, here, path)
            for key, value in here.items():
                yield from _within(json_schema.below(node, key, value), value, (*path, key))
        case list():
            yield from _counted(len(here), path, node.get("minItems", 0), node.get("maxItems", len(here)))
            for at, value in enumerate(here):
                yield from _within(json_schema.below(node, at, value), value, (*path, at))
        case _:
            return


def _misnamed(node: json_schema.Node, here: dict[str, Any], path: Path) -> Iterator[Fault]:
    expression = node.get("propertyNames", {}).get("pattern")
    for key in here if expression else ():
        if not re.fullmatch(expression, key):
            yield Fault(path=(*path, key), text="is not a name", mend="use a-z, 0-9 and hyphens, 40 characters at most", on_key=True)


def _counted(count: int, path: Path, least: int, most: int) -> Iterator[Fault]:
    if count < least:
        yield Fault(path=path, text=f"has {count} entries and needs {least}", mend="add the missing ones")
    if count > most:
        yield Fault(path=path, text=f"has more than {most} entries", mend="leave out or split")
