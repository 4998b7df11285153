"""The tables of the reference of keys, as the schema has them."""

from collections.abc import Iterator
from typing import Any

from pointsman.adapters.files import schema

Node = dict[str, Any]


def rows() -> Iterator[tuple[str, list[str]]]:
    """Give each part of the file with one table row for every key."""
    top = schema()
    for name, part in {"File": top, **top["$defs"]}.items():
        if "properties" in part:
            yield name, [row(key, node, required=key in part.get("required", ())) for key, node in part["properties"].items()]


def row(key: str, node: Node, *, required: bool) -> str:
    default = "required" if required else f"`{plain(node['default'])}`" if node.get("default") not in (None, {}, []) else ""
    default = "each key's" if "$ref" in node and isinstance(node.get("default"), dict) else default
    return f"| `{key}` | {kind(node)} | {default} | {node['description']} |"


def plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def kind(node: Node) -> str:
    if "$ref" in node:
        return enumerated(node["$ref"].rpartition("/")[2])
    if "const" in node:
        return f"`{node['const']}`"
    if "oneOf" in node:
        return " or ".join(kind(one) for one in node["oneOf"])
    if node["type"] == "array":
        return f"list of {kind(node['items'])}"
    if node["type"] == "object":
        return f"mapping of name to {kind(node['additionalProperties'])}"
    return scalar(node)


def scalar(node: Node) -> str:
    bounds = f", {node['minimum']} to {node['maximum']}" if "minimum" in node else ""
    return f"like `{node.get('default', node['examples'][0])}`" if node["type"] == "string" else f"{node['type']}{bounds}"


def enumerated(name: str) -> str:
    part = schema()["$defs"][name]
    return ", ".join(f"`{one}`" for one in part["enum"]) if "enum" in part else f"[{name}](#{name.lower()})"
