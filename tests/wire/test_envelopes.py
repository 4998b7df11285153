"""Whatever a payload is wrapped in, it means the same; and what is wrong with one record stays with it."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pointsman.core.sightings import Ignored, Order, Rejected, Sighting, Tick, Vantage
from pointsman.wire import envelopes
from pointsman.wire.decode import decode
from pointsman.wire.messages import nudge
from tests.wire.samples import meanings, sample

BGP_DOWN = sample("aws/nm-status-vpn-bgp-down.json")
ROUTER_DOWN = sample("gcp/logentry-router-bgp-down-hold-timer.json")
CLOUD_EVENT = {"specversion": "1.0", "id": "1", "source": "//x", "type": "google.cloud.pubsub.topic.v1.messagePublished"}


def sqs(*bodies: Any) -> dict[str, Any]:
    records = [{"messageId": f"m{number}", "eventSource": "aws:sqs", "body": json.dumps(body)} for number, body in enumerate(bodies)]
    return {"Records": records}


def sns(message: Any) -> dict[str, Any]:
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:111122223333:t", "Message": json.dumps(message)}


def push(value: Any) -> dict[str, Any]:
    return {"message": {"data": base64.b64encode(json.dumps(value).encode()).decode(), "messageId": "1"}, "subscription": "s"}


@pytest.mark.parametrize(
    "wrap", [lambda x: x, sns, sqs, lambda x: sqs(sns(x)), lambda x: {"Records": [{"EventSource": "aws:sns", "Sns": sns(x)}]}, push]
)
def test_an_event_means_the_same_in_every_envelope(wrap: Any) -> None:
    assert meanings(wrap(BGP_DOWN)) == meanings(BGP_DOWN)
    assert meanings(wrap(ROUTER_DOWN)) == meanings(ROUTER_DOWN)


@pytest.mark.parametrize(
    "data",
    [
        {"data": ROUTER_DOWN},
        {"data": json.dumps(ROUTER_DOWN)},
        {"data": [ROUTER_DOWN]},
        {"data_base64": base64.b64encode(json.dumps(ROUTER_DOWN).encode()).decode()},
    ],
)
def test_a_structured_cloud_event_carries_its_data_as_json_as_text_or_in_base64(data: dict[str, Any]) -> None:
    assert meanings({**CLOUD_EVENT, **data}) == meanings(ROUTER_DOWN)


def test_a_binary_cloud_event_is_its_body() -> None:
    headers = {"CE-Type": CLOUD_EVENT["type"], "ce-time": "2026-11-21T17:02:12Z", "Content-Type": "application/json"}
    assert meanings(json.dumps(push(ROUTER_DOWN)), headers) == meanings(ROUTER_DOWN)


PROBE = {"pointsman": "probe", "cloud": "aws", "paths": [{"source": "10.250.1.1", "target": "10.251.1.1", "loss": 1}]}
"""A claim without a time of its own has its envelope's."""
TIMED: dict[str, Any] = {
    "SQS": lambda value, at: {"Records": [sqs(value)["Records"][0] | {"attributes": {"SentTimestamp": at}}]},
    "SNS": lambda value, at: sns(value) | {"Timestamp": at},
    "API Gateway": lambda value, at: {"requestContext": {"timeEpoch": at}, "body": json.dumps(value)},
    "API Gateway, first format": lambda value, at: {"requestContext": {"requestTimeEpoch": at}, "body": json.dumps(value)},
    "Pub/Sub": lambda value, at: {"message": push(value)["message"] | {"publishTime": at}, "subscription": "s"},
    "CloudEvent": lambda value, at: CLOUD_EVENT | {"time": at, "data": value},
}
"""Envelopes that tell a time."""
EARLIER, LATER = 1795279555000, 1795283155000


def at_of(kind: str, millis: int) -> Any:
    written = datetime.fromtimestamp(millis / 1000, UTC).isoformat()
    return str(millis) if kind == "SQS" else millis if kind.startswith("API") else written


@pytest.mark.parametrize("wrong", ["yesterday", "", None, [], {}, -1, 1e300])
@pytest.mark.parametrize("kind", TIMED)
def test_a_wrong_time_of_an_envelope_costs_no_event_that_has_its_own(kind: str, wrong: Any) -> None:
    assert meanings(TIMED[kind](BGP_DOWN, wrong)) == meanings(BGP_DOWN)
    (found,) = meanings(TIMED[kind](PROBE, wrong))
    assert isinstance(found, Rejected)
    assert found.reason == "is missing: a claim without its time cannot be weighed"


@pytest.mark.parametrize("wrong", ["yesterday", "", "2026-13-01T00:00:00Z"])
def test_a_wrong_time_in_a_header_costs_no_event_that_has_its_own(wrong: str) -> None:
    headers = {"ce-type": CLOUD_EVENT["type"], "ce-time": wrong, "content-type": "application/json"}
    assert meanings(json.dumps(push(ROUTER_DOWN)), headers) == meanings(ROUTER_DOWN)
    (found,) = meanings(json.dumps(push(PROBE)), headers)
    assert isinstance(found, Rejected)


@pytest.mark.parametrize("inner", TIMED)
@pytest.mark.parametrize("outer", TIMED)
def test_a_claim_that_is_sent_again_keeps_the_time_of_its_first_envelope(outer: str, inner: str) -> None:
    (first,) = meanings(TIMED[inner](PROBE, at_of(inner, EARLIER)))
    (again,) = meanings(TIMED[outer](TIMED[inner](PROBE, at_of(inner, EARLIER)), at_of(outer, LATER)))
    assert isinstance(first, Sighting)
    assert again == first


