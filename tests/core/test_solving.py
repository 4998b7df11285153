"""The best placement: held against trying everything, on the laws that any answer keeps, and at the bounds of the search."""

import itertools
import subprocess
import sys
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pointsman.core import solving, solving_exact
from pointsman.core.fabric import Bandwidth, FlowName, LinkName
from pointsman.core.solving import Ask, Fixed, Memo, Proof, solve
from pointsman.core.solving_greedy import improved
from pointsman.core.solving_task import Task, measured
from pointsman.core.values import replace
from tests.core.greedy import greedy
from tests.core.questions import QUESTIONS, Question, by_trying_everything, large, value

A, B, C, D = (LinkName(name) for name in "abcd")


def ask(name: str, demand: int, priority: int, *links: LinkName, today: LinkName | None = None, costs: tuple[int, ...] = ()) -> Ask:
    return Ask(
        name=FlowName(name),
        demand=Bandwidth(demand),
        priority=priority,
        links=links,
        ranks=tuple(range(len(links))),
        costs=costs or (0,) * len(links),
        today=today,
    )


def carrying(**usable: int) -> dict[LinkName, Bandwidth]:
    return {LinkName(name): Bandwidth(bits) for name, bits in usable.items()}


def where(usable: Mapping[LinkName, Bandwidth], *asks: Ask, fixed: tuple[Fixed, ...] = ()) -> dict[str, str]:
    found = solve(asks, usable, fixed)
    assert found.proof is Proof.OPTIMAL
    return {str(name): str(link) for name, link in found.links.items()}


@given(QUESTIONS)
@settings(max_examples=300)
def test_no_placement_is_better_than_the_one_that_is_called_optimal(question: Question) -> None:
    found = solve(*question)
    assert found.proof is Proof.OPTIMAL
    assert found.links == by_trying_everything(question)


@given(QUESTIONS)
@settings(max_examples=100)
def test_the_search_finds_the_best_from_the_worst_start_too(question: Question) -> None:
    made = Task(*question)
    everything = itertools.product(*(range(len(one)) for one in made.options))
    worst = max(everything, key=lambda at: measured(made, at))
    search = solving_exact.Search(made, worst)
    search.run()
    assert {one.name: one.links[option] for one, option in zip(made.asks, search.best, strict=True)} == by_trying_everything(question)


def test_every_flow_that_fits_has_its_favourite_and_nothing_is_searched() -> None:
    asks = [ask(f"f{n}", 1, n % 3, A, B) for n in range(200)]
    found = solve(asks, carrying(a=200, b=1))
    assert (set(found.links.values()), found.proof, found.nodes) == ({A}, Proof.OPTIMAL, 0)


def test_a_lesser_flow_is_chased_off_the_link_of_a_precious_one_that_it_would_harm() -> None:
    assert where(carrying(a=5, b=2), ask("gold", 3, 1, A), ask("bulk", 4, 5, A, B)) == {"gold": "a", "bulk": "b"}


def test_a_precious_flow_leaves_a_link_when_that_is_what_avoids_loss() -> None:
    assert where(carrying(a=6, b=1), ask("gold", 1, 1, A, B), ask("bulk", 6, 5, A)) == {"gold": "b", "bulk": "a"}


def test_a_small_loss_of_a_precious_flow_is_worse_than_a_large_one_of_a_lesser_flow() -> None:
    assert where(carrying(a=4, b=1), ask("gold", 4, 1, A), ask("bulk", 9, 5, A, B)) == {"gold": "a", "bulk": "b"}


def test_a_class_loses_no_more_than_it_sends() -> None:
    found = where(carrying(a=0, b=0), ask("gold", 1, 1, A, B), ask("bulk", 2, 5, A))
    assert found == {"gold": "a", "bulk": "a"}, "all is lost on either link, and the favourite is no worse"


def test_overload_of_a_lesser_class_is_worse_than_the_last_choice_of_a_precious_one() -> None:
    assert where(carrying(a=5, b=5, c=5), ask("gold", 5, 1, A, B, C), ask("bulk", 5, 5, A), ask("more", 5, 5, B)) == {
        "gold": "c",
        "bulk": "a",
        "more": "b",
    }


def test_the_preference_of_a_precious_flow_is_worth_more_than_that_of_any_number_of_lesser_ones() -> None:
    lesser = [ask(f"low{n}", 1, 5, A, B) for n in range(5)]
    assert where(carrying(a=5, b=9), ask("gold", 5, 1, A, B), *lesser) == {"gold": "a"} | {one.name: "b" for one in lesser}


def test_of_equal_flows_as_many_as_possible_keep_their_favourite() -> None:
    found = where(carrying(a=4, b=9), ask("large", 4, 1, A, B), ask("one", 2, 1, A, B), ask("two", 2, 1, A, B))
    assert found == {"large": "b", "one": "a", "two": "a"}


