"""``pointsman decode`` as an operator meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pointsman.cli.decode import decode
from tests.wire.samples import EVENTS, ROOT, SAMPLES

FABRIC = ROOT / "docs/fabrics/atlas.yaml"
RUNNER = CliRunner()
APP = typer.Typer()
APP.command()(decode)


def run(*words: str | Path, text: bytes | None = None) -> tuple[int, str, str]:
    done = RUNNER.invoke(APP, [str(word) for word in words], input=text)
    return done.exit_code, done.stdout, done.stderr


def shown(*words: str | Path, text: bytes | None = None) -> list[dict[str, object]]:
    code, out, _ = run(*words, "--json", text=text)
    assert code == 0
    found = json.loads(out)
    assert isinstance(found, list)
    return found


def test_a_file_and_standard_input_read_the_same() -> None:
    path = EVENTS / "aws/nm-status-vpn-bgp-down.json"
    assert shown(path) == shown("-", text=path.read_bytes())


def test_the_fabric_says_which_link_is_meant() -> None:
    (found,) = shown(EVENTS / "aws/nm-status-vpn-bgp-down.json", "--fabric", FABRIC)
    assert (found["link"], found["member"], found["seen_at"]) == ("vpn", "vpn-0b2c3d4e5f6071829:35.84.102.207", "2026-11-20T09:14:23Z")


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("aws/cw-alarm-dx-vif-bgp-status-alarm.json", "ix-a"),
        ("aws/cw-alarm-dx-connection-state-alarm.json", "ix-a"),
        ("aws/sns-lambda-cw-alarm-attachment-drops.json", "ix-a"),
        ("aws/nm-routing-tgw-route-installed-vpn.json", "vpn"),
        ("aws/cloudtrail-interconnect-update-connection.json", "mc"),
        ("aws/cloudtrail-dx-update-association.json", "ix-a"),
        ("aws/health-dx-operational-issue-open.json", "ix-a"),
        ("aws/health-vpn-redundancy-loss.json", "vpn"),
        ("gcp/logentry-router-bgp-down-hold-timer.json", "ix-b"),
        ("gcp/monitoring-incident-open-bgp-session.json", "ix-a"),
        ("gcp/monitoring-vpn-tunnel-down.json", "vpn"),
        ("gcp/monitoring-vlan-capacity.json", "ix-a"),
    ],
)
def test_a_member_of_the_reference_fabric_is_found_by_each_clouds_name_for_it(name: str, link: str) -> None:
    assert [found.get("link") for found in shown(EVENTS / name, "--fabric", FABRIC)] == [link]


@pytest.mark.parametrize(
    ("name", "alarm"),
    [
        ("gcp/monitoring-interconnect-down", "weft-link"),
        ("gcp/monitoring-interconnect-circuit-down", "weft-link"),
        ("aws/cw-alarm-tgw-blackhole-metric-math", "xc-tgw-routing-drops"),
    ],
)
def test_an_alarm_on_what_no_fabric_declares_is_found_by_the_name_that_a_member_gives(tmp_path: Path, name: str, alarm: str) -> None:
    declared = FABRIC.read_text()
    mapped = tmp_path / "mapped.yaml"
    mapped.write_text(declared.replace("alarms: [", f"alarms: [{alarm}, ", 1))
    before, after = (shown(EVENTS / f"{name}.json", "--fabric", fabric)[0] for fabric in (FABRIC, mapped))
    assert "link" not in before
    assert after == before | {"link": after["link"]}


@pytest.mark.parametrize(("sample", "east", "west"), [("vpn-tunnel-down", "east-vpn", "west-vpn"), ("vlan-capacity", "east", "west")])
def test_a_name_that_two_regions_share_is_found_in_the_region_that_is_told(sample: str, east: str, west: str) -> None:
    text = (EVENTS / f"gcp/monitoring-{sample}.json").read_text()
    told = [text, text.replace("us-east4", "us-west1"), text.replace("us-east4", "us-central1"), text.replace('"region"', '"zone"')]
    found = [shown("-", "--fabric", FABRIC.with_name("two-regions.yaml"), text=one.encode())[0].get("link") for one in told]
    assert found == [east, west, None, None]


def test_an_ipv6_peer_and_tunnel_are_found_however_the_cloud_spells_the_address(tmp_path: Path) -> None:
    declared = FABRIC.read_text().replace("ip: 169.254.1.2", 'ip: "2600:2d00:0:2:8000:0:0:5"')
    fabric = tmp_path / "six.yaml"
    fabric.write_text(declared.replace("outside_ip: 35.84.102.207", 'outside_ip: "2001:db8:0:0:0:0:0:7"'))
    (peer,) = shown(EVENTS / "gcp/logentry-router-bgp-down-ipv6.json", "--fabric", fabric)
    assert (peer["link"], peer["member"]) == ("ix-a", "router/6983339776642123456:2600:2d00:0:2:8000::5")
    for sample in ("nm-status-vpn-bgp-down", "cw-alarm-vpn-tunnelstate-ok"):
        text = (EVENTS / f"aws/{sample}.json").read_text()
        for spelled in ("2001:DB8::7", "2001:DB8:0:0:0:0:0:7", "2001:0db8:0000:0000:0000:0000:0000:0007"):
            (tunnel,) = shown("-", "--fabric", fabric, text=text.replace("35.84.102.207", spelled).encode())
            assert (tunnel["link"], tunnel["member"]) == ("vpn", "vpn-0b2c3d4e5f6071829:2001:db8::7")


def test_a_batch_gives_one_element_a_record_and_exits_well() -> None:
    kinds = [found["kind"] for found in shown(EVENTS / "aws/sqs-batch-with-poison.json")]
    assert kinds == ["sighting", "rejected", "sighting", "tick", "ignored"]


def test_a_window_has_a_start_and_an_end() -> None:
    (found,) = shown(EVENTS / "aws/health-dx-maintenance-scheduled.json")
    assert found["window"] == {"start": "2026-11-20T06:00:00Z", "end": "2026-11-20T10:00:00Z"}


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"{", b"[]", b"null"])
def test_what_cannot_be_understood_is_an_answer_too(text: bytes) -> None:
    (found,) = shown("-", text=text)
    assert found["kind"] == "rejected"
    assert found["reason"]


def test_a_file_that_is_not_there_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    for missing in (tmp_path / "nothing.json", tmp_path):
        code, out, err = run(missing, "--json")
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert str(missing) in err


def test_a_fabric_that_is_bad_or_missing_is_one_line_and_its_own_exit_code(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 1\nfabrik: atlas\n")
    for fabric, expected in ((bad, 1), (tmp_path / "nothing.yaml", 2)):
        code, out, err = run(EVENTS / "aws/nm-status-vpn-bgp-down.json", "--fabric", fabric)
        assert (code, out, err.count("\n")) == (expected, "", 1)


def test_people_get_a_table() -> None:
    code, out, _ = run(EVENTS / "aws/sqs-batch-with-poison.json")
    assert code == 0
    assert "rejected" in out
    assert "What it means" in out


def test_every_sample_can_be_shown_to_people() -> None:
    for path in SAMPLES:
        assert run(path)[0] == 0


def test_the_wire_loads_no_sdk_and_nothing_that_is_slow_to_load() -> None:
    script = "import sys; bare = set(sys.modules); import pointsman.wire.decode; print(*sorted({name.partition('.')[0] for name in set(sys.modules) - bare}))"
    loaded = set(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split())
    assert "pointsman" in loaded
    assert not {"boto3", "botocore", "google", "pydantic", "yaml", "rich", "typer", "urllib3", "asyncio", "logging"} & loaded
