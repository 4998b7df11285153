"""Whatever a service answers, and whatever somebody wrote into a row: an answer, or one of the port's three errors."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.sqlite import store as module
from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.boot.guarded import GuardedStore
from pointsman.core.fabric import Cloud
from pointsman.core.values import replace
from pointsman.ports.stores import Row, RowUnreadable, Store, StoreDown, StoreUnsure
from pointsman.quorum.ballots import ballot
from tests.stores.conftest import PROJECT
from tests.stores.odd_server import Odd
from tests.stores.test_bad_input import every
from tests.stores.test_ciphers import CLAIM
from tests.stores.test_failures import KINDS, opened

BALLOT = ballot(1, "a" * 16)
DEEP = b"[" * 30_000
DOCUMENT = f"projects/{PROJECT}/databases/(default)/documents/registers/plan%2Fatlas-"
PORT = (StoreDown, StoreUnsure, RowUnreadable)


def asked(kind: str, url: str) -> Store:
    """Open a store; what AWS's SDK itself makes of an odd answer is left to the guard."""
    return GuardedStore(opened(kind, url)) if kind == "boto3" else opened(kind, url)  # type: ignore[arg-type]


def tried(store: Store) -> list[object]:
    """Give how each operation ended. Raises what is none of the port's errors."""
    ends: list[object] = []
    for act in [*every(store), store.registers, store.entries]:  # type: ignore[attr-defined]
        try:
            ends.append(asyncio.run(act()))
        except PORT as error:
            ends.append(error)
    return ends


def item(**columns: Any) -> dict[str, Any]:
    return {"Item": {"format": {"N": "1"}, "promised": {"S": BALLOT}} | columns}


def found(read_time: str = "2026-11-23T05:00:00Z", **fields: Any) -> list[dict[str, Any]]:
    held = {"format": {"integerValue": "1"}, "promised": {"stringValue": BALLOT}} | fields
    return [{"found": {"name": DOCUMENT, "updateTime": "2026-11-23T05:00:00Z", "fields": held}, "readTime": read_time}]


ODD: list[object] = [
    None,
    [],
    [1],
    "word",
    item(format=None),
    item(format={"N": "1E2"}),
    item(format={"N": "9" * 5_000}),
    item(format={"N": "\u00b2"}),
    item(promised=[1]),
    item(entry={"S": "Größe"}),
    item(entry={"N": "5"}),
    {"Item": [1]},
    {"Item": "format promised"},
    {"Item": {}},
    {"Items": None, "Attributes": {}},
    {"Items": [1, None, {"pk": 1}], "Attributes": [1]},
    {"Items": [], "LastEvaluatedKey": 5},
    {"__type": "x#ConditionalCheckFailedException", "Item": [1]},
    {"__type": ["x"], "message": {}},
    found(format={"integerValue": "9" * 5_000}),
    found(format={"integerValue": "\u00b2"}),
    found(format=[1]),
    found(entry={"bytesValue": "Größe"}),
    found(entry={"bytesValue": 5}),
    found(entry=["bytesValue"]),
    found("9999-12-31T23:59:59.999999Z"),
    found("0001-01-01T00:00:00+14:00"),
    found("2026-11-23T05:00:00"),
    {"format": 1, "promised": BALLOT, "x": [[[]]]},
    {"format": 1, "rows": {"odd": [1], "odder": {"rank": 5, "claim": ["x"]}}},
    {"error": "x"},
    {"error": {"status": [5]}},
]
BODIES = [
    *(json.dumps(one).encode() for one in ODD),
    DEEP,
    b'{"Item":' + DEEP,
    b'{"format":1,"x":' + DEEP,
    b"\xff\xfe",
    b"<Key>\xff</Key>ListBucketResult",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [200, 400, 412])
