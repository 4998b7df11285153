"""What must hold of a register, looked at from outside: at its stores while they are written, and at its users' history."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pointsman.quorum.ballots import NO_BALLOT
from pointsman.quorum.rows import Row
from pointsman.quorum.sealing import seal_in
from pointsman.testing.simulation.histories import History, breach
from pointsman.testing.simulation.tally import Violation

LINEARIZABLE = "S1 every register is linearizable"
SURVIVES = "S2 what was chosen stays"
FAILED = "S14 unknown is never told as failed"
KEEPS_PROMISES = "rule 1 a promise is kept"
ONE_VALUE = "rule 2 one ballot, one value"
PREPARED = "rule 3 no accept without a majority's promise"
READABLE = "rule 7 a row is one that the protocol writes"
TELLS_CHANGES = "rule 5 a change is told as a change"
ENDS = "L3 every call ends"
COSTS = "L4 store operations are bounded"
NOTHING_ESCAPES = "no error escapes"
OPENINGS = "stores/"
"""How the names of rows begin that say whether a set of stores is open: they hold no list."""

_EMPTY = Row()


@dataclass
class Seen:
    """What was seen of one row at all its stores, by ballot and by store."""

    rows: dict[str, Row] = field(default_factory=dict)
    values: dict[str, str | None] = field(default_factory=dict)
    promised: dict[str, set[str]] = field(default_factory=dict)
    accepted: dict[str, set[str]] = field(default_factory=dict)


class Watch:
    """Sees every write that a store made, and remembers what must not be contradicted.

    ``majority`` tells how many stores of a row's set are one.
    """

    def __init__(self, seed: int, majority: Callable[[str], int]) -> None:
        self.violations: list[Violation] = []
        self._seed = seed
        self._majority = majority
        self._seen: defaultdict[str, Seen] = defaultdict(Seen)
        self._chosen: tuple[str, ...] = ()
        self._forgetful = False

    @property
    def ballots(self) -> int:
        """How many ballots were promised by any store."""
        return sum(len(seen.promised) for seen in self._seen.values())

    def breaks(self, invariant: str, what: str) -> None:
        """Note a violation; the first of each invariant counts."""
        if not any(one.invariant == invariant for one in self.violations):
            self.violations.append(Violation(seed=self._seed, invariant=invariant, what=what))

    def forgot(self, store: str, name: str, row: Row) -> None:
        """Take note that a store was rolled back: what stores have accepted no longer says what is chosen, the history alone does."""
        self._seen[name].rows[store] = row
        self._forgetful = True

    def damaged(self, store: str, name: str, row: Row) -> None:
        """Take note that a store's row is not what was written: what is chosen stays as it is."""
        self._seen[name].rows[store] = row

    def wrote(self, store: str, name: str, row: Row) -> None:
        """Look at what a write left in the row of that name."""
        seen = self._seen[name]
        before = seen.rows.get(store, _EMPTY)
        if row == before:
            return  # a request that came twice: what it finds, damaged or not, is not its doing
        seen.rows[store] = row
        if row.accepted > row.promised or (row.accepted == NO_BALLOT) != (row.value is None):
            self.breaks(READABLE, f"{store} holds {row}")
        if row.promised < before.promised or row.accepted < before.accepted:
            self.breaks(KEEPS_PROMISES, f"{store} held {before.promised}, then {row.promised}")
        if row.accepted == row.promised:
            self._accept(store, name, seen, row)
            return
        if row.value != before.value:
            self.breaks(KEEPS_PROMISES, f"{store} lost what it had accepted")
        seen.promised.setdefault(row.promised, set()).add(store)

    def _accept(self, store: str, name: str, seen: Seen, row: Row) -> None:
        ballot, value, majority = row.accepted, row.value, self._majority(name)
        if (held := seen.values.setdefault(ballot, value)) != value:
            self.breaks(ONE_VALUE, f"{ballot} is {held!r} and {value!r}")
        if (promised := len(seen.promised.get(ballot, ()))) < majority:
            self.breaks(PREPARED, f"{ballot} was promised by {promised} and accepted by {store}")
        holders = seen.accepted.setdefault(ballot, set())
        holders.add(store)
        if len(holders) == majority and not self._forgetful and not name.startswith(OPENINGS):
            self._choose(items(value))

    def _choose(self, chosen: tuple[str, ...]) -> None:
        """Hold a value that a majority accepted against the longest one: of any two, one must go on from the other."""
        shorter, longer = sorted((self._chosen, chosen), key=len)
        if longer[: len(shorter)] != shorter:
            self.breaks(SURVIVES, f"{chosen} was chosen and {self._chosen} too")
        self._chosen = longer


def items(value: str | None) -> tuple[str, ...]:
    """Read a register's list, sealed or not."""
    if value is not None and (seal := seal_in(value)) is not None:
        value = seal.value
    return tuple(value.split()) if value else ()


def judge(watch: Watch, history: History, unhandled: Sequence[BaseException]) -> None:
    """Look at a whole history."""
    found = breach(history)
    if found is not None:
        watch.breaks(FAILED if "told to have failed" in found else LINEARIZABLE, found)
    for error in unhandled:
        watch.breaks(NOTHING_ESCAPES, f"{type(error).__name__}: {error}")
