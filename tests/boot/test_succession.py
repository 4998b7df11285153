"""Two sets of stores in one house, while an artefact carries a next fabric whose stores are others."""

import asyncio
import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pointsman.adapters.files.compiled import write_compiled
from pointsman.boot import aws, gcp
from pointsman.boot.reach import Reach
from pointsman.boot.settings import Settings, read_settings
from pointsman.boot.stores import Opener, Secret, open_stores
from pointsman.boot.succession import BothJournals, BothRows, build_sets, journals_of, registers_of, rows_of, witness_of
from pointsman.boot.table import either, open_table
from pointsman.core.domains import store_set, succession
from pointsman.core.errors import ConfigError, Moved
from pointsman.core.fabric import Cloud, Fabric, Stores
from pointsman.core.sightings import Aspect, Health, Sighting, Source, Vantage
from pointsman.core.values import replace
from pointsman.ports.stores import Reply, RowsRead, StoreDown
from pointsman.quorum.ballots import ballot
from pointsman.quorum.reading import Reading
from pointsman.service.moving import Move, carry_out
from pointsman.testing.loopback import LoopbackServer, Request, as_json
from pointsman.testing.loopback import Reply as Answer
from pointsman.testing.stores import MemoryStore
from tests.boot.conftest import Setting
from tests.stores.clone import Clone
from tests.stores.conftest import WallClock, one_key

AT = datetime(2026, 1, 1, tzinfo=UTC)
HOUSES = pytest.mark.parametrize("cloud", [aws, gcp], ids=["aws", "gcp"])
DYNAMO, FIRE, R2 = "dynamodb://us-east-1/t", "firestore://weft-prod-1/t", "s3://b?endpoint=https://objects.example.net"
CLOSED = "http://127.0.0.1:9"
THREE = Stores(aws=DYNAMO, gcp=FIRE, witness=R2)


def claim(seconds: int = 0, health: Health = Health.UP) -> Sighting:
    seen_at = AT.replace(second=seconds)
    return Sighting(vantage=Vantage.AWS, member="dxvif-1", source=Source.LOOK, aspect=Aspect.BGP, health=health, seen_at=seen_at)


def test_a_set_is_known_by_its_number_and_its_addresses_and_by_nothing_else() -> None:
    one = store_set(THREE)
    assert one.id.startswith("1.")
    assert store_set(replace(THREE, gcp=f"{FIRE}?location=nam5")) == one
    assert store_set(replace(THREE, witness_key="secret://a")) != one
    assert store_set(replace(THREE, aws="dynamodb://us-east-1/u")) != one
    assert store_set(replace(THREE, generation=2)).id.startswith("2.")


def test_rows_of_the_first_set_have_the_registers_own_names_and_later_ones_are_apart() -> None:
    first, second = store_set(THREE), store_set(replace(THREE, generation=2))
    assert (first.row("plan/atlas"), second.row("plan/atlas")) == ("plan/atlas", "plan/atlas~2")
    assert [one.register("plan/atlas~2") for one in (first, second)] == [None, "plan/atlas"]
    assert [one.register("plan/atlas") for one in (first, second)] == ["plan/atlas", None]


@pytest.mark.parametrize(
    ("following", "mend"),
    [
        (replace(THREE, aws="dynamodb://eu-west-1/t"), "write stores.generation: 2"),
        (replace(THREE, witness_key="secret://keys"), "write stores.generation: 2"),
        (replace(THREE, witness_key="secret://keys", generation=2), "name another bucket as witness"),
    ],
)
def test_a_change_of_stores_that_could_not_be_told_is_refused(following: Stores, mend: str) -> None:
    with pytest.raises(ValueError, match=mend):
        succession(THREE, following)


def test_stores_that_stay_are_one_set_and_others_are_two() -> None:
    assert succession(THREE, THREE) == (store_set(THREE),)
    new = replace(THREE, witness="s3://c?endpoint=https://objects.example.net", witness_key="secret://keys", generation=2)
    assert succession(THREE, new) == (store_set(THREE), store_set(new))


@HOUSES
def test_a_house_with_a_next_fabric_knows_both_sets_and_follows_what_is_sealed(
    cloud: ModuleType, lite: Fabric, setting: Setting, tmp_path: Path
) -> None:
    following = replace(lite, stores=Stores(witness=f"sqlite://{tmp_path}/new.sqlite", generation=2))
    (tmp_path / "next.json").write_bytes(write_compiled(following))
    setting(lite, POINTSMAN_FABRIC_NEXT=str(tmp_path / "next.json"))
    house = cloud.build().house
    assert (house.registers.stores, house.registers.following.stores) == (store_set(lite.stores), store_set(following.stores))
    opener = Opener(reach=Reach(Settings(), Cloud.AWS, "us-east-1"))

    async def story() -> str | None:
        await house.registers.change("plan/atlas", lambda _: '"agreed"')
        move = Move(
            fabric=lite, registers=house.registers, leaving=open_stores(opener, lite), coming=open_stores(opener, following), now=AT
        )
        with pytest.raises(Exception, match="newer version"):
            await carry_out(move, lambda _: None)  # the plan in this test is none
        await house.registers.change("plan/atlas", lambda held: f"{held}+", reading=await house.registers.read("plan/atlas"))
        alone = registers_of((following,), build_sets(opener.reach, (following,), None), WallClock())
        with pytest.raises(Moved):
            await alone.change("incident/atlas/ix-a@1", lambda _: "too early")
        return (await alone.read("plan/atlas")).value

    assert asyncio.run(story()) == '"agreed"+'


