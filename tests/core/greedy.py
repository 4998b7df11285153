"""Placing flows one by one, by the letter: what any better way is held against."""

from pointsman.core.fabric import FlowName, LinkName
from pointsman.core.solving import Ask
from tests.core.questions import Question


def greedy(question: Question) -> dict[FlowName, LinkName]:
    """Give each flow, the more precious first, its nearest link with room, or the least harmful; then let flows leave overloaded links."""
    board = _Board(question)
    order = sorted(question[0], key=lambda one: (one.priority, one.name))
    for one in order:
        board.put(one)
    for _ in order:
        if not [one for one in order if board.leaves(one)]:
            break
    return board.at


class _Board:
    def __init__(self, question: Question) -> None:
        self.asks, self.usable, self.fixed = question
        self.at: dict[FlowName, LinkName] = {}

    def on(self, link: LinkName) -> list[tuple[FlowName | None, int, int]]:
        flows = [(one.name, one.priority, int(one.demand)) for one in self.asks if self.at.get(one.name) == link]
        return [*flows, *((None, one.priority, int(one.demand)) for one in self.fixed if one.link == link)]

    def room(self, link: LinkName) -> int:
        return self.usable[link] - sum(demand for _, _, demand in self.on(link))

    def put(self, one: Ask) -> None:
        roomy = [link for link in one.links if self.room(link) >= one.demand]
        self.at[one.name] = roomy[0] if roomy else min(one.links, key=lambda link: (*self.harm(one, link), one.links.index(link)))

    def harm(self, one: Ask, link: LinkName) -> tuple[int, int]:
        return sum(demand for _, priority, demand in self.on(link) if priority < one.priority), one.demand - self.room(link)

    def leaves(self, one: Ask) -> bool:
        here = self.at[one.name]
        shared = any(priority >= one.priority and name != one.name for name, priority, _ in self.on(here))
        away = [link for link in one.links if link != here and self.room(link) >= one.demand]
        if self.room(here) >= 0 or not shared or not away:
            return False
        self.at[one.name] = away[0]
        return True
