"""The whole demo as a user runs it: real processes, five outages, every invariant checked at the end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pointsman.testing.emulators import available_firestore
from pointsman.testing.story import STAGES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict:  # type: ignore[type-arg]
    output = tmp_path_factory.mktemp("demo") / "demo.json"
    argv = [str(Path(sys.executable).with_name("pointsman")), "demo", "--json", str(output)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=560, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    found: dict = json.loads(output.read_text())  # type: ignore[type-arg]
    return found


pytestmark = pytest.mark.timeout(600)


def test_every_invariant_holds_after_five_outages(told: dict) -> None:  # type: ignore[type-arg]
    assert len(told["scenes"]) == 5
    assert [one["name"] for one in told["invariants"] if not one["holds"]] == []


def test_every_scene_is_measured_from_the_event_to_the_ticket(told: dict) -> None:  # type: ignore[type-arg]
    for scene in told["scenes"]:
        missing = set(STAGES) - {"agreed"} - set(scene["times"])
        assert not missing, (scene["title"], missing)


def test_a_grey_failure_that_bgp_never_notices_costs_a_fraction_of_what_bgp_alone_loses(told: dict) -> None:  # type: ignore[type-arg]
    grey = told["scenes"][0]
    assert all(grey["lost"][flow] < grey["alone"][flow] for flow in grey["alone"])
    assert {name: set(one["to_gcp"]) for name, one in grey["flows"].items()} == {"checkout": {"ix-b"}, "training": {"ix-c"}}


def test_without_one_database_the_functions_say_that_a_quorum_decides(told: dict) -> None:  # type: ignore[type-arg]
    silenced = told["scenes"][2]
    assert set(silenced["modes"]) == {"quorum"}
    assert "the mode that the functions told meanwhile: quorum" in silenced["notes"][0]


def test_the_hard_cut_is_played_again_without_that_database(told: dict) -> None:  # type: ignore[type-arg]
    cut, again = told["scenes"][1:3]
    assert (cut["name"], again["name"]) == ("cut", "cut, no DynamoDB")
    assert cut["alone"] == again["alone"], "both are the same fault"
    assert again["flows"] == cut["flows"]
    assert again["ticket"]


def test_what_aws_alone_overfills_is_said_by_the_ticket_with_each_flow_and_its_loss(told: dict) -> None:  # type: ignore[type-arg]
    alone = told["scenes"][3]
    loss = 1 - 1 / alone["links"]["ix-b"]
    assert loss > 0, "seven gigabits fall back onto five"
    assert "error: ix-a is down; both probes lose packets over this link; AWS's failover test empties ix-a" in alone["notes"][0]
    assert f"ix-b is overfilled, and loses {loss:.1%} of the packets of checkout, training" in alone["notes"][0]


def test_no_stage_is_over_before_the_one_that_it_follows_from(told: dict) -> None:  # type: ignore[type-arg]
    for scene in told["scenes"]:
        stages = [stage for stage in ("lever written", "accepted", "effective", "carried") if stage in scene["times"]]
        times = [scene["times"][stage] for stage in stages]
        assert times == sorted(times), scene["title"]
    assert any("carried" in scene["times"] for scene in told["scenes"]), "functions saw packets pass where the flows then were"


def test_it_says_who_played(told: dict) -> None:  # type: ignore[type-arg]
    assert ("emulator" in told["cast"]["firestore"]) == (available_firestore() is None)