def test_cost_is_asked_where_preference_is_silent() -> None:
    dear, cheap = ask("dear", 2, 1, A, B, costs=(0, 9)), ask("poor", 2, 1, A, B, costs=(0, 1))
    assert where(carrying(a=2, b=2), dear, cheap) == {"dear": "a", "poor": "b"}


def test_the_flow_that_is_there_already_stays_where_nothing_else_tells_two_apart() -> None:
    first, second = ask("first", 2, 1, A, B, today=B), ask("second", 2, 1, A, B, today=A)
    assert where(carrying(a=2, b=2), first, second) == {"first": "b", "second": "a"}


def test_flows_that_differ_only_in_where_they_are_today_are_no_twins() -> None:
    first, second, newcomer = ask("first", 2, 1, A, B, today=B), ask("second", 2, 1, A, B, today=A), ask("third", 1, 2, B, C)
    assert where(carrying(a=2, b=3, c=1), first, second, newcomer) == {"first": "b", "second": "a", "third": "b"}


def test_where_nothing_at_all_tells_two_apart_the_first_by_name_is_nearest_to_its_favourite() -> None:
    assert where(carrying(a=2, b=2), ask("second", 2, 1, A, B), ask("first", 2, 1, A, B)) == {"first": "a", "second": "b"}


def test_where_only_their_size_tells_two_apart_the_larger_is_nearest_to_its_favourite() -> None:
    assert where(carrying(a=2, b=2), ask("a-small", 1, 1, A, B), ask("z-large", 2, 1, A, B)) == {"a-small": "b", "z-large": "a"}


def test_a_flow_that_has_to_stay_takes_its_room_and_is_harmed_as_others_are() -> None:
    stays = (Fixed(link=A, demand=Bandwidth(3), priority=1),)
    assert where(carrying(a=4, b=2), ask("bulk", 3, 5, A, B), fixed=stays) == {"bulk": "b"}


@given(QUESTIONS)
def test_the_order_of_a_question_changes_nothing_of_its_answer(question: Question) -> None:
    asks, usable, fixed = question
    turned = (tuple(reversed(asks)), dict(reversed(usable.items())), tuple(reversed(fixed)))
    memo: Memo = {}
    assert solve(*turned, memo) == solve(*question)
    known = len(memo)
    solve(*question, memo)
    assert len(memo) == known, "it is the same question"


@given(QUESTIONS)
def test_an_answer_that_is_kept_is_the_answer(question: Question) -> None:
    memo: Memo = {}
    first = solve(*question, memo)
    assert solve(*question, memo) == first == solve(*question)


@given(QUESTIONS)
def test_to_ask_again_from_the_answer_moves_nothing(question: Question) -> None:
    asks, usable, fixed = question
    found = solve(*question).links
    moved = tuple(replace(one, today=found[one.name]) for one in asks)
    assert solve(moved, usable, fixed).links == found


def test_what_shares_no_link_is_decided_apart() -> None:
    hard, _, _ = large(3, 12, 40, 1.2)
    easy = [ask(f"z{n}", 1, 1, A, B) for n in range(5)]
    alone = solve(easy, carrying(a=3, b=9))
    assert alone.nodes
    together = solve([*hard, *easy], {**large(3, 12, 40, 1.2)[1], **carrying(a=3, b=9)})
    assert alone.links.items() <= together.links.items()


REAL = [*((seed, fill) for seed in range(6) for fill in (0.4, 0.6, 0.8)), *((seed, fill) for seed in (0, 2, 5) for fill in (0.95, 1.0))]


@pytest.mark.parametrize(("seed", "fill"), REAL)
def test_twelve_links_with_forty_flows_of_five_classes_are_proved_within_the_bound(seed: int, fill: float) -> None:
    assert solve(*large(seed, 12, 40, fill)).proof is Proof.OPTIMAL


@pytest.mark.parametrize(("links", "flows"), [(13, 20), (6, 41)])
def test_beyond_the_size_the_heuristic_answers_and_says_so(links: int, flows: int) -> None:
    found = solve(*large(1, links, flows, 0.9))
    assert (found.proof, found.nodes) == (Proof.HEURISTIC, 0)


def test_a_search_that_runs_out_of_nodes_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solving_exact, "NODES", 3)
    asks, usable, _ = large(2, 12, 40, 0.9)
    found = solve(asks, usable)
    assert (found.proof, found.nodes) == (Proof.CUT, 3)
    assert set(found.links) == {one.name for one in asks}


@given(st.integers(0, 10_000), st.sampled_from([(14, 30), (20, 80), (50, 120)]), st.sampled_from([0.3, 0.7, 1.0, 1.3]))
@settings(max_examples=40)
@example(7, (50, 500), 0.8)
def test_what_is_not_proved_is_never_worse_than_placing_one_by_one(seed: int, size: tuple[int, int], fill: float) -> None:
    question = large(seed, *size, fill)
    assert value(question, solve(*question).links) <= value(question, greedy(question))


