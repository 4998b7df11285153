"""What payloads come wrapped in, each opened into the payloads inside.

SQS batches, SNS, API Gateway and function URLs; Pub/Sub pushes, CloudEvents of both modes; arrays.
Opening raises ``RejectedEvent`` for its own record only: a batch is opened first, then each of its records.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from pointsman.core.errors import RejectedEvent
from pointsman.core.sightings import Vantage
from pointsman.core.values import Frozen, replace
from pointsman.wire import fields, payload, times
from pointsman.wire.fields import Table
from pointsman.wire.record import Context

CLOUD_EVENT_TYPE = "ce-type"
"""The header that a binary CloudEvent names its type in; a structured one is given it too."""
ENVELOPES_LIMIT = 6
"""Deepest nesting of envelopes: SNS in SQS in Lambda is three."""


class Inside(Frozen):
    """One payload out of an envelope."""

    body: object
    context: Context


class Envelope(Frozen):
    """How one kind of envelope is known and opened."""

    name: str
    recognises: Callable[[Table], bool]
    open: Callable[[Table, Context], Iterator[Inside]]


def _inside(body: object, context: Context, path: str, **also: object) -> Inside:
    return Inside(body=body, context=replace(context, path=path, depth=context.depth + 1, **also))


def told_at(values: object, key: str, form: Callable[[object], datetime] = times.rfc3339) -> datetime | None:
    """Give the time that an envelope tells, None where it tells none that can be read.

    It is the time of what has none of its own, and no reason to refuse what has one: whoever needs it says that it is missing.
    """
    try:
        return form(values[key]) if isinstance(values, Mapping) and key in values else None
    except ValueError:
        return None  # as if the envelope told none


def _item(body: object, context: Context, path: str, number: int) -> Inside:
    """Open one item of a batch. Only the outermost batch is one that whoever delivered it knows the items of."""
    here = replace(context, number=number, delivery=_message_id(body)) if context.depth == 0 else context
    return _inside(body, here, f"{path}[{number}]")


def _records(event: Table, context: Context) -> Iterator[Inside]:
    """Open a Lambda batch into its records."""
    for number, record in enumerate(event.items("Records")):
        yield _item(record, replace(context, vantage=Vantage.AWS), event.at("Records"), number)


def _message_id(record: object) -> str | None:
    value = record.get("messageId") if isinstance(record, dict) else None
    return value if isinstance(value, str) and 0 < len(value) <= fields.NAME_LIMIT else None


def _sqs(record: Table, context: Context) -> Iterator[Inside]:
    sent = told_at(record.get("attributes"), "SentTimestamp", times.epoch_millis)
    body = fields.parse(record.text("body", fields.BYTES_LIMIT), record.at("body"))
    yield _inside(body, context, record.at("body"), arrived_at=sent)


def _sns_record(record: Table, context: Context) -> Iterator[Inside]:
    yield from _sns(record.table("Sns"), context)


def _sns(notification: Table, context: Context) -> Iterator[Inside]:
    body = fields.parse(notification.text("Message", fields.BYTES_LIMIT), notification.at("Message"))
    yield _inside(body, context, notification.at("Message"), vantage=Vantage.AWS, arrived_at=told_at(notification.values, "Timestamp"))


def _api_gateway(event: Table, context: Context) -> Iterator[Inside]:
    headers = payload.lowered(event.table_or_empty("headers").values)
    path = event.at("body")
    text = event.text("body", fields.BYTES_LIMIT)
    data: bytes | str = payload.unbase64(text, path) if event.flag("isBase64Encoded") else text
    request = event.get("requestContext")
    at = told_at(request, "timeEpoch", times.epoch_millis) or told_at(request, "requestTimeEpoch", times.epoch_millis)
    yield _inside(payload.parsed(data, headers, path), context, path, vantage=Vantage.AWS, arrived_at=at, headers=headers)


def _pubsub(event: Table, context: Context) -> Iterator[Inside]:
    message = event.table("message")
    at = told_at(message.values, "publishTime") or told_at(message.values, "publish_time")
    path = message.at("data")
    data = payload.unbase64(message.text("data", fields.BYTES_LIMIT), path)
    yield _inside(fields.parse(data, path), context, path, vantage=Vantage.GCP, arrived_at=at)


def _structured(event: Table, context: Context) -> Iterator[Inside]:
    headers = {CLOUD_EVENT_TYPE: event.name("type")}
    yield _inside(_data(event), context, event.at("data"), vantage=Vantage.GCP, arrived_at=told_at(event.values, "time"), headers=headers)


def _data(event: Table) -> object:
    """Give a structured CloudEvent's data, which is any JSON, its text, or its base64 (CloudEvents JSON format 1.0.2, section 3.1)."""
    if "data_base64" in event:
        path = event.at("data_base64")
        return fields.parse(payload.unbase64(event.text("data_base64", fields.BYTES_LIMIT), path), path)
    data = event.get("data")
    if isinstance(data, list):
        return data
    return fields.parse(event.text("data", fields.BYTES_LIMIT), event.at("data")) if isinstance(data, str) else event.table("data").values


def _is_sns(body: Table) -> bool:
    return body.get("Type") == "Notification" and "TopicArn" in body.values


def _is_pubsub(body: Table) -> bool:
    message = body.get("message")
    return isinstance(message, dict) and ("subscription" in body.values or "messageId" in message or "data" in message)


ENVELOPES = (
    Envelope(name="Lambda batch", recognises=lambda body: "Records" in body.values, open=_records),
    Envelope(name="SQS record", recognises=lambda body: body.get("eventSource") == "aws:sqs", open=_sqs),
    Envelope(name="SNS record", recognises=lambda body: body.get("EventSource") == "aws:sns", open=_sns_record),
    Envelope(name="SNS notification", recognises=_is_sns, open=_sns),
    Envelope(
        name="API Gateway request", recognises=lambda body: "requestContext" in body.values and "body" in body.values, open=_api_gateway
    ),
    Envelope(name="Pub/Sub push", recognises=_is_pubsub, open=_pubsub),
    Envelope(name="CloudEvent", recognises=lambda body: "specversion" in body.values and "type" in body.values, open=_structured),
)
"""Every envelope, in the order in which they are tried."""


def opened(body: object, context: Context) -> tuple[Inside, ...] | None:
    """Open one envelope, None when it is none. Raises ``RejectedEvent``."""
    if isinstance(body, list | tuple):
        return _array(body, context)
    table = fields.table(body, context.path)
    kind = next((one for one in ENVELOPES if one.recognises(table)), None)
    if kind is None:
        return None
    if context.depth >= ENVELOPES_LIMIT:
        raise RejectedEvent(f"is wrapped more than {ENVELOPES_LIMIT} times", path=context.path)
    return tuple(kind.open(table, context))


def _array(body: list[object] | tuple[object, ...], context: Context) -> tuple[Inside, ...]:
    """Open a batch of payloads (``application/cloudevents-batch+json`` is one)."""
    if not body:
        raise RejectedEvent("is an empty array: there is nothing to read", path=context.path)
    if len(body) > fields.ITEMS_LIMIT or context.depth >= ENVELOPES_LIMIT:
        raise RejectedEvent(f"is an array that is longer than {fields.ITEMS_LIMIT} or too deep", path=context.path)
    return tuple(_item(item, context, context.path, number) for number, item in enumerate(body))
