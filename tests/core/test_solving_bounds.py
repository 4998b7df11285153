"""What a hard search leans on: bounds that never deny what there is, and starts that are never worse; held against trying everything."""

import itertools
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pointsman.core import solving_exact, solving_fits
from pointsman.core.fabric import Bandwidth, FlowName, LinkName
from pointsman.core.solving import Ask
from pointsman.core.solving_exact import Search
from pointsman.core.solving_fits import Fits
from pointsman.core.solving_greedy import improved
from pointsman.core.solving_swaps import swapped
from pointsman.core.solving_task import Board, Task, measured
from tests.core.questions import QUESTIONS, Question, by_trying_everything

SIZES = st.lists(st.integers(0, 40), min_size=1, max_size=7)


def task(demands: Sequence[int], rooms: Mapping[str, int], ways: Sequence[str]) -> Task:
    asks = [
        Ask(
            name=FlowName(f"f{number}"),
            demand=Bandwidth(demand),
            priority=1,
            links=tuple(map(LinkName, links)),
            ranks=tuple(range(len(links))),
            costs=(0,) * len(links),
        )
        for number, (demand, links) in enumerate(zip(demands, ways, strict=True))
    ]
    return Task(asks, {LinkName(name): Bandwidth(room) for name, room in rooms.items()}, ())


def fits(made: Task, spare: int = 0) -> bool:
    return Fits(made).hold(dict(enumerate(made.options)), made.usable, spare)


def excess(made: Task, at: Sequence[int]) -> int:
    board = Board(made)
    for flow, option in enumerate(at):
        board.put(flow, option)
    return sum(max(0, -board.room(link)) for link in range(len(made.links)))


def fullest(sizes: Sequence[int], room: int) -> int:
    sums = (sum(some) for count in range(len(sizes) + 1) for some in itertools.combinations(sizes, count))
    return max((one for one in sums if one <= room), default=0)


@given(SIZES, st.integers(-5, 120))
def test_a_fill_is_what_some_flows_come_to(sizes: list[int], room: int) -> None:
    made = task(sizes, {"a": 1}, ["a"] * len(sizes))
    assert Fits(made).fill(room, (1 << len(sizes)) - 1) == fullest(made.demand, room)


@given(SIZES, st.integers(0, 120), st.integers(1, 9))
@example([7, 7, 7], 20, 2)
def test_a_fill_that_is_told_roughly_is_never_told_too_low(sizes: list[int], room: int, cells: int) -> None:
    made = task(sizes, {"a": 1}, ["a"] * len(sizes))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solving_fits, "CELLS", cells)
        found = Fits(made).fill(room, (1 << len(sizes)) - 1)
    assert fullest(made.demand, room) <= found <= room


@given(QUESTIONS)
@settings(max_examples=200)
def test_what_fits_is_never_said_not_to_fit(question: Question) -> None:
    asks, usable, _ = question
    made = Task(asks, usable, ())
    least = min(excess(made, at) for at in itertools.product(*(range(len(one)) for one in made.options)))
    assert fits(made, least)


def test_flows_that_exceed_a_set_of_links_which_none_of_them_alone_has_do_not_fit() -> None:
    made = task([2, 2, 2], {"a": 2, "b": 1, "c": 2, "d": 9}, ["ab", "bc", "ac"])
    assert not fits(made)
    assert fits(made, spare=1)


def test_whole_flows_that_leave_a_gap_on_every_link_do_not_fit_where_parted_ones_would() -> None:
    made = task([2] * 4, {"a": 3, "b": 3, "c": 3}, ["abc"] * 4)
    assert not fits(made)
    assert fits(task([2] * 3, {"a": 3, "b": 3, "c": 3}, ["abc"] * 3))


@given(QUESTIONS)
def test_moves_and_swaps_make_nothing_worse(question: Question) -> None:
    made = Task(*question)
    start = improved(made)
    assert measured(made, swapped(made, start)) <= measured(made, start)


def test_a_swap_is_found_where_no_single_move_helps() -> None:
    made = task([5, 4, 3, 2], {"a": 7, "b": 7}, ["ab"] * 4)
    assert measured(made, [0, 0, 1, 1])[0]
    assert not measured(made, swapped(made, [0, 0, 1, 1]))[0]


@given(QUESTIONS, st.integers(0, 3))
@settings(max_examples=200)
def test_a_search_that_begins_anew_finds_the_best_too(question: Question, easy: int) -> None:
    made = Task(*question)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solving_exact, "EASY", easy)
        search = Search(made, [len(one) - 1 for one in made.options])
        search.run()
    assert not search.cut
    assert {one.name: one.links[option] for one, option in zip(made.asks, search.best, strict=True)} == by_trying_everything(question)


@given(QUESTIONS, st.integers(1, 12))
@settings(max_examples=100)
def test_a_search_that_is_cut_anywhere_is_no_worse_than_its_start_and_opens_no_more(question: Question, nodes: int) -> None:
    made = Task(*question)
    start = [len(one) - 1 for one in made.options]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solving_exact, "NODES", nodes)
        patch.setattr(solving_exact, "EASY", nodes // 2)
        search = Search(made, start)
        search.run()
    assert search.nodes <= nodes
    assert measured(made, search.best) <= measured(made, start)
    assert measured(made, search.best) == (search.overload, search.weight)
    assert search.cut or {one.name: one.links[at] for one, at in zip(made.asks, search.best, strict=True)} == by_trying_everything(question)
