"""Whatever comes in, a meaning or a rejection comes out, and nothing else."""

import base64
import binascii
import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.cli.decode import elements
from pointsman.core.sightings import Change, Ignored, Notice, Order, Rejected, Sighting, Tick
from pointsman.core.values import canonical
from pointsman.wire.decode import BUG, decode
from pointsman.wire.record import Record
from tests.wire.samples import SAMPLES, named

PAYLOADS = tuple(json.loads(path.read_text()) for path in SAMPLES)
WORDS = (
    "source",
    "detail-type",
    "detail",
    "Records",
    "body",
    "message",
    "data",
    "incident",
    "version",
    "logName",
    "textPayload",
    "pointsman",
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["ALARM", "aws.health", "-1"])
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)
STRANGE: tuple[Any, ...] = (None, [], {}, "", 0, -1, 1e300, True, "\x00", ["x"], {"a": 1})
HEADERS = st.none() | st.dictionaries(
    st.sampled_from(["content-type", "ce-type", "ce-time", "X-CloudScheduler", "X-CloudScheduler-ScheduleTime"]) | st.text(max_size=8),
    st.sampled_from(["application/x-www-form-urlencoded", "2026-11-21T17:00:00Z", "true", ""]) | st.text(max_size=12),
    max_size=4,
)


def in_sqs(text: str) -> Any:
    return {"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": text}]}


def in_sns(text: str) -> Any:
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:111122223333:links", "Message": text}


def in_sns_in_sqs(text: str) -> Any:
    return in_sqs(json.dumps(in_sns(text)))


def in_pubsub(text: str) -> Any:
    return {"message": {"data": base64.b64encode(text.encode()).decode()}, "subscription": "s"}


WRAPPED: tuple[Callable[[str], Any], ...] = (in_sqs, in_sns, in_sns_in_sqs, in_pubsub)
"""The envelopes whose payload is a text of its own."""


class Packed(list[Any]):
    """JSON that its container holds as a text, plain or in base64: one item, so that it can be mutated in its place."""

    base64 = False


def sound(records: tuple[Record, ...]) -> None:
    """Check that everything is one of the closed set, can be kept and shown, and that no decoder broke."""
    assert records
    for record in records:
        meaning = record.meaning
        assert isinstance(meaning, Sighting | Change | Notice | Tick | Order | Ignored | Rejected)
        assert not isinstance(meaning, Rejected) or not meaning.reason.startswith(BUG)
        assert isinstance(meaning, Ignored | Rejected) or meaning.seen_at.tzinfo is UTC
        assert canonical(meaning)
    assert json.dumps(elements(records)).encode()


@given(ANY_JSON, HEADERS)
def test_any_json_gives_a_meaning_or_a_rejection(value: Any, headers: dict[str, str] | None) -> None:
    sound(decode(value, headers))
    sound(decode(json.dumps(value), headers))
    for wrapped in WRAPPED:
        sound(decode(wrapped(json.dumps(value))))


@given(st.binary(max_size=200), HEADERS)
def test_any_bytes_give_a_meaning_or_a_rejection(data: bytes, headers: dict[str, str] | None) -> None:
    sound(decode(data, headers))


@given(st.text(max_size=120), HEADERS)
def test_any_text_gives_a_meaning_or_a_rejection(data: str, headers: dict[str, str] | None) -> None:
    sound(decode(data, headers))


@settings(max_examples=400)
@given(st.sampled_from(PAYLOADS), st.data())
def test_a_mutated_sample_gives_a_meaning_or_a_rejection(payload: Any, data: st.DataObject) -> None:
    value = _mutated(copy.deepcopy(payload), data)
    sound(decode(value))
    sound(decode(json.dumps(value)))


@settings(max_examples=400)
@given(st.sampled_from(PAYLOADS), st.data())
def test_a_sample_mutated_inside_its_envelopes_gives_a_meaning_or_a_rejection(payload: Any, data: st.DataObject) -> None:
    value = _packed(_mutated(_unpacked(payload), data))
    sound(decode(value))
    sound(decode(data.draw(st.sampled_from(WRAPPED))(json.dumps(value))))


def test_the_insides_that_are_mutated_are_those_of_every_kind_of_envelope() -> None:
    for wrapped in WRAPPED:
        inner = {"pointsman": "probe", "paths": [{"loss": 0}]}
        opened = _unpacked(wrapped(json.dumps(inner)))
        assert any(container == inner and key == "paths" for container, key in _places(opened))
        assert _packed(opened) == wrapped(json.dumps(inner))


