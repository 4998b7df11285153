"""``pointsman stores``: what a user sees of a probe and of a move."""

import asyncio
import json
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from botocore.credentials import Credentials

from pointsman.adapters.files import load
from pointsman.adapters.files.compiled import write_compiled
from pointsman.adapters.s3.store import S3Store
from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.boot.chance import SystemClock, jitter, nonce
from pointsman.core.decide import first_plan
from pointsman.core.domains import store_set
from pointsman.core.fabric import Fabric, Stores
from pointsman.core.values import canonical, digest, replace
from pointsman.service.registers import Registers
from pointsman.testing import emulators
from pointsman.testing.loopback import Reply
from pointsman.testing.processes import clean_environment
from tests.stores.clone import Clone

ROOT = Path(__file__).parents[2]
SCRIPT = str(Path(sys.executable).with_name("pointsman"))
SERVICES = ("ssm", "ec2", "directconnect", "sqs", "secretsmanager", "secretmanager", "compute", "pubsub", "dynamodb", "firestore")


def environment(**endpoints: str) -> dict[str, str]:
    variables = {
        "POINTSMAN_ENDPOINTS": json.dumps(dict.fromkeys(SERVICES, "http://127.0.0.1:9") | endpoints),
        "POINTSMAN_GOOGLE_IDENTITY": "emulator",
        "POINTSMAN_WITNESS_KEY_ID": "test",
        "POINTSMAN_WITNESS_SECRET": "test",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return clean_environment(variables)


def pointsman(*arguments: str, **endpoints: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT, *arguments], env=environment(**endpoints), capture_output=True, text=True, timeout=90, check=False)


def stores(*arguments: str, **endpoints: str) -> subprocess.CompletedProcess[str]:
    return pointsman("stores", *arguments, **endpoints)


def test_a_store_that_keeps_its_promises_may_be_used_and_its_names_are_said() -> None:
    with Clone() as clone:
        done = stores("probe", clone.url())
        held = list(clone.objects)
    assert (done.returncode, done.stderr) == (0, "")
    assert "30 kept, 3 not tried here: it may be used" in done.stdout
    assert "it takes a register that another version has written" in done.stdout
    root = done.stdout.partition("under names that begin with ")[2].partition(" ")[0]
    assert held
    assert all(path.startswith(f"/pointsman/{root}") for path in held)


def test_a_store_whose_clock_is_far_off_is_told_and_does_not_pass() -> None:
    with Clone(time="Thu, 31 Dec 2099 23:59:59 GMT") as clone:
        done = stores("probe", clone.url())
    assert done.returncode == 2
    assert "could not be tried  the stores time is that of this machine" in done.stdout
    assert "the store says that it is 2099-12-31T23:59:59Z, and this machine 20" in done.stdout
    assert "set whichever clock is wrong" in done.stdout


@pytest.mark.skipif(emulators.available_firestore() is not None, reason=str(emulators.available_firestore()))
@pytest.mark.parametrize("database", ["(default)", "links"])
def test_a_database_of_firestore_is_probed_too(database: str) -> None:
    with emulators.firestore() as running:
        done = stores("probe", f"firestore://weft-prod-1/{database}", firestore=running.url)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "30 kept, 3 not tried here: it may be used" in done.stdout
    assert "under names that begin with probe-" in done.stdout


@pytest.mark.parametrize(
    ("header", "case"),
    [("If-Match", "of two writers from one read one wins"), ("If-None-Match", "a row that is there is not created again")],
)
def test_a_store_that_ignores_a_condition_is_found_and_refused(header: str, case: str) -> None:
    with Clone(ignores=(header,)) as clone:
        done = stores("probe", clone.url())
    assert done.returncode == 1
    assert f"broken              {case}" in done.stdout
    assert "must not be used" in done.stdout


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply(status=404, body=b"<Code>NoSuchBucket</Code>"), "NoSuchBucket"),
        (Reply(status=403, body=b"<Code>InvalidAccessKeyId</Code>"), "does not know these credentials"),
    ],
)
def test_a_store_that_cannot_be_reached_is_not_judged(reply: Reply, told: str) -> None:
    with Clone(refusal=reply) as clone:
        done = stores("probe", clone.url("missing"))
    assert done.returncode == 2
    assert told in done.stdout
    assert "does not show that it may be used" in done.stdout


def test_a_url_that_is_wrong_is_said_in_one_line() -> None:
    done = stores("probe", "mysql://host/db")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "starts with dynamodb://" in done.stderr


