"""Placements made without looking back, then improved step by step: the start of every search, and the answer where none is made."""

from pointsman.core.solving_task import Board, Task

TRIES = 40
"""Changes tried for each flow while a placement is improved; at the bound it stays as it is."""


def improved(task: Task) -> list[int]:
    """Give the best placement that needs no search, whatever today's is: the same for the same question.

    Flows one by one, those in the way of others off again, then single moves and moves that make room for one another.
    """
    board = _one_by_one(task)
    _relieve(board)
    _Improving(board).run()
    return board.at


def _one_by_one(task: Task) -> Board:
    """Place flows by priority and name: with room the nearest to its favourite, else where it harms the precious flows least."""
    board = Board(task)
    for flow in task.by_name:
        board.put(flow, _first_with_room(board, flow) if _has_room(board, flow) else _least_harm(board, flow))
    return board


def _has_room(board: Board, flow: int) -> bool:
    return any(board.room(link) >= board.task.demand[flow] for link in board.task.options[flow])


def _first_with_room(board: Board, flow: int) -> int:
    return next(option for option, link in enumerate(board.task.options[flow]) if board.room(link) >= board.task.demand[flow])


def _least_harm(board: Board, flow: int) -> int:
    """Give the option that harms the least demand of more precious flows, then overloads least, then is the nearest to its favourite."""
    options, klass = board.task.options[flow], board.task.klass[flow]
    return min(range(len(options)), key=lambda one: (sum(board.classes[options[one]][:klass]), -board.room(options[one]), one))


def _relieve(board: Board) -> None:
    """Let flows leave a link that another, no more precious one overloads, when another of theirs has room. No flow leaves twice."""
    for _ in board.task.by_name:
        if not [flow for flow in board.task.by_name if _leaves(board, flow)]:
            return


def _leaves(board: Board, flow: int) -> bool:
    here = board.link_of(flow)
    if board.room(here) >= 0 or not _shared(board, flow, here):
        return False
    demand = board.task.demand[flow]
    for option, link in enumerate(board.task.options[flow]):
        if link != here and board.room(link) >= demand:
            board.move(flow, option)
            return True
    return False


def _shared(board: Board, flow: int, link: int) -> bool:
    """Say whether a flow as precious or less is on a link too, be it one that has to stay."""
    klass = board.task.klass[flow]
    return any(board.task.classes[link][klass:]) or any(other != flow and board.task.klass[other] >= klass for other in board.on[link])


class _Improving:
    """Steps that make a placement better, until none is left or the tries are."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._task = board.task
        self._left = TRIES * len(board.at)

    def run(self) -> None:
        """Improve as long as a round brings something."""
        while sum(map(self._better, range(len(self._board.at)))) and self._left > 0:
            pass

    def _better(self, flow: int) -> bool:
        """Try to find a flow a better place, if it isn't well where it is."""
        here = self._board.link_of(flow)
        crowded = self._board.room(here) < 0
        if self._left <= 0 or not (crowded or self._board.at[flow]):
            return False
        options = self._task.options[flow]
        tried = [option for option in range(len(options) if crowded else self._board.at[flow]) if options[option] != here]
        return any(self._moves(flow, option) for option in tried) or any(self._displaces(flow, option) for option in tried)

    def _moves(self, flow: int, option: int) -> bool:
        """Move a flow if that is better as a whole."""
        self._left -= 1
        board, here, there = self._board, self._board.at[flow], self._task.options[flow][option]
        if board.room(there) < self._task.demand[flow] and not board.harms[board.link_of(flow)]:
            return False
        ends = (board.link_of(flow), there)
        before = sum(board.harms[link] for link in ends)
        board.move(flow, option)
        gain = sum(board.harms[link] for link in ends) - before
        if (gain, self._task.calm[flow][option] - self._task.calm[flow][here]) < (0, 0):
            return True
        board.move(flow, here)
        return False

    def _displaces(self, flow: int, option: int) -> bool:
        """Move a flow to a full link while another leaves that for a third with room, if both together are better."""
        board, task = self._board, self._task
        there = task.options[flow][option]
        lacking = task.demand[flow] - board.room(there)
        crowded = board.room(board.link_of(flow)) < 0
        gain = task.calm[flow][board.at[flow]] - task.calm[flow][option]
        for other in list(board.on[there]):
            if task.demand[other] < lacking or self._left <= 0:
                continue
            found = self._elsewhere(other, flow, there)
            if found is not None and (crowded or task.calm[other][found] - task.calm[other][board.at[other]] < gain):
                board.move(other, found)
                board.move(flow, option)
                return True
        return False

    def _elsewhere(self, other: int, flow: int, there: int) -> int | None:
        """Find the nearest link with room for a flow that is to leave one; the place that the newcomer frees counts."""
        board, task = self._board, self._task
        here = board.link_of(flow)
        for option, link in enumerate(task.options[other]):
            self._left -= 1
            room = board.room(link) + (task.demand[flow] if link == here else 0)
            if link != there and room >= task.demand[other]:
                return option
        return None
