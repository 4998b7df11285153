"""Stores that are set up wrongly, or hold what they should not: each error names the store and the mend, and nothing is lost."""

import asyncio
import itertools
import sqlite3
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from pointsman.adapters.aws.dynamodb import DynamoStore, over_boto3
from pointsman.adapters.s3.store import S3Store
from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.core.errors import TEXT_LIMIT
from pointsman.core.fabric import Cloud
from pointsman.ports.stores import ListedStore, Refusal, Reply, Row, RowUnreadable, Store, StoreDown, StoreUnsure
from pointsman.quorum.ballots import ballot
from pointsman.quorum.outcomes import Agreed
from pointsman.service.probing.bench import Bench
from pointsman.service.registers import Registers
from pointsman.testing.emulators import Emulator
from pointsman.testing.stores import MemoryStore
from tests.stores.conftest import KEYS, WallClock
from tests.stores.odd_server import Odd
from tests.stores.test_ciphers import CLAIM
from tests.stores.test_failures import opened

NAME = "plan/atlas"
EMPTY = Reply(row=Row())
FIRST = ballot(1, "a" * 16)


def every(store: Store) -> list[Callable[[], Coroutine[Any, Any, Any]]]:
    return [
        lambda: store.read(NAME),
        lambda: store.prepare(NAME, FIRST, EMPTY),
        lambda: store.accept(NAME, FIRST, "value", EMPTY),
        lambda: store.note(Cloud.AWS, [CLAIM]),
        lambda: store.rows(Cloud.AWS),
        lambda: store.put_entry("0" * 32, b"entry"),
        lambda: store.entry("0" * 32),
    ]


def down(store: Store, mend: str) -> None:
    """Every operation says that nothing was done, which store it was and what to do."""
    for act in every(store):
        with pytest.raises(StoreDown) as caught:
            asyncio.run(act())
        assert store.name in str(caught.value)
        assert mend in str(caught.value)
        assert len(str(caught.value)) < TEXT_LIMIT


def aws(code: str) -> bytes:
    return b'{"__type": "com.amazon.coral.service#%b", "message": "no"}' % code.encode()


def s3(code: str, more: str = "") -> bytes:
    return f"<Error><Code>{code}</Code>{more}</Error>".encode()


def google(word: str) -> bytes:
    return b'{"error": {"status": "%b", "message": "no"}}' % word.encode()


@pytest.mark.parametrize(
    ("kind", "status", "body", "mend"),
    [
        ("boto3", 400, aws("ExpiredTokenException"), "credentials have expired: renew them"),
        ("signer", 400, aws("ExpiredTokenException"), "credentials have expired: renew them"),
        ("s3", 400, s3("ExpiredToken"), "credentials have expired: renew them"),
        ("firestore", 401, google("UNAUTHENTICATED"), "does not take this token"),
        ("signer", 400, aws("UnrecognizedClientException"), "does not know these credentials"),
        ("s3", 403, s3("InvalidAccessKeyId"), "does not know these credentials"),
        ("signer", 400, aws("InvalidSignatureException"), "does not belong to this key, or the region is another"),
        ("s3", 403, s3("SignatureDoesNotMatch"), "does not belong to this key, or the region is another"),
        ("s3", 403, s3("RequestTimeTooSkewed"), "clock is wrong"),
        ("boto3", 400, aws("AccessDeniedException"), "this role has no right to it: grant it"),
        ("s3", 403, s3("AccessDenied"), "this role has no right to it: grant it"),
        ("firestore", 403, google("PERMISSION_DENIED"), "this role has no right to it: grant it"),
        ("boto3", 400, aws("ResourceNotFoundException"), "no such table in this Region: create it"),
        ("signer", 400, aws("ValidationException"), "pk (hash) and sk (range)"),
        ("s3", 301, s3("PermanentRedirect"), "lies in another region"),
        ("s3", 400, s3("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"), "name that one in the store's URL (eu-west-1)"),
        ("s3", 404, s3("NoSuchBucket"), "no such bucket there: create it"),
        ("s3", 501, s3("NotImplemented"), "knows no conditional writes"),
    ],
)
def test_a_store_that_is_set_up_wrongly_is_named_with_the_mend(odd: Odd, kind: str, status: int, body: bytes, mend: str) -> None:
    odd.status, odd.body = status, body
    down(opened(kind, odd.url), mend)


