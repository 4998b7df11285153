"""Lists of more than one page."""

import asyncio

import pytest

from pointsman.adapters.aws import dynamodb
from pointsman.adapters.gcp import firestore
from pointsman.adapters.s3 import store as s3
from pointsman.adapters.sqlite import store as sqlite
from pointsman.quorum.ballots import ballot
from pointsman.service.probing.bench import Bench


def test_a_list_of_many_pages_is_whole_and_ends(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (dynamodb, firestore, s3, sqlite):
        monkeypatch.setattr(module, "PAGE", 3)
    names = {f"incident/atlas/ix-a@{number}" for number in range(8)}

    async def story() -> tuple[list[str], int]:
        store = bench.open()
        for name in names:
            await store.prepare(name, ballot(1, "0" * 16), await store.read(name))
            await store.put_entry(f"entry-{name}", b"{}")
        found: list[str] = []
        after: str | None = ""
        pages = 0
        while after is not None and pages < 100:
            page = await store.registers(after)
            found, after, pages = [*found, *page.names], page.after, pages + 1
        return found, pages

    found, pages = asyncio.run(story())
    assert sorted(found) == sorted(names)
    assert 3 <= pages < 100
