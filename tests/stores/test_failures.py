"""What goes wrong on the wire becomes one of two things: nothing was done, or a write of unknown fate."""

import asyncio
import socket
import sqlite3
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from pointsman.adapters.aws.dynamodb import DynamoStore, over_boto3, over_signer
from pointsman.adapters.aws.signed import SignedJson
from pointsman.adapters.gcp.firestore import FirestoreStore
from pointsman.adapters.gcp.http import GoogleHttp
from pointsman.adapters.http1 import Http1
from pointsman.adapters.s3.store import S3Store
from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.core.errors import TEXT_LIMIT, ConfigError, PointsmanError
from pointsman.core.fabric import Cloud
from pointsman.core.sightings import Aspect, Health, Sighting, Source, Vantage
from pointsman.ports.stores import Reply, Row, Store, StoreDown, StoreUnsure
from pointsman.quorum.ballots import ballot
from tests.stores.conftest import BUCKET, KEYS, PROJECT, TABLE, WallClock
from tests.stores.odd_server import DROPS, HALF, SILENT, Odd

KINDS = ("boto3", "signer", "firestore", "s3")
EMPTY = Reply(row=Row())
BALLOT = ballot(1, "a" * 16)
SECRET = b"AKIAIOSFODNN7EXAMPLE-the-secret"


def opened(kind: str, url: str) -> Store:
    over = Http1(connect=0.5, read=0.3)
    match kind:
        case "boto3":
            config = Config(retries={"total_max_attempts": 1}, connect_timeout=0.5, read_timeout=0.3)
            session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")
            return DynamoStore("the table", TABLE, over_boto3(session.client("dynamodb", endpoint_url=url, config=config)))
        case "signer":
            signed = SignedJson("dynamodb", "us-east-1", KEYS, target="DynamoDB_20120810", endpoint=url, over=over)
            return DynamoStore("the table", TABLE, over_signer(signed))
        case "firestore":
            return FirestoreStore("the database", PROJECT, GoogleHttp(over=over), endpoint=url)
        case _:
            return S3Store("the bucket", BUCKET, KEYS, endpoint=url, over=over)


def failure(kind: str, url: str, operation: str) -> PointsmanError:
    store = opened(kind, url)
    claim = Sighting(
        vantage=Vantage.AWS, member="dxvif-1", source=Source.LOOK, aspect=Aspect.BGP, health=Health.UP, seen_at=WallClock().now()
    )
    acts: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
        "read": lambda: store.read("plan/atlas"),
        "prepare": lambda: store.prepare("plan/atlas", BALLOT, EMPTY),
        "accept": lambda: store.accept("plan/atlas", BALLOT, "value", EMPTY),
        "note": lambda: store.note(Cloud.AWS, [claim]),
        "rows": lambda: store.rows(Cloud.AWS),
        "put_entry": lambda: store.put_entry("0" * 32, b"entry"),
        "entry": lambda: store.entry("0" * 32),
    }
    with pytest.raises((StoreDown, StoreUnsure)) as caught:
        asyncio.run(acts[operation]())
    error: PointsmanError = caught.value
    assert store.name in str(error)
    assert len(str(error)) <= TEXT_LIMIT
    assert SECRET.decode() not in str(error)
    return error


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", ["read", "prepare", "accept", "note", "rows", "put_entry", "entry"])
def test_nobody_there_is_a_store_that_is_down(kind: str, operation: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert isinstance(failure(kind, f"http://127.0.0.1:{taken.getsockname()[1]}", operation), StoreDown)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", ["read", "prepare", "accept", "note", "rows", "put_entry", "entry"])
@pytest.mark.parametrize("status", [429, 403, 400])
def test_rule_11_a_throttled_or_closed_store_is_down_whatever_was_asked(odd: Odd, kind: str, operation: str, status: int) -> None:
    odd.status, odd.body = status, b'{"secret": "' + SECRET + b'"}'
    assert isinstance(failure(kind, odd.url, operation), StoreDown)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", [SILENT, DROPS, HALF, 500, 503])
def test_a_write_without_a_whole_answer_is_unsure_and_a_read_is_down(odd: Odd, kind: str, how: int) -> None:
    odd.status = how
    assert isinstance(failure(kind, odd.url, "prepare"), StoreUnsure)
    assert isinstance(failure(kind, odd.url, "accept"), StoreUnsure)
    assert isinstance(failure(kind, odd.url, "put_entry"), StoreUnsure)
    assert isinstance(failure(kind, odd.url, "read"), StoreDown)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", [SILENT, DROPS, 500, 503])
def test_rule_6_a_registers_write_is_sent_once(odd: Odd, kind: str, how: int) -> None:
    odd.status = how
    failure(kind, odd.url, "accept")
    assert len(odd.asked) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "body", [b"<html>welcome to the hotel's network</html>", b"[]", b"{}", b"", b"\xff", b'{"writeResults": [], "commitTime": ""}']
)
def test_a_success_with_an_answer_that_is_not_understood_is_unsure(odd: Odd, kind: str, body: bytes) -> None:
    odd.body = body
    assert isinstance(failure(kind, odd.url, "accept"), StoreUnsure)


@pytest.mark.parametrize("operation", ["read", "accept"])
def test_a_bucket_that_says_slow_down_is_down(odd: Odd, operation: str) -> None:
    odd.status, odd.body = 503, b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
    found = failure("s3", odd.url, operation)
    assert isinstance(found, StoreDown)
    assert "throttles" in str(found)


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"])
@pytest.mark.parametrize("kind", ["boto3", "signer"])
def test_dynamodbs_throttling_comes_as_a_400_and_is_a_store_that_is_down(odd: Odd, kind: str, code: str) -> None:
    odd.status, odd.body = 400, b'{"__type": "com.amazonaws.dynamodb.v20120810#%b", "message": "slow down"}' % code.encode()
    assert "throttles" in str(failure(kind, odd.url, "accept"))


def test_a_bucket_that_is_not_there_is_said_to_be_missing(odd: Odd) -> None:
    odd.status, odd.body = 404, b"<Error><Code>NoSuchBucket</Code></Error>"
    assert "NoSuchBucket" in str(failure("s3", odd.url, "read"))
    assert "create it" in str(failure("s3", odd.url, "accept"))


def test_a_bucket_that_gives_no_etag_is_not_trusted(odd: Odd) -> None:
    odd.body = b'{"format": 1}'
    assert "no ETag" in str(failure("s3", odd.url, "read"))
    assert isinstance(failure("s3", odd.url, "accept"), StoreUnsure)


def test_a_dynamodb_client_that_retries_is_refused() -> None:
    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")
    with pytest.raises(ConfigError, match="total_max_attempts"):
        over_boto3(session.client("dynamodb", endpoint_url="http://127.0.0.1:9"))


def test_a_file_that_another_program_holds_takes_one_thread_from_all_others(tmp_path: Path) -> None:
    path = tmp_path / "held.sqlite"

    async def main() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
        store = SqliteStore("held", path, busy=2.0)
        await store.put_entry("a", b"1")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            waiting = [asyncio.ensure_future(store.put_entry(str(number), b"1")) for number in range(6)]
            await asyncio.sleep(0.05)
            assert await asyncio.wait_for(asyncio.to_thread(int), 1.5) == 0
            for one in waiting[1:]:
                one.cancel()
            with pytest.raises(StoreDown, match="SQLITE_BUSY"):
                await waiting[0]
        await store.put_entry("b", b"1")
        assert set((await store.entries()).names) == {"a", "b"}, "what was given up while it waited was never begun"

    asyncio.run(main())
