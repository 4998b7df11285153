"""Cold starts: from the start of a fresh process to the route write received, the event waiting for it from the beginning."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from pointsman.core.fabric import Cloud
from pointsman.testing.bench.bed import LINK, RECONNECT, Bed, alarm, push
from pointsman.testing.bench.warm import Reactions, first
from pointsman.testing.emulators import free_port
from pointsman.testing.faces.timing import monotonic, wait
from pointsman.testing.google_functions import FunctionCaller, functions_framework_command
from pointsman.testing.lambda_runtime import LambdaFunction
from pointsman.testing.lambda_worker import lambda_command
from pointsman.testing.processes import ProcessError

BASELINE = "pointsman.testing.bench.baseline.handler"
LINK_CHANGED = "functions.aws.link_changed.main.handler"
LIMIT = timedelta(seconds=60)
NAME = "cold"


def cold(bed: Bed, reactions: Reactions, count: int, tell: Callable[[str], None]) -> dict[str, list[float]]:
    """Measure ``count`` fresh processes each: AWS's, Google's and the plain handler's, in turns. Gives seconds."""
    found: dict[str, list[float]] = {Cloud.AWS.value: [], Cloud.GCP.value: [], "baseline": []}
    for done in range(count):
        reactions.arm(Cloud.AWS, foreseen=False)
        found["aws"].append(_lambda(bed, LINK_CHANGED, bed.environment(Cloud.AWS), lambda: bed.probe(Cloud.AWS, 1.0, (LINK,))))
        reactions.arm(Cloud.GCP, foreseen=False)
        found["gcp"].append(_google(bed))
        reactions.reset(foreseen=False)
        found["baseline"].append(_lambda(bed, BASELINE, baseline_environment(bed), alarm))
        tell(f"cold: {done + 1} of {count} starts of each")
    return found


def baseline_environment(bed: Bed) -> dict[str, str]:
    """Give the plain handler's environment: the SDK's own variables for where the services are."""
    return bed.environment(Cloud.AWS) | {
        "AWS_ENDPOINT_URL_DYNAMODB": bed.dynamodb.url,
        "AWS_ENDPOINT_URL_DIRECT_CONNECT": bed.urls["aws"],
    }


def _lambda(bed: Bed, handler: str, env: dict[str, str], event: Callable[[], dict[str, Any]]) -> float:
    with LambdaFunction(NAME) as function, ThreadPoolExecutor(1) as pool:
        command = lambda_command(handler, function, root=bed.root)
        pending = pool.submit(function.invoke, event())
        begun = monotonic()
        bed.children.start(NAME, command.argv, env=env | command.env, cwd=bed.root)
        invocation = pending.result(LIMIT.total_seconds())
        bed.children.stop(NAME)
    if not invocation.ok:
        raise ProcessError(f"{handler} failed in a fresh process: {invocation.payload}")
    return first(bed.received(Cloud.AWS, begun), Cloud.AWS) - begun


def _google(bed: Bed) -> float:
    port = free_port()
    command = functions_framework_command(bed.root / "functions" / "gcp" / "link_changed" / "main.py", port=port)
    body = push(bed.probe(Cloud.GCP, 1.0, (LINK,)))
    begun = monotonic()
    bed.children.start(NAME, command.argv, env=bed.environment(Cloud.GCP) | command.env, cwd=bed.root)
    caller = FunctionCaller(f"http://127.0.0.1:{port}")
    while not caller.post(body, {"Content-Type": "application/json"}).ok:
        if monotonic() - begun > LIMIT.total_seconds():
            raise ProcessError(f"Google's link_changed did not take an event within {LIMIT}")
        wait(RECONNECT / 4)
    bed.children.stop(NAME)
    return first(bed.received(Cloud.GCP, begun), Cloud.GCP) - begun
