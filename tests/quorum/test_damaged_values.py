"""One store's row is damaged: what the others hold is decided on, and where nobody can tell nothing is."""

import asyncio
import contextlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pointsman.core.errors import PointsmanError
from pointsman.quorum.attempt import Attempt, Step, Unsure
from pointsman.quorum.ballots import COUNTER_LIMIT, LEAP_LIMIT, READABLE_LIMIT, ballot
from pointsman.quorum.outcomes import Agreed, NoMajority
from pointsman.quorum.reading import DAMAGED, DIFFERING, LEAPING, judge
from pointsman.quorum.rows import Refusal, Reply, Row
from pointsman.service.registers import Registers
from pointsman.service.repair import lacking, mend, survey
from pointsman.testing.stores import Weather
from pointsman.testing.virtual import run
from tests.quorum.test_attempt import HOLDS_OLD, MINE, OLD, STORES, accepted, attempt, promise, write
from tests.quorum.test_registers import NAME, SLOW, Bench, append

ODD = Reply(row=Row(promised=OLD, accepted=OLD, value="odd"), version="v1")
EARLIER = Reply(row=Row(promised=OLD, accepted=ballot(0, "0" * 16), value="earlier"), version="v0")
LATER = Reply(row=Row(promised=MINE, accepted=MINE, value="later"), version="v2")

Change = Callable[[str], str]

