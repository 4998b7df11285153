"""Frozen values and their one canonical JSON form, which digests and registers are made of."""

import hashlib
from collections.abc import Callable
from typing import Any, Generic, TypeVar, dataclass_transform, overload

import msgspec
from msgspec.structs import replace

__all__ = ["Frozen", "Remembered", "canonical", "digest", "parse", "replace"]

S = TypeVar("S")
T = TypeVar("T")


class _FrozenMeta(msgspec.StructMeta):
    """Makes every value frozen, keyword-only and strict, so that no class has to say so again."""

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> type:
        strict = {"frozen": True, "kw_only": True, "omit_defaults": True, "forbid_unknown_fields": True}
        return super().__new__(mcls, name, bases, namespace, **(strict | options))


@dataclass_transform(kw_only_default=True, field_specifiers=(msgspec.field,))
class Frozen(msgspec.Struct, metaclass=_FrozenMeta):
    """Base of every value: immutable, keyword-only, compared by content; unknown fields are an error when read back."""


class Remembered(Generic[S, T]):
    """Makes of a method without arguments a property that a value (with ``dict=True``) works out once: without a lock, for nothing changes."""

    def __init__(self, work: Callable[[S], T]) -> None:
        self.__doc__ = work.__doc__
        self._work = work
        self._name = work.__name__

    @overload
    def __get__(self, value: None, kind: type) -> "Remembered[S, T]": ...

    @overload
    def __get__(self, value: S, kind: type) -> T: ...

    def __get__(self, value: S | None, kind: type) -> "Remembered[S, T] | T":
        """Work it out, and leave it where it is found before this is asked again."""
        if value is None:
            return self
        found = value.__dict__[self._name] = self._work(value)
        return found


def canonical(value: object) -> bytes:
    """Give the JSON bytes of a value, equal for equal values (keys and sets sorted, no white space)."""
    return msgspec.json.encode(value, order="deterministic")


def parse(data: bytes | str, kind: type[T]) -> T:
    """Read a value of ``kind`` back from its JSON form. Raises ``msgspec.DecodeError`` (a ValueError) and nothing else, whatever the data.

    Where the form is JSON of another kind that is a ``msgspec.ValidationError``, which names the path.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError:
        raise msgspec.DecodeError("it nests too deep") from None
    except UnicodeError as error:
        raise msgspec.DecodeError(
            f"it is no text ({error.reason})" if isinstance(error, UnicodeDecodeError) else "it is no text"
        ) from error


def digest(data: bytes) -> str:
    """Name some bytes by their content: 32 hex digits of SHA-256."""
    return hashlib.sha256(data).hexdigest()[:32]


def one_line(text: str) -> str:
    """Put a space for every sign that is not printed, line ends and what turns writing round among them."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else " " for sign in text)
