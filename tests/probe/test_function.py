"""The prober as it is deployed: real functions in real processes, real packets, a real report, and a row appears."""

import base64
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3

from pointsman.adapters.files import load
from pointsman.adapters.files.compiled import write_compiled
from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.boot import loop
from pointsman.core.fabric import Cloud, Fabric, ProbePair, Stores
from pointsman.core.members import probe_key
from pointsman.core.sightings import Health, Sighting
from pointsman.core.values import replace
from pointsman.testing import emulators
from pointsman.testing.event_sources import SqsSource, scheduled_event
from pointsman.testing.google_functions import FunctionCaller, functions_framework_command, push_body, wait_url
from pointsman.testing.lambda_runtime import LambdaFunction
from pointsman.testing.lambda_worker import lambda_command
from pointsman.testing.processes import Supervisor, until
from tests.fabric.written import EXAMPLES
from tests.house.tree import ROOT

LIMIT = timedelta(seconds=60)
HERE, THERE = "127.0.0.21", "127.0.0.22"
KEY = "a key that both ends share"
TOPIC = "projects/weft-prod-1/topics/pointsman-report"
RUN = ("-c", "from pointsman.cli.main import run; run()")


class Ground:
    """One fabric with a pair on loopback, a table in a file, and whatever process is started on it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.fabric = self._fabric()
        self.file = folder / "fabric.json"
        self.file.write_bytes(write_compiled(self.fabric))
        self.children = stack.enter_context(Supervisor())
        self.stack = stack
        self.port = 0
        self.closed = "http://127.0.0.1:9"

    def _fabric(self) -> Fabric:
        atlas = load(str(EXAMPLES / "atlas.yaml"))
        (first, *rest) = (link for link in atlas.links if link.probes)
        pairs = tuple(self._local(pair, near=pair.site == first.aws_site) for pair in first.probes)
        return (
            replace(
                atlas,
                links=tuple(replace(link, probes=pairs) if link.name == first.name else replace(link, probes=()) for link in atlas.links),
                stores=Stores(witness=f"sqlite://{self.folder}/table.sqlite"),
            )
            if rest
            else atlas
        )

    @staticmethod
    def _local(pair: ProbePair, *, near: bool) -> ProbePair:
        source, target = (HERE, THERE) if near else (THERE, HERE)
        return replace(pair, source=source, target=target)

    def site(self, cloud: Cloud) -> str:
        (link,) = (link for link in self.fabric.links if link.probes)
        return link.aws_site if cloud is Cloud.AWS else link.gcp_site

    def environment(self, **more: str) -> dict[str, str]:
        services = (
            "ssm",
            "ec2",
            "directconnect",
            "interconnect",
            "sts",
            "secretsmanager",
            "secretmanager",
            "compute",
            "networkconnectivity",
        )
        endpoints = dict.fromkeys(services, self.closed) | json.loads(more.pop("ENDPOINTS", "{}"))
        return {
            "PYTHONPATH": str(ROOT),
            "POINTSMAN_FABRIC": str(self.file),
            "POINTSMAN_GOOGLE_IDENTITY": "emulator",
            "POINTSMAN_ENDPOINTS": json.dumps(endpoints),
            "POINTSMAN_WATCH_SECONDS": "[0.1, 0.3]",
            "POINTSMAN_PROBE_KEY": KEY,
            "POINTSMAN_PROBE_PORT": str(self.port or 1),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        } | {f"POINTSMAN_{name}": text for name, text in more.items()}

    def answer(self, cloud: Cloud, key: str = KEY) -> None:
        """Start the far end of a cloud's site, at a port that stays."""
        words = (sys.executable, *RUN, "probe", "respond", str(self.file), "--site", self.site(cloud), "--port", str(self.port))
        child = self.children.start(
            f"far-{len(list(self.children))}", words, env=self.environment() | {"POINTSMAN_PROBE_KEY": key}, cwd=ROOT
        )
        self.port = int(child.wait_line(r"answering at \S+ port (\d+)", LIMIT).group(1))

    def silence(self) -> None:
        for name in [one for one in self.children if one.startswith("far-") and self.children[one].running]:
            self.children.kill(name)

    def row(self, cloud: Cloud) -> Sighting | None:
        source, target = (HERE, THERE) if cloud is Cloud.AWS else (THERE, HERE)
        store = SqliteStore("witness", self.folder / "table.sqlite")
        rows = loop.run(store.rows(cloud)).rows
        return next((row for row in rows if row.member == probe_key(source, target)), None)

    def sees(self, cloud: Cloud, health: Health) -> Callable[[], bool]:
        def seen() -> bool:
            row = self.row(cloud)
            return row is not None and row.health is health

        return seen


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with ExitStack() as stack:
        yield Ground(tmp_path, stack)


def lambda_function(ground: Ground, name: str, **more: str) -> LambdaFunction:
    function = ground.stack.enter_context(LambdaFunction(name))
    command = lambda_command(f"functions.aws.{name}.main.handler", function, root=ROOT)
    ground.children.start(f"aws-{name}", command.argv, env=ground.environment(**more) | command.env, cwd=ROOT)
    return function


def google_function(ground: Ground, name: str, **more: str) -> FunctionCaller:
    command = functions_framework_command(ROOT / "functions" / "gcp" / name / "main.py", name=name)
    child = ground.children.start(f"gcp-{name}", command.argv, env=ground.environment(**more) | command.env, cwd=ROOT)
    return FunctionCaller(wait_url(child))


