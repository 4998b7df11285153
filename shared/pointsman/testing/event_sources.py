"""What calls functions on AWS by itself: a queue's poller and a schedule.

Source: docs.aws.amazon.com/lambda/latest/dg/with-sqs.html and services-sqs-errorhandling.html; EventBridge scheduled events:
docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import NAMESPACE_URL, uuid5

from botocore.exceptions import BotoCoreError, ClientError

from pointsman.core.errors import Transient
from pointsman.testing.lambda_runtime import ACCOUNT, LambdaFunction

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BATCH = 10
"""Messages handed to a function at once."""
PAUSE = timedelta(milliseconds=50)
"""How long the poller rests when the queue was empty or did not answer."""
STOP_LIMIT = timedelta(seconds=90)


class Ticker:
    """Calls ``tick`` again and again in a thread of its own, ``every`` so often (a timedelta it gives goes before), until it is stopped."""

    def __init__(self, name: str, every: timedelta, tick: Callable[[], object]) -> None:
        self._every = every
        self._tick = tick
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> Self:
        """Begin, at once."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End after the call that is under way."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(STOP_LIMIT.total_seconds())

    def __enter__(self) -> Self:
        """Begin."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End."""
        self.stop()

    def _run(self) -> None:
        while not self._ended.is_set():
            pause = self._tick()
            self._ended.wait((pause if isinstance(pause, timedelta) else self._every).total_seconds())


class SqsSource:
    """A function's SQS trigger: reads the queue in batches, invokes, and deletes what was not reported as failed.

    What failed stays hidden for the queue's visibility time-out, or comes back after ``return_after``; a redrive policy
    is the queue's own affair.
    """

    def __init__(
        self, function: LambdaFunction, queue: "SQSClient", queue_url: str, *, batch: int = BATCH, return_after: timedelta | None = None
    ) -> None:
        self._function = function
        self._queue = queue
        self._url = queue_url
        self._batch = batch
        self._return_after = return_after

    def poll(self) -> int:
        """Take one batch through; give the number of messages it had. Raises the SDK's errors where the queue does not answer."""
        reply = self._queue.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=self._batch, AttributeNames=["All"], MessageAttributeNames=["All"]
        )
        messages: Sequence[Any] = reply.get("Messages", [])
        if messages:
            self._settle(messages, self._failed(messages))
        return len(messages)

    def running(self, pause: timedelta = PAUSE) -> Ticker:
        """Poll for ever in a thread: use it in a ``with`` block, or start and stop it."""
        return Ticker(f"sqs-{self._function.name}", pause, self._step)

    def _step(self) -> timedelta | None:
        with suppress(ClientError, BotoCoreError):  # a queue that does not answer is asked again, as Lambda's pollers do
            return timedelta(0) if self.poll() else None
        return None

    def _failed(self, messages: Sequence[Any]) -> frozenset[str]:
        """Invoke, and give the ids that stay in the queue."""
        everything = frozenset(message["MessageId"] for message in messages)
        try:
            outcome = self._function.invoke({"Records": [self._record(message) for message in messages]})
        except Transient:
            return everything
        return failed_items(outcome.payload, everything) if outcome.ok else everything

    def _settle(self, messages: Iterable[Any], failed: frozenset[str]) -> None:
        for message in messages:
            if message["MessageId"] not in failed:
                self._queue.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            elif self._return_after is not None:
                seconds = int(self._return_after.total_seconds())
                self._queue.change_message_visibility(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds)

    def _record(self, message: Any) -> dict[str, Any]:
        attributes = message.get("MessageAttributes", {})
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{self._function.region}:{ACCOUNT}:{self._url.rpartition('/')[2]}",
            "awsRegion": self._function.region,
        }


def failed_items(payload: Any, everything: frozenset[str]) -> frozenset[str]:
    """Read a function's batch answer as Lambda does: the ids that failed, or all of them where the answer is malformed."""
    if payload is None:
        return frozenset()
    if not isinstance(payload, dict):
        return everything
    failures = payload.get("batchItemFailures")
    if failures is None:
        return frozenset()
    named = [_identifier(item) for item in failures] if isinstance(failures, list) else [""]
    return frozenset(named) if everything.issuperset(named) else everything


class Schedule:
    """An EventBridge rule with a rate: invokes a function with a scheduled event, and does not wait for it."""

    def __init__(self, function: LambdaFunction, rule: str, *, now: Callable[[], datetime]) -> None:
        self._function = function
        self._rule = rule
        self._now = now

    def fire(self) -> None:
        """Send one scheduled event; one that is throttled away is lost, and the next rate's comes."""
        with suppress(Transient):
            self._function.invoke_async(scheduled_event(self._rule, self._now(), self._function.region))

    def running(self, every: timedelta) -> Ticker:
        """Fire at once and then at the rate, in a thread: use it in a ``with`` block, or start and stop it."""
        return Ticker(f"rule-{self._rule}", every, self.fire)


def scheduled_event(rule: str, at: datetime, region: str) -> dict[str, Any]:
    """Give the event of an EventBridge rule that fired; its id is the same for the same rule and time."""
    arn = f"arn:aws:events:{region}:{ACCOUNT}:rule/{rule}"
    return {
        "version": "0",
        "id": str(uuid5(NAMESPACE_URL, f"{arn}/{at.isoformat()}")),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": region,
        "resources": [arn],
        "detail": {},
    }


def _attribute(value: Any) -> dict[str, Any]:
    """Turn a message attribute from the API's spelling into the event's."""
    return {name[0].lower() + name[1:]: part for name, part in value.items()}


def _identifier(item: Any) -> str:
    told = item.get("itemIdentifier") if isinstance(item, dict) else None
    return told if isinstance(told, str) else ""
