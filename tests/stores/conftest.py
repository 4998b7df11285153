"""The stores under test, on memory, a file, and real processes on loopback."""

import asyncio
import base64
import itertools
import json
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials
from google.oauth2.credentials import Credentials as StaticToken

from pointsman.adapters.aws.dynamodb import DynamoAnswer, DynamoCall, DynamoStore, over_boto3, over_signer
from pointsman.adapters.aws.signed import SignedJson
from pointsman.adapters.ciphers import Cipher
from pointsman.adapters.gcp.firestore import FirestoreStore
from pointsman.adapters.gcp.http import GoogleHttp
from pointsman.adapters.http import Answer
from pointsman.adapters.http1 import Http1
from pointsman.adapters.s3 import secrecy
from pointsman.adapters.s3.store import S3Store
from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.core.fabric import Cloud
from pointsman.ports.stores import ListedStore
from pointsman.service.probing.bench import Bench
from pointsman.testing import emulators
from pointsman.testing.emulators import Emulator
from pointsman.testing.stores import MemoryStore
from tests.stores.odd_server import Odd, odd_server

PROJECT = "weft-prod-1"
TABLE = "pointsman-atlas"
BUCKET = "pointsman-atlas-witness"
KEYS = Credentials("testing", "testing")
OWNER = StaticToken("owner")  # type: ignore[no-untyped-call]  # what the emulator takes for a service account
KINDS = ("memory", "memory by version", "sqlite", "dynamodb over boto3", "dynamodb over the signer", "firestore", "s3", "s3 enciphered")

_serial = itertools.count()


class WallClock:
    """The machine's clock: real processes keep real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - a test's own clock

    def monotonic(self) -> float:
        return time.monotonic()  # noqa: TID251 - a test's own clock

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class CountedHttp(GoogleHttp):
    """A client that counts."""

    def __init__(self) -> None:
        super().__init__(OWNER)
        self.asked: list[str] = []

    async def ask(self, method: str, url: str, **rest: Any) -> Answer:
        self.asked.append(url.rpartition(":")[2])
        return await super().ask(method, url, **rest)


class CountedS3(S3Store):
    """A store that counts into a list."""

    def __init__(self, asked: list[str], *names: Any, **rest: Any) -> None:
        super().__init__(*names, **rest)
        self._asked = asked

    async def _send(self, method: str, key: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
        self._asked.append(method)
        return await super()._send(method, key, headers, body)


@pytest.fixture(scope="session")
def moto() -> Iterator[Emulator]:
    with emulators.moto() as running:
        dynamo(running).create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        client(running, "s3").create_bucket(Bucket=BUCKET)
        yield running


@pytest.fixture(scope="session")
def firestore() -> Iterator[Emulator]:
    missing = emulators.available_firestore()
    if missing:
        pytest.skip(missing)
    with emulators.firestore() as running:
        yield running


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """One store of each kind, with a token that keeps every test's names apart."""
    kind, token = request.param, f"t{next(_serial)}"
    match kind:
        case "memory" | "memory by version":
            yield memory(token, fenced=kind != "memory")
        case "sqlite":
            yield sqlite(token, tmp_path / "pointsman.sqlite")
        case "firestore":
            yield of_firestore(token, request.getfixturevalue("firestore"))
        case "s3" | "s3 enciphered":
            yield s3(
                token, request.getfixturevalue("moto"), cipher=None if kind == "s3" else Cipher("s3://here/bucket", one_key, os.urandom)
            )
        case _:
            yield dynamodb(token, request.getfixturevalue("moto"), kind)


def memory(token: str, *, fenced: bool) -> Bench:
    store = MemoryStore("memory", WallClock(), fenced=fenced)

    async def writes() -> int:
        return store.row_writes

    return Bench(
        open=lambda: store, token=token, spoil=_later(store.spoil), spoil_row=_later(store.spoil_row), writes=writes, now=WallClock().now
    )


def sqlite(token: str, path: Path) -> Bench:
    spoiling = SqliteStore("sqlite", path)

    async def spoil(register: str) -> None:
        await spoiling._run(lambda db: db.execute("INSERT INTO registers VALUES (?, 2, '', '', NULL)", (register,)), writing=True)

    async def spoil_row(prefix: Cloud) -> None:
        await spoiling._run(lambda db: db.execute("INSERT INTO sightings VALUES (?, 'odd', 'soon', '{}')", (prefix,)), writing=True)

    async def writes() -> int:
        """Give sqlite's own count, as one connection sees it, of what others have committed."""
        return int(await spoiling._run(lambda db: db.execute("PRAGMA data_version").fetchone()[0], writing=False))

    return Bench(
        open=lambda: SqliteStore("sqlite", path), token=token, spoil=spoil, spoil_row=spoil_row, writes=writes, now=WallClock().now
    )


