"""What nobody can read is put aside whole, so that it can be read again, and without a caller's token."""

import base64
import json
from typing import Any

import pytest

from pointsman.core.values import canonical
from pointsman.entry.outcomes import Unreadable, unreadable
from pointsman.entry.parking import LIMIT, REASONS_LIMIT, parked
from pointsman.wire import recorded
from pointsman.wire.decode import decode
from tests.wire.samples import sample

WHY = (Unreadable(why="$.detail: is missing", delivery=None),)


def read(body: bytes | None) -> dict[str, Any]:
    assert body is not None
    found = json.loads(body)
    assert isinstance(found, dict)
    return found


def test_of_a_batch_only_what_could_not_be_read_is_parked_as_a_batch_that_can_be_sent_again() -> None:
    batch = sample("aws/sqs-batch-with-poison.json")
    bad = unreadable(decode(batch))
    kept = read(parked(batch, None, bad))["event"]
    assert [record["messageId"] for record in kept["Records"]] == ["2e1424d4-f796-459a-8184-9c92662be002"]
    assert unreadable(decode(kept)) == (Unreadable(why=bad[0].why.replace("[1]", "[0]"), delivery=bad[0].delivery, number=0),)


def test_of_a_batch_without_names_the_item_that_could_not_be_read_is_parked_and_no_good_one_with_it() -> None:
    good, poison = sample("aws/nm-status-vpn-bgp-down.json"), {"EventSource": "aws:sns", "Sns": {"Message": "plain words"}}
    for event, left in (({"Records": [good, poison, good]}, {"Records": [poison]}), ([good, poison, good], [poison])):
        assert read(parked(event, None, unreadable(decode(event))))["event"] == left


def test_of_a_batch_that_cannot_be_opened_nothing_is_left_out() -> None:
    events: tuple[Any, ...] = (
        {"Records": "many"},
        {"Records": [{}] * 10_001},
        [],
        {"Type": "Notification", "TopicArn": "t", "Message": "[17]"},
    )
    for event in events:
        bad = unreadable(decode(event))
        assert bad
        assert read(parked(event, None, bad))["event"] == event


def test_the_batch_that_came_in_stays_as_it_is() -> None:
    batch = sample("aws/sqs-batch-with-poison.json")
    before = canonical(batch)
    parked(batch, None, unreadable(decode(batch)))
    assert canonical(batch) == before


def test_a_single_event_is_parked_as_it_came() -> None:
    event = {"source": "aws.networkmanager", "detail-type": "Network Manager Status Update"}
    assert read(parked(event, None, WHY)) == {"pointsman": "parked", "why": ["$.detail: is missing"], "event": event}


def test_a_request_is_parked_with_the_headers_that_say_what_it_is_and_no_others() -> None:
    headers = {
        "Ce-Type": "x",
        "Content-Type": "text/plain",
        "Authorization": "Bearer hunter2",
        "Cookie": "hunter2",
        "X-CloudScheduler": "true",
    }
    body = parked(b"{ not json", headers, WHY)
    event = read(body)["event"]
    assert event["headers"] == {"ce-type": "x", "content-type": "text/plain", "x-cloudscheduler": "true"}
    assert b"hunter2" not in (body or b"")
    (again,) = recorded.deliveries(canonical(event))
    assert (again.body, again.headers) == (b"{ not json", event["headers"])


def test_a_request_through_a_gateway_is_parked_without_its_callers_token_and_means_the_same() -> None:
    event = sample("chat/slack-drain-nothing.json")
    event["headers"] |= {"Authorization": "Bearer hunter2", "x-slack-signature": "v0=hunter2"}
    event |= {
        "cookies": ["s=hunter2"],
        "multiValueHeaders": {"Authorization": ["hunter2"]},
        "queryStringParameters": {"key": "hunter2"},
        "rawQueryString": "key=hunter2",
    }
    event["requestContext"]["identity"] = {"apiKey": "hunter2"}
    body = parked(event, None, unreadable(decode(event)))
    assert b"hunter2" not in (body or b"")
    assert decode(read(body)["event"]) == decode(event)


@pytest.mark.parametrize("strange", [{"requestContext": None}, {"requestContext": 7, "headers": "x"}, {"requestContext": {}, "body": None}])
def test_a_request_through_a_gateway_that_is_none_is_parked_all_the_same(strange: dict[str, Any]) -> None:
    why = unreadable(decode(strange))
    assert [one.why for one in unreadable(decode(read(parked(strange, None, why))["event"]))] == [one.why for one in why]


def test_a_request_that_is_no_text_is_kept_byte_for_byte() -> None:
    assert base64.b64decode(read(parked(b"\xff\x00", {}, WHY))["event"]["body_base64"]) == b"\xff\x00"


def test_text_that_no_queue_takes_as_it_is_is_kept_all_the_same() -> None:
    assert read(parked({"a": "\ud800 \u00e9"}, None, WHY))["event"] == {"a": "\ud800 \u00e9"}


def test_an_event_that_is_too_long_or_too_deep_is_not_cut_but_left_to_the_platform() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"a": deep}
    assert parked({"a": "x" * LIMIT}, None, WHY) is None
    assert parked(deep, None, WHY) is None
    assert parked(b'"' * (LIMIT // 2), {}, WHY) is None


def test_reasons_are_bounded() -> None:
    assert len(read(parked({}, None, WHY * 50))["why"]) == REASONS_LIMIT
