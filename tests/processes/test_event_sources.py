"""Queues and schedules call functions as AWS and Google do, and give back what was not done."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from pointsman.testing import emulators
from pointsman.testing.event_sources import Schedule, SqsSource, failed_items, scheduled_event
from pointsman.testing.google_functions import FunctionCaller, PushSubscription, functions_framework_command, wait_url
from pointsman.testing.lambda_runtime import LambdaFunction
from pointsman.testing.loopback import LoopbackServer, Reply, Request
from pointsman.testing.processes import Supervisor, until

NOON = datetime(2027, 3, 4, 12, tzinfo=UTC)
LIMIT = timedelta(seconds=60)
SOON = timedelta(milliseconds=1)


class Recorder:
    """An HTTP function: answers by the next status of its list, the last one for ever."""

    def __init__(self) -> None:
        self.statuses = [204]
        self.seen: list[Request] = []

    def answer(self, request: Request) -> Reply:
        self.seen.append(request)
        return Reply(status=self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])


class Batches(LambdaFunction):
    """A function that answers in this process: what ``answers`` gives for the bodies of a batch."""

    def __init__(self, answers: Any = None) -> None:
        super().__init__("batches")
        self.answers = answers
        self.events: list[dict[str, Any]] = []

    def invoke(self, event: Any, *, attempt: int = 1) -> Any:
        self.events.append(json.loads(event) if isinstance(event, bytes) else event)
        payload = self.answers(event) if callable(self.answers) else self.answers
        pending = self._enqueue(b"")
        pending.finish(payload, "Boom" if payload == "boom" else "")
        return self._settle(pending, attempt)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with emulators.moto() as running:
        yield running.url


@pytest.fixture
def queue(endpoint: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> tuple[Any, str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = boto3.client("sqs", endpoint_url=endpoint, region_name="us-east-1")
    url = client.create_queue(QueueName=f"q{abs(hash(request.node.name))}", Attributes={"VisibilityTimeout": "300"})["QueueUrl"]
    return client, url


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def caller(recorder: Recorder) -> Iterator[FunctionCaller]:
    with LoopbackServer(recorder.answer) as server:
        yield FunctionCaller(server.url)


def left(queue: tuple[Any, str]) -> int:
    """Count the messages that are in the queue, hidden or not."""
    client, url = queue
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(map(int, client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))


def fill(queue: tuple[Any, str], *bodies: str) -> None:
    client, url = queue
    for body in bodies:
        client.send_message(QueueUrl=url, MessageBody=body, MessageAttributes={"kind": {"DataType": "String", "StringValue": "nudge"}})


def test_a_batch_has_the_shape_that_lambda_gives_it(queue: tuple[Any, str]) -> None:
    function = Batches()
    fill(queue, "hello")
    assert SqsSource(function, *queue).poll() == 1
    (record,) = function.events[0]["Records"]
    assert record["body"] == "hello"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"].startswith("arn:aws:sqs:us-east-1:111122223333:q")
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["messageAttributes"]["kind"]["stringValue"] == "nudge"
    assert left(queue) == 0


def test_only_what_was_reported_as_failed_stays(queue: tuple[Any, str]) -> None:
    def second_fails(event: dict[str, Any]) -> dict[str, Any]:
        bad = [record["messageId"] for record in event["Records"] if record["body"] == "b"]
        return {"batchItemFailures": [{"itemIdentifier": message} for message in bad]}

    fill(queue, "a", "b", "c")
    function = Batches(second_fails)
    source = SqsSource(function, *queue, return_after=timedelta(0))
    assert source.poll() == 3
    assert left(queue) == 1
    function.answers = None
    assert until(lambda: source.poll() == 1)
    assert function.events[-1]["Records"][0]["body"] == "b"
    assert function.events[-1]["Records"][0]["attributes"]["ApproximateReceiveCount"] == "2"
    assert left(queue) == 0


def test_a_failing_function_gives_the_whole_batch_back(queue: tuple[Any, str]) -> None:
    fill(queue, "a", "b")
    assert SqsSource(Batches("boom"), *queue).poll() == 2
    assert left(queue) == 2


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, ""),
        ({}, ""),
        ({"batchItemFailures": None}, ""),
        ({"batchItemFailures": []}, ""),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, "a"),
        ({"batchItemFailures": [{"itemIdentifier": "unheard-of"}]}, "ab"),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, "ab"),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, "ab"),
        ({"batchItemFailures": [{"itemIdentifier": ["a"]}]}, "ab"),
        ({"batchItemFailures": [{"wrong": "a"}]}, "ab"),
        ({"batchItemFailures": "a"}, "ab"),
        ("not an object", "ab"),
    ],
)
def test_a_batch_answer_is_read_as_lambda_reads_it(answer: Any, failed: str) -> None:
    assert failed_items(answer, frozenset("ab")) == frozenset(failed)


def test_a_running_poller_survives_a_queue_that_does_not_answer(queue: tuple[Any, str]) -> None:
    client, url = queue
    function = Batches()
    broken = SqsSource(function, client, url + "-gone")
    with broken.running(SOON), SqsSource(function, client, url).running(SOON):
        fill(queue, "a")
        assert until(lambda: left(queue) == 0)
    assert [record["body"] for event in function.events for record in event["Records"]] == ["a"]


def test_a_schedule_fires_events_until_it_is_stopped() -> None:
    function = Batches()
    with Schedule(function, "pointsman-watch", now=lambda: NOON).running(SOON):
        assert until(lambda: len(function.events) >= 3)
    assert function.events[0] == scheduled_event("pointsman-watch", NOON, "us-east-1")
    assert scheduled_event("r", NOON, "us-east-1")["time"] == "2027-03-04T12:00:00Z"


def test_a_message_is_pushed_until_it_is_acknowledged(caller: FunctionCaller, recorder: Recorder) -> None:
    recorder.statuses = [500, 429, 204]
    with PushSubscription("projects/p/subscriptions/s", caller, now=lambda: NOON, backoff=[SOON] * 4) as subscription:
        message_id = subscription.publish(b"look", {"kind": "nudge"})
        assert subscription.drain(LIMIT)
    assert [(one.status, one.attempt) for one in caller.history()] == [(500, 1), (429, 2), (204, 3)]
    body = json.loads(recorder.seen[-1].body)
    assert body["message"]["data"] == "bG9vaw=="
    assert body["message"]["attributes"] == {"kind": "nudge"}
    assert body["message"]["messageId"] == message_id
    assert body["message"]["publishTime"] == "2027-03-04T12:00:00.000000Z"
    assert body["subscription"] == "projects/p/subscriptions/s"
    assert subscription.parked() == ()


def test_a_message_that_is_never_acknowledged_is_parked(caller: FunctionCaller, recorder: Recorder) -> None:
    recorder.statuses = [500]
    with PushSubscription("s", caller, now=lambda: NOON, backoff=[SOON] * 9) as subscription:
        subscription.publish(b"poison")
        assert subscription.drain(LIMIT)
    assert len(recorder.seen) == 5
    assert len(subscription.parked()) == 1


def test_no_answer_is_no_acknowledgement() -> None:
    delivery = FunctionCaller(f"http://127.0.0.1:{emulators.free_port()}").post(b"", {})
    assert (delivery.status, delivery.ok) == (0, False)


def test_a_scheduler_request_names_its_run(caller: FunctionCaller, recorder: Recorder) -> None:
    with caller.ticking("projects/p/locations/l/jobs/sweep", SOON, lambda: NOON):
        assert until(lambda: len(recorder.seen) >= 2)
    assert recorder.seen[0].headers["X-CloudScheduler-ScheduleTime"] == "2027-03-04T12:00:00.000000Z"
    assert recorder.seen[0].headers["X-CloudScheduler-JobName"].endswith("/sweep")


def test_a_google_function_serves_under_its_own_framework(supervisor: Supervisor) -> None:
    command = functions_framework_command(Path(__file__).with_name("handlers.py"), "respond", name="respond")
    url = wait_url(supervisor.start("respond", command.argv, env=command.env))
    caller = FunctionCaller(url)
    assert caller.event("google.cloud.audit.log.v1.written", "//compute", "e1", {"a": 1}).status == 200
    assert caller.tick("sweep", NOON).ok
    with PushSubscription("s", caller, now=lambda: NOON, backoff=[SOON]) as subscription:
        subscription.publish(b"yes")
        subscription.publish(b"no")
        assert subscription.drain(LIMIT)
    assert sorted(one.status for one in caller.history()) == [200, 200, 200, 500, 500]
    assert [json.loads(body)["message"]["data"] for body in subscription.parked()] == ["bm8="]
    supervisor.kill("respond")
    assert caller.tick("sweep", NOON).status == 0
