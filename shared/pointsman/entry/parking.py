"""What is put aside of an event that nobody can read: enough to read it again once somebody can.

``wire/recorded.py`` reads it back, for ``pointsman decode``.

Of a batch the unreadable items alone, each as it came, also where it holds a batch of its own; of a request its body
with the headers that say what it is.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.entry.outcomes import Unreadable
from pointsman.wire.messages import KIND, PARKED

LIMIT = 240 * 1024
"""Most bytes of a parked event: with its envelope it fits into a message of either cloud. A longer one is left to the platform."""
REASONS_LIMIT = 10
"""Reasons told of one delivery."""
_TELLING = ("content-type", "ce-", "x-cloudscheduler", "x-slack-request-timestamp")
"""How the headers begin that say what a request is; all others, a caller's token among them, are left out."""
_GATEWAY = ("version", "body", "isBase64Encoded")
_GATEWAY_TIMES = ("timeEpoch", "requestTimeEpoch")
"""What is read of a request that came through API Gateway or a function URL, beside its headers."""


def parked(raw: object, headers: Mapping[str, str] | None, bad: Sequence[Unreadable]) -> bytes | None:
    """Write the message for the parking queue, ASCII JSON.

    None when the event is too long or too deep to be kept whole, or was parked already: then the platform is to keep it.
    """
    if any(one.parked for one in bad):
        return None
    try:
        event = _request(raw, headers or {}) if isinstance(raw, bytes) else _unread(raw, bad)
        body = json.dumps({KIND: PARKED, "why": reasons(bad), "event": event}).encode()
    except (TypeError, ValueError, RecursionError):
        return None
    return body if len(body) <= LIMIT else None


def reasons(bad: Sequence[Unreadable]) -> list[str]:
    """Say why, for the log and the queue."""
    return [one.why for one in bad[:REASONS_LIMIT]]


def _unread(raw: object, bad: Sequence[Unreadable]) -> object:
    """Leave out the items of a batch that were read; all else stays as it came."""
    numbers = {one.number for one in bad}
    if isinstance(raw, list):
        return _items(raw, numbers)
    if not isinstance(raw, dict):
        return raw
    if isinstance(raw.get("Records"), list):
        return raw | {"Records": _items(raw["Records"], numbers)}
    return _of_gateway(raw) if "requestContext" in raw else raw


def _items(batch: list[Any], numbers: set[int | None]) -> list[Any]:
    return batch if None in numbers else [item for number, item in enumerate(batch) if number in numbers]


def _of_gateway(event: dict[str, Any]) -> dict[str, Any]:
    """Keep what is read of a request through API Gateway or a function URL: its caller's token may stand in all the rest."""
    headers, about = event.get("headers"), event["requestContext"]
    kept = {name: event[name] for name in _GATEWAY if name in event}
    times = {name: about[name] for name in _GATEWAY_TIMES if name in about} if isinstance(about, dict) else {}
    return kept | {"requestContext": times, "headers": _telling(headers) if isinstance(headers, dict) else {}}


def _telling(headers: Mapping[str, str]) -> dict[str, str]:
    return {str(name).lower(): value for name, value in headers.items() if str(name).lower().startswith(_TELLING)}


def _request(raw: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    told = _telling(headers)
    try:
        return {"_http": "POST", "headers": told, "body": raw.decode()}
    except UnicodeDecodeError:
        return {"_http": "POST", "headers": told, "body_base64": base64.b64encode(raw).decode()}
