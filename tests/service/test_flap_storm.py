"""A link that comes and goes a thousand times in ten minutes, through the whole loop on virtual time.

An epoch of the storm is one of three: the leave with the suspicion before it, which an outage forces; a change of the
flapping link's verdict while few failures are counted; a discretionary move. Once the link is damped nothing that it
does is an epoch, so that all but the leave stay within the hourly budget however long the storm goes on.
"""

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import Phase as Step
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.damping import ceiling, under_at
from pointsman.core.fabric import Cloud, Damping, Fabric, FlowName, LinkName
from pointsman.core.incidents import Phase
from pointsman.core.plan import Plan
from pointsman.core.values import replace
from pointsman.service.deliver import deliver
from pointsman.service.status import status
from pointsman.service.sweep import sweep
from tests.core.scene import fabric
from tests.service.test_converge import World, story
from tests.service.test_status import table

IX_A = LinkName("ix-a")
ATLAS = fabric()
TRANSITIONS, SPAN = 1_000, 600.0
OBSERVED = "would be damped, and is only observed: penalty"
LEAVE = 2
"""Epochs that an outage forces: the suspicion, and the leave that the other cloud's word confirms."""


def observing(start: Fabric) -> Fabric:
    return replace(start, policy=replace(start.policy, damping=Damping(observe=True)))


async def storm(world: World, gaps: Sequence[float], *, link: str = "ix-a", heard: Sequence[Cloud] = tuple(Cloud)) -> list[Plan]:
    """Let a link change as often, after each gap; these clouds report each change, and both sweep every minute. Gives every plan seen."""
    plans, swept = [await world.plan()], world.clock.monotonic()
    for number, gap in enumerate(gaps):
        await world.clock.sleep(gap)
        (world.twin.network.heal if number % 2 else world.twin.network.blackhole)(link)
        world.twin.catch_up()
        plans += [(await world.report(cloud)).plan for cloud in heard]
        if world.clock.monotonic() - swept >= 60:
            swept = world.clock.monotonic()
            plans += [(await sweep(world.house(cloud))).plan for cloud in Cloud]
    world.twin.network.heal(link)
    return list({plan.epoch: plan for plan in plans}.values())


def about_the_link(plans: Sequence[Plan]) -> int:
    """Count the epochs that tell of links and flows; feeds that fall silent are told of too, and are none of the link's."""
    return sum(before.links != after.links or before.flows != after.flows for before, after in itertools.pairwise(plans))


async def calm(world: World, span: float) -> list[tuple[datetime, Plan]]:
    """Sweep every minute; give each plan with when it was seen."""
    found, end = [], world.clock.monotonic() + span
    while world.clock.monotonic() < end:
        for cloud in Cloud:
            await world.report(cloud)
            found.append((world.clock.now(), (await sweep(world.house(cloud))).plan))
        await world.clock.sleep(60)
    return found


def test_a_thousand_flaps_in_ten_minutes_cost_the_budget_at_most_and_one_ticket_and_the_return_waits_for_reuse() -> None:
    async def tell(world: World) -> None:
        before = await world.plan()
        plans = await storm(world, [SPAN / TRANSITIONS] * TRANSITIONS)
        policy = world.twin.fabric.policy
        last = await world.plan()
        assert plans[-1].epoch == last.epoch
        assert about_the_link(plans) == last.epoch - before.epoch <= policy.epochs_per_hour + LEAVE
        assert last.moves == before.moves, "and none of them moved anything at discretion"
        assert len({plan.flows[FlowName("checkout")].link for plan in plans[2:]}) == 1
        penalty = last.links[IX_A].penalty
        assert penalty is not None
        assert penalty.damped
        reuse = under_at(penalty, policy.damping, policy.damping.reuse)

        seen = await calm(world, 60 * 60)
        back = next(at for at, plan in seen if plan.links[IX_A].drain is None)
        assert reuse <= back <= reuse + timedelta(minutes=2)
        assert {len(plan.moves) for _, plan in seen} == {0, 1}
        for cloud in Cloud:
            await deliver(world.house(cloud))
        assert list(world.desk.tickets.values()) == [Phase.RESOLVED]
        assert world.desk.told == ["open", "resolve"]
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})

    story(tell)


def test_with_observe_the_same_storm_is_reported_as_what_would_have_been_damped_and_nothing_is() -> None:
    async def tell(world: World) -> None:
        plans = await storm(world, [SPAN / TRANSITIONS] * TRANSITIONS)
        assert len(plans) > TRANSITIONS, "every change of verdict is an epoch"
        said = [reason.because for plan in plans for reason in plan.reasons if reason.about == "ix-a"]
        assert sum(OBSERVED in text for text in said) > 0.9 * TRANSITIONS, "all but the first failures"
        damping, penalty = world.twin.fabric.policy.damping, plans[-1].links[IX_A].penalty
        assert penalty is not None
        assert penalty.figure == ceiling(damping), "it would have been held back for as long as any may be"
        until = f"under {damping.reuse} at {under_at(penalty, damping, damping.reuse):%FT%TZ}"
        after_the_storm = (await status(table(world))).damped
        assert list(after_the_storm) == [IX_A]
        assert after_the_storm[IX_A].startswith(OBSERVED)
        assert after_the_storm[IX_A].endswith(until)

        seen = await calm(world, 8 * 60)
        assert seen[-1][1].links[IX_A].drain is None, "the hold-down alone counts"
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})
        returned = (await status(table(world))).damped[IX_A]
        assert (returned.startswith(OBSERVED), returned.endswith(until)) == (True, True), "it says so long after the return"

    story(tell, observing(ATLAS))


@settings(max_examples=12, deadline=None, phases=(Step.explicit, Step.generate))
@given(
    st.lists(st.floats(0.2, 60), min_size=10, max_size=30),
    st.sampled_from(["ix-a", "ix-b", "ix-c"]),
    st.sampled_from([tuple(Cloud), (Cloud.AWS,), (Cloud.GCP,)]),
)
def test_whatever_way_a_link_flaps_ten_minutes_cost_the_budget_at_most(gaps: list[float], link: str, heard: tuple[Cloud, ...]) -> None:
    async def tell(world: World) -> None:
        before = await world.plan()
        span = [gap * min(1.0, SPAN / sum(gaps)) for gap in gaps]
        plans = await storm(world, span, link=link, heard=heard)
        last = await world.plan()
        assert about_the_link(plans) <= world.twin.fabric.policy.epochs_per_hour + LEAVE
        assert len(last.moves) - len(before.moves) <= world.twin.fabric.policy.epochs_per_hour
        assert sum(state.down_since_epoch is not None for state in last.links.values()) <= 1
        seen = await calm(world, 45 * 60)
        assert all(state.drain is None for state in seen[-1][1].links.values()), "suppression always ends"
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})

    story(tell)
