"""What is too large for a store: told with its mend, and what pointsman itself writes never is."""

import asyncio
import os

import pytest

from pointsman.adapters.aws.dynamodb import DynamoStore, over_boto3
from pointsman.adapters.gcp.firestore import FirestoreStore
from pointsman.ports.stores import Reply, Row, Store, StoreDown
from pointsman.quorum.ballots import ballot
from pointsman.testing.emulators import Emulator
from tests.stores.conftest import PROJECT, TABLE, CountedHttp, dynamo, signed_call
from tests.stores.odd_server import Odd
from tests.stores.test_bad_input import aws, down, google, s3
from tests.stores.test_failures import opened

FIRST = ballot(1, "a" * 16)
MEND = "more than it takes at once: a store takes 256 KiB, so look for a lower limit of it or of a proxy, and run a probe on it"
DOCUMENT = b"its size (1,190,109 bytes) exceeds the maximum allowed size of 1,048,576 bytes."
FIRESTORES = (
    b'Document \\"projects/p/databases/(default)/documents/a/b\\" cannot be written because %b' % DOCUMENT,
    b'The value of property \\"value\\" is longer than 1048487 bytes.',
    b"Request payload size exceeds the limit: 11534336 bytes.",
)


@pytest.mark.parametrize("kind", ["boto3", "signer"])
@pytest.mark.parametrize(
    "text", [b"Item size has exceeded the maximum allowed size", b"Item size to update has exceeded the maximum allowed size"]
)
def test_an_item_that_is_too_large_for_dynamodb_is_told_and_no_key_is_blamed(odd: Odd, kind: str, text: bytes) -> None:
    odd.status, odd.body = 400, aws("ValidationException").replace(b"no", text)
    down(opened(kind, odd.url), MEND)


@pytest.mark.parametrize("text", FIRESTORES, ids=["document", "field", "request"])
def test_a_document_that_is_too_large_for_firestore_is_told(odd: Odd, text: bytes) -> None:
    odd.status, odd.body = 400, google("INVALID_ARGUMENT").replace(b'"no"', b'"%b"' % text)
    down(opened("firestore", odd.url), MEND)


def test_another_invalid_argument_is_not_told_as_too_large(odd: Odd) -> None:
    odd.status, odd.body = 400, google("INVALID_ARGUMENT")
    down(opened("firestore", odd.url), "refuses the request (400 INVALID_ARGUMENT): check that it exists")


@pytest.mark.parametrize("kind", ["boto3", "signer", "firestore", "s3"])
def test_a_gateways_limit_is_told(odd: Odd, kind: str) -> None:
    odd.status, odd.body = 413, b"<html><h1>Request Entity Too Large</h1></html>"
    down(opened(kind, odd.url), MEND)


def test_an_object_that_is_too_large_for_a_bucket_is_told(odd: Odd) -> None:
    odd.status, odd.body = 400, s3("EntityTooLarge")
    down(opened("s3", odd.url), MEND)


async def overfill(store: Store) -> None:
    """Write what no store has to take."""
    huge = os.urandom(1_100_000)
    with pytest.raises(StoreDown, match=MEND):
        await store.put_entry("overfull", huge)
    with pytest.raises(StoreDown, match=MEND):
        await store.accept("plan/overfull", FIRST, huge.hex(), Reply(row=Row()))
    assert await store.entry("overfull") is None


@pytest.mark.parametrize("kind", ["boto3", "signer"])
def test_dynamodbs_own_word_for_it_is_understood(moto: Emulator, kind: str) -> None:
    call = over_boto3(dynamo(moto)) if kind == "boto3" else signed_call(moto.url)
    asyncio.run(overfill(DynamoStore("aws store (dynamodb)", TABLE, call, root=f"large-{kind}/")))


def test_firestores_own_word_for_it_is_understood(firestore: Emulator) -> None:
    asyncio.run(overfill(FirestoreStore("gcp store (firestore)", PROJECT, CountedHttp(), root="large-", endpoint=firestore.url)))
