"""Orders of a person over the in-process twin: what is asserted is traffic, the levers' writes and the plan."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from pointsman.core.errors import Refused, Transient
from pointsman.core.fabric import Cloud, Fabric, LinkName, Mode
from pointsman.core.orders import HEARD_WITHIN
from pointsman.core.plan import DrainCause, FlagState, Verdict
from pointsman.core.sightings import Order, Tick, Vantage, Verb
from pointsman.core.steering import LeverKind
from pointsman.core.values import parse, replace
from pointsman.service import doors
from pointsman.service.adopt import adopt
from pointsman.service.order import Stilled, order, still
from pointsman.service.verify import verify
from pointsman.testing.inprocess import PinLever
from pointsman.testing.stores import Fault, Weather, fair
from tests.core.scene import CHECKOUT, TRAINING, G, fabric, link, vpn
from tests.service.test_converge import World, story

IX_A = LinkName("ix-a")
HOUR = timedelta(hours=1)


def ordered(world: World, verb: Verb, target: str = "", *, key: str = "", lasts: timedelta | None = None) -> Order:
    now = world.clock.now()
    return Order(
        key=key or f"{verb}/{target}/{now}",
        verb=verb,
        target=target,
        author="operator",
        reason="fibre works",
        seen_at=now,
        expires_at=now + lasts if lasts else None,
    )


async def carried_out(world: World, verb: Verb, target: str = "", *, lasts: timedelta | None = None) -> None:
    await order(world.aws, ordered(world, verb, target, lasts=lasts))
    await world.settle(30)


async def refused(world: World, given: Order, why: str) -> None:
    """Order it, and see that it is refused and nothing is written."""
    before, writes = await world.plan(), len(world.twin.writes)
    with pytest.raises(Refused, match=why):
        await order(world.gcp, given)
    assert (await world.plan(), len(world.twin.writes)) == (before, writes)


async def woken(world: World, cloud: Cloud) -> None:
    """Let a cloud's functions be told by the other's that there is a newer plan."""
    tick = Tick(vantage=Vantage(cloud.value), key="nudge/atlas/0", seen_at=world.clock.now())
    await doors.link_changed(world.house(cloud), (tick,))


def pinned(world: World) -> frozenset[str]:
    lever = world.aws.levers[LeverKind.PREFIX_LIST_PIN]
    assert isinstance(lever, PinLever)
    return lever.pinned()


def test_an_ordered_drain_moves_both_directions_and_ends_by_itself_and_the_journal_bears_it_out() -> None:
    async def tell(world: World) -> None:
        await world.settle(400, every=60)
        await carried_out(world, Verb.DRAIN, "ix-a", lasts=HOUR)
        drain = (await world.plan()).links[IX_A].drain
        assert drain is not None
        assert (drain.cause, drain.by) == (DrainCause.ORDER, "operator: fibre works")
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        assert (await world.plan()).links[IX_A].verdict is Verdict.UP
        await world.settle(HOUR.total_seconds() - 120, every=300)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        await world.settle(400, every=60)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})
        walk = await verify(world.gcp)
        assert (walk.trouble, walk.again) == (None, walk.entries)

    story(tell)


def test_an_undrain_returns_the_link_once_a_hold_down_lies_between_the_two_moves() -> None:
    async def tell(world: World) -> None:
        await world.settle(400, every=60)
        await carried_out(world, Verb.DRAIN, "ix-a", lasts=HOUR)
        await carried_out(world, Verb.UNDRAIN, "ix-a")
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        await world.settle(300, every=30)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})

    story(tell)


def test_an_order_that_comes_twice_is_done_once() -> None:
    async def tell(world: World) -> None:
        given = ordered(world, Verb.DRAIN, "ix-b", key="slack/1")
        first = await order(world.aws, given)
        again = await order(world.gcp, given)
        assert (first.already, again.already) == (False, True)
        assert again.epoch == first.epoch

    story(tell)


def test_rows_that_were_decided_on_meanwhile_are_read_again_and_the_order_is_of_what_they_say() -> None:
    async def tell(world: World) -> None:
        for store in world.table.stores:
            store.forecast = lambda operation: Weather(delay=2.0 if operation == "prepare" else 0.0)
        ordering = asyncio.ensure_future(order(world.aws, ordered(world, Verb.DRAIN, "ix-c")))
        await world.clock.sleep(1)
        for store in world.table.stores:
            store.forecast = fair
        world.twin.network.blackhole("ix-a")
        for cloud in Cloud:
            await world.report(cloud)
        assert (await world.plan()).links[IX_A].verdict is Verdict.DOWN
        plan = (await ordering).plan
        assert (plan.links[IX_A].verdict, plan.links[LinkName("ix-c")].drain is None) == (Verdict.DOWN, False)

    story(tell)


@pytest.mark.parametrize(
    ("verb", "target", "why"),
    [
        (Verb.DRAIN, "ix-z", "there is no link ix-z: did you mean ix-"),
        (Verb.UNDRAIN, "IX-B", "there is no link IX-B: did you mean ix-b"),
        (Verb.UNDRAIN, "ix-a", "ix-a is not drained"),
        (Verb.APPROVE, "0123456789abcdef", "approval for another plan's hash"),
        (Verb.DENY, "0123456789abcdef", "denial for another plan's hash"),
        (Verb.PIN, "checkout>ix-b", "would part its directions"),
        (Verb.PIN, "checkout>ix-a", "BGP leads it there"),
        (Verb.PIN, "checkout", "write it as FLOW>LINK"),
        (Verb.ACK, "ix-a@7", "there is no open incident"),
        (Verb.ADOPT, "", "an adopt is not decided on with links and flows: use pointsman adopt"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words_and_moves_nothing(verb: Verb, target: str, why: str) -> None:
    async def tell(world: World) -> None:
        await refused(world, ordered(world, verb, target), why)

    story(tell)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"author": " "}, "needs an author and a reason"),
        ({"reason": ""}, "needs an author and a reason"),
        ({"author": "pointsman"}, "gives no orders"),
        ({"expires_at": "just over"}, "expired at"),
    ],
)
def test_an_order_without_author_reason_or_time_left_is_refused_and_moves_nothing(change: dict[str, str], why: str) -> None:
    async def tell(world: World) -> None:
        over = world.clock.now() - timedelta(seconds=2)
        values = {name: over if value == "just over" else value for name, value in change.items()}
        await refused(world, replace(ordered(world, Verb.DRAIN, "ix-a"), **values), why)

    story(tell)


def test_an_order_that_is_heard_too_late_is_refused() -> None:
    async def tell(world: World) -> None:
        given = ordered(world, Verb.DRAIN, "ix-a", lasts=HOUR * 9)
        await world.clock.sleep(HEARD_WITHIN.total_seconds() + 1)
        await world.settle(30)
        await refused(world, given, "is heard only now")

    story(tell)


def test_the_last_healthy_path_is_not_drained_by_an_order() -> None:
    async def tell(world: World) -> None:
        await carried_out(world, Verb.DRAIN, "ix-a", lasts=HOUR)
        await refused(world, ordered(world, Verb.DRAIN, "ix-b"), "ix-b is not drained: no other link")

    story(tell, fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=(replace(CHECKOUT, prefer=(IX_A, LinkName("ix-b"))),)))


def test_a_flow_that_has_no_other_permitted_link_keeps_its_own() -> None:
    async def tell(world: World) -> None:
        await refused(world, ordered(world, Verb.DRAIN, "ix-a"), "no other link that training may use")

    both, only = replace(CHECKOUT, prefer=(IX_A, LinkName("ix-b"))), replace(TRAINING, prefer=(IX_A,))
    story(tell, fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=(both, only)))


def test_an_ordered_drain_gives_way_when_a_flow_has_no_other_way() -> None:
    async def tell(world: World) -> None:
        await world.settle(400, every=60)
        await carried_out(world, Verb.DRAIN, "ix-a", lasts=HOUR)
        world.twin.network.blackhole("ix-b")
        await world.settle(60)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})

    story(tell, fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=(replace(CHECKOUT, prefer=(IX_A, LinkName("ix-b"))),)))


def test_a_link_in_mode_observe_is_not_drained_by_an_order() -> None:
    async def tell(world: World) -> None:
        await refused(world, ordered(world, Verb.DRAIN, "ix-a"), "mode observe")

    story(tell, fabric(link("ix-a", 10 * G, mode=Mode.OBSERVE), link("ix-b", 10 * G), link("ix-c", 10 * G), vpn()))


def test_an_ack_is_noted_in_the_incident_once() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.settle(30)
        epoch = (await world.plan()).links[IX_A].down_since_epoch
        for name in (f"ix-a@{epoch}", f"atlas/ix-a@{epoch}"):
            await order(world.gcp, ordered(world, Verb.ACK, name))
        reading = await world.aws.registers.read(f"incident/atlas/ix-a@{epoch}")
        assert str(reading.value).count('"text":"acknowledged by operator: fibre works"') == 1

    story(tell)


async def stilled(world: World, verb: Verb, *, lasts: timedelta | None = None) -> Stilled:
    return await still(world.aws, ordered(world, verb, lasts=lasts))


def test_a_freeze_sets_the_plan_and_both_flags_and_stops_all_steering_until_it_is_thawed() -> None:
    async def tell(world: World) -> None:
        frozen = await stilled(world, Verb.FREEZE)
        assert frozen.complete
        assert {flag.state for flag in world.flags.values()} == {FlagState.SET}
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})
        await refused(world, ordered(world, Verb.DRAIN, "ix-b"), "thaw first")
        assert (await stilled(world, Verb.THAW)).complete
        await world.settle(60)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    story(tell)


def test_a_frozen_plan_writes_no_lever_even_where_no_flag_could_be_set() -> None:
    async def tell(world: World) -> None:
        await order(world.aws, ordered(world, Verb.DRAIN, "ix-a"))
        await order(world.aws, ordered(world, Verb.FREEZE))
        writes = len(world.twin.writes)
        await world.settle(60)
        assert (await world.plan()).links[IX_A].drain is not None
        assert (len(world.twin.writes), world.links("checkout")) == (writes, ({"ix-a"}, {"ix-a"}))
        await carried_out(world, Verb.THAW)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    story(tell)


def test_a_freeze_that_may_not_be_writes_no_flag() -> None:
    async def tell(world: World) -> None:
        with pytest.raises(Refused, match="holds for 7 days at most"):
            await stilled(world, Verb.FREEZE, lasts=timedelta(days=8))
        assert {flag.state for flag in world.flags.values()} == {FlagState.CLEAR}

    story(tell)


def test_a_freeze_that_comes_again_after_its_thaw_says_that_the_plan_is_not_frozen() -> None:
    async def tell(world: World) -> None:
        given = ordered(world, Verb.FREEZE, key="slack/9")
        await still(world.aws, given)
        await stilled(world, Verb.THAW)
        assert "thawed or ended since" in (await still(world.aws, given)).unagreed

    story(tell)


def test_a_plans_freeze_ends_by_itself() -> None:
    async def tell(world: World) -> None:
        await order(world.aws, ordered(world, Verb.FREEZE, lasts=HOUR))
        await world.settle(HOUR.total_seconds() - 700, every=600)
        world.twin.network.blackhole("ix-a")
        await world.settle(30)
        assert (await world.plan()).freeze is not None
        await world.settle(700, every=60)
        assert (await world.plan()).freeze is None
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    story(tell)


class Deaf:
    """A flag that cannot be reached from here."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    async def read(self) -> FlagState:
        return FlagState.UNREADABLE

    async def write(self, frozen: bool, note: str) -> None:  # noqa: FBT001 - the port's own yes or no
        raise Transient(f"no credentials for {self.cloud} ({frozen=}, {note=})")


