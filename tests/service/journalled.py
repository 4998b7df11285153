"""A chain of real decisions in real stores, and ways to spoil it."""

import asyncio
import base64
import dataclasses
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import boto3
from botocore.config import Config

from pointsman.adapters.aws.dynamodb import DynamoStore, over_boto3
from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.boot.chance import SystemClock, jitter, nonce
from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.plan import Plan
from pointsman.core.sightings import Health
from pointsman.core.values import parse, replace
from pointsman.ports.clouds import Clock
from pointsman.ports.stores import Refusal, Reply, Store
from pointsman.quorum.outcomes import Agreed
from pointsman.service.house import House
from pointsman.service.journal import Notebook, countersign
from pointsman.service.registers import Registers
from pointsman.testing.emulators import Emulator
from pointsman.testing.inprocess import MemoryFlag, house, table, twin
from pointsman.testing.virtual import VirtualClock
from tests.core.scene import ATLAS, START, Story, aws_probe, gcp_probe, seconds

TABLE = "journal"


class Kept(Protocol):
    """One real store, and a hand in it."""

    store: Store

    def put(self, name: str, entry: bytes) -> None: ...

    def drop(self, name: str) -> None: ...


class InSqlite:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.store: Store = SqliteStore("aws store (sqlite)", path)

    def _do(self, statement: str, *values: Any) -> None:
        store = self.store
        assert isinstance(store, SqliteStore)
        asyncio.run(store._run(lambda db: db.execute(statement, values), writing=True))

    def put(self, name: str, entry: bytes) -> None:
        self._do("INSERT OR REPLACE INTO entries VALUES (?, ?, NULL)", name, entry)

    def drop(self, name: str) -> None:
        self._do("DELETE FROM entries WHERE digest = ?", name)


class InDynamo:
    def __init__(self, moto: Emulator, root: str) -> None:
        self._client = dynamo(moto.url)
        self._root = root
        self.store: Store = DynamoStore("aws store (dynamodb)", TABLE, over_boto3(self._client), root=root)

    def _key(self, name: str) -> dict[str, Any]:
        return {"pk": {"S": f"{self._root}journal#{name}"}, "sk": {"S": "-"}}

    def put(self, name: str, entry: bytes) -> None:
        self._client.put_item(TableName=TABLE, Item=self._key(name) | {"entry": {"S": base64.b64encode(entry).decode()}})

    def drop(self, name: str) -> None:
        self._client.delete_item(TableName=TABLE, Key=self._key(name))


def dynamo(url: str) -> Any:
    session: Any = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
    return session.client("dynamodb", endpoint_url=url, config=Config(retries={"total_max_attempts": 1}))


def make_table(url: str, name: str = TABLE) -> None:
    dynamo(url).create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )


class Soon(SystemClock):
    """An hour after the story began, whenever the test runs."""

    def now(self) -> datetime:
        return START + timedelta(hours=1)


class Dated:
    """A store whose own time is a clock's: real ones tell the day of the test, and not that of the story."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.name = store.name
        self._store, self._clock = store, clock

    def __getattr__(self, what: str) -> Any:
        return getattr(self._store, what)

    async def read(self, register: str) -> Reply:
        return self._told(await self._store.read(register))

    async def prepare(self, register: str, ballot: str, seen: Reply) -> Reply | Refusal:
        return self._answer(await self._store.prepare(register, ballot, seen))

    async def accept(self, register: str, ballot: str, value: str, seen: Reply) -> Reply | Refusal:
        return self._answer(await self._store.accept(register, ballot, value, seen))

    def _answer(self, answer: Reply | Refusal) -> Reply | Refusal:
        return Refusal(held=self._told(answer.held)) if isinstance(answer, Refusal) else self._told(answer)

    def _told(self, reply: Reply) -> Reply:
        return replace(reply, store_time=self._clock.now())


def furnished(store: Store, cloud: Cloud, fabric: Fabric = ATLAS, *, time: Clock | None = None) -> House:
    """Furnish a function whose only store is this one; ``time`` is the store's (None: an hour after the story began)."""
    clock = VirtualClock()
    bare = house(twin(ATLAS, clock), table(clock), cloud, flags={one: MemoryFlag(one) for one in Cloud}, nonce=nonce)
    return dataclasses.replace(
        bare,
        fabrics=(fabric,),
        registers=Registers((Dated(store, time or Soon()),), clock=SystemClock(), nonce=nonce, jitter=jitter),
        rows=dict.fromkeys(Cloud, store),
        witness=None,
        journal=store,
        spares=(),
        clock=Soon(),
    )


async def write(store: Store, fabric: Fabric = ATLAS) -> list[Plan]:
    """Agree on every decision of the story, each with its entry, and let the other cloud countersign; gives the plans, oldest first."""
    plans: list[Plan] = []
    story = Story(fabric)
    ours = {cloud: furnished(store, cloud, fabric) for cloud in Cloud}
    for number, at in enumerate((0.0, 10.0, 400.0, 900.0)):
        story.here = Cloud.GCP if number % 2 else Cloud.AWS
        story.all_healthy(at)
        if number == 1:
            story.note(*aws_probe("ix-a", Health.DOWN, at + 0.1), *gcp_probe("ix-a", Health.DOWN, at + 0.1))
        before, view = story.plan, story.view()
        after = story.decided(at + 1)
        if after == before:
            continue
        notebook = Notebook(ours[story.here], view, START + seconds(at + 1))
        text = notebook.enter(before, after)
        await agreed(ours[story.here], text, notebook)
        story.plan = parse(text, Plan)
        plans.append(story.plan)
    for cloud in Cloud:
        assert await countersign(ours[cloud], plans[-1], ours[cloud].clock.now()) == ()
    return plans


async def agreed(by: House, text: str, notebook: Notebook) -> None:
    outcome = await by.registers.change(by.plan_register, lambda _: text, ready=notebook.kept)
    assert isinstance(outcome, Agreed), outcome
