"""AWS Lambda on one machine: a Runtime API per function and the callers' side of it.

Workers poll it; ``lambda_worker`` starts them. Source: docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html; asynchronous
invocations: invocation-async.html there.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from socket import socket
from time import perf_counter
from types import TracebackType
from typing import Any, Self
from uuid import NAMESPACE_URL, uuid5

from pointsman.core.errors import Transient
from pointsman.core.values import Frozen
from pointsman.testing.loopback import LoopbackServer, Reply, Request, as_json

API = "/2018-06-01/runtime"
ACCOUNT = "111122223333"
TIMEOUT = timedelta(seconds=60)
"""A function's time-out unless another is given."""
WORKER_LIMIT = timedelta(seconds=60)
"""How long an invocation may wait for a worker to take it: cold starts on a busy machine."""
BACKLOG_LIMIT = 10_000
"""Invocations that may wait; the next one is throttled."""
HISTORY_LIMIT = 20_000
"""Invocations remembered; older ones are forgotten."""
ASYNC_AT_ONCE = 16
RETRY_DELAYS = (timedelta(seconds=60), timedelta(seconds=120))
"""Lambda tries an asynchronous invocation twice more, after one and after two minutes."""
EXIT_GRACE = timedelta(seconds=1)
"""How long an answer may still come over another connection after a worker's own was closed."""


class Invocation(Frozen):
    """How one invocation went. ``payload`` is the answer, or Lambda's error document; ``waited`` is until a worker took it."""

    function: str
    request_id: str
    ok: bool
    payload: Any = None
    error_type: str = ""
    waited: timedelta = timedelta(0)
    duration: timedelta = timedelta(0)
    attempt: int = 1


class _Pending:
    """An invocation under way."""

    def __init__(self, request_id: str, event: bytes) -> None:
        self.request_id = request_id
        self.event = event
        self.queued_at = perf_counter()
        self.taken_at = 0.0
        self.taken_by: socket | None = None
        self.taken = threading.Event()
        self.done = threading.Event()
        self.payload: Any = None
        self.error_type = ""
        self._lock = threading.Lock()

    def finish(self, payload: Any, error_type: str = "") -> None:
        """Settle it; the first word counts."""
        with self._lock:
            if not self.done.is_set():
                self.payload, self.error_type = payload, error_type
                self.done.set()


