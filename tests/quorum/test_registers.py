"""The registers over stores in memory, in virtual time."""

import asyncio
import itertools
from typing import Any

import pytest

from pointsman.core.errors import Refused, Transient
from pointsman.quorum.ballots import ballot
from pointsman.quorum.outcomes import Agreed, Change, Decline, Declined, NoMajority, Unknown
from pointsman.quorum.rows import VALUE_LIMIT, Refusal, Reply, Row
from pointsman.service.registers import ATTEMPTS_LIMIT, Registers
from pointsman.testing.stores import Fault, MemoryStore, Snapshot, Weather
from pointsman.testing.virtual import VirtualClock, run

NAME = "plan/atlas"
SLOW = Weather(delay=60.0)
OPERATIONS = ("read", "prepare", "accept")


class Bench:
    """Three stores and one proposer."""

    def __init__(self, count: int = 3, *, fenced: bool = False) -> None:
        self.clock = VirtualClock()
        self.stores = [MemoryStore(name, self.clock, fenced=fenced) for name in ("aws", "gcp", "witness")[:count]]
        self.registers = self.proposer(1)

    def proposer(self, number: int) -> Registers:
        nonces = (f"{number:08x}{serial:08x}" for serial in itertools.count())
        return Registers(self.stores, clock=self.clock, nonce=lambda: next(nonces), jitter=lambda: 0.5)

    def counts(self) -> dict[str, int]:
        return {operation: sum(store.count(operation) for store in self.stores) for operation in OPERATIONS}


def append(item: str) -> Change:
    """Append an operation's id once, however often it is applied."""

    def change(value: str | None) -> str:
        items = value.split(",") if value else []
        return value if value and item in items else ",".join([*items, item])

    return change


@pytest.fixture(params=[False, True], ids=["by ballot", "by version"])
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(fenced=request.param)


def test_a_change_costs_one_read_one_prepare_and_one_accept_of_each_store(bench: Bench) -> None:
    async def story() -> Any:
        outcome = await bench.registers.change(NAME, append("a"))
        await bench.registers.rest()
        return outcome

    outcome = run(story())
    assert (outcome.value, outcome.previous, outcome.changed) == ("a", None, True)
    assert outcome.ballot == ballot(1, "0000000100000000")
    assert len(outcome.store_times) >= 2
    assert bench.counts() == {"read": 3, "prepare": 3, "accept": 3}


def test_rule_8_a_duplicate_ends_after_three_reads_and_writes_nothing(bench: Bench) -> None:
    async def story() -> Any:
        await bench.registers.change(NAME, append("a"))
        await bench.registers.rest()
        before = bench.counts()
        outcome = await bench.registers.change(NAME, append("a"))
        return before, outcome

    before, outcome = run(story())
    assert (outcome.value, outcome.changed) == ("a", False)
    assert bench.counts() == {**before, "read": before["read"] + 3}


def test_a_change_with_the_callers_own_reading_starts_with_prepare(bench: Bench) -> None:
    async def story() -> Any:
        reading = await bench.registers.read(NAME)
        outcome = await bench.registers.change(NAME, append("a"), reading=reading)
        await bench.registers.rest()
        return outcome

    assert run(story()).changed
    assert bench.counts() == {"read": 3, "prepare": 3, "accept": 3}


def test_one_dead_store_of_three_stops_nobody_and_delays_nobody(bench: Bench) -> None:
    async def story() -> Any:
        bench.stores[2].forecast = lambda _: SLOW
        await bench.registers.change(NAME, append("a"))
        outcome = await bench.registers.change(NAME, append("b"))
        reading = await bench.registers.read(NAME)
        return outcome, reading, bench.clock.monotonic()

    outcome, reading, seconds = run(story())
    assert outcome.value == reading.value == "a,b"
    assert reading.confirmed
    assert seconds < 0.1


def test_a_slow_store_keeps_up_in_the_background(bench: Bench) -> None:
    async def story() -> Any:
        bench.stores[2].forecast = lambda _: Weather(delay=0.5)
        await bench.registers.change(NAME, append("a"))
        await bench.registers.rest()
        bench.stores[2].mend()
        return await bench.stores[2].read(NAME)

    assert run(story()).row.value == "a"


def test_two_dead_stores_are_no_majority_and_nothing_is_accepted(bench: Bench) -> None:
    async def story() -> Any:
        bench.stores[0].break_down()
        bench.stores[1].break_down(Fault.THROTTLED)
        return await bench.registers.change(NAME, append("a"))

    outcome = run(story())
    assert isinstance(outcome, NoMajority)
    assert set(outcome.faults) == {"aws", "gcp"}
    assert bench.counts()["accept"] == 0


def test_two_silent_stores_are_no_majority_at_the_deadline(bench: Bench) -> None:
    async def story() -> Any:
        for store in bench.stores[:2]:
            store.forecast = lambda _: SLOW
        return await bench.registers.change(NAME, append("a"), deadline=2.0), bench.clock.monotonic()

    outcome, seconds = run(story())
    assert outcome == NoMajority(faults=dict.fromkeys(("aws", "gcp"), "it did not answer in time"))
    assert seconds == pytest.approx(2.0)


