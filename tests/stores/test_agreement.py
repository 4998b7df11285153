"""Agreement over real stores of three kinds at once, and over one file from several processes."""

import asyncio
import itertools
import multiprocessing
import random  # noqa: TID251 - seeded, so that every run is alike
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.ports.stores import Row, Store, StoreDown
from pointsman.quorum.outcomes import Agreed, Change
from pointsman.service.registers import Registers
from pointsman.testing.emulators import Emulator
from tests.stores.conftest import WallClock, dynamodb, of_firestore, s3, sqlite

NAME = "plan/atlas"
PROPOSERS = 3
CHANGES = 3
PROCESSES = 3


def append(item: str) -> Change:
    def change(value: str | None) -> str:
        items = value.split() if value else []
        return value if value and item in items else " ".join([*items, item])

    return change


def proposer(number: int, stores: list[Store]) -> Registers:
    serial, dice = itertools.count(), random.Random(number)
    return Registers(stores, clock=WallClock(), nonce=lambda: f"{number:08x}{next(serial):08x}", jitter=dice.random)


@pytest.fixture
def mixed(request: pytest.FixtureRequest, moto: Emulator, tmp_path: Path) -> list[Store]:
    """DynamoDB, Firestore (a file where its emulator is not installed, which the conformance suite reports) and S3."""
    token = f"mixed-{request.node.name.partition('[')[0]}"
    try:
        middle = of_firestore(token, request.getfixturevalue("firestore"))
    except pytest.skip.Exception:
        middle = sqlite(token, tmp_path / "middle.sqlite")
    return [dynamodb(token, moto, "signer").open(), middle.open(), s3(token, moto).open()]


def test_proposers_on_three_kinds_of_store_agree_on_one_list(mixed: list[Store]) -> None:
    async def work(number: int) -> list[list[str]]:
        one = proposer(number, mixed)
        outcomes = [await one.change(NAME, append(f"{number}.{turn}"), deadline=WallClock().monotonic() + 60) for turn in range(CHANGES)]
        await one.rest()
        return [(outcome.value or "").split() for outcome in outcomes if isinstance(outcome, Agreed)]

    async def story() -> Any:
        said = await asyncio.gather(*(work(number) for number in range(PROPOSERS)))
        last = proposer(9, mixed)
        final = await last.settle(NAME, await last.read(NAME))
        assert isinstance(final, Agreed)
        return [items for each in said for items in each], (final.value or "").split()

    said, final = asyncio.run(story())
    assert sorted(final) == sorted(f"{number}.{turn}" for number in range(PROPOSERS) for turn in range(CHANGES))
    assert all(items == final[: len(items)] for items in said)


def test_a_value_agreed_by_three_kinds_of_store_is_the_same_in_each(mixed: list[Store]) -> None:
    async def story() -> Any:
        one = proposer(1, mixed)
        outcome = await one.change(NAME, append("kept"))
        await one.rest()
        return outcome, [(await store.read(NAME)).row for store in mixed]

    outcome, rows = asyncio.run(story())
    assert len(set(map(repr, rows))) == 1
    assert (rows[0].accepted, rows[0].value) == (outcome.ballot, "kept")
    assert len(outcome.store_times) >= 2


def in_a_process(number: int, path: str) -> None:
    async def work() -> None:
        store = SqliteStore("file", Path(path))
        one = proposer(number, [store])
        for turn in range(CHANGES):
            outcome = await one.change(NAME, append(f"{number}.{turn}"), deadline=WallClock().monotonic() + 60)
            assert isinstance(outcome, Agreed)
        store.close()

    asyncio.run(work())


def test_processes_that_share_one_file_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "pointsman.sqlite"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=in_a_process, args=(number, str(path))) for number in range(PROCESSES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES
    held = asyncio.run(SqliteStore("file", path).read(NAME)).row.value or ""
    assert sorted(held.split()) == sorted(f"{number}.{turn}" for number in range(PROCESSES) for turn in range(CHANGES))


def test_a_file_that_another_is_making_is_waited_for(tmp_path: Path) -> None:
    """Who turns a file to its log of writes needs it alone, and sqlite itself doesn't wait for that."""
    path = tmp_path / "pointsman.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE made (half)")
        leaves = threading.Timer(0.2, other.rollback)
        leaves.start()
        assert asyncio.run(SqliteStore("file", path).read(NAME)).row == Row()
        leaves.join()


def test_a_file_that_another_keeps_to_itself_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "pointsman.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE made (half)")
        with pytest.raises(
            StoreDown, match=r"file cannot be used \(SQLITE_BUSY\): check that its file is writable and not held by another"
        ):
            asyncio.run(SqliteStore("file", path, busy=0.1).read(NAME))
