"""Placement as a whole is the best there is: tiers of links, flows without a choice and all; and it says when that is not proved."""

import itertools
from collections.abc import Iterator, Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.decide import decide
from pointsman.core.fabric import Bandwidth, Fabric, Flow, FlowName, LinkName
from pointsman.core.placement import ABOUT, Footing, place
from pointsman.core.plan import Placement
from pointsman.core.solving import Proof
from pointsman.core.values import replace
from tests.core.questions import large
from tests.core.scene import NUMBERS, START, G, Story, fabric, flow, link, seconds, vpn
from tests.core.test_placement import CHECK, NAMES, SHUT, ground, grounds, may_carry

Where = dict[FlowName, LinkName | None]

PRICED = fabric(link("ix-a", 10 * G, cost=0.02), link("ix-b", 5 * G), link("ix-c", 10 * G, cost=0.01), vpn())
GROUNDS = st.fixed_dictionaries(
    dict.fromkeys(
        NAMES,
        st.builds(
            ground, st.sampled_from([0, 1, 3, 5]), stays=st.booleans(), takes=st.booleans(), settled=st.booleans(), why=st.just("shut")
        ),
    )
).map(lambda found: {name: replace(one, stays=one.stays or one.takes) for name, one in found.items()})
FLOWS = st.lists(
    st.tuples(
        st.sampled_from([0, G, G, 2 * G, 4 * G]),
        st.integers(1, 2),
        st.permutations(NAMES).flatmap(lambda order: st.integers(1, len(order)).map(lambda count: tuple(order[:count]))),
        st.sampled_from([1400, 1400, 8000]),
    ),
    min_size=1,
    max_size=5,
).map(lambda rows: tuple(flow(f"f{n}", demand, priority, prefer, n, min_mtu=mtu) for n, (demand, priority, prefer, mtu) in enumerate(rows)))
TODAY = st.dictionaries(st.sampled_from([FlowName(f"f{n}") for n in range(5)]), st.sampled_from(NAMES).map(lambda one: Placement(link=one)))


def options(start: Fabric, one: Flow, footing: Mapping[LinkName, Footing], today: Mapping[FlowName, Placement]) -> tuple[LinkName, ...]:
    """List the links of a flow's best tier that is not empty: open, wide, settled (or its own), each if there is one."""
    here = today[one.name].link if one.name in today else None
    tier = [name for name in one.prefer if may_carry(one, name, footing, today)]
    tier = [name for name in tier if start.link(name).mtu >= one.min_mtu] or tier
    return tuple([name for name in tier if footing[name].settled or name == here] or tier)


def value(start: Fabric, where: Where, footing: Mapping[LinkName, Footing], today: Mapping[FlowName, Placement]) -> tuple[object, ...]:
    """Measure a placement by the letter of the definition."""
    classes = sorted({one.priority for one in start.flows})

    def by_class(figures: Mapping[FlowName, float]) -> tuple[float, ...]:
        return tuple(sum(figures[one.name] for one in start.flows if one.priority == level) for level in classes)

    placed = {one.name: name for one in start.flows if (name := where[one.name]) is not None}
    ranked = sorted(start.flows, key=lambda one: (one.priority, -one.demand, one.name))
    rank = {one.name: one.prefer.index(placed[one.name]) if placed.get(one.name) in one.prefer else 9 for one in start.flows}
    cents = {
        one.name: round(100 * start.link(placed[one.name]).cost_per_gb) * one.demand if one.name in placed else 0 for one in start.flows
    }
    return (
        by_class({one.name: 0 if one.name in placed else one.demand for one in start.flows}),
        tuple(_harm(start, placed, footing, level) for level in classes),
        by_class(rank),
        by_class(cents),
        sum(one.name in today and today[one.name].link != where[one.name] for one in start.flows),
        tuple(rank[one.name] for one in ranked),
    )


def _harm(start: Fabric, placed: Mapping[FlowName, LinkName], footing: Mapping[LinkName, Footing], level: int) -> int:
    total = 0
    for name in footing:
        here = [one for one in start.flows if placed.get(one.name) == name]
        excess = max(0, sum(one.demand for one in here) - footing[name].usable)
        total += min(excess, sum(one.demand for one in here if one.priority == level))
    return total