@pytest.mark.parametrize("wrapped", WRAPPED)
def test_each_value_of_a_message_of_our_own_may_be_of_any_type_inside_any_envelope(wrapped: Callable[[str], Any]) -> None:
    paths = [{"source": "10.250.1.1", "target": "10.251.1.1", "loss": 1}]
    messages: tuple[dict[str, Any], ...] = (
        {"pointsman": "probe", "cloud": "aws", "paths": paths, "at": "2026-11-20T09:15:20Z"},
        {"pointsman": "nudge", "fabric": "atlas", "epoch": 41, "at": "2026-11-20T09:15:20Z"},
        {"pointsman": "deliver", "incident": "atlas/ix-a@41", "at": "2026-11-20T09:15:20Z"},
        {"pointsman": "tick", "name": "sweep", "scheduled": "2026-11-20T09:15:20Z"},
    )
    for message in messages:
        for key in message:
            sound(decode(wrapped(json.dumps({name: value for name, value in message.items() if name != key}))))
            for strange in STRANGE:
                sound(decode(wrapped(json.dumps(message | {key: strange}))))


@given(st.sampled_from(PAYLOADS), st.floats(0, 1))
def test_a_sample_cut_short_gives_a_rejection(payload: Any, share: float) -> None:
    text = json.dumps(payload)
    (found,) = decode(text[: int((len(text) - 1) * share)])
    assert isinstance(found.meaning, Rejected)


@given(st.sampled_from(PAYLOADS), st.sampled_from(PAYLOADS))
def test_a_sample_inside_the_envelopes_of_another_cloud_means_what_it_means_alone(one: Any, other: Any) -> None:
    batch = {
        "Records": [
            {"eventSource": "aws:sqs", "messageId": str(number), "body": json.dumps(value)} for number, value in enumerate((one, other))
        ]
    }
    records = decode(batch)
    sound(records)
    assert [record.number for record in records] == [int(record.delivery or "-1") for record in records]
    assert {record.delivery for record in records} == {"0", "1"}


@pytest.mark.parametrize("path", SAMPLES, ids=named)
def test_each_value_of_a_sample_may_be_of_any_type(path: Path) -> None:
    payload = json.loads(path.read_text())
    for number, _ in enumerate(_places(payload)):
        for strange in STRANGE:
            value = copy.deepcopy(payload)
            container, key = list(_places(value))[number]
            container[key] = strange
            sound(decode(value))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _mutated(value: Any, data: st.DataObject) -> Any:
    for _ in range(data.draw(st.integers(1, 3))):
        places = list(_places(value))
        if places:
            container, key = data.draw(st.sampled_from(places))
            _mutate(container, key, data)
    return value


def _unpacked(value: Any) -> Any:
    """Copy a payload with the JSON that its texts hold put in their places."""
    match value:
        case dict():
            return {key: _unpacked(one) for key, one in value.items()}
        case list():
            return [_unpacked(one) for one in value]
        case str():
            return _unpacked_text(value)
        case _:
            return value


def _unpacked_text(text: str) -> Any:
    for coded in (False, True):
        try:
            inner = json.loads(base64.b64decode(text, validate=True) if coded else text)
        except (ValueError, binascii.Error):
            continue
        if isinstance(inner, dict | list):
            packed = Packed([_unpacked(inner)])
            packed.base64 = coded
            return packed
    return text


def _packed(value: Any) -> Any:
    match value:
        case Packed():
            inside = [_packed(one) for one in value]
            text = json.dumps(inside[0] if len(inside) == 1 else inside)
            return base64.b64encode(text.encode()).decode() if value.base64 else text
        case dict():
            return {key: _packed(one) for key, one in value.items()}
        case list():
            return [_packed(one) for one in value]
        case _:
            return value


def _mutate(container: Any, key: Any, data: st.DataObject) -> None:
    match data.draw(st.sampled_from(["drop", "replace", "rename", "repeat", "swap type"])):
        case "drop":
            del container[key]
        case "rename" if isinstance(container, dict):
            container[data.draw(st.sampled_from(WORDS))] = container.pop(key)
        case "repeat" if isinstance(container, list):
            container.extend([copy.deepcopy(container[key])] * 3)
        case "swap type":
            container[key] = data.draw(st.sampled_from([str(container[key]), [container[key]], {"x": container[key]}, 10**30]))
        case _:
            container[key] = data.draw(ANY_JSON)
