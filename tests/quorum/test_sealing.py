"""Changing the set of stores, register by register, over stores in memory that the two sets share in part."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from random import Random  # noqa: TID251 - seeded, so that every run is alike
from typing import Any, Self

import pytest

from pointsman.core.domains import StoreSet
from pointsman.core.errors import Moved, Transient
from pointsman.quorum.outcomes import Agreed, Change, Decline, Declined, Unknown
from pointsman.quorum.rows import VALUE_LIMIT
from pointsman.quorum.sealing import MARK, SEALED, Seal, guarded, opening, seal_in, sealed, sealing, taking_over
from pointsman.service.registers import Registers
from pointsman.service.trial import seal_of
from pointsman.testing.stores import Fault, MemoryStore, Weather
from pointsman.testing.virtual import VirtualClock, run

NAME = "plan/atlas"
NEXT = StoreSet(generation=2, id="2.next")
SEEDS = range(60)


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


class Killed:
    """Ends the mover at its n-th request to a store, before or after the store has done it."""

    def __init__(self, sets: Sets, at: int, *, after: bool) -> None:
        self.left = at
        self.fell = False
        self._after = after
        self._sets = sets

    def __enter__(self) -> Self:
        for store in self._sets.stores.values():
            store._do = self._counted(store._do)  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        for store in self._sets.stores.values():
            del store._do

    def _counted(self, do: Callable[..., Any]) -> Any:
        async def counted(*what: Any) -> Any:
            self.left -= 1
            if self.left < 0 and not (self._after and self.left == -1):
                self.fell = True
                await asyncio.sleep(1e9)
            done = await do(*what)
            if self.left < 0:
                self.fell = True
                await asyncio.sleep(1e9)
            return done

        return counted


def crashes() -> Iterator[tuple[int, bool]]:
    for at in range(36):
        yield at, False
        yield at, True


async def after_a_crash(at: int, *, after: bool, helper: str) -> tuple[bool, list[str]]:
    """Move until the mover dies, let others work on, move once more, and give what is held."""
    sets = Sets()
    await sets.old().change(NAME, append("a"))
    with Killed(sets, at, after=after) as killed:
        mover = asyncio.ensure_future(moved(sets.both()))
        await asyncio.wait({mover}, timeout=0.01)
        mover.cancel()
        await asyncio.wait({mover})
    acknowledged = ["a"]
    for item, one in (("b", getattr(sets, helper)()), ("c", sets.both())):
        try:
            if isinstance(await one.change(NAME, append(item)), Agreed):
                acknowledged.append(item)
        except Moved:
            assert helper in {"old", "new"}
    await moved(sets.both())
    final = [await held(sets.new()), await held(sets.both())]
    assert final[0] == final[1]
    assert (final[0] or "").split(",") == acknowledged
    return killed.fell, acknowledged


@pytest.mark.parametrize("helper", ["old", "both", "new"])
def test_a_move_that_dies_at_any_request_is_carried_on_and_loses_nothing(helper: str) -> None:
    ends = [run(after_a_crash(at, after=after, helper=helper)) for at, after in crashes()]
    assert {fell for fell, _ in ends} == {True, False}  # every request was one to die at, and some moves came to their end
    assert any("b" in items for _, items in ends)
    assert helper == "both" or any("b" not in items for _, items in ends)


async def storm(seed: int) -> None:
    """Move while proposers of every kind append, in bad weather; what was acknowledged must be held, once and in order."""
    sets, dice = Sets(), Random(seed)
    acknowledged: list[str] = []
    unsure: list[str] = []

    def weather(_: str) -> Weather:
        fault = dice.choice([Fault.NONE] * 12 + [Fault.DOWN, Fault.LOST_REQUEST, Fault.LOST_REPLY])
        again = dice.uniform(0, 9) if dice.random() < 0.1 else None
        return Weather(fault=fault, delay=dice.expovariate(8), reply_delay=dice.expovariate(8), again_after=again)

    for store in sets.stores.values():
        store.forecast = weather

    async def proposer(number: int, one: Registers) -> None:
        for serial in range(4):
            item = f"{number}.{serial}"
            await asyncio.sleep(dice.uniform(0, 3))
            try:
                outcome = await one.change(NAME, append(item), deadline=asyncio.get_running_loop().time() + 30)
            except Transient:
                continue
            (acknowledged if isinstance(outcome, Agreed) else unsure).append(item)

    async def mover(start: float) -> None:
        await asyncio.sleep(start)
        for _ in range(40):
            try:
                return await moved(sets.both())
            except (Transient, AssertionError):
                await asyncio.sleep(0.5)
        return None

    kinds = (sets.old, sets.old, sets.both, sets.both, sets.new)
    await asyncio.gather(*(proposer(number, kind()) for number, kind in enumerate(kinds)), mover(2.0), mover(2.5))
    for store in sets.stores.values():
        store.mend()
    await moved(sets.both())
    final = (await held(sets.new()) or "").split(",")
    assert len(final) == len(set(final))
    assert set(acknowledged) <= set(final) <= {*acknowledged, *unsure} | {""}
    with pytest.raises(Moved):
        await sets.old().change(NAME, append("late"))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_move_among_proposers_of_every_kind_loses_nothing_in_any_weather(seed: int) -> None:
    run(storm(seed))


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
