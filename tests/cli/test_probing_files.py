"""``pointsman stores probe`` of a file: what is judged is what would be used, nothing of it is changed, and nothing of the probe stays."""

import asyncio
import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.core.fabric import Cloud
from pointsman.ports.stores import StoreDown
from pointsman.quorum.ballots import ballot
from tests.cli.test_stores_commands import SCRIPT, environment, stores
from tests.stores.test_ciphers import CLAIM

NOBODY = 65534


def a_store(path: Path) -> None:
    async def write() -> None:
        store = SqliteStore("aws", path)
        await store.prepare("plan/atlas", ballot(1, "a" * 16), await store.read("plan/atlas"))
        await store.note(Cloud.AWS, [CLAIM])
        await store.put_entry("0" * 32, b"entry")
        store.close()

    asyncio.run(write())


def tables(path: Path, *statements: str) -> None:
    db = sqlite3.connect(path)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()


def rows(path: Path) -> list[tuple[object, ...]]:
    db = sqlite3.connect(path)
    held = [("schema", *row) for row in db.execute("SELECT name, sql FROM sqlite_master ORDER BY name")]
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    held += [(name, *row) for name in names for row in db.execute(f"SELECT * FROM {name}")]
    db.close()
    return held


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (Path.mkdir, "is no file: mend the path"),
        (lambda path: path.symlink_to("/dev/null"), "is no file: mend the path"),
        (os.mkfifo, "is no file: mend the path"),
        (lambda path: path.symlink_to(path), "mend the path, or the rights to its folders"),
        (lambda path: path.write_bytes(b"this is a letter to my aunt, not a database" * 100), "something else than a store: mend the path"),
        (lambda path: tables(path, "CREATE TABLE orders (id)", "INSERT INTO orders VALUES (5)"), "it holds other tables (orders)"),
        (lambda path: tables(path, "CREATE TABLE registers (a)"), "it holds other tables (registers)"),
    ],
    ids=["a folder", "a device", "a pipe", "a link to itself", "a letter", "another's tables", "tables of a store's names"],
)
def test_a_path_where_no_store_can_be_is_told_and_not_judged_by_what_lies_beside_it(
    tmp_path: Path, make: Callable[[Path], object], told: str
) -> None:
    path = tmp_path / "table.sqlite"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    done = stores("probe", f"sqlite://{path}")
    assert (done.returncode, done.stdout) == (2, ""), done.stdout
    assert f"the store (sqlite {path})" in done.stderr
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == [path]
    assert (path.read_bytes() if path.is_file() else b"") == before


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: None, "is not there yet"),
        (Path.touch, "holds nothing yet"),
        (a_store, "holds a store already, which was opened and not changed"),
    ],
    ids=["nothing", "an empty file", "a store"],
)
def test_a_file_that_may_be_a_store_is_opened_and_left_as_it_is(tmp_path: Path, make: Callable[[Path], object], said: str) -> None:
    path = tmp_path / "table.sqlite"
    make(path)
    before = rows(path) if path.exists() else None
    done = stores("probe", f"sqlite://{path}")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{path} {said}" in done.stdout
    assert f"in a folder of its own beside it, {path}.probe-" in done.stdout
    assert (rows(path) if path.exists() else None) == before
    assert list(tmp_path.iterdir()) == ([] if before is None else [path])


def test_what_is_tried_lies_where_a_link_leads(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    (tmp_path / "here" / "table.sqlite").symlink_to(tmp_path / "there" / "table.sqlite")
    done = stores("probe", f"sqlite://{tmp_path}/here/table.sqlite")
    assert done.returncode == 0
    assert f"beside it, {tmp_path}/there/table.sqlite.probe-" in done.stdout
    (tmp_path / "there").rmdir()
    done = stores("probe", f"sqlite://{tmp_path}/here/table.sqlite")
    assert done.returncode == 2
    assert "check the path, and the rights to its folder" in done.stderr


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    argv = [SCRIPT, "stores", "probe", f"sqlite://{tmp_path}/table.sqlite"]
    with subprocess.Popen(argv, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as probing:
        assert probing.stdout is not None
        while not probing.stdout.readline().startswith("kept"):
            assert probing.poll() is None
        probing.send_signal(signal.SIGINT)
        probing.communicate(timeout=60)
    assert probing.returncode == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="takes another user's rights, which only root may")
@pytest.mark.parametrize(("mode", "told"), [(0o444, "may not be written to: mend the rights"), (0o000, "cannot be opened or made")])
def test_a_store_without_the_rights_to_it_cannot_be_used(mode: int, told: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.sqlite"
        a_store(path)
        path.chmod(mode)
        path.parent.chmod(0o777)
        os.seteuid(NOBODY)
        try:
            with pytest.raises(StoreDown, match=told):
                SqliteStore("the store", path).found()
        finally:
            os.seteuid(0)
