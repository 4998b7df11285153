"""The one door: whatever a cloud, a chat or a schedule sent comes in, and what it means goes out."""

from collections.abc import Mapping

from pointsman.core.errors import RejectedEvent
from pointsman.core.sightings import Ignored, Meaning, Rejected, Vantage
from pointsman.core.values import replace
from pointsman.wire import envelopes, fields, payload
from pointsman.wire.catalogue import CATALOGUE
from pointsman.wire.record import Context, Letter, Record

BUG = "pointsman has a bug in reading this"
"""How a rejection begins that is our own fault; the payload is kept and the rest of the batch goes on."""
_SCHEDULER = "x-cloudscheduler"


def decode(raw: bytes | str | object, headers: Mapping[str, str] | None = None) -> tuple[Record, ...]:
    """Read one delivery: the body of a request with its ``headers``, or a Lambda event, as bytes, text or parsed JSON.

    Gives one record for each claim of each record of a batch, in their order, never none; never raises.
    """
    context = Context()
    try:
        context = replace(context, headers=payload.lowered(headers or {}))
        return _read(_body(raw, context), _arrived(context))
    except RejectedEvent as error:
        return (_rejected(error, context),)


def _body(raw: bytes | str | object, context: Context) -> object:
    if not isinstance(raw, bytes | bytearray | str):
        return fields.bounded(raw)
    if _SCHEDULER in context.headers:
        return {}
    return payload.parsed(bytes(raw) if isinstance(raw, bytearray) else raw, context.headers, "$")


def _arrived(context: Context) -> Context:
    """Take what a binary CloudEvent's headers say; a structured one says it in its body."""
    if envelopes.CLOUD_EVENT_TYPE not in context.headers:
        return context
    return replace(context, vantage=Vantage.GCP, arrived_at=envelopes.told_at(context.headers, "ce-time"))


def _read(body: object, context: Context) -> tuple[Record, ...]:
    """Read one payload, opening its envelopes; what is wrong with it stays with it."""
    try:
        inside = envelopes.opened(body, context)
        if inside is None:
            return _meanings(Letter(body=fields.table(body, context.path), context=context))
    except RejectedEvent as error:
        return (_rejected(error, context),)
    except Exception as error:  # noqa: BLE001 - one record that shows a bug of ours must not take its batch with it
        return (_record(Rejected(reason=f"{BUG}: {type(error).__name__}", path=context.path), context),)
    if not inside:
        return (_record(Ignored(reason="an empty batch"), context),)
    return tuple(record for one in inside for record in _read(one.body, one.context))


def _meanings(letter: Letter) -> tuple[Record, ...]:
    decoder = next((one for one in CATALOGUE if one.recognises(letter)), None)
    if decoder is None:
        raise RejectedEvent("is no shape that pointsman knows", path=letter.body.path)
    meanings = tuple(decoder.decode(letter)) or (Rejected(reason=f"{BUG}: it was given no meaning", path=letter.body.path),)
    return tuple(_record(meaning, letter.context) for meaning in meanings)


def _rejected(error: RejectedEvent, context: Context) -> Record:
    reason = str(error).removeprefix(f"{error.path}: ")
    return _record(Rejected(reason=reason, path=error.path), context)


def _record(meaning: Meaning | Rejected, context: Context) -> Record:
    return Record(meaning=meaning, delivery=context.delivery, number=context.number)
