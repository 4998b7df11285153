"""A failure that was foreseen is carried out beside its agreement: when, at what cost, and what becomes of it when that fails."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from pointsman.core.contingency import contingencies, explained
from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.intents import is_intent, standing
from pointsman.core.modes import NoQuorum
from pointsman.core.plan import Drain, DrainCause, Freeze, Plan
from pointsman.core.sightings import Sighting
from pointsman.core.steering import FailoverTest, LeverKind, Observed, RoutePolicies, Setting, Verified
from pointsman.core.values import canonical, digest, parse, replace
from pointsman.core.wants import route_policies
from pointsman.ports.clouds import Lever
from pointsman.quorum.outcomes import Agreed
from pointsman.service import fastpath
from pointsman.service.converge import Report, converge
from pointsman.service.enact import UNPROVED
from pointsman.service.gather import note
from pointsman.service.sweep import sweep
from pointsman.testing.inprocess import ROUND_TRIP, probes
from pointsman.testing.stores import Fault, Weather
from tests.core.scene import TRAINING, G, fabric, flow, link
from tests.service.test_converge import ROOMY, World, far_away, story

FLOWS = (flow("checkout", 1 * G, 1, ("ix-a", "ix-b", "ix-c"), 20), TRAINING)
STEADY = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), link("ix-c", 10 * G, cost=0.02), flows=FLOWS)
IX_A = LinkName("ix-a")
HOME, AWAY = ({"ix-a"}, {"ix-a"}), ({"ix-b"}, {"ix-b"})


async def goes_grey(world: World, cloud: Cloud) -> None:
    """Let a link lose its packets; the other cloud's prober has reported it already."""
    await world.settle(60)
    world.twin.network.blackhole("ix-a")
    await world.clock.sleep(1)
    await world.report(cloud.other)


async def intents(world: World, cloud: Cloud) -> tuple[Sighting, ...]:
    store = world.table.aws if cloud is Cloud.AWS else world.table.gcp
    return tuple(row for row in (await store.rows(cloud)).rows if is_intent(row))


def no_prepare(operation: str) -> Weather:
    return Weather(fault=Fault.DOWN if operation == "prepare" else Fault.NONE)


def refuse_to_agree(world: World) -> None:
    """Let every store answer reads, and none agree to anything."""
    for store in world.table.stores:
        store.forecast = no_prepare


def mend(world: World) -> None:
    for store in world.table.stores:
        store.mend()


async def agreed_to(world: World, step: Callable[[Plan], Plan]) -> Plan:
    """Let a majority hold a plan that somebody else made of the agreed one."""

    def change(value: str | None) -> str:
        plan = parse(value or "", Plan)
        return canonical(replace(step(plan), epoch=plan.epoch + 1, prev_digest=digest(canonical(plan)))).decode()

    outcome = await world.aws.registers.change(world.aws.plan_register, change)
    assert isinstance(outcome, Agreed)
    return await world.plan()


async def as_asked(world: World, plan: Plan) -> bool:
    """Say whether all of Google's levers read as a plan asks."""
    lever, start = world.gcp.levers[LeverKind.ROUTE_POLICY], world.twin.fabric
    return all([(await lever.observe(one.name)).setting == route_policies(start, plan, one) for one in start.links])


async def steps_in(world: World, other: Callable[[], Awaitable[object]]) -> Report:
    """Let Google react, and something else be agreed between its read and its prepare."""
    for store in world.table.stores:
        store.next("prepare", Weather(delay=1.0))
    reacting = asyncio.ensure_future(world.report(Cloud.GCP))
    await world.clock.sleep(0.5)
    await other()
    return await reacting


@pytest.mark.parametrize("cloud", list(Cloud))
def test_on_either_cloud_the_write_reaches_the_api_two_round_trips_after_the_event(cloud: Cloud) -> None:
    async def tell(world: World) -> None:
        await goes_grey(world, cloud)
        far_away(world)
        before, claims = await world.plan(), probes(world.twin, cloud)
        begun, written = world.clock.monotonic(), len(world.twin.writes)
        report = await converge(world.house(cloud), claims)
        assert world.twin.writes[written][0] - begun == pytest.approx(2 * ROUND_TRIP)
        assert report.stages["written"] == pytest.approx(2 * ROUND_TRIP)
        assert report.stages["agreed"] == pytest.approx(3 * ROUND_TRIP)
        assert (report.agreed, report.plan.epoch, report.again) == (True, before.epoch + 1, "")

    story(tell, ROOMY)


