"""Linearizability by search, for small histories: the slow check that the quick one is held against.

J. M. Wing and C. Gong, "Testing and verifying concurrent objects", 1993; with G. Lowe's memory of configurations
("Testing for linearizability", 2017): a set of calls done and the list they left need to be tried once only.
"""

from pointsman.testing.simulation.histories import Call, Fate, History, Items

CALLS_LIMIT = 24
"""Longest history that is searched; beyond it the search may not end."""


def linearizable(history: History) -> bool:
    """Say whether the calls can be put in one order that time allows and a list explains. Raises ValueError past the limit."""
    if len(history.calls) > CALLS_LIMIT:
        raise ValueError(f"a history of more than {CALLS_LIMIT} calls is not searched")
    steps = [step for call in history.calls for step in _steps(call)]
    return _search(steps)


class _Step:
    """One atomic thing: an append-if-absent, or a reading. It may be left out if its fate is not known."""

    def __init__(self, call: Call, *, append: str | None, told: Items | None) -> None:
        self.append = append
        self.told = told
        self.possible = told is None or call.fate is not Fate.DONE or call.item is None or call.item in told
        self.optional = call.fate is Fate.UNKNOWN
        self.began = call.began
        self.ended = call.ended if not self.optional and call.ended is not None else None

    def after(self, state: Items) -> Items | None:
        """Give the list that it leaves, None when it cannot happen on this one."""
        if self.append is not None:
            return state if self.append in state else (*state, self.append)
        return state if self.possible and state == self.told else None


def _steps(call: Call) -> list[_Step]:
    steps = []
    if call.item is not None and call.fate is not Fate.FAILED:
        steps.append(_Step(call, append=call.item, told=None))
    if call.told is not None:
        steps.append(_Step(call, append=None, told=call.told))
    return steps


def _search(steps: list[_Step]) -> bool:
    needed = frozenset(number for number, step in enumerate(steps) if not step.optional)
    tried: set[tuple[frozenset[int], Items]] = set()
    stack: list[tuple[frozenset[int], Items]] = [(frozenset(), ())]
    while stack:
        done, state = configuration = stack.pop()
        if needed <= done:
            return True
        if configuration in tried:
            continue
        tried.add(configuration)
        stack += _next(steps, done, state)
    return False


def _next(steps: list[_Step], done: frozenset[int], state: Items) -> list[tuple[frozenset[int], Items]]:
    """Give what may come next: a call that began before every call still to be done has ended."""
    waiting = [step.ended for number, step in enumerate(steps) if number not in done and step.ended is not None]
    until = min(waiting, default=None)
    ready = (number for number, step in enumerate(steps) if number not in done and (until is None or step.began < until))
    after = ((number, steps[number].after(state)) for number in ready)
    return [(done | {number}, new) for number, new in after if new is not None]
