"""A worker of a local Lambda function: Amazon's own runtime client, or where it has no build a plain loop of ours.

``python -m pointsman.testing.lambda_worker module.handler`` runs the loop against AWS_LAMBDA_RUNTIME_API.
"""

import argparse
import importlib
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from pointsman.core.values import Frozen
from pointsman.testing.lambda_runtime import API, LambdaFunction


class WorkerCommand(Frozen):
    """How to start a worker. ``runtime`` says under what it runs: ``awslambdaric`` or ``loop``."""

    argv: tuple[str, ...]
    env: dict[str, str]
    runtime: str


def lambda_command(handler: str, function: LambdaFunction, *, root: Path, loop: bool = False) -> WorkerCommand:
    """Give the command of a worker for ``module.handler``, to be started with ``root`` as its folder.

    It runs under ``awslambdaric``; where that is not installed, or with ``loop``, under our plain loop.
    """
    plain = loop or importlib.util.find_spec("awslambdaric") is None
    module = ("pointsman.testing.lambda_worker",) if plain else ("awslambdaric",)
    env = {
        "AWS_LAMBDA_RUNTIME_API": function.address,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "LAMBDA_TASK_ROOT": str(root),
        "_HANDLER": handler,
        "TZ": "UTC",
    }
    return WorkerCommand(argv=(sys.executable, "-m", *module, handler), env=env, runtime="loop" if plain else "awslambdaric")


class LoopContext:
    """What the plain loop hands a handler beside the event: the part of Lambda's context object that handlers use."""

    function_version = "$LATEST"
    memory_limit_in_mb = "256"

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = self.invoked_function_arn.rpartition(":")[2]
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self) -> int:
        """Give the milliseconds left until the time-out."""
        return max(0, self._deadline_ms - time.time_ns() // 1_000_000)


def run_loop(handler: Callable[[Any, LoopContext], Any], address: str) -> None:
    """Serve a handler from a Runtime API until that hangs up."""
    api = HTTPConnection(address)
    while True:
        try:
            api.request("GET", f"{API}/invocation/next")
            reply = api.getresponse()
            event = json.loads(reply.read())
        except ConnectionError:
            return  # the function was stopped
        verdict, document = _run(handler, event, LoopContext(dict(reply.headers)))
        _post(api, f"/invocation/{reply.headers['Lambda-Runtime-Aws-Request-Id']}/{verdict}", document)


def _run(handler: Callable[[Any, LoopContext], Any], event: Any, context: LoopContext) -> tuple[str, Any]:
    try:
        return "response", handler(event, context)
    except Exception as error:  # noqa: BLE001 - any error of a handler is an answer of its worker
        return "error", {"errorType": type(error).__name__, "errorMessage": str(error)[:1000]}


def _post(api: HTTPConnection, path: str, document: Any) -> None:
    kind = document.get("errorType", "") if path.endswith("error") else ""
    headers = {"Lambda-Runtime-Function-Error-Type": kind} if kind else {}
    api.request("POST", f"{API}{path}", json.dumps(document), headers)
    api.getresponse().read()


def _main() -> None:
    parser = argparse.ArgumentParser(description="Serve a handler from a Lambda Runtime API.")
    parser.add_argument("handler", metavar="MODULE.HANDLER")
    module, _, name = parser.parse_args().handler.rpartition(".")
    address = os.environ["AWS_LAMBDA_RUNTIME_API"]  # noqa: TID251 - the Runtime API's place is told there
    try:
        handler = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        _post(HTTPConnection(address), "/init/error", {"errorType": "Runtime.ImportModuleError", "errorMessage": str(error)[:1000]})
        raise SystemExit(1) from error
    run_loop(handler, address)


if __name__ == "__main__":
    _main()
