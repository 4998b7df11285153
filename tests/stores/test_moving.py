"""A fabric moves between real kinds of store: from a DynamoDB table to another, from a file to another, a bucket to an enciphered one."""

import asyncio
import itertools
import os
import zlib
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.aws.dynamodb import DynamoStore, over_boto3
from pointsman.adapters.ciphers import Cipher
from pointsman.adapters.files import load
from pointsman.adapters.s3.store import S3Store
from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.core.decide import first_plan
from pointsman.core.domains import StoreSet
from pointsman.core.errors import Moved
from pointsman.core.fabric import Fabric
from pointsman.core.values import canonical, digest, replace
from pointsman.ports.stores import ListedStore
from pointsman.quorum.outcomes import Agreed
from pointsman.service.moving import Move, Stage, carry_out, survey
from pointsman.service.registers import Registers
from pointsman.testing.emulators import Emulator
from tests.stores.conftest import BUCKET, KEYS, WallClock, dynamo, one_key

ATLAS = Path(__file__).parents[2] / "docs" / "fabrics" / "atlas.yaml"
NEXT = StoreSet(generation=2, id="2.next")
INCIDENTS = tuple(f"incident/atlas/ix-a@{number}" for number in range(1, 6))


@pytest.fixture
def fabric() -> Fabric:
    return load(str(ATLAS))


def table(moto: Emulator, name: str) -> str:
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    kinds = [{"AttributeName": one, "AttributeType": "S"} for one in ("pk", "sk")]
    dynamo(moto).create_table(TableName=name, KeySchema=keys, AttributeDefinitions=kinds, BillingMode="PAY_PER_REQUEST")
    return name


def sets(moto: Emulator, tmp_path: Path, token: str) -> tuple[dict[str, ListedStore], dict[str, ListedStore]]:
    """Give two sets that share no store: table, file and bucket, and the same again with the second bucket enciphered."""

    def one(number: int, cipher: Cipher | None) -> dict[str, ListedStore]:
        return {
            "aws": DynamoStore(f"aws{number}", table(moto, f"{token}-{number}"), over_boto3(dynamo(moto))),
            "gcp": SqliteStore(f"gcp{number}", tmp_path / f"{number}.sqlite"),
            "witness": S3Store(f"witness{number}", BUCKET, KEYS, endpoint=moto.url, root=f"{token}-{number}/", cipher=cipher),
        }

    return one(1, None), one(2, Cipher("s3://here/second", one_key, os.urandom))


class Proposers:
    """Registers of either set or of both, over the same stores."""

    def __init__(self, leaving: dict[str, ListedStore], coming: dict[str, ListedStore]) -> None:
        self.leaving, self.coming = leaving, coming
        self._nonces = itertools.count(1)

    def _over(self, held: dict[str, ListedStore], **more: Any) -> Registers:
        return Registers(tuple(held.values()), clock=WallClock(), nonce=lambda: f"{next(self._nonces):016x}", jitter=lambda: 0.5, **more)

    def old(self) -> Registers:
        return self._over(self.leaving)

    def new(self) -> Registers:
        return self._over(self.coming, stores=NEXT)

    def both(self) -> Registers:
        return self._over(self.leaving, following=self.new())


async def value_of(one: Registers, name: str) -> str | None:
    outcome = await one.change(name, lambda _: None)
    assert isinstance(outcome, Agreed)
    return outcome.value


def test_every_register_and_entry_comes_to_a_set_that_shares_no_store(moto: Emulator, tmp_path: Path, fabric: Fabric) -> None:
    leaving, coming = sets(moto, tmp_path, "moved")
    proposers = Proposers(leaving, coming)
    plan = canonical(replace(first_plan(fabric, WallClock().now()), epoch=9)).decode()
    entries = {digest(text): zlib.compress(text) for text in (f"entry {number}".encode() for number in range(7))}

    async def story() -> None:
        old = proposers.old()
        for name, value in (("plan/atlas", plan), *((name, f'"{name}"') for name in INCIDENTS)):
            assert isinstance(await old.change(name, lambda _, value=value: value), Agreed)  # type: ignore[misc]
        for number, (name, entry) in enumerate(entries.items()):
            await list(leaving.values())[number % 3].put_entry(name, entry)
        await old.rest()
        move = Move(fabric=fabric, registers=proposers.both(), leaving=leaving, coming=coming, now=WallClock().now())
        assert {"plan/atlas", *INCIDENTS} <= (await survey(move)).stages.keys()
        done = await carry_out(move, lambda _: None)
        assert (done.entries, done.left_behind) == (7, ())
        assert set((await survey(move)).stages.values()) == {Stage.MOVED}
        for one in (proposers.new(), proposers.both()):
            assert await value_of(one, "plan/atlas") == plan
            assert [await value_of(one, name) for name in INCIDENTS] == [f'"{name}"' for name in INCIDENTS]
        kept = [[await store.entry(name) for store in coming.values()] for name in entries]
        assert [next(entry for entry in found if entry) for found in kept] == list(entries.values())
        with pytest.raises(Moved):
            await proposers.old().change("plan/atlas", lambda _: "late")

    asyncio.run(story())


def test_proposers_of_both_kinds_append_while_everything_moves_and_nothing_that_was_told_is_lost(
    moto: Emulator, tmp_path: Path, fabric: Fabric
) -> None:
    leaving, coming = sets(moto, tmp_path, "busy")
    proposers = Proposers(leaving, coming)
    told: list[str] = []

    async def append(one: Registers, item: str) -> bool:
        def change(value: str | None) -> str:
            items = value.split(",") if value else []
            return ",".join(items if item in items else [*items, item])

        outcome = await one.change("incident/atlas/list@1", change)
        return isinstance(outcome, Agreed)

    async def work(number: int, one: Registers) -> None:
        for serial in range(6):
            try:
                if await append(one, f"{number}.{serial}"):
                    told.append(f"{number}.{serial}")
            except Moved:
                return
            await asyncio.sleep(0.02)

    async def story() -> None:
        assert await append(proposers.old(), "first")
        move = Move(fabric=fabric, registers=proposers.both(), leaving=leaving, coming=coming, now=WallClock().now())
        workers = [work(1, proposers.old()), work(2, proposers.both())]
        await asyncio.gather(*workers, carry_out(move, lambda _: None))
        final = (await value_of(proposers.new(), "incident/atlas/list@1") or "").split(",")
        assert final[0] == "first"
        assert len(final) == len(set(final))
        assert set(told) <= set(final)
        assert {f"2.{serial}" for serial in range(6)} <= set(final)

    asyncio.run(story())
