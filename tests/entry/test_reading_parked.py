"""What a function parked is read back out of either cloud's queue: what it was, why it was parked, byte for byte."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import flask
import pytest
from typer import Typer
from typer.testing import CliRunner
from werkzeug.test import EnvironBuilder

from pointsman.cli.decode import decode as command
from pointsman.cli.decode import elements
from pointsman.core.errors import RejectedEvent
from pointsman.core.fabric import Cloud
from pointsman.entry.aws import lambda_entry
from pointsman.entry.gcp import http_entry
from pointsman.testing.google_functions import push_body
from pointsman.wire import messages, recorded
from pointsman.wire.decode import decode
from tests.entry.surroundings import Heard, MemoryQueue, ending, world
from tests.entry.test_aws import BATCH, POISON, Context, failed, ids
from tests.wire.samples import sample

COMMAND = Typer()
COMMAND.command()(command)
JSON = {"Content-Type": "application/json"}
EVENTS: list[Any] = [
    {"source": "aws.networkmanager", "detail-type": "Network Manager Status Update"},
    {"pointsman": "probe", "cloud": "aws", "paths": [], "at": "2026-11-20T09:15:20Z"},
    {"Records": "many"},
    {"a": "\ud800 \u00e9"},
    [],
    None,
    "text",
    7,
]
BODIES = [b"{", b"\xff\xfe\x00poison", b"", b'{"hello": "world"}', b'{"message": {"data": "!!"}, "subscription": "s"}', b"[" * 10_000]


def parked_by_aws(event: Any) -> dict[str, Any]:
    parking = MemoryQueue()
    lambda_entry(ending(), world(Cloud.AWS, parking=parking).build)(event, Context())
    (kept,) = parking.messages
    assert isinstance(kept, dict)
    return kept


def parked_by_google(body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    parking = MemoryQueue()
    request = flask.Request(EnvironBuilder(method="POST", data=body, headers=list(headers.items())).get_environ())
    assert http_entry(ending(), world(Cloud.GCP, parking=parking).build)(request)[1] == 204
    (kept,) = parking.messages
    assert isinstance(kept, dict)
    return kept


def alone(*kept: Any) -> Any:
    (one,) = kept
    return one


def received(*kept: Any) -> Any:
    """Give what ``aws sqs receive-message`` prints."""
    return {"Messages": [{"MessageId": "m", "ReceiptHandle": "r", "MD5OfBody": "x", "Body": json.dumps(one)} for one in kept]}


def pulled(*kept: Any) -> Any:
    """Give what ``gcloud pubsub subscriptions pull --format json`` prints."""
    coded = [base64.b64encode(json.dumps(one).encode()).decode() for one in kept]
    return [{"ackId": "a", "message": {"data": data, "messageId": "7", "publishTime": "2026-11-20T09:15:20Z"}} for data in coded]


def pushed(*kept: Any) -> Any:
    (one,) = kept
    return json.loads(push_body("projects/p/subscriptions/s", "7", datetime(2026, 11, 20, 9, 15, 20, tzinfo=UTC), json.dumps(one).encode()))


TAKEN = [alone, received, pulled, pushed]


def told(taken: Any) -> list[dict[str, Any]]:
    """Give what the command prints."""
    done = CliRunner().invoke(COMMAND, ["-", "--json"], input=json.dumps(taken).encode())
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("taken", TAKEN)
@pytest.mark.parametrize("event", EVENTS, ids=range(len(EVENTS)))
def test_an_event_that_aws_parked_is_read_as_it_was_and_says_why_it_was_parked(event: Any, taken: Any) -> None:
    kept = parked_by_aws(event)
    assert told(taken(kept)) == [one | {"parked": kept["why"]} for one in elements(decode(event))]


@pytest.mark.parametrize("taken", TAKEN)
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_request_that_google_parked_is_read_as_it_was_to_the_last_byte(body: bytes, taken: Any) -> None:
    kept = parked_by_google(body, JSON)
    assert told(taken(kept)) == [one | {"parked": kept["why"]} for one in elements(decode(body, JSON))]
    (found,) = recorded.deliveries(json.dumps(taken(kept)).encode())
    assert (found.data, found.headers) == (body, {"content-type": "application/json"})


def test_of_a_batch_the_message_that_could_not_be_read_is_read_again() -> None:
    (kept,) = told(received(parked_by_aws(sample(BATCH))))
    assert (kept["kind"], kept["delivery"]) == ("rejected", POISON)
    assert kept["parked"][0].startswith("$.Records[1].body: ")


def test_an_event_of_a_kind_that_is_understood_by_now_shows_its_meaning() -> None:
    event = sample("aws/nm-status-vpn-bgp-down.json")
    kept = {"pointsman": "parked", "why": ["$: is no shape that pointsman knows"], "event": event}
    assert told(received(kept)) == [one | {"parked": kept["why"]} for one in elements(decode(event))]


@pytest.mark.parametrize("taken", [received, pulled])
def test_several_messages_are_read_each_with_its_reason(taken: Any) -> None:
    kept = [parked_by_aws({"hello": "world"}), parked_by_google(b"{", JSON)]
    assert [one["parked"] for one in told(taken(*kept))] == [one["why"] for one in kept]


def test_what_a_dead_letter_queue_kept_as_it_came_is_read_too() -> None:
    event = sample("aws/nm-status-vpn-bgp-down.json")
    assert told(received(event)) == told(event)
    assert told(pulled(event, parked_by_aws({})))[0]["kind"] == "sighting"


def test_an_event_that_was_parked_twice_is_read_as_it_was_at_first() -> None:
    once = parked_by_aws({"hello": "world"})
    assert told(received({"pointsman": "parked", "why": ["again"], "event": once})) == told(once)


def test_the_event_itself_is_printed_to_be_handed_in_again(tmp_path: Path) -> None:
    file = tmp_path / "parked.json"
    file.write_text(json.dumps(received(parked_by_aws(sample(BATCH)))))
    batch = json.loads(CliRunner().invoke(COMMAND, [str(file), "--raw"]).stdout)
    assert ids(batch) == [POISON]
    file.write_text(json.dumps(pulled(parked_by_google(b"\xff poison", JSON | {"Authorization": "Bearer hunter2"}))))
    done = CliRunner().invoke(COMMAND, [str(file), "--raw"])
    assert (done.stdout_bytes, done.stderr) == (b"\xff poison", "content-type: application/json\n")


def test_several_events_are_not_printed_as_one() -> None:
    done = CliRunner().invoke(COMMAND, ["-", "--raw"], input=json.dumps(received({}, {})).encode())
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "pointsman: the file holds 2 events: take one message at a time out of the queue\n"


def test_the_table_says_why_it_was_parked() -> None:
    done = CliRunner().invoke(COMMAND, ["-"], input=json.dumps(parked_by_aws({})).encode())
    assert "parked:" in " ".join(done.stdout.split())


def in_queue(event: Any) -> Any:
    return {"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": json.dumps(event)}]}


def test_a_function_that_is_handed_a_parked_event_refuses_it_in_words_and_parks_it_no_second_time() -> None:
    kept, parking, heard = parked_by_aws({"hello": "world"}), MemoryQueue(), Heard()
    function = lambda_entry(ending(heard=heard), world(Cloud.AWS, parking=parking).build)
    assert failed(function(in_queue(kept), Context())) == ["m"]
    with pytest.raises(RejectedEvent, match="hand in the event that it holds"):
        function(kept, Context())
    answer = http_entry(ending(heard=heard), world(Cloud.GCP, parking=parking).build)(
        flask.Request(EnvironBuilder(method="POST", data=json.dumps(pushed(kept)), headers=list(JSON.items())).get_environ())
    )
    assert answer[:2] == (f"$.message.data.pointsman: {messages.PARKED_BEFORE}", 422)
    assert (parking.messages, heard.calls) == ([], [])


def test_the_event_that_a_parked_one_holds_is_taken_by_a_function_once_it_is_understood() -> None:
    (found,) = recorded.deliveries(json.dumps(received(parked_by_aws(sample(BATCH)))).encode())
    batch = json.loads(found.data)
    batch["Records"][0]["body"] = json.dumps(sample("aws/nm-status-vpn-bgp-down.json"))
    parking, heard = MemoryQueue(), Heard()
    answer = lambda_entry(ending(heard=heard), world(Cloud.AWS, parking=parking).build)(batch, Context())
    assert (failed(answer), parking.messages, len(heard.calls)) == ([], [], 1)


@pytest.mark.parametrize("nothing", ["", "\n", "[]\n"])
def test_a_queue_that_gave_nothing_gives_no_event_to_hand_in_again(nothing: str) -> None:
    done = CliRunner().invoke(COMMAND, ["-", "--raw"], input=nothing)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "the file holds no event: the queue gave none" in done.stderr
    shown = CliRunner().invoke(COMMAND, ["-", "--json"], input=nothing)
    assert "there is nothing to read" in shown.stdout
