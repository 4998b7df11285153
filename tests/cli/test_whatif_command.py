"""whatif, check --n-1 and --n-2, and the drawing: what they print and how they exit."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pointsman.adapters.files import compile_fabric
from pointsman.adapters.files.compiled import write_compiled
from pointsman.core.fabric import LinkName
from tests.cli.commands import ATLAS_FILE, pointsman
from tests.core.test_proposed_as_foreseen import Told, squeezing
from tests.fabric.written import EXAMPLES, edited

STATE = {"placement", "overloads", "squeezed", "unplaced", "moves", "reasons"}
SURVIVE = ("observe: false}\n", "observe: false}\n  survive: {n_1: no_overload}\n")


def test_whatif_tells_a_program_what_is_before_and_after() -> None:
    done = pointsman("whatif", ATLAS_FILE, "--fail", "ix-a", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads(done.stdout)
    assert (data["fabric"], data["fail"], data["links"]) == ("atlas", "ix-a", ["ix-a"])
    assert set(data["before"]) == set(data["after"]) == STATE
    assert data["before"]["placement"] == {"checkout": "ix-a", "training": "ix-a"}
    after = data["after"]
    assert after["placement"] == {"checkout": "vpn", "training": "ix-b"}
    assert after["overloads"] == [{"link": "ix-b", "by_bps": 10**9}]
    assert after["squeezed"] == [{"flow": "training", "by_bps": 10**9}]
    assert (after["unplaced"], data["before"]["moves"]) == ([], [])
    assert after["moves"] == [
        {"flow": "checkout", "from": "ix-a", "to": "vpn", "by": "deciding", "until": None},
        {"flow": "training", "from": "ix-a", "to": "ix-b", "by": "deciding", "until": None},
    ]
    assert {one["about"]: one["refused"]["ix-a"] for one in after["reasons"]} == {"checkout": "failed", "training": "failed"}


def test_whatif_fails_several_links_and_groups_at_once() -> None:
    done = pointsman("whatif", ATLAS_FILE, "--fail", "ix-a,group:metro-iad-2", "--json")
    data = json.loads(done.stdout)
    assert data["links"] == ["ix-a", "ix-b"]
    assert data["after"]["placement"] == {"checkout": "vpn", "training": None}
    assert data["after"]["unplaced"] == ["training"]
    again = pointsman("whatif", ATLAS_FILE, "--fail", "ix-a", "--fail", "ix-b", "--json")
    assert json.loads(again.stdout)["after"]["placement"] == data["after"]["placement"]


def test_whatif_shows_a_person_the_same() -> None:
    done = pointsman("whatif", ATLAS_FILE, "--fail", "ix-a")
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("atlas: ix-a fails", "squeezed by 1Gbps", "6Gbps (120%)", "overloaded by 1Gbps", "checkout to vpn: out of the way"):
        assert word in done.stdout


BY_HAND = ("policy:\n  mode: auto ", "policy:\n  mode: {} ")


@pytest.mark.parametrize(
    ("mode", "by", "said"),
    [
        ("recommend", "word", ("on ix-a until approved", "until approved: ", "once a person approves of it")),
        (
            "observe",
            "bgp",
            ("on ix-a unless BGP leaves it", "by BGP: nothing of ours leaves a link in mode observe.", "only BGP leads it away"),
        ),
    ],
)
def test_moves_that_deciding_does_not_make_by_itself_are_marked(mode: str, by: str, said: tuple[str, ...]) -> None:
    fabric = edited((BY_HAND[0], BY_HAND[1].format(mode)))
    data = json.loads(pointsman("whatif", "-", "--fail", "ix-a", "--json", stdin=fabric).stdout)
    assert {(one["by"], one["until"]) for one in data["after"]["moves"]} == {(by, "ix-a")}
    shown = " ".join(pointsman("whatif", "-", "--fail", "ix-a", stdin=fabric).stdout.split())
    assert [one for one in said if one not in shown] == []
    listed = pointsman("check", "-", "--n-1", stdin=fabric).stdout
    assert re.search(rf"^ix-a .*2 \(2 {'once approved' if by == 'word' else 'by BGP alone'}\)", listed, re.MULTILINE)
    assert said[1] in listed
    assert "until approved" not in pointsman("whatif", ATLAS_FILE, "--fail", "ix-a").stdout


def test_what_whatif_has_wait_for_a_word_is_proposed_when_that_failure_happens() -> None:
    start = squeezing()
    done = pointsman("whatif", "-", "--fail", "ix-a", "--json", stdin=write_compiled(start).decode())
    moves = json.loads(done.stdout)["after"]["moves"]
    assert moves == [{"flow": "checkout", "from": "ix-a", "to": "ix-c", "by": "word", "until": "ix-b"}]
    story = Told(start).settled().until((LinkName("ix-a"),), 480)
    assert (story.on("checkout"), story.proposed()) == ("ix-b", {"checkout": "ix-c"})


def test_whatif_reads_a_compiled_fabric_too(tmp_path: Path) -> None:
    compiled = tmp_path / "fabric.json"
    compiled.write_bytes(compile_fabric(ATLAS_FILE))
    one, other = (pointsman("whatif", str(file), "--fail", "ix-a", "--json").stdout for file in (compiled, ATLAS_FILE))
    assert one == other != ""


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ix-aa", 'did you mean "ix-a"?'),
        ("IX-A", 'did you mean "ix-a"?'),
        ("group:metro-iad-3", 'did you mean "group:metro-iad-2"?'),
        ("ix-a,,ix-b", "known here: group:internet"),
    ],
)
def test_an_unknown_name_is_one_line_with_the_nearest_known_and_exit_2(name: str, meant: str) -> None:
    done = pointsman("whatif", ATLAS_FILE, "--fail", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("pointsman: fabric atlas has no link or group ")
    assert meant in done.stderr
    assert done.stderr.count("\n") == 1


def test_whatif_of_a_bad_fabric_shows_its_findings_and_exits_1() -> None:
    done = pointsman("whatif", "-", "--fail", "ix-a", stdin=edited(("hold: 60s,", "hold: 60,")))
    assert (done.returncode, done.stdout) == (1, "")
    assert "-:27:20: links.ix-a.timers.hold: 60 has no unit" in done.stderr


def test_check_lists_every_single_and_every_double_failure() -> None:
    done = pointsman("check", ATLAS_FILE, "--n-1", "--n-2", "--json")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    data = json.loads(done.stdout)
    assert data["ok"]
    assert [one["fail"] for one in data["n_1"]] == ["ix-a", "ix-b", "mc", "vpn"]
    assert len(data["n_2"]) == 6
    assert all(set(one) == STATE | {"fail", "links", "breaks"} for one in (*data["n_1"], *data["n_2"]))
    whatif = json.loads(pointsman("whatif", ATLAS_FILE, "--fail", "ix-a", "--json").stdout)
    assert {key: data["n_1"][0][key] for key in STATE} == whatif["after"]


def test_check_shows_a_person_every_failure() -> None:
    done = pointsman("check", ATLAS_FILE, "--n-1", "--n-2")
    assert done.returncode == 0
    assert "what every single failure leads to" in done.stdout
    assert re.search(r"^ix-a,ix-b +training +2", done.stdout, re.MULTILINE)


def test_check_exits_1_where_the_policy_forbids_what_a_failure_leads_to() -> None:
    done = pointsman("check", "-", "--n-1", stdin=edited(SURVIVE))
    assert done.returncode == 1
    assert done.stderr == "-: policy.survive.n_1 does not hold after 1 of 4 single failures\n"
    assert "forbidden: overloaded: ix-b" in done.stdout
    as_data = pointsman("check", "-", "--n-1", "--json", stdin=edited(SURVIVE))
    assert as_data.returncode == 1
    assert [one["breaks"] for one in json.loads(as_data.stdout)["n_1"]] == ["overloaded: ix-b", "", "", ""]


def test_a_policy_that_forbids_nothing_is_told_where_a_flow_loses_every_path() -> None:
    done = pointsman("check", ATLAS_FILE, "--n-1", "--n-2")
    assert done.returncode == 0
    assert done.stderr == (
        f"{ATLAS_FILE}: policy.survive.n_2 is anything, as where it is not set: no outcome is forbidden, and 1 of 6 double failures"
        " leaves a flow without a path; set it to no_unplaced if that must not be\n"
    )
    held = ("observe: false}\n", "observe: false}\n  survive: {n_1: no_unplaced, n_2: no_unplaced}\n")
    barred = pointsman("check", "-", "--n-2", stdin=edited(held))
    assert (barred.returncode, "is anything" in barred.stderr) == (1, False)


def test_where_there_are_no_two_failures_that_is_said() -> None:
    done = pointsman("check", str(EXAMPLES / "one-vpn.yaml"), "--n-2")
    assert done.returncode == 0
    assert done.stdout.endswith("what every two failures lead to: there are no two, with one link or group that can fail\n")


def test_what_the_policy_forbids_is_not_asked_unless_failures_are() -> None:
    assert pointsman("check", "-", stdin=edited(SURVIVE)).returncode == 0
    assert pointsman("check", "-", "--n-2", stdin=edited(SURVIVE)).returncode == 0


def test_check_of_a_bad_fabric_goes_through_no_failures(tmp_path: Path) -> None:
    drawing = tmp_path / "f.svg"
    done = pointsman("check", "-", "--n-1", "--plot", str(drawing), stdin=edited(("hold: 60s,", "hold: 60,")))
    assert (done.returncode, drawing.exists()) == (1, False)


SVG = "{http://www.w3.org/2000/svg}"


def drawn(path: Path) -> tuple[ET.Element, list[str]]:
    root = ET.fromstring(path.read_text())
    return root, ["".join(one.itertext()) for one in root.iter(f"{SVG}text")]


def test_the_drawing_shows_links_loads_and_what_failed(tmp_path: Path) -> None:
    drawing = tmp_path / "f.svg"
    assert pointsman("whatif", ATLAS_FILE, "--fail", "ix-a", "--plot", str(drawing)).returncode == 0
    root, texts = drawn(drawing)
    for text in ("atlas: ix-a failed", "aws-use1", "gcp-use4", "6Gbps of 5Gbps, 120%", "failed", "overloaded: ix-b by 1Gbps", "training"):
        assert text in texts
    bars = [one.get("class") for one in root.iter(f"{SVG}rect") if one.get("class") in {"fill", "busy", "over"}]
    assert bars == ["over", "fill"]
    assert [one.get("class") for one in root.iter(f"{SVG}path")].count("wire failed") == 2
    assert "prefers-color-scheme: dark" in drawing.read_text()


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.yaml")))
def test_every_example_can_be_drawn_within_its_frame(name: str, tmp_path: Path) -> None:
    drawing = tmp_path / "f.svg"
    assert pointsman("check", str(EXAMPLES / f"{name}.yaml"), "--n-1", "--plot", str(drawing)).returncode == 0
    root, texts = drawn(drawing)
    width, height = (int(root.attrib[key]) for key in ("width", "height"))
    for one in root.iter(f"{SVG}rect"):
        assert int(one.get("x", 0)) + int(one.attrib["width"]) <= width
        assert int(one.get("y", 0)) + int(one.attrib["height"]) <= height
    assert f"{texts[0].split(':')[0]}: every link up" == texts[0]


def test_a_drawing_that_cannot_be_written_is_one_line_and_exit_2(tmp_path: Path) -> None:
    done = pointsman("whatif", ATLAS_FILE, "--fail", "ix-a", "--plot", str(tmp_path / "none" / "f.svg"))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