@pytest.mark.usefixtures("normal_path")
@pytest.mark.parametrize("cloud", list(Cloud))
def test_on_the_normal_path_it_reaches_the_api_four_round_trips_after_the_event(cloud: Cloud) -> None:
    async def tell(world: World) -> None:
        await world.settle(30)
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        await world.report(cloud.other)
        far_away(world)
        claims, begun, written = probes(world.twin, cloud), world.clock.monotonic(), len(world.twin.writes)
        report = await converge(world.house(cloud), claims)
        assert world.twin.writes[written][0] - begun == pytest.approx(4 * ROUND_TRIP)
        assert report.stages["noted"] == pytest.approx(ROUND_TRIP)
        assert report.stages["agreed"] == pytest.approx(3 * ROUND_TRIP)

    story(tell, ROOMY)


@pytest.mark.parametrize("cloud", list(Cloud))
def test_no_store_is_asked_anything_more_before_the_write_leaves_than_in_the_first_round_trip(cloud: Cloud) -> None:
    async def tell(world: World) -> None:
        await goes_grey(world, cloud)
        world.forget_requests()
        refuse_to_agree(world)
        with pytest.raises(NoQuorum):
            await converge(world.house(cloud), probes(world.twin, cloud))
        first = next(index for index, (_, what) in enumerate(world.twin.trips) if what.startswith("apply"))
        assert all(what.startswith(("observe", "look")) for _, what in world.twin.trips[:first])
        read = world.twin.trips[0][0]
        assert world.twin.trips[first][0] == pytest.approx(read + ROUND_TRIP)

    story(tell, ROOMY)


