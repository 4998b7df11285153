"""A store that was down misses accepts; the sweep sends it those, and nothing else."""

import asyncio

import pytest

from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.values import canonical, replace
from pointsman.quorum.attempt import Request, Step
from pointsman.quorum.ballots import above
from pointsman.quorum.reading import judge
from pointsman.quorum.rows import Reply, Row
from pointsman.service.repair import EVERY, SETTLING_SECONDS, answer_key, hanging, is_due, lagging, survey
from pointsman.service.sweep import sweep
from pointsman.testing.stores import MemoryStore
from pointsman.testing.virtual import START
from tests.core.scene import seconds
from tests.service.test_converge import World, story

PLAN = "plan/atlas"


async def turn(world: World, cloud: Cloud) -> None:
    """Let time pass as ever until it is a cloud's turn to survey."""
    while not is_due(cloud, world.clock.now()):
        await world.settle(1)


async def fall_behind(world: World, store: MemoryStore) -> None:
    """Let a store miss an outage, and be back when it is Google's turn."""
    store.break_down()
    world.twin.network.blackhole("ix-a")
    await world.settle(40)
    await turn(world, Cloud.GCP)
    store.mend()


def register_writes(world: World) -> list[tuple[str, str]]:
    writes = {"prepare", "accept"}
    return [(store.name, what) for store in world.table.stores for what, _ in store.traffic if what in writes]


def test_a_store_that_missed_accepts_gets_the_plan_and_open_incidents_by_one_write_each() -> None:
    async def tell(world: World) -> None:
        await fall_behind(world, world.table.witness)
        incident = f"incident/atlas/ix-a@{(await world.plan()).links[LinkName('ix-a')].down_since_epoch}"
        registers = world.gcp.registers
        assert set(lagging(await survey(registers, PLAN))) == {"witness"}
        world.forget_requests()
        report = await sweep(world.gcp)
        assert all(text.startswith("witness had missed") for text in report.repaired)
        assert report.repaired
        assert {what for name, what in register_writes(world) if name == "witness"} == {"accept"}
        for name in (PLAN, incident):
            assert lagging(await survey(registers, name)) == {}
        rows = [(await store.read(PLAN)).row for store in world.table.stores]
        assert len({(row.accepted, row.value) for row in rows}) == 1

    story(tell)


def test_what_was_repaired_counts_when_another_store_is_lost() -> None:
    async def tell(world: World) -> None:
        await fall_behind(world, world.table.witness)
        await sweep(world.gcp)
        plan = await world.plan()
        world.table.aws.break_down()
        world.forget_requests()
        assert await world.plan() == plan
        assert register_writes(world) == []

    story(tell)


def test_without_lag_a_survey_writes_no_register() -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        await turn(world, Cloud.GCP)
        for cloud in Cloud:
            await world.report(cloud)
        await sweep(world.gcp)
        world.forget_requests()
        assert (await sweep(world.gcp)).repaired == ()
        assert register_writes(world) == []

    story(tell)


def plan_reads(world: World) -> int:
    return sum(1 for store in world.table.stores for what, about in store.traffic if what == "read" and about == PLAN)


def test_in_turn_and_out_of_turn_a_sweep_reads_the_plan_from_each_store_equally_often() -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        await turn(world, Cloud.GCP)
        counts = []
        for _ in range(2):
            for cloud in Cloud:
                await world.report(cloud)
            world.forget_requests()
            assert (await sweep(world.gcp)).repaired == ()
            counts.append(plan_reads(world))
            await world.clock.sleep(60)
        assert counts[0] == counts[1] <= 6

    story(tell)


def test_out_of_turn_no_store_is_sent_what_it_missed() -> None:
    async def tell(world: World) -> None:
        await fall_behind(world, world.table.witness)
        await world.clock.sleep(60)
        for cloud in Cloud:
            await world.report(cloud)
        world.forget_requests()
        assert (await sweep(world.gcp)).repaired == ()
        assert plan_reads(world) <= 9

    story(tell)


async def accept_alone(world: World, store: str) -> str:
    """Let one store alone accept another plan, as a proposer who dies then leaves it; give its ballot."""
    registers = world.gcp.registers
    reading = await survey(registers, PLAN)
    assert reading.value is not None
    ballot = above([reading.ballot], "e" * 16)
    request = Request(acceptor=store, step=Step.PREPARE, ballot=ballot, seen=reading.replies[store])
    promise = await registers.ask(PLAN, request)
    assert isinstance(promise, Reply)
    other = canonical(replace(await world.plan(), decided_at=world.clock.now())).decode()
    accept = Request(acceptor=store, step=Step.ACCEPT, ballot=ballot, seen=promise, value=other)
    assert isinstance(await registers.ask(PLAN, accept), Reply)
    return ballot


