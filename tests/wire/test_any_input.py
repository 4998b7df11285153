"""Whatever comes in, a meaning or a rejection comes out, and nothing else."""

import base64
import copy
import json
from collections.abc import Iterator
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
HEADERS = st.none() | st.dictionaries(
    st.sampled_from(["content-type", "ce-type", "ce-time", "X-CloudScheduler", "X-CloudScheduler-ScheduleTime"]) | st.text(max_size=8),
    st.sampled_from(["application/x-www-form-urlencoded", "2026-11-21T17:00:00Z", "true", ""]) | st.text(max_size=12),
    max_size=4,
)


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
    sound(decode({"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": json.dumps(value)}]}))
    sound(decode({"message": {"data": base64.b64encode(json.dumps(value).encode()).decode()}, "subscription": "s"}))


@given(st.binary(max_size=200), HEADERS)
def test_any_bytes_give_a_meaning_or_a_rejection(data: bytes, headers: dict[str, str] | None) -> None:
    sound(decode(data, headers))


@given(st.text(max_size=120), HEADERS)
def test_any_text_gives_a_meaning_or_a_rejection(data: str, headers: dict[str, str] | None) -> None:
    sound(decode(data, headers))


@settings(max_examples=400)
@given(st.sampled_from(PAYLOADS), st.data())
def test_a_mutated_sample_gives_a_meaning_or_a_rejection(payload: Any, data: st.DataObject) -> None:
    value = copy.deepcopy(payload)
    for _ in range(data.draw(st.integers(1, 3))):
        places = list(_places(value))
        if places:
            container, key = data.draw(st.sampled_from(places))
            _mutate(container, key, data)
    sound(decode(value))
    sound(decode(json.dumps(value)))


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
    assert {record.delivery for record in records} >= ({"0", "1"} if "Records" not in one and "Records" not in other else set())


@pytest.mark.parametrize("path", SAMPLES, ids=named)
def test_each_value_of_a_sample_may_be_of_any_type(path: Path) -> None:
    payload = json.loads(path.read_text())
    for number, _ in enumerate(_places(payload)):
        for strange in (None, [], {}, "", 0, -1, 1e300, True, "\x00", ["x"], {"a": 1}):
            value = copy.deepcopy(payload)
            container, key = list(_places(value))[number]
            container[key] = strange
            sound(decode(value))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


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
