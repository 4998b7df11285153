"""The compiled form: the fabric as JSON, as functions load it. Loading it needs neither YAML nor the declared models."""

import msgspec

from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Fabric
from pointsman.core.values import canonical, parse

MARK = b'"name"'
"""A key that the compiled form has at its top and the declared form has not."""


def looks_compiled(raw: bytes) -> bool:
    """Tell the compiled form from a declared one that happens to be written as JSON."""
    if raw.lstrip()[:1] != b"{" or MARK not in raw:
        return False
    try:
        top = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return "name" in top and "fabric" not in top


def read_compiled(raw: bytes, name: str) -> Fabric:
    """Read the compiled form. Raises ConfigError, naming the file."""
    try:
        return parse(raw, Fabric)
    except (msgspec.DecodeError, ValueError) as error:
        raise ConfigError(f"{name}: not a compiled fabric of this version ({error}); compile it again from its YAML") from error


def write_compiled(fabric: Fabric) -> bytes:
    """Write the compiled form: the same fabric gives the same bytes, with one value a line so that a change can be read."""
    return msgspec.json.format(canonical(fabric), indent=2) + b"\n"