def everything(start: Fabric, footing: Mapping[LinkName, Footing], today: Mapping[FlowName, Placement]) -> Iterator[Where]:
    """Give every placement there is; a flow without an option keeps its place."""
    choices = [options(start, one, footing, today) or (today[one.name].link if one.name in today else None,) for one in start.flows]
    for some in itertools.product(*choices):
        yield {one.name: name for one, name in zip(start.flows, some, strict=True)}


@given(FLOWS, GROUNDS, TODAY)
@settings(max_examples=250)
def test_no_placement_is_better(flows: tuple[Flow, ...], footing: dict[LinkName, Footing], today: dict[FlowName, Placement]) -> None:
    start = replace(PRICED, flows=flows)
    found = place(start, footing, today)
    best = min(everything(start, footing, today), key=lambda where: value(start, where, footing, today))
    assert (found.proof, {name: one.link for name, one in found.flows.items()}) == (Proof.OPTIMAL, best)


def test_of_two_flows_the_one_leaves_their_favourite_whose_next_link_is_cheaper() -> None:
    one, other = flow("interconnect", 2 * G, 1, ("ix-b", "ix-a"), 20), flow("z-vpn", 2 * G, 1, ("ix-b", "vpn"), 21)
    start = replace(PRICED, flows=(one, other))
    found = place(start, grounds(start, ix_b=ground(3)), {})
    assert {name: one.link for name, one in found.flows.items()} == {"interconnect": "ix-a", "z-vpn": "ix-b"}, "a VPN costs most"


def test_a_flow_whose_link_the_fabric_no_longer_has_is_placed_afresh_or_has_no_place() -> None:
    gone = {CHECK: Placement(link=LinkName("ix-z"))}
    start = replace(PRICED, flows=(flow("checkout", G, 1, ("ix-a",), 20),))
    assert place(start, grounds(start), gone).flows[CHECK].link == "ix-a"
    assert place(start, grounds(start, ix_a=SHUT), gone).flows[CHECK].link is None


def crowded(links: int, flows: int) -> Story:
    """Tell of a fabric with more than it carries, in good order."""
    asks, usable, _ = large(2, links, flows, 1.2)
    names = {name: f"x{number}" for number, name in enumerate(usable)}
    NUMBERS.update({made: number for number, made in enumerate(names.values())})
    made = tuple(link(names[name], bits) for name, bits in usable.items())
    return Story(
        fabric(*made, flows=tuple(flow(one.name, one.demand, one.priority, tuple(names[name] for name in one.links), 1) for one in asks))
    ).all_healthy(0)


def test_a_plan_says_in_one_reason_that_the_heuristic_placed_its_flows() -> None:
    plan = crowded(14, 45).decided(1)
    assert [(one.chosen, one.because) for one in plan.reasons if one.about == ABOUT] == [
        ("heuristic", "more links or flows than are searched: placed by the heuristic")
    ]


def test_a_plan_that_is_proved_the_best_says_nothing_of_it() -> None:
    story = Story().all_healthy(0)
    assert [one for one in story.decided(1).reasons if one.about == ABOUT] == []


def test_a_plan_that_the_heuristic_made_is_given_back_as_it_is() -> None:
    story = crowded(14, 45)
    plan = story.decided(1)
    assert decide(story.fabric, story.view(), plan, START + seconds(2)) is plan


def test_squeezed_flows_add_up_to_what_a_link_is_offered_too_much() -> None:
    story = crowded(14, 45)
    plan = story.decided(1)
    load = {one.name: 0 for one in story.fabric.links}
    for one in story.fabric.flows:
        load[plan.flows[one.name].link or LinkName("")] += one.demand
    over = {one.name: Bandwidth(max(0, load[one.name] - one.capacity)) for one in story.fabric.links}
    assert any(over.values())
    for name, excess in over.items():
        assert sum(one.squeezed_by for one in plan.flows.values() if one.link == name) == excess
