"""What moves while nothing may be moved at discretion: what has to leave its link, what that forces, and nothing else."""

import itertools
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.contingency import contingencies
from pointsman.core.fabric import Fabric, Flow, FlowName, LinkName
from pointsman.core.placement import HOLDS, MAKES_WAY, Footing, place
from pointsman.core.plan import Placement, Plan
from pointsman.core.sightings import Health
from pointsman.core.values import canonical, replace
from tests.core.scene import START, G, Story, aws_bgp, aws_probe, fabric, flow, gcp_bgp, gcp_probe, healthy, lever, link, seconds
from tests.core.test_placement import NAMES, at, because, ground, grounds, where
from tests.core.test_placement_best import FLOWS, GROUNDS, PRICED, TODAY
from tests.core.test_rails import dark, steady

CHECKOUT = flow("checkout", 4 * G, 1, ("ix-a", "ix-b"), 20)
TRAINING = flow("training", 4 * G, 5, ("ix-b", "ix-c"), 21)
NARROW = fabric(link("ix-a", 10 * G), link("ix-b", 5 * G), link("ix-c", 10 * G), flows=(CHECKOUT, TRAINING))
"""checkout has only ix-b beside ix-a, and training, which is there, has ix-c too."""
SHUT = ground(10, stays=False, takes=False, why="drained")


def spent(story: Story, now: float) -> Story:
    """Let the hour's moves be used up."""
    moves = tuple(START + seconds(now - 60 - number) for number in range(story.fabric.policy.epochs_per_hour))
    story.plan = replace(story.plan, moves=moves)
    return story


def indiscreet(start: Fabric, untrusted: bool) -> Story:  # noqa: FBT001 - named by the table
    story = steady(start)
    story.clock_trusted = not untrusted
    return story if untrusted else spent(story, 410)


def squeezed(start: Fabric, plan: Plan) -> dict[FlowName, int]:
    """Put what links are offered beyond what they carry down to their flows, by the plan's own places: the least precious first."""
    found = {one.name: 0 for one in start.flows}
    for one in start.links:
        usable = plan.links[one.name].usable
        on = [each for each in start.flows if plan.flows[each.name].link == one.name]
        excess = sum(each.demand for each in on) - (one.capacity if usable is None else usable)
        for each in sorted(on, key=lambda each: (-each.priority, -each.demand, each.name)):
            found[each.name] = max(0, min(excess, each.demand))
            excess -= found[each.name]
    return found


def told(plan: Plan) -> dict[FlowName, int]:
    return {name: one.squeezed_by for name, one in plan.flows.items()}


@pytest.mark.parametrize("untrusted", [True, False])
def test_what_an_outage_leads_onto_a_link_has_what_is_in_its_way_leave_it(untrusted: bool) -> None:  # noqa: FBT001 - named by the table
    story = dark(indiscreet(NARROW, untrusted), 410, "ix-a").note(*healthy("ix-b", 410), *healthy("ix-c", 410))
    plan = story.decided(410)
    assert (story.on("checkout"), story.on("training")) == ("ix-b", "ix-c")
    assert told(plan) == squeezed(NARROW, plan) == {"checkout": 0, "training": 0}
    assert next(one.because for one in plan.reasons if one.about == "training") == MAKES_WAY
    story.note(*lever("ix-a", Health.DRAINING, 411, plan.epoch)).decided(420)
    assert (story.on("checkout"), story.on("training")) == ("ix-b", "ix-c"), "and there it stays"


@pytest.mark.parametrize("untrusted", [True, False])
def test_what_fits_beside_those_that_are_there_moves_nobody(untrusted: bool) -> None:  # noqa: FBT001 - named by the table
    roomy = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), link("ix-c", 10 * G), flows=(CHECKOUT, TRAINING))
    story = indiscreet(roomy, untrusted)
    story.plan = replace(story.plan, flows=story.plan.flows | at(training="ix-c"))
    dark(story, 410, "ix-a").decided(410)
    assert (story.on("checkout"), story.on("training")) == ("ix-b", "ix-c"), "training would sooner be on ix-b, and there is room"


