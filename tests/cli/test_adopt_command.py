"""``pointsman adopt`` over a table in one file; what is not that file lies on a closed loopback port."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from pointsman.adapters.files import load
from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.boot.chance import SystemClock, jitter, nonce
from pointsman.core.decide import first_plan
from pointsman.core.fabric import Fabric, Stores
from pointsman.core.plan import Plan
from pointsman.core.values import canonical, parse, replace
from pointsman.service.registers import Registers
from pointsman.testing.processes import clean_environment

ROOT = Path(__file__).parents[2]
CLOSED = "http://127.0.0.1:9"
SERVICES = ("ssm", "ec2", "directconnect", "sqs", "secretsmanager", "secretmanager", "compute", "pubsub", "dynamodb", "firestore", "s3")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "table.sqlite"


@pytest.fixture
def current(table: Path) -> Fabric:
    return replace(load(str(ROOT / "docs" / "fabrics" / "atlas.yaml")), stores=Stores(aws=f"sqlite://{table}"))


def registers(table: Path) -> Registers:
    return Registers((SqliteStore("aws", table),), clock=SystemClock(), nonce=nonce, jitter=jitter)


def run(tmp_path: Path, *fabrics: Fabric, force: bool) -> subprocess.CompletedProcess[str]:
    paths = []
    for name, fabric in zip(("current", "next"), fabrics, strict=True):
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_bytes(canonical(fabric))
    argv = [str(Path(sys.executable).with_name("pointsman")), "adopt", *map(str, paths), "--author", "operator", "--reason", "larger"]
    environment = {
        "POINTSMAN_ENDPOINTS": json.dumps(dict.fromkeys(SERVICES, CLOSED)),
        "POINTSMAN_GOOGLE_IDENTITY": "emulator",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return subprocess.run(
        [*argv, *(["--force"] if force else [])],
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def agreed(table: Path) -> Plan:
    value = asyncio.run(registers(table).read("plan/atlas")).value
    assert value is not None
    return parse(value, Plan)


def test_a_forced_adoption_is_agreed_and_told(tmp_path: Path, table: Path, current: Fabric) -> None:
    plan = replace(first_plan(current, SystemClock().now()), epoch=7)
    asyncio.run(registers(table).change("plan/atlas", lambda _: canonical(plan).decode()))
    following = replace(current, policy=replace(current.policy, epochs_per_hour=9))
    done = run(tmp_path, current, following, force=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (agreed(table).fabric_hash, agreed(table).epoch) == (following.hash, 8)
    assert following.hash in done.stdout


def test_without_heartbeats_it_is_refused_in_one_line(tmp_path: Path, table: Path, current: Fabric) -> None:
    plan = replace(first_plan(current, SystemClock().now()), epoch=7)
    asyncio.run(registers(table).change("plan/atlas", lambda _: canonical(plan).decode()))
    done = run(tmp_path, current, replace(current, policy=replace(current.policy, epochs_per_hour=9)), force=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "were not seen to carry" in done.stderr
    assert agreed(table) == plan
