"""A disk that is full under a sqlite store, one of three: the others decide, nothing acknowledged is lost, the file stays whole.

A small tmpfs in a mount namespace of the process's own is a real disk that fills (ENOSPC). Where the system allows no such
namespace, which ``make emulators`` tells, a file that may not grow (RLIMIT_FSIZE) stands for it with one store alone.
"""

import asyncio
import json
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.testing import disks
from pointsman.testing.disks import available_disk, on_own_disk
from pointsman.testing.emulators import available_moto

ROOT = Path(__file__).parents[2]
DECISIONS = 5
SMALL = 400 * 1024
ROOMY = 16 * 1024 * 1024
LIMIT = 220
"""Seconds that a run may take."""


def told_by(module: str, disk: Path, size: int, *words: object) -> Any:
    """Run a module with a disk of so many bytes at a folder, which ends with it; gives the JSON that it printed last."""
    argv = on_own_disk(disk, size, [sys.executable, "-m", module, str(disk), *map(str, words)])
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def whole(path: Path) -> bool:
    with sqlite3.connect(path) as db:
        return bool(db.execute("PRAGMA integrity_check").fetchone() == ("ok",))


@pytest.fixture
def looked_for_anew() -> Iterator[None]:
    disks._way.cache_clear()
    yield
    disks._way.cache_clear()


@pytest.mark.usefixtures("looked_for_anew")
@pytest.mark.parametrize("installed", [True, False])
def test_a_system_that_lets_a_process_have_no_disk_of_its_own_is_told_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, installed: bool
) -> None:
    if installed:
        refusing = tmp_path / "unshare"
        refusing.write_text("#!/bin/sh\nexit 1\n")
        refusing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "allow user namespaces" in str(available_disk())


needs_a_disk = pytest.mark.skipif(bool(available_disk()), reason=str(available_disk()))


@needs_a_disk
def test_with_the_disk_of_one_store_full_the_others_decide_and_nothing_is_lost(tmp_path: Path) -> None:
    small, roomy = tmp_path / "small", tmp_path / "roomy"
    small.mkdir()
    roomy.mkdir()
    told = told_by("tests.chaos.filler", small, SMALL, roomy, DECISIONS)
    assert told["acknowledged"] == [f"w{number}" for number in range(2 * DECISIONS)]
    assert "gcp" in told["said"][0]
    assert told["said"][0].startswith(("StoreDown", "StoreUnsure"))
    held = {name: asyncio.run(SqliteStore(name, roomy / f"{name}.sqlite").read("filling")).row for name in ("aws", "gcp", "witness")}
    assert json.loads(held["aws"].value or "") == told["acknowledged"] == json.loads(held["witness"].value or "")
    behind = json.loads(held["gcp"].value or "[]")
    assert behind == told["acknowledged"][: len(behind)]
    assert all(whole(roomy / f"{name}.sqlite") for name in held)


@needs_a_disk
@pytest.mark.timeout(240)
@pytest.mark.skipif(bool(available_moto()), reason=str(available_moto()))
def test_functions_react_while_the_disk_of_one_store_is_full_and_it_catches_up_once_it_has_room(tmp_path: Path) -> None:
    disk, folder = tmp_path / "disk", tmp_path / "run"
    disk.mkdir()
    folder.mkdir()
    told = told_by("tests.chaos.crowded", disk, ROOMY, folder)
    assert told["said"].startswith(("StoreDown: gcp", "StoreUnsure: gcp"))
    assert 0 < told["before"] == told["meanwhile"] < told["newest"], "the full store took nothing, and the others decided"


def test_a_file_that_may_not_grow_says_so_and_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    code = (
        "import asyncio, pathlib, sys\n"
        "from pointsman.adapters.sqlite.store import SqliteStore\n"
        "from tests.chaos.filler import fill\n"
        "print(asyncio.run(fill(SqliteStore('gcp', pathlib.Path(sys.argv[1])))))\n"
    )
    path = tmp_path / "gcp.sqlite"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL)),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(("StoreDown: gcp", "StoreUnsure: gcp"))
    assert "check" in done.stdout
    store = SqliteStore("gcp", path)
    kept = asyncio.run(_kept(store))
    assert 0 < kept < 1_000
    store.close()
    assert whole(path)


async def _kept(store: SqliteStore) -> int:
    number = 0
    while await store.entry(f"piece-{number}") is not None:
        number += 1
    await store.put_entry("room again", b"1")
    return number
