"""The walk back through the journal, on real stores: what is missing, altered or decided differently is named."""

import asyncio
import dataclasses
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pointsman.core import journal
from pointsman.core.errors import Refused, Transient
from pointsman.core.fabric import Cloud
from pointsman.core.journal import KEPT, Entry, Newer, countersignature_key, opened
from pointsman.core.plan import Plan
from pointsman.core.values import canonical, digest, parse, replace
from pointsman.service.journal import Notebook, countersign
from pointsman.service.verify import Fault, Reach, Walk, verify
from pointsman.testing import emulators
from pointsman.testing.emulators import Emulator
from pointsman.testing.inprocess import table
from pointsman.testing.stores import MemoryStore
from tests.core.scene import START, seconds
from tests.service.journalled import InDynamo, InSqlite, Kept, Soon, agreed, furnished, make_table, write


class Years(Soon):
    """A clock that is ten years ahead."""

    def now(self) -> datetime:
        return super().now() + timedelta(days=3650)


@pytest.fixture(scope="module")
def moto() -> Iterator[Emulator]:
    with emulators.moto() as running:
        make_table(running.url)
        yield running


@pytest.fixture(params=["sqlite", "dynamodb"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    if request.param == "sqlite":
        return InSqlite(tmp_path / "journal.sqlite")
    return InDynamo(request.getfixturevalue("moto"), f"{tmp_path.name}/")


@pytest.fixture
def plans(kept: Kept) -> list[Plan]:
    return asyncio.run(write(kept.store))


def walked(kept: Kept) -> Walk:
    return asyncio.run(verify(furnished(kept.store, Cloud.AWS)))


def entry(kept: Kept, plan: Plan) -> tuple[Entry, bytes]:
    packed = asyncio.run(kept.store.entry(plan.entry))
    assert packed is not None
    return opened(plan.entry, packed), packed


def fault(walk: Walk) -> tuple[Fault, int]:
    assert walk.trouble is not None
    assert walk.ended is Reach.TROUBLE
    return walk.trouble.fault, walk.trouble.epoch


def test_a_whole_chain_is_good_back_to_the_first_plan(kept: Kept, plans: list[Plan]) -> None:
    walk = walked(kept)
    assert (walk.ended, walk.trouble) == (Reach.FIRST, None)
    assert (walk.epoch, walk.back_to, walk.entries, walk.again, walk.signed, walk.unsigned) == (4, 1, 4, 4, 4, 0)
    assert [plan.epoch for plan in plans] == [1, 2, 3, 4]


def test_a_missing_entry_is_named(kept: Kept, plans: list[Plan]) -> None:
    kept.drop(plans[1].entry)
    assert fault(walked(kept)) == (Fault.MISSING, 2)
    assert walked(kept).back_to == 3


def test_an_entry_with_another_content_is_named(kept: Kept, plans: list[Plan]) -> None:
    held, _ = entry(kept, plans[2])
    flags = {cloud: state for cloud, state in held.view.flags.items() if cloud is Cloud.AWS}
    kept.put(plans[2].entry, zlib.compress(canonical(replace(held, view=replace(held.view, flags=flags)))))
    assert fault(walked(kept)) == (Fault.ALTERED, 3)


@pytest.mark.parametrize("spoil", [lambda packed: packed[:-5], lambda packed: packed + b"x", lambda _: b"{}", lambda _: b"x" * 9])
def test_an_entry_that_cannot_be_unpacked_is_altered(kept: Kept, plans: list[Plan], spoil) -> None:  # type: ignore[no-untyped-def]
    kept.put(plans[3].entry, spoil(entry(kept, plans[3])[1]))
    assert fault(walked(kept)) == (Fault.ALTERED, 4)


def forged(kept: Kept, before: Plan, after: Plan) -> Plan:
    """Agree on a plan that does not follow, with an entry that holds it: as a function with other rules would."""
    held, _ = entry(kept, before)

    async def forge() -> Plan:
        ours = furnished(kept.store, Cloud.GCP)
        notebook = Notebook(ours, replace(held.view, here=Cloud.GCP), START + seconds(2_000))
        text = notebook.enter(before, after)
        await agreed(ours, text, notebook)
        return parse(text, Plan)

    return asyncio.run(forge())


def test_a_plan_that_does_not_follow_from_its_inputs_is_named(kept: Kept, plans: list[Plan]) -> None:
    last = plans[-1]
    forged(kept, last, replace(last, epoch=5, flows={}, prev_digest=digest(canonical(last))))
    assert fault(walked(kept)) == (Fault.DIFFERENT, 5)


def test_a_plan_that_skips_its_predecessor_is_named(kept: Kept, plans: list[Plan]) -> None:
    forged(kept, plans[-1], replace(plans[-1], epoch=5, prev_digest=plans[-1].prev_digest))
    assert fault(walked(kept)) == (Fault.ALTERED, 5)


def test_a_plan_agreed_past_the_journal_is_named(kept: Kept, plans: list[Plan]) -> None:
    ours = furnished(kept.store, Cloud.GCP)
    past = replace(plans[-1], epoch=5, prev_digest=digest(canonical(plans[-1])), entry="")
    asyncio.run(agreed(ours, canonical(past).decode(), Notebook(ours, entry(kept, plans[-1])[0].view, START)))
    assert fault(walked(kept)) == (Fault.MISSING, 5)


def test_a_plan_under_another_plans_entry_is_named(kept: Kept, plans: list[Plan]) -> None:
    ours = furnished(kept.store, Cloud.GCP)
    odd = replace(plans[-1], epoch=5)
    asyncio.run(agreed(ours, canonical(odd).decode(), Notebook(ours, entry(kept, plans[-1])[0].view, START)))
    assert fault(walked(kept)) == (Fault.ALTERED, 5)


def test_a_countersignature_that_disagrees_is_named(kept: Kept, plans: list[Plan]) -> None:
    held, _ = entry(kept, plans[1])
    signer = held.view.here.other
    key = countersignature_key(plans[1].entry, signer)
    word = asyncio.run(kept.store.entry(key))
    assert word is not None
    kept.put(key, word.replace(b'"agrees":true', b'"agrees":false'))
    assert fault(walked(kept)) == (Fault.DIFFERENT, 2)
    kept.put(key, word.replace(plans[1].entry.encode(), plans[2].entry.encode()))
    assert fault(walked(kept)) == (Fault.ALTERED, 2)
    kept.drop(key)
    walk = walked(kept)
    assert (walk.trouble, walk.unsigned, walk.unsigned_epochs) == (None, 1, (2,))


def test_an_entry_of_a_newer_version_is_refused_in_words(kept: Kept, plans: list[Plan]) -> None:
    held, _ = entry(kept, plans[3])
    content = canonical(replace(held, version=2)).replace(b'"version":2', b'"version":2,"new":1')
    ours = furnished(kept.store, Cloud.GCP)
    head = replace(plans[3], epoch=5, entry=digest(content))
    kept.put(head.entry, zlib.compress(content))
    asyncio.run(agreed(ours, canonical(head).decode(), Notebook(ours, held.view, START)))
    with pytest.raises(Newer, match="use the newer one"):
        walked(kept)
    assert issubclass(Newer, Refused)


def test_an_entry_decided_under_a_fabric_that_is_not_given_is_told_and_not_judged(kept: Kept, plans: list[Plan]) -> None:
    other = replace(furnished(kept.store, Cloud.AWS).current, version=2)
    walk = asyncio.run(verify(furnished(kept.store, Cloud.AWS, other)))
    assert (walk.trouble, walk.entries, walk.again, walk.unjudged) == (None, 4, 0, 4)
    assert walk.unjudged_why == (f"fabric {plans[0].fabric_hash} was not given",)
    assert walk.unproved == 0, "the other cloud has decided each of them again"
    kept.drop(countersignature_key(plans[1].entry, entry(kept, plans[1])[0].view.here.other))
    assert asyncio.run(verify(furnished(kept.store, Cloud.AWS, other))).unproved == 1


def test_entries_past_their_time_end_the_walk_and_nothing_is_wrong(kept: Kept, plans: list[Plan]) -> None:
    class Late(Soon):
        def now(self):  # type: ignore[no-untyped-def]
            return START + KEPT + timedelta(seconds=60)

    kept.drop(plans[0].entry)
    walk = asyncio.run(verify(furnished(kept.store, Cloud.AWS, time=Late())))
    assert (walk.trouble, walk.ended, walk.back_to) == (None, Reach.EXPIRED, 2)


def test_a_machine_years_ahead_does_not_take_an_entry_that_is_missing_for_one_that_has_expired(kept: Kept, plans: list[Plan]) -> None:
    kept.drop(plans[1].entry)
    ahead = dataclasses.replace(furnished(kept.store, Cloud.AWS), clock=Years())
    assert fault(asyncio.run(verify(ahead))) == (Fault.MISSING, 2)


def test_before_the_first_plan_there_is_nothing_to_walk(kept: Kept) -> None:
    assert walked(kept).ended is Reach.NOTHING


def test_a_walk_ends_where_it_was_asked_to(kept: Kept, plans: list[Plan]) -> None:
    walk = asyncio.run(verify(furnished(kept.store, Cloud.AWS), 2))
    assert (walk.ended, walk.back_to, walk.entries) == (Reach.LIMIT, plans[2].epoch, 2)


def test_a_walk_through_slow_stores_ends_when_its_time_is_over_and_says_how_far_it_came(kept: Kept, plans: list[Plan]) -> None:
    class Slow(Soon):
        """A second passes at each look."""

        looked = 0

        def monotonic(self) -> float:
            self.looked += 1
            return float(self.looked)

    house = dataclasses.replace(furnished(kept.store, Cloud.AWS), clock=Slow())
    walk = asyncio.run(verify(house, within=2.5))
    assert (walk.ended, walk.back_to, walk.entries) == (Reach.TIME, plans[2].epoch, 2)


def test_an_entry_that_may_lie_in_a_store_that_cannot_be_read_is_not_called_missing() -> None:
    clock = Soon()
    stores = table(clock)

    async def tell() -> None:
        await write(stores.aws)
        house = furnished(stores.aws, Cloud.AWS)
        dark: MemoryStore = stores.witness
        dark.break_down()
        object.__setattr__(house, "spares", (dark,))
        stores.aws.roll_back(replace(stores.aws.snapshot(), entries={}))
        with pytest.raises(Transient, match="cannot be told whether the entry of epoch 4"):
            await verify(house)

    asyncio.run(tell())


def test_an_altered_copy_in_any_store_is_named_even_where_another_is_good() -> None:
    stores = table(Soon())

    async def tell() -> None:
        plans = await write(stores.aws)
        house = furnished(stores.aws, Cloud.AWS)
        object.__setattr__(house, "spares", (stores.witness,))
        await stores.witness.put_entry(plans[-1].entry, b"another")
        assert fault(await verify(house)) == (Fault.ALTERED, 4)

    asyncio.run(tell())


def test_an_entry_that_was_too_long_to_keep_whole_is_named_and_breaks_no_chain(
    kept: Kept, plans: list[Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "ENTRY_LIMIT", 0)
    last = forged(kept, plans[-1], replace(plans[-1], epoch=5, prev_digest=digest(canonical(plans[-1]))))
    short, _ = entry(kept, last)
    assert (short.too_long > 0, short.view.rows) == (True, ())
    walk = walked(kept)
    assert (walk.trouble, walk.ended, walk.entries, walk.again, walk.unsigned) == (None, Reach.FIRST, 5, 4, 1)
    assert (walk.unjudged, walk.unproved) == (1, 1)
    assert walk.unjudged_why == (f"what it was decided from took {short.too_long} bytes, and the journal keeps 0 of an entry",)


def test_the_other_clouds_sweep_signs_no_entry_without_its_view_and_says_why(
    kept: Kept, plans: list[Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "ENTRY_LIMIT", 0)
    last = forged(kept, plans[-1], replace(plans[-1], epoch=5, prev_digest=digest(canonical(plans[-1]))))
    ours = furnished(kept.store, Cloud.AWS)
    doubts = asyncio.run(countersign(ours, last, ours.clock.now()))
    assert len(doubts) == 1
    assert f"epoch 5 cannot be decided again (entry {last.entry}): what it was decided from took" in doubts[0]
    assert asyncio.run(kept.store.entry(countersignature_key(last.entry, Cloud.AWS))) is None
    assert asyncio.run(countersign(ours, last, ours.clock.now())) == (), "it is said once"
