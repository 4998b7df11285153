"""Where flows go: by preference, MTU and cost, with room; and the least harm where there is none."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.fabric import Bandwidth, Fabric, Flow, FlowName, Link, LinkName
from pointsman.core.placement import Footing, Placed, place
from pointsman.core.plan import Placement
from pointsman.core.values import replace
from tests.core.scene import ATLAS, CHECKOUT, TRAINING, G, fabric, flow, link, vpn

BOUND = replace(TRAINING, prefer=(LinkName("ix-a"),))
"""A large flow with nowhere else to go."""
CHECK, TRAIN = CHECKOUT.name, TRAINING.name


def ground(gigabits: float, *, stays: bool = True, takes: bool = True, settled: bool = True, why: str = "") -> Footing:
    return Footing(usable=Bandwidth(int(gigabits * G)), stays=stays, takes=takes, settled=settled, why=why)


SHUT = ground(10, stays=False, takes=False, why="drained")


def grounds(start: Fabric, **special: Footing) -> dict[LinkName, Footing]:
    """Give every link good ground of its capacity, but for those said (``ix_a`` for ix-a)."""
    return {one.name: special.get(one.name.replace("-", "_"), ground(one.capacity / G)) for one in start.links}


def at(**flows: str) -> dict[FlowName, Placement]:
    return {FlowName(name): Placement(link=LinkName(one)) for name, one in flows.items()}


def placed(start: Fabric = ATLAS, today: Mapping[FlowName, Placement] | None = None, **special: Footing) -> Placed:
    return place(start, grounds(start, **special), today or {})


def where(found: Placed) -> dict[str, str | None]:
    return {name: one.link for name, one in found.flows.items()}


def because(found: Placed, name: str) -> tuple[str, dict[str, str]]:
    reason = next(one for one in found.reasons if one.about == name)
    return reason.because, reason.refused


def test_each_flow_takes_the_link_it_prefers_most() -> None:
    found = placed()
    assert where(found) == {"checkout": "ix-a", "training": "ix-a"}
    assert because(found, "checkout") == ("best permitted link with room", {})


def test_a_shut_link_is_passed_over_and_the_reason_says_why() -> None:
    found = placed(ix_a=SHUT)
    assert where(found) == {"checkout": "ix-b", "training": "ix-c"}
    assert because(found, "checkout")[1]["ix-a"] == "drained"


def test_a_flow_that_does_not_fit_goes_where_there_is_room() -> None:
    found = placed(ix_a=ground(6))
    assert where(found) == {"checkout": "ix-a", "training": "ix-c"}
    assert because(found, "training")[1] == {
        "ix-a": "room for 5000000000 of 6000000000 bit/s",
        "ix-b": "room for 5000000000 of 6000000000 bit/s",
    }


def test_room_is_what_the_flow_needs_to_the_last_bit() -> None:
    assert where(placed(ix_a=ground(7)))["training"] == "ix-a"
    assert where(placed(ix_a=replace(ground(7), usable=Bandwidth(7 * G - 1))))["training"] == "ix-c"


def test_the_more_precious_flow_chooses_first_wherever_it_is_declared() -> None:
    start = fabric(flows=(TRAINING, CHECKOUT))
    assert where(placed(start, ix_a=ground(6))) == {"training": "ix-c", "checkout": "ix-a"}


def test_a_link_of_too_small_packets_is_refused_while_another_is_left() -> None:
    jumbo = replace(CHECKOUT, min_mtu=8000, prefer=(LinkName("vpn"), LinkName("ix-b")))
    found = placed(fabric(flows=(jumbo,)))
    assert where(found) == {"checkout": "ix-b"}
    assert because(found, "checkout")[1] == {"vpn": "MTU 1406 is below 8000"}
    assert not found.flows[CHECK].mtu_short


def test_a_link_of_too_small_packets_is_taken_when_nothing_else_is_left_and_then_said() -> None:
    jumbo = replace(CHECKOUT, min_mtu=8000, prefer=(LinkName("vpn"), LinkName("ix-b")))
    found = placed(fabric(flows=(jumbo,)), ix_b=SHUT)
    assert (where(found), found.flows[CHECK].mtu_short) == ({"checkout": "vpn"}, True)


def test_too_small_packets_are_worse_than_too_little_room() -> None:
    jumbo = replace(CHECKOUT, min_mtu=8000, prefer=(LinkName("vpn"), LinkName("ix-b")))
    found = placed(fabric(flows=(jumbo,)), ix_b=ground(0.5))
    assert found.flows[CHECK] == Placement(link=LinkName("ix-b"), squeezed_by=Bandwidth(G // 2))


def test_preference_goes_before_cost() -> None:
    start = fabric(link("ix-a", 10 * G, cost=0.9), link("ix-b", 5 * G), link("ix-c", 10 * G), vpn())
    assert where(placed(start)) == {"checkout": "ix-a", "training": "ix-a"}


def test_a_fresh_link_is_left_alone_while_a_settled_one_is_open() -> None:
    found = placed(ix_a=ground(10, settled=False))
    assert where(found)["checkout"] == "ix-b"
    assert because(found, "checkout")[1]["ix-a"] == "still in hold-down"


def test_a_fresh_link_keeps_the_flows_it_has() -> None:
    assert where(placed(ATLAS, at(checkout="ix-a"), ix_a=ground(10, settled=False)))["checkout"] == "ix-a"


def test_a_fresh_link_is_taken_when_no_settled_one_is_open() -> None:
    found = placed(ix_a=ground(10, settled=False), ix_b=SHUT, vpn=SHUT)
    assert where(found)["checkout"] == "ix-a"


def test_a_doubtful_link_keeps_the_flow_it_has_and_attracts_none() -> None:
    doubtful = ground(10, takes=False, why="believed suspect")
    found = placed(ATLAS, at(checkout="ix-a", training="ix-c"), ix_a=doubtful)
    assert where(found) == {"checkout": "ix-a", "training": "ix-c"}
    assert because(found, "training")[1]["ix-a"] == "believed suspect"


@pytest.mark.parametrize(("today", "stays_at"), [({"checkout": "ix-a"}, "ix-a"), ({}, None)])
def test_with_no_permitted_link_open_a_flow_keeps_its_place(today: dict[str, str], stays_at: str | None) -> None:
    found = placed(ATLAS, at(**today), ix_a=SHUT, ix_b=SHUT, vpn=SHUT)
    assert where(found)["checkout"] == stays_at
    assert because(found, "checkout") == (
        "no permitted link is open: left where it is",
        {name: "drained" for name in ("ix-a", "ix-b", "vpn") if name != stays_at},
    )


def test_what_no_link_has_room_for_goes_where_it_harms_the_more_precious_least() -> None:
    bulk = flow("bulk", 6 * G, 5, ("ix-a", "ix-b"), 22)
    found = placed(fabric(flows=(CHECKOUT, bulk)), ix_a=ground(5), ix_b=ground(2))
    assert where(found) == {"checkout": "ix-b", "bulk": "ix-a"}, "a precious flow loses nothing elsewhere, and less is lost"
    assert because(found, "bulk")[0].startswith("no permitted link has room")


def test_only_the_more_precious_flows_count_as_harmed() -> None:
    archive, bulk = flow("archive", G, 5, ("ix-a",), 22), flow("bulk", 6 * G, 5, ("ix-a", "ix-b"), 23)
    found = placed(fabric(flows=(archive, bulk)), ix_a=ground(6), ix_b=ground(4.5))
    assert where(found) == {"archive": "ix-a", "bulk": "ix-a"}


def test_of_two_harmless_places_the_smaller_overload_is_chosen() -> None:
    bulk = flow("bulk", 6 * G, 5, ("ix-a", "ix-b"), 22)
    found = placed(fabric(flows=(bulk,)), ix_a=ground(2), ix_b=ground(5))
    assert found.flows == {bulk.name: Placement(link=LinkName("ix-b"), squeezed_by=Bandwidth(G))}


def test_the_least_precious_flow_of_an_overloaded_link_is_named_as_squeezed() -> None:
    found = placed(ix_a=ground(6), ix_b=SHUT, ix_c=SHUT, vpn=SHUT)
    assert where(found) == {"checkout": "ix-a", "training": "ix-a"}
    assert (found.flows[CHECK].squeezed_by, found.flows[TRAIN].squeezed_by) == (0, G)


def test_an_overload_larger_than_the_least_precious_flow_squeezes_the_next_one_too() -> None:
    small = replace(TRAINING, demand=Bandwidth(2 * G))
    large = replace(CHECKOUT, demand=Bandwidth(4 * G))
    found = placed(fabric(flows=(large, small)), ix_a=ground(1), ix_b=SHUT, ix_c=SHUT, vpn=SHUT)
    assert (found.flows[CHECK].squeezed_by, found.flows[TRAIN].squeezed_by) == (3 * G, 2 * G)


def test_of_equally_precious_flows_the_larger_one_is_squeezed() -> None:
    large, small = replace(CHECKOUT, demand=Bandwidth(6 * G)), replace(TRAINING, demand=Bandwidth(G), priority=1)
    found = placed(fabric(flows=(large, small)), ix_a=ground(6), ix_b=SHUT, ix_c=SHUT, vpn=SHUT)
    assert (found.flows[CHECK].squeezed_by, found.flows[TRAIN].squeezed_by) == (G, 0)


def test_a_precious_flow_leaves_a_link_that_a_lesser_one_with_nowhere_else_to_go_overloads() -> None:
    found = placed(fabric(flows=(CHECKOUT, BOUND)), ix_a=ground(6))
    assert where(found) == {"checkout": "ix-b", "training": "ix-a"}
    assert because(found, "checkout") == (
        "out of the way of a flow that fits nowhere else",
        {"ix-a": "a larger flow with nowhere else to go overloads it"},
    )
    assert found.flows[TRAIN].squeezed_by == 0


def test_a_precious_flow_with_no_other_link_stays_and_the_lesser_one_is_squeezed() -> None:
    found = placed(fabric(flows=(CHECKOUT, BOUND)), ix_a=ground(6), ix_b=SHUT, vpn=SHUT)
    assert where(found) == {"checkout": "ix-a", "training": "ix-a"}
    assert found.flows[TRAIN].squeezed_by == G


def test_a_precious_flow_goes_where_it_loses_a_little_rather_than_all_on_a_link_that_another_overloads() -> None:
    found = placed(fabric(flows=(CHECKOUT, BOUND)), ix_a=ground(6), ix_b=ground(0.5), vpn=ground(0.9))
    assert where(found) == {"checkout": "vpn", "training": "ix-a"}
    assert (found.flows[CHECK].squeezed_by, found.flows[TRAIN].squeezed_by) == (G // 10, 0)


def test_only_as_many_precious_flows_make_way_as_it_takes() -> None:
    second = replace(CHECKOUT, name=FlowName("ledger"))
    found = placed(fabric(flows=(CHECKOUT, second, BOUND)), ix_a=ground(7))
    assert where(found) == {"checkout": "ix-a", "ledger": "ix-b", "training": "ix-a"}, "of equals the first by name keeps its favourite"


def test_of_equally_precious_flows_one_leaves_an_overloaded_link_for_another_with_room() -> None:
    bound = replace(BOUND, priority=CHECKOUT.priority)
    found = placed(fabric(flows=(CHECKOUT, bound)), ix_a=ground(6))
    assert where(found) == {"checkout": "ix-b", "training": "ix-a"}
    assert all(one.squeezed_by == 0 for one in found.flows.values())


def test_only_as_many_equally_precious_flows_leave_as_it_takes_and_the_first_by_name_stays() -> None:
    bound, second = replace(BOUND, priority=CHECKOUT.priority), replace(CHECKOUT, name=FlowName("ledger"))
    found = placed(fabric(flows=(bound, second, CHECKOUT)), ix_a=ground(7))
    assert where(found) == {"checkout": "ix-a", "ledger": "ix-b", "training": "ix-a"}


def test_a_flow_that_leaves_one_link_makes_room_for_another_to_leave_its_own() -> None:
    early = flow("a-early", G // 2, 1, ("ix-a", "ix-b"), 22)
    heavy = flow("heavy", 6 * G, 5, ("ix-a",), 23)
    mover, small = flow("mover", G, 1, ("ix-b", "ix-c"), 24), flow("small", G // 2, 1, ("ix-b",), 25)
    stout = flow("stout", 4 * G, 5, ("ix-b",), 26)
    found = placed(fabric(flows=(early, heavy, mover, small, stout)), ix_a=ground(6), ix_b=ground(5))
    assert where(found) == {"a-early": "ix-b", "heavy": "ix-a", "mover": "ix-c", "small": "ix-b", "stout": "ix-b"}


def test_nothing_is_relieved_where_nothing_is_overloaded() -> None:
    assert where(placed(ix_a=ground(7), ix_c=SHUT)) == {"checkout": "ix-a", "training": "ix-a"}


def test_a_flow_alone_on_a_link_too_small_for_it_has_nobody_to_make_way_for() -> None:
    found = placed(fabric(flows=(replace(CHECKOUT, demand=Bandwidth(8 * G)),)), ix_a=ground(6), ix_b=ground(5), vpn=ground(5))
    assert found.flows[CHECK] == Placement(link=LinkName("ix-a"), squeezed_by=Bandwidth(2 * G))


NAMES = tuple(one.name for one in ATLAS.links)
GROUNDS = st.builds(
    ground,
    st.sampled_from([0, 0.5, 1, 3, 5, 10]),
    stays=st.booleans(),
    takes=st.booleans(),
    settled=st.booleans(),
    why=st.just("shut"),
).map(lambda one: replace(one, stays=one.stays or one.takes))
FLOWS = st.lists(
    st.tuples(
        st.sampled_from([0, G // 2, G, 4 * G, 8 * G]),
        st.integers(1, 3),
        st.permutations(NAMES).flatmap(lambda order: st.integers(1, len(order)).map(lambda count: tuple(order[:count]))),
        st.sampled_from([1400, 8000]),
    ),
    min_size=1,
    max_size=5,
).map(lambda rows: tuple(flow(f"f{n}", demand, priority, prefer, n, min_mtu=mtu) for n, (demand, priority, prefer, mtu) in enumerate(rows)))
GROUND = st.fixed_dictionaries(dict.fromkeys(NAMES, GROUNDS))
TODAY = st.dictionaries(st.sampled_from([FlowName(f"f{n}") for n in range(5)]), st.sampled_from(NAMES).map(lambda one: Placement(link=one)))


def may_carry(one: Flow, name: LinkName, footing: Mapping[LinkName, Footing], today: Mapping[FlowName, Placement]) -> bool:
    here = one.name in today and today[one.name].link == name
    return footing[name].takes or (here and footing[name].stays)


@given(FLOWS, GROUND, TODAY)
def test_a_flow_with_an_open_permitted_link_is_on_one_and_any_other_keeps_its_place(
    flows: tuple[Flow, ...], footing: dict[LinkName, Footing], today: dict[FlowName, Placement]
) -> None:
    found = place(fabric(flows=flows), footing, today)
    assert set(found.flows) == {one.name for one in flows}
    for one in flows:
        carriers: list[LinkName | None] = [name for name in one.prefer if may_carry(one, name, footing, today)]
        here = today[one.name].link if one.name in today else None
        assert found.flows[one.name].link in (carriers or [here])


@given(FLOWS, GROUND, TODAY)
def test_what_is_said_to_be_squeezed_is_what_the_link_is_offered_too_much(
    flows: tuple[Flow, ...], footing: dict[LinkName, Footing], today: dict[FlowName, Placement]
) -> None:
    found = place(fabric(flows=flows), footing, today)
    for name in NAMES:
        here = [one for one in flows if found.flows[one.name].link == name]
        excess = max(0, sum(one.demand for one in here) - footing[name].usable)
        assert sum(found.flows[one.name].squeezed_by for one in here) == excess
        assert all(0 <= found.flows[one.name].squeezed_by <= one.demand for one in here)


@given(FLOWS, GROUND, TODAY)
def test_no_refused_link_is_the_chosen_one_and_every_open_one_that_was_not_chosen_for_want_of_room_is_named(
    flows: tuple[Flow, ...], footing: dict[LinkName, Footing], today: dict[FlowName, Placement]
) -> None:
    found = place(fabric(flows=flows), footing, today)
    for one, reason in zip(flows, found.reasons, strict=True):
        shut = {name for name in one.prefer if not may_carry(one, name, footing, today)}
        assert reason.chosen not in reason.refused
        assert shut - {reason.chosen} <= set(reason.refused) <= set(one.prefer)
        assert all(reason.refused.values())


@given(FLOWS, GROUND, TODAY)
def test_no_flow_shares_an_overloaded_link_with_one_no_more_precious_while_another_of_its_links_has_room(
    flows: tuple[Flow, ...], footing: dict[LinkName, Footing], today: dict[FlowName, Placement]
) -> None:
    found = place(fabric(flows=flows), footing, today)
    load = {name: sum(one.demand for one in flows if found.flows[one.name].link == name) for name in NAMES}
    room = {name: footing[name].usable - load[name] for name in NAMES}
    for one, reason in zip(flows, found.reasons, strict=True):
        here = found.flows[one.name].link
        sharers = [other for other in flows if other is not one and found.flows[other.name].link == here and other.priority >= one.priority]
        if here is None or room[here] >= 0 or not sharers:
            continue
        refused = {name for name, why in reason.refused.items() if not why.startswith("room for")}
        assert not [name for name in one.prefer if name != here and name not in refused and room[name] >= one.demand], reason


def turned(links: tuple[Link, ...], flows: tuple[Flow, ...]) -> Fabric:
    return fabric(*reversed(links), flows=tuple(reversed(flows)))


@given(FLOWS, GROUND, TODAY)
def test_the_same_question_has_the_same_answer_in_whatever_order_things_are_declared(
    flows: tuple[Flow, ...], footing: dict[LinkName, Footing], today: dict[FlowName, Placement]
) -> None:
    start = fabric(flows=flows)
    one = place(start, footing, today)
    assert place(start, footing, today) == one
    other = place(turned(start.links, flows), dict(reversed(footing.items())), dict(reversed(today.items())))
    assert other.flows == one.flows
    assert {reason.about: reason for reason in other.reasons} == {reason.about: reason for reason in one.reasons}


@given(FLOWS, GROUND, TODAY)
def test_placing_again_from_where_flows_now_are_moves_nothing(
    flows: tuple[Flow, ...], footing: dict[LinkName, Footing], today: dict[FlowName, Placement]
) -> None:
    start = fabric(flows=flows)
    once = place(start, footing, today)
    assert place(start, footing, once.flows).flows == once.flows
