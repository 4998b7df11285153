"""Changing the set of stores, register by register, over stores in memory that the two sets share in part."""

import asyncio
import itertools
from typing import Any

import pytest

from pointsman.core.domains import StoreSet
from pointsman.core.errors import Moved
from pointsman.quorum.outcomes import Agreed, Change, Decline, Declined, Unknown
from pointsman.quorum.rows import VALUE_LIMIT
from pointsman.quorum.sealing import MARK, SEALED, Seal, guarded, opening, seal_in, sealed, sealing, taking_over
from pointsman.service.registers import Registers
from pointsman.service.trial import MOVED_LIMIT, Remembered, seal_of
from pointsman.testing.stores import Fault, MemoryStore, Weather
from pointsman.testing.virtual import VirtualClock, run

NAME = "plan/atlas"
NEXT = StoreSet(generation=2, id="2.next")


def append(item: str) -> Change:
    def change(value: str | None) -> str:
        items = value.split(",") if value else []
        return value if value and item in items else ",".join([*items, item])

    return change


class Sets:
    """Stores a, b, c and then a, b, d: two of them hold rows of both sets."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.stores = {name: MemoryStore(name, self.clock, fenced=name in "bd") for name in "abcd"}
        self._nonces = itertools.count(1)

    def _nonce(self) -> str:
        return f"{next(self._nonces):016x}"

    def _of(self, names: str, stores: StoreSet, following: Registers | None = None) -> Registers:
        acceptors = [self.stores[name] for name in names]
        return Registers(acceptors, clock=self.clock, nonce=self._nonce, jitter=lambda: 0.5, stores=stores, following=following)

    def old(self) -> Registers:
        """Give a proposer that knows the old stores alone."""
        return self._of("abc", StoreSet())

    def new(self) -> Registers:
        """Give a proposer that knows the new stores alone."""
        return self._of("abd", NEXT)

    def both(self) -> Registers:
        return self._of("abc", StoreSet(), self.new())


async def moved(one: Registers) -> None:
    seal = seal_of(await one.seal(NAME))
    assert seal is not None
    await one.hand_over(NAME, seal)
    assert one.following is not None
    await one.following.begin(opening(NAME), "open")


async def held(one: Registers) -> str | None:
    outcome = await one.change(NAME, lambda _: None)
    assert isinstance(outcome, Agreed)
    return outcome.value


@pytest.mark.parametrize("value", [None, "", "{}", "=", "\n", "a\nb"])
def test_a_seal_is_read_back_as_it_was_written(value: str | None) -> None:
    assert seal_in(sealed(Seal(to="2.next", value=value))) == Seal(to="2.next", value=value)


def test_what_is_not_sealed_holds_no_seal() -> None:
    assert [seal_in(text) for text in (None, "", "{}", '{"sealed":1}')] == [None] * 4


def test_a_change_leaves_a_sealed_register_as_it_is_and_says_so() -> None:
    assert guarded(append("a"))(sealed(Seal(to="2.next", value="b"))) == Decline(reason=SEALED)
    assert guarded(append("a"))("b") == "b,a"


def test_no_change_can_make_what_looks_like_a_seal() -> None:
    with pytest.raises(ValueError, match=MARK):
        guarded(lambda _: sealed(Seal(to="x", value=None)))(None)


def test_a_register_is_sealed_once_for_whichever_set_came_first() -> None:
    first = sealing("2.next")("value")
    assert isinstance(first, str)
    assert sealing("2.next")(first) == sealing("2.other")(first) == first


def test_what_the_next_set_holds_is_never_overwritten_by_the_copy() -> None:
    assert [taking_over("sealed")(held) for held in (None, "later")] == ["sealed", "later"]


def test_the_value_goes_over_and_both_kinds_of_proposer_that_know_the_next_set_read_it() -> None:
    async def story() -> Any:
        sets = Sets()
        await sets.old().change(NAME, append("a"))
        await moved(sets.both())
        return await held(sets.both()), await held(sets.new()), (await sets.both().read(NAME)).value, (await sets.new().read(NAME)).value

    assert run(story()) == ("a", "a", "a", "a")


def test_a_late_proposer_of_the_old_set_is_told_and_changes_nothing() -> None:
    async def story() -> Any:
        sets = Sets()
        late = sets.old()
        reading = await late.read(NAME)
        await moved(sets.both())
        with pytest.raises(Moved, match=r"2\.next: deploy the artefact"):
            await late.change(NAME, append("late"), reading=reading)
        return await held(sets.both()), await late.read(NAME)

    value, reading = run(story())
    assert value is None
    assert (reading.value, reading.confirmed, reading.moved, reading.reached) == (None, False, "2.next", True)


def test_an_accept_of_the_old_set_that_arrives_after_the_seal_is_refused() -> None:
    async def story() -> Any:
        sets = Sets()
        for store in sets.stores.values():
            store.next("accept", Weather(delay=5.0))
        slow = asyncio.ensure_future(sets.old().change(NAME, append("slow")))
        await asyncio.sleep(1.0)
        await moved(sets.both())
        outcome = await asyncio.gather(slow, return_exceptions=True)
        return outcome[0], await held(sets.both())

    outcome, value = run(story())
    assert isinstance(outcome, Unknown)  # an accept was sent, so it is never told as failed
    assert value is None


def test_a_change_that_knows_both_sets_follows_and_is_told_as_the_one_that_changed() -> None:
    async def story() -> Any:
        sets = Sets()
        warm = sets.both()
        reading = await warm.read(NAME)
        await moved(sets.both())
        outcome = await warm.change(NAME, append("b"), reading=reading)
        return outcome, await held(sets.new())

    outcome, value = run(story())
    assert isinstance(outcome, Agreed)
    assert (outcome.value, outcome.changed, value) == ("b", True, "b")


def test_a_change_that_the_seal_carried_over_is_told_as_made_not_as_found() -> None:
    async def story() -> Any:
        sets = Sets()
        for store in sets.stores.values():
            store.next("accept", Weather(fault=Fault.LOST_REPLY, reply_delay=4.0), times=3)
        slow = asyncio.ensure_future(sets.both().change(NAME, append("mine"), deadline=60.0))
        await asyncio.sleep(1.0)
        for store in sets.stores.values():
            store.mend()
        await moved(sets.both())
        return await slow, await held(sets.new())

    outcome, value = run(story())
    assert isinstance(outcome, Agreed)
    assert (outcome.changed, value) == (True, "mine")


def test_nothing_begins_in_the_next_set_before_everything_has_come_to_it() -> None:
    async def story() -> Any:
        sets = Sets()
        await sets.old().change(NAME, append("a"))
        with pytest.raises(Moved, match="stores move"):
            await sets.new().change(NAME, append("alone"))
        await moved(sets.both())
        await sets.new().change(NAME, append("b"))
        await sets.new().change("incident/atlas/ix-a@7", append("c"))
        return await held(sets.both())

    assert run(story()) == "a,b"


def test_whoever_saw_one_register_sealed_moves_the_others_before_it_changes_them() -> None:
    async def story() -> Any:
        sets = Sets()
        one = sets.both()
        await moved(sets.both())
        await one.read(NAME)
        await one.change("incident/atlas/ix-a@7", append("new"))
        with pytest.raises(Moved):
            await sets.old().change("incident/atlas/ix-a@7", append("old"))
        return (await sets.new().read("incident/atlas/ix-a@7")).value

    assert run(story()) == "new"


def test_what_was_made_in_the_next_set_is_read_by_those_who_still_look_in_the_old_one_first() -> None:
    async def story() -> Any:
        sets, late = Sets(), "incident/atlas/ix-a@9"
        await moved(sets.both())
        await sets.new().change(late, append("made there"))
        fresh = sets.both()
        reading = await fresh.read(late)
        changed = await fresh.change(late, append("and changed"), reading=reading)
        assert isinstance(changed, Agreed)
        return reading.value, changed.value, (await sets.new().read(late)).value, (await sets.both().read("incident/atlas/none")).value

    assert run(story()) == ("made there", "made there,and changed", "made there,and changed", None)


def test_only_so_many_moved_registers_are_remembered_and_the_others_are_found_again() -> None:
    names = Remembered()
    for number in range(MOVED_LIMIT + 1):
        names.add(f"incident/atlas/ix-a@{number}")
    assert "incident/atlas/ix-a@0" not in names
    assert f"incident/atlas/ix-a@{MOVED_LIMIT}" in names


def test_the_longest_value_can_still_be_sealed() -> None:
    async def story() -> Any:
        sets = Sets()
        await sets.old().change(NAME, lambda _: "x" * (VALUE_LIMIT - 256))
        await moved(sets.both())
        return len(await held(sets.new()) or "")

    assert run(story()) == VALUE_LIMIT - 256


@pytest.mark.parametrize(("down", "seen"), [("b", ("2.next", None)), ("a", ("", "a"))])
def test_a_seal_that_only_one_store_took_is_made_certain_where_it_is_seen(down: str, seen: tuple[str, str | None]) -> None:
    async def story() -> Any:
        sets = Sets()
        await sets.old().change(NAME, append("a"))
        for name in "bc":
            sets.stores[name].next("accept", Weather(fault=Fault.LOST_REQUEST), times=99)
        assert isinstance(await sets.both().seal(NAME), Unknown)
        for store in sets.stores.values():
            store.mend()
        sets.stores[down].break_down()
        reading = await sets.old().read(NAME)
        return (reading.moved, reading.value), await held(sets.both())

    assert run(story()) == (seen, "a")


def test_a_declined_change_keeps_its_reason_after_the_move() -> None:
    async def story() -> Any:
        sets = Sets()
        await sets.old().change(NAME, append("a"))
        await moved(sets.both())
        return await sets.both().change(NAME, lambda _: Decline(reason="no"))

    outcome = run(story())
    assert isinstance(outcome, Declined)
    assert (outcome.reason, outcome.value) == ("no", "a")


def test_a_register_that_is_still_to_come_is_never_read_as_one_that_is_not_there() -> None:
    async def story() -> Any:
        sets = Sets()
        await sets.old().change(NAME, append("a"))
        before = await sets.new().read(NAME)
        await moved(sets.both())
        after = await sets.new().read(NAME)
        absent = await sets.new().read("incident/atlas/none")
        return before, after, absent

    before, after, absent = run(story())
    assert not before.confirmed
    assert (after.value, after.confirmed) == ("a", True)
    assert (absent.value, absent.confirmed) == (None, True)


def test_what_was_absent_before_the_set_was_known_to_be_open_is_read_again() -> None:
    async def story() -> Any:
        sets = Sets()
        await sets.old().change(NAME, append("a"))
        late = sets.new()
        absent = await late.look(NAME)
        await moved(sets.both())
        return absent.confirmed, await late.change(NAME, lambda _: None, reading=absent)

    confirmed, outcome = run(story())
    assert confirmed
    assert outcome.value == "a"