DAMAGES: tuple[Change, ...] = (lambda value: value[: len(value) // 2], lambda value: f"9{value}", lambda _: "", lambda _: "x")


def damage(bench: Bench, store: int, change: Change = lambda _: "odd") -> None:
    bench.stores[store].damage(NAME, lambda row: replace(row, value=change(row.value or "")))


@pytest.mark.parametrize("odd", STORES)
def test_of_three_the_value_that_two_hold_under_one_ballot_is_read_and_the_third_is_a_fault(odd: str) -> None:
    reading = judge({name: ODD if name == odd else HOLDS_OLD for name in STORES}, 2)
    assert (reading.confirmed, reading.value) == (True, "old")
    assert reading.faults == {odd: DAMAGED.format(odd)}
    assert set(reading.replies) == set(STORES)


@pytest.mark.parametrize("third", [None, EARLIER], ids=["the third is silent", "the third lags"])
def test_two_values_under_one_ballot_and_no_majority_for_either_are_no_reading_at_all(third: Reply | None) -> None:
    replies = {"aws": ODD, "gcp": HOLDS_OLD} | ({} if third is None else {"witness": third})
    reading = judge(replies, 2)
    assert not reading.reached
    assert not reading.confirmed
    assert reading.faults == {name: DIFFERING.format(name) for name in ("aws", "gcp")}
    assert reading.value != "odd"


def test_two_values_under_an_older_ballot_are_no_matter_once_a_newer_one_is_seen() -> None:
    reading = judge({"aws": ODD, "gcp": HOLDS_OLD, "witness": LATER}, 2)
    assert (reading.value, reading.confirmed, reading.reached, reading.faults) == ("later", False, True, {})


def test_two_promises_that_differ_wait_for_the_third_which_tells() -> None:
    one = attempt(append("new"), dict.fromkeys(STORES, Reply(row=Row())))
    first, second, third = one.start()
    assert one.answered(first, promise(first, ODD.row)) == ()
    assert one.answered(second, promise(second, HOLDS_OLD.row)) == ()
    assert one.ending is None
    accepts = one.answered(third, promise(third, HOLDS_OLD.row))
    assert {(request.acceptor, request.value) for request in accepts} == {(name, "old,new") for name in STORES}


def test_two_promises_that_differ_go_by_what_was_read_of_the_third() -> None:
    one = attempt(append("new"), {"aws": ODD, "gcp": HOLDS_OLD, "witness": HOLDS_OLD})
    first, second, _ = one.start()
    one.answered(first, promise(first))
    assert {request.value for request in one.answered(second, promise(second))} == {"old,new"}


def test_a_lone_promise_of_the_odd_value_is_not_believed_against_what_was_read() -> None:
    one = Attempt(MINE, append("new"), STORES, judge({"gcp": EARLIER, "witness": HOLDS_OLD}, 2))
    read, prepare, third = one.start()
    assert (read.acceptor, read.step) == ("aws", Step.READ)
    (first,) = one.answered(read, ODD)
    one.answered(first, promise(first))
    assert one.answered(prepare, promise(prepare)) == ()
    assert one.answered(third, promise(third)) == ()
    assert isinstance(one.ending, NoMajority)


def test_promises_that_differ_and_that_nobody_can_judge_end_with_no_majority_that_names_the_stores() -> None:
    for last in ("lost", "lagging"):
        one = attempt(write("new"), dict.fromkeys(STORES, Reply(row=Row())))
        first, second, third = one.start()
        one.answered(first, promise(first, ODD.row))
        one.answered(second, promise(second, HOLDS_OLD.row))
        if last == "lagging":
            assert one.answered(third, promise(third, EARLIER.row)) == ()
        else:
            one.give_up({"witness": "it did not answer in time"})
        assert isinstance(one.ending, NoMajority)
        assert {name for name, why in one.ending.faults.items() if why == DIFFERING.format(name)} == {"aws", "gcp"}
        assert not one.sent


def test_an_unchanged_value_is_told_at_once_only_where_a_majority_promised_with_it() -> None:
    one = attempt(write(None), {"aws": ODD, "gcp": HOLDS_OLD, "witness": HOLDS_OLD})
    first, second, _ = one.start()
    one.answered(first, promise(first))
    assert {request.value for request in one.answered(second, promise(second))} == {"old"}
    assert one.ending is None


def test_an_own_accept_that_stands_there_damaged_is_sent_again() -> None:
    one = attempt(write("new"))
    first, second, _ = one.start()
    one.answered(first, promise(first))
    accept, _ = one.answered(second, promise(second))
    (again,) = one.answered(accept, Unsure(why="timed out"))
    torn = Reply(row=Row(promised=MINE, accepted=MINE, value="n"), version="torn")
    (mended,) = one.answered(again, Refusal(held=torn))
    assert (mended.step, mended.value, mended.seen) == (Step.ACCEPT, "new", torn)
    one.answered(mended, accepted(mended))
    assert one.ending is None


@pytest.mark.parametrize("fenced", [False, True])
@pytest.mark.parametrize("store", range(3))
@pytest.mark.parametrize("change", DAMAGES)
def test_with_one_damaged_row_a_change_goes_on_from_what_two_hold_and_overwrites_it(store: int, change: Change, *, fenced: bool) -> None:
    bench = Bench(fenced=fenced)

    async def story() -> Any:
        await bench.registers.change(NAME, append("first"))
        await bench.registers.rest()
        damage(bench, store, change)
        read = await bench.proposer(2).read(NAME)
        outcome = await bench.proposer(3).change(NAME, append("second"))
        await bench.registers.rest(60)
        await asyncio.sleep(10)
        return read, outcome, [(await one.read(NAME)).row.value for one in bench.stores]

    read, outcome, rows = run(story())
    assert (read.value, read.confirmed) == ("first", True)
    assert outcome.value == "first,second"
    assert rows == ["first,second"] * 3


def test_a_read_waits_for_the_third_where_two_differ(bench: Bench) -> None:
    async def story() -> Any:
        await bench.registers.change(NAME, append("first"))
        await bench.registers.rest()
        damage(bench, 0)
        bench.stores[2].next("read", Weather(delay=1.0))
        return await bench.proposer(2).read(NAME)

    reading = run(story())
    assert (reading.value, reading.confirmed, reading.faults) == ("first", True, {"aws": DAMAGED.format("aws")})


def test_with_the_third_gone_nothing_is_decided_and_the_reason_names_both(bench: Bench) -> None:
    async def story() -> Any:
        await bench.registers.change(NAME, append("first"))
        await bench.registers.rest()
        damage(bench, 0)
        bench.stores[2].break_down()
        outcome = await bench.proposer(2).change(NAME, append("second"))
        bench.stores[2].mend()
        return outcome, await bench.proposer(3).change(NAME, append("third"))

    outcome, after = run(story())
    assert isinstance(outcome, NoMajority)
    assert [outcome.faults[name] for name in ("aws", "gcp")] == [DIFFERING.format(name) for name in ("aws", "gcp")]
    assert "is down" in outcome.faults["witness"]
    assert after.value == "first,third"


def test_the_repair_sends_a_damaged_row_what_the_others_hold(bench: Bench) -> None:
    async def story() -> Any:
        await bench.registers.change(NAME, append("first"))
        await bench.registers.rest()
        damage(bench, 1)
        seen = await survey(bench.registers, NAME)
        said = await mend(bench.registers, NAME, seen)
        return seen, said, await survey(bench.registers, NAME), await mend(bench.registers, NAME, await survey(bench.registers, NAME))

    seen, said, after, again = run(story())
    assert (seen.faults, set(lacking(seen))) == ({"gcp": DAMAGED.format("gcp")}, {"gcp"})
    assert said == ["gcp held another value of plan/atlas than the others, and has theirs now"]
    assert (after.faults, after.value, again) == ({}, "first", [])


@pytest.fixture(params=[False, True], ids=["by ballot", "by version"])
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(fenced=request.param)


STEPS = st.tuples(
    st.sampled_from(["change", "change", "read", "damage", "damage", "down", "silent", "deaf", "mend", "repair"]),
    st.integers(0, 2),
    st.sampled_from(DAMAGES),
)


class Storm:
    """What befalls three stores, one step after the other. Each step has a proposer of its own that remembers nothing."""

    def __init__(self, *, fenced: bool) -> None:
        self.bench = Bench(fenced=fenced)
        self.agreed: list[str] = []

    async def take(self, number: int, what: str, store: int, change: Change) -> None:
        place, registers = self.bench.stores[store], self.bench.proposer(number + 2)
        match what:
            case "damage":
                self.damage(store, change)
            case "down":
                place.break_down()
            case "silent":
                place.next("read", SLOW)
            case "deaf":
                place.next("accept", SLOW)
            case "mend":
                place.mend()
            case "repair":
                await mend(registers, NAME, await survey(registers, NAME))
            case "read":
                reading = await registers.read(NAME)
                assert not reading.confirmed or self.told(reading.value)
            case _:
                await self.change(registers, f"i{number}")

    def damage(self, store: int, change: Change) -> None:
        """Damage a row while all hold the same: no other before the first was overwritten."""
        if self.agreed and len({one._registers.get(NAME, Row()) for one in self.bench.stores}) == 1:
            damage(self.bench, store, change)

    async def change(self, registers: Registers, item: str) -> None:
        with contextlib.suppress(PointsmanError):
            outcome = await registers.change(NAME, append(item))
            if isinstance(outcome, Agreed):
                assert self.told(outcome.previous)
                self.agreed.append(item)

    def told(self, value: str | None) -> bool:
        """Whether a value holds all that was agreed, and nothing that nobody wrote."""
        held = value.split(",") if value else []
        return set(self.agreed) <= set(held) and all(re.fullmatch(r"i\d+", item) for item in held)

    async def end(self) -> None:
        for store in self.bench.stores:
            store.mend()
        await asyncio.sleep(200)
        last = self.bench.proposer(99)
        outcome = await last.settle(NAME, await last.read(NAME))
        assert isinstance(outcome, Agreed)
        assert self.told(outcome.value)


@given(st.lists(STEPS, min_size=4, max_size=14), st.booleans())
def test_whatever_is_damaged_in_one_store_at_a_time_is_never_read_nor_built_on(steps: list[Any], fenced: bool) -> None:  # noqa: FBT001
    storm = Storm(fenced=fenced)

    async def story() -> None:
        await storm.change(storm.bench.registers, "i0")
        for number, (what, store, change) in enumerate(steps, start=1):
            await asyncio.sleep(1)
            await storm.take(number, what, store, change)
        await storm.end()

    run(story())


@pytest.mark.parametrize("ahead", [LEAP_LIMIT + 1, READABLE_LIMIT - 2])
def test_a_promise_out_of_the_others_reach_is_a_fault_and_not_gone_above(ahead: int) -> None:
    far = Reply(row=replace(HOLDS_OLD.row, promised=ballot(1 + ahead, "0" * 16)))
    reading = judge({"aws": far, "gcp": HOLDS_OLD, "witness": HOLDS_OLD}, 2)
    assert (reading.confirmed, set(reading.replies)) == (True, {"gcp", "witness"})
    assert reading.faults == {"aws": LEAPING.format("aws")}
    assert not judge({"aws": far, "gcp": HOLDS_OLD}, 2).reached
    near = Reply(row=replace(HOLDS_OLD.row, promised=ballot(1 + LEAP_LIMIT, "0" * 16)))
    assert judge({"aws": near, "gcp": HOLDS_OLD, "witness": HOLDS_OLD}, 2).faults == {}
    assert judge({"only": far}, 1).confirmed


@pytest.mark.parametrize("counter", [COUNTER_LIMIT - 1, READABLE_LIMIT, READABLE_LIMIT - 1, 2 * LEAP_LIMIT])
@pytest.mark.parametrize("gone", range(3))
def test_a_damaged_promise_in_one_store_kills_no_register_though_another_store_is_down(bench: Bench, counter: int, gone: int) -> None:
    async def story() -> Any:
        await bench.registers.change(NAME, append("first"))
        await bench.registers.rest()
        bench.stores[2].damage(NAME, lambda row: replace(row, promised=ballot(counter, "0" * 16)))
        bench.stores[gone].break_down()
        ends = [await bench.proposer(2).change(NAME, append("a"))]
        bench.stores[gone].mend()
        ends += [await bench.proposer(number).change(NAME, append(str(number))) for number in (3, 4)]
        await bench.registers.rest()
        return ends, [bench.stores[one]._registers[NAME] for one in range(2)]

    (first, *ends), rows = run(story())
    assert isinstance(first, Agreed if gone == 2 else NoMajority)
    assert all(isinstance(one, Agreed) for one in ends)
    assert all(row.promised < ballot(100, "0" * 16) for row in rows)
