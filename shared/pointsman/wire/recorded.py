"""Payloads kept in a file: requests, and what was parked as it is taken out of the parking queue.

``{"_http": "..", "headers": {..}, "body": ..}`` stands for an HTTP request (``body_base64`` where it is no text). What was
parked (``entry/parking.py``) is read as its body alone, as ``aws sqs receive-message`` prints it, as
``gcloud pubsub subscriptions pull --format json`` does, and as a Pub/Sub push. A dead-letter queue is read the same way.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from pointsman.core.errors import RejectedEvent
from pointsman.core.values import Frozen
from pointsman.wire import fields, messages, payload

WRAPPED_LIMIT = 6
"""How often an event that was parked may have been parked again; what is wrapped deeper is read as it is."""
_MARK = "_http"


class Delivery(Frozen):
    """What ``decode`` takes: the body and, of a request, its headers. ``parked`` are the reasons it was parked for."""

    body: bytes | object
    headers: dict[str, str] | None = None
    parked: tuple[str, ...] = ()

    @property
    def data(self) -> bytes:
        """Give the body's bytes, as they are handed in again."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class _Parked(NamedTuple):
    event: object
    why: tuple[str, ...]


def deliveries(data: bytes) -> tuple[Delivery, ...]:
    """Read a kept payload: each message of a queue by itself, a request as its body and headers, all else as it is."""
    value = _loaded(data)
    if isinstance(value, _Parked):
        return (_unparked(value),)
    texts = tuple(_messages(value))
    if not _is_received(value) and not any(isinstance(_loaded(text), _Parked) for text, _ in texts):
        return (_request(value) or Delivery(body=data),)
    return tuple(_of_queue(text, whole) for text, whole in texts)


def _messages(value: Any) -> Iterator[tuple[bytes, object]]:
    """Give each message that was taken out of a queue: its text, and what stands for it when it is no parked event."""
    if _is_received(value):
        for one in value["Messages"]:
            text = _text(one, "Body").encode(errors="surrogatepass")
            yield text, text
        return
    for one in value if isinstance(value, list) else [value]:
        yield _pulled(one), one


def _is_received(value: Any) -> bool:
    """Say whether this is what SQS gave out, of a parking or a dead-letter queue; what it holds came in no other envelope."""
    return isinstance(value, dict) and isinstance(value.get("Messages"), list) and bool(value["Messages"])


def _pulled(one: object) -> bytes:
    message = one.get("message") if isinstance(one, dict) else None
    try:
        return payload.unbase64(_text(message, "data"), "$.message.data")
    except RejectedEvent:
        return b""


def _text(one: object, key: str) -> str:
    value = one.get(key) if isinstance(one, dict) else None
    return value if isinstance(value, str) else ""


def _of_queue(text: bytes, whole: object) -> Delivery:
    found = _loaded(text)
    return _unparked(found) if isinstance(found, _Parked) else Delivery(body=whole)


def _unparked(found: _Parked) -> Delivery:
    """Give the event that was parked first, with the first reasons."""
    for _ in range(WRAPPED_LIMIT):
        event, _why = found
        inside = _parked(event)
        if inside is None:
            break
        found = inside
    delivery = _request(found.event) or Delivery(body=found.event)
    return Delivery(body=delivery.body, headers=delivery.headers, parked=found.why)


def _request(value: object) -> Delivery | None:
    if not isinstance(value, dict) or _MARK not in value or not isinstance(value.get("headers"), dict):
        return None
    return Delivery(body=_body(value), headers=value["headers"])


def _body(request: dict[str, Any]) -> bytes:
    coded, body = request.get("body_base64"), request.get("body")
    if isinstance(coded, str):
        try:
            return payload.unbase64(coded, "$.body_base64")
        except RejectedEvent:
            return coded.encode(errors="surrogatepass")
    return body.encode(errors="surrogatepass") if isinstance(body, str) else json.dumps(body).encode()


def _loaded(data: bytes) -> object:
    """Read JSON, also such as pointsman reads in no event: what could not be read for its depth or its signs was parked too."""
    if len(data) > fields.BYTES_LIMIT:
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return _parked(value) or value


def _parked(value: object) -> _Parked | None:
    if not isinstance(value, dict) or value.get(messages.KIND) != messages.PARKED or "event" not in value:
        return None
    why = value.get("why")
    return _Parked(event=value["event"], why=tuple(one for one in why if isinstance(one, str)) if isinstance(why, list) else ())
