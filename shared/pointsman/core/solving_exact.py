"""The best placement of one component, by branch and bound: first the least overload, then the least weight under it.

Both searches go depth first and turn back where a lower bound reaches the best placement known. Bounds never fall on
the way down, so the answer is the optimum unless the nodes run out, which ``Search.cut`` says.
"""

from collections.abc import Sequence

from pointsman.core.solving_fits import Fits
from pointsman.core.solving_overload import least_overload
from pointsman.core.solving_swaps import swapped
from pointsman.core.solving_task import Board, Task, measured

NODES = 6_000
"""Nodes that one component's search may open; at the bound the best placement found so far stands."""
EASY = 400
"""Nodes after which a search is known to be a hard one: it begins anew from a better placement, which takes time to find."""
POLISHES = 3
"""Times that a hard search has a placement it found made better before it goes on."""


class Search:
    """A search from a known placement: ``best`` is the best one found, ``cut`` says that the nodes ran out."""

    def __init__(self, task: Task, start: Sequence[int]) -> None:
        self.best = list(start)
        self.cut = False
        self.nodes = 0
        self._task = task
        self._most = min(EASY, NODES)
        self._polishes = 0
        self.overload, self.weight = measured(task, start)

    def run(self) -> None:
        """Find the least overload, then the least weight of the placements that have it."""
        self._stages()
        if self.cut and self._most < NODES:
            self.cut, self._most, self._polishes = False, NODES, POLISHES
            self.polish()
            self._stages()

    def _stages(self) -> None:
        if self.overload and self._spotless():
            return
        if self.overload:
            at = least_overload(self._task, self.best, self.opened)
            self.found(at, *measured(self._task, at))
        if not self.cut:
            _Weight(self, self._task, _by_class(self._task, self.best)).run()

    def _spotless(self) -> bool:
        """Look for the best of the placements without any overload, with half of the nodes that are left. True when it is found."""
        most, weight = self._most, self.weight
        self._most, self.weight = (self.nodes + most) // 2, 1 + sum(map(max, self._task.weight))
        _Weight(self, self._task, [0] * len(self._task.harm_digit)).run()
        proved = not self.cut and not self.overload
        self._most, self.cut = most, False
        self.weight = weight if self.overload else self.weight
        return proved

    def polish(self) -> None:
        """Make the best placement better by moves and swaps, if that hasn't been done too often."""
        if self._polishes:
            self._polishes -= 1
            at = swapped(self._task, self.best)
            self.found(at, *measured(self._task, at))

    def opened(self) -> bool:
        """Count one more node. False when there are no more."""
        if self.nodes >= self._most:
            self.cut = True
            return False
        self.nodes += 1
        return True

    def found(self, at: Sequence[int], overload: int, weight: int) -> None:
        """Keep a placement if it is the best so far."""
        if (overload, weight) < (self.overload, self.weight):
            self.best, self.overload, self.weight = list(at), overload, weight


class _Weight:
    """The search for the least weight, with a limit of overload, class by class.

    Every flow without a place goes to the nearest of its links that still takes it. Where that overloads a link, some
    of them have to leave, which costs at least what the cheapest that suffice cost: the bound. Where it overloads none,
    it is the best that can come of this branch, and the branch ends.
    """

    def __init__(self, search: Search, task: Task, limit: Sequence[int]) -> None:
        self._search = search
        self._task = task
        self._board = Board(task)
        self._limit = limit
        self._fits = Fits(task)

    def run(self) -> None:
        self._descend(0)

    def _descend(self, weight: int) -> None:
        search, task = self._search, self._task
        if not search.opened():
            return
        slack = [most - now for most, now in zip(self._limit, _harms(task, self._board), strict=True)]
        relaxed = _Relaxed(task, self._board, slack)
        if not relaxed.possible or weight + relaxed.weight >= search.weight:
            return
        if not relaxed.crowded:
            self._complete(relaxed)
            return
        if not relaxed.holds(self._fits):
            return
        flow = relaxed.branch()
        for option, extra in relaxed.choices[flow]:
            if search.cut or weight + extra >= search.weight:
                return
            self._board.put(flow, option)
            self._descend(weight + task.weight[flow][option])
            self._board.take(flow)

    def _complete(self, relaxed: "_Relaxed") -> None:
        at = [relaxed.choices[flow][0][0] if option < 0 else option for flow, option in enumerate(self._board.at)]
        self._search.found(at, *measured(self._task, at))
        self._search.polish()


def _by_class(task: Task, at: Sequence[int]) -> list[int]:
    board = Board(task)
    for flow, option in enumerate(at):
        board.put(flow, option)
    return _harms(task, board)


def _harms(task: Task, board: Board) -> list[int]:
    """Add up the overload by class."""
    found = [0] * len(task.harm_digit)
    for link, classes in enumerate(board.classes):
        excess = -board.room(link)
        if excess > 0:
            for level, there in enumerate(classes):
                found[level] += min(excess, there)
    return found


