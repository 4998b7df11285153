"""What one event costs the stores: requests by store and operation, for a new fault and for the same event again."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from pointsman.core.fabric import Cloud
from pointsman.testing.bench.bed import LINK, Bed, push
from pointsman.testing.bench.counting import CountingProxy
from pointsman.testing.bench.warm import Reactions, first
from pointsman.testing.faces.timing import monotonic, wait
from pointsman.testing.google_functions import FunctionCaller, functions_framework_command, wait_url
from pointsman.testing.lambda_runtime import LambdaFunction
from pointsman.testing.lambda_worker import lambda_command

NAME = "counted"
REST = 0.5
"""Seconds for requests to slower stores to end before they are counted."""

Counted = dict[str, dict[str, int]]
Hand = Callable[[dict[str, Any]], object]


def operations(bed: Bed, reactions: Reactions) -> dict[str, dict[str, Any]]:
    """Count for each cloud's ``link_changed``, in a process of its own whose stores are behind counting proxies."""
    found = {}
    for cloud, door in ((Cloud.AWS, _lambda), (Cloud.GCP, _google)):
        with _proxies(bed) as proxies, door(bed, bed.environment(cloud, {name: one.url for name, one in proxies.items()})) as hand:
            _fault(bed, reactions, cloud, hand)  # the first one also loads and connects
            found[cloud.value] = _count(bed, reactions, cloud, hand, proxies)
    return found


def _count(bed: Bed, reactions: Reactions, cloud: Cloud, hand: Hand, proxies: dict[str, CountingProxy]) -> dict[str, Any]:
    _take(proxies)
    event = _fault(bed, reactions, cloud, hand)
    fresh = _take(proxies)
    hand(event)
    again = _take(proxies)
    reactions.reset(foreseen=False)
    bed.settle(Cloud.AWS)  # its last look saw the test run, which hides the link: look again
    return {"new fault": _with_total(fresh), "duplicate": _with_total(again)}


def _fault(bed: Bed, reactions: Reactions, cloud: Cloud, hand: Hand) -> dict[str, Any]:
    reactions.arm(cloud, foreseen=False)
    event = bed.probe(cloud, 1.0, (LINK,))
    handed = monotonic()
    hand(event)
    first(bed.received(cloud, handed), cloud)
    return event


def _take(proxies: dict[str, CountingProxy]) -> Counted:
    wait(REST)
    return {name: one.take() for name, one in proxies.items()}


def _with_total(counted: Counted) -> dict[str, Any]:
    return {**counted, "total": sum(sum(one.values()) for one in counted.values())}


@contextlib.contextmanager
def _proxies(bed: Bed) -> Iterator[dict[str, CountingProxy]]:
    targets = {"dynamodb": bed.dynamodb.url, "s3": bed.witness.url}
    if bed.firestore is not None:
        targets["firestore"] = bed.firestore.url
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(CountingProxy(url)) for name, url in targets.items()}


@contextlib.contextmanager
def _lambda(bed: Bed, env: dict[str, str]) -> Iterator[Hand]:
    with LambdaFunction(NAME) as function:
        command = lambda_command("functions.aws.link_changed.main.handler", function, root=bed.root)
        bed.children.start(NAME, command.argv, env=env | command.env, cwd=bed.root)
        yield function.invoke
        bed.children.stop(NAME)


@contextlib.contextmanager
def _google(bed: Bed, env: dict[str, str]) -> Iterator[Hand]:
    command = functions_framework_command(bed.root / "functions" / "gcp" / "link_changed" / "main.py")
    child = bed.children.start(NAME, command.argv, env=env | command.env, cwd=bed.root)
    caller = FunctionCaller(wait_url(child))
    yield lambda event: caller.post(push(event), {"Content-Type": "application/json"})
    bed.children.stop(NAME)
