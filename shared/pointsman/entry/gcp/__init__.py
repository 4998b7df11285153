"""Google Cloud Functions: one HTTP function under the functions-framework round a use case."""

import json
import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from pointsman.boot.app import App
from pointsman.entry.calls import Call, Told, alarms
from pointsman.entry.outcomes import Answer, Outcome, UseCase

if TYPE_CHECKING:
    from flask import Request

Reply = tuple[str, int, dict[str, str]]
Handler = Callable[["Request"], Reply]

_STATUS = {Answer.ACK: 204, Answer.RETRY: 503, Answer.PARK: 422, Answer.STOP: 500}
"""Pub/Sub and Scheduler send again what is not answered with 2xx; their dead-letter topic takes what stays unreadable."""


_PLAIN = {"Content-Type": "text/plain; charset=utf-8"}


def http_entry(use_case: UseCase, build: Callable[[], App] | None = None) -> Handler:
    """Make an HTTP function of a use case; everything it needs is built at the first call (by ``build``, in tests)."""
    call = Call(use_case, build or _build)

    def handler(request: "Request") -> Reply:
        if request.method != "POST":
            return "events come by POST\n", 405, {"Allow": "POST", **_PLAIN}
        outcome, told = call.run(request.get_data(), dict(request.headers))
        _log(use_case.__name__, outcome, told)
        return _answer(outcome)

    return handler


def _build() -> App:
    from pointsman.boot.gcp import build  # noqa: PLC0415 - the SDKs load at the first call, not at import

    return build()


def _log(name: str, outcome: Outcome, told: Told) -> None:
    """Write one line of structured log, as Cloud Logging reads it from standard output."""
    severity = "INFO" if outcome.answer is Answer.ACK and not alarms(told) else "ERROR"
    line = {"severity": severity, "message": "handled", "service": f"pointsman-{name}", **told}
    sys.stdout.write(json.dumps(line, default=str) + "\n")
    sys.stdout.flush()


def _answer(outcome: Outcome) -> Reply:
    headers = dict(_PLAIN)
    if outcome.answer is Answer.RETRY and outcome.retry_after:
        headers["Retry-After"] = str(math.ceil(outcome.retry_after.total_seconds()))
    return outcome.text, _STATUS[outcome.answer], headers
