"""Every function as it is deployed: its main.py under Amazon's runtime client or the functions-framework's server, with a real sample."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.files import load
from pointsman.adapters.files.compiled import write_compiled
from pointsman.core.fabric import Fabric, Stores
from pointsman.core.values import replace
from pointsman.testing.google_functions import FunctionCaller, PushSubscription, functions_framework_command, wait_url
from pointsman.testing.lambda_runtime import Invocation, LambdaFunction
from pointsman.testing.lambda_worker import lambda_command
from pointsman.testing.loopback import LoopbackServer, Reply, Request
from pointsman.testing.processes import Supervisor, until
from pointsman.wire import recorded
from tests.fabric.written import EXAMPLES
from tests.house.tree import MAINS, ROOT, name_of
from tests.wire.samples import EVENTS, sample

NAMES = ("link_changed", "watch", "sweep", "deliver")
AWS_SAMPLES = {
    "link_changed": "aws/nm-status-vpn-bgp-down.json",
    "watch": "aws/eventbridge-scheduler-tick.json",
    "sweep": "aws/scheduler-audit-tick.json",
    "deliver": "aws/sqs-deliver.json",
}
GCP_SAMPLES = {
    "link_changed": "cloudevent-binary-pubsub-bgp-down",
    "watch": "scheduler-http-audit",
    "sweep": "scheduler-http-audit",
    "deliver": "pubsub-push-deliver",
}
SERVICES = ("ssm", "ec2", "directconnect", "interconnect", "sqs", "sts", "secretsmanager", "secretmanager", "compute")
MORE_SERVICES = ("networkconnectivity", "pubsub", "firestore", "dynamodb", "s3", "pagerduty")
SHORT = (timedelta(milliseconds=50), timedelta(milliseconds=50))
LIMIT = timedelta(seconds=30)


class Clouds:
    """Both clouds' functions on this machine, with one table in a file and every service of the clouds out of order."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.asked: list[str] = []
        self.folder = folder
        self.fabric_file = folder / "fabric.json"
        self.children = stack.enter_context(Supervisor())
        self._stack = stack
        self._outage = stack.enter_context(LoopbackServer(self._refuse))

    def fabric(self) -> Fabric:
        return replace(load(str(EXAMPLES / "atlas.yaml")), stores=Stores(witness=f"sqlite://{self.folder}/table.sqlite"))

    def write_fabric(self) -> None:
        self.fabric_file.write_bytes(write_compiled(self.fabric()))

    def start_lambda(self, name: str) -> LambdaFunction:
        function = self._stack.enter_context(LambdaFunction(name, retry_delays=SHORT))
        command = lambda_command(f"functions.aws.{name}.main.handler", function, root=ROOT)
        assert command.runtime == "awslambdaric"
        self.children.start(f"aws-{name}", command.argv, env=self._environment() | command.env, cwd=ROOT)
        return function

    def start_google(self, name: str) -> None:
        command = functions_framework_command(ROOT / "functions" / "gcp" / name / "main.py", name=name)
        self.children.start(f"gcp-{name}", command.argv, env=self._environment() | command.env, cwd=ROOT)

    def caller(self, name: str) -> FunctionCaller:
        return FunctionCaller(wait_url(self.children[f"gcp-{name}"]))

    def output(self, child: str) -> str:
        return "\n".join(self.children[child].output())

    def logged(self, child: str, count: int) -> list[dict[str, Any]]:
        """Wait until a function has logged that many calls, and give all it has logged."""
        until(lambda: len(self._logged(child)) >= count, LIMIT)
        return self._logged(child)

    def calls(self, child: str) -> int:
        """Count the calls that a function has logged so far."""
        return len(self._logged(child))

    def _logged(self, child: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.children[child].output() if line.startswith("{")]
        return [line for line in found if line.get("message") == "handled"]

    def _refuse(self, request: Request) -> Reply:
        self.asked.append(f"{request.method} {request.path}")
        return Reply(status=503, body=b"{}")

    def _environment(self) -> dict[str, str]:
        return {
            "PYTHONPATH": str(ROOT),
            "POINTSMAN_FABRIC": str(self.fabric_file),
            "POINTSMAN_GOOGLE_IDENTITY": "emulator",
            "POINTSMAN_ENDPOINTS": json.dumps(dict.fromkeys(SERVICES + MORE_SERVICES, self._outage.url)),
            "POINTSMAN_WATCH_SECONDS": "[0.2, 0.5]",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    with ExitStack() as stack:
        found = Clouds(tmp_path_factory.mktemp("clouds"), stack)
        found.write_fabric()
        for name in NAMES:
            found.start_google(name)
        yield found


@pytest.fixture(scope="module")
def lambdas(clouds: Clouds) -> dict[str, LambdaFunction]:
    return {name: clouds.start_lambda(name) for name in NAMES}


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[Clouds]:
    """Functions whose fabric file is not there."""
    with ExitStack() as stack:
        yield Clouds(tmp_path, stack)


def google_sample(name: str) -> tuple[bytes, dict[str, str]]:
    (found,) = recorded.deliveries((EVENTS / "gcp" / f"{name}.json").read_bytes())
    return found.data, dict(found.headers or {"Content-Type": "application/json"})


def test_every_function_is_tried() -> None:
    """The prober, which needs a far end, in ``tests/probe``."""
    tried = (*NAMES, "probe")
    assert {name_of(main) for main in MAINS} == {f"functions/{cloud}/{name}/main.py" for cloud in ("aws", "gcp") for name in tried}


@pytest.mark.parametrize("name", NAMES)
def test_a_lambda_function_answers_a_real_sample(clouds: Clouds, lambdas: dict[str, LambdaFunction], name: str) -> None:
    event = sample(AWS_SAMPLES[name])
    done = [lambdas[name].invoke(event) for _ in range(2)]
    answer: dict[str, object] = {"batchItemFailures": []} if "Records" in event else {"outcome": "ack"}
    assert [one.payload for one in done] == [answer] * 2
    log = clouds.logged(f"aws-{name}", 2)
    assert [(line["outcome"], line["service"]) for line in log] == [("ack", f"pointsman-{name}")] * 2
    assert [line["request"] for line in log] == [one.request_id for one in done]


@pytest.mark.parametrize("name", NAMES)
def test_a_google_function_answers_a_real_sample(clouds: Clouds, name: str) -> None:
    caller = clouds.caller(name)
    done = [caller.post(*google_sample(GCP_SAMPLES[name])) for _ in range(2)]
    assert [one.status for one in done] == [204, 204]
    log = clouds.logged(f"gcp-{name}", 2)
    assert [(line["outcome"], line["service"]) for line in log] == [("ack", f"pointsman-{name}")] * 2


def test_functions_of_both_clouds_keep_one_table(clouds: Clouds, lambdas: dict[str, LambdaFunction]) -> None:
    """One after the other they note, decide and agree in the same file, and each goes on from the other's epoch."""
    before = clouds.calls("aws-sweep"), clouds.calls("gcp-sweep")
    assert lambdas["sweep"].invoke(sample(AWS_SAMPLES["sweep"])).ok
    assert clouds.caller("sweep").post(*google_sample(GCP_SAMPLES["sweep"])).ok
    here, there = clouds.logged("aws-sweep", before[0] + 1)[-1], clouds.logged("gcp-sweep", before[1] + 1)[-1]
    assert there["epoch"] >= here["epoch"]


def test_garbage_crashes_no_function_and_is_left_to_the_platform(clouds: Clouds, lambdas: dict[str, LambdaFunction]) -> None:
    refused = lambdas["link_changed"].invoke({"hello": "world"})
    assert (refused.ok, refused.error_type) == (False, "RejectedEvent")
    assert clouds.caller("link_changed").post(b"\xff{", {"Content-Type": "application/json"}).status == 422
    assert lambdas["link_changed"].invoke(sample(AWS_SAMPLES["link_changed"])).ok
    assert "Traceback" not in clouds.output("gcp-link_changed")


def test_a_poison_message_fails_alone_in_a_real_function(clouds: Clouds, lambdas: dict[str, LambdaFunction]) -> None:
    before = clouds.calls("aws-link_changed")
    answer = lambdas["link_changed"].invoke(sample("aws/sqs-batch-with-poison.json"))
    assert answer.payload == {"batchItemFailures": [{"itemIdentifier": "2e1424d4-f796-459a-8184-9c92662be002"}]}
    assert clouds.logged("aws-link_changed", before + 1)[-1]["rejected"][0].startswith("$.Records[1].body: ")


def test_requests_at_once_are_all_answered(clouds: Clouds) -> None:
    """More than the server has threads, and each keeps the one house."""
    caller = clouds.caller("link_changed")
    with PushSubscription("projects/p/subscriptions/s", caller, now=lambda: datetime.now(UTC)) as subscription:  # noqa: TID251 - as Pub/Sub stamps
        for number in range(24):
            subscription.publish(json.dumps({"pointsman": "nudge", "fabric": "atlas", "epoch": number}).encode())
        assert subscription.drain(LIMIT)
        assert subscription.parked() == ()


def complaint(path: Path) -> str:
    return f"{path}: cannot be read (No such file or directory): set POINTSMAN_FABRIC to the file that 'pointsman compile' wrote"


def test_a_lambda_function_without_its_fabric_says_so_in_one_line_and_works_once_it_is_there(broken: Clouds) -> None:
    function = broken.start_lambda("link_changed")
    refused = function.invoke(sample(AWS_SAMPLES["link_changed"]))
    assert (refused.error_type, message(refused)) == ("ConfigError", complaint(broken.fabric_file))
    (line,) = broken.logged("aws-link_changed", 1)
    assert (line["level"], line["error"]) == ("ERROR", complaint(broken.fabric_file))
    broken.write_fabric()
    assert function.invoke(sample(AWS_SAMPLES["link_changed"])).ok


def test_an_event_for_a_broken_lambda_function_is_tried_again_and_then_kept(broken: Clouds) -> None:
    function = broken.start_lambda("sweep")
    function.invoke_async(sample(AWS_SAMPLES["sweep"]))
    assert function.drain(LIMIT)
    assert [one.attempt for one in function.history()] == [1, 2, 3]
    assert [json.loads(kept) for kept in function.parked()] == [sample(AWS_SAMPLES["sweep"])]


def test_a_google_function_without_its_fabric_says_so_in_one_line_and_works_once_it_is_there(broken: Clouds) -> None:
    broken.fabric_file.write_text('{"version": 1')
    broken.start_google("link_changed")
    caller = broken.caller("link_changed")
    assert caller.post(*google_sample(GCP_SAMPLES["link_changed"])).status == 500
    (line,) = broken.logged("gcp-link_changed", 1)
    assert line["error"].startswith(f"{broken.fabric_file}: not a compiled fabric of this version")
    assert "Traceback" not in broken.output("gcp-link_changed")
    broken.write_fabric()
    assert caller.post(*google_sample(GCP_SAMPLES["link_changed"])).status == 204


def test_an_event_for_a_broken_google_function_comes_again_until_it_is_mended(broken: Clouds) -> None:
    broken.start_google("sweep")
    caller = broken.caller("sweep")
    with PushSubscription("s", caller, now=lambda: datetime.now(UTC), backoff=[timedelta(seconds=1)] * 4) as subscription:  # noqa: TID251
        subscription.publish(b'{"pointsman":"tick","name":"sweep","scheduled":"2026-11-22T01:00:00Z"}')
        assert until(lambda: bool(caller.history()), LIMIT)
        broken.write_fabric()
        assert subscription.drain(LIMIT)
        assert subscription.parked() == ()
    statuses = [one.status for one in caller.history()]
    assert (set(statuses[:-1]), statuses[-1]) == ({500}, 204)


def test_a_store_that_cannot_be_reached_brings_the_event_again(broken: Clouds) -> None:
    lost = replace(broken.fabric(), stores=Stores(witness=f"sqlite://{broken.folder}/no/such/folder/table.sqlite"))
    broken.fabric_file.write_bytes(write_compiled(lost))
    function = broken.start_lambda("link_changed")
    refused = function.invoke(sample(AWS_SAMPLES["link_changed"]))
    assert refused.error_type == "Transient"
    assert "no majority of the stores answers" in message(refused)


def message(one: Invocation) -> str:
    assert isinstance(one.payload, dict)
    return str(one.payload["errorMessage"])
