"""``pointsman adopt`` over a table in one file; what is not that file lies on a closed loopback port."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from pointsman.adapters.files import load
from pointsman.adapters.files.compiled import write_compiled
from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.boot.chance import SystemClock, jitter, nonce
from pointsman.core.decide import first_plan
from pointsman.core.domains import store_set
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


def run(tmp_path: Path, *fabrics: Fabric, force: bool, keys: bool = True) -> subprocess.CompletedProcess[str]:
    paths = []
    for name, fabric in zip(("current", "next"), fabrics, strict=True):
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_bytes(write_compiled(fabric))
    argv = [str(Path(sys.executable).with_name("pointsman")), "adopt", *map(str, paths), "--author", "operator", "--reason", "larger"]
    environment = {
        "POINTSMAN_ENDPOINTS": json.dumps(dict.fromkeys(SERVICES, CLOSED)),
        "POINTSMAN_GOOGLE_IDENTITY": "emulator",
        "AWS_EC2_METADATA_DISABLED": "true",
        **({"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"} if keys else {}),
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


def without_aws(tmp_path: Path, current: Fabric) -> tuple[Fabric, Registers]:
    """Give a fabric whose store on AWS nothing of this shell leads to, and the registers of its two others."""
    paths = {slot: tmp_path / f"{slot}.sqlite" for slot in ("gcp", "witness")}
    fabric = replace(
        current, stores=Stores(aws="dynamodb://us-east-1/t", gcp=f"sqlite://{paths['gcp']}", witness=f"sqlite://{paths['witness']}")
    )
    stores = (SqliteStore("aws", tmp_path / "elsewhere.sqlite"), *(SqliteStore(slot, path) for slot, path in paths.items()))
    return fabric, Registers(stores, clock=SystemClock(), nonce=nonce, jitter=jitter, stores=store_set(fabric.stores))


async def agree(registers: Registers, plan: Plan) -> None:
    await registers.change("plan/atlas", lambda _: canonical(plan).decode())
    await registers.rest(5)


async def read(registers: Registers) -> Plan:
    value = (await registers.read("plan/atlas")).value
    assert value is not None
    return parse(value, Plan)


def test_without_aws_and_its_credentials_a_forced_adoption_is_agreed_by_the_two_other_stores(tmp_path: Path, current: Fabric) -> None:
    fabric, registers = without_aws(tmp_path, current)
    plan = replace(first_plan(fabric, SystemClock().now()), epoch=7)
    asyncio.run(agree(registers, plan))
    following = replace(fabric, policy=replace(fabric.policy, epochs_per_hour=9))
    refused = run(tmp_path, fabric, following, force=False, keys=False)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "the functions on aws and gcp were not seen to carry" in refused.stderr
    done = run(tmp_path, fabric, following, force=True, keys=False)
    assert (done.returncode, done.stderr) == (0, "")
    after = asyncio.run(read(registers))
    assert (after.fabric_hash, after.epoch) == (following.hash, 8)
    entries = [asyncio.run(SqliteStore(slot, tmp_path / f"{slot}.sqlite").entry(after.entry)) for slot in ("gcp", "witness")]
    assert any(entries), "the journal holds it too"
