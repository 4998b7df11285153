"""What one call to the face is, what it answers, and the error shape of Google's JSON interfaces."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
"""A JSON object."""


class ApiError(Exception):
    """An answer other than 2xx; ``reason`` is the word that clients branch on."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message

    def body(self) -> Json:
        """Give the error as Google's JSON interfaces write it (https://cloud.google.com/apis/design/errors)."""
        detail = {"domain": "global", "reason": self.reason, "message": self.message}
        return {"error": {"code": self.status, "message": self.message, "errors": [detail], "status": self.reason}}


@dataclass(slots=True, kw_only=True)
class Call:
    """One request: ``names`` are the path's variables; a ``stale`` read is answered from before the last write.

    The operation of a ``doomed`` write ends in an error.
    """

    method: str
    path: str
    names: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: Json = field(default_factory=dict)
    principal: str = ""
    stale: bool = False
    doomed: bool = False

    def need(self, key: str) -> str:
        """Give a query parameter that the API requires."""
        if key not in self.query:
            raise ApiError(400, "required", f"Required field '{key}' not specified")
        return self.query[key]


Handler = Callable[[Call], Json]
"""Answers a call with a JSON object, or raises ``ApiError``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method of an API: its name (``routers.get``), HTTP verb, and path with ``{variables}``."""

    operation: str
    method: str
    path: str
    answer: Handler


def invalid(message: str) -> ApiError:
    """Make the answer to a request that can never be taken."""
    return ApiError(400, "invalid", message)


def missing(what: str) -> ApiError:
    """Make the answer to a name that does not exist."""
    return ApiError(404, "notFound", f"The resource '{what}' was not found")


def merge(target: Json, patch: Mapping[str, Any]) -> Json:
    """Apply a JSON merge patch (RFC 7396): null removes, arrays are replaced whole."""
    merged = dict(target)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged
