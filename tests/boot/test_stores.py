"""Stores by their URLs: the own at once, others late, wrong ones told; our keys are shown to AWS alone."""

import asyncio
from pathlib import Path

import pytest

from pointsman.adapters.aws.dynamodb import DynamoStore
from pointsman.adapters.s3.store import S3Store
from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.boot.guarded import GuardedStore
from pointsman.boot.late import LateStore
from pointsman.boot.reach import Reach
from pointsman.boot.settings import Settings
from pointsman.boot.stores import build_stores, rows_by_cloud
from pointsman.core.domains import store_address
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Cloud, Fabric, Stores
from pointsman.core.values import replace
from pointsman.ports.stores import StoreDown
from pointsman.testing.loopback import LoopbackServer, Reply, Request
from tests.boot.conftest import Setting

WITNESS = "s3://pointsman-atlas-witness?endpoint="


def reach(own: Cloud = Cloud.AWS, settings: Settings | None = None) -> Reach:
    return Reach(settings or Settings(google_identity="emulator"), own, "us-east-1")


def with_stores(fabric: Fabric, **urls: str) -> Fabric:
    return replace(fabric, stores=replace(Stores(), **urls))


def test_the_own_clouds_store_and_local_files_are_there_at_once_and_others_come_late(lite: Fabric, setting: Setting) -> None:
    setting(lite, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    declared = with_stores(
        lite, aws="dynamodb://us-east-1/pointsman", gcp="firestore://weft-prod-1/pointsman", witness="sqlite:///tmp/none.sqlite"
    )
    on_aws = build_stores(reach(Cloud.AWS), declared, None)
    assert [type(getattr(store, "store", store)) for store in on_aws.values()] == [DynamoStore, LateStore, SqliteStore]
    on_google = build_stores(reach(Cloud.GCP), declared, None)
    assert [type(getattr(store, "store", store)).__name__ for store in on_google.values()] == ["LateStore", "FirestoreStore", "SqliteStore"]


def test_stores_are_named_by_slot_kind_and_name(lite: Fabric) -> None:
    stores = build_stores(reach(), with_stores(lite, aws="sqlite:///tmp/a.db", witness="sqlite:///tmp/w.db"), None)
    assert [store.name for store in stores.values()] == ["aws store (sqlite /tmp/a.db)", "witness store (sqlite /tmp/w.db)"]


@pytest.mark.parametrize(
    ("url", "mend"),
    [
        ("mysql://host/db", "starts with dynamodb://, firestore://, s3:// or sqlite:///"),
        ("dynamodb://us-east-1", "write it as dynamodb://REGION/TABLE"),
        ("s3://bucket", "write it as s3://BUCKET"),
        ("s3://user:hunter2@bucket?region=us-east-1", "holds no user, password or port"),
    ],
)
def test_a_store_url_that_is_wrong_is_told_with_its_form_and_never_repeated(lite: Fabric, url: str, mend: str) -> None:
    with pytest.raises(ConfigError, match="the fabric's stores: ") as caught:
        build_stores(reach(), with_stores(lite, witness=url), None)
    assert mend in str(caught.value)
    assert url not in str(caught.value)


def test_a_fabric_without_a_store_is_told(lite: Fabric) -> None:
    with pytest.raises(ConfigError, match="declares no store: name one under 'stores'"):
        build_stores(reach(), with_stores(lite), None)


def test_rows_live_in_each_clouds_own_store_or_in_the_only_one(lite: Fabric) -> None:
    two = build_stores(reach(), with_stores(lite, aws="sqlite:///tmp/a.db", gcp="sqlite:///tmp/g.db"), None)
    assert {cloud: store.name for cloud, store in rows_by_cloud(two).items()} == {cloud: two[cloud].name for cloud in Cloud}
    one = build_stores(reach(), with_stores(lite, witness="sqlite:///tmp/w.db"), None)
    assert set(rows_by_cloud(one).values()) == {one["witness"]}


def test_our_keys_for_aws_are_never_shown_to_a_witness_elsewhere(lite: Fabric, setting: Setting) -> None:
    setting(lite, AWS_ACCESS_KEY_ID="AKIAOURS", AWS_SECRET_ACCESS_KEY="ours", AWS_SESSION_TOKEN="our-token")
    asked: list[Request] = []

    def answer(request: Request) -> Reply:
        asked.append(request)
        return Reply(status=404)

    with LoopbackServer(answer) as server:
        stores = build_stores(reach(), with_stores(lite, witness=f"{WITNESS}http://{server.address}"), None)
        with pytest.raises(StoreDown, match=r"witness store.*no keys for the bucket at 127\.0\.0\.1: set POINTSMAN_WITNESS_KEY_ID"):
            asyncio.run(stores["witness"].read("plan/atlas"))
    assert asked == []


def test_a_witness_elsewhere_is_asked_with_its_own_keys(lite: Fabric, setting: Setting) -> None:
    setting(lite, AWS_ACCESS_KEY_ID="AKIAOURS", AWS_SECRET_ACCESS_KEY="ours", AWS_SESSION_TOKEN="our-token")
    asked: list[Request] = []

    def answer(request: Request) -> Reply:
        asked.append(request)
        return Reply(status=404, body=b"<Code>NoSuchKey</Code>")

    settings = Settings(witness_key_id="THEIRKEY", witness_secret="theirs")
    with LoopbackServer(answer) as server:
        stores = build_stores(reach(settings=settings), with_stores(lite, witness=f"{WITNESS}http://{server.address}"), None)
        asyncio.run(stores["witness"].read("plan/atlas"))
    headers = str([dict(request.headers) for request in asked])
    assert "THEIRKEY" in headers
    assert "AKIAOURS" not in headers
    assert "our-token" not in headers


def test_the_secret_of_the_witness_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("theirs\n")
    settings = Settings(witness_key_id="THEIRKEY", witness_secret=f"@{tmp_path}/secret")
    keys = reach(settings=settings).bucket_keys(store_address(f"{WITNESS}https://objects.example.net"))
    assert (keys.access_key, keys.secret_key) == ("THEIRKEY", "theirs")


def test_a_secret_file_that_cannot_be_read_takes_the_witness_down_and_not_the_call(lite: Fabric, tmp_path: Path) -> None:
    settings = Settings(witness_key_id="THEIRKEY", witness_secret=f"@{tmp_path}/none")
    stores = build_stores(reach(settings=settings), with_stores(lite, witness=f"{WITNESS}https://objects.example.net"), None)
    with pytest.raises(StoreDown, match=r"none: cannot be read: let POINTSMAN_WITNESS_SECRET name the file"):
        asyncio.run(stores["witness"].read("plan/atlas"))


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("s3://bucket?region=eu-west-1", "eu-west-1"),
        ("s3://bucket?endpoint=https://s3.eu-west-1.amazonaws.com", "eu-west-1"),
        ("s3://bucket?endpoint=https://s3.amazonaws.com&region=eu-west-1", "eu-west-1"),
    ],
)
def test_a_bucket_on_aws_is_signed_for_in_its_own_region(lite: Fabric, setting: Setting, url: str, region: str) -> None:
    setting(lite, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    store = build_stores(reach(), with_stores(lite, aws=url), None)["aws"]
    assert isinstance(store, GuardedStore)
    assert isinstance(store.store, S3Store)
    assert store.store._region == region


def test_a_bucket_elsewhere_is_signed_for_the_region_that_its_url_names() -> None:
    address = store_address(f"{WITNESS}https://objects.example.net&region=auto")
    assert address.region == "auto"
    assert store_address(f"{WITNESS}https://objects.example.net").region == ""