@pytest.mark.parametrize("store", ["aws", "gcp", "witness"])
def test_a_plan_that_one_store_alone_accepted_is_settled_by_the_next_sweep_while_all_is_well(store: str) -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        while is_due(Cloud.GCP, world.clock.now()):
            await world.settle(60)
        ballot = await accept_alone(world, store)
        assert hanging(await survey(world.gcp.registers, PLAN)) == ballot
        report = await sweep(world.gcp)
        await world.clock.sleep(1)
        rows = [(await one.read(PLAN)).row for one in world.table.stores]
        assert all(row.accepted > ballot for row in rows)
        assert len({row.value for row in rows}) == 1
        assert any("settled" in said for said in report.repaired)

    story(tell)


def test_whoever_is_still_under_way_is_not_disturbed() -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        while is_due(Cloud.GCP, world.clock.now()):
            await world.settle(60)
        ballot = await accept_alone(world, "aws")

        async def goes_on() -> None:
            await world.clock.sleep(SETTLING_SECONDS / 2)
            reading = await survey(world.gcp.registers, PLAN)
            value = reading.replies["aws"].row.value or ""
            for name in ("gcp", "witness"):
                seen = (await survey(world.gcp.registers, PLAN)).replies[name]
                accept = Request(acceptor=name, step=Step.ACCEPT, ballot=ballot, seen=seen, value=value)
                await world.gcp.registers.ask(PLAN, accept)

        _, report = await asyncio.gather(goes_on(), sweep(world.gcp))
        assert report.repaired == ()
        assert {(await one.read(PLAN)).row.accepted for one in world.table.stores} == {ballot}

    story(tell)


def test_what_is_newer_under_the_same_value_or_before_anything_was_agreed_is_left() -> None:
    def held(accepted: str, value: str | None) -> Reply:
        return Reply(row=Row(promised=accepted, accepted=accepted, value=value))

    low, high = above([], "a" * 16), above([above([], "a" * 16)], "b" * 16)
    assert hanging(judge({"aws": held(low, "v"), "gcp": held(low, "v"), "witness": held(high, "v")}, 2)) == ""
    assert hanging(judge({"aws": Reply(row=Row()), "gcp": Reply(row=Row()), "witness": held(high, "v")}, 2)) == ""
    assert hanging(judge({"witness": held(high, "v")}, 2)) == ""
    assert hanging(judge({"aws": held(low, "v"), "gcp": held(low, "v"), "witness": held(high, "w")}, 2)) == high
    assert hanging(judge({"aws": held(low, "v"), "witness": held(high, "w")}, 2)) == high


def test_the_two_clouds_take_turns_and_each_has_one_in_its_span() -> None:
    minutes = [START + seconds(60 * count) for count in range(3 * EVERY)]
    turns = {cloud: {now for now in minutes if is_due(cloud, now)} for cloud in Cloud}
    assert [len(turns[cloud]) for cloud in Cloud] == [3, 3]
    assert turns[Cloud.AWS] & turns[Cloud.GCP] == set()


def test_sweeps_that_repair_at_once_and_a_decision_in_between_disturb_nobody() -> None:
    async def tell(world: World) -> None:
        await fall_behind(world, world.table.witness)
        world.twin.network.heal("ix-a")
        await asyncio.gather(*(sweep(world.gcp) for _ in range(3)), *(world.report(cloud) for cloud in Cloud))
        await world.clock.sleep(1)
        plan = await world.plan()
        assert plan.epoch >= 1
        rows = [(await store.read(PLAN)).row for store in world.table.stores]
        assert len({(row.accepted, row.value) for row in rows}) == 1

    story(tell)


def test_a_store_that_promised_a_higher_ballot_is_left_to_the_decision_it_promised_it_for() -> None:
    async def tell(world: World) -> None:
        await fall_behind(world, world.table.witness)
        reading = await survey(world.gcp.registers, PLAN)
        higher = above([reading.ballot], "f" * 16)
        seen = reading.replies["witness"]
        await world.gcp.registers.ask(PLAN, Request(acceptor="witness", step=Step.PREPARE, ballot=higher, seen=seen))
        world.forget_requests()
        assert not [said for said in (await sweep(world.gcp)).repaired if PLAN in said]
        assert ("accept", PLAN) not in world.table.witness.traffic
        row: Row = (await world.table.witness.read(PLAN)).row
        assert row.promised >= higher

    story(tell)


def test_a_survey_leaves_a_row_for_every_store_that_answered() -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        world.table.witness.break_down()
        await turn(world, Cloud.AWS)
        await world.report(Cloud.AWS)
        before = {row.member: row.seen_at for row in world.table.aws.snapshot().rows[Cloud.AWS].values()}
        await sweep(world.aws)
        after = {row.member: row.seen_at for row in world.table.aws.snapshot().rows[Cloud.AWS].values()}
        assert after[answer_key("aws")] > before.get(answer_key("aws"), START)
        assert after[answer_key("gcp")] > before.get(answer_key("gcp"), START)
        assert after.get(answer_key("witness")) == before.get(answer_key("witness"))

    story(tell)
