"""Requests kept in a file: ``{"_http": "..", "headers": {..}, "body": ..}`` stands for an HTTP request."""

from pointsman.core.errors import RejectedEvent
from pointsman.core.values import Frozen, canonical
from pointsman.wire import fields

_MARK = "_http"


class Delivery(Frozen):
    """What ``decode`` takes: the body and, of a request, its headers."""

    body: bytes
    headers: dict[str, str] | None = None


def delivery(data: bytes) -> Delivery:
    """Read a kept payload: a kept request gives its body and headers, anything else is a body by itself."""
    try:
        value = fields.parse(data)
    except RejectedEvent:
        return Delivery(body=data)
    if not isinstance(value, dict) or _MARK not in value or not isinstance(value.get("headers"), dict):
        return Delivery(body=data)
    body = value.get("body")
    return Delivery(body=body.encode() if isinstance(body, str) else canonical(body), headers=value["headers"])
