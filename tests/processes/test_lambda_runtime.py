"""A function runs in real workers against the local Runtime API, under Amazon's client and under the plain loop."""

import importlib.util
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import urllib3

from pointsman.core.errors import Transient
from pointsman.testing import lambda_runtime
from pointsman.testing.lambda_runtime import LambdaFunction
from pointsman.testing.lambda_worker import lambda_command
from pointsman.testing.processes import Child, Supervisor, until

HERE = Path(__file__).parent
LIMIT = timedelta(seconds=60)
SOON = timedelta(milliseconds=1)
RUNTIMES = [
    pytest.param(
        False,
        id="awslambdaric",
        marks=pytest.mark.skipif(importlib.util.find_spec("awslambdaric") is None, reason="awslambdaric has no build here"),
    ),
    pytest.param(True, id="loop"),
]
Deploy = Callable[[LambdaFunction, str], Child]


@pytest.fixture
def function() -> Iterator[LambdaFunction]:
    with LambdaFunction("echo", retry_delays=(SOON, SOON)) as running:
        yield running


@pytest.fixture(params=RUNTIMES)
def worker(request: pytest.FixtureRequest, function: LambdaFunction, supervisor: Supervisor) -> Child:
    return deploy(supervisor, function, "worker", loop=request.param)


def deploy(supervisor: Supervisor, function: LambdaFunction, name: str, *, loop: bool = True, handler: str = "handlers.handler") -> Child:
    command = lambda_command(handler, function, root=HERE, loop=loop)
    return supervisor.start(name, command.argv, env=command.env, cwd=HERE)


@pytest.mark.usefixtures("worker")
def test_a_handler_gets_the_event_and_a_context(function: LambdaFunction) -> None:
    outcome = function.invoke({"link": "ix-a"})
    assert outcome.ok
    assert outcome.payload["echo"] == {"link": "ix-a"}
    assert outcome.payload["id"] == outcome.request_id
    assert outcome.payload["arn"] == "arn:aws:lambda:us-east-1:111122223333:function:echo"
    assert outcome.payload["in_time"]
    assert outcome.duration > timedelta(0)


@pytest.mark.usefixtures("worker")
def test_an_error_of_the_handler_is_the_answer_and_the_worker_goes_on(function: LambdaFunction) -> None:
    failed = function.invoke({"fail": "no such link"})
    assert (failed.ok, failed.error_type) == (False, "ValueError")
    assert failed.payload["errorMessage"] == "no such link"
    assert function.invoke({}).ok


def test_a_worker_that_dies_at_work_fails_its_invocation_and_no_other(
    function: LambdaFunction, worker: Child, supervisor: Supervisor
) -> None:
    died = function.invoke({"die": True})
    assert (died.ok, died.error_type) == (False, "Runtime.ExitError")
    worker.wait_exit(LIMIT)
    supervisor.restart("worker")
    assert function.invoke({}).ok


def test_a_worker_killed_while_it_waits_loses_no_invocation(function: LambdaFunction, worker: Child, supervisor: Supervisor) -> None:
    assert until(lambda: function.polling == 1)
    worker.kill()
    with ThreadPoolExecutor(1) as caller:
        waiting = caller.submit(function.invoke, {"late": True})
        supervisor.restart("worker")
        assert waiting.result(60).payload["echo"] == {"late": True}


def test_an_answer_after_the_time_out_is_dropped(supervisor: Supervisor) -> None:
    with LambdaFunction("slow", timeout=timedelta(milliseconds=200)) as function:
        deploy(supervisor, function, "worker")
        late = function.invoke({"sleep": 0.5})
        assert (late.ok, late.error_type) == (False, "Sandbox.Timedout")
        assert until(lambda: function.invoke({}).ok)
        assert [one.payload["echo"] for one in function.history() if one.ok] == [{}]


def test_workers_share_a_functions_work(function: LambdaFunction, supervisor: Supervisor) -> None:
    for number in range(2):
        deploy(supervisor, function, f"worker-{number}")
    with ThreadPoolExecutor(2) as callers:
        outcomes = list(callers.map(function.invoke, [{"sleep": 0.3}] * 6))
    assert all(outcome.ok for outcome in outcomes)
    assert len({outcome.payload["pid"] for outcome in outcomes}) == 2


def test_without_a_worker_an_invocation_fails_at_the_limit() -> None:
    with LambdaFunction("empty", worker_limit=timedelta(milliseconds=50)) as function:
        assert function.invoke({}).error_type == "Runtime.NoWorker"


def test_a_failing_event_is_tried_twice_more_and_then_parked(function: LambdaFunction, supervisor: Supervisor) -> None:
    deploy(supervisor, function, "worker")
    function.invoke_async({"fail": "always"})
    assert function.drain(LIMIT)
    assert [(one.attempt, one.ok) for one in function.history()] == [(1, False), (2, False), (3, False)]
    assert function.parked() == (b'{"fail": "always"}',)


def test_a_burst_of_events_is_handled_once_each(function: LambdaFunction, supervisor: Supervisor) -> None:
    deploy(supervisor, function, "worker")
    for number in range(200):
        function.invoke_async({"number": number})
    assert function.drain(LIMIT)
    assert sorted(one.payload["echo"]["number"] for one in function.history()) == list(range(200))
    assert function.parked() == ()


def test_more_events_than_may_wait_are_throttled() -> None:
    with LambdaFunction("crowded", backlog_limit=3) as crowded:
        for _ in range(3):
            crowded.invoke_async({})
        with pytest.raises(Transient, match="send again later"):
            crowded.invoke_async({})


@pytest.mark.parametrize("loop", RUNTIMES)
def test_a_handler_that_cannot_be_loaded_is_reported(function: LambdaFunction, supervisor: Supervisor, *, loop: bool) -> None:
    child = deploy(supervisor, function, "worker", loop=loop, handler="handlers.missing")
    assert child.wait_exit(LIMIT) == 1
    assert "missing" in function.init_errors()[0]["errorMessage"]


def test_a_stopped_function_lets_its_callers_and_its_loop_go(supervisor: Supervisor) -> None:
    with LambdaFunction("brief") as function, ThreadPoolExecutor(1) as caller:
        child = deploy(supervisor, function, "worker")
        assert function.invoke({}).ok
        under_way = caller.submit(function.invoke, {"sleep": 2.0})
        assert until(lambda: bool(function._running))
        function.stop()
        assert under_way.result(30).error_type == "Runtime.Stopped"
    assert child.wait_exit(LIMIT) in {0, 1}


def test_the_command_says_under_what_it_runs(function: LambdaFunction) -> None:
    assert lambda_command("a.b", function, root=HERE, loop=True).runtime == "loop"
    known = importlib.util.find_spec("awslambdaric") is not None
    assert lambda_command("a.b", function, root=HERE).runtime == ("awslambdaric" if known else "loop")


def test_an_unknown_path_is_not_found(function: LambdaFunction) -> None:
    assert urllib3.request("GET", f"http://{function.address}/2018-06-01/runtime/nothing", retries=False).status == 404


def test_a_body_beyond_the_limit_is_refused(function: LambdaFunction) -> None:
    headers = {"Content-Length": str(11 * 1024 * 1024)}
    reply = urllib3.request("POST", f"http://{function.address}{lambda_runtime.API}/init/error", headers=headers, retries=False)
    assert reply.status == 413
    assert function.init_errors() == ()
