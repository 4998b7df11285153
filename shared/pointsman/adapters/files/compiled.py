"""The compiled form: the fabric as JSON, as functions load it. Loading it needs neither YAML nor the declared models.

It is sealed with the hash of the fabric that was checked, so that what was changed by hand afterwards, past every rule, is refused.
"""

import msgspec

from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Fabric
from pointsman.core.values import canonical, parse

MARK = b'"name"'
"""A key that the compiled form has at its top and the declared form has not."""


class Sealed(Fabric, dict=True):
    """A fabric as it is written: ``seal`` is the hash of everything beside it."""

    seal: str


def looks_compiled(raw: bytes) -> bool:
    """Tell the compiled form from a declared one that happens to be written as JSON."""
    if raw.lstrip()[:1] != b"{" or MARK not in raw:
        return False
    try:
        top = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return "name" in top and "fabric" not in top


def read_compiled(raw: bytes, name: str) -> Fabric:
    """Read the compiled form. Raises ConfigError, naming the file, for what ``pointsman compile`` of this version did not write."""
    try:
        sealed = parse(raw, Sealed)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{name}: not a compiled fabric of this version ({error}); compile it again from its YAML") from error
    fabric = Fabric(**{field: getattr(sealed, field) for field in Fabric.__struct_fields__})
    if sealed.seal != fabric.hash:
        text = "was changed after 'pointsman compile' wrote it, or written by another version (its seal is not that of its content)"
        raise ConfigError(f"{name}: {text}; change the YAML and compile it again")
    return fabric


def write_compiled(fabric: Fabric) -> bytes:
    """Write the compiled form: the same fabric gives the same bytes, with one value a line so that a change can be read."""
    fields = {field: getattr(fabric, field) for field in Fabric.__struct_fields__}
    return msgspec.json.format(canonical(Sealed(**fields, seal=fabric.hash)), indent=2) + b"\n"