@pytest.mark.parametrize(("seed", "fill", "nodes"), [*((seed, 1.1, nodes) for seed in range(4) for nodes in (1, 10, 100)), (27, 0.9, 100)])
def test_a_cut_search_is_never_worse_than_placing_one_by_one_and_moves_no_flow_again_without_proof(
    seed: int, fill: float, nodes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solving_exact, "NODES", nodes)
    asks, usable, fixed = large(seed, 12, 40, fill)
    found = solve(asks, usable, fixed).links
    assert value((asks, usable, fixed), found) <= value((asks, usable, fixed), greedy((asks, usable, fixed)))
    again = solve(tuple(replace(one, today=found[one.name]) for one in asks), usable, fixed)
    assert again.links == found or (
        again.proof is Proof.OPTIMAL and value((asks, usable, fixed), again.links) < value((asks, usable, fixed), found)
    )


class CutSearch:
    """A search that ran out of nodes with another answer than today's in its hands."""

    cut, nodes = True, 1

    def __init__(self, made: Task, start: Sequence[int]) -> None:
        del start
        self.best = improved(made)

    def run(self) -> None:
        """Find nothing more."""


def test_a_search_that_was_cut_leaves_flows_where_they_are_when_that_is_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solving, "Search", CutSearch)
    swapped = [ask("one", 2, 1, A, B, today=B), ask("two", 2, 1, A, B, today=A)]
    assert solve(swapped, carrying(a=2, b=2)).links == {"one": B, "two": A}
    worse = [ask("one", 2, 1, A, B, today=B), ask("two", 2, 1, A, B, today=B)]
    assert solve(worse, carrying(a=2, b=4)).links == {"one": A, "two": B}


@pytest.mark.parametrize("seed", range(3))
def test_the_heuristic_is_content_with_its_own_answer(seed: int) -> None:
    asks, usable, fixed = large(seed, 30, 120, 0.9)
    found = solve(asks, usable, fixed).links
    again = tuple(replace(one, today=found[one.name]) for one in asks)
    assert solve(again, usable, fixed).links == found


def test_the_heuristic_leaves_flows_where_they_are_when_that_is_as_good() -> None:
    crowd = [ask(f"crowd{n:02}", 1, 1, C, A) for n in range(43)]
    one, two = ask("one", 2, 1, A, B, today=B), ask("two", 2, 1, A, B, today=A)
    found = solve([*(replace(some, today=C) for some in crowd), one, two], carrying(a=2, b=2, c=43))
    assert (found.proof, found.links[FlowName("one")], found.links[FlowName("two")]) == (Proof.HEURISTIC, B, A)
    afresh = solve([*crowd, replace(one, today=None), replace(two, today=None)], carrying(a=2, b=2, c=43))
    assert (afresh.links[FlowName("one")], afresh.links[FlowName("two")]) == (A, B)


def test_flows_make_way_before_single_moves_are_tried() -> None:
    asks = (
        replace(ask("f0", 1, 3, D, A), ranks=(0, 3)),
        replace(ask("f1", 3, 1, A, B, D), ranks=(0, 3, 4)),
        replace(ask("f2", 4, 3, D, A, B), ranks=(0, 3, 4)),
        ask("f3", 3, 3, D),
    )
    stays = (Fixed(link=B, demand=Bandwidth(2), priority=3), Fixed(link=A, demand=Bandwidth(2), priority=2))
    question = (asks, carrying(a=7, b=3, d=7), stays)
    made = Task(*question)
    names = {one.name: one.links[option] for one, option in zip(made.asks, improved(made), strict=True)}
    assert value(question, names)[:3] <= value(question, greedy(question))[:3]


@given(QUESTIONS)
def test_what_needs_no_search_is_no_worse_than_placing_one_by_one(question: Question) -> None:
    made = Task(*question)
    names = {one.name: one.links[option] for one, option in zip(made.asks, improved(made), strict=True)}
    assert value(question, names)[:3] <= value(question, greedy(question))[:3]


SEEDED = """
from pointsman.core.values import canonical, digest
from pointsman.core.solving import solve
from tests.core.questions import large
print(digest(canonical([solve(*large(seed, 12, 40, 0.9)) for seed in range(3)] + [solve(*large(1, 30, 90, 1.0))])))
"""


def test_the_same_question_has_the_same_bytes_under_any_hash_seed() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", SEEDED],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "shared:."},
        ).stdout
        for seed in ("0", "1", "424242")
    }
    assert len(found) == 1


def test_what_places_loads_nothing_that_costs_time() -> None:
    script = "import sys, msgspec; before = set(sys.modules); import pointsman.core.solving; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, env={"PYTHONPATH": "shared"})
    assert {name.split(".")[0] for name in done.stdout.split()} - set(sys.stdlib_module_names) <= {"pointsman", "_virtualenv"}
    assert solving.EXACT_LINKS >= 12
    assert solving.EXACT_FLOWS >= 40