@pytest.mark.parametrize("inner", TIMED)
@pytest.mark.parametrize("outer", TIMED)
def test_a_claim_that_never_had_a_time_is_not_made_fresh_by_being_sent_again(outer: str, inner: str) -> None:
    (found,) = meanings(TIMED[outer](TIMED[inner](PROBE, "unsaid"), at_of(outer, LATER)))
    assert isinstance(found, Rejected)


def test_an_array_is_a_batch() -> None:
    assert meanings([{**CLOUD_EVENT, "data": ROUTER_DOWN}, {**CLOUD_EVENT, "data": push(ROUTER_DOWN)}]) == meanings(ROUTER_DOWN) * 2


def test_a_poison_record_does_not_stop_the_others_and_is_named() -> None:
    batch = sqs(BGP_DOWN, {"what": "is this"}, ROUTER_DOWN)
    batch["Records"].insert(1, {"messageId": "poison", "eventSource": "aws:sqs", "body": "{"})
    batch["Records"].append(17)
    found = decode(batch)
    assert [type(record.meaning) for record in found] == [Sighting, Rejected, Rejected, Sighting, Rejected]
    assert [record.delivery for record in found] == ["m0", "poison", "m1", "m2", None]
    assert isinstance(found[1].meaning, Rejected)
    assert found[1].meaning.path == "$.Records[1].body"


def s3(bucket: str) -> dict[str, Any]:
    return {"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": bucket}}}]}


@pytest.mark.parametrize(
    "inner", [sqs({"what": "is this"}), s3("b"), {"Records": [{"EventSource": "aws:sns", "Sns": sns("plain")}]}, [17, 18]]
)
def test_what_is_wrong_inside_a_message_is_named_by_the_message_that_its_queue_delivered(inner: Any) -> None:
    found = decode(sqs(BGP_DOWN, inner, ROUTER_DOWN))
    assert [(type(one.meaning), one.delivery, one.number) for one in found if one.delivery != "m1"] == [
        (Sighting, "m0", 0),
        (Sighting, "m2", 2),
    ]
    assert {(type(one.meaning), one.number) for one in found if one.delivery == "m1"} == {(Rejected, 1)}


@pytest.mark.parametrize("wrap", [push, sns, lambda x: {"requestContext": {}, "body": json.dumps(x)}, lambda x: [x]])
def test_a_batch_that_no_queue_delivered_has_no_names_that_a_queue_knows(wrap: Any) -> None:
    for inner in (sqs(BGP_DOWN, {"what": "is this"}), s3("b")):
        assert {one.delivery for one in decode(wrap(inner))} == {None}


def test_a_record_with_several_claims_gives_them_all_under_one_delivery() -> None:
    found = decode(sqs(sample("gcp/logentry-router-route-received.json")))
    assert [record.delivery for record in found] == ["m0", "m0"]


def test_wrapping_is_bounded() -> None:
    value: Any = BGP_DOWN
    for _ in range(envelopes.ENVELOPES_LIMIT + 1):
        value = sns(value)
    (found,) = meanings(value)
    assert isinstance(found, Rejected)
    assert "wrapped more than" in found.reason


def test_an_empty_batch_is_ignored_and_an_empty_array_is_rejected() -> None:
    assert isinstance(meanings({"Records": []})[0], Ignored)
    assert isinstance(meanings([])[0], Rejected)


def test_a_batch_above_the_limit_is_rejected_whole() -> None:
    (found,) = meanings({"Records": [{}] * 10_001})
    assert isinstance(found, Rejected)


@pytest.mark.parametrize("data", ["@@@", "e30", "", None, 5])
def test_a_push_whose_data_cannot_be_read_is_rejected_where_it_is(data: Any) -> None:
    (found,) = meanings({"message": {"data": data, "messageId": "1"}, "subscription": "s"})
    assert isinstance(found, Rejected)
    assert found.path.startswith("$.message.data")


def test_a_scheduled_request_is_a_tick_whatever_its_body_is() -> None:
    headers = {
        "X-CloudScheduler": "true",
        "X-CloudScheduler-JobName": "sweep",
        "X-CloudScheduler-ScheduleTime": "2026-11-21T17:00:00-08:00",
    }
    (tick,) = meanings(b"\xff not json", headers)
    assert isinstance(tick, Tick)
    assert tick.key == "schedule/sweep/2026-11-22T01:00:00Z"
    assert meanings(b"{}", headers) == (tick,)


def test_a_scheduled_request_without_its_time_is_rejected() -> None:
    (found,) = meanings(b"{}", {"X-CloudScheduler": "true"})
    assert isinstance(found, Rejected)
    assert found.path == "$headers.x-cloudscheduler-scheduletime"


def test_a_nudge_knows_which_cloud_it_arrived_in() -> None:
    body = json.loads(nudge("atlas", 7))
    (aws,), (gcp,) = meanings(sqs(body)), meanings(push(body))
    assert (aws.vantage, gcp.vantage) == (Vantage.AWS, Vantage.GCP)
    assert aws.key == gcp.key == "nudge/atlas/7"


def test_too_many_headers_are_rejected() -> None:
    (found,) = meanings(b"{}", {f"h{number}": "x" for number in range(300)})
    assert isinstance(found, Rejected)


def test_json_that_looks_like_a_command_is_no_order() -> None:
    body = {"command": "/pointsman", "user_id": "U1", "text": "freeze", "trigger_id": "1"}
    timed = push(body)
    timed["message"]["publishTime"] = "2026-11-21T16:48:03Z"
    for wrapped in (body, sqs(body), timed):
        assert not any(isinstance(one, Order) for one in meanings(wrapped))


def test_what_no_decoder_knows_is_rejected_so_that_it_is_kept() -> None:
    for value in ({}, {"hello": "world"}, {"source": "x"}, "text", 5, None):
        (found,) = meanings(json.dumps(value))
        assert isinstance(found, Rejected)
