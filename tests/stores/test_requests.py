"""How many requests, and which: what is asked of a store is as little as its interface allows."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from pointsman.adapters.aws.dynamodb import DynamoAnswer, DynamoCall, DynamoStore
from pointsman.adapters.gcp.firestore import FirestoreStore
from pointsman.core.fabric import Cloud
from pointsman.core.rows import rank
from pointsman.core.sightings import Aspect, Health, Sighting, Source, Vantage
from pointsman.core.values import canonical
from pointsman.ports.stores import ROWS_LIMIT, StoreDown
from pointsman.testing.emulators import Emulator
from tests.stores.conftest import BUCKET, KEYS, PROJECT, TABLE, CountedHttp, CountedS3, signed_call

START = datetime(2026, 1, 1, tzinfo=UTC)


def claim(seconds: int, member: str = "dxvif-1", health: Health = Health.UP) -> Sighting:
    seen_at = START + timedelta(seconds=seconds)
    return Sighting(vantage=Vantage.AWS, member=member, source=Source.LOOK, aspect=Aspect.BGP, health=health, seen_at=seen_at)


class Counted:
    """A transport that counts."""

    def __init__(self, call: DynamoCall) -> None:
        self.call = call
        self.asked: list[str] = []

    async def __call__(self, operation: str, parameters: Mapping[str, Any]) -> DynamoAnswer:
        self.asked.append(operation)
        return await self.call(operation, parameters)


@pytest.mark.parametrize(
    ("seconds", "health"), [(10, Health.UP), (10, Health.DOWN), (10, Health.UNKNOWN), (5, Health.DOWN), (20, Health.UP)]
)
def test_dynamodb_notes_a_claim_with_one_request_newer_or_older_worse_or_milder(moto: Emulator, seconds: int, health: Health) -> None:
    counted = Counted(signed_call(moto.url))
    store = DynamoStore("dynamodb", TABLE, counted, root=f"count{seconds}{health}/")

    async def story() -> None:
        await store.note(Cloud.AWS, [claim(10)])
        counted.asked.clear()
        await store.note(Cloud.AWS, [claim(seconds, health=health)])

    asyncio.run(story())
    assert counted.asked == ["PutItem"]


def test_dynamodb_reads_rows_of_several_pages_with_a_query_a_page(moto: Emulator) -> None:
    counted = Counted(signed_call(moto.url))
    store = DynamoStore("dynamodb", TABLE, counted, root="pages/")
    members = [f"{number}-{'m' * 20_000}" for number in range(60)]
    asyncio.run(_in_parts(store, members))
    counted.asked.clear()
    read = asyncio.run(store.rows(Cloud.AWS))
    assert sorted(row.member for row in read.rows) == sorted(members)
    assert 1 < len(counted.asked) <= 4


async def _in_parts(store: DynamoStore, members: list[str]) -> None:
    for member in members:
        await store._ask(
            "UpdateItem",
            store._key("sightings", Cloud.AWS, member[:40]),
            writing=True,
            UpdateExpression="SET #c = :c",
            ExpressionAttributeNames={"#c": "claim"},
            ExpressionAttributeValues={":c": {"S": _text(member)}},
        )


def _text(member: str) -> str:
    return canonical(claim(1, member)).decode()


def always(answer: DynamoAnswer) -> DynamoCall:
    async def call(*_: object) -> DynamoAnswer:
        return answer

    return call


def test_more_rows_than_the_limit_are_said_not_cut() -> None:
    items = [{"claim": {"S": "{}"}}] * (ROWS_LIMIT + 1)
    store = DynamoStore("dynamodb", TABLE, always(DynamoAnswer(status=200, body={"Items": items})))
    with pytest.raises(StoreDown, match="remove those of members that are gone"):
        asyncio.run(store.rows(Cloud.AWS))


def test_a_query_that_never_ends_is_stopped() -> None:
    endless = DynamoAnswer(status=200, body={"Items": [], "LastEvaluatedKey": {"pk": {"S": "again"}}})
    with pytest.raises(StoreDown, match="pages"):
        asyncio.run(DynamoStore("dynamodb", TABLE, always(endless)).rows(Cloud.AWS))


def test_a_row_that_changes_under_every_try_ends_with_an_error_that_says_so() -> None:
    stuck = {"rank": {"S": rank(claim(10**8))}}
    refused = DynamoAnswer(status=400, code="ConditionalCheckFailedException", body={"Item": stuck}, date=START)
    with pytest.raises(StoreDown, match="changed under every try"):
        asyncio.run(DynamoStore("dynamodb", TABLE, always(refused)).note(Cloud.AWS, [claim(1)]))


def test_firestore_notes_with_one_request_what_it_has_read_before(firestore: Emulator) -> None:
    http = CountedHttp()
    store = FirestoreStore("firestore", PROJECT, http, root="warm-", endpoint=firestore.url)

    async def story() -> list[str]:
        await store.note(Cloud.GCP, [claim(1), claim(1, "dxvif-2")])
        cold = list(http.asked)
        http.asked.clear()
        await store.note(Cloud.GCP, [claim(2), claim(2, "dxvif-2")])
        await store.note(Cloud.GCP, [claim(2)])
        return cold

    assert asyncio.run(story()) == ["batchGet", "batchWrite"]
    assert http.asked == ["batchWrite"]


def test_firestore_finds_out_when_another_process_has_written_the_row(firestore: Emulator) -> None:
    http = CountedHttp()
    mine, theirs = (FirestoreStore("firestore", PROJECT, http, root="stale-", endpoint=firestore.url) for _ in range(2))

    async def story() -> list[Sighting]:
        await mine.note(Cloud.GCP, [claim(1)])
        await theirs.note(Cloud.GCP, [claim(5, health=Health.DOWN)])
        await mine.note(Cloud.GCP, [claim(3)])
        await mine.note(Cloud.GCP, [claim(7, "dxvif-2")])
        return list((await theirs.rows(Cloud.GCP)).rows)

    assert {row.member: row.seen_at for row in asyncio.run(story())} == {"dxvif-1": claim(5).seen_at, "dxvif-2": claim(7).seen_at}


def test_a_claim_from_years_ahead_that_was_left_unclamped_by_a_crash_blocks_nobody(moto: Emulator) -> None:
    """The writer died between its write and its clamp: the row holds the wild time, and a true claim still wins."""
    wild = msgspec.structs.replace(claim(0, health=Health.DOWN), seen_at=START.replace(year=2091))

    class Crashing(DynamoStore):
        async def _clamp(self, prefix: Cloud, written: Sighting, date: datetime | None) -> None:
            """Die before it."""

    dynamo = DynamoStore("dynamodb", TABLE, signed_call(moto.url), root="crash/")

    async def story() -> Health:
        await Crashing("dynamodb", TABLE, signed_call(moto.url), root="crash/").note(Cloud.AWS, [wild])
        (held,) = (await dynamo.rows(Cloud.AWS)).rows
        assert held.seen_at.year < 2091
        await dynamo.note(Cloud.AWS, [claim(30)])
        (row,) = (await dynamo.rows(Cloud.AWS)).rows
        return row.health

    assert asyncio.run(story()) is Health.UP


def test_s3_reads_all_rows_with_one_request(moto: Emulator) -> None:
    asked: list[str] = []
    store = CountedS3(asked, "s3", BUCKET, KEYS, endpoint=moto.url, root="one/")

    async def story() -> int:
        await store.note(Cloud.AWS, [claim(1, f"dxvif-{number}") for number in range(30)])
        asked.clear()
        return len((await store.rows(Cloud.AWS)).rows)

    assert asyncio.run(story()) == 30
    assert asked == ["GET"]
