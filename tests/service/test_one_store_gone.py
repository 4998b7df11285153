"""With any one of the three stores gone, a warm reaction waits a little longer for the slowest remaining one, on virtual time.

One answer longer by the path of prepare and accept. What is foreseen is written beside its agreement while both clouds' rows can be
read (docs/fastpath.md); with a cloud's own store gone it takes that path, two round trips more.
"""

import dataclasses
from statistics import median

import pytest

from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.values import replace
from pointsman.quorum.ballots import ballot
from pointsman.service.converge import converge
from pointsman.service.deliver import agreed_plan
from pointsman.service.gather import note
from pointsman.service.house import House
from pointsman.service.registers import Registers
from pointsman.service.slowness import ROWS_SECONDS
from pointsman.service.sweep import sweep
from pointsman.testing.inprocess import probes
from pointsman.testing.stores import Fault, MemoryStore, Weather
from tests.service.test_converge import ROOMY, World, story

OWN, OTHER, WITNESS = 0.005, 0.03, 0.04
"""Seconds that a request to each store takes, there and back: the witness is a little farther than the other cloud."""


def latencies(cloud: Cloud) -> dict[str, float]:
    return {cloud.value: OWN, cloud.other.value: OTHER, "witness": WITNESS}


ROUNDS = 3
EPSILON = 0.001
ABOVE = ballot(10**9, "f" * 16)
SILENT = Weather(delay=60.0)
REFUSING = Weather(fault=Fault.DOWN)


async def reaction(world: World, cloud: Cloud, gone: str | None, how: Weather) -> float:
    """Let the link go grey and heal again; gives the seconds from the event to the lever's write."""
    for store in world.table.stores:
        store.mend()
    world.twin.network.heal("ix-a")
    await world.settle(700)
    for store in world.table.stores:
        seconds = latencies(cloud)[store.name] / 2
        weather = how if store.name == gone else Weather(delay=seconds, reply_delay=seconds)
        store.forecast = lambda _, weather=weather: weather  # type: ignore[misc]
    if gone:
        await world.settle(1, clouds=(cloud,))
    world.twin.network.blackhole("ix-a")
    await world.clock.sleep(1)
    await world.report(cloud.other)
    claims, begun, written = probes(world.twin, cloud), world.clock.monotonic(), len(world.twin.writes)
    await converge(world.house(cloud), claims)
    assert len(world.twin.writes) > written
    return world.twin.writes[written][0] - begun


@pytest.mark.usefixtures("normal_path")
@pytest.mark.parametrize("how", [REFUSING, SILENT], ids=["refusing", "silent"])
@pytest.mark.parametrize("gone", ["aws", "gcp", "witness"])
@pytest.mark.parametrize("cloud", list(Cloud))
def test_a_reaction_grows_by_no_more_than_the_slowest_remaining_stores_latency(cloud: Cloud, gone: str, how: Weather) -> None:
    async def tell(world: World) -> None:
        whole = median([await reaction(world, cloud, None, how) for _ in range(ROUNDS)])
        without = median([await reaction(world, cloud, gone, how) for _ in range(ROUNDS)])
        slowest = max(seconds for name, seconds in latencies(cloud).items() if name != gone)
        assert without - whole <= slowest + EPSILON

    story(tell, ROOMY)


@pytest.mark.parametrize("how", [REFUSING, SILENT], ids=["refusing", "silent"])
@pytest.mark.parametrize("gone", ["aws", "gcp", "witness"])
@pytest.mark.parametrize("cloud", list(Cloud))
def test_what_is_foreseen_is_steered_as_soon_or_by_the_path_of_prepare_and_accept(cloud: Cloud, gone: str, how: Weather) -> None:
    async def tell(world: World) -> None:
        whole = median([await reaction(world, cloud, None, how) for _ in range(ROUNDS)])
        without = median([await reaction(world, cloud, gone, how) for _ in range(ROUNDS)])
        slowest = max(seconds for name, seconds in latencies(cloud).items() if name != gone)
        trips = 1 if gone == "witness" else 3
        assert without - whole <= trips * slowest + EPSILON

    story(tell, ROOMY)


def test_leftovers_of_an_earlier_outage_in_the_witness_block_no_decision_and_count_for_nothing() -> None:
    async def tell(world: World) -> None:
        world.table.gcp.break_down()
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        await world.report(Cloud.GCP)
        world.table.gcp.mend()
        world.twin.network.heal("ix-a")
        await world.settle(40)
        before = await world.plan()
        world.table.gcp.break_down()
        assert (await world.report(Cloud.AWS)).plan.links == before.links
        world.twin.network.blackhole("ix-b")
        await world.clock.sleep(1)
        assert (await world.report(Cloud.AWS)).agreed

    story(tell, ROOMY)


