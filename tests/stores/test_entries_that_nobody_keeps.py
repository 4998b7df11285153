"""An entry is kept when its store holds it, and a query has ended when the service says so: other words are no promise."""

import asyncio

import pytest

from pointsman.core.fabric import Cloud
from pointsman.ports.stores import ListedStore, Store, StoreDown, StoreUnsure
from tests.stores.clone import Clone
from tests.stores.odd_server import Odd
from tests.stores.test_bad_input import every
from tests.stores.test_failures import opened

NAME = "0" * 32
GATEWAYS = (
    b"<html>conflict</html>",
    b"",
    b"{}",
    b'{"message": "conflict"}',
    b"<Code>PreconditionFailed</Code>",
    b"<Code>OperationAborted</Code>",
)


@pytest.mark.parametrize("body", GATEWAYS)
@pytest.mark.parametrize("status", [409, 412])
def test_a_conflict_over_an_entry_that_a_bucket_does_not_hold_keeps_nothing(odd: Odd, status: int, body: bytes) -> None:
    odd.status, odd.body, odd.etag = status, body, '"1"'
    with pytest.raises((StoreDown, StoreUnsure), match="the bucket"):
        asyncio.run(opened("s3", odd.url).put_entry(NAME, b"entry"))


@pytest.mark.parametrize("word", ["ABORTED", "ALREADY_EXISTS", "FAILED_PRECONDITION"])
def test_a_conflict_over_an_entry_that_a_database_does_not_hold_keeps_nothing(odd: Odd, word: str) -> None:
    odd.status, odd.body = 409, b'{"error": {"code": 409, "status": "%s"}}' % word.encode()
    with pytest.raises((StoreDown, StoreUnsure), match="the database"):
        asyncio.run(opened("firestore", odd.url).put_entry(NAME, b"entry"))


def test_an_entry_that_a_bucket_holds_already_is_kept() -> None:
    with Clone() as clone:
        store = opened("s3", clone.endpoint)

        async def twice() -> bytes | None:
            for _ in range(2):
                await store.put_entry(NAME, b"entry")
            return await store.entry(NAME)

        assert asyncio.run(twice()) == b"entry"


DOCUMENT = b'{"document": {"name": "a/b/plan@atlas-", "fields": {}, "updateTime": "t"}, "readTime": "2026-01-01T00:00:00Z"}'
BROKEN_OFF = (
    b"[]",
    b'[{"error": {"code": 503, "status": "UNAVAILABLE"}}]',
    b"[" + DOCUMENT + b', {"error": {"code": 4, "status": "DEADLINE_EXCEEDED"}}]',
)


@pytest.mark.parametrize("body", BROKEN_OFF, ids=["nothing", "error", "cut"])
def test_a_query_that_breaks_off_is_not_taken_for_whole(odd: Odd, body: bytes) -> None:
    odd.status, odd.body = 200, body
    store: Store = opened("firestore", odd.url)
    with pytest.raises(StoreDown, match="the database: it broke a query off"):
        asyncio.run(store.rows(Cloud.AWS))
    listed: ListedStore = store  # type: ignore[assignment]
    for ask in (listed.registers, listed.entries):
        with pytest.raises(StoreDown, match="the database: it broke a query off"):
            asyncio.run(ask())


def test_a_query_that_finds_nothing_says_when(odd: Odd) -> None:
    odd.status, odd.body = 200, b'[{"readTime": "2026-01-01T00:00:00Z"}]'
    assert asyncio.run(opened("firestore", odd.url).rows(Cloud.AWS)).rows == ()


@pytest.mark.parametrize("kind", ["boto3", "signer"])
@pytest.mark.parametrize("body", [b'{"message": "welcome"}', b'{"error": {"code": 409}}', b'{"__type": "com.amazon#Other"}'])
def test_what_says_nothing_that_dynamodb_says_is_no_empty_table(odd: Odd, kind: str, body: bytes) -> None:
    odd.status, odd.body = 200, body
    for act in every(opened(kind, odd.url)):
        with pytest.raises((StoreDown, StoreUnsure), match=r"the table: .*look for a proxy in between"):
            asyncio.run(act())


@pytest.mark.parametrize("kind", ["boto3", "signer"])
def test_a_query_without_a_list_is_not_taken_for_an_empty_one(odd: Odd, kind: str) -> None:
    odd.status, odd.body = 200, b"{}"
    store: ListedStore = opened(kind, odd.url)  # type: ignore[assignment]
    for ask in (lambda: store.rows(Cloud.AWS), store.registers, store.entries):
        with pytest.raises(StoreDown, match="the table: it lists something that is no list"):
            asyncio.run(ask())