def test_any_answer_is_understood_or_one_of_the_ports_errors(odd: Odd, kind: str, status: int) -> None:
    odd.status, odd.etag = status, '"1"'
    for odd.body in BODIES:
        tried(asked(kind, odd.url))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "date",
    [
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Mon, 01 Jan 0001 00:00:00 +2300",
        "Mon, 01 Jan 2024 00:00:00 +99999999",
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
        "yesterday",
        "(" * 20_000,
    ],
)
def test_any_date_is_a_time_or_none(odd: Odd, kind: str, date: str) -> None:
    odd.date, odd.etag = date, '"1"'
    for odd.status, odd.body in ((200, b"{}"), (200, b'{"format":1,"rows":{}}'), (404, b"<Code>NoSuchKey</Code>")):
        tried(asked(kind, odd.url))


@pytest.mark.parametrize("held", ["NULL", "5", "1000000000000000", "'text'"])
def test_an_entry_of_a_file_that_is_none_is_unreadable(tmp_path: Path, held: str) -> None:
    store = SqliteStore("aws store (sqlite)", tmp_path / "table.sqlite")
    asyncio.run(store.entry("d"))
    written(tmp_path, f"INSERT INTO entries VALUES ('d', {held}, NULL)")
    with pytest.raises(RowUnreadable, match=r"aws store \(sqlite\) holds the journal entry d in a form this version cannot read"):
        asyncio.run(store.entry("d"))


def written(folder: Path, *statements: str) -> None:
    db = sqlite3.connect(folder / "table.sqlite", isolation_level=None)
    for statement in statements:
        db.execute(statement)
    db.close()


SPOILT = "CAST(x'fffe' AS TEXT)"


@pytest.mark.parametrize(
    "row",
    [f"'aws', 'odd', 'soon', {SPOILT}", f"'aws', {SPOILT}, 'soon', '{{}}'", f"'aws', 'odd', {SPOILT}, x'00'", "'aws', 'odd', 5, NULL"],
)
def test_a_spoilt_claim_of_a_file_spoils_no_other(tmp_path: Path, row: str) -> None:
    store = SqliteStore("aws store (sqlite)", tmp_path / "table.sqlite")
    asyncio.run(store.note(Cloud.AWS, [CLAIM]))
    written(tmp_path, f"INSERT INTO sightings VALUES ({row})")
    asyncio.run(store.note(Cloud.AWS, [replace(CLAIM, member="dxvif-2")]))
    read = asyncio.run(store.rows(Cloud.AWS))
    assert ({one.member for one in read.rows}, read.quarantined) == ({CLAIM.member, "dxvif-2"}, 1)


@pytest.mark.parametrize("row", [f"'plan/atlas', 1, '{BALLOT}', '{BALLOT}', {SPOILT}", f"'plan/atlas', 1, {SPOILT}, '', NULL"])
def test_a_spoilt_register_of_a_file_is_unreadable_and_left_alone(tmp_path: Path, row: str) -> None:
    store = SqliteStore("aws store (sqlite)", tmp_path / "table.sqlite")
    asyncio.run(store.entry("d"))
    written(tmp_path, f"INSERT INTO registers VALUES ({row})")
    with pytest.raises(RowUnreadable):
        asyncio.run(store.read("plan/atlas"))
    assert asyncio.run(store.read("plan/other")).row == Row()


def test_a_name_that_is_no_text_hides_no_register_from_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 3)
    store = SqliteStore("aws store (sqlite)", tmp_path / "table.sqlite")
    asyncio.run(store.entry("d"))
    names = ["a/0", "a/1", "a/2", "a/3", "\u00e9/0", "\u00e9/1"]
    rows = [*(f"'{name}'" for name in names), "CAST(x'80' AS TEXT)", "CAST(x'8001' AS TEXT)", "x'00'"]
    written(tmp_path, *(f"INSERT INTO registers VALUES ({row}, 1, '', '', NULL)" for row in rows))
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = asyncio.run(store.registers(after))
        found, after = [*found, *page.names], page.after
    assert found == names


def test_a_file_with_other_tables_is_told_and_no_disk_is_blamed(tmp_path: Path) -> None:
    written(tmp_path, "CREATE TABLE registers (a)")
    for end in tried(SqliteStore("aws store (sqlite)", tmp_path / "table.sqlite"))[:3]:
        assert isinstance(end, StoreDown)
        assert "its tables are not those of a store: mend the path" in str(end)