def test_a_store_that_kept_silent_is_asked_again_and_waited_for_once_it_answers() -> None:
    async def tell(world: World) -> None:
        await world.settle(30)
        world.table.gcp.forecast = lambda _: SILENT
        await world.report(Cloud.AWS)
        assert world.aws.silent == {"gcp"}
        world.table.gcp.mend()
        await world.report(Cloud.AWS)
        assert world.aws.silent == set()

    story(tell)


def test_two_clouds_that_reach_only_their_own_store_and_the_witness_decide_together() -> None:
    async def tell(world: World) -> None:
        await world.settle(30)
        for cloud in Cloud:
            part(world, cloud)
        await world.settle(30)
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        for cloud in (*Cloud, *Cloud):
            await world.report(cloud)
        await world.clock.sleep(5)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        assert (await agreed_plan(world.aws)) == (await agreed_plan(world.gcp))

    story(tell, ROOMY)


def test_a_lever_that_was_set_just_before_the_clouds_were_parted_is_known_to_both() -> None:
    """Google's row about its lever is in its own store alone: unless it comes to the witness, AWS's own drain hides the link for ever."""

    async def tell(world: World) -> None:
        await world.settle(30)
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        for cloud in Cloud:
            await note(world.house(cloud), probes(world.twin, cloud))
        part(world, Cloud.AWS)
        await world.report(Cloud.AWS)
        await sweep(world.gcp)
        part(world, Cloud.GCP)
        await world.settle(120)
        world.twin.network.heal("ix-a")
        await world.settle(700)
        plan = await agreed_plan(world.aws)
        assert plan is not None
        assert plan.links[LinkName("ix-a")].drain is None
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})

    story(tell, ROOMY)


def part(world: World, cloud: Cloud) -> None:
    """Let a cloud no longer reach the other one's store."""
    blocked = world.table.gcp if cloud is Cloud.AWS else world.table.aws
    unreachable = MemoryStore(blocked.name, world.clock)
    unreachable.break_down()
    setattr(world, cloud.value, cut_off(world.house(cloud), blocked, unreachable))


def cut_off(house: House, blocked: MemoryStore, unreachable: MemoryStore) -> House:
    def seen(store: MemoryStore) -> MemoryStore:
        return unreachable if store is blocked else store

    stores = [seen(one) for one in (house.rows[Cloud.AWS], house.rows[Cloud.GCP], house.witness)]  # type: ignore[arg-type]
    registers = Registers(stores, clock=house.clock, nonce=house.nonce, jitter=lambda: 0.5)
    return dataclasses.replace(
        house,
        registers=registers,
        rows={Cloud.AWS: stores[0], Cloud.GCP: stores[1]},
        spares=tuple(one for one in stores if one.name != house.here),
    )


def test_a_read_of_stores_that_do_not_agree_waits_only_briefly_for_a_silent_one() -> None:
    async def tell(world: World) -> None:
        register = world.aws.plan_register
        held = (await world.table.aws.read(register)).row
        odd = replace(held, promised=ABOVE, accepted=ABOVE)  # a proposer died when one store had its accept
        world.table.aws.roll_back(replace(world.table.aws.snapshot(), registers={register: odd}))
        world.table.gcp.forecast = lambda _: SILENT
        begun = world.clock.monotonic()
        reading = await world.aws.registers.read(register)
        assert (reading.confirmed, reading.reached, reading.value) == (False, True, held.value)
        assert world.clock.monotonic() - begun < 1

    story(tell)


def test_the_time_that_loading_takes_is_no_stores_silence() -> None:
    """A cold function on a slow machine loads the other cloud's part for longer than it would wait for an answer."""

    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        await world.report(Cloud.GCP)
        end = world.clock.monotonic() + 2 * ROWS_SECONDS

        def left() -> float:
            return max(0.0, end - world.clock.monotonic())

        for store in world.table.stores[1:]:
            store.forecast = lambda _: Weather(delay=left())
        cold = dataclasses.replace(world.aws, loaded=lambda: world.clock.sleep(left()), silent=set(), dark=set())
        await converge(cold, probes(world.twin, Cloud.AWS))
        assert (cold.silent, cold.dark) == (set(), set())
        plan = await agreed_plan(cold)
        assert plan is not None
        assert plan.links[LinkName("ix-a")].drain is not None

    story(tell, ROOMY)
