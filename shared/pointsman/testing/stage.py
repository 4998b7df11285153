"""Everything up at once, as real processes on loopback: the twin, three stores, both clouds' functions, a desk."""

import base64
import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import boto3
import urllib3
from botocore.config import Config

from pointsman.adapters.aws.dynamodb import DynamoStore, over_boto3
from pointsman.adapters.files.compiled import write_compiled
from pointsman.boot.artefact import home_project
from pointsman.boot.reach import Reach
from pointsman.boot.settings import read_settings
from pointsman.boot.stores import Opener, open_stores
from pointsman.core.domains import StoreAddress
from pointsman.core.fabric import Cloud, Fabric, Stores
from pointsman.core.values import replace
from pointsman.ports.stores import ListedStore
from pointsman.testing.desk import LocalDesk
from pointsman.testing.emulators import Emulator, available_firestore, available_pubsub, firestore, moto, pubsub
from pointsman.testing.faces.timing import monotonic
from pointsman.testing.google_functions import FunctionCaller, functions_framework_command, wait_url
from pointsman.testing.lambda_runtime import LambdaFunction
from pointsman.testing.lambda_worker import lambda_command
from pointsman.testing.processes import Supervisor

FUNCTIONS = ("link_changed", "watch", "sweep", "deliver")
REGION = "us-east-1"
TOPIC = "projects/weft-prod-1/topics/pointsman-{}"
WORKERS = 2
"""Execution environments of the reacting function on AWS; the others have one."""
RETRIES = (timedelta(milliseconds=500), timedelta(seconds=1))
"""Lambda waits a minute and two before it tries an asynchronous event again: scaled like every timer here."""
WRITES = frozenset(
    {
        "routers.patchRoutePolicy",
        "StartBgpFailoverTest",
        "StopBgpFailoverTest",
        "CreateTransitGatewayPrefixListReference",
        "ModifyTransitGatewayPrefixListReference",
        "DeleteTransitGatewayPrefixListReference",
    }
)
"""The requests that write a lever, by the names that the faces log them under."""
READY = timedelta(seconds=60)
ROUTING_KEY = "0123456789abcdef0123456789abcdef"
TABLE = "pointsman-atlas"
BUCKET = "pointsman-atlas-witness"


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Which stand-ins play: said aloud, since a test against an emulator is only as good as the emulator."""

    firestore: str
    pubsub: str
    runtime: str


@dataclass
class Stage:
    """All processes of one run; use it in a ``with`` block. ``fabric`` is already scaled.

    ``disk`` is a folder for a sqlite file in the place of Google's database, which is then not played by its emulator.
    """

    root: Path
    folder: Path
    fabric: Fabric
    watch_seconds: tuple[float, float]
    operation_seconds: float = 0.5
    functions: Sequence[str] = FUNCTIONS
    disk: Path | None = None
    dead: set[Cloud] = field(default_factory=set)
    killed: list[datetime] = field(default_factory=list)
    _past: dict[str, list[str]] = field(default_factory=dict)
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __enter__(self) -> Self:
        """Start everything; on an error nothing is left behind."""
        with contextlib.ExitStack() as stack:
            self._stack = stack
            self._start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self._stack.close()

    def _start(self) -> None:
        enter = self._stack.enter_context
        self.http = urllib3.PoolManager(maxsize=16, retries=False, timeout=urllib3.Timeout(connect=2.0, read=30.0))
        self.children = enter(Supervisor())
        self.desk = enter(LocalDesk(lambda: datetime.now(UTC)))  # noqa: TID251 - a stand-in keeps its own time
        self.dynamodb, self.witness = enter(moto()), enter(moto())
        self.firestore = enter(firestore()) if self.disk is None and available_firestore() is None else None
        self.pubsub = enter(pubsub()) if available_pubsub() is None else None
        self.fabric = replace(self.fabric, stores=self._stores())
        self._compiled = self.folder / "fabric.json"
        self._compiled.write_bytes(write_compiled(self.fabric))
        self._start_twin()
        self._prepare()
        self._start_functions()

    def _stores(self) -> Stores:
        google = "firestore://weft-prod-1/pointsman-atlas" if self.firestore else f"sqlite://{self.disk or self.folder}/gcp.sqlite"
        return Stores(aws=f"dynamodb://{REGION}/{TABLE}", gcp=google, witness=f"s3://{BUCKET}?endpoint={self.witness.url}")

    def _start_twin(self) -> None:
        argv = (
            sys.executable,
            "-m",
            "pointsman.testing.twin_process",
            "--fabric",
            str(self._compiled),
            "--latency",
            str(self.operation_seconds),
        )
        child = self.children.start("twin", argv, cwd=self.root)
        self.urls: dict[str, str] = json.loads(child.wait_line(r"^twin (\{.*\})", READY).group(1))

    def _client(self, service: str, url: str) -> Any:
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        session: Any = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)  # noqa: S106 - emulators
        return session.client(service, endpoint_url=url, config=config)

    def _prepare(self) -> None:
        """Make what a deployment makes: the table, the bucket, the queues, the topic, the secrets."""
        self.make_table(self.dynamodb)
        self.make_bucket(self.witness)
        self.sqs = self._client("sqs", self.urls["aws"])
        self.queues = {name: self.sqs.create_queue(QueueName=f"pointsman-{name}")["QueueUrl"] for name in ("nudge", "post", "parking")}
        for desk in self.fabric.desks:
            name = desk.secret.removeprefix("secret://")
            self._client("secretsmanager", self.urls["aws"]).create_secret(Name=name, SecretString=ROUTING_KEY)
            self._google_secret(name)

    def make_table(self, one: Emulator) -> None:
        """Make the empty table."""
        self._client("dynamodb", one.url).create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )

    def make_bucket(self, one: Emulator) -> None:
        """Make the empty bucket."""
        self._client("s3", one.url).create_bucket(Bucket=BUCKET)

    def _google_secret(self, name: str) -> None:
        base = f"{self.urls['gcp']}/v1/projects/{home_project(self.fabric)}/secrets"
        secret = name.replace("/", "-")
        self.post_json(f"{base}?secretId={secret}", {"replication": {"automatic": {}}})
        self.post_json(f"{base}/{secret}:addVersion", {"payload": {"data": base64.b64encode(ROUTING_KEY.encode()).decode()}})

    def _environment(self, cloud: Cloud) -> dict[str, str]:
        """Give a function's environment: where everything is, and nothing of this machine's own."""
        aws, gcp = self.urls["aws"], self.urls["gcp"]
        endpoints = dict.fromkeys(("ssm", "ec2", "directconnect", "interconnect", "sqs", "secretsmanager"), aws)
        endpoints |= dict.fromkeys(("compute", "networkconnectivity", "secretmanager"), gcp)
        endpoints |= {"dynamodb": self.dynamodb.url, "s3": self.witness.url, "pagerduty": self.desk.url}
        endpoints |= {"firestore": self.firestore.url} if self.firestore else {}
        endpoints |= {"pubsub": self.pubsub.url} if self.pubsub else {}
        own, other = (self.queues["post"], TOPIC.format("nudge")) if cloud is Cloud.AWS else (TOPIC.format("post"), self.queues["nudge"])
        parking = self.queues["parking"] if cloud is Cloud.AWS else TOPIC.format("parking")
        queues = {"POINTSMAN_POST": own, "POINTSMAN_NUDGE": other, "POINTSMAN_PARKING": parking}
        reachable = cloud is Cloud.AWS or self.pubsub is not None
        return {
            "PYTHONPATH": str(self.root),
            "POINTSMAN_FABRIC": str(self._compiled),
            "POINTSMAN_GOOGLE_IDENTITY": "emulator",
            "POINTSMAN_ENDPOINTS": json.dumps(endpoints),
            "POINTSMAN_WITNESS_KEY_ID": "test",
            "POINTSMAN_WITNESS_SECRET": "test",
            "POINTSMAN_WATCH_SECONDS": json.dumps(self.watch_seconds),
            "POWERTOOLS_METRICS_NAMESPACE": "pointsman",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        } | (queues if reachable else {"POINTSMAN_NUDGE": self.queues["nudge"]})

    def _function_environment(self, cloud: Cloud) -> dict[str, str]:
        """Give the environment that functions are started with; a test may lead them elsewhere than itself."""
        return self._environment(cloud)

    def _start_functions(self) -> None:
        self.lambdas = {name: self._stack.enter_context(LambdaFunction(name, retry_delays=RETRIES)) for name in self.functions}
        self.runtime = ""
        for name in self.functions:
            self._start_lambda(name)
            self._start_google(name)
        self.callers = {name: FunctionCaller(wait_url(self.children[f"gcp-{name}"])) for name in self.functions}

    def _start_lambda(self, name: str) -> None:
        command = lambda_command(f"functions.aws.{name}.main.handler", self.lambdas[name], root=self.root)
        self.runtime = command.runtime
        for worker in range(WORKERS if name == "link_changed" else 1):
            child = f"aws-{name}-{worker}"
            self.children.start(child, command.argv, env=self._function_environment(Cloud.AWS) | command.env, cwd=self.root)

    def _start_google(self, name: str) -> None:
        command = functions_framework_command(self.root / "functions" / "gcp" / name / "main.py", name=name)
        self.children.start(f"gcp-{name}", command.argv, env=self._function_environment(Cloud.GCP) | command.env, cwd=self.root)

    @property
    def cast(self) -> Cast:
        """Who plays."""
        return Cast(
            firestore="Google's Firestore emulator" if self.firestore else f"sqlite ({available_firestore()})",
            pubsub="Google's Pub/Sub emulator" if self.pubsub else f"none: nudges and letters wait for the sweep ({available_pubsub()})",
            runtime=self.runtime,
        )

    @contextlib.contextmanager
    def silenced(self, one: Emulator) -> Iterator[None]:
        """Let a store keep silent for a while: it takes connections and answers nothing."""
        os.kill(one.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(one.pid, signal.SIGCONT)

    def kill_functions(self, cloud: Cloud) -> None:
        """Kill (-9, by pid) every function of a cloud, and stop what would start them."""
        self.dead.add(cloud)
        self.killed.append(datetime.now(UTC))  # noqa: TID251 - the stage's own time
        for name in [one for one in self.children if one.startswith(f"{cloud}-")]:
            self.children.kill(name)
            self._past.setdefault(name, []).extend(self.children[name].output())

    def revive_functions(self, cloud: Cloud) -> None:
        """Start a cloud's functions again."""
        for name in [one for one in self.children if one.startswith(f"{cloud}-")]:
            self.children.restart(name)
        if cloud is Cloud.GCP:
            self.callers = {name: FunctionCaller(wait_url(self.children[f"gcp-{name}"])) for name in self.functions}
        self.dead.discard(cloud)

    def get_json(self, url: str) -> Any:
        """Ask one of the doors."""
        return self.http.request("GET", url).json()

    def post_json(self, url: str, body: object) -> Any:
        """Tell one of the doors. Raises RuntimeError when it refuses."""
        reply = self.http.request("POST", url, json=body)
        if reply.status // 100 != 2:
            raise RuntimeError(f"{url} answers {reply.status}: {reply.data[:200]!r}")
        return reply.json()

    def fault(self, do: str, link: str, **more: object) -> datetime:
        """Do something to the network; gives when."""
        self.post_json(f"{self.urls['control']}/fault", {"do": do, "link": link, **more})
        return datetime.now(UTC)  # noqa: TID251 - the stage's own time

    def state(self) -> Any:
        """Read the network: flows, links, time."""
        return self.get_json(f"{self.urls['control']}/state")

    def writes(self, since: datetime | None = None, clouds: Iterable[Cloud] = tuple(Cloud)) -> list[datetime]:
        """List when either cloud's API received a write to a lever that it accepted, oldest first."""
        offset = datetime.now(UTC) - timedelta(seconds=monotonic())  # noqa: TID251 - the faces log monotonic seconds
        entries = [one for door in clouds for one in self.get_json(f"{self.urls[door]}/pointsman/requests")]
        good = (one["came"] for one in entries if one["operation"] in WRITES and 200 <= one["status"] < 300)
        found = sorted(offset + timedelta(seconds=came) for came in good)
        return [one for one in found if since is None or one >= since]

    def open_stores(self) -> dict[str, ListedStore]:
        """Open the three stores as a person's command line would."""
        settings = read_settings(self._environment(Cloud.GCP))

        def dynamodb(name: str, address: StoreAddress) -> DynamoStore:
            return DynamoStore(name, address.name, over_boto3(self._client("dynamodb", self.dynamodb.url)))

        return open_stores(Opener(reach=Reach(settings, Cloud.GCP, REGION), own_dynamodb=dynamodb), self.fabric)

    def running_tests(self) -> list[str]:
        """Name the virtual interfaces on which a failover test runs."""
        shown = self._client("directconnect", self.urls["aws"]).describe_virtual_interfaces()["virtualInterfaces"]
        return [one["virtualInterfaceId"] for one in shown if one["virtualInterfaceState"] == "testing"]

    def as_a_person(self, *words: str, limit: timedelta = READY) -> tuple[int, str]:
        """Run one of pointsman's commands beside the functions; gives its exit code and what it printed. Raises ProcessError."""
        argv = (sys.executable, "-c", "from pointsman.cli.main import run; run()", *words)
        child = self.children.start(f"person-{words[0]}", argv, env=self._environment(Cloud.AWS), cwd=self.root)
        code = child.wait_exit(limit)
        return code, "\n".join(child.output())

    @property
    def compiled(self) -> Path:
        """The compiled fabric that the functions load."""
        return self._compiled

    def logs(self, cloud: Cloud, name: str) -> list[dict[str, Any]]:
        """Give a function's structured log lines, oldest first, those of processes that were killed included."""
        lines = [line for child in self.children if child.startswith(f"{cloud}-{name}") for line in self._lines(child)]
        found = [one for one in (_structured(line) for line in lines) if one]
        return found + [report for one in found for report in one.get("reports", ())]

    def _lines(self, child: str) -> list[str]:
        past, now = self._past.get(child, []), self.children[child]
        return past if past and not now.running else [*past, *now.output()]


def _structured(line: str) -> dict[str, Any] | None:
    start = line.find("{")
    try:
        found = json.loads(line[start:]) if start >= 0 else None
    except ValueError:
        return None
    return found if isinstance(found, dict) and found.get("message") == "handled" else None
