"""Defects of the register protocol, which the simulation of registers must notice: each rule of the register is broken here."""

from pointsman.testing.mutants.mutant import Level, Mutant

ATTEMPT = "quorum/attempt.py"
READING = "quorum/reading.py"
REGISTERS = "service/registers.py"
TRIAL = "service/trial.py"
SEALING = "quorum/sealing.py"
SQLITE = "adapters/sqlite/store.py"
DYNAMODB = "adapters/aws/dynamodb.py"


def _mutant(name: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(name=name, file=file, old=old, new=new, level=Level.REGISTER)


ACCEPTORS = (
    _mutant(
        "accept does not raise the promise",
        SQLITE,
        "ON CONFLICT DO UPDATE SET promised = excluded.promised, accepted = excluded.accepted, value = excluded.value",
        "ON CONFLICT DO UPDATE SET accepted = excluded.accepted, value = excluded.value",
    ),
    _mutant(
        "accept ignores the promise",
        SQLITE,
        "value = excluded.value\nWHERE promised <= excluded.promised AND format",
        "value = excluded.value\nWHERE format",
    ),
    _mutant(
        "prepare ignores a later promise",
        DYNAMODB,
        "OR (#f = :f AND #p <= :b)",
        "OR (#f = :f)",
    ),
    _mutant(
        "prepare forgets what was accepted",
        SQLITE,
        "ON CONFLICT DO UPDATE SET promised = excluded.promised WHERE",
        "ON CONFLICT DO UPDATE SET promised = excluded.promised, accepted = '', value = NULL WHERE",
    ),
    _mutant(
        "a read may be stale",
        DYNAMODB,
        'self._key("register", register), writing=False, ConsistentRead=True',
        'self._key("register", register), writing=False, ConsistentRead=False',
    ),
)

BALLOTS = (
    _mutant(
        "one nonce for the whole process",
        REGISTERS,
        "        self._nonce = nonce\n",
        "        fixed = nonce()\n        self._nonce = lambda: fixed\n",
    ),
    _mutant(
        "the next attempt uses the ballot of a lost accept again",
        REGISTERS,
        "        ballot = above((reply.row.promised for reply in seen.replies.values()), self._nonce())\n",
        "        ballot = above((reply.row.promised for reply in seen.replies.values()), self._nonce())\n"
        '        ballot = vars(trial).setdefault("ballot", ballot) if trial.sent else ballot\n'
        '        vars(trial)["ballot"] = ballot\n',
    ),
    _mutant(
        "a read passes for a prepare",
        ATTEMPT,
        "        return self._send(acceptor, Step.PREPARE, seen)\n",
        "        return self._promised(acceptor, seen)\n",
    ),
    _mutant(
        "one promise is enough",
        ATTEMPT,
        "len(self._promises) < self._majority",
        "len(self._promises) < 1",
    ),
    _mutant(
        "one accept is enough",
        ATTEMPT,
        "if self.sent and len(counted) >= self._majority:",
        "if self.sent and len(counted) >= 1:",
    ),
    _mutant(
        "the value of the lowest ballot is taken",
        READING,
        "return max(rows, key=lambda row: row.accepted, default",
        "return min((row for row in rows if row.accepted), key=lambda row: row.accepted, default",
    ),
    _mutant(
        "the change is applied to what was read, not to what was prepared",
        ATTEMPT,
        "self._previous = newest.value",
        "self._previous = self._reading.value",
    ),
    _mutant(
        "an own accept that was refused the second time counts as another's",
        ATTEMPT,
        "        if (held.row.accepted if accepting else held.row.promised) == self.ballot:\n            return self._granted(request, held)\n",
        "        if (held.row.accepted if accepting else held.row.promised) == self.ballot:\n            return self._overtaken(request.acceptor, held.row)\n",
    ),
    _mutant(
        "a store that forgot a promise is counted",
        REGISTERS,
        "if forgotten(floor, row):",
        "if forgotten(type(floor)(), row):",
    ),
    _mutant(
        "a store that forgot an accept is counted",
        "quorum/floors.py",
        "return row.promised < floor.promised or row.accepted < floor.accepted",
        "return row.promised < floor.promised",
    ),
)

ANSWERS = (
    _mutant(
        "a value that only a minority holds is answered",
        TRIAL,
        "if self.sent or self.certain or not seen.confirmed:",
        "if self.sent or self.certain:",
    ),
    _mutant(
        "a no-op is answered from a minority after the prepare",
        ATTEMPT,
        "not self._certain and common_row(rows, self._majority) is not None:",
        "not self._certain:",
    ),
    _mutant(
        "one store's ballot passes for a majority's",
        READING,
        "if held.count(one) >= majority), None)",
        "if held.count(one) >= 1), None)",
    ),
    _mutant(
        "failed is told when no prepare gets through after a lost accept",
        TRIAL,
        "case NoMajority() if self.sent:",
        "case NoMajority() if self is None:",
    ),
    _mutant(
        "it is forgotten that an accept was sent",
        REGISTERS,
        "            trial.sent |= attempt.sent\n",
        "",
    ),
    _mutant(
        "an attempt whose time is up goes on unseen",
        REGISTERS,
        "ending = attempt.give_up(run.unanswered)",
        "ending = attempt.ending or attempt._failed()",
    ),
    _mutant(
        "a change that got through unseen is told as none",
        TRIAL,
        "case Agreed(changed=False, value=str(value)) if value in self._proposed:",
        "case Agreed(changed=False, value=str(value)) if value in ():",
    ),
)

MOVES = (
    _mutant(
        "whoever knows the next stores uses them at once: a naive change of stores",
        REGISTERS,
        "            if register in self._moved and self.following is not None:\n                trial.entered",
        "            if self.following is not None:\n                trial.entered",
    ),
    _mutant(
        "a sealed register is changed",
        SEALING,
        "        if seal_in(value) is not None:\n            return Decline(reason=SEALED)\n",
        "        found = seal_in(value)\n        value = value if found is None else found.value\n",
    ),
    _mutant(
        "the copy overwrites what the next stores hold",
        SEALING,
        "return lambda held: value if held is None else held",
        "return lambda held: value",
    ),
    _mutant(
        "the next set's rows are those of the old set",
        "core/domains.py",
        'return register if self.generation == 1 else f"{register}~{self.generation}"',
        "return register",
    ),
    _mutant(
        "registers are made in a set that is not open",
        REGISTERS,
        "if seen.value is None and not (self._open or trial.entered):",
        "if seen.value is None and self is None:",
    ),
    _mutant(
        "a register that is still to come is told to be empty",
        REGISTERS,
        "if reading.value is None and reading.confirmed and not self._open:",
        "if reading.value is None and self is None:",
    ),
)

PROTOCOL: tuple[Mutant, ...] = (*ACCEPTORS, *BALLOTS, *ANSWERS, *MOVES)