class LambdaFunction:
    """One function: a Runtime API of its own that any number of workers poll, and the callers' side of it."""

    def __init__(
        self,
        name: str,
        *,
        timeout: timedelta = TIMEOUT,
        region: str = "us-east-1",
        retry_delays: Sequence[timedelta] = RETRY_DELAYS,
        worker_limit: timedelta = WORKER_LIMIT,
        backlog_limit: int = BACKLOG_LIMIT,
    ) -> None:
        self.name = name
        self.region = region
        self.timeout = timeout
        self._retry_delays = tuple(retry_delays)
        self._backlog_limit = backlog_limit
        self._worker_limit = worker_limit
        guard = threading.RLock()
        self._lock = threading.Condition(guard)
        self._quiet = threading.Condition(guard)  # callers that drain wait apart, lest they be woken in a worker's place
        self._waiting: deque[_Pending] = deque()
        self._running: dict[str, _Pending] = {}
        self._history: deque[Invocation] = deque(maxlen=HISTORY_LIMIT)
        self._parked: deque[bytes] = deque(maxlen=HISTORY_LIMIT)
        self._init_errors: deque[Any] = deque(maxlen=100)
        self._serial = self._unsettled = self._polling = 0
        self._closing = threading.Event()
        self._callers = ThreadPoolExecutor(ASYNC_AT_ONCE, thread_name_prefix=f"async-{name}")
        self._server = LoopbackServer(self._answer, gone=self._lost)

    @property
    def arn(self) -> str:
        """Its Amazon resource name."""
        return f"arn:aws:lambda:{self.region}:{ACCOUNT}:function:{self.name}"

    @property
    def address(self) -> str:
        """Its AWS_LAMBDA_RUNTIME_API."""
        return self._server.address

    @property
    def polling(self) -> int:
        """How many workers wait for work (one that died waiting counts until work comes)."""
        return self._polling

    def start(self) -> Self:
        """Serve its Runtime API."""
        self._server.start()
        return self

    def stop(self) -> None:
        """End; what waits or runs fails as Runtime.Stopped."""
        with self._lock:
            self._closing.set()
            for pending in (*self._waiting, *self._running.values()):
                pending.finish(None, "Runtime.Stopped")
                pending.taken.set()
            self._lock.notify_all()
        self._callers.shutdown(cancel_futures=True)
        self._server.stop()

    def __enter__(self) -> Self:
        """Serve its Runtime API."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End."""
        self.stop()

    def invoke(self, event: Any, *, attempt: int = 1) -> Invocation:
        """Invoke it and wait for the answer. Raises Transient at the backlog's limit, as Lambda throttles."""
        pending = self._enqueue(event if isinstance(event, bytes) else json.dumps(event).encode())
        if not pending.taken.wait(self._worker_limit.total_seconds()):
            pending.finish(None, "Runtime.NoWorker")
        elif not pending.done.wait(self.timeout.total_seconds()):
            pending.finish(None, "Sandbox.Timedout")
        return self._settle(pending, attempt)

    def invoke_async(self, event: Any) -> None:
        """Invoke it and do not wait: a failing event is tried twice more, then parked. Raises Transient at the backlog's limit."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        with self._lock:
            if self._unsettled >= self._backlog_limit or self._closing.is_set():
                raise Transient(f"{self.name}: {self._unsettled} events wait already; send again later")
            self._unsettled += 1
            self._callers.submit(self._try_all, body)

    def drain(self, limit: timedelta) -> bool:
        """Wait until no asynchronous event is under way; say whether that was reached within ``limit``."""
        with self._lock:
            return self._quiet.wait_for(lambda: not self._unsettled, limit.total_seconds())

    def history(self) -> tuple[Invocation, ...]:
        """Give the settled invocations, oldest first."""
        with self._lock:
            return tuple(self._history)

    def parked(self) -> tuple[bytes, ...]:
        """Give the asynchronous events that failed every try (what an on-failure destination would get)."""
        return tuple(self._parked)

    def init_errors(self) -> tuple[Any, ...]:
        """Give the error documents of workers that could not load their handler."""
        return tuple(self._init_errors)

    def _try_all(self, body: bytes) -> None:
        try:
            for attempt, delay in enumerate((*self._retry_delays, timedelta(0)), start=1):
                if self.invoke(body, attempt=attempt).ok or self._closing.wait(delay.total_seconds()):
                    return
            self._parked.append(body)
        finally:
            with self._lock:
                self._unsettled -= 1
                self._quiet.notify_all()

    def _enqueue(self, body: bytes) -> _Pending:
        with self._lock:
            if len(self._waiting) >= self._backlog_limit or self._closing.is_set():
                raise Transient(f"{self.name}: {len(self._waiting)} invocations wait already; send again later")
            self._serial += 1
            pending = _Pending(str(uuid5(NAMESPACE_URL, f"{self.address}/{self.arn}/{self._serial}")), body)
            self._waiting.append(pending)
            self._lock.notify()
            return pending

    def _settle(self, pending: _Pending, attempt: int) -> Invocation:
        taken_at = pending.taken_at or perf_counter()
        invocation = Invocation(
            function=self.name,
            request_id=pending.request_id,
            ok=not pending.error_type,
            payload=pending.payload,
            error_type=pending.error_type,
            waited=timedelta(seconds=taken_at - pending.queued_at),
            duration=timedelta(seconds=perf_counter() - taken_at),
            attempt=attempt,
        )
        with self._lock:
            self._running.pop(pending.request_id, None)
            self._history.append(invocation)
        return invocation

    def _answer(self, request: Request) -> Reply:
        match request.path.removeprefix(API).strip("/").split("/"):
            case ["invocation", "next"]:
                return self._hand_out(request)
            case ["invocation", request_id, "response"]:
                return self._finish(request_id, _document(request.body), "")
            case ["invocation", request_id, "error"]:
                return self._finish(request_id, _document(request.body), _error_type(request))
            case ["init", "error"]:
                self._init_errors.append(_document(request.body))
                return as_json({"status": "OK"}, 202)
            case _:
                return as_json({"errorType": "NotFound", "errorMessage": f"{request.method} {request.path}"}, 404)

    def _hand_out(self, request: Request) -> Reply:
        pending = self._next(request)
        if pending is None:
            return Reply(hang_up=True)
        deadline = _epoch_ms() + self.timeout // timedelta(milliseconds=1)
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": pending.request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline),
            "Lambda-Runtime-Invoked-Function-Arn": self.arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{deadline // 1000:08x}-{pending.request_id.replace('-', '')[:24]};Sampled=0",
        }
        return Reply(body=pending.event, headers=headers)

    def _next(self, request: Request) -> _Pending | None:
        """Wait for an invocation and take it; None when the worker has died or the function is stopped."""
        with self._lock:
            while not self._closing.is_set():
                self._polling += 1
                self._lock.wait_for(lambda: bool(self._waiting) or self._closing.is_set())
                self._polling -= 1
                if not request.caller_waits():
                    self._lock.notify()
                    return None
                if self._waiting and not (pending := self._waiting.popleft()).done.is_set():
                    self._running[pending.request_id] = pending
                    pending.taken_by, pending.taken_at = request.connection, perf_counter()
                    pending.taken.set()
                    return pending
        return None

    def _finish(self, request_id: str, payload: Any, error_type: str) -> Reply:
        with self._lock:
            pending = self._running.pop(request_id, None)
        if pending is not None:
            pending.finish(payload, error_type)
        return as_json({"status": "OK"}, 202)  # also to a late one, whose sandbox the real service has ended by now

    def _lost(self, connection: socket) -> None:
        """Fail what a worker had taken when its connection ends: unless its answer comes over another one, it died at work."""
        with self._lock:
            left = [pending for pending in self._running.values() if pending.taken_by is connection]
        for pending in left:
            pending.done.wait(EXIT_GRACE.total_seconds())
            pending.finish({"errorType": "Runtime.ExitError", "errorMessage": "the worker died at work"}, "Runtime.ExitError")


def _document(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")


def _error_type(request: Request) -> str:
    document = _document(request.body)
    told = document.get("errorType") if isinstance(document, dict) else None
    return str(told or request.headers.get("Lambda-Runtime-Function-Error-Type") or "Unhandled")


def _epoch_ms() -> int:
    return time.time_ns() // 1_000_000
