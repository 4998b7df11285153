"""Frozen values and their one canonical JSON form, which digests and registers are made of."""

import hashlib
from typing import Any, TypeVar, dataclass_transform

import msgspec
from msgspec.structs import replace

__all__ = ["Frozen", "canonical", "digest", "parse", "replace"]

T = TypeVar("T")


class _FrozenMeta(msgspec.StructMeta):
    """Makes every value frozen, keyword-only and strict, so that no class has to say so again."""

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> type:
        strict = {"frozen": True, "kw_only": True, "omit_defaults": True, "forbid_unknown_fields": True}
        return super().__new__(mcls, name, bases, namespace, **(strict | options))


@dataclass_transform(kw_only_default=True, field_specifiers=(msgspec.field,))
class Frozen(msgspec.Struct, metaclass=_FrozenMeta):
    """Base of every value: immutable, keyword-only, compared by content; unknown fields are an error when read back."""


def canonical(value: object) -> bytes:
    """Give the JSON bytes of a value, equal for equal values (keys and sets sorted, no white space)."""
    return msgspec.json.encode(value, order="deterministic")


def parse(data: bytes | str, kind: type[T]) -> T:
    """Read a value of ``kind`` back from its JSON form. Raises ``msgspec.ValidationError`` (a ValueError) naming the path."""
    return msgspec.json.decode(data, type=kind)


def digest(data: bytes) -> str:
    """Name some bytes by their content: 32 hex digits of SHA-256."""
    return hashlib.sha256(data).hexdigest()[:32]