def test_a_flow_that_has_to_move_goes_round_those_that_are_held() -> None:
    free = (replace(CHECKOUT, prefer=tuple(LinkName(name) for name in ("ix-a", "ix-b", "ix-c"))), TRAINING)
    story = indiscreet(fabric(link("ix-a", 10 * G), link("ix-b", 5 * G), link("ix-c", 10 * G), flows=free), untrusted=False)
    plan = dark(story, 410, "ix-a").decided(410)
    assert (story.on("checkout"), story.on("training")) == ("ix-c", "ix-b")
    reason = next(one for one in plan.reasons if one.about == "checkout")
    assert (reason.because, reason.refused["ix-b"]) == ("best permitted link with room", "room for 1000000000 of 4000000000 bit/s")


def test_a_link_that_has_become_too_small_squeezes_who_is_on_it_and_the_plan_says_so() -> None:
    found = place(NARROW, grounds(NARROW, ix_b=ground(3)), at(checkout="ix-a", training="ix-b"), still=True)
    assert where(found) == {"checkout": "ix-a", "training": "ix-b"}
    assert found.flows[FlowName("training")].squeezed_by == 1 * G
    assert because(found, "training")[0] == HOLDS


def test_of_those_in_the_way_the_least_precious_make_room() -> None:
    three = (CHECKOUT, flow("web", 2 * G, 2, ("ix-b", "ix-c"), 21), flow("batch", 2 * G, 5, ("ix-b", "ix-c"), 22))
    start = fabric(link("ix-a", 10 * G), link("ix-b", 6 * G), link("ix-c", 10 * G), flows=three)
    found = place(start, grounds(start, ix_a=SHUT), at(checkout="ix-a", web="ix-b", batch="ix-b"), still=True)
    assert where(found) == {"checkout": "ix-b", "web": "ix-b", "batch": "ix-c"}


def test_a_precious_flow_leaves_what_a_lesser_one_with_nowhere_else_to_go_overloads() -> None:
    flows = (flow("checkout", 4 * G, 1, ("ix-b", "ix-c"), 20), flow("training", 4 * G, 5, ("ix-a", "ix-b"), 21))
    start = fabric(link("ix-a", 10 * G), link("ix-b", 5 * G), link("ix-c", 10 * G), flows=flows)
    found = place(start, grounds(start, ix_a=SHUT), at(checkout="ix-b", training="ix-a"), still=True)
    assert where(found) == {"checkout": "ix-c", "training": "ix-b"}


def test_a_flow_on_a_link_that_is_no_longer_permitted_stays_until_it_may_be_moved_and_makes_room_if_it_has_to() -> None:
    moved = (CHECKOUT, replace(TRAINING, prefer=(LinkName("ix-c"),)))
    start = fabric(link("ix-a", 10 * G), link("ix-b", 5 * G), link("ix-c", 10 * G), flows=moved)
    today = at(checkout="ix-a", training="ix-b")
    assert where(place(start, grounds(start), today, still=True)) == {"checkout": "ix-a", "training": "ix-b"}
    assert where(place(start, grounds(start, ix_a=SHUT), today, still=True)) == {"checkout": "ix-b", "training": "ix-c"}


# A session that both ends have lost, and that may yet come back


def lost(story: Story, now: float, *names: str) -> Story:
    """Let both ends lose a session, with no word of packets."""
    for name in names:
        story.note(*aws_bgp(name, Health.DOWN, now), *gcp_bgp(name, Health.DOWN, now))
        story.note(*aws_probe(name, Health.UNKNOWN, now), *gcp_probe(name, Health.UNKNOWN, now))
    return story


BUDGET = NARROW.link("ix-a").timers.budget.total_seconds()
BESIDE = (flow("checkout", G, 1, ("ix-a", "ix-b"), 20), flow("training", G, 5, ("ix-b", "ix-c"), 21))


def beside(start: Story) -> Story:
    """training is on ix-c though it would sooner be on ix-b."""
    start.plan = replace(start.plan, flows=start.plan.flows | at(training="ix-c"))
    return start