@pytest.mark.parametrize("operation", [0, 4, 6])
def test_a_firestore_database_that_is_not_there_is_named_with_the_mend(odd: Odd, operation: int) -> None:
    odd.status, odd.body = 404, google("NOT_FOUND")
    with pytest.raises(StoreDown, match="no such database in this project: create it in Native mode"):
        asyncio.run(every(opened("firestore", odd.url))[operation]())


def test_a_missing_table_and_a_wrong_region_are_told_by_the_emulator_too(moto: Emulator) -> None:
    for region, table in (("us-east-1", "none"), ("eu-west-1", "pointsman-atlas")):
        session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=region)
        client = session.client("dynamodb", endpoint_url=moto.url, config=Config(retries={"total_max_attempts": 1}))
        down(DynamoStore("aws store (dynamodb)", table, over_boto3(client)), "no such table in this Region")


def test_a_missing_bucket_is_told_by_the_emulator_too(moto: Emulator) -> None:
    down(S3Store("witness store (s3)", "none-of-ours", KEYS, endpoint=moto.url), "no such bucket there")


@pytest.mark.parametrize("body", [b"", b"404 page not found", b"<html><h1>Not Found</h1></html>", b'{"message": "NoSuchKey"}'])
@pytest.mark.parametrize("status", [404, 410])
def test_a_gateway_that_finds_nothing_is_no_empty_bucket(odd: Odd, status: int, body: bytes) -> None:
    odd.status, odd.body = status, body
    down(opened("s3", odd.url), "look for a proxy, or a wrong endpoint")


AWS_ABSENT = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>k</Key></Error>'
SPACED = '<?xml version="1.0"?>\n<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/">\n  <Code> NoSuchKey </Code>\n  <Resource>/b/k</Resource>\n</Error>'


@pytest.mark.parametrize("body", [AWS_ABSENT, SPACED], ids=["aws", "spaced"])
def test_an_object_is_absent_when_the_service_says_so_in_its_own_word(odd: Odd, body: str) -> None:
    odd.status, odd.body = 404, body.encode()
    store = opened("s3", odd.url)
    assert asyncio.run(store.read(NAME)).row == Row()
    assert asyncio.run(store.rows(Cloud.AWS)).rows == ()
    assert asyncio.run(store.entry("0" * 32)) is None
    gone = asyncio.run(store.prepare(NAME, FIRST, Reply(row=Row(), version='"1"')))
    assert isinstance(gone, Refusal)
    assert gone.held.row == Row()


class Small(SqliteStore):
    """A store on a disk that holds so many pages."""

    def __init__(self, path: Path, pages: int) -> None:
        super().__init__("aws store (sqlite)", path)
        self.pages = pages

    def _connection(self) -> sqlite3.Connection:
        db = super()._connection()
        db.execute(f"PRAGMA max_page_count = {self.pages}")
        return db


def test_a_full_disk_is_a_store_that_is_down_and_loses_nothing(tmp_path: Path) -> None:
    store = Small(tmp_path / "table.sqlite", 64)

    async def story() -> None:
        promised = await store.prepare(NAME, FIRST, EMPTY)
        assert isinstance(promised, Reply)
        kept = await store.accept(NAME, FIRST, "kept", promised)
        assert isinstance(kept, Reply)
        store.pages = 1  # what is there already counts: no page can be added
        with pytest.raises(StoreDown, match=r"aws store \(sqlite\) cannot be used \(SQLITE_FULL\): the disk is full: make room"):
            await store.accept(NAME, ballot(2, "b" * 16), "x" * 200_000, kept)
        with pytest.raises(StoreDown, match="make room"):
            await store.put_entry("0" * 32, b"x" * 200_000)
        assert (await store.read(NAME)).row == Row(promised=FIRST, accepted=FIRST, value="kept")
        store.pages = 4096
        assert isinstance(await store.accept(NAME, ballot(3, "c" * 16), "x" * 200_000, kept), Reply)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("path", "mend"),
    [("none/table.sqlite", "check the path, and the rights to its folder"), ("a.sqlite", "something else than a store")],
)
def test_a_file_that_cannot_be_one_is_named_with_the_mend(tmp_path: Path, path: str, mend: str) -> None:
    (tmp_path / "a.sqlite").write_bytes(b"this is a letter to my aunt, not a database" * 100)
    down(SqliteStore("aws store (sqlite)", tmp_path / path), mend)