def test_the_next_fabrics_stores_under_the_same_number_stop_the_start(lite: Fabric, setting: Setting, tmp_path: Path) -> None:
    (tmp_path / "next.json").write_bytes(write_compiled(replace(lite, stores=Stores(witness=f"sqlite://{tmp_path}/new.sqlite"))))
    setting(lite, POINTSMAN_FABRIC_NEXT=str(tmp_path / "next.json"))
    with pytest.raises(ConfigError, match=r"the next fabric's stores: .*write stores\.generation: 2"):
        aws.build()


def test_a_store_of_both_sets_is_one_store(lite: Fabric, tmp_path: Path) -> None:
    def urls(witness: str, generation: int) -> Fabric:
        one = Stores(
            aws=f"sqlite://{tmp_path}/a", gcp=f"sqlite://{tmp_path}/g", witness=f"sqlite://{tmp_path}/{witness}", generation=generation
        )
        return replace(lite, stores=one)

    current, following = build_sets(Reach(Settings(), Cloud.AWS, "us-east-1"), (urls("w", 1), urls("x", 2)), None)
    assert (current["aws"], current["gcp"]) == (following["aws"], following["gcp"])
    assert current["witness"] is not following["witness"]
    assert isinstance(witness_of((current, following)), BothRows)
    assert witness_of((current,)) is current["witness"]


def test_each_clouds_journal_has_the_name_of_its_rows_also_while_there_are_two_sets() -> None:
    old, new = (dict(zip(("aws", "gcp", "witness"), memory(*(f"{age} {slot}" for slot in "agw")), strict=True)) for age in ("old", "new"))
    for sets in ((old,), (old, new), (old, {**new, "aws": old["aws"]})):
        own, spares = journals_of(sets, Cloud.GCP)
        rows = rows_of(sets)
        assert own.name == rows[Cloud.GCP].name
        assert spares[0].name == rows[Cloud.AWS].name
        assert [one.name for one in spares[1:]] == [held["witness"].name for held in sets]
    only = {"witness": old["witness"]}
    assert journals_of((only,), Cloud.AWS) == (old["witness"], ())


def memory(*names: str) -> list[MemoryStore]:
    return [MemoryStore(name, WallClock()) for name in names]


def test_rows_go_to_both_sets_and_the_newest_of_either_is_read() -> None:
    old, new = memory("old", "new")

    async def story() -> Any:
        both = BothRows(old, new)
        await both.note(Cloud.AWS, [claim(1)])
        await new.note(Cloud.AWS, [claim(2, Health.DOWN)])
        return (await old.rows(Cloud.AWS)).rows, (await both.rows(Cloud.AWS)).rows

    assert asyncio.run(story()) == ((claim(1),), (claim(2, Health.DOWN),))


def test_one_set_that_does_not_take_claims_is_told_and_the_other_has_them() -> None:
    old, new = memory("old", "new")
    old.break_down()

    async def story() -> RowsRead:
        both = BothRows(old, new)
        with pytest.raises(StoreDown, match="old is down"):
            await both.note(Cloud.AWS, [claim()])
        return await both.rows(Cloud.AWS)

    read = asyncio.run(story())
    assert (read.rows, read.quarantined) == ((claim(),), 1)
    new.break_down()
    with pytest.raises(StoreDown):
        asyncio.run(BothRows(old, new).rows(Cloud.AWS))


def test_the_journal_is_kept_in_both_sets_and_read_from_either() -> None:
    old, new = memory("old", "new")

    async def story() -> Sequence[bytes | None]:
        both = BothJournals(old, new)
        await old.put_entry("a", b"before")
        await both.put_entry("b", b"during")
        old.break_down()
        await both.put_entry("c", b"after")
        found = [await both.entry("c"), await new.entry("b")]
        with pytest.raises(StoreDown):
            await both.entry("a")
        old.mend()
        return [*found, await both.entry("a"), await both.entry("none")]

    assert asyncio.run(story()) == [b"after", b"during", b"before", None]