def test_a_freeze_names_the_flag_that_it_missed_and_sets_the_others() -> None:
    async def tell(world: World) -> None:
        half = dataclasses.replace(world.gcp, flags={Cloud.AWS: Deaf(Cloud.AWS), Cloud.GCP: world.flags[Cloud.GCP]})
        found = await still(half, ordered(world, Verb.FREEZE))
        assert (found.complete, found.written, set(found.missed)) == (False, (Cloud.GCP,), {Cloud.AWS})
        assert world.flags[Cloud.GCP].state is FlagState.SET
        assert (await world.plan()).freeze is not None
        thawed = await still(half, ordered(world, Verb.THAW))
        assert thawed.still == ("the freeze flag of aws is unreadable",)

    story(tell)


def test_a_freeze_without_a_majority_still_sets_the_flags() -> None:
    async def tell(world: World) -> None:
        for store in world.table.stores[:2]:
            store.forecast = lambda _: Weather(fault=Fault.DOWN)
        found = await stilled(world, Verb.FREEZE)
        assert (found.written, found.heeded) == ((Cloud.AWS, Cloud.GCP), None)
        assert "no majority" in found.unagreed

    story(tell)


def pinned_world() -> Fabric:
    return fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), link("ix-c", 10 * G, cost=0.02), vpn())


