"""One component of a placement as arrays of integers, and the one measure that placements are compared by.

A placement is a list: for each flow the index of its option. Its measure is a pair of integers, the smaller the better:
the overload, and a weight that adds up what preference, cost, moves and order say. Both are written like a number
whose digits are the priority classes, the most precious first, so that comparing integers compares them class by class.
"""

from collections.abc import Mapping, Sequence
from math import gcd

from pointsman.core.fabric import Bandwidth, FlowName, LinkName
from pointsman.core.values import Frozen, replace


class Ask(Frozen):
    """A flow that wants a place: the links that may carry it, nearest to its favourite first, with the rank and the cost of each.

    ``ranks`` rise; ``costs`` are whole numbers of any one unit for each bit per second. ``today`` is where it is now. One
    that is ``held`` leaves that only to spare overload; it is the first of its links then, whatever its rank.
    """

    name: FlowName
    demand: Bandwidth
    priority: int
    links: tuple[LinkName, ...]
    ranks: tuple[int, ...]
    costs: tuple[int, ...]
    today: LinkName | None = None
    held: bool = False


class Fixed(Frozen):
    """A flow that stays where it is whatever happens, and loads that link."""

    link: LinkName
    demand: Bandwidth
    priority: int


class Task:
    """The arrays: flows by (priority, larger first, name), links by name, classes by priority.

    ``options[i]`` are link indices, ``weight[i]`` the full weight of each option, ``calm[i]`` the same without the
    moves from today, of which whole multiples of ``below_cost`` are what is held, preference and cost; ``start`` and ``classes`` are
    the load of each link, in all and by class, before any flow is placed; ``harm_digit[c]`` is what one bit per second
    of overload of a class counts; ``twin[i]`` is the flow before that differs from this one only in its name, or -1;
    ``by_name`` lists the flows by priority and name alone, those that are held before all others; ``today`` is a placement, or None if a flow cannot stay.
    """

    def __init__(self, asks: Sequence[Ask], usable: Mapping[LinkName, Bandwidth], fixed: Sequence[Fixed]) -> None:
        self.asks = sorted(asks, key=lambda one: (one.priority, -one.demand, one.name))
        self.links = sorted(usable)
        self.usable = [usable[name] for name in self.links]
        self.demand = [one.demand for one in self.asks]
        priorities = sorted({one.priority for one in asks} | {one.priority for one in fixed})
        level = {priority: index for index, priority in enumerate(priorities)}
        self.klass = [level[one.priority] for one in self.asks]
        place = {name: index for index, name in enumerate(self.links)}
        self.options = [tuple(place[name] for name in one.links) for one in self.asks]
        self.start = [0] * len(self.links)
        self.classes = [[0] * len(level) for _ in self.links]
        for one in fixed:
            self.start[place[one.link]] += one.demand
            self.classes[place[one.link]][level[one.priority]] += one.demand
        self.harm_digit = _digits([sum(self.demand) + sum(self.start)] * len(level))
        self.weight, self.calm, self.below_cost = _weighed(self.asks, self.klass, len(level))
        self.twin = [_twin(self.asks, index) for index in range(len(self.asks))]
        self.by_name = sorted(
            range(len(self.asks)), key=lambda index: (not self.asks[index].held, self.asks[index].priority, self.asks[index].name)
        )
        self.today = _today(self.asks)


def _digits(largest: Sequence[int]) -> list[int]:
    """Give the value of one in each digit of a number whose digits may reach these figures, the first the most significant."""
    found, shift = [0] * len(largest), 0
    for index in range(len(largest) - 1, -1, -1):
        found[index] = 1 << shift
        shift += largest[index].bit_length()
    return found


