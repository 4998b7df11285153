"""``pointsman status`` over files of this machine; what is not one of them lies on a closed loopback port."""

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
from pointsman.core.fabric import Cloud, Fabric, LinkName, Stores
from pointsman.core.plan import Drain, DrainCause, LinkState, Plan, Verdict
from pointsman.core.values import canonical, replace
from pointsman.service.registers import Registers
from pointsman.testing.processes import clean_environment
from tests.cli.test_adopt_command import CLOSED, ROOT, SERVICES

SLOTS = ("aws", "gcp", "witness")


@pytest.fixture
def declared(tmp_path: Path) -> Fabric:
    aws, gcp, witness = (f"sqlite://{tmp_path}/{slot}.sqlite" for slot in SLOTS)
    return replace(load(str(ROOT / "docs" / "fabrics" / "atlas.yaml")), stores=Stores(aws=aws, gcp=gcp, witness=witness))


def agreed(tmp_path: Path, plan: Plan) -> None:
    stores = [SqliteStore(slot, tmp_path / f"{slot}.sqlite") for slot in SLOTS]

    async def agree() -> None:
        registers = Registers(stores, clock=SystemClock(), nonce=nonce, jitter=jitter)
        await registers.change("plan/atlas", lambda _: canonical(plan).decode())
        await registers.rest(5)

    asyncio.run(agree())


def plan_of(fabric: Fabric, verdict: Verdict = Verdict.UP) -> Plan:
    links = {link.name: LinkState(verdict=Verdict.UP) for link in fabric.links} | {LinkName("ix-a"): LinkState(verdict=verdict)}
    return replace(first_plan(fabric, SystemClock().now()), epoch=7, links=links)


def run(tmp_path: Path, fabric: Fabric, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "fabric.json"
    path.write_bytes(write_compiled(fabric))
    environment = {"POINTSMAN_ENDPOINTS": json.dumps(dict.fromkeys(SERVICES, CLOSED)), "AWS_EC2_METADATA_DISABLED": "true"}
    argv = [str(Path(sys.executable).with_name("pointsman")), "status", str(path), *options]
    return subprocess.run(argv, env=clean_environment(environment | more), capture_output=True, text=True, timeout=60, check=False)


def test_it_shows_the_plan_and_names_the_flags_that_this_shell_cannot_read(tmp_path: Path, declared: Fabric) -> None:
    agreed(tmp_path, plan_of(declared))
    done = run(tmp_path, declared, "--json")
    assert (done.returncode, done.stderr) == (1, "")
    told = json.loads(done.stdout)
    assert (told["plan"]["epoch"], told["mode"]["mode"], told["certain"]) == (7, "lite", True)
    assert told["flags"] == {"aws": "unreadable", "gcp": "unreadable"}
    assert [store["answers"] for store in told["stores"]] == [True] * 3
    assert {text.partition(" of ")[0] for text in told["todo"]} == {"the freeze flag"}


def test_a_link_that_is_down_is_told_in_words(tmp_path: Path, declared: Fabric) -> None:
    agreed(tmp_path, plan_of(declared, Verdict.DOWN))
    done = run(tmp_path, declared)
    assert (done.returncode, done.stderr) == (1, "")
    assert "mode lite: survives" in done.stdout
    assert "ix-a is down" in done.stdout.partition("attention")[2]


def without(fabric: Fabric, name: str) -> Fabric:
    """Give a fabric that never had a link."""
    flows = (replace(flow, prefer=tuple(one for one in flow.prefer if one != name)) for flow in fabric.flows)
    return replace(fabric, links=tuple(link for link in fabric.links if link.name != name), flows=tuple(flows))


def test_a_file_that_lacks_a_drained_link_is_told_in_one_line_and_the_rest_is_shown(tmp_path: Path, declared: Fabric) -> None:
    drain = Drain(cause=DrainCause.OUTAGE, since=SystemClock().now(), epoch=7, enactor=Cloud.GCP)
    plan = plan_of(declared, Verdict.DOWN)
    agreed(tmp_path, replace(plan, links=plan.links | {LinkName("ix-a"): replace(plan.links[LinkName("ix-a")], drain=drain)}))
    done = run(tmp_path, without(declared, "ix-a"))
    assert (done.returncode, done.stderr) == (1, "")
    assert "which lacks ix-a" in " ".join(done.stdout.partition("attention")[2].split())


def test_a_store_without_credentials_is_named_and_the_rest_is_shown(tmp_path: Path, declared: Fabric) -> None:
    agreed(tmp_path, plan_of(declared))
    mixed = replace(declared, stores=replace(declared.stores, gcp="firestore://weft-prod-1/pointsman-atlas"))
    done = run(tmp_path, mixed, "--json")
    told = json.loads(done.stdout)
    (fault,) = [store["fault"] for store in told["stores"] if store["slot"] == "gcp"]
    assert "POINTSMAN_GOOGLE_IDENTITY" in fault
    assert (done.returncode, told["plan"]["epoch"]) == (1, 7)


def test_without_a_majority_it_shows_what_it_can_and_exits_with_2(tmp_path: Path, declared: Fabric) -> None:
    agreed(tmp_path, plan_of(declared))
    away = {"gcp": "firestore://weft-prod-1/pointsman-atlas", "aws": "dynamodb://us-east-1/pointsman-atlas"}
    done = run(tmp_path, replace(declared, stores=replace(declared.stores, **away)))
    assert (done.returncode, done.stderr) == (2, "")
    assert "mode alone" in done.stdout
    assert "as far as this shell can see" in done.stdout
    assert "epoch 7" in done.stdout
    assert "credentials" in done.stdout


def test_a_fabric_that_cannot_be_read_is_one_line_and_2(tmp_path: Path) -> None:
    argv = [str(Path(sys.executable).with_name("pointsman")), "status", str(tmp_path / "none.json")]
    done = subprocess.run(argv, env=clean_environment({}), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")
    assert "there is no such file" in done.stderr


def test_where_no_plan_is_known_its_freeze_is_unknown_and_a_store_is_named_once(tmp_path: Path, declared: Fabric) -> None:
    away = {slot: f"sqlite://{tmp_path}/none/{slot}" for slot in SLOTS}
    done = run(tmp_path, replace(declared, stores=replace(declared.stores, **away)))
    assert done.returncode == 2
    assert "plan         unknown" in done.stdout
    attention = " ".join(done.stdout.partition("attention")[2].split())
    assert attention.count("aws store (sqlite") == 1