def secrets(request: Request, *, google: str) -> Answer:
    """Answer as Secrets Manager and as Secret Manager do; ``google`` is what the latter keeps."""
    if request.method == "POST":
        assert b'"pointsman/witness-key"' in request.body
        return as_json({"Name": "pointsman/witness-key", "SecretString": asyncio.run(one_key())})
    assert request.path == "/v1/projects/weft-prod-1/secrets/pointsman-witness-key/versions/latest:access"
    return as_json({"payload": {"data": base64.b64encode(google.encode()).decode()}})


@pytest.mark.parametrize("same", [True, False])
def test_each_cloud_reads_the_keys_from_its_own_secret_store_and_other_keys_are_told(lite: Fabric, setting: Setting, *, same: bool) -> None:
    google = asyncio.run(one_key()) if same else f"k1:{base64.b64encode(bytes([7]) * 32).decode()}"
    with Clone() as clone, LoopbackServer(partial(secrets, google=google)) as server:
        endpoints = json.dumps(dict.fromkeys(("secretsmanager", "secretmanager"), server.url))
        declared = replace(lite, stores=Stores(witness=clone.url(), witness_key="secret://pointsman/witness-key"))
        setting(
            declared,
            POINTSMAN_ENDPOINTS=endpoints,
            POINTSMAN_GOOGLE_IDENTITY="emulator",
            POINTSMAN_WITNESS_KEY_ID="k",
            POINTSMAN_WITNESS_SECRET="s",
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
        )
        houses = {Cloud.AWS: aws.build().house, Cloud.GCP: gcp.build().house}

        async def story() -> Reading:
            await houses[Cloud.AWS].registers.change("plan/atlas", lambda _: "telling")
            return await houses[Cloud.GCP].registers.read("plan/atlas")

        reading = asyncio.run(story())
        assert b"telling" not in b"".join(clone.objects.values())
    assert reading.value == ("telling" if same else None)
    assert same or "compare that key in both clouds' secrets" in " ".join(reading.faults.values())


@pytest.mark.parametrize(
    ("lost", "named"), [((), ""), (("secretsmanager",), ""), (("secretmanager",), ""), (("secretsmanager", "secretmanager"), "; ")]
)
def test_a_shell_reads_the_keys_from_either_clouds_secret_store(lite: Fabric, setting: Setting, lost: tuple[str, ...], named: str) -> None:
    """Whoever has lost one cloud must still read the witness: its keys are kept alike in both."""
    with Clone() as clone, LoopbackServer(partial(secrets, google=asyncio.run(one_key()))) as server:
        endpoints = {one: CLOSED if one in lost else server.url for one in ("secretsmanager", "secretmanager")}
        declared = replace(lite, stores=Stores(witness=clone.url(), witness_key="secret://pointsman/witness-key"))
        keys = {} if "secretsmanager" in lost else {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        setting(
            declared,
            POINTSMAN_ENDPOINTS=json.dumps(endpoints),
            POINTSMAN_GOOGLE_IDENTITY="emulator",
            POINTSMAN_WITNESS_KEY_ID="k",
            POINTSMAN_WITNESS_SECRET="s",
            AWS_EC2_METADATA_DISABLED="true",
            **keys,
        )

        async def story() -> Reading:
            registers = open_table(read_settings()).registers
            await registers.change("plan/atlas", lambda _: "telling")
            return await registers.read("plan/atlas")

        reading = asyncio.run(story())
    assert reading.value == (None if named else "telling")
    assert named in " ".join(reading.faults.values())


def test_a_shell_without_one_clouds_package_reads_the_other_clouds_secrets() -> None:
    async def missing(reference: str) -> str:
        raise ModuleNotFoundError(f"no boto3 for {reference}", name="boto3")

    async def held(reference: str) -> str:
        await asyncio.sleep(0.01)
        return f"text of {reference}"

    async def read(*ways: Secret) -> str:
        return await either(*ways)("secret://a")

    assert asyncio.run(read(missing, held)) == "text of secret://a"
    with pytest.raises(ConfigError, match=r"a package is missing \(boto3\): install pointsman"):
        asyncio.run(read(missing, missing))


def test_what_one_clouds_functions_encipher_the_others_read(lite: Fabric) -> None:
    asked: list[str] = []

    async def secret(reference: str) -> str:
        asked.append(reference)
        return await one_key()

    with Clone() as clone:
        declared = replace(lite, stores=Stores(witness=clone.url(), witness_key="secret://pointsman/witness-key"))
        settings = Settings(witness_key_id="k", witness_secret="s")
        mine, theirs = (open_stores(Opener(reach=Reach(settings, own, "us-east-1"), secret=secret), declared)["witness"] for own in Cloud)

        async def story() -> str | None:
            one, number = "plan/atlas", ballot(1, "0" * 16)
            promised = await mine.prepare(one, number, await mine.read(one))
            assert isinstance(promised, Reply)
            await mine.accept(one, number, "telling", promised)
            return (await theirs.read(one)).row.value

        assert asyncio.run(story()) == "telling"
        assert b"telling" not in b"".join(clone.objects.values())
    assert set(asked) == {"secret://pointsman/witness-key"}
