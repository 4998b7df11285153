"""What was decided, newest first, from real stores, and where the journal no longer reaches."""

import asyncio
import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pointsman.cli.history import lines
from pointsman.core.errors import ConfigError, Transient
from pointsman.core.fabric import Cloud
from pointsman.core.journal import KEPT
from pointsman.core.plan import View
from pointsman.core.values import canonical, replace
from pointsman.service.chain import Ending
from pointsman.service.history import History, history
from pointsman.service.journal import Notebook
from pointsman.service.status import Table
from pointsman.testing import emulators
from pointsman.testing.emulators import Emulator
from pointsman.testing.inprocess import table as memory
from tests.core.scene import START
from tests.service.journalled import InDynamo, InSqlite, Soon, agreed, furnished, make_table
from tests.service.told import table_over, written, written_in


@pytest.fixture(scope="module")
def moto() -> Iterator[Emulator]:
    with emulators.moto() as running:
        make_table(running.url)
        yield running


def read(table: Table, *, link: str = "", since: timedelta | None = None, limit: int = 20) -> History:
    return asyncio.run(history(table, link=link, since=since, limit=limit))


def assert_is_the_story(found: History) -> None:
    assert [(one.epoch, one.by.value) for one in found.told] == [(4, "gcp"), (3, "aws"), (2, "gcp"), (1, "aws")]
    assert (found.epoch, found.back_to, found.ended, found.partial) == (4, 1, Ending.FIRST, False)
    assert found.told[2].changed == (
        "ix-a up -> down",
        "ix-a drained by gcp (outage)",
        "incident atlas/ix-a@2 opened",
        "checkout ix-a -> ix-b",
        "training ix-a -> ix-c",
    )
    assert found.told[0].changed == ("ix-a returned to", "checkout ix-b -> ix-a", "training ix-c -> ix-a")


def test_decisions_are_told_newest_first_with_what_each_changed(tmp_path: Path) -> None:
    assert_is_the_story(read(written(tmp_path)[0]))


def test_the_same_is_told_from_dynamodb(moto: Emulator) -> None:
    assert_is_the_story(read(written_in(InDynamo(moto, "history/"))))


def test_of_one_link_only_what_is_about_it_is_told_moves_away_included(tmp_path: Path) -> None:
    table, *_ = written(tmp_path)
    assert [one.epoch for one in read(table, link="ix-b").told] == [4, 2, 1]
    assert read(table, link="ix-b").told[1].changed == ("checkout ix-a -> ix-b",)
    assert "checkout ix-a -> ix-b" in read(table, link="ix-a").told[2].changed


def test_a_limit_ends_it_and_says_so(tmp_path: Path) -> None:
    found = read(written(tmp_path)[0], limit=2)
    assert ([one.epoch for one in found.told], found.back_to, found.ended) == ([4, 3], 3, Ending.ENOUGH)
    assert lines(found)[-1] == "back to epoch 3 of 4: older decisions were not asked for"


def test_decisions_older_than_was_asked_for_are_left_out(tmp_path: Path) -> None:
    table, *_ = written(tmp_path)
    assert [one.epoch for one in read(table, since=timedelta(minutes=50)).told] == [4]
    assert [one.epoch for one in read(table, since=timedelta(minutes=58)).told] == [4, 3]
    found = read(table, since=timedelta(minutes=1))
    assert (found.told, lines(found)[0]) == ((), "nothing was decided in what was asked about")


def test_a_missing_entry_ends_it_in_words_and_is_partial(tmp_path: Path) -> None:
    table, kept, plans = written(tmp_path)
    kept.drop(plans[1].entry)
    found = read(table)
    assert ([one.epoch for one in found.told], found.ended, found.partial) == ([4, 3], Ending.MISSING, True)
    assert lines(found)[-1].startswith("back to epoch 3 of 4: the next older entry is in no store (epoch 2 of 2026-11-20T12:00:11Z")


def test_an_altered_entry_ends_it_in_words(tmp_path: Path) -> None:
    table, kept, plans = written(tmp_path)
    kept.put(plans[0].entry, b"another")
    found = read(table)
    assert (found.ended, found.partial, found.back_to) == (Ending.SPOILED, True, 2)
    assert "was altered" in found.says


def test_a_plan_under_another_plans_entry_is_not_told(tmp_path: Path) -> None:
    table, kept, plans = written(tmp_path)
    house = furnished(kept.store, Cloud.GCP)
    odd = canonical(replace(plans[-1], epoch=5)).decode()
    asyncio.run(agreed(house, odd, Notebook(house, View(here=Cloud.GCP), START)))
    found = read(table)
    assert (found.told, found.ended) == ((), Ending.SPOILED)
    assert "holds another plan than epoch 5" in found.says


def test_where_entries_have_expired_nothing_is_wrong(tmp_path: Path) -> None:
    class Late(Soon):
        def now(self):  # type: ignore[no-untyped-def]
            return START + KEPT + timedelta(seconds=60)

    _, kept, plans = written(tmp_path)
    kept.drop(plans[0].entry)
    found = read(table_over(kept.store, time=Late()))
    assert (found.ended, found.partial, found.back_to) == (Ending.EXPIRED, False, 2)
    assert "kept for 90 days" in found.says


def test_the_clock_of_the_machine_that_asks_decides_nothing_of_what_is_told(tmp_path: Path) -> None:
    class Years(Soon):
        def now(self) -> datetime:
            return super().now() + timedelta(days=3650)

    table, kept, plans = written(tmp_path)
    wrong = dataclasses.replace(table, clock=Years())
    since = timedelta(hours=2)
    assert read(wrong, since=since) == read(table, since=since)
    assert read(wrong, since=since).told
    kept.drop(plans[1].entry)
    assert read(wrong).ended is Ending.MISSING


def test_before_the_first_plan_it_says_so(tmp_path: Path) -> None:
    found = read(table_over(InSqlite(tmp_path / "empty.sqlite").store))
    assert lines(found) == ["atlas: no plan is agreed yet"]


def test_without_a_majority_nothing_is_told() -> None:
    stores = memory(Soon()).stores
    for store in stores[:2]:
        store.break_down()
    with pytest.raises(Transient, match="no majority of the stores answers"):
        read(table_over(*stores))


def test_a_plan_of_a_newer_version_is_a_matter_of_the_set_up(tmp_path: Path) -> None:
    table, *_ = written(tmp_path)
    asyncio.run(table.registers.change("plan/atlas", lambda _: '{"new":1}'))
    with pytest.raises(ConfigError, match="written by a newer version"):
        read(table)


def test_an_entry_that_may_lie_in_a_dark_store_is_not_called_missing(tmp_path: Path) -> None:
    table, kept, plans = written(tmp_path)
    kept.drop(plans[2].entry)
    dark = memory(Soon()).gcp
    dark.break_down()
    object.__setattr__(table, "stores", {**table.stores, "gcp": dark})
    assert read(table).ended is Ending.DARK