def registers(stores: list[Store]) -> Registers:
    serial = itertools.count(1)
    return Registers(stores, clock=WallClock(), nonce=lambda: f"{next(serial):016x}", jitter=lambda: 0.5)


def test_one_row_of_a_newer_version_counts_its_store_down_for_that_register_alone(bench: Bench) -> None:
    if bench.spoil is None:
        return
    spoil, store = bench.spoil, bench.open()
    others: list[ListedStore] = [MemoryStore(name, WallClock()) for name in ("second", "third")]
    poisoned, sound = bench.register("poisoned"), bench.register("sound")

    async def story() -> None:
        await spoil(poisoned)
        one = registers([store, *others])
        for name in (poisoned, sound):
            outcome = await one.change(name, lambda _: "decided")
            assert isinstance(outcome, Agreed)
        await one.rest()
        with pytest.raises(RowUnreadable, match=r"upgrade|by hand"):
            await store.read(poisoned)
        assert (await store.read(sound)).row.value == "decided"
        reading = await registers([store, others[0]]).read(poisoned)
        assert store.name in reading.faults[store.name]

    asyncio.run(story())


@pytest.mark.parametrize("kind", ["registers", "entries"])
def test_a_bucket_that_breaks_a_listing_off_without_saying_where_it_goes_on_is_not_taken_for_whole(odd: Odd, kind: str) -> None:
    page = b"<ListBucketResult><IsTruncated>true</IsTruncated><NextMarker>x</NextMarker><Key>journal/a.json</Key></ListBucketResult>"
    store = S3Store("witness", "bucket", KEYS, endpoint=odd.url)
    odd.status, odd.body = 200, page
    with pytest.raises(StoreDown, match="witness breaks a listing off"):
        asyncio.run(getattr(store, kind)())


PAGES = [
    b"<html><body>Welcome to the hotel's network</body></html>",
    b"\xef\xbb\xbf\r\n <!DOCTYPE html><title>Sign in</title>",
    b"<?xml version='1.0'?><Error><Code>Busy</Code></Error>",
]


@pytest.mark.parametrize("etag", ["", '"1"'])
@pytest.mark.parametrize("body", PAGES, ids=["portal", "doctype", "xml"])
def test_a_page_in_place_of_a_bucket_is_told_as_such_and_nothing_counts_as_written(odd: Odd, body: bytes, etag: str) -> None:
    odd.status, odd.body, odd.etag = 200, body, etag
    read, prepare, accept, note, rows, put, entry = every(opened("s3", odd.url))
    for act in (read, note, rows, entry):
        with pytest.raises(StoreDown, match="something else answers in its place: look for a proxy or gateway"):
            asyncio.run(act())
    for act in (prepare, accept, put):
        with pytest.raises(StoreUnsure, match="something else answers in its place"):
            asyncio.run(act())


NO_ROW = (b"", b"ok", b"null", b"[]", b'"word"', b"5", b"{}", b'{"message": "welcome"}')
NEWER = (b'{"format": 2, "rows": {}}', b'{"format": "later", "promised": ""}')


@pytest.mark.parametrize("body", NO_ROW + NEWER)
def test_a_row_of_another_format_is_one_of_a_newer_version_and_what_is_no_row_of_any_is_not_told_as_one(odd: Odd, body: bytes) -> None:
    odd.status, odd.body, odd.etag = 200, body, '"1"'
    kind, text = (RowUnreadable, "upgrade pointsman") if body in NEWER else (StoreDown, "something else answers in its place")
    read, _, _, note, rows, _, _ = every(opened("s3", odd.url))
    for act in (read, note, rows):
        with pytest.raises(kind, match=text):
            asyncio.run(act())


def test_a_success_without_an_etag_is_no_buckets(odd: Odd) -> None:
    odd.status, odd.body, odd.etag = 200, b'{"format": 1, "rows": {}}', ""
    read, prepare, _, _, rows, put, entry = every(opened("s3", odd.url))
    for act in (read, rows, entry):
        with pytest.raises(StoreDown, match="no ETag"):
            asyncio.run(act())
    for act in (prepare, put):
        with pytest.raises(StoreUnsure, match="no ETag"):
            asyncio.run(act())
