"""The least overload of one component, by branch and bound: which flows lose how much, the most precious class first."""

from collections.abc import Callable, Sequence

from pointsman.core.solving_task import Board, Task

Opened = Callable[[], bool]
"""Counts a node; False when there are no more."""


def least_overload(task: Task, start: Sequence[int], opened: Opened) -> list[int]:
    """Give a placement of the least overload, or the best that was found before the nodes ran out.

    A flow that has a link with room for all that may ever come to it is free: it goes there and is in nobody's way.
    What is left falls apart into groups that share no link, and each is searched by itself.
    """
    everyone, at = list(range(len(start))), list(start)
    board = Board(task)
    for flow, option in _free(board, everyone):
        at[flow] = option
        board.put(flow, option)
    for group in _groups(task, [flow for flow in everyone if board.at[flow] < 0]):
        at = _Group(task, at, group, opened).least()
    return at


def _free(board: Board, flows: Sequence[int]) -> list[tuple[int, int]]:
    """List the flows without a place that have a link with room for all that may come to it, and that link."""
    task, coming = board.task, list(board.load)
    for flow in flows:
        for link in task.options[flow]:
            coming[link] += task.demand[flow]
    found: list[tuple[int, int]] = []
    waiting, before = list(flows), -1
    while len(found) != before:
        before, still = len(found), []
        for flow in waiting:
            option = next((one for one, link in enumerate(task.options[flow]) if coming[link] <= task.usable[link]), -1)
            if option < 0:
                still.append(flow)
                continue
            found.append((flow, option))
            for other, link in enumerate(task.options[flow]):
                coming[link] -= task.demand[flow] if other != option else 0
        waiting = still
    return found


def _groups(task: Task, flows: Sequence[int]) -> list[list[int]]:
    """Part flows into groups that have no link in common."""
    groups: list[tuple[set[int], list[int]]] = []
    for flow in flows:
        links, members, rest = set(task.options[flow]), [flow], []
        for other in groups:
            if links.isdisjoint(other[0]):
                rest.append(other)
            else:
                links, members = links | other[0], [*other[1], *members]
        groups = [*rest, (links, sorted(members))]
    return [members for _, members in groups]


class _Group:
    """The search over some flows while all others stay as they are in a placement."""

    def __init__(self, task: Task, at: Sequence[int], flows: Sequence[int], opened: Opened) -> None:
        self._task = task
        self._opened = opened
        self._best = list(at)
        self._board = Board(task)
        for flow, option in enumerate(at):
            self._board.put(flow, option)
        self._least = self._board.overload
        for flow in flows:
            self._board.take(flow)
        self._sets = [frozenset(one) for one in sorted({tuple(sorted(task.options[flow])) for flow in flows})]
        self._sets.append(frozenset(link for one in self._sets for link in one))
        self._within = {flow: [index for index, one in enumerate(self._sets) if one.issuperset(task.options[flow])] for flow in flows}
        self._flows = list(flows)

    def least(self) -> list[int]:
        """Search, and give the whole placement."""
        self._floor = self._bound(self._flows)
        self._descend(self._flows)
        return self._best

    def _descend(self, flows: Sequence[int]) -> None:
        if self._least <= self._floor or not self._opened():
            return
        freed = _free(self._board, flows)
        for flow, option in freed:
            self._board.put(flow, option)
        left = [flow for flow in flows if self._board.at[flow] < 0]
        if self._bound(left) < self._least:
            self._branch(left)
        for flow, _ in freed:
            self._board.take(flow)

    def _branch(self, flows: Sequence[int]) -> None:
        if not flows:
            self._best, self._least = list(self._board.at), self._board.overload
            return
        chosen = min(flows, key=self._freedom)
        rest = [flow for flow in flows if flow != chosen]
        for option in self._ordered(chosen):
            self._board.put(chosen, option)
            self._descend(rest)
            self._board.take(chosen)

    def _freedom(self, flow: int) -> tuple[int, int, int]:
        """Rank flows for the next branch: the one with the fewest links that have room for it, then the larger."""
        demand = self._task.demand[flow]
        return sum(self._board.room(link) >= demand for link in self._task.options[flow]), -demand, flow

    def _ordered(self, flow: int) -> list[int]:
        """List the options of a flow, the least harmful first; of two flows that are alike the first is nearer to its favourite."""
        task, board, twin = self._task, self._board, self._task.twin[flow]
        first = board.at[twin] if twin >= 0 else 0
        demand, options = task.demand[flow], task.options[flow]
        return sorted(range(max(0, first), len(options)), key=lambda one: (max(0, demand - board.room(options[one])), one))

    def _bound(self, flows: Sequence[int]) -> int:
        """Bound the overload when these flows are yet to be placed."""
        return self._board.overload + max(self._alone(flows), self._together(flows))

    def _alone(self, flows: Sequence[int]) -> int:
        """Bound by each flow on its roomiest link: it adds that much to its own class at least, however full the link grows later."""
        task, board, total = self._task, self._board, 0
        for flow in flows:
            demand = task.demand[flow]
            roomiest = max(board.room(link) for link in task.options[flow])
            if roomiest < demand:
                total += (demand - max(0, roomiest)) * task.harm_digit[task.klass[flow]]
        return total

    def _together(self, flows: Sequence[int]) -> int:
        """Bound by sets of links: flows that have no other links exceed a set by what they demand less its room.

        The classes up to each exceed some set by so much at least; it is put down to the least precious that it can be.
        """
        task = self._task
        need = [[0] * len(task.harm_digit) for _ in self._sets]
        for flow in flows:
            for index in self._within[flow]:
                need[index][task.klass[flow]] += task.demand[flow]
        lacking = [0] * len(task.harm_digit)
        for links, demands in zip(self._sets, need, strict=True):
            short = -sum(max(0, self._board.room(link)) for link in links)
            for level, demand in enumerate(demands):
                short += demand
                lacking[level] = max(lacking[level], short)
        total = above = 0
        for digit, short in zip(task.harm_digit, lacking, strict=True):
            total += max(0, short - above) * digit
            above = max(above, short)
        return total
