"""One suite for every store: the promises of ``ports.stores``, on the fake and on the real things."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.ports.stores import Refusal, Reply, Row
from pointsman.service.probing.bench import Bench, Broken, Case, Untriable
from pointsman.service.probing.cases import CASES, case_name
from pointsman.service.probing.register_cases import an_unreadable_row_is_reported_and_left_alone
from pointsman.testing.emulators import Emulator
from pointsman.testing.stores import MemoryStore
from tests.stores.conftest import TABLE, WallClock, dynamo, dynamodb, sqlite


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_every_store_keeps_its_promises(case: Case, bench: Bench) -> None:
    asyncio.run(case(bench))


def test_the_suite_is_not_smaller_than_it_was() -> None:
    assert len(set(CASES)) >= 30


class Careless(MemoryStore):
    """Ignores every condition, as some services that speak S3 do."""

    def _write(self, register: str, ballot: str, seen: Reply, row: Row) -> Reply | Refusal:
        del seen
        return super()._write(register, max(ballot, self._row(register).promised), self._reply(register), row)


def test_a_store_that_ignores_conditions_is_found_out() -> None:
    store = Careless("careless", WallClock(), fenced=True)
    found = [case for case in CASES if _broken(case, Bench(open=lambda: store, token="careless"))]
    assert len(found) >= 5


def _broken(case: Case, bench: Bench) -> bool:
    try:
        asyncio.run(case(bench))
    except Broken as error:
        return "breaks a promise" in str(error)
    except Untriable:
        pass
    return False


def test_sqlite_leaves_another_versions_row_as_it_is(tmp_path: Path) -> None:
    bench, store = sqlite("raw", tmp_path / "raw.sqlite"), SqliteStore("sqlite", tmp_path / "raw.sqlite")

    async def story() -> Any:
        await an_unreadable_row_is_reported_and_left_alone(bench)
        return await store._run(lambda db: db.execute("SELECT format, promised, accepted, value FROM registers").fetchall(), writing=False)

    assert asyncio.run(story()) == [(2, "", "", None)]


def test_dynamodb_leaves_another_versions_row_as_it_is(moto: Emulator) -> None:
    bench = dynamodb("raw", moto, "signer")
    asyncio.run(an_unreadable_row_is_reported_and_left_alone(bench))
    key = {"pk": {"S": f"raw/register#{bench.register('spoiled')}"}, "sk": {"S": "-"}}
    assert dynamo(moto).get_item(TableName=TABLE, Key=key)["Item"] == {**key, "promised": {"S": ""}, "format": {"N": "2"}}
