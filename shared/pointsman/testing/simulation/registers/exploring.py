"""Every order of events of a small register: three acceptors, one attempt for each ballot, all requests sent at the start.

Any request may arrive at any time, any number of times or never, and any answer may be lost: that is loss, doubling
and reordering without a bound, since whatever was sent stays under way. An answer that is late differs in nothing
from one that was lost and asked for again: an acceptor answers a repeated request as it did the first time until a
higher ballot comes, and from then on nothing that the lower one sends there is granted.

What is explored is the shipped code: ``quorum.attempt`` proposes and ``quorum.acceptor`` accepts. It is run once for
each sequence of answers, and remembered. Acceptors are alike, so that states that differ in names alone are one.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from pointsman.core.values import Frozen
from pointsman.quorum import acceptor
from pointsman.quorum.attempt import Attempt, Requests, Step
from pointsman.quorum.ballots import NO_BALLOT, ballot
from pointsman.quorum.outcomes import Agreed, Change
from pointsman.quorum.reading import judge
from pointsman.quorum.rows import Reply, Row

ACCEPTORS = ("a", "b", "c")
MAJORITY = 2
NOTHING = -2
"""An attempt has heard no promise of this acceptor."""
ASKED = -1
"""An attempt has proposed, and has asked this acceptor to accept."""

Column = tuple[int, int, int, tuple[int, ...]]
"""One acceptor: the number of the ballot promised and of the one accepted (0 for none), a bit for every ballot that it
ever accepted, and for each attempt what that heard of it: the accepted ballot in its promise, ``NOTHING`` or ``ASKED``.
"""
State = tuple[tuple[Column, ...], tuple[str | None, ...]]
"""The acceptors in an order that does not matter, and for each attempt the value that it proposed."""
Promises = tuple[tuple[int, str | None], ...]
"""What the promises of one attempt show, in the order in which they came: accepted ballot and value."""


class Proposal(Frozen):
    """What an attempt does on its latest promise: the value that it proposed, or what it read when it ended on that."""

    value: str | None
    read: str | None
    ended: bool


class Found(Frozen):
    """What an exploration found; ``broken`` says in words what did not hold, None when all did."""

    states: int
    steps: int
    broken: str | None


def appending(name: str) -> Change:
    """Append a name to a list."""
    return lambda value: f"{value or ''}{name}"


def reading(_: str | None) -> None:
    """Change nothing."""


class Exploration:
    """All that can happen to one register to which each of ``changes`` is made under a ballot of its own, in this order of ballots."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._changes = changes
        self._ballots = (NO_BALLOT, *(ballot(number, f"{number:016x}") for number in range(1, len(changes) + 1)))
        self._numbers = {text: number for number, text in enumerate(self._ballots)}
        self._proposals: dict[tuple[int, Promises], Proposal] = {}
        self._broken: str | None = None

    def explore(self) -> Found:
        """Go through all states, until one breaks an invariant."""
        start: State = (((0, 0, 0, (NOTHING,) * len(self._changes)),) * len(ACCEPTORS), (None,) * len(self._changes))
        seen, left, steps = {start}, [start], 0
        while left and self._broken is None:
            for state in self._after(left.pop()):
                steps += 1
                if state not in seen:
                    seen.add(state)
                    left.append(state)
        return Found(states=len(seen), steps=steps, broken=self._broken)

    def _after(self, state: State) -> Iterator[State]:
        columns, values = state
        for place, column in enumerate(columns):
            if place and column == columns[place - 1]:
                continue
            for attempt in range(len(self._changes)):
                yield from self._prepare(state, place, attempt)
                value = values[attempt]
                if value is not None and column[3][attempt] == ASKED:
                    yield from self._accept(state, place, attempt, value)

    def _row(self, column: Column, values: tuple[str | None, ...]) -> Row:
        accepted = column[1]
        return Row(promised=self._ballots[column[0]], accepted=self._ballots[accepted], value=values[accepted - 1] if accepted else None)

    def _prepare(self, state: State, place: int, attempt: int) -> Iterator[State]:
        """Let a prepare arrive: its promise is lost, or heard."""
        columns, values = state
        column = columns[place]
        row = acceptor.promise(self._row(column, values), self._ballots[attempt + 1])
        if row is None:
            return
        promised = (self._numbers[row.promised], self._numbers[row.accepted], column[2], column[3])
        if promised != column:
            yield _with(columns, place, promised), values
        if column[3][attempt] == NOTHING:
            yield self._heard((_replaced(columns, place, promised), values), place, attempt)

    def _heard(self, state: State, place: int, attempt: int) -> State:
        """Let an attempt hear a promise, and do what it does then."""
        columns, values = state
        if values[attempt] is not None:
            return _with(columns, place, _hearing(columns[place], attempt, ASKED)), values
        shown = columns[place][1]
        earlier = next((column[3][attempt] for column in columns if column[3][attempt] != NOTHING), None)
        proposal = self._proposal(attempt, tuple((one, values[one - 1] if one else None) for one in (earlier, shown) if one is not None))
        if proposal.value is None and not proposal.ended:
            return _with(columns, place, _hearing(columns[place], attempt, shown)), values
        if proposal.ended:
            self._must_be_chosen(state, attempt, proposal.read)
            return tuple(sorted(_hearing(column, attempt, ASKED) for column in columns)), values
        asked = (
            column if number != place and column[3][attempt] == NOTHING else _hearing(column, attempt, ASKED)
            for number, column in enumerate(columns)
        )
        return tuple(sorted(asked)), (*values[:attempt], proposal.value, *values[attempt + 1 :])

    def _accept(self, state: State, place: int, attempt: int, value: str) -> Iterator[State]:
        """Let an accept arrive."""
        columns, values = state
        column = columns[place]
        row = acceptor.accept(self._row(column, values), self._ballots[attempt + 1], value)
        if row is None:
            return
        bit = 1 << attempt
        accepted = (self._numbers[row.promised], self._numbers[row.accepted], column[2] | bit, column[3])
        if accepted != column:
            after = _with(columns, place, accepted), values
            if not column[2] & bit:
                self._must_agree(after)
            yield after

    def _proposal(self, attempt: int, promises: Promises) -> Proposal:
        key = attempt, promises
        if key not in self._proposals:
            self._proposals[key] = self._run(attempt, promises)
        return self._proposals[key]

    def _run(self, attempt: int, promises: Promises) -> Proposal:
        """Let the shipped code hear promises, and one more once it has proposed."""
        mine = self._ballots[attempt + 1]
        one = Attempt(mine, self._changes[attempt], ACCEPTORS, judge({name: Reply(row=Row()) for name in ACCEPTORS}, MAJORITY))
        requests = {request.acceptor: request for request in one.start()}
        sent: Requests = ()
        for name, (number, value) in zip(ACCEPTORS, promises, strict=False):
            sent = one.answered(requests[name], Reply(row=Row(promised=mine, accepted=self._ballots[number], value=value)))
        if one.proposed is None:
            read = one.ending.value if isinstance(one.ending, Agreed) else None
            return Proposal(value=None, read=read, ended=one.ending is not None)
        late = one.answered(requests[ACCEPTORS[len(promises)]], Reply(row=Row(promised=mine)))
        asked = [(request.acceptor, request.step, request.value) for request in (*sent, *late)]
        if asked != [(name, Step.ACCEPT, one.proposed) for name in ACCEPTORS]:
            self._broken = f"{mine} asked {asked} after {promises}"
        return Proposal(value=one.proposed, read=None, ended=False)

    def _must_agree(self, state: State) -> None:
        """Hold all values that a majority has accepted against each other: each must go on from those of lower ballots."""
        columns, values = state
        chosen = [values[one] or "" for one in range(len(values)) if sum(column[2] >> one & 1 for column in columns) >= MAJORITY]
        for lower, higher in pairwise(chosen):
            if not higher.startswith(lower):
                self._broken = f"{lower!r} was chosen, and then {higher!r}"

    def _must_be_chosen(self, state: State, attempt: int, read: str | None) -> None:
        """Hold what an attempt read without an accept against what is chosen: it must be the newest of that below its own ballot.

        A higher ballot may have been chosen meanwhile, by acceptors that this attempt had heard before: the two were under way at once.
        """
        columns, values = state
        chosen = [values[one] for one in range(attempt) if sum(column[2] >> one & 1 for column in columns) >= MAJORITY]
        newest = chosen[-1] if chosen else None
        if read != newest:
            self._broken = f"{read!r} was read, and {newest!r} was chosen last"


def _replaced(columns: tuple[Column, ...], place: int, column: Column) -> tuple[Column, ...]:
    return (*columns[:place], column, *columns[place + 1 :])


def _with(columns: tuple[Column, ...], place: int, column: Column) -> tuple[Column, ...]:
    return tuple(sorted(_replaced(columns, place, column)))


def _hearing(column: Column, attempt: int, what: int) -> Column:
    promised, accepted, ever, heard = column
    return promised, accepted, ever, (*heard[:attempt], what, *heard[attempt + 1 :])