def dynamodb(token: str, moto: Emulator, kind: str) -> Bench:
    root = f"{token}/"
    done: list[str] = []
    sent = over_boto3(dynamo(moto)) if kind.endswith("boto3") else signed_call(moto.url)

    async def call(operation: str, parameters: Mapping[str, Any]) -> DynamoAnswer:
        answer = await sent(operation, parameters)
        done.extend([] if answer.code else [operation])
        return answer

    async def spoil(register: str) -> None:
        item = {"pk": {"S": f"{root}register#{register}"}, "sk": {"S": "-"}, "promised": {"S": ""}, "format": {"N": "2"}}
        dynamo(moto).put_item(TableName=TABLE, Item=item)

    async def spoil_row(prefix: Cloud) -> None:
        item = {"pk": {"S": f"{root}sightings#{prefix}"}, "sk": {"S": "odd"}, "rank": {"S": "soon"}}
        dynamo(moto).put_item(TableName=TABLE, Item=item)

    async def writes() -> int:
        return done.count("PutItem")

    opened = partial(DynamoStore, "dynamodb", TABLE, call, root=root)
    return Bench(open=opened, token=token, spoil=spoil, spoil_row=spoil_row, writes=writes, now=WallClock().now)


def signed_call(url: str) -> DynamoCall:
    return over_signer(SignedJson("dynamodb", "us-east-1", KEYS, target="DynamoDB_20120810", endpoint=url))


def of_firestore(token: str, running: Emulator) -> Bench:
    http = CountedHttp()
    opened = partial(FirestoreStore, "firestore", PROJECT, http, root=f"{token}-", endpoint=running.url)

    async def put(name: str, fields: dict[str, Any]) -> None:
        write = {"update": {"name": name, "fields": fields}}
        answer = await http.ask(
            "POST", f"{running.url}/v1/projects/{PROJECT}/databases/(default)/documents:commit", body={"writes": [write]}
        )
        assert answer.ok, answer.text()

    async def spoil(register: str) -> None:
        await put(opened()._name("registers", register), {"format": {"integerValue": "2"}})

    async def spoil_row(prefix: Cloud) -> None:
        await put(opened()._name(f"sightings-{prefix}", "odd"), {"claim": {"integerValue": "7"}})

    async def writes() -> int:
        return http.asked.count("batchWrite")

    return Bench(open=opened, token=token, spoil=spoil, spoil_row=spoil_row, writes=writes, now=WallClock().now)


async def one_key() -> str:
    return f"k1:{base64.b64encode(bytes(32)).decode()}"


def s3(token: str, moto: Emulator, *, cipher: Cipher | None = None) -> Bench:
    root, asked = f"{token}/", list[str]()
    shared = Http1()
    bucket = client(moto, "s3")

    async def spoil(register: str) -> None:
        bucket.put_object(Bucket=BUCKET, Key=f"{root}registers/{quote(register, safe='@')}.json", Body=b'{"format": 2, "promised": ""}')

    async def spoil_row(prefix: Cloud) -> None:
        key = f"{root}sightings/{prefix}.json"
        body = bucket.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        ring = None if cipher is None else await cipher.ring()
        table = secrecy.opened("s3", ring, json.loads(body), "rows", "sightings", prefix)
        table["rows"]["odd"] = {"rank": True}
        bucket.put_object(Bucket=BUCKET, Key=key, Body=secrecy.closed(ring, table, "rows", "sightings", prefix))

    def opened() -> ListedStore:
        return CountedS3(asked, "s3", BUCKET, KEYS, endpoint=moto.url, root=root, over=shared, cipher=cipher)

    async def writes() -> int:
        return asked.count("PUT")

    return Bench(open=opened, token=token, spoil=spoil, spoil_row=spoil_row, writes=writes, now=WallClock().now)


def dynamo(running: Emulator) -> Any:
    return client(running, "dynamodb")


@cache
def client(running: Emulator, service: Any) -> Any:
    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=10, s3={"addressing_style": "path"})
    return session.client(service, endpoint_url=running.url, config=config)


def _later(act: Callable[[Any], None]) -> Callable[[Any], Awaitable[None]]:
    async def acted(what: Any) -> None:
        act(what)

    return acted


@pytest.fixture
def odd() -> Iterator[Odd]:
    with odd_server() as server:
        yield server