class _Relaxed:
    """Every flow without a place on the nearest of its links that takes it by itself, and what that costs at least.

    ``choices`` are each such flow's options that are possible, with their weight, nearest first; ``crowded`` the links
    that this overloads, with what the flows that would have to leave add at least.
    """

    def __init__(self, task: Task, board: Board, slack: Sequence[int]) -> None:
        self.choices: dict[int, list[tuple[int, int]]] = {}
        self.weight = 0
        self.crowded: dict[int, int] = {}
        self._task = task
        self._board = board
        self._slack = slack
        self._room = [board.room(link) for link in range(len(task.links))]
        self._guests: list[list[int]] = [[] for _ in task.links]
        self._forced: dict[int, int] = {}
        self.possible = min(slack) >= 0 and self._seat() and self._crowd()

    def branch(self) -> int:
        """Choose the flow to decide on next: of the links that are too full, the one whom leaving would cost most."""
        guests = (flow for link in self.crowded for flow in self._guests[link])
        return min((flow for flow in guests), key=lambda flow: (self._regret(flow) is not None, -(self._regret(flow) or 0), flow))

    def holds(self, fits: Fits) -> bool:
        """Say whether the flows without a place may fit together where they are possible."""
        options = self._task.options
        ways = {flow: [options[flow][option] for option, _ in some] for flow, some in self.choices.items()}
        return fits.hold(ways, self._room, sum(self._slack))

    def _seat(self) -> bool:
        first: dict[int, int] = {}
        for flow, option in enumerate(self._board.at):
            twin = self._task.twin[flow]
            first[flow] = option if option >= 0 else (first[twin] if twin >= 0 else 0)
            if option < 0 and not self._possible(flow, first[flow]):
                return False
        return True

    def _possible(self, flow: int, first: int) -> bool:
        """Seat one flow. False when no link takes it."""
        task = self._task
        demand, weights = task.demand[flow], task.weight[flow]
        found = [
            (option, weights[option])
            for option, link in enumerate(task.options[flow])
            if option >= first and (demand <= self._room[link] or self._tolerable(flow, link))
        ]
        if not found:
            return False
        self.choices[flow] = found
        self.weight += found[0][1]
        if any(self._slack):
            roomiest = max(self._room[task.options[flow][option]] for option, _ in found)
            self._forced[flow] = max(0, demand - max(0, roomiest))
        self._guests[task.options[flow][found[0][0]]].append(flow)
        return True

    def _tolerable(self, flow: int, link: int) -> bool:
        """Say whether a link without room may still take a flow: no class then loses more than in the best placement."""
        task, board, room = self._task, self._board, self._room[link]
        demand, mine = task.demand[flow], task.klass[flow]
        if demand - max(0, room) > self._slack[mine]:
            return False
        before, after = max(0, -room), demand - room
        for level, there in enumerate(board.classes[link]):
            more = min(after, there + (demand if level == mine else 0)) - min(before, there)
            if more > self._slack[level]:
                return False
        return True

    def _crowd(self) -> bool:
        """Find the links that are too full and bound what their relief costs. False when one cannot be relieved.

        What flows exceed even the roomiest of their links by is lost wherever they go; the rest of the slack is spare.
        """
        spare = sum(self._slack) - sum(self._forced.values())
        if spare < 0:
            return False
        for link, guests in enumerate(self._guests):
            if sum(self._task.demand[flow] for flow in guests) <= max(0, self._room[link]):
                continue
            cost = self._relief(guests, sum(map(self._size, guests)) - max(0, self._room[link]) - spare)
            if cost is None:
                return False
            self.crowded[link] = cost
            self.weight += cost
        return True

    def _size(self, flow: int) -> int:
        return self._task.demand[flow] - self._forced.get(flow, 0)

    def _regret(self, flow: int) -> int | None:
        """Give what a flow's next link would cost more than its nearest; None when there is no next."""
        options = self.choices[flow]
        return options[1][1] - options[0][1] if len(options) > 1 else None

    def _relief(self, guests: Sequence[int], lacking: int) -> int | None:
        """Bound what it costs that flows of so much demand leave a link: by their cheapest parts, and by how many it takes at least."""
        if lacking <= 0:
            return 0
        sizes = {flow: self._size(flow) for flow in guests}
        movable = [(regret, size) for flow, size in sizes.items() if size and (regret := self._regret(flow)) is not None]
        by_size, rest, count = sorted((demand for _, demand in movable), reverse=True), lacking, 0
        while rest > 0 and count < len(by_size):
            rest -= by_size[count]
            count += 1
        if rest > 0:
            return None
        return max(sum(sorted(regret for regret, _ in movable)[:count]), _parts(movable, lacking))


_SHARP = 40
"""Binary places by which flows are ranked after what moving one bit per second of theirs costs."""


def _parts(movable: Sequence[tuple[int, int]], lacking: int) -> int:
    """Bound what it costs to move so much demand when flows may be parted: the dual of the continuous knapsack.

    Any price per bit gives a bound; that of the flow which the cheapest first would come to last gives the best.
    """
    left = lacking
    for regret, demand in sorted(movable, key=lambda one: (one[0] << _SHARP) // one[1]):
        left -= demand
        if left <= 0:
            saved = sum(min(0, other * demand - regret * size) for other, size in movable)
            return -(-(regret * lacking + saved) // demand)
    return 0