def tick() -> dict[str, Any]:
    return scheduled_event("probe", datetime.now(UTC), "us-east-1")  # noqa: TID251 - as the platform stamps it


def test_on_aws_a_path_that_carries_becomes_a_row_and_one_that_loses_all_becomes_another(ground: Ground) -> None:
    moto = ground.stack.enter_context(emulators.moto())
    sqs: Any = boto3.client("sqs", endpoint_url=moto.url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    queue = sqs.create_queue(QueueName="report")["QueueUrl"]
    ground.answer(Cloud.GCP)
    prober = lambda_function(ground, "probe", REPORT=queue, ENDPOINTS=json.dumps({"sqs": moto.url}))
    source = SqsSource(lambda_function(ground, "link_changed"), sqs, queue, return_after=timedelta(seconds=1))

    def one_minute() -> None:
        assert prober.invoke(tick()).payload == {"outcome": "ack"}
        until(lambda: bool(source.poll()), LIMIT)

    one_minute()
    assert until(ground.sees(Cloud.AWS, Health.UP), LIMIT)
    ground.silence()
    ground.answer(Cloud.GCP, "a key of another fabric")
    one_minute()
    assert until(ground.sees(Cloud.AWS, Health.DOWN), LIMIT)
    row = ground.row(Cloud.AWS)
    assert row is not None
    assert row.value is not None
    assert row.value >= 0.3


def test_a_far_end_that_is_not_there_is_said_in_the_log_and_nothing_is_reported(ground: Ground) -> None:
    ground.answer(Cloud.GCP)
    ground.silence()
    prober = lambda_function(ground, "probe", REPORT="http://127.0.0.1:9/1/report", ENDPOINTS=json.dumps({"sqs": ground.closed}))
    assert prober.invoke(tick()).payload == {"outcome": "ack"}
    lines = [json.loads(line) for line in ground.children["aws-probe"].output() if line.startswith("{")]
    (handled,) = (line for line in lines if line.get("message") == "handled")
    assert (handled["reports"], handled["trouble"]) == (0, [])
    assert handled["faults"] == [f"{HERE} to {THERE}: nobody listens there: start 'pointsman probe respond'"]


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("REPORT", "set POINTSMAN_REPORT to the own cloud's queue"),
        ("PROBE_KEY", "set POINTSMAN_PROBE_KEY to the key that all probers share"),
    ],
)
def test_a_prober_without_its_key_or_queue_does_not_start(ground: Ground, missing: str, said: str) -> None:
    settings = {"REPORT": "http://127.0.0.1:9/1/report", missing: ""}
    refused = lambda_function(ground, "probe", **settings).invoke(tick())
    assert refused.error_type == "ConfigError"
    assert said in refused.payload["errorMessage"]


def test_on_google_cloud_the_same_comes_through_pub_sub(ground: Ground) -> None:
    absent = emulators.available_pubsub()
    if absent:
        pytest.skip(absent)
    pubsub, http = ground.stack.enter_context(emulators.pubsub()), urllib3.PoolManager(retries=False)
    subscription = f"{pubsub.url}/v1/projects/weft-prod-1/subscriptions/report"
    http.request("PUT", f"{pubsub.url}/v1/{TOPIC}", json={})
    http.request("PUT", subscription, json={"topic": TOPIC})
    ground.answer(Cloud.AWS)
    prober = google_function(ground, "probe", REPORT=TOPIC, ENDPOINTS=json.dumps({"pubsub": pubsub.url}))
    reacting = google_function(ground, "link_changed")
    assert prober.tick("probe", datetime.now(UTC)).status == 204  # noqa: TID251

    def pulled() -> bool:
        told = http.request("POST", f"{subscription}:pull", json={"maxMessages": 5, "returnImmediately": True}).json()
        for one in told.get("receivedMessages", []):
            body = push_body("report", "1", datetime.now(UTC), base64.b64decode(one["message"]["data"]))  # noqa: TID251
            assert reacting.post(body, {"Content-Type": "application/json"}).ok
        return bool(told.get("receivedMessages"))

    assert until(pulled, LIMIT)
    assert until(ground.sees(Cloud.GCP, Health.UP), LIMIT)


def test_a_person_measures_every_pair_of_a_site(ground: Ground) -> None:
    ground.answer(Cloud.GCP)
    code, text = person(ground, "probe", "send", str(ground.file), "--site", ground.site(Cloud.AWS), "--bursts", "1", "--json")
    (found,) = json.loads(text)
    assert (code, found["sent"], found["lost"], found.get("fault", "")) == (0, 20, 0, "")
    assert 0 < found["median"] <= found["worst"] < 5
    ground.silence()
    code, text = person(ground, "probe", "send", str(ground.file), "--site", ground.site(Cloud.AWS), "--bursts", "1")
    assert (code, text) == (1, f"{HERE} > {THERE}  {HERE} to {THERE}: nobody listens there: start 'pointsman probe respond'")


def test_a_site_that_is_none_is_refused_with_those_there_are(ground: Ground) -> None:
    code, text = person(ground, "probe", "respond", str(ground.file), "--site", "moon")
    assert code == 1
    assert text.startswith("pointsman: the fabric has no site moon: it has ")


def person(ground: Ground, *words: str) -> tuple[int, str]:
    child = ground.children.start(
        f"person-{len(list(ground.children))}", (sys.executable, *RUN, *words), env=ground.environment(), cwd=ROOT
    )
    return child.wait_exit(LIMIT), "\n".join(child.output())
