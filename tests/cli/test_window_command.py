"""``pointsman window`` over files of this machine: announced, listed, taken back; what cannot be is one clear line, and nothing is written."""

import asyncio
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from pointsman.adapters.files import load
from pointsman.adapters.files.compiled import write_compiled
from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.boot.chance import SystemClock
from pointsman.core.fabric import Cloud, Fabric, Stores
from pointsman.core.sightings import Sighting, Vantage, Window
from pointsman.core.values import replace
from pointsman.core.windows import row_of
from pointsman.testing.processes import clean_environment
from tests.cli.test_adopt_command import CLOSED, ROOT, SERVICES

SLOTS = ("aws", "gcp", "witness")
WHO = ("--author", "kim", "--reason", "new optics")
NOW = SystemClock().now().replace(microsecond=0)


@pytest.fixture
def declared(tmp_path: Path) -> Fabric:
    aws, gcp, witness = (f"sqlite://{tmp_path}/{slot}.sqlite" for slot in SLOTS)
    return replace(load(str(ROOT / "docs" / "fabrics" / "atlas.yaml")), stores=Stores(aws=aws, gcp=gcp, witness=witness))


def window(tmp_path: Path, fabric: Fabric, what: str, *words: str) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "fabric.json"
    path.write_bytes(write_compiled(fabric))
    environment = {"POINTSMAN_ENDPOINTS": json.dumps(dict.fromkeys(SERVICES, CLOSED)), "AWS_EC2_METADATA_DISABLED": "true"}
    argv = [str(Path(sys.executable).with_name("pointsman")), "window", what, str(path), *words]
    return subprocess.run(argv, env=clean_environment(environment), capture_output=True, text=True, timeout=60, check=False)


def between(start: float, end: float) -> tuple[str, ...]:
    """Name a window by hours from now."""
    return ("--from", (NOW + timedelta(hours=start)).isoformat(), "--to", (NOW + timedelta(hours=end)).isoformat())


def held(tmp_path: Path, cloud: Cloud) -> list[Sighting]:
    async def read() -> tuple[Sighting, ...]:
        return (await SqliteStore(cloud.value, tmp_path / f"{cloud}.sqlite").rows(cloud)).rows

    return [row for row in asyncio.run(read()) if row.window is not None]


def test_a_window_is_written_for_both_clouds_listed_and_taken_back(tmp_path: Path, declared: Fabric) -> None:
    done = window(tmp_path, declared, "add", "ix-a", *between(1, 3), *WHO)
    assert (done.returncode, done.stderr) == (0, "")
    (one,) = held(tmp_path, Cloud.AWS)
    assert held(tmp_path, Cloud.GCP) == [one]
    assert (one.vantage, one.window and one.window.author) == (Vantage.OPERATOR, "kim")
    listed = json.loads(window(tmp_path, declared, "list", "--json").stdout)
    (told,) = listed["windows"]
    assert (told["links"], told["author"], told["what"]) == (["ix-a"], "kim", "new optics")
    assert window(tmp_path, declared, "cancel", told["id"], *WHO).returncode == 0
    assert [row.window and row.window.withdrawn for cloud in Cloud for row in held(tmp_path, cloud)] == [True, True]
    again = window(tmp_path, declared, "cancel", told["id"], *WHO)
    assert (again.returncode, "over or taken back already" in again.stderr) == (1, True)
    assert "kim" in window(tmp_path, declared, "list").stdout


def test_what_a_cloud_announced_may_be_set_aside(tmp_path: Path, declared: Fabric) -> None:
    member = declared.link("ix-a").members[0].aws.virtual_interface or ""
    announced = Window(key="arn:one", members=(member,), start=NOW + timedelta(hours=1), end=NOW + timedelta(hours=2))
    row = replace(row_of(Vantage.AWS, announced, NOW), member="window/07")
    asyncio.run(SqliteStore("aws", tmp_path / "aws.sqlite").note(Cloud.AWS, [row]))
    (told,) = json.loads(window(tmp_path, declared, "list", "--json").stdout)["windows"]
    assert (told["by"], told["links"]) == ("aws", ["ix-a"])
    assert window(tmp_path, declared, "cancel", told["id"], *WHO).returncode == 0
    (after,) = json.loads(window(tmp_path, declared, "list", "--json").stdout)["windows"]
    assert after["withdrawn"] == "kim"


def test_the_same_command_twice_is_one_window(tmp_path: Path, declared: Fabric) -> None:
    for _ in range(2):
        assert window(tmp_path, declared, "add", "ix-a", *between(1, 3), *WHO).returncode == 0
    assert len(held(tmp_path, Cloud.AWS)) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ix-a", *between(3, 1), *WHO), "before it starts"),
        (("ix-a", *between(1, 1), *WHO), "when it starts: give a later --to"),
        (("IX-B", *between(1, 3), *WHO), "did you mean ix-b"),
        (("ix-a", *between(-3, -1), *WHO), "still to end"),
        (("ix-a", *between(1, 24 * 8), *WHO), "longer than 7 days"),
        (("ix-a", *between(24 * 40, 24 * 41), *WHO), "when it is nearer"),
        (("ix-z", *between(1, 3), *WHO), "did you mean ix-"),
        (("ix-a", *between(1, 3), "--author", " ", "--reason", "x"), "give --author and --reason"),
    ],
)
def test_a_window_that_cannot_be_is_one_clear_line_and_nothing_is_written(
    tmp_path: Path, declared: Fabric, words: tuple[str, ...], said: str
) -> None:
    done = window(tmp_path, declared, "add", *words)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert said in line
    assert [held(tmp_path, cloud) for cloud in Cloud] == [[], []]


def test_a_window_that_does_not_exist_is_not_taken_back(tmp_path: Path, declared: Fabric) -> None:
    done = window(tmp_path, declared, "cancel", "0badcafe", *WHO)
    assert (done.returncode, "window list names" in done.stderr) == (1, True)


def test_a_store_that_cannot_be_reached_is_named_and_the_other_is_told(tmp_path: Path, declared: Fabric) -> None:
    mixed = replace(declared, stores=replace(declared.stores, gcp="firestore://weft-prod-1/pointsman-atlas"))
    done = window(tmp_path, mixed, "add", "ix-a", *between(1, 3), *WHO)
    assert (done.returncode, "gcp's store has yet to be told" in done.stderr) == (1, True)
    assert len(held(tmp_path, Cloud.AWS)) == 1
    assert window(tmp_path, mixed, "list").returncode == 2