def test_what_is_steered_and_agreed_is_what_the_normal_path_comes_to(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[tuple[object, object, list[Setting]]] = []

    async def tell(world: World) -> None:
        await goes_grey(world, Cloud.GCP)
        written = len(world.twin.writes)
        report = await world.report(Cloud.GCP)
        steered = sorted((setting for _, setting in world.twin.writes[written:]), key=str)
        found.append((report.plan.links, report.plan.flows, steered))
        await world.clock.sleep(5)
        assert world.links("checkout") == AWAY

    story(tell)
    monkeypatch.setattr(fastpath, "CLAUSES", {"never": lambda _: False})
    story(tell)
    assert found[0] == found[1]


def test_the_intent_stands_beside_the_write_says_what_was_steered_and_is_over_with_the_agreement() -> None:
    seen: list[tuple[Plan, Sighting]] = []

    async def tell(world: World) -> None:
        await goes_grey(world, Cloud.GCP)
        before = await world.plan()

        async def meanwhile() -> None:
            seen.extend((before, row) for row in standing(Cloud.GCP, await intents(world, Cloud.GCP)))
            assert world.links("checkout") == AWAY

        await steps_in(world, meanwhile)
        (plan, row), *_ = seen
        announced = explained(world.twin.fabric, plan, row)
        assert announced is not None
        policies = [setting for _, setting in world.twin.writes if isinstance(setting, RoutePolicies)]
        assert policies[-1] == route_policies(world.twin.fabric, announced, world.twin.fabric.link(policies[-1].link))
        assert announced.flows == contingencies(world.twin.fabric, plan, row.seen_at)["ix-a"].flows
        assert standing(Cloud.GCP, await intents(world, Cloud.GCP)) == ()

    story(tell)


def test_an_agreement_of_the_other_cloud_that_came_between_is_obeyed_and_the_steer_taken_back_at_once() -> None:
    async def tell(world: World) -> None:
        await goes_grey(world, Cloud.GCP)

        async def heals() -> None:
            assert world.links("checkout") == AWAY
            world.twin.network.heal("ix-a")
            await world.clock.sleep(0.1)
            assert await note(world.gcp, probes(world.twin, Cloud.GCP)) == ""
            assert (await world.report(Cloud.AWS)).agreed

        report = await steps_in(world, heals)
        assert report.plan.links[IX_A].drain is None
        assert world.clock.now() - report.began < world.twin.fabric.policy.hold_down
        assert (world.links("checkout"), report.again) == (HOME, "")
        assert standing(Cloud.GCP, await intents(world, Cloud.GCP)) == ()

    story(tell)


def test_an_agreement_that_came_between_is_never_built_upon_by_the_steer() -> None:
    """Bound to the plan that was read: a person had the target drained meanwhile, and the levers follow that at once."""

    async def tell(world: World) -> None:
        await goes_grey(world, Cloud.GCP)

        async def ordered() -> None:
            assert world.links("checkout") == AWAY
            await agreed_to(world, lambda plan: _with_drain(plan, LinkName("ix-b")))

        report = await steps_in(world, ordered)
        assert report.plan.links[LinkName("ix-b")].drain is not None
        assert await as_asked(world, report.plan)
        await world.settle(60)
        assert world.links("checkout") == ({"ix-c"}, {"ix-c"})

    story(tell, STEADY)


def _with_drain(plan: Plan, link: LinkName) -> Plan:
    until = plan.decided_at + timedelta(hours=1)
    drain = Drain(cause=DrainCause.ORDER, since=plan.decided_at, epoch=plan.epoch + 1, enactor=Cloud.AWS, until=until, by="ann: an audit")
    return replace(plan, links=plan.links | {link: replace(plan.links[link], drain=drain)})


def test_a_freeze_that_came_between_stops_what_would_be_put_right_too_until_it_is_over() -> None:
    async def tell(world: World) -> None:
        await goes_grey(world, Cloud.GCP)
        freeze = Freeze(author="ann", reason="an audit", since=world.clock.now())

        async def froze() -> None:
            assert world.links("checkout") == AWAY
            await agreed_to(world, lambda plan: replace(plan, freeze=freeze))

        await steps_in(world, froze)
        writes = len(world.twin.writes)
        world.twin.network.heal("ix-a")
        await world.settle(60)
        assert (len(world.twin.writes), world.links("checkout")) == (writes, AWAY)
        assert standing(Cloud.GCP, await intents(world, Cloud.GCP)) != ()
        await agreed_to(world, lambda plan: replace(plan, freeze=None))
        await world.settle(1)
        assert world.links("checkout") == HOME
        assert standing(Cloud.GCP, await intents(world, Cloud.GCP)) == ()

    story(tell)


def test_a_steer_stands_while_no_majority_answers_and_the_next_sweep_with_one_agrees_to_it() -> None:
    async def tell(world: World) -> None:
        await goes_grey(world, Cloud.GCP)
        before = await world.plan()
        refuse_to_agree(world)
        with pytest.raises(NoQuorum, match="the steer that was foreseen for ix-a stands until a majority decides"):
            await world.report(Cloud.GCP)
        writes = len(world.twin.writes)
        assert world.links("checkout") == AWAY
        assert [row.value for row in standing(Cloud.GCP, await intents(world, Cloud.GCP))] == [before.epoch]
        with pytest.raises(NoQuorum):
            await world.report(Cloud.GCP)
        assert len(world.twin.writes) == writes
        mend(world)
        report = await sweep(world.gcp)
        assert (report.agreed, report.plan.epoch) == (True, before.epoch + 1)
        assert len(world.twin.writes) == writes
        assert standing(Cloud.GCP, await intents(world, Cloud.GCP)) == ()

    story(tell)


def test_a_steer_that_was_never_agreed_to_is_taken_back_without_a_hold_down_once_the_link_is_seen_well() -> None:
    async def tell(world: World) -> None:
        await goes_grey(world, Cloud.GCP)
        refuse_to_agree(world)
        with pytest.raises(NoQuorum):
            await world.report(Cloud.GCP)
        assert world.links("checkout") == AWAY
        mend(world)
        world.twin.network.heal("ix-a")
        await world.settle(1)
        assert (await world.plan()).links[IX_A].drain is None
        assert world.links("checkout") == HOME
        assert standing(Cloud.GCP, await intents(world, Cloud.GCP)) == ()

    story(tell)


@pytest.mark.parametrize("after", [0.011, 0.021, 0.5])
@pytest.mark.parametrize("finisher", list(Cloud))
def test_a_function_that_dies_beside_its_write_leaves_nothing_that_the_sweeps_do_not_bring_to_the_plan(
    after: float, finisher: Cloud
) -> None:
    async def tell(world: World) -> None:
        await goes_grey(world, Cloud.GCP)
        for store in world.table.stores:
            store.next("prepare", Weather(delay=60.0))
        dying = asyncio.ensure_future(world.report(Cloud.GCP))
        await world.clock.sleep(after)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        for cloud in (finisher, finisher.other):
            await sweep(world.house(cloud))
        plan = await world.plan()
        assert plan.links[IX_A].drain is not None
        assert await as_asked(world, plan)
        assert standing(Cloud.GCP, await intents(world, Cloud.GCP)) == ()

    story(tell)


def test_both_clouds_at_once_steer_alike_and_end_on_one_plan() -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        before = (await world.plan()).epoch
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        claims = {cloud: probes(world.twin, cloud) for cloud in Cloud}
        for cloud, store in ((Cloud.AWS, world.table.aws), (Cloud.GCP, world.table.gcp)):
            await store.note(cloud, claims[cloud])
        ends = await asyncio.gather(*(converge(world.house(cloud), claims[cloud]) for cloud in Cloud), return_exceptions=True)
        assert all(isinstance(end, Report | Transient) for end in ends), ends
        assert {type(setting) for _, setting in world.twin.writes[-8:]} >= {FailoverTest, RoutePolicies}
        await world.settle(60)
        assert (await world.plan()).epoch <= before + 2
        assert world.links("checkout") == AWAY
        for cloud in Cloud:
            assert standing(cloud, await intents(world, cloud)) == ()
        steps = [step for end in ends if isinstance(end, Report) for step in end.steps if step.written and not step.trouble]
        assert steps
        assert [step for step in steps if step.verified == UNPROVED] == []

    story(tell, ROOMY)


@dataclass
class Hearing:
    """A lever that tells of every write."""

    inner: Lever
    heard: Callable[[Setting, str], None]
    kind: LeverKind = LeverKind.ROUTE_POLICY

    async def observe(self, target: str) -> Observed:
        return await self.inner.observe(target)

    async def apply(self, want: Setting, observed: Observed, token: str) -> None:
        self.heard(want, token)
        await self.inner.apply(want, observed, token)

    async def undo(self, observed: Observed, token: str) -> None:
        await self.inner.undo(observed, token)

    async def verify(self, want: Setting) -> Verified:
        return await self.inner.verify(want)


def listening(world: World, heard: Callable[[Setting, str], None]) -> None:
    lever = Hearing(world.gcp.levers[LeverKind.ROUTE_POLICY], heard)
    world.gcp = dataclasses.replace(world.gcp, levers={LeverKind.ROUTE_POLICY: lever})


def test_each_lever_is_written_once_and_not_before_the_intent_is_under_way() -> None:
    async def tell(world: World) -> None:
        await goes_grey(world, Cloud.GCP)
        noted: list[tuple[Setting, int]] = []
        listening(world, lambda want, _: noted.append((want, world.table.gcp.count("note"))))
        before = world.table.gcp.count("note")
        await world.report(Cloud.GCP)
        assert noted
        assert len({str(want) for want, _ in noted}) == len(noted)
        assert {count for _, count in noted} == {before + 2}

    story(tell)


def test_a_write_beside_the_agreement_is_under_the_same_token_as_one_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a step that is delivered again is one step, whichever path it took."""
    tokens: list[set[str]] = []

    async def tell(world: World) -> None:
        await goes_grey(world, Cloud.GCP)
        heard: set[str] = set()
        listening(world, lambda _, token: heard.add(token))
        await world.report(Cloud.GCP)
        tokens.append(heard)

    story(tell)
    monkeypatch.setattr(fastpath, "CLAUSES", {"never": lambda _: False})
    story(tell)
    assert tokens[0] == tokens[1] != set()
