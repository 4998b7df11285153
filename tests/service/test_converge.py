"""The loop over the in-process twin, on virtual time: what is asserted is traffic, rows and requests."""

import asyncio
import dataclasses
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud, Fabric, LinkName, Mode, Policy
from pointsman.core.incidents import Incident, Letter, Phase, Ticket
from pointsman.core.plan import FlagState, Plan, Verdict
from pointsman.core.steering import LeverKind, RoutePolicies
from pointsman.service.converge import Report, converge
from pointsman.service.deliver import agreed_plan, deliver
from pointsman.service.gather import note
from pointsman.service.house import House
from pointsman.service.sweep import sweep
from pointsman.testing.inprocess import ROUND_TRIP, MemoryFlag, Table, Twin, house, probes, table, twin
from pointsman.testing.stores import Weather
from pointsman.testing.virtual import VirtualClock, run
from tests.core.scene import G, fabric, link, vpn

ROOMY = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), link("ix-c", 10 * G, cost=0.02), vpn())


class LedgerDesk:
    """A desk that keeps the port's promise: one ticket per key while it is open."""

    name = "noc"

    def __init__(self) -> None:
        self.tickets: dict[str, Phase] = {}
        self.told: list[str] = []
        self.told_of: list[tuple[str, str]] = []

    async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
        assert incident.link, "every ticket names its link"
        self.told.append(letter.ask)
        self.told_of.append((incident.link, letter.ask))
        self.tickets[key] = Phase.RESOLVED if letter.ask == "resolve" else Phase.OPEN
        return Ticket(desk=self.name, reference=key, phase=self.tickets[key])


@dataclass
class World:
    clock: VirtualClock
    twin: Twin
    table: Table
    aws: House
    gcp: House
    flags: dict[Cloud, MemoryFlag]
    desk: LedgerDesk

    def house(self, cloud: Cloud) -> House:
        return self.aws if cloud is Cloud.AWS else self.gcp

    async def report(self, cloud: Cloud) -> Report:
        """Let one cloud's prober report what it sees."""
        return await converge(self.house(cloud), probes(self.twin, cloud))

    async def settle(self, span: float, *, clouds: tuple[Cloud, ...] = tuple(Cloud), every: float = 20) -> None:
        """Let time pass with probers reporting and sweeps running on these clouds."""
        end = self.clock.monotonic() + span
        while self.clock.monotonic() < end:
            for cloud in clouds:
                await self.report(cloud)
                await sweep(self.house(cloud))
            await self.clock.sleep(every)
        self.twin.catch_up()

    async def plan(self) -> Plan:
        plan = await agreed_plan(self.gcp)
        assert plan is not None
        return plan

    def links(self, flow: str) -> tuple[set[str], set[str]]:
        self.twin.catch_up()
        path = self.twin.network.path(flow)
        return set(path.to_gcp.links), set(path.to_aws.links)

    def requests(self) -> dict[str, int]:
        counted: dict[str, int] = {}
        for store in self.table.stores:
            for what, _ in store.traffic:
                counted[what] = counted.get(what, 0) + 1
        return counted

    def forget_requests(self) -> None:
        for store in self.table.stores:
            store.traffic.clear()
        self.twin.trips.clear()


def build(start: Fabric) -> World:
    clock = VirtualClock()
    world, stores = twin(start, clock), table(clock)
    counter = itertools.count(1)
    flags = {cloud: MemoryFlag(cloud) for cloud in Cloud}
    desk = LedgerDesk()

    def furnished(cloud: Cloud) -> House:
        bare = house(world, stores, cloud, flags=flags, nonce=lambda: f"{next(counter):016x}")
        return dataclasses.replace(bare, desks={"noc": desk})

    return World(clock, world, stores, furnished(Cloud.AWS), furnished(Cloud.GCP), flags, desk)


def story(tell: Callable[[World], Awaitable[None]], start: Fabric | None = None) -> None:
    async def main() -> None:
        world = build(start or fabric())
        await world.settle(1)
        await world.settle(1)
        await tell(world)

    run(main())


