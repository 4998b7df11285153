"""A better placement by moves and swaps, some of which make it worse for a while: what a hard search starts from.

A tabu search (Glover 1989): the best of all moves is made, be it for the worse, and is not undone for some steps.
"""

from collections.abc import Iterator, Sequence

from pointsman.core.solving_task import Board, Task, measured

STEPS = 200
"""Moves that are made; the best placement on the way stands."""
TENURES = (8, 16, 24, 32)
"""For how many steps a flow may not go back to a link that it left: one after the other, each for some steps."""
TURN = 50
"""Steps before the next tenure."""

Move = tuple[int, int, int, int, int]
"""The overload and the weight that come of it; the flow, the option that it takes, and the one that takes its place for it (-1 for none)."""


def swapped(task: Task, at: Sequence[int]) -> list[int]:
    """Give the best placement that moves and swaps come by: the same one if none is better."""
    return _Swaps(task, at).run()


class _Swaps:
    """A placement that is changed step by step."""

    def __init__(self, task: Task, at: Sequence[int]) -> None:
        self._task = task
        self._board = Board(task)
        for flow, option in enumerate(at):
            self._board.put(flow, option)
        self._least = self._now = measured(task, at)
        self._best = list(at)
        self._until: dict[tuple[int, int], int] = {}
        self._place = [{link: option for option, link in enumerate(links)} for links in task.options]

    def run(self) -> list[int]:
        """Give the best placement on the way."""
        for step in range(STEPS):
            allowed = (move for move in self._moves() if move[:2] < self._least or not self._barred(move, step))
            move = min(allowed, default=None)
            if move is not None:
                self._make(move, step)
        return self._best

    def _moves(self) -> Iterator[Move]:
        """List what flows of overloaded links, and flows away from their favourite, can do: go, or change places."""
        board, task = self._board, self._task
        for flow, at in enumerate(board.at):
            here = task.options[flow][at]
            harm = board.harms[here]
            if not harm and not at:
                continue
            rest, alone = self._now[0] - harm, self._harm(here, flow, -1)
            weights = task.weight[flow]
            for option, there in enumerate(task.options[flow] if harm else task.options[flow][:at]):
                if there == here:
                    continue
                base, weight = rest - board.harms[there], self._now[1] - weights[at] + weights[option]
                yield base + alone + self._harm(there, -1, flow), weight, flow, option, -1
                for other in board.on[there]:
                    back = self._place[other].get(here)
                    if back is not None:
                        more = task.weight[other][back] - task.weight[other][board.at[other]]
                        yield base + self._harm(there, other, flow) + self._harm(here, flow, other), weight + more, flow, option, other

    def _harm(self, link: int, leaves: int, comes: int) -> int:
        """Weigh the overload of a link if one flow leaves it and another comes (-1 for none)."""
        task, board = self._task, self._board
        excess = board.load[link] - task.usable[link]
        if leaves >= 0:
            excess -= task.demand[leaves]
        if comes >= 0:
            excess += task.demand[comes]
        if excess <= 0:
            return 0
        classes = list(board.classes[link])
        if leaves >= 0:
            classes[task.klass[leaves]] -= task.demand[leaves]
        if comes >= 0:
            classes[task.klass[comes]] += task.demand[comes]
        return sum(min(excess, there) * digit for there, digit in zip(classes, task.harm_digit, strict=True) if there)

    def _barred(self, move: Move, step: int) -> bool:
        _, _, flow, option, other = move
        here = self._board.link_of(flow)
        return self._until.get((flow, self._task.options[flow][option]), 0) > step or self._until.get((other, here), 0) > step

    def _make(self, move: Move, step: int) -> None:
        overload, weight, flow, option, other = move
        board, until = self._board, step + TENURES[step // TURN % len(TENURES)]
        here = board.link_of(flow)
        self._until[flow, here] = until
        board.move(flow, option)
        if other >= 0:
            self._until[other, self._task.options[flow][option]] = until
            board.move(other, self._place[other][here])
        self._now = overload, weight
        if self._now < self._least:
            self._least, self._best = self._now, list(board.at)
