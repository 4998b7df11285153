"""The file's JSON Schema, made from the declared models: for editors, for suggestions and for repairs."""

import copy
from datetime import timedelta
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from pointsman.adapters.files import scalars
from pointsman.adapters.files.declared import File
from pointsman.adapters.files.findings import Path
from pointsman.adapters.files.units import spoken_duration

DIALECT = "https://json-schema.org/draft/2020-12/schema"
"""The JSON Schema dialect that is written."""

Node = dict[str, Any]


class _Spoken(GenerateJsonSchema):
    """Writes defaults the way a fabric does."""

    def encode_default(self, dft: Any) -> Any:
        """Write a default value; a key that says nothing is left out."""
        if isinstance(dft, timedelta):
            return spoken_duration(dft)
        value = super().encode_default(dft)
        return {key: one for key, one in value.items() if one is not None} if isinstance(value, dict) else value


@cache
def _made() -> Node:
    made: Node = _tidy(File.model_json_schema(schema_generator=_Spoken))
    return {"$schema": DIALECT, **made, "title": "pointsman fabric"}


def schema() -> Node:
    """Give the JSON Schema of a fabric file: shapes, patterns of units and identifiers, bounds, descriptions.

    What it refuses, a check refuses too; a check also knows what a schema cannot say (names, addresses, overlaps).
    """
    return copy.deepcopy(_made())


def node_at(path: Path, data: object) -> Node:
    """Give the schema of what stands at a path; ``data`` tells the kinds of sites apart. {} when nothing may stand there."""
    node = _resolve(_made(), data)
    for step in path:
        data = _child(data, step)
        node = below(node, step, data)
    return node


def below(node: Node, step: str | int, data: object) -> Node:
    """Give the schema of what stands one step below, which is ``data``."""
    return _resolve(_step(node, step), data)


def keys_at(path: Path, data: object) -> list[str]:
    """List the keys that a mapping at this path may have."""
    return list(node_at(path, data).get("properties", {}))


def required_at(path: Path, data: object) -> bool:
    """Say whether the last step of a path is a key that its mapping must have."""
    return bool(path) and path[-1] in node_at(path[:-1], data).get("required", ())


def sample(node: Node) -> Any:
    """Make a smallest valid value of a schema, from its examples."""
    node = _resolve(node, None)
    if node.get("examples"):
        return copy.deepcopy(node["examples"][0])
    for key in ("const", "default"):
        if key in node:
            return copy.deepcopy(node[key])
    return _sample_of_type(node)


def _sample_of_type(node: Node) -> Any:
    if "enum" in node:
        return node["enum"][0]
    if "items" in node:
        return [sample(node["items"])] * node.get("minItems", 0)
    properties = node.get("properties", {})
    made = {key: sample(properties[key]) for key in node.get("required", ())}
    if node.get("minProperties") and not properties:
        made[scalars.SAMPLE_NAME] = sample(node["additionalProperties"])
    return made


def _child(data: object, step: str | int) -> object:
    match data, step:
        case dict(), str():
            return data.get(step)
        case list(), int() if step < len(data):
            return data[step]
    return None


def _step(node: Node, step: str | int) -> Node:
    if isinstance(step, int):
        return node.get("items") or {}
    below = node.get("properties", {}).get(step) or node.get("additionalProperties") or {}
    return below if isinstance(below, dict) else {}


def _resolve(node: Node, data: object) -> Node:
    if "$ref" in node:
        target = _made()["$defs"][node["$ref"].rpartition("/")[2]]
        return {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return _resolve(_alternative(node, data), data) if "oneOf" in node else node


def _alternative(node: Node, data: object) -> Node:
    cloud = _child(data, "cloud")
    made: list[Node] = [_resolve(one, None) for one in node["oneOf"]]
    fitting = [one for one in made if one["properties"]["cloud"].get("const") == cloud]
    return (fitting or made)[0]


def _tidy(node: Any) -> Any:
    if isinstance(node, list):
        return [_tidy(one) for one in node]
    if not isinstance(node, dict):
        return node
    node = {key: value for key, value in node.items() if key not in {"title", "discriminator"} or not isinstance(value, str | dict)}
    return {key: _tidy(value) for key, value in _named(_present(node)).items()}


def _present(node: Node) -> Node:
    """Leave out null: a key that says nothing is left out of the file."""
    if "anyOf" not in node:
        return node
    (there,) = (one for one in node["anyOf"] if one.get("type") != "null")
    rest = {key: value for key, value in node.items() if key not in {"anyOf", "default"}}
    return {**there, **rest}


def _named(node: Node) -> Node:
    """Say of a mapping by name that no other keys fit than names."""
    if "patternProperties" not in node:
        return node
    rest = {key: value for key, value in node.items() if key not in {"patternProperties", "propertyNames"}}
    ((name, value),) = node["patternProperties"].items()
    return {**rest, "propertyNames": {"pattern": name}, "additionalProperties": value}
