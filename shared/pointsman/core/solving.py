"""Place flows on links in the best way there is, by branch and bound, or say that a heuristic did.

The measure, in order (each class by class, the most precious first): the demand without a place; the overload; the
flows that are held and leave; the
distance from favourites; the cost; then the fewest moves from today; then the flows in order of priority, size and
name, each as near to its favourite as can be. An overloaded link harms each class on it by the excess, at most by what
the class sends there, because routers do not police priority.
"""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from enum import StrEnum

from pointsman.core.fabric import Bandwidth, FlowName, LinkName
from pointsman.core.solving_exact import Search
from pointsman.core.solving_greedy import improved
from pointsman.core.solving_task import Ask, Fixed, Task, measured
from pointsman.core.values import Frozen

__all__ = ["Ask", "Fixed", "Proof", "Solved", "solve"]

EXACT_LINKS = 12
EXACT_FLOWS = 40
"""The largest component that is searched; a larger one is left to the heuristic."""


class Proof(StrEnum):
    """How good a placement is known to be: the best; the best found before the nodes ran out; a heuristic's."""

    OPTIMAL = "optimal"
    CUT = "cut"
    HEURISTIC = "heuristic"


class Solved(Frozen):
    """A link for each flow that asked. ``proof`` is the weakest of all components', ``nodes`` what their searches opened."""

    links: dict[FlowName, LinkName]
    proof: Proof = Proof.OPTIMAL
    nodes: int = 0


Component = tuple[tuple[Ask, ...], tuple[tuple[LinkName, Bandwidth], ...], tuple[Fixed, ...]]
"""Flows that share links, those links with what they carry, and the flows that have to stay on them."""
Memo = MutableMapping[Component, Solved]
"""Answers kept by component: the next question that differs elsewhere need not ask again."""


def solve(asks: Sequence[Ask], usable: Mapping[LinkName, Bandwidth], fixed: Sequence[Fixed] = (), memo: Memo | None = None) -> Solved:
    """Place every flow that asks; each has one link at least. The same question has the same answer, however it is ordered."""
    kept: Memo = {} if memo is None else memo
    links: dict[FlowName, LinkName] = {}
    proofs, nodes = [Proof.OPTIMAL], 0
    for component in _components(asks, usable, fixed):
        found = kept.get(component)
        if found is None:
            found = kept[component] = _solved(component)
        links.update(found.links)
        proofs.append(found.proof)
        nodes += found.nodes
    return Solved(links=links, proof=max(proofs, key=list(Proof).index), nodes=nodes)


def _components(asks: Sequence[Ask], usable: Mapping[LinkName, Bandwidth], fixed: Sequence[Fixed]) -> Iterator[Component]:
    """Part the flows by the links that they share, in the order of the flows' names."""
    root: dict[LinkName, LinkName] = {name: name for name in usable}

    def top(name: LinkName) -> LinkName:
        while root[name] != name:
            root[name] = root[root[name]]
            name = root[name]
        return name

    for ask in asks:
        for link in ask.links[1:]:
            root[top(link)] = top(ask.links[0])
    flows: dict[LinkName, list[Ask]] = {}
    for ask in sorted(asks, key=lambda one: one.name):
        flows.setdefault(top(ask.links[0]), []).append(ask)
    links: dict[LinkName, list[tuple[LinkName, Bandwidth]]] = {}
    for name in sorted(usable):
        links.setdefault(top(name), []).append((name, usable[name]))
    stays: dict[LinkName, list[Fixed]] = {}
    for one in sorted(fixed, key=lambda one: (one.link, one.priority, one.demand)):
        stays.setdefault(top(one.link), []).append(one)
    for key, some in flows.items():
        yield tuple(some), tuple(links[key]), tuple(stays.get(key, ()))


def _solved(component: Component) -> Solved:
    asks, usable, fixed = component
    favourite = _all_favourites(asks, dict(usable), fixed)
    if favourite is not None:
        return Solved(links=favourite)
    made = Task(asks, dict(usable), fixed)
    at, proof, nodes = _searched(made)
    names = {ask.name: ask.links[option] for ask, option in zip(made.asks, at, strict=True)}
    return Solved(links=names, proof=proof, nodes=nodes)


def _all_favourites(asks: Sequence[Ask], usable: Mapping[LinkName, Bandwidth], fixed: Sequence[Fixed]) -> dict[FlowName, LinkName] | None:
    """Give every flow its favourite if they all fit: nothing is better. None when a link would be too full."""
    room = dict(usable)
    for one in fixed:
        room[one.link] = Bandwidth(room[one.link] - one.demand)
    for ask in asks:
        link = ask.links[0]
        room[link] = Bandwidth(room[link] - ask.demand)
        if room[link] < 0:
            return None
    return {ask.name: ask.links[0] for ask in asks}


def _searched(made: Task) -> tuple[list[int], Proof, int]:
    """Search from the better of what needs no search and today's placement. An answer without proof doesn't undo a today that is as good."""
    plain, today = improved(made), made.today
    start = min((one for one in (plain, today) if one is not None), key=lambda one: measured(made, one))
    steady = today is not None and _merit(made, today) <= _merit(made, plain)
    if len(made.asks) > EXACT_FLOWS or len(made.links) > EXACT_LINKS:
        return (today if steady and today is not None else plain), Proof.HEURISTIC, 0
    search = Search(made, start)
    search.run()
    if search.cut:
        return (today if steady and today is not None else search.best), Proof.CUT, search.nodes
    return search.best, Proof.OPTIMAL, search.nodes


def _merit(made: Task, at: Sequence[int]) -> tuple[int, int]:
    """Measure a placement by overload, preference and cost: what is worth a move."""
    overload, weight = measured(made, at)
    return overload, weight // made.below_cost