def test_the_steady_state_puts_both_directions_of_each_flow_where_it_is_placed() -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})
        assert world.links("training") == ({"ix-a"}, {"ix-a"})

    story(tell)


def test_a_grey_link_is_drained_in_both_directions_from_googles_side() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        await world.report(Cloud.AWS)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})
        report = await world.report(Cloud.GCP)
        assert report.agreed
        await world.clock.sleep(5)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        assert world.links("training") == ({"ix-c"}, {"ix-c"})

    story(tell)


def test_a_grey_link_is_drained_in_both_directions_from_awss_side_with_google_dead() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        assert await note(world.gcp, probes(world.twin, Cloud.GCP)) == ""
        await world.report(Cloud.AWS)
        await world.clock.sleep(5)
        to_gcp, to_aws = world.links("checkout")
        assert "ix-a" not in to_gcp | to_aws
        assert world.twin.network.reaches("aws-use1", "gcp-use4")

    story(tell, ROOMY)


def test_awss_drain_waits_for_googles_finer_lever_while_it_would_overload_the_next_link() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        assert await note(world.gcp, probes(world.twin, Cloud.GCP)) == ""
        report = await world.report(Cloud.AWS)
        assert report.agreed
        assert not world.twin.network.failover_tests("dxvif-1")
        await world.report(Cloud.GCP)
        await world.clock.sleep(5)
        assert (world.links("checkout"), world.links("training")) == (({"ix-b"}, {"ix-b"}), ({"ix-c"}, {"ix-c"}))

    story(tell)


def test_aws_takes_over_with_google_dead_since_some_loss_is_better_than_all() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        assert await note(world.gcp, probes(world.twin, Cloud.GCP)) == ""
        await world.report(Cloud.AWS)
        await world.settle(60, clouds=(Cloud.AWS,))
        assert world.twin.network.failover_tests("dxvif-1")[0].ended is None
        assert world.twin.network.loss("checkout") < 0.3
        assert (await world.plan()).links[LinkName("ix-b")].drain is None

    story(tell)


def test_awss_bridge_is_taken_away_once_googles_lever_is_set_and_traffic_stays_off_the_link() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        await world.report(Cloud.GCP)
        await world.report(Cloud.AWS)
        assert world.twin.network.failover_tests("dxvif-1")[0].ended is None
        await world.settle(60)
        assert world.twin.network.failover_tests("dxvif-1")[0].ended is not None
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    story(tell, ROOMY)


def test_a_healed_link_gets_its_flows_back_after_the_hold_down_and_the_ticket_closes() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        await world.settle(60)
        assert list(world.desk.tickets.values()) == [Phase.OPEN]
        world.twin.network.heal("ix-a")
        await world.settle(200)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        await world.settle(240)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})
        assert list(world.desk.tickets.values()) == [Phase.RESOLVED]
        assert world.desk.told == ["open", "resolve"]
        assert (await world.plan()).links[LinkName("ix-a")].closing == ()

    story(tell)


def test_a_new_fault_costs_four_sequential_trips_to_the_levers_write() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        await world.report(Cloud.AWS)
        world.forget_requests()
        await world.report(Cloud.GCP)
        counted = world.requests()
        assert (counted["prepare"], counted["accept"]) == (3, 3)
        applied = [what for _, what in world.twin.trips if what.startswith("apply")]
        observed = [what for _, what in world.twin.trips if what.startswith("observe")]
        first = next(index for index, (_, what) in enumerate(world.twin.trips) if what.startswith("apply"))
        assert applied
        assert all(what.startswith(("observe", "look")) for _, what in world.twin.trips[:first])
        assert len(observed) == len(set(observed))

    story(tell)


def far_away(world: World) -> None:
    for store in world.table.stores:
        store.forecast = lambda _: Weather(delay=ROUND_TRIP / 2, reply_delay=ROUND_TRIP / 2)


def test_a_duplicate_is_answered_after_one_round_trip() -> None:
    async def tell(world: World) -> None:
        await world.settle(30)
        claims = probes(world.twin, Cloud.GCP)
        await converge(world.gcp, claims)
        far_away(world)
        begun = world.clock.monotonic()
        await converge(world.gcp, claims)
        assert world.clock.monotonic() - begun == pytest.approx(ROUND_TRIP)

    story(tell)


