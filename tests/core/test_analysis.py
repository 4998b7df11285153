"""What failures would do: every one is listed once, and each is what placing afresh without the failed links gives."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.analysis import Analysis, Failure, Move, Mover, Outcome, Overload, Squeeze, failures, groups
from pointsman.core.fabric import Bandwidth, Fabric, Flow, FlowName, LinkKind, LinkName, Mode, Policy, Survival, Survive
from pointsman.core.placement import ABOUT, Footing, place
from pointsman.core.plan import Placement
from pointsman.core.values import canonical, replace
from tests.core.questions import large
from tests.core.scene import ATLAS, CHECKOUT, TRAINING, G, fabric, flow, link, vpn

IX_A, IX_B, IX_C, VPN = (LinkName(name) for name in ("ix-a", "ix-b", "ix-c", "vpn"))
CHECK, TRAIN = CHECKOUT.name, TRAINING.name


def failing(*names: str) -> Failure:
    return Failure(name=",".join(names), links=tuple(LinkName(name) for name in names))


def risky(*names: str, policy: Policy | None = None) -> Fabric:
    """Give the reference links, these of them in the group ``metro``."""
    return fabric(
        *(replace(one, risk_groups=("metro",) if one.name in names else ("alone",)[: one.name == "vpn"]) for one in ATLAS.links),
        policy=policy,
    )


def outcomes(start: Fabric, depth: int) -> dict[str, Outcome]:
    return {one.failure.name: one for one in Analysis(start).outcomes(depth)}


def test_before_a_failure_every_flow_is_where_it_prefers_to_be() -> None:
    before = Analysis(ATLAS).before
    assert before.placement == {CHECK: IX_A, TRAIN: IX_A}
    assert (before.overloads, before.squeezed, before.unplaced, before.moves) == ((), (), (), ())


def test_after_a_failure_flows_have_moved_and_the_reasons_are_theirs() -> None:
    after = Analysis(ATLAS).after(failing("ix-a"))
    assert after.placement == {CHECK: IX_B, TRAIN: IX_C}
    assert after.moves == (Move(flow=CHECK, before=IX_A, after=IX_B), Move(flow=TRAIN, before=IX_A, after=IX_C))
    assert [(one.about, one.refused["ix-a"]) for one in after.reasons] == [("checkout", "failed"), ("training", "failed")]


def test_a_failure_elsewhere_moves_nothing_and_needs_no_reasons() -> None:
    after = Analysis(ATLAS).after(failing("ix-c"))
    assert (after.placement, after.moves, after.reasons) == ({CHECK: IX_A, TRAIN: IX_A}, (), ())


def test_an_overload_is_told_with_its_link_and_whom_it_squeezes() -> None:
    after = Analysis(ATLAS).after(failing("ix-a", "ix-c"))
    assert after.overloads == (Overload(link=IX_B, by_bps=Bandwidth(G)),)
    assert after.squeezed == (Squeeze(flow=TRAIN, by_bps=Bandwidth(G)),)
    assert after.placement == {CHECK: VPN, TRAIN: IX_B}, "the precious flow makes room and loses nothing"


def test_a_flow_whose_links_all_failed_is_without_a_path() -> None:
    after = Analysis(ATLAS).after(failing("ix-a", "ix-b", "ix-c"))
    assert (after.placement, after.unplaced) == ({CHECK: VPN, TRAIN: None}, (TRAIN,))
    assert (after.overloads, after.squeezed) == ((), ()), "what has no path is on no link"
    reason = next(one for one in after.reasons if one.about == TRAIN)
    assert (reason.chosen, reason.because) == ("nothing", "no permitted link is left")
    assert reason.refused == dict.fromkeys(("ix-a", "ix-b", "ix-c"), "failed")


def test_a_link_that_is_not_ours_to_steer_is_taken_when_no_other_is_left() -> None:
    start = fabric(*(replace(one, mode=Mode.RECOMMEND) if one.name == "ix-b" else one for one in ATLAS.links))
    analysis = Analysis(start)
    assert analysis.after(failing("ix-a")).placement == {CHECK: IX_B, TRAIN: IX_C}, (
        "AWS prefers ix-b to the VPN, and no drop of ours is there"
    )
    assert analysis.after(failing("ix-a", "ix-c", "vpn")).placement == {CHECK: IX_B, TRAIN: IX_B}


def by_hand(mode: Mode) -> Fabric:
    """Give a link that is not ours to steer, and beside it a smaller one that is."""
    policy = Policy(mode=Mode.AUTO, survive=Survive(n_1=Survival.NO_OVERLOAD))
    flows = (flow("training", 6 * G, 5, ("ix-a", "ix-b"), 21),)
    return fabric(link("ix-a", 10 * G, mode=mode), link("ix-b", 5 * G), flows=flows, policy=policy)


@pytest.mark.parametrize(("mode", "by"), [(Mode.AUTO, Mover.DECIDING), (Mode.RECOMMEND, Mover.WORD), (Mode.OBSERVE, Mover.BGP)])
def test_a_flow_is_on_its_favourite_whatever_the_mode_and_who_leads_it_off_is_told(mode: Mode, by: Mover) -> None:
    analysis = Analysis(by_hand(mode))
    assert (analysis.before.placement, analysis.before.overloads) == ({TRAIN: IX_A}, ())
    outcome = next(one for one in analysis.outcomes(1) if one.failure.name == "ix-a")
    (move,) = outcome.after.moves
    assert move == Move(flow=TRAIN, before=IX_A, after=IX_B, by=by, until=None if by is Mover.DECIDING else IX_A)
    assert (outcome.after.squeezed, outcome.breaks) == ((Squeeze(flow=TRAIN, by_bps=Bandwidth(G)),), "overloaded: ix-b")
    assert [(one.chosen, one.refused["ix-a"]) for one in outcome.after.reasons] == [("ix-b", "failed")]


def test_the_reason_of_a_move_says_what_it_waits_for() -> None:
    def because(start: Fabric) -> str:
        return Analysis(start).after(failing("ix-a")).reasons[0].because

    assert because(by_hand(Mode.RECOMMEND)).endswith(", once a person approves of it")
    assert because(by_hand(Mode.OBSERVE)).startswith("ix-a is in mode observe: only BGP leads it away")
    bare = by_hand(Mode.RECOMMEND)
    managed = replace(bare.links[0], kind=LinkKind.MANAGED_INTERCONNECT, gcp=replace(bare.links[0].gcp, import_policy=None))
    assert because(replace(bare, links=(managed, bare.links[1]))).endswith(
        " and by hand: a managed interconnect has no peers of ours to steer by"
    )


def test_a_flow_that_waits_elsewhere_for_a_word_that_leads_it_back_is_told_of() -> None:
    links = (link("ix-a", 2 * G), link("ix-b", 5 * G), link("ix-c", 2 * G), replace(vpn(2 * G), mode=Mode.RECOMMEND))
    flows = (
        flow("f0", 1 * G, 2, ("ix-a", "vpn", "ix-c", "ix-b"), 20),
        flow("f1", 6 * G, 2, ("ix-c",), 21),
        flow("f2", 1 * G, 1, ("ix-a", "vpn", "ix-c"), 22),
        flow("f3", 2 * G, 3, ("vpn", "ix-b", "ix-a"), 23),
        flow("f4", 2 * G, 3, ("ix-a", "vpn"), 24),
    )
    after = Analysis(fabric(*links, flows=flows)).after(failing("ix-b"))
    assert after.moves == (
        Move(flow=FlowName("f0"), before=IX_A, after=IX_A, by=Mover.WORD, until=IX_C),
        Move(flow=FlowName("f3"), before=IX_B, after=VPN, by=Mover.WORD, until=IX_A),
    )


def test_bgp_weighs_no_room_takes_a_vpn_last_and_moves_nobody_out_of_the_way() -> None:
    flows = (flow("training", 6 * G, 1, ("ix-a", "vpn", "ix-b"), 21), flow("checkout", 4 * G, 5, ("ix-b", "ix-c"), 20))
    start = fabric(link("ix-a", 10 * G, mode=Mode.OBSERVE), link("ix-b", 5 * G), link("ix-c", 10 * G), vpn(10 * G), flows=flows)
    after = Analysis(start).after(failing("ix-a"))
    assert after.placement == {TRAIN: IX_B, CHECK: IX_B}
    assert (after.overloads, after.squeezed) == (
        (Overload(link=IX_B, by_bps=Bandwidth(5 * G)),),
        (Squeeze(flow=TRAIN, by_bps=Bandwidth(G)), Squeeze(flow=CHECK, by_bps=Bandwidth(4 * G))),
    )
    assert Analysis(start).after(failing("ix-a", "ix-b", "ix-c")).moved_by(Mover.BGP) == (TRAIN,)
    assert Analysis(start).after(failing("ix-a", "ix-b", "vpn")).moves[0] == Move(flow=TRAIN, before=IX_A, after=None, by=Mover.NOBODY)


def test_every_link_and_every_group_of_several_links_fails_once() -> None:
    start = risky("ix-a", "ix-b")
    assert groups(start) == {"alone": (VPN,), "metro": (IX_A, IX_B)}
    assert [(one.name, one.links) for one in failures(start, 1)] == [
        ("ix-a", (IX_A,)),
        ("ix-b", (IX_B,)),
        ("ix-c", (IX_C,)),
        ("vpn", (VPN,)),
        ("group:metro", (IX_A, IX_B)),
    ]


def test_two_failures_are_listed_once_by_what_they_take_and_not_when_one_alone_takes_it() -> None:
    found = [one.links for one in failures(risky("ix-a", "ix-b"), 2)]
    assert {frozenset(one) for one in found} == {
        frozenset(one) for one in ((IX_A, IX_C), (IX_A, VPN), (IX_B, IX_C), (IX_B, VPN), (IX_C, VPN), (IX_A, IX_B, IX_C), (IX_A, IX_B, VPN))
    }
    assert len(found) == 7


def test_a_policy_that_asks_for_a_path_forbids_a_failure_that_leaves_none() -> None:
    bound = fabric(flows=(CHECKOUT, replace(TRAINING, prefer=(IX_A,))), policy=Policy(survive=Survive(n_1=Survival.NO_UNPLACED)))
    found = outcomes(bound, 1)
    assert {name: one.breaks for name, one in found.items() if one.breaks} == {"ix-a": "flows without a path: training"}
    assert not any(one.breaks for one in outcomes(bound, 2).values())


def test_a_policy_that_forbids_overload_forbids_a_flow_without_a_path_too() -> None:
    strict = replace(ATLAS, policy=Policy(survive=Survive(n_1=Survival.NO_OVERLOAD, n_2=Survival.NO_OVERLOAD)))
    assert not any(one.breaks for one in outcomes(strict, 1).values())
    broken = {name: one.breaks for name, one in outcomes(strict, 2).items() if one.breaks}
    assert broken == {"ix-a,ix-c": "overloaded: ix-b"}
    grouped = replace(risky("ix-a", "ix-b", "ix-c"), policy=strict.policy)
    assert outcomes(grouped, 1)["group:metro"].breaks == "flows without a path: training"


def test_a_policy_that_asks_nothing_forbids_nothing() -> None:
    assert not any(one.breaks for one in outcomes(risky("ix-a", "ix-b", "ix-c"), 2).values())


def test_reasons_say_that_the_heuristic_placed_the_flows() -> None:
    asks, usable, _ = large(1, 14, 60, 1.1)
    links = (replace(vpn(bits), name=name, mtu=9000) for name, bits in usable.items())
    flows = tuple(replace(flow(one.name, one.demand, one.priority, (), 9), prefer=one.links) for one in asks)
    analysis = Analysis(fabric(*links, flows=flows))
    first = asks[0].links[0]
    assert [one.chosen for one in analysis.after(Failure(name=first, links=(first,))).reasons if one.about == ABOUT] == ["heuristic"]


FLOWS = st.lists(
    st.tuples(st.sampled_from([G, 4 * G, 8 * G]), st.integers(1, 3), st.permutations([IX_A, IX_B, IX_C, VPN]), st.integers(1, 4)),
    min_size=1,
    max_size=5,
).map(lambda rows: tuple(flow(f"f{n}", demand, priority, tuple(order[:most]), n) for n, (demand, priority, order, most) in enumerate(rows)))


@given(FLOWS, st.sets(st.sampled_from([IX_A, IX_B, IX_C, VPN]), min_size=1, max_size=3))
@settings(max_examples=60)
def test_what_is_kept_from_one_failure_to_the_next_changes_no_answer(flows: tuple[Flow, ...], failed: set[LinkName]) -> None:
    start = fabric(flows=flows)
    analysis = Analysis(start)
    list(analysis.outcomes(2))
    assert canonical(analysis.after(failing(*sorted(failed)))) == canonical(Analysis(start).after(failing(*sorted(failed))))


@given(FLOWS, st.sets(st.sampled_from([IX_A, IX_B, IX_C, VPN]), min_size=1, max_size=3))
@settings(max_examples=60)
def test_what_follows_a_failure_is_what_placing_without_the_failed_links_gives(flows: tuple[Flow, ...], failed: set[LinkName]) -> None:
    start = fabric(flows=flows)
    footing = {
        one.name: Footing(usable=one.capacity, stays=one.name not in failed, takes=one.name not in failed, settled=True)
        for one in start.links
    }
    today = {name: Placement(link=link) for name, link in Analysis(start).before.placement.items()}
    expected = {name: None if one.link in failed else one.link for name, one in place(start, footing, today).flows.items()}
    assert Analysis(start).after(failing(*sorted(failed))).placement == expected


@pytest.mark.parametrize("depth", [1, 2])
def test_no_flow_with_a_permitted_link_left_is_without_a_path(depth: int) -> None:
    start = fabric(link("ix-a", G), link("ix-b", G), vpn(G), flows=(CHECKOUT, replace(TRAINING, prefer=(IX_A, IX_B, VPN))))
    for one in Analysis(start).outcomes(depth):
        for lost in one.after.unplaced:
            assert set(start.flow(FlowName(lost)).prefer) <= set(one.failure.links)