@pytest.mark.parametrize("untrusted", [True, False])
def test_a_session_that_is_lost_at_both_ends_is_left_early_only_at_discretion_and_else_once_it_is_confirmed(untrusted: bool) -> None:  # noqa: FBT001 - named by the table
    start = fabric(link("ix-a", 10 * G), link("ix-b", 5 * G), link("ix-c", 10 * G), flows=BESIDE)
    story = lost(beside(indiscreet(start, untrusted)), 410, "ix-a")
    story.decided(410)
    assert (story.on("checkout"), story.on("training")) == ("ix-a", "ix-c")
    lost(story.note(*healthy("ix-b", 411 + BUDGET)), 411 + BUDGET, "ix-a").decided(411 + BUDGET)
    assert (story.on("checkout"), story.on("training")) == ("ix-b", "ix-c"), "a link that is down is left without any budget"


def test_a_session_that_is_lost_moves_what_is_on_its_link_and_nothing_else_in_that_epoch() -> None:
    start = fabric(link("ix-a", 10 * G), link("ix-b", 5 * G), link("ix-c", 10 * G), flows=BESIDE)
    story = lost(beside(steady(start)), 410, "ix-a")
    first = story.decided(410)
    assert (story.on("checkout"), story.on("training"), len(first.moves)) == ("ix-b", "ix-c", 1)
    second = story.decided(411)
    assert (story.on("checkout"), story.on("training"), len(second.moves)) == ("ix-b", "ix-b", 2), "a choice of its own, which is counted"


def test_leaving_a_lost_session_early_moves_what_would_be_in_the_way_too() -> None:
    story = lost(steady(NARROW), 410, "ix-a")
    plan = story.decided(410)
    assert (story.on("checkout"), story.on("training"), len(plan.moves)) == ("ix-b", "ix-c", 1)


def test_the_last_move_of_the_hour_leaves_a_lost_session_for_good() -> None:
    story = steady(NARROW)
    story.plan = replace(story.plan, moves=tuple(START + seconds(300 + number) for number in range(NARROW.policy.epochs_per_hour - 1)))
    lost(story, 410, "ix-a").decided(410)
    for now in range(420, 580, 20):
        lost(story.note(*healthy("ix-b", now), *healthy("ix-c", now)), now, "ix-a").decided(now)
        assert (story.on("checkout"), story.on("training")) == ("ix-b", "ix-c")


# Beforehand


def test_what_is_foreseen_once_the_hours_moves_are_used_up_is_what_is_decided() -> None:
    story = spent(steady(NARROW), 410)
    foreseen = contingencies(NARROW, story.plan, START + seconds(410))["ix-a"]
    dark(story, 410, "ix-a").decided(410)
    assert canonical(foreseen.flows) == canonical(story.plan.flows)


# Laws


def by_class(start: Fabric, footing: Mapping[LinkName, Footing], on: Mapping[FlowName, LinkName | None]) -> list[int]:
    """Add up what each class loses, the most precious first."""
    found = []
    for level in sorted({one.priority for one in start.flows}):
        sent = {name: sum(one.demand for one in start.flows if on[one.name] == name and one.priority == level) for name in NAMES}
        excess = {name: sum(one.demand for one in start.flows if on[one.name] == name) - footing[name].usable for name in NAMES}
        found.append(sum(min(sent[name], max(0, excess[name])) for name in NAMES))
    return found


def elsewhere(
    footing: Mapping[LinkName, Footing], today: Mapping[FlowName, Placement], found: Mapping[FlowName, LinkName | None]
) -> Iterator[dict[FlowName, LinkName | None]]:
    """List every placement that takes back some of the moves of flows that may stay where they are."""
    moved = [name for name, one in today.items() if name in found and one.link != found[name] and one.link and footing[one.link].stays]
    for count in range(1, len(moved) + 1):
        for some in itertools.combinations(moved, count):
            yield dict(found) | {name: today[name].link for name in some}


