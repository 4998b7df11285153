"""What is put aside of an event that nobody can read: enough to read it again once somebody can.

``wire/recorded.py`` reads it back, for ``pointsman decode``.

Of a queue's batch the unreadable messages alone, of a request its body with the headers that say what it is.
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
_TELLING = ("content-type", "ce-", "x-cloudscheduler")
"""How the headers begin that say what a request is; all others, a caller's token among them, are left out."""


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
    """Leave out the messages of a batch that were read."""
    ids = {one.delivery for one in bad}
    if not isinstance(raw, dict) or None in ids:
        return raw
    return raw | {"Records": [record for record in raw["Records"] if record.get("messageId") in ids]}


def _request(raw: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    told = {name.lower(): value for name, value in headers.items() if name.lower().startswith(_TELLING)}
    try:
        return {"_http": "POST", "headers": told, "body": raw.decode()}
    except UnicodeDecodeError:
        return {"_http": "POST", "headers": told, "body_base64": base64.b64encode(raw).decode()}
