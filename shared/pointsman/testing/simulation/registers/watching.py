"""What must hold of a register, looked at from outside: at its stores while they are written, and at its users' history."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pointsman.quorum.ballots import NO_BALLOT
from pointsman.quorum.rows import Row, checked
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


@dataclass
class Watch:
    """Sees every write that a store made, and remembers what must not be contradicted."""

    seed: int
    majority: int
    violations: list[Violation] = field(default_factory=list)
    _rows: dict[str, Row] = field(default_factory=dict)
    _values: dict[str, str | None] = field(default_factory=dict)
    _promised: dict[str, set[str]] = field(default_factory=dict)
    _accepted: dict[str, set[str]] = field(default_factory=dict)
    _chosen: tuple[str, ...] = ()
    _forgetful: bool = False

    @property
    def ballots(self) -> int:
        """How many ballots were promised by any store."""
        return len(self._promised)

    def breaks(self, invariant: str, what: str) -> None:
        """Note a violation."""
        if not any(one.invariant == invariant for one in self.violations):
            self.violations.append(Violation(seed=self.seed, invariant=invariant, what=what))

    def holds(self, invariant: str, what: str, *, good: bool) -> None:
        """Note a violation unless it is good."""
        if not good:
            self.breaks(invariant, what)

    def forgot(self, store: str, row: Row) -> None:
        """Take note that a store was rolled back: what stores have accepted no longer says what is chosen, the history alone does."""
        self._rows[store] = row
        self._forgetful = True

    def wrote(self, store: str, row: Row) -> None:
        """Look at the row that a write left."""
        before = self._rows.get(store, Row())
        self._rows[store] = row
        try:
            checked(row)
        except ValueError as error:
            self.breaks(READABLE, f"{store}: {error}")
        kept = row.promised >= before.promised and row.accepted >= before.accepted
        self.holds(KEEPS_PROMISES, f"{store} held {before.promised}, then {row.promised}", good=kept)
        if row.accepted == row.promised != NO_BALLOT:
            self._accept(store, row)
        else:
            self.holds(KEEPS_PROMISES, f"{store} lost what it had accepted", good=row.value == before.value)
            self._promised.setdefault(row.promised, set()).add(store)

    def _accept(self, store: str, row: Row) -> None:
        ballot, value = row.accepted, row.value
        held = self._values.setdefault(ballot, value)
        self.holds(ONE_VALUE, f"{ballot} is {held!r} and {value!r}", good=held == value)
        promised = len(self._promised.get(ballot, ()))
        self.holds(PREPARED, f"{ballot} was promised by {promised} and accepted by {store}", good=promised >= self.majority)
        holders = self._accepted.setdefault(ballot, set())
        holders.add(store)
        if len(holders) == self.majority and not self._forgetful:
            self._choose(items(value))

    def _choose(self, chosen: tuple[str, ...]) -> None:
        shorter, longer = sorted((self._chosen, chosen), key=len)
        self.holds(SURVIVES, f"{chosen} was chosen and {self._chosen} too", good=longer[: len(shorter)] == shorter)
        self._chosen = longer


def items(value: str | None) -> tuple[str, ...]:
    """Read a register's list."""
    return tuple(value.split()) if value else ()


def judge(watch: Watch, history: History, unhandled: Sequence[BaseException]) -> None:
    """Look at a whole history."""
    found = breach(history)
    if found is not None:
        watch.breaks(FAILED if "told to have failed" in found else LINEARIZABLE, found)
    for error in unhandled:
        watch.breaks(NOTHING_ESCAPES, f"{type(error).__name__}: {error}")
