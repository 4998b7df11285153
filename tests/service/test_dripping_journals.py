"""A store whose journal drips holds up no reader of past decisions: it is waited for once, and the others tell."""

import asyncio
import dataclasses
from pathlib import Path

import pytest

from pointsman.core.explaining import named_incident
from pointsman.core.fabric import Cloud
from pointsman.service import journal
from pointsman.service.chain import Ending
from pointsman.service.explain import Asked, explain
from pointsman.service.history import history
from pointsman.service.journal import in_time
from pointsman.service.record import record
from pointsman.service.verify import Reach, verify
from pointsman.testing.inprocess import table as memory
from pointsman.testing.stores import MemoryStore
from tests.service.journalled import Soon, furnished
from tests.service.test_record import NAME
from tests.service.told import written

PATIENCE = 0.2
WHOLE = 10.0
"""Seconds that a whole command may take here: the patience once, and the reading of files."""


class Dripping(MemoryStore):
    """Answers all but its journal, of which nothing ever arrives."""

    asked = 0

    async def entry(self, digest: str) -> bytes | None:
        del digest
        self.asked += 1
        await asyncio.sleep(3600)
        return None


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "ENTRY_SECONDS", PATIENCE)


@pytest.fixture
def dripping() -> Dripping:
    return Dripping("gcp store (dripping)", Soon())


def test_history_explain_and_record_tell_from_the_other_stores(tmp_path: Path, dripping: Dripping) -> None:
    told = written(tmp_path)[0]
    table = dataclasses.replace(told, stores={**told.stores, "gcp": dripping})
    named = named_incident(table.fabric, NAME)
    assert named is not None

    async def ask() -> None:
        async with asyncio.timeout(WHOLE):
            assert (await history(table, limit=20)).ended is Ending.FIRST
            assert dripping.asked == 1
            assert (await explain(table, Asked(links=("ix-a",), flows=()))).epoch
            assert len((await record(table, named)).words) == 4

    asyncio.run(ask())


def test_a_gap_that_only_a_dripping_store_could_fill_is_called_dark(tmp_path: Path, dripping: Dripping) -> None:
    told, kept, plans = written(tmp_path)
    kept.drop(plans[2].entry)
    found = asyncio.run(asyncio.wait_for(history(dataclasses.replace(told, stores={**told.stores, "gcp": dripping}), limit=20), WHOLE))
    assert found.ended is Ending.DARK
    assert "gcp store (dripping) gave no entry of its journal within" in found.says


def test_a_chain_is_verified_though_one_store_drips(tmp_path: Path, dripping: Dripping) -> None:
    kept = written(tmp_path)[1]
    house = dataclasses.replace(furnished(kept.store, Cloud.GCP), spares=(dripping,))
    walk = asyncio.run(asyncio.wait_for(verify(house), WHOLE))
    assert (walk.ended, walk.entries, walk.signed, walk.trouble) == (Reach.FIRST, 4, 4, None)
    assert dripping.asked == 1


def test_a_store_that_answers_is_asked_every_time() -> None:
    store = memory(Soon()).gcp
    (timed,) = in_time([store])

    async def ask() -> list[bytes | None]:
        await store.put_entry("a", b"entry")
        return [await timed.entry("a"), await timed.entry("b")]

    assert asyncio.run(ask()) == [b"entry", None]