def test_what_was_told_to_have_failed_is_not_done_later_by_requests_still_under_way(bench: Bench) -> None:
    async def story() -> Any:
        for store in bench.stores:
            store.next("prepare", Weather(reply_delay=3.0))
        outcome = await bench.registers.change(NAME, append("a"), deadline=2.0)
        await bench.registers.rest()
        return outcome, await bench.registers.read(NAME)

    outcome, reading = run(story())
    assert isinstance(outcome, NoMajority)
    assert reading.value is None
    assert bench.counts()["accept"] == 0


def test_rule_5_accepts_that_get_no_answer_end_as_unknown_never_as_failed(bench: Bench) -> None:
    async def story() -> Any:
        for store in bench.stores:
            store.forecast = lambda operation: SLOW if operation == "accept" else Weather()
        return await bench.registers.change(NAME, append("a"), deadline=5.0)

    assert isinstance(run(story()), Unknown)


def test_rule_5_a_lost_reply_is_asked_for_again_and_the_change_is_made_once(bench: Bench) -> None:
    async def story() -> Any:
        for store in bench.stores:
            store.next("accept", Weather(fault=Fault.LOST_REPLY))
        outcome = await bench.registers.change(NAME, append("a"))
        return outcome, await bench.registers.read(NAME)

    outcome, reading = run(story())
    assert isinstance(outcome, Agreed)
    assert outcome.changed
    assert reading.value == "a"


def test_rule_5_replies_that_stay_lost_are_found_again_by_reading(bench: Bench) -> None:
    """Every reply of the first ballot's accepts is lost for good; the change still knows that it was made, and by whom."""

    async def story() -> Any:
        for store in bench.stores:
            store.next("accept", Weather(fault=Fault.LOST_REPLY), times=3)
        outcome = await bench.registers.change(NAME, append("a"))
        return outcome, await bench.registers.read(NAME)

    outcome, reading = run(story())
    assert outcome.changed
    assert outcome.previous is None
    assert reading.value == "a"


def test_rule_5_a_refusal_after_an_accept_was_sent_first_ends_what_that_accept_left_behind(bench: Bench) -> None:
    """The accept reached one store only. Then the change function refuses. What it left there must never stand."""

    async def story() -> Any:
        await bench.registers.change(NAME, append("old"))
        await bench.registers.rest()
        aws, gcp, witness = bench.stores
        taken = aws.count("accept")
        aws.forecast = lambda asked: Weather(fault=Fault.DOWN) if asked != "accept" and aws.count("accept") > taken else Weather()
        for store in (gcp, witness):
            store.next("accept", Weather(fault=Fault.LOST_REQUEST), times=3)
        replies = iter(["new", "new"])
        outcome = await bench.registers.change(NAME, lambda _: next(replies, Decline(reason="STALE_VIEW")))
        await bench.registers.rest()
        left = aws.snapshot().registers[NAME].value
        aws.mend()
        witness.break_down()
        other = bench.proposer(2)
        return outcome, left, await other.settle(NAME, await other.read(NAME))

    outcome, left, settled = run(story())
    assert isinstance(outcome, Declined)
    assert left == "new"
    assert settled.value == outcome.value == "old"


def test_the_change_functions_refusal_comes_back_with_the_value_it_refused(bench: Bench) -> None:
    async def story() -> Any:
        await bench.registers.change(NAME, append("a"))
        return await bench.registers.change(NAME, lambda _: Decline(reason="STALE_VIEW"))

    outcome = run(story())
    assert isinstance(outcome, Declined)
    assert (outcome.reason, outcome.value) == ("STALE_VIEW", "a")


def test_an_unconfirmed_reading_is_settled_by_prepare_and_accept_of_the_unchanged_value(bench: Bench) -> None:
    async def story() -> Any:
        low = ballot(1, "f" * 16)
        seen = await bench.stores[0].prepare(NAME, low, Reply(row=Row()))
        assert isinstance(seen, Reply)
        await bench.stores[0].accept(NAME, low, "half done", seen)
        reading = await bench.registers.read(NAME)
        settled = await bench.registers.settle(NAME, reading)
        return reading, settled, await bench.registers.read(NAME)

    reading, settled, after = run(story())
    assert not reading.confirmed or reading.value is None
    assert settled.value in {None, "half done"}
    assert after.confirmed


def test_a_value_on_one_of_two_reachable_stores_is_settled_before_it_is_answered(bench: Bench) -> None:
    async def story() -> Any:
        low = ballot(1, "f" * 16)
        seen = await bench.stores[0].prepare(NAME, low, Reply(row=Row()))
        assert isinstance(seen, Reply)
        await bench.stores[0].accept(NAME, low, "half done", seen)
        bench.stores[2].break_down()
        reading = await bench.registers.read(NAME)
        return reading, await bench.registers.settle(NAME, reading), await bench.registers.read(NAME)

    reading, settled, after = run(story())
    assert not reading.confirmed
    assert (settled.value, settled.changed) == ("half done", False)
    assert (after.confirmed, after.value) == (True, "half done")


