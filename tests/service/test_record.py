"""Gathering an incident from real stores into one bundle."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.core.adopting import adopted
from pointsman.core.bundles import Bundle, read, written
from pointsman.core.errors import Refused, Transient
from pointsman.core.explaining import named_incident
from pointsman.core.fabric import Cloud, Fabric, LinkName
from pointsman.core.incidents import Incident, Severity
from pointsman.core.journal import Adoption, countersignature_key
from pointsman.core.plan import View
from pointsman.core.replaying import replay
from pointsman.core.values import canonical, replace
from pointsman.service.journal import Notebook
from pointsman.service.record import record
from pointsman.service.status import Table
from pointsman.testing import emulators
from pointsman.testing.emulators import Emulator
from pointsman.testing.inprocess import table as memory
from tests.core.scene import ATLAS, START, seconds
from tests.service.journalled import InDynamo, Soon, agreed, furnished, make_table
from tests.service.told import table_over, written_in
from tests.service.told import written as told

NAME = "atlas/ix-a@2"


def recorded(table: Table, name: str = NAME, *others: Fabric) -> Bundle:
    named = named_incident(table.fabric, name)
    assert named is not None
    return asyncio.run(record(table, named, others))


@pytest.fixture(scope="module")
def moto() -> Iterator[Emulator]:
    with emulators.moto() as running:
        make_table(running.url)
        yield running


def assert_is_whole(bundle: Bundle) -> None:
    assert [kept.entry.plan.epoch for kept in bundle.entries] == [1, 2, 3, 4]
    assert (len(bundle.words), {word.agrees for word in bundle.words}) == (4, {True})
    assert list(bundle.fabrics) == [ATLAS.hash]
    assert read(written(bundle)) == bundle
    assert replay(bundle).same


def test_an_incident_is_gathered_from_before_its_onset_with_the_other_clouds_words(tmp_path: Path) -> None:
    assert_is_whole(recorded(told(tmp_path)[0]))


def test_the_same_is_gathered_from_dynamodb(moto: Emulator) -> None:
    assert_is_whole(recorded(written_in(InDynamo(moto, "record/"))))


def test_the_incidents_register_is_in_it(tmp_path: Path) -> None:
    table, *_ = told(tmp_path)
    held = Incident(id=NAME, fabric="atlas", link=LinkName("ix-a"), epoch=2, opened_at=START, severity=Severity.ERROR)
    asyncio.run(table.registers.change(f"incident/{NAME}", lambda _: canonical(held).decode()))
    assert recorded(table).register == held


def test_a_word_that_cannot_be_read_is_left_out_and_the_rest_is_recorded(tmp_path: Path) -> None:
    table, kept, plans = told(tmp_path)
    kept.drop(countersignature_key(plans[1].entry, recorded(table).words[1].cloud))
    assert [word.entry for word in recorded(table).words] == [plans[0].entry, plans[2].entry, plans[3].entry]


def test_an_incident_that_never_was_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="there was no incident atlas/ix-a@3"):
        recorded(told(tmp_path)[0], "atlas/ix-a@3")


def test_a_journal_with_a_gap_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    table, kept, plans = told(tmp_path)
    kept.drop(plans[2].entry)
    with pytest.raises(Refused, match="does not tell how atlas/ix-a@2 began: the next older entry is in no store"):
        recorded(table)


def test_decisions_under_an_earlier_fabric_ask_for_its_file(tmp_path: Path) -> None:
    table, _, plans = told(tmp_path)
    following = replace(ATLAS, version=2)
    store = table.stores["aws"]

    async def adopt() -> None:
        house, order = furnished(store, Cloud.GCP), Adoption(author="operator", reason="ix-a was enlarged")
        notebook = Notebook(house, View(here=Cloud.GCP), START + seconds(1_000))
        after = adopted(plans[-1], following, START + seconds(1_000), author=order.author, reason=order.reason)
        await agreed(house, notebook.enter(plans[-1], after, order), notebook)

    asyncio.run(adopt())
    later = table_over(store, fabric=following)
    with pytest.raises(Refused, match=f"under fabric {ATLAS.hash}: give its compiled file too, with --also"):
        recorded(later)
    whole = recorded(later, NAME, ATLAS)
    assert (sorted(whole.fabrics), len(whole.entries)) == (sorted([ATLAS.hash, following.hash]), 5)
    assert replay(whole).same
    assert len(replay(whole, ATLAS).decisions) == 4


def test_without_a_majority_nothing_is_recorded() -> None:
    stores = memory(Soon()).stores
    for store in stores[:2]:
        store.break_down()
    with pytest.raises(Transient, match="no majority of the stores answers"):
        recorded(table_over(*stores))