def test_a_duplicate_ends_after_the_first_trip_and_writes_no_register() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        await world.report(Cloud.AWS)
        claims = probes(world.twin, Cloud.GCP)
        await converge(world.gcp, claims)
        world.forget_requests()
        report = await converge(world.gcp, claims)
        counted = world.requests()
        assert not report.agreed
        assert "prepare" not in counted
        assert "accept" not in counted
        assert counted["read"] == 3
        assert not [what for _, what in world.twin.trips if what.startswith("apply")]

    story(tell)


@pytest.mark.parametrize("lost", ["aws", "gcp", "witness"])
def test_the_reaction_survives_the_loss_of_any_one_store(lost: str) -> None:
    async def tell(world: World) -> None:
        getattr(world.table, lost).break_down()
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        for _ in range(2):
            for cloud in Cloud:
                await world.report(cloud)
        await world.clock.sleep(5)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    story(tell)


def test_without_a_majority_nothing_moves_and_the_event_comes_again() -> None:
    async def tell(world: World) -> None:
        world.table.aws.break_down()
        world.table.gcp.break_down()
        writes = len(world.twin.writes)
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        with pytest.raises(Transient, match="majority"):
            await world.report(Cloud.GCP)
        assert len(world.twin.writes) == writes

    story(tell)


def test_a_freeze_stops_every_write_until_it_is_cleared() -> None:
    async def tell(world: World) -> None:
        world.flags[Cloud.AWS].state = FlagState.SET
        writes = len(world.twin.writes)
        world.twin.network.blackhole("ix-a")
        await world.settle(30)
        assert len(world.twin.writes) == writes
        world.flags[Cloud.AWS].state = FlagState.CLEAR
        await world.settle(30)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    story(tell)


def test_a_hand_edit_of_a_policy_is_put_right_by_the_next_sweep() -> None:
    async def tell(world: World) -> None:
        await world.settle(30)
        lever = world.gcp.levers[LeverKind.ROUTE_POLICY]
        await lever.apply(RoutePolicies(link=LinkName("ix-b")), await lever.observe("ix-b"), "by hand")
        await world.settle(30)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})

    story(tell)


def test_ten_reports_at_once_from_both_clouds_agree_on_one_epoch_and_one_ticket() -> None:
    async def tell(world: World) -> None:
        await world.settle(30)
        before = (await world.plan()).epoch
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        ends = await asyncio.gather(*(world.report(cloud) for cloud in Cloud for _ in range(5)), return_exceptions=True)
        assert all(isinstance(end, Report | Transient) for end in ends), ends
        await world.settle(60)
        plan = await world.plan()
        assert plan.links[LinkName("ix-a")].verdict is Verdict.DOWN
        assert plan.epoch <= before + 3
        assert list(world.desk.tickets.values()) == [Phase.OPEN]

    story(tell)


def test_two_deliveries_at_once_open_one_ticket() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        for cloud in (Cloud.AWS, Cloud.GCP):
            await world.report(cloud)
        await asyncio.gather(deliver(world.aws), deliver(world.gcp), return_exceptions=True)
        await world.clock.sleep(60)
        await asyncio.gather(deliver(world.aws), deliver(world.gcp), return_exceptions=True)
        assert world.desk.told == ["open"]

    story(tell)


def test_a_link_in_observe_gets_a_ticket_and_no_write() -> None:
    start = fabric(link("ix-a", 10 * G, mode=Mode.OBSERVE), link("ix-b", 5 * G), link("ix-c", 10 * G), vpn(), policy=Policy(mode=Mode.AUTO))

    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        await world.settle(60)
        assert list(world.desk.tickets.values()) == [Phase.OPEN]
        assert (await world.plan()).links[LinkName("ix-a")].drain is None

    story(tell, start)


def test_the_agreed_plan_and_incident_read_back_from_any_two_stores() -> None:
    async def tell(world: World) -> None:
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        await world.settle(40)
        plan = await world.plan()
        for store in world.table.stores:
            store.break_down()
            assert await agreed_plan(world.aws) == plan
            store.mend()

    story(tell)
