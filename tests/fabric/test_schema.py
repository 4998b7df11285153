"""The JSON Schema agrees with the check, and the reference of keys with both."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from pointsman.adapters.files import schema
from pointsman.adapters.files.declared import File
from pointsman.adapters.files.json_schema import keys_at, node_at, sample
from pointsman.adapters.files.places import read_tree
from pointsman.adapters.files.shapes import shape
from tests.fabric.reference import rows
from tests.fabric.test_any_text import words
from tests.fabric.written import ATLAS, EXAMPLES, Edit, edited

SCHEMA = Draft202012Validator(schema())
DOCS = EXAMPLES.parent / "fabric.md"

ADDRESSES = ("is not an IPv4", "is not a prefix", "has host bits", "is not a store URL", "is not an https://", "that is not printed")


def by_schema(data: object) -> bool:
    return bool(SCHEMA.is_valid(data))


def by_check(data: object) -> bool:
    return not [fault for fault in shape(data).faults if not any(text in fault.text for text in ADDRESSES)]


def agree(text: str) -> None:
    data = read_tree(text.encode()).data
    assert by_schema(data) == by_check(data), shape(data).faults


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.yaml")))
def test_the_schema_accepts_every_example(name: str) -> None:
    assert by_schema(read_tree((EXAMPLES / name).read_bytes()).data)


SHAPES: list[Edit] = [
    ("    capacity: 10Gbps", "    capasity: 10Gbps"),
    ("capacity: 10Gbps", "capacity: 10"),
    ("capacity: 10Gbps", "capacity: 0Gbps"),
    ("capacity: 10Gbps", "capacity: 10gbps"),
    ("hold: 60s,", "hold: 0s,"),
    ("graceful_restart: 120s", "graceful_restart: 0s"),
    ("graceful_restart: 120s", "graceful_restart: 2min"),
    ("kind: vpn", "kind: vpnn"),
    ("cloud: gcp", "cloud: azure"),
    ("cloud: gcp", "clod: gcp"),
    ("between: [aws-use1, gcp-use4]", "between: [aws-use1]"),
    ("mtu: 8500", "mtu: 90000"),
    ("mtu: 8500", "mtu: 8500.5"),
    ("mtu: 8500", "mtu: 8500.0"),
    ("mtu: 8500", "mtu: true"),
    ("cost_per_gb: 0.05", "cost_per_gb: -1"),
    ("cost_per_gb: 0.05", "cost_per_gb: 1"),
    ('account: "111122223333"', "account: 111122223333"),
    ("members: [{id: m1}]", "members: []"),
    ("    mode: recommend", "    mode:"),
    ("    mode: recommend", "    mode: [auto]"),
    ("  ix-a: ", "  Ix A: "),
    ("prefer: [ix-a, ix-b]", "prefer: []"),
    ("secret://pointsman/noc-routing-key", "R0UT1NGK3Y"),
    ("version: 1", "version: 1.0"),
    ("version: 1", 'version: "1"'),
    ("min_severity: warning", "min_severity: loud"),
    ("stores:\n", "stores: 3\nstorez:\n"),
]


@pytest.mark.parametrize("edit", SHAPES, ids=[new for _, new in SHAPES])
def test_schema_and_check_agree_on_shapes(edit: Edit) -> None:
    agree(edited(edit))


@settings(max_examples=200)
@given(st.data())
def test_schema_and_check_agree_on_any_value_in_any_place(data: st.DataObject) -> None:
    tree = read_tree(ATLAS.encode()).data
    path = data.draw(st.sampled_from(list(places(tree, ()))))
    value: object = data.draw(words | st.none() | st.integers() | st.booleans() | st.just([]) | st.just({}) | st.floats(allow_nan=False))
    holder = tree
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    assert by_schema(tree) == by_check(tree), (path, value, shape(tree).faults)


def places(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in entries:
        yield (*path, step)
        yield from places(below, (*path, step))


def test_every_key_is_described_and_has_a_valid_example() -> None:
    for name, part in {**schema()["$defs"], "File": schema()}.items():
        for key, node in part.get("properties", {}).items():
            assert node.get("description"), f"{name}.{key}"
            alone = {"$defs": schema()["$defs"], **node}
            assert Draft202012Validator(alone).is_valid(sample(node)), f"{name}.{key}"
            assert Draft202012Validator(alone).is_valid(node.get("default", sample(node))), f"{name}.{key}"


def test_a_sample_of_the_whole_file_has_its_shape() -> None:
    made = sample(schema())
    assert by_schema(made)
    assert File.model_validate_json(json.dumps(made)).version == 1


def test_keys_are_known_by_path_also_within_the_two_kinds_of_site() -> None:
    data = read_tree(ATLAS.encode()).data
    assert "router" in keys_at(("sites", "gcp-use4"), data)
    assert "route_tables" in keys_at(("sites", "aws-use1"), data)
    assert node_at(("nothing", 3), data) == {}


def test_the_reference_tells_of_every_key_what_the_schema_does() -> None:
    sections = DOCS.read_text().split("\n### ")[1:]
    written = {part.splitlines()[0]: [line for line in part.splitlines() if line.startswith("| `")] for part in sections}
    assert written == dict(rows())