def test_a_file_is_probed_beside_the_real_one_and_nothing_of_it_stays(tmp_path: Path) -> None:
    done = stores("probe", f"sqlite://{tmp_path}/table.sqlite")
    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == []
    assert stores("probe", f"sqlite://{tmp_path}/none/table.sqlite").returncode == 2


@pytest.fixture
def current(tmp_path: Path) -> Fabric:
    return replace(load(str(ROOT / "docs" / "fabrics" / "atlas.yaml")), stores=Stores(aws=f"sqlite://{tmp_path}/old.sqlite"))


@pytest.fixture
def following(current: Fabric, tmp_path: Path) -> Fabric:
    return replace(current, stores=Stores(aws=f"sqlite://{tmp_path}/new.sqlite", generation=2))


def compiled(tmp_path: Path, *fabrics: Fabric) -> list[str]:
    paths = [tmp_path / f"fabric{number}.json" for number in range(len(fabrics))]
    for path, fabric in zip(paths, fabrics, strict=True):
        path.write_bytes(write_compiled(fabric))
    return [str(path) for path in paths]


def registers(fabric: Fabric) -> Registers:
    path = Path((fabric.stores.aws or "").removeprefix("sqlite://"))
    store = SqliteStore("aws", path)
    return Registers((store,), clock=SystemClock(), nonce=nonce, jitter=jitter, stores=store_set(fabric.stores))


def test_a_move_is_foretold_refused_while_nobody_carries_it_made_and_made_again(tmp_path: Path, current: Fabric, following: Fabric) -> None:
    plan = canonical(replace(first_plan(current, SystemClock().now()), epoch=7)).decode()
    for name, value in (("plan/atlas", plan), ("incident/atlas/ix-a@3", "{}")):
        asyncio.run(registers(current).change(name, lambda _, value=value: value))  # type: ignore[misc]
    paths = compiled(tmp_path, current, following)
    foretold = stores("move", *paths)
    assert (foretold.returncode, foretold.stderr) == (0, "")
    assert "to be moved             incident/atlas/ix-a@3" in foretold.stdout
    assert "nothing was written" in foretold.stdout
    refused = stores("move", *paths, "--yes")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "aws and gcp were not seen to carry the next fabric" in refused.stderr
    assert asyncio.run(registers(following).look("plan/atlas")).value is None
    for _ in range(2):
        moved = stores("move", *paths, "--yes", "--force")
        assert (moved.returncode, moved.stderr) == (0, "")
        assert f"to stores {store_set(following.stores).id}" in moved.stdout
    assert asyncio.run(registers(following).read("plan/atlas")).value == plan
    assert asyncio.run(registers(current).read("plan/atlas")).moved == store_set(following.stores).id
    assert "moved                   plan/atlas" in stores("move", *paths).stdout
    adopted = pointsman("adopt", *paths, "--author", "operator", "--reason", "moved", "--force")
    assert (adopted.returncode, following.hash in adopted.stdout) == (0, True)
    assert following.hash in (asyncio.run(registers(following).read("plan/atlas")).value or "")


@pytest.mark.parametrize("bucket", ["pointsman", "pointsman-2"], ids=["one-name", "another-name"])
def test_the_journal_goes_along_to_a_bucket_elsewhere_whatever_its_name(tmp_path: Path, current: Fabric, bucket: str) -> None:
    with Clone() as here, Clone() as there:
        leaving = replace(current, stores=Stores(witness=here.url("pointsman")))
        coming = replace(current, stores=Stores(witness=there.url(bucket), generation=2))
        store = S3Store("witness", "pointsman", Credentials("test", "test"), endpoint=here.endpoint)
        plan = canonical(replace(first_plan(leaving, SystemClock().now()), epoch=7)).decode()
        ours = Registers((store,), clock=SystemClock(), nonce=nonce, jitter=jitter, stores=store_set(leaving.stores))
        asyncio.run(ours.change("plan/atlas", lambda _: plan))
        entries = {digest(entry): zlib.compress(entry) for entry in (b"first", b"second", b"third")}
        for name, entry in entries.items():
            asyncio.run(store.put_entry(name, entry))
        moved = stores("move", *compiled(tmp_path, leaving, coming), "--yes", "--force")
        assert (moved.returncode, moved.stderr) == (0, "")
        assert "with 3 entries of the journal" in moved.stdout
        kept = S3Store("witness", bucket, Credentials("test", "test"), endpoint=there.endpoint)
        assert {name: asyncio.run(kept.entry(name)) for name in entries} == entries