def test_a_pin_is_taken_from_a_person_where_all_but_the_levers_call_for_it_and_ends_with_its_target() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        await carried_out(world, Verb.PIN, "checkout>ix-b", lasts=HOUR)
        (pin,) = (await world.plan()).pins
        assert (pin.flow, pin.link, pin.owner, pin.reason) == ("checkout", "ix-b", "operator", "fibre works")
        world.twin.network.blackhole("ix-b")
        await world.settle(60)
        assert (await world.plan()).pins == ()

    story(tell, pinned_world())


def test_the_cloud_that_pins_does_so_as_soon_as_it_is_woken_and_lets_go_as_soon() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        await order(world.gcp, ordered(world, Verb.PIN, "checkout>ix-b", lasts=HOUR))
        await woken(world, Cloud.AWS)
        assert pinned(world) == {"checkout"}
        world.twin.network.blackhole("ix-b")
        await world.settle(60, clouds=(Cloud.GCP,))
        assert (await world.plan()).pins == ()
        await woken(world, Cloud.AWS)
        assert pinned(world) == set()

    whole = pinned_world()
    story(
        tell, replace(whole, flows=tuple(replace(one, prefer=tuple(name for name in one.prefer if name != "vpn")) for one in whole.flows))
    )


def test_a_fabric_that_lost_a_link_which_still_carries_a_pin_is_refused_and_moves_nothing() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        await carried_out(world, Verb.PIN, "checkout>ix-b", lasts=HOUR)
        lost = fabric(link("ix-a", 10 * G), link("ix-c", 10 * G), vpn(), flows=(replace(CHECKOUT, prefer=(IX_A, LinkName("vpn"))),))
        house = dataclasses.replace(world.gcp, fabrics=(world.gcp.current, lost))
        before, writes = await world.plan(), len(world.twin.writes)
        with pytest.raises(Refused, match="the pin of checkout to ix-b would be forgotten: let it end first"):
            await adopt(house, author="operator", reason="ix-b is to go", force=True)
        assert (await world.plan(), len(world.twin.writes)) == (before, writes)

    story(tell, pinned_world())


def test_the_other_cloud_is_woken_once_an_order_is_agreed() -> None:
    async def tell(world: World) -> None:
        woken: list[int] = []

        async def nudge(_: str, epoch: int) -> None:
            woken.append(epoch)

        heeded = await order(dataclasses.replace(world.aws, nudge=nudge), ordered(world, Verb.DRAIN, "ix-b"))
        assert woken == [heeded.epoch]

    story(tell)


def test_a_plan_with_an_order_reads_back_as_it_was_written() -> None:
    async def tell(world: World) -> None:
        heeded = await order(world.aws, ordered(world, Verb.DRAIN, "ix-b"))
        value = (await world.aws.registers.read("plan/atlas")).value
        assert value is not None
        assert parse(value, type(heeded.plan)) == heeded.plan

    story(tell)