@given(FLOWS, GROUNDS, TODAY)
@settings(max_examples=300)
def test_no_move_that_nothing_forces_can_be_taken_back_without_more_overload(
    flows: tuple[Flow, ...], footing: dict[LinkName, Footing], today: dict[FlowName, Placement]
) -> None:
    start = replace(PRICED, flows=flows)
    found = {name: one.link for name, one in place(start, footing, today, still=True).flows.items()}
    harm = by_class(start, footing, found)
    assert all(by_class(start, footing, other) > harm for other in elsewhere(footing, today, found))


@given(
    st.lists(st.tuples(st.sampled_from([G, 2 * G, 4 * G]), st.integers(1, 3), st.permutations(NAMES)), min_size=1, max_size=6),
    st.fixed_dictionaries(dict.fromkeys(NAMES, st.sampled_from([ground(1), ground(3), ground(5), SHUT]))),
    TODAY,
)
@settings(max_examples=300)
def test_where_what_has_to_move_fits_nowhere_no_more_is_lost_than_if_everything_might_move(
    rows: list[tuple[int, int, list[LinkName]]], footing: dict[LinkName, Footing], today: dict[FlowName, Placement]
) -> None:
    flows = tuple(flow(f"f{n}", demand, priority, tuple(prefer), n) for n, (demand, priority, prefer) in enumerate(rows))
    start = replace(PRICED, flows=flows)
    held, free = ({name: one.link for name, one in place(start, footing, today, still=still).flows.items()} for still in (True, False))
    load = {name: sum(one.demand for one in flows if held[one.name] == name) for name in NAMES}
    forced = (link for name, link in held.items() if name not in today or not footing[today[name].link or NAMES[0]].stays)
    if any(link is not None and footing[link].takes and load[link] > footing[link].usable for link in forced):
        assert by_class(start, footing, held) == by_class(start, footing, free)


MOMENTS = st.lists(
    st.tuples(st.sampled_from(["ix-a", "ix-b", "ix-c"]), st.sampled_from(["dark", "well", "ill"]), st.booleans(), st.booleans()),
    min_size=1,
    max_size=12,
)


@given(MOMENTS)
@settings(max_examples=60)
def test_every_plan_says_who_is_squeezed_and_by_how_much_whatever_may_be_moved(moments: list[tuple[str, str, bool, bool]]) -> None:
    story, now = steady(NARROW), 410.0
    health = dict.fromkeys(("ix-a", "ix-b", "ix-c"), "well")
    for name, becomes, used_up, trusted in moments:
        now, health[name] = now + 120, becomes
        for one, how in health.items():
            story.note(*healthy(one, now))
            if how == "dark":
                dark(story, now, one)
            if how == "ill":
                story.note(*aws_bgp(one, Health.DEGRADED, now))
        story.clock_trusted = trusted
        plan = (spent(story, now) if used_up else story).decided(now)
        assert told(plan) == squeezed(NARROW, plan)


@pytest.mark.parametrize(("outage", "home"), [(False, True), (True, True), (True, False)])
def test_a_flow_that_comes_home_in_the_epoch_of_an_outage_is_a_move_and_what_the_outage_forces_is_none(*, outage: bool, home: bool) -> None:
    flows = (flow("checkout", G, 1, ("ix-a", "ix-b"), 20), flow("training", G, 5, ("ix-c", "ix-b"), 21))
    story = Story(fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), link("ix-c", 10 * G), flows=flows))
    story.note(*healthy("ix-b", 0), *healthy("ix-c", 0)).decided(0)
    settled = 60 + story.fabric.policy.hold_down.total_seconds()
    story.note(
        *(row for name in (("ix-a",) if home else ()) for row in healthy(name, 60)), *healthy("ix-b", 60), *healthy("ix-c", 60)
    ).decided(60)
    story.note(*(row for name in (("ix-a", "ix-b") if home else ("ix-b",)) for row in healthy(name, settled)))
    story = dark(story, settled, "ix-c") if outage else story.note(*healthy("ix-c", settled))
    plan = story.decided(settled)
    assert (story.on("checkout"), story.on("training")) == ("ix-a" if home else "ix-b", "ix-b" if outage else "ix-c")
    assert len(plan.moves) == home
