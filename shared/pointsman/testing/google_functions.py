"""Google functions on one machine: the functions-framework's own server, and what calls it: push, events, a schedule.

Source: cloud.google.com/pubsub/docs/push, cloud.google.com/scheduler/docs/reference/rest (HTTP target headers),
github.com/cloudevents/spec (HTTP protocol binding, binary mode).
"""

import base64
import json
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Self

import urllib3

from pointsman.core.errors import Transient
from pointsman.core.values import Frozen
from pointsman.testing.event_sources import Ticker
from pointsman.testing.processes import READY_LIMIT, Child

DEADLINE = timedelta(seconds=60)
"""How long a function may take over one request."""
TRIES = 5
"""Deliveries of one message before it is parked, as a subscription with a dead-letter topic does (5 is the least there)."""
BACKOFF = (timedelta(milliseconds=100), timedelta(milliseconds=200), timedelta(milliseconds=400), timedelta(milliseconds=800))
AT_ONCE = 16
BACKLOG_LIMIT = 10_000
HISTORY_LIMIT = 20_000
LISTENS = r"Listening at: (http://127\.0\.0\.1:\d+)"
"""The line by which a started server tells its URL."""


class FunctionCommand(Frozen):
    """How to start a function's server; it prints a line like LISTENS when it is up."""

    argv: tuple[str, ...]
    env: dict[str, str]


class Delivery(Frozen):
    """How one delivery went. ``status`` 0 is no answer."""

    message_id: str
    status: int
    duration: timedelta
    attempt: int = 1

    @property
    def ok(self) -> bool:
        """Say whether it was acknowledged."""
        return 200 <= self.status < 300


def functions_framework_command(source: Path, target: str = "handler", *, port: int = 0, name: str = "") -> FunctionCommand:
    """Give the command of the functions-framework's server for ``target`` in ``source``; port 0 is any free one."""
    argv = (sys.executable, "-m", "functions_framework", "--target", target, "--source", str(source), "--host", "127.0.0.1")
    env = {"GUNICORN_LOG_LEVEL": "info", "WORKERS": "1", "THREADS": "8", "K_SERVICE": name or source.parent.name}
    return FunctionCommand(argv=(*argv, "--port", str(port)), env=env)


def wait_url(child: Child, limit: timedelta = READY_LIMIT) -> str:
    """Wait until a function's server is up and give its URL. Raises ProcessError."""
    return child.wait_line(LISTENS, limit).group(1)


class FunctionCaller:
    """Sends requests to one function's URL and remembers how they went."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._pool = urllib3.PoolManager(maxsize=AT_ONCE, retries=False, timeout=DEADLINE.total_seconds())
        self._history: deque[Delivery] = deque(maxlen=HISTORY_LIMIT)

    def post(self, body: bytes, headers: Mapping[str, str], *, message_id: str = "", attempt: int = 1) -> Delivery:
        """Send one request. Never raises: no answer is status 0."""
        began = perf_counter()
        try:
            status = self._pool.request("POST", self.url, body=body, headers=dict(headers)).status
        except urllib3.exceptions.HTTPError:
            status = 0
        delivery = Delivery(message_id=message_id, status=status, duration=timedelta(seconds=perf_counter() - began), attempt=attempt)
        self._history.append(delivery)
        return delivery

    def history(self) -> tuple[Delivery, ...]:
        """Give the deliveries, oldest first."""
        return tuple(self._history)

    def event(self, event_type: str, source: str, event_id: str, data: Any) -> Delivery:
        """Send a CloudEvent in binary mode, as Eventarc does."""
        headers = {"ce-specversion": "1.0", "ce-type": event_type, "ce-source": source, "ce-id": event_id}
        return self.post(json.dumps(data).encode(), headers | {"Content-Type": "application/json"}, message_id=event_id)

    def tick(self, job: str, at: datetime) -> Delivery:
        """Send a Cloud Scheduler request for the run that was due ``at``."""
        headers = {
            "User-Agent": "Google-Cloud-Scheduler",
            "X-CloudScheduler": "true",
            "X-CloudScheduler-JobName": job,
            "X-CloudScheduler-ScheduleTime": _stamp(at),
            "Content-Type": "application/octet-stream",
        }
        return self.post(b"", headers, message_id=_stamp(at))

    def ticking(self, job: str, every: timedelta, now: Callable[[], datetime]) -> Ticker:
        """Tick at once and then ``every`` so often, in a thread: use it in a ``with`` block, or start and stop it."""
        return Ticker(f"job-{job}", every, lambda: self.tick(job, now()))


class PushSubscription:
    """A Pub/Sub push subscription: delivers each message until it is acknowledged, TRIES times at most, in no order."""

    def __init__(self, name: str, caller: FunctionCaller, *, now: Callable[[], datetime], backoff: Sequence[timedelta] = BACKOFF) -> None:
        self.name = name
        self._caller = caller
        self._now = now
        self._backoff = tuple(backoff)[: TRIES - 1]
        self._parked: deque[bytes] = deque(maxlen=HISTORY_LIMIT)
        self._changed = threading.Condition()
        self._serial = self._unsettled = 0
        self._closing = threading.Event()
        self._deliverers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=f"push-{name}")

    def publish(self, data: bytes, attributes: Mapping[str, str] | None = None) -> str:
        """Take a message for delivery and give its id. Raises Transient at BACKLOG_LIMIT."""
        with self._changed:
            if self._unsettled >= BACKLOG_LIMIT or self._closing.is_set():
                raise Transient(f"{self.name}: {self._unsettled} messages wait already; publish again later")
            self._serial += 1
            self._unsettled += 1
            message_id = str(self._serial)
            self._deliverers.submit(self._deliver, push_body(self.name, message_id, self._now(), data, attributes), message_id)
            return message_id

    def drain(self, limit: timedelta) -> bool:
        """Wait until no message is under way; say whether that was reached within ``limit``."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._unsettled, limit.total_seconds())

    def parked(self) -> tuple[bytes, ...]:
        """Give the push bodies that were never acknowledged."""
        return tuple(self._parked)

    def stop(self) -> None:
        """Deliver no more."""
        with self._changed:
            self._closing.set()
        self._deliverers.shutdown(cancel_futures=True)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Deliver no more."""
        self.stop()

    def _deliver(self, body: bytes, message_id: str) -> None:
        try:
            for attempt, pause in enumerate((*self._backoff, timedelta(0)), start=1):
                delivery = self._caller.post(body, {"Content-Type": "application/json"}, message_id=message_id, attempt=attempt)
                if delivery.ok or self._closing.wait(pause.total_seconds()):
                    return
            self._parked.append(body)
        finally:
            with self._changed:
                self._unsettled -= 1
                self._changed.notify_all()


def push_body(subscription: str, message_id: str, at: datetime, data: bytes, attributes: Mapping[str, str] | None = None) -> bytes:
    """Give the body of a Pub/Sub push request, in the wrapped form."""
    message = {
        "data": base64.b64encode(data).decode(),
        "attributes": dict(attributes or {}),
        "messageId": message_id,
        "message_id": message_id,
        "publishTime": _stamp(at),
        "publish_time": _stamp(at),
    }
    return json.dumps({"message": message, "subscription": subscription}).encode()


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
