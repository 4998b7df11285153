"""``pointsman verify`` as a user runs it, on a table in one file and on DynamoDB; what is neither lies on a closed loopback port."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.files.compiled import write_compiled
from pointsman.core.fabric import Cloud, Fabric, Stores
from pointsman.core.journal import opened
from pointsman.core.plan import Plan
from pointsman.core.values import canonical, digest, replace
from pointsman.service.journal import Notebook
from pointsman.testing import emulators
from pointsman.testing.emulators import Emulator
from pointsman.testing.processes import clean_environment
from tests.cli.test_adopt_command import CLOSED, SERVICES
from tests.core.scene import ATLAS, START, seconds
from tests.service.journalled import TABLE, InDynamo, InSqlite, agreed, furnished, make_table, write


@pytest.fixture(scope="module")
def moto() -> Iterator[Emulator]:
    with emulators.moto() as running:
        make_table(running.url)
        yield running


def in_file(tmp_path: Path) -> tuple[Fabric, InSqlite, list[Plan]]:
    fabric = replace(ATLAS, stores=Stores(aws=f"sqlite://{tmp_path}/table.sqlite"))
    kept = InSqlite(tmp_path / "table.sqlite")
    return fabric, kept, asyncio.run(write(kept.store, fabric))


def run(tmp_path: Path, fabric: Fabric, *options: str, dynamodb: str = CLOSED, keys: bool = True) -> "subprocess.CompletedProcess[str]":
    path = tmp_path / "fabric.json"
    path.write_bytes(write_compiled(fabric))
    environment = {
        "POINTSMAN_ENDPOINTS": json.dumps(dict.fromkeys(SERVICES, CLOSED) | {"dynamodb": dynamodb}),
        "POINTSMAN_GOOGLE_IDENTITY": "emulator",
        "AWS_EC2_METADATA_DISABLED": "true",
        **({"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"} if keys else {}),
    }
    argv = [str(Path(sys.executable).with_name("pointsman")), "verify", str(path), *options]
    return subprocess.run(argv, env=clean_environment(environment), capture_output=True, text=True, timeout=60, check=False)


def test_a_chain_that_holds_is_told_and_exits_0(tmp_path: Path) -> None:
    fabric, _, plans = in_file(tmp_path)
    done = run(tmp_path, fabric)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"epoch {plans[-1].epoch} is agreed" in done.stdout
    assert "4 of them decided again to the same bytes" in done.stdout
    assert "4 are countersigned" in done.stdout


def test_what_nobody_has_decided_again_is_not_called_good_and_exits_2(tmp_path: Path) -> None:
    fabric, kept, plans = in_file(tmp_path)
    forge(kept, fabric, plans[-1])
    assert run(tmp_path, fabric).returncode == 1, "with its own fabric it is found out"
    done = run(tmp_path, replace(fabric, version=2))
    assert (done.returncode, done.stderr) == (2, "")
    assert "as it should be" not in done.stdout
    assert "1 of them nobody has decided again: give the fabrics that they were decided under" in done.stdout


def forge(kept: InSqlite, fabric: Fabric, last: Plan) -> None:
    """Agree on a plan that does not follow from what its entry holds, and that no other cloud has looked at."""
    content = asyncio.run(kept.store.entry(last.entry))
    assert content is not None
    view = opened(last.entry, content).view

    async def forged() -> None:
        ours = furnished(kept.store, Cloud.GCP, fabric)
        notebook = Notebook(ours, replace(view, here=Cloud.GCP), START + seconds(2_000))
        text = notebook.enter(last, replace(last, epoch=last.epoch + 1, flows={}, prev_digest=digest(canonical(last))))
        await agreed(ours, text, notebook)

    asyncio.run(forged())


def test_an_altered_entry_is_named_and_exits_1(tmp_path: Path) -> None:
    fabric, kept, plans = in_file(tmp_path)
    kept.put(plans[1].entry, b"something else")
    done = run(tmp_path, fabric)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"atlas: the entry of epoch 2 ({plans[1].entry}) is altered")


def test_on_dynamodb_an_altered_entry_is_named_in_json(tmp_path: Path, moto: Emulator) -> None:
    fabric = replace(ATLAS, stores=Stores(aws=f"dynamodb://us-east-1/{TABLE}"))
    kept = InDynamo(moto, "")
    plans = asyncio.run(write(kept.store, fabric))
    good = run(tmp_path, fabric, "--json", dynamodb=moto.url)
    walk: dict[str, Any] = json.loads(good.stdout)
    assert (good.returncode, walk["entries"], walk["signed"], walk["trouble"]) == (0, 4, 4, None)
    kept.put(plans[2].entry, b"something else")
    bad = run(tmp_path, fabric, "--json", dynamodb=moto.url)
    trouble = json.loads(bad.stdout)["trouble"]
    assert (bad.returncode, trouble["epoch"], trouble["fault"], trouble["entry"]) == (1, 3, "altered", plans[2].entry)


@pytest.mark.parametrize("stores", [Stores(aws="dynamodb://us-east-1/nowhere")])
def test_stores_that_cannot_be_read_are_told_in_one_line_and_exit_2(tmp_path: Path, stores: Stores) -> None:
    done = run(tmp_path, replace(ATLAS, stores=stores))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "no majority of the stores answers" in done.stderr


def without_aws(tmp_path: Path) -> tuple[Fabric, tuple[InSqlite, InSqlite], list[Plan]]:
    """Write a chain that Google's store and the witness hold alike; AWS's store is where nothing of this shell leads."""
    paths = [tmp_path / f"{slot}.sqlite" for slot in ("gcp", "witness")]
    stores = Stores(aws=f"dynamodb://us-east-1/{TABLE}", gcp=f"sqlite://{paths[0]}", witness=f"sqlite://{paths[1]}")
    fabric = replace(ATLAS, stores=stores)
    first = InSqlite(paths[0])
    plans = asyncio.run(write(first.store, fabric))
    with closing(sqlite3.connect(paths[0])) as source, closing(sqlite3.connect(paths[1])) as target:
        source.backup(target)
    return fabric, (first, InSqlite(paths[1])), plans


def test_without_aws_and_its_credentials_the_chain_is_walked_and_what_only_aws_could_tell_is_said(tmp_path: Path) -> None:
    fabric, _, _ = without_aws(tmp_path)
    done = run(tmp_path, fabric, keys=False)
    assert (done.returncode, done.stderr) == (2, "")
    assert "every entry is as it should be, back to the first plan" in done.stdout
    assert "4 of them decided again to the same bytes" in done.stdout
    assert "2 are countersigned" in done.stdout
    assert "2 words of the cloud that did not decide could not be read" in done.stdout
    assert "no credentials for AWS" in done.stdout


def test_without_aws_an_entry_that_its_store_alone_may_hold_ends_the_walk_and_is_not_called_missing(tmp_path: Path) -> None:
    fabric, kept, plans = without_aws(tmp_path)
    for one in kept:
        one.drop(plans[1].entry)
    done = run(tmp_path, fabric, "--json", keys=False)
    walk = json.loads(done.stdout)
    assert (done.returncode, walk["ended"], walk["back_to"], walk["trouble"]) == (2, "an entry that cannot be read", 3, None)
    assert any("whether the entry of epoch 2 is there" in why for why in walk["dark"])


def test_without_aws_an_altered_entry_is_named_and_exits_1(tmp_path: Path) -> None:
    fabric, kept, plans = without_aws(tmp_path)
    kept[1].put(plans[1].entry, b"something else")
    done = run(tmp_path, fabric, keys=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"atlas: the entry of epoch 2 ({plans[1].entry}) is altered")


def test_a_fabric_that_is_not_there_exits_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("pointsman")), "verify", str(tmp_path / "none.json")],
        env=clean_environment({"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "none.json" in done.stderr