def test_rule_2_every_attempt_has_a_fresh_nonce(bench: Bench) -> None:
    asked: list[str] = []

    async def story() -> Any:
        def nonce() -> str:
            asked.append(f"{len(asked):016x}")
            return asked[-1]

        one = Registers(bench.stores, clock=bench.clock, nonce=nonce, jitter=lambda: 0.0)
        for store in bench.stores[:2]:
            store.next("prepare", Weather(fault=Fault.LOST_REPLY), times=3)
        await asyncio.gather(one.change(NAME, append("a")), one.change(NAME, append("b")), return_exceptions=True)

    run(story())
    assert len(asked) == len(set(asked)) >= 2


def test_rule_9_at_the_bound_of_attempts_the_change_asks_to_be_delivered_again(bench: Bench) -> None:
    """Somebody else always comes first: the change gives up with a retryable error and has accepted nothing."""

    async def story() -> Any:
        counts = itertools.count(1)

        class Overtaken(MemoryStore):
            async def prepare(self, register: str, wanted: str, seen: Reply) -> Reply | Refusal:
                await super().prepare(register, ballot(next(counts) * 1000, "f" * 16), await self.read(register))
                return await super().prepare(register, wanted, seen)

        stores = [Overtaken(name, bench.clock, fenced=True) for name in ("aws", "gcp", "witness")]
        one = Registers(stores, clock=bench.clock, nonce=lambda: "0" * 16, jitter=lambda: 0.5)
        with pytest.raises(Transient, match="deliver again"):
            await one.change(NAME, append("a"), deadline=1000.0)
        return stores[0].count("read"), sum(store.count("accept") for store in stores)

    reads, accepts = run(story())
    assert reads >= ATTEMPTS_LIMIT
    assert accepts == 0


def test_rule_7_a_store_that_was_rolled_back_is_not_counted_as_the_old_one(bench: Bench) -> None:
    async def story() -> Any:
        await bench.registers.change(NAME, append("a"))
        await bench.registers.rest()
        old = bench.stores[0].snapshot()
        await bench.registers.change(NAME, append("b"))
        await bench.registers.rest()
        bench.stores[0].roll_back(old)
        bench.stores[1].break_down()
        return await bench.registers.read(NAME)

    reading = run(story())
    assert "rolled back" in reading.faults["aws"]
    assert not reading.reached


def test_rule_7_a_store_that_lost_an_accept_and_kept_its_promise_is_not_counted_as_the_old_one(bench: Bench) -> None:
    held: list[Snapshot] = []

    def change(value: str | None) -> str | Decline | None:
        held.append(bench.stores[0].snapshot())
        return append("a")(value)

    async def story() -> Any:
        await bench.registers.change(NAME, change)
        await bench.registers.rest()
        bench.stores[0].roll_back(held[-1])
        return await bench.stores[0].read(NAME), await bench.registers.read(NAME)

    row, reading = run(story())
    assert (row.row.promised, row.row.accepted) == (ballot(1, "0000000100000000"), "")
    assert "rolled back" in reading.faults["aws"]


def test_an_unreadable_row_counts_as_a_store_that_is_down_and_stays_as_it_is(bench: Bench) -> None:
    async def story() -> Any:
        bench.stores[0].spoil(NAME)
        outcome = await bench.registers.change(NAME, append("a"))
        return outcome, await bench.registers.read(NAME)

    outcome, reading = run(story())
    assert outcome.value == "a"
    assert "cannot read" in reading.faults["aws"]
    assert bench.stores[0].count("prepare") == 0


def test_one_store_alone_works_without_a_quorum() -> None:
    bench = Bench(1)
    outcome = run(bench.registers.change(NAME, append("a")))
    assert isinstance(outcome, Agreed)
    assert outcome.value == "a"


def test_a_value_past_the_limit_is_refused_before_anything_is_accepted(bench: Bench) -> None:
    async def story() -> Any:
        await bench.registers.change(NAME, lambda _: "x" * (VALUE_LIMIT + 1))

    with pytest.raises(Refused, match="archive"):
        run(story())
    assert bench.counts()["accept"] == 0


def test_two_stores_of_one_name_are_refused() -> None:
    clock = VirtualClock()
    with pytest.raises(ValueError, match="one name"):
        Registers([MemoryStore("aws", clock)] * 2, clock=clock, nonce=str, jitter=float)


def test_cancelling_a_change_leaves_no_task_behind(bench: Bench) -> None:
    async def story() -> Any:
        for store in bench.stores:
            store.forecast = lambda _: SLOW
        change = asyncio.ensure_future(bench.registers.change(NAME, append("a")))
        await bench.clock.sleep(0.1)
        change.cancel()
        await asyncio.gather(change, return_exceptions=True)
        await bench.registers.rest()
        await bench.clock.sleep(0)
        return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    assert run(story()) == []
