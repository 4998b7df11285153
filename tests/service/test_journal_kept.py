"""How long a store keeps an entry, and that nothing else in it ever ends."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pointsman.core.journal import KEPT
from pointsman.testing import emulators
from pointsman.testing.emulators import Emulator
from tests.service.journalled import TABLE, InDynamo, InSqlite, dynamo, make_table, write

PAST, FUTURE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def moto() -> Iterator[Emulator]:
    with emulators.moto() as running:
        make_table(running.url)
        yield running


def test_sqlite_drops_what_is_past_its_time_and_nothing_else(tmp_path: Path) -> None:
    async def tell() -> list[bytes | None]:
        store = InSqlite(tmp_path / "journal.sqlite").store
        await store.put_entry("ended", b"1", PAST)
        await store.put_entry("lasting", b"2", FUTURE)
        await store.put_entry("for ever", b"3")
        return [await store.entry(name) for name in ("ended", "lasting", "for ever")]

    assert asyncio.run(tell()) == [None, b"2", b"3"]


def test_dynamodb_gives_entries_an_end_and_no_other_item_has_one(moto: Emulator) -> None:
    plans = asyncio.run(write(InDynamo(moto, "ends/").store))
    items = dynamo(moto.url).scan(TableName=TABLE)["Items"]
    ending = {item["pk"]["S"]: int(item["until"]["N"]) for item in items if "until" in item}
    assert all(name.startswith("ends/journal#") for name in ending)
    assert len(ending) == 2 * len(plans)
    assert ending[f"ends/journal#{plans[0].entry}"] == int((plans[0].decided_at + KEPT).timestamp())
    assert [item["pk"]["S"] for item in items if "register#" in item["pk"]["S"]] == ["ends/register#plan/atlas"]


def test_an_entry_put_again_later_keeps_its_first_end(moto: Emulator) -> None:
    async def tell() -> None:
        store = InDynamo(moto, "again/").store
        for until in (FUTURE, FUTURE + timedelta(days=1)):
            await store.put_entry("one", b"1", until)

    asyncio.run(tell())
    item = dynamo(moto.url).get_item(TableName=TABLE, Key={"pk": {"S": "again/journal#one"}, "sk": {"S": "-"}})["Item"]
    assert int(item["until"]["N"]) == int(FUTURE.timestamp())