def _weighed(asks: Sequence[Ask], klasses: Sequence[int], levels: int) -> tuple[list[list[int]], list[list[int]], int]:
    """Write what is held, preference and cost by class, moves, and the flows in order, as one integer for each option: with the moves and without."""
    unit = _unit(asks)
    costs = [[(cost - min(one.costs)) * one.demand // unit for cost in one.costs] for one in asks]
    held_most, rank_most, cost_most = [0] * levels, [0] * levels, [0] * levels
    for one, klass, cost in zip(asks, klasses, costs, strict=True):
        held_most[klass] += one.held
        rank_most[klass] += max(one.ranks)
        cost_most[klass] += max(cost)
    digits = _digits((*held_most, *rank_most, *cost_most, len(asks), *(len(one.links) - 1 for one in asks)))
    holds, ranks, prices, (move, *orders) = (
        digits[:levels],
        digits[levels : 2 * levels],
        digits[2 * levels : 3 * levels],
        digits[3 * levels :],
    )
    calm, weight = [], []
    for one, klass, cost, order in zip(asks, klasses, costs, orders, strict=True):
        tastes = [rank * ranks[klass] + cost[option] * prices[klass] + option * order for option, rank in enumerate(one.ranks)]
        if one.held:
            tastes = [taste + holds[klass] * (link != one.today) for taste, link in zip(tastes, one.links, strict=True)]
        calm.append(tastes)
        weight.append([taste + move * (one.today is not None and link != one.today) for taste, link in zip(tastes, one.links, strict=True)])
    return weight, calm, move << len(asks).bit_length()


def _unit(asks: Sequence[Ask]) -> int:
    """Find the largest unit that all traffic costs are whole numbers of."""
    return gcd(*(cost - min(one.costs) for one in asks for cost in one.costs)) * gcd(*(one.demand for one in asks)) or 1


def _twin(asks: Sequence[Ask], index: int) -> int:
    if not index:
        return -1
    one, other = asks[index - 1], asks[index]
    return index - 1 if replace(other, name=one.name) == one else -1


def _today(asks: Sequence[Ask]) -> list[int] | None:
    """Give today's placement if every flow may stay where it is."""
    if any(one.today not in one.links for one in asks):
        return None
    return [one.links.index(one.today) for one in asks if one.today is not None]


def link_harm(task: Task, load: int, usable: int, classes: Sequence[int]) -> int:
    """Weigh the overload of one link: each class on it loses at most the excess, and at most what it sends."""
    excess = load - usable
    if excess <= 0:
        return 0
    return sum(min(excess, there) * digit for there, digit in zip(classes, task.harm_digit, strict=True) if there)


class Board:
    """A placement while it is changed: load of each link, in all and by class, the flows on it, and the weighed overload."""

    __slots__ = ("at", "classes", "harms", "load", "on", "task")

    def __init__(self, task: Task) -> None:
        self.task = task
        self.at = [-1] * len(task.asks)
        self.load = list(task.start)
        self.classes = [list(one) for one in task.classes]
        self.on: list[dict[int, None]] = [{} for _ in task.links]
        self.harms = [self.harm_now(link) for link in range(len(task.links))]

    def harm_now(self, link: int) -> int:
        """Weigh the overload of a link as it is loaded now."""
        return link_harm(self.task, self.load[link], self.task.usable[link], self.classes[link])

    def room(self, link: int) -> int:
        """Give the capacity that is left on a link, in bits per second; below 0 when it is overloaded."""
        return self.task.usable[link] - self.load[link]

    def put(self, flow: int, option: int) -> None:
        """Place a flow that has no place yet."""
        link = self.task.options[flow][option]
        self.at[flow] = option
        self.on[link][flow] = None
        self._shift(flow, link, self.task.demand[flow])

    def take(self, flow: int) -> int:
        """Take a flow from its place and give the option it was on."""
        option = self.at[flow]
        link = self.task.options[flow][option]
        self.at[flow] = -1
        del self.on[link][flow]
        self._shift(flow, link, -self.task.demand[flow])
        return option

    def move(self, flow: int, option: int) -> None:
        """Take a flow to another of its links."""
        self.take(flow)
        self.put(flow, option)

    def link_of(self, flow: int) -> int:
        """Give the link that a flow is on."""
        return self.task.options[flow][self.at[flow]]

    @property
    def overload(self) -> int:
        """Weigh the overload of all links."""
        return sum(self.harms)

    def _shift(self, flow: int, link: int, demand: int) -> None:
        self.load[link] += demand
        self.classes[link][self.task.klass[flow]] += demand
        self.harms[link] = self.harm_now(link)


def measured(task: Task, at: Sequence[int]) -> tuple[int, int]:
    """Measure a whole placement: the overload, then the weight."""
    board = Board(task)
    for flow, option in enumerate(at):
        board.put(flow, option)
    return board.overload, sum(task.weight[flow][option] for flow, option in enumerate(at))
