"""check, compile and schema: what they print and how they exit."""

import json
import re
from pathlib import Path

import pytest

from pointsman.adapters.files import compile_fabric, load
from tests.cli.commands import ATLAS_FILE, pointsman
from tests.fabric.written import ATLAS, EXAMPLES, edited


def test_check_accepts_the_reference_fabric_and_sums_it_up() -> None:
    done = pointsman("check", ATLAS_FILE)
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("atlas: accepted", "tgw-0a1b2c3d4e5f60718", "cross_cloud_interconnect", "10Gbps", "3m", "recommend", "training", "quorum"):
        assert word in done.stdout
    assert "link mc: cannot be steered yet: a managed interconnect has no peers of ours to steer by; it is watched" in done.stdout


def test_check_prints_every_error_and_exits_1(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(edited(("    capacity: 10Gbps", "    capasity: 10Gbps"), ("hold: 60s,", "hold: 60,")))
    done = pointsman("check", str(bad))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f'{bad}:23:5: links.ix-a.capasity: unknown key; did you mean "capacity"?',
        f"{bad}:27:20: links.ix-a.timers.hold: 60 has no unit; write 60s if you mean that",
    ]
    assert done.stderr == f"{bad}: 2 errors\n"


@pytest.mark.parametrize("command", [["check"], ["compile"], ["check", "--json"]])
def test_a_file_that_cannot_be_read_is_one_line_and_exit_2(command: list[str], tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    done = pointsman(*command, str(missing))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"pointsman: {missing}: there is no such file; check the path\n"


def test_check_as_json_tells_a_program_the_same(tmp_path: Path) -> None:
    data = json.loads(pointsman("check", "--json", ATLAS_FILE).stdout)
    assert (data["ok"], data["fabric"], data["table"], data["findings"]) == (True, "atlas", "quorum", [])
    assert data["hash"] == load(ATLAS_FILE).hash
    links = {link["name"]: link for link in data["links"]}
    assert (links["ix-a"]["budget_seconds"], links["ix-a"]["steerable"], links["mc"]["steerable"]) == (180, True, False)
    bad = tmp_path / "bad.yaml"
    bad.write_text(edited(("hold: 60s,", "hold: 60,")))
    done = pointsman("check", "--json", str(bad))
    assert done.returncode == 1
    (finding,) = json.loads(done.stdout)["findings"]
    assert finding == {
        "file": str(bad),
        "line": 27,
        "column": 20,
        "path": "links.ix-a.timers.hold",
        "text": "60 has no unit",
        "mend": "write 60s if you mean that",
    }


def test_check_reads_standard_input() -> None:
    done = pointsman("check", "-", stdin=ATLAS)
    assert done.returncode == 0
    assert "atlas: accepted" in done.stdout


@pytest.mark.parametrize("name", ["cloud-wan", "virtual-private-gateway"])
def test_check_says_what_is_only_watched(name: str) -> None:
    done = pointsman("check", str(EXAMPLES / f"{name}.yaml"))
    assert done.returncode == 0
    assert done.stdout.count("cannot be steered yet") == 2
    assert done.stdout.count("not yet") == 2


def test_compile_writes_what_functions_load(tmp_path: Path) -> None:
    target = tmp_path / "fabric.json"
    done = pointsman("compile", ATLAS_FILE, "-o", str(target))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert target.read_bytes() == compile_fabric(ATLAS_FILE)
    assert load(str(target)) == load(ATLAS_FILE)
    assert [path.name for path in tmp_path.iterdir()] == ["fabric.json"]


def test_compile_prints_without_an_output_file() -> None:
    assert pointsman("compile", ATLAS_FILE).stdout == compile_fabric(ATLAS_FILE).decode()


def test_compile_of_a_bad_fabric_writes_nothing_and_exits_1(tmp_path: Path) -> None:
    target = tmp_path / "fabric.json"
    target.write_text("before")
    done = pointsman("compile", "-", "-o", str(target), stdin=edited(("hold: 60s,", "hold: 60,")))
    assert done.returncode == 1
    assert "-:27:20: links.ix-a.timers.hold: 60 has no unit" in done.stderr
    assert target.read_text() == "before"


@pytest.mark.parametrize("command", ["check", "compile"])
def test_a_compiled_fabric_that_was_changed_by_hand_is_one_line_and_exit_1(tmp_path: Path, command: str) -> None:
    made = tmp_path / "fabric.json"
    made.write_bytes(compile_fabric(ATLAS_FILE).replace(b'"ix-b"', b'"ix-z"', 1))
    done = pointsman(command, str(made))
    assert done.returncode == 1
    assert "was changed after 'pointsman compile' wrote it" in done.stdout + done.stderr
    assert "defect" not in done.stderr


def test_compile_into_a_place_that_is_not_there_is_one_line_and_exit_2(tmp_path: Path) -> None:
    target = tmp_path / "nowhere" / "fabric.json"
    done = pointsman("compile", ATLAS_FILE, "-o", str(target))
    assert done.returncode == 2
    assert done.stderr == f"pointsman: {target}: cannot write the file (No such file or directory); choose another place\n"


def test_schema_is_json() -> None:
    assert json.loads(pointsman("schema").stdout)["title"] == "pointsman fabric"


NO_FABRIC: dict[str, bytes] = {
    "nothing": b"",
    "a byte order mark": b"\xef\xbb\xbf" + ATLAS.encode(),
    "UTF-16": ATLAS.encode("utf-16"),
    "Latin-1": ATLAS.replace("precious", "pr\xe9cieux").encode("latin-1"),
    "a tab": edited(("    kind: vpn", "\tkind: vpn")).encode(),
    "an open bracket": edited(("kind: vpn", "kind: [vpn")).encode(),
    "a list of links": edited(("\nlinks:\n", "\nlinks: []\nlinkz:\n")).encode(),
    "an empty site": edited(("  aws-use1:\n", "  aws-use1:\n  aws-usw2:\n")).encode(),
    "a key twice by a merge": edited(("timers: {hold: 60s, b", "timers: &a {hold: 60s, hold: 61, b"), ("{hold: 30s}", "{<<: *a}")).encode(),
    "ends of line of two signs": edited(("hold: 60s,", "hold: 60,")).replace("\n", "\r\n").encode(),
    "too much": ATLAS.encode() + b"#" * 300_000,
}


@pytest.mark.parametrize("command", [["check"], ["compile"], ["whatif", "--fail", "ix-a"]], ids=lambda command: command[0])
def test_a_text_that_is_no_fabric_is_told_with_its_place_and_exit_1(command: list[str], tmp_path: Path) -> None:
    for what, raw in NO_FABRIC.items():
        bad = tmp_path / "f.yaml"
        bad.write_bytes(raw)
        done = pointsman(*command, str(bad))
        assert done.returncode == 1, what
        assert re.search(r"f\.yaml:[1-9][0-9]*:[1-9]", done.stdout + done.stderr), what
        assert "Traceback" not in done.stdout + done.stderr, what
