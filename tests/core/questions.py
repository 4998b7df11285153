"""Placement questions: small random ones with their answer by trying everything, and large ones as fabrics have them."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from random import Random  # noqa: TID251 - from a seed

from hypothesis import strategies as st

from pointsman.core.fabric import Bandwidth, FlowName, LinkName
from pointsman.core.solving import Ask, Fixed
from pointsman.core.values import replace

Question = tuple[tuple[Ask, ...], dict[LinkName, Bandwidth], tuple[Fixed, ...]]
Value = tuple[tuple[int, ...], ...]


def value(question: Question, where: Mapping[FlowName, LinkName]) -> Value:
    """Measure a placement by the letter of the definition: overload, what is held and leaves, preference and cost by class, moves, the order."""
    asks, usable, fixed = question
    on = [(where[one.name], one.priority, one.demand) for one in asks] + [(one.link, one.priority, one.demand) for one in fixed]
    classes = sorted({priority for _, priority, _ in on})

    def harm(link: LinkName, priority: int) -> int:
        excess = sum(demand for at, _, demand in on if at == link) - usable[link]
        return max(0, min(excess, sum(demand for at, level, demand in on if (at, level) == (link, priority))))

    def by_class(figure: Callable[[Ask, int], int]) -> tuple[int, ...]:
        return tuple(sum(figure(one, one.links.index(where[one.name])) for one in asks if one.priority == level) for level in classes)

    ranked = sorted(asks, key=lambda one: (one.priority, -one.demand, one.name))
    return (
        tuple(sum(harm(link, priority) for link in usable) for priority in classes),
        by_class(lambda one, option: one.held and one.links[option] != one.today),
        by_class(lambda one, option: one.ranks[option]),
        by_class(lambda one, option: one.costs[option] * one.demand),
        (sum(one.today is not None and one.today != where[one.name] for one in asks),),
        tuple(one.links.index(where[one.name]) for one in ranked),
    )


def by_trying_everything(question: Question) -> dict[FlowName, LinkName]:
    """Give the best placement of all."""
    asks = question[0]
    everything = (
        {one.name: link for one, link in zip(asks, some, strict=True)} for some in itertools.product(*(one.links for one in asks))
    )
    return min(everything, key=lambda where: value(question, where))


NAMES = tuple(LinkName(f"l{n}") for n in range(4))


def _ask(name: str, demand: int, priority: int, links: Sequence[LinkName], more: tuple[int, int, LinkName | None]) -> Ask:
    skipped, dear, today = more
    ranks = tuple(rank + (rank >= skipped) for rank in range(len(links)))
    return Ask(
        name=FlowName(name),
        demand=Bandwidth(demand),
        priority=priority,
        links=tuple(links),
        ranks=ranks,
        costs=tuple(7 * (link == NAMES[dear]) + NAMES.index(link) % 2 for link in links),
        today=today,
    )


LINKS = st.permutations(NAMES).flatmap(lambda order: st.integers(1, len(order)).map(lambda count: order[:count]))
ASKS = st.builds(
    _ask,
    st.just(""),
    st.sampled_from([0, 1, 2, 3, 4]),
    st.integers(1, 3),
    LINKS,
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.none() | st.sampled_from(NAMES)),
)


def _named(asks: list[Ask], alike: list[tuple[bool, LinkName | None]]) -> tuple[Ask, ...]:
    """Name the flows; some are like the first one, all but their names and, of those said, where they are today."""
    copies = [replace(asks[0], today=today) if elsewhere else asks[0] for elsewhere, today in alike]
    return tuple(replace(one, name=FlowName(f"f{n}")) for n, one in enumerate([*copies, *asks][:6]))


def _held(asks: tuple[Ask, ...], held: list[bool]) -> tuple[Ask, ...]:
    """Hold those said of the flows that may stay where they are: that link is the first of theirs then."""

    def first(one: Ask) -> Ask:
        order = sorted(range(len(one.links)), key=lambda option: one.links[option] != one.today)
        links, ranks, costs = (tuple(figures[option] for option in order) for figures in (one.links, one.ranks, one.costs))
        return replace(one, links=links, ranks=ranks, costs=costs, held=True)

    return tuple(first(one) if stays and one.today in one.links else one for one, stays in zip(asks, held, strict=False))


FIXED = st.builds(
    lambda link, demand, priority: Fixed(link=link, demand=Bandwidth(demand), priority=priority),
    st.sampled_from(NAMES),
    st.integers(0, 3),
    st.integers(1, 3),
)
ALIKE = st.lists(st.tuples(st.booleans(), st.none() | st.sampled_from(NAMES)), max_size=3)
QUESTIONS: st.SearchStrategy[Question] = st.tuples(
    st.builds(
        _held, st.builds(_named, st.lists(ASKS, min_size=1, max_size=5), ALIKE), st.just([False] * 6) | st.lists(st.booleans(), min_size=6)
    ),
    st.fixed_dictionaries({name: st.sampled_from([0, 1, 2, 3, 5, 7]).map(Bandwidth) for name in NAMES}),
    st.lists(FIXED, max_size=2).map(tuple),
)


def large(seed: int, links: int, flows: int, fill: float, classes: int = 5) -> Question:
    """Give a question of many flows of unlike sizes that together demand a share of all capacity; half of them prefer a few links."""
    chance = Random(seed)
    names = [LinkName(f"l{n:03}") for n in range(links)]
    usable = {name: Bandwidth(chance.choice([1, 2, 5, 10, 10]) * 10**9) for name in names}
    sizes = [chance.choice([1, 2, 3, 5, 8, 20]) * chance.uniform(0.5, 1.5) for _ in range(flows)]
    unit = fill * sum(usable.values()) / sum(sizes)
    pool = (*names, *chance.sample(names, max(2, links // 3)) * 2)
    asks = tuple(_drawn(chance, f"f{n:04}", max(1, round(size * unit / 10**8)), pool, classes) for n, size in enumerate(sizes))
    return asks, usable, ()


def _drawn(chance: Random, name: str, size: int, pool: Sequence[LinkName], classes: int) -> Ask:
    links = tuple(dict.fromkeys(chance.choices(pool, k=chance.randint(2, 5))))
    return Ask(
        name=FlowName(name),
        demand=Bandwidth(size * 10**8),
        priority=chance.randint(1, classes),
        links=links,
        ranks=tuple(range(len(links))),
        costs=tuple(pool.index(link) % 3 for link in links),
        today=chance.choice((None, *links)),
    )
