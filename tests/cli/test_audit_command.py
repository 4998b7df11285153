"""``pointsman audit``, run as a user runs it, over both faces of one network and over clouds that do not answer."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.files.compiled import write_compiled
from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.boot.chance import SystemClock
from pointsman.boot.settings import EMULATOR, SERVICES
from pointsman.cli.sarif import sarif
from pointsman.core.audit.findings import Check, Finding, Severity
from pointsman.core.fabric import Cloud, Fabric, LinkName
from pointsman.core.plan import Placement, Plan
from pointsman.core.sightings import Vantage, Window
from pointsman.core.values import replace
from pointsman.core.windows import row_of
from pointsman.testing.aws.face import AwsFace
from pointsman.testing.blueprint import blueprint
from pointsman.testing.faces.timing import ScaledTime
from pointsman.testing.gcp import GcpFace
from pointsman.testing.network.model import Network
from pointsman.testing.processes import clean_environment
from tests.cli.test_adopt_command import CLOSED
from tests.cli.test_status_command import agreed, declared, plan_of, without  # noqa: F401 - a fixture

GOOGLE = ("compute", "firestore", "logging", "networkconnectivity", "pubsub", "secretmanager")
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAPERSON", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture
def network(declared: Fabric) -> Network:  # noqa: F811
    return Network(blueprint(declared))


@pytest.fixture
def endpoints(declared: Fabric, network: Network) -> Iterator[dict[str, str]]:  # noqa: F811
    lock, time = threading.RLock(), ScaledTime()
    with AwsFace(network, lock, time) as aws, GcpFace(network, lock, time, latency=0.0) as google:
        google.install(declared)
        yield {service: google.url if service in GOOGLE else aws.url for service in SERVICES}


def ran(tmp_path: Path, fabric: Fabric, endpoints: dict[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
    path = tmp_path / "fabric.json"
    path.write_bytes(write_compiled(fabric))
    own = {"POINTSMAN_ENDPOINTS": json.dumps(endpoints), "POINTSMAN_GOOGLE_IDENTITY": EMULATOR, **KEYS}
    argv = [str(Path(sys.executable).with_name("pointsman")), "audit", str(path), "--json", *options]
    return subprocess.run(argv, env=clean_environment(own), capture_output=True, text=True, timeout=60, check=False)


def run(tmp_path: Path, fabric: Fabric, endpoints: dict[str, str], *options: str) -> tuple[int, dict[str, Any]]:
    done = ran(tmp_path, fabric, endpoints, *options)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def placed(fabric: Fabric) -> Plan:
    return replace(plan_of(fabric), flows={flow.name: Placement(link=LinkName("ix-a")) for flow in fabric.flows})


def test_findings_of_both_clouds_have_ids_commands_and_are_written_as_sarif(
    tmp_path: Path,
    declared: Fabric,  # noqa: F811
    network: Network,
    endpoints: dict[str, str],
) -> None:
    agreed(tmp_path, placed(declared))
    network.set_static_route("tgw-rtb-0e5f60718293a4b5c", "10.216.0.0/20", "tgw-attach-0bbbb00000000000b", principal="bob")
    network.set_peer_priority("cr-aws-1", "aws-a", 120, principal="alice@example.com")
    out = tmp_path / "audit.sarif"
    status, told = run(tmp_path, declared, endpoints, "--sarif", str(out), "--repair")
    by_check = {one["check"]: one for one in told["findings"]}
    assert (status, told["epoch"], told["read"]) == (1, 7, True)
    assert {"orphan-pin", "hand-change", "policy-drift"} <= set(by_check)
    assert "unread" not in by_check
    assert by_check["orphan-pin"]["repair"].startswith("run: aws ec2 delete-transit-gateway-route ")
    assert by_check["policy-drift"]["repair"] == "the sweep mends it by itself"
    assert {side["side"] for side in by_check["policy-drift"]["evidence"]} == {"plan", "gcp"}
    (written,) = json.loads(out.read_text())["runs"]
    assert {one["partialFingerprints"]["pointsman/v1"] for one in written["results"]} == {one["id"] for one in told["findings"]}
    rules = [one["id"] for one in written["tool"]["driver"]["rules"]]
    assert all(rules[one["ruleIndex"]] == one["ruleId"] for one in written["results"])


def test_a_cloud_that_does_not_answer_is_a_finding_and_the_other_is_audited(
    tmp_path: Path,
    declared: Fabric,  # noqa: F811
    endpoints: dict[str, str],
) -> None:
    agreed(tmp_path, placed(declared))
    without_google = endpoints | dict.fromkeys(GOOGLE, CLOSED)
    status, told = run(tmp_path, declared, without_google)
    unread = [one["subject"] for one in told["findings"] if one["check"] == "unread"]
    assert (status, told["read"]) == (1, True)
    assert unread
    assert all(subject.startswith("gcp ") for subject in unread)


def test_without_a_plan_and_without_clouds_nothing_could_be_read(tmp_path: Path, declared: Fabric) -> None:  # noqa: F811
    status, told = run(tmp_path, declared, dict.fromkeys(SERVICES, CLOSED))
    assert (status, told["read"]) == (2, False)


def test_a_file_that_lacks_a_link_of_the_agreed_plan_is_audited_without_the_plan_and_says_so(
    tmp_path: Path,
    declared: Fabric,  # noqa: F811
    endpoints: dict[str, str],
) -> None:
    agreed(tmp_path, placed(declared))
    status, told = run(tmp_path, without(declared, "ix-a"), endpoints)
    (one,) = [each for each in told["findings"] if each["check"] == "other-fabric"]
    assert (status, told["epoch"], told["read"]) == (1, 7, True)
    assert f"epoch 7 names fabric {declared.hash}" in one["evidence"][0]["says"]
    assert {each["check"] for each in told["findings"]}.isdisjoint({"policy-drift", "unread"})
    assert [
        side for each in told["findings"] if each["check"] == "capacity-n-1" for side in each["evidence"] if side["side"] == "plan"
    ] == []


def test_windows_and_probes_that_the_rows_tell_of_count(
    tmp_path: Path,
    declared: Fabric,  # noqa: F811
    endpoints: dict[str, str],
) -> None:
    flows = tuple(replace(one, prefer=(*one.prefer, LinkName("mc"))) for one in declared.flows)
    fabric = replace(declared, flows=flows)
    agreed(tmp_path, placed(fabric))
    member, now = fabric.link("ix-a").members[0].aws.virtual_interface or "", SystemClock().now()
    window = Window(key="arn:one", members=(member,), start=now, end=now + timedelta(hours=2), what="new optics")
    row = replace(row_of(Vantage.AWS, window, now), member="window/07")
    asyncio.run(SqliteStore("aws", tmp_path / "aws.sqlite").note(Cloud.AWS, [row]))
    status, told = run(tmp_path, fabric, endpoints)
    by_check = {one["check"]: one for one in told["findings"]}
    assert (status, by_check["maintenance"]["link"]) == (1, "ix-a")
    assert by_check["maintenance"]["fix"].startswith("pointsman drain FABRIC ix-a ")
    assert (by_check["standby"]["subject"], by_check["standby"]["severity"]) == ("mc probes", "note")


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("my fabrics/at las#2.json", "my%20fabrics/at%20las%232.json"),
        ("fabrics\\atlas?.json", "fabrics/atlas%3F.json"),
        ("a/b.json", "a/b.json"),
    ],
)
def test_sarif_names_the_fabric_file_by_a_uri_reference(path: str, uri: str) -> None:
    one = Finding(check=Check.MTU, subject="ix-a", severity=Severity.WARNING, text="too small", decide="either")
    (result,) = sarif(path, (one,))["runs"][0]["results"]
    (place,) = result["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == uri
    assert result["message"]["text"] == "too small\ndecide: either"


def test_findings_are_told_where_their_file_cannot_be_written(tmp_path: Path, declared: Fabric, endpoints: dict[str, str]) -> None:  # noqa: F811
    agreed(tmp_path, placed(declared))
    for path, why in ((str(tmp_path / "none" / "audit.sarif"), "No such file"), ("-", "not written to standard output")):
        done = ran(tmp_path, declared, endpoints, "--sarif", path)
        assert (done.returncode, done.stderr.count("\n"), why in done.stderr) == (2, 1, True)
        assert json.loads(done.stdout)["epoch"] == 7