def test_a_shell_without_keys_for_aws_moves_away_from_it(tmp_path: Path, current: Fabric) -> None:
    """AWS is lost, its keys with it: what the two other stores agreed on goes to a set without AWS."""
    files = {name: f"sqlite://{tmp_path}/{name}.sqlite" for name in ("gcp", "witness", "a", "b", "c")}
    leaving = replace(current, stores=Stores(aws="dynamodb://us-east-1/pointsman", gcp=files["gcp"], witness=files["witness"]))
    coming = replace(current, stores=Stores(aws=files["a"], gcp=files["b"], witness=files["c"], generation=2))
    plan = canonical(replace(first_plan(leaving, SystemClock().now()), epoch=7)).decode()
    held = [SqliteStore(name, tmp_path / f"{name}.sqlite") for name in ("gcp", "witness")]
    asyncio.run(
        Registers(held, clock=SystemClock(), nonce=nonce, jitter=jitter, stores=store_set(leaving.stores)).change(
            "plan/atlas", lambda _: plan
        )
    )
    keyless = {name: value for name, value in environment().items() if not name.startswith("AWS_")} | {"AWS_EC2_METADATA_DISABLED": "true"}
    argv = [SCRIPT, "stores", "move", *compiled(tmp_path, leaving, coming)]
    foretold = subprocess.run(argv, env=keyless, capture_output=True, text=True, timeout=90, check=False)
    assert (foretold.returncode, foretold.stderr) == (0, "")
    assert "to be moved             plan/atlas" in foretold.stdout
    moved = subprocess.run([*argv, "--yes", "--force"], env=keyless, capture_output=True, text=True, timeout=90, check=False)
    assert (moved.returncode, "every register was moved, but not all of the journal" in moved.stderr) == (1, True)
    assert "set AWS_PROFILE" in moved.stdout
    assert (asyncio.run(SqliteStore("a", tmp_path / "a.sqlite").read(store_set(coming.stores).row("plan/atlas")))).row.value == plan


def test_ctrl_c_loses_nothing_and_the_same_command_goes_on(tmp_path: Path, current: Fabric) -> None:
    plan = canonical(replace(first_plan(current, SystemClock().now()), epoch=7)).decode()
    names = ("plan/atlas", *(f"incident/atlas/ix-a@{number}" for number in range(8)))
    with Clone() as clone:
        following = replace(current, stores=Stores(witness=clone.url(), generation=2))
        for name in names:
            asyncio.run(registers(current).change(name, lambda _: plan))
        argv = [SCRIPT, "stores", "move", *compiled(tmp_path, current, following), "--yes", "--force"]
        clone.slowness = 0.15
        with subprocess.Popen(argv, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as moving:
            assert moving.stdout is not None
            assert "plan/atlas: moved" in moving.stdout.readline()
            moving.send_signal(signal.SIGINT)
            _, told = moving.communicate(timeout=60)
        assert (moving.returncode, "nothing is lost" in told) == (130, True)
        clone.slowness = 0.0
        assert "to be moved" in stores(*argv[2:-2]).stdout
        assert stores(*argv[2:]).returncode == 0
        found = stores(*argv[2:-2]).stdout
    assert all(f"moved                   {name}" in found for name in names)


def test_a_move_to_the_same_stores_or_under_the_same_number_is_refused(tmp_path: Path, current: Fabric, following: Fabric) -> None:
    same = stores("move", *compiled(tmp_path, current, current))
    assert (same.returncode, "there is nothing to move" in same.stderr) == (1, True)
    unnumbered = replace(following, stores=replace(following.stores, generation=1))
    told = stores("move", *compiled(tmp_path, current, unnumbered))
    assert (told.returncode, "write stores.generation: 2" in told.stderr) == (1, True)


def test_an_entry_that_is_not_what_its_name_says_is_left_behind_and_the_move_does_not_pass_for_whole(
    tmp_path: Path, current: Fabric, following: Fabric
) -> None:
    plan = canonical(replace(first_plan(current, SystemClock().now()), epoch=7)).decode()
    asyncio.run(registers(current).change("plan/atlas", lambda _: plan))
    for name, kept in ((digest(b"good"), zlib.compress(b"good")), (digest(b"bad"), b"<html>")):
        asyncio.run(SqliteStore("aws", tmp_path / "old.sqlite").put_entry(name, kept))
    moved = stores("move", *compiled(tmp_path, current, following), "--yes", "--force")
    assert moved.returncode == 1
    assert "with 1 entries of the journal" in moved.stdout
    assert f"entry {digest(b'bad')} was altered" in moved.stderr
    assert "keep the old store until then" in moved.stderr
