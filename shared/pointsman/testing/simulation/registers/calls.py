"""What proposers call: appends, appends that may decline, readings, and what was delivered before."""

from typing import TYPE_CHECKING

from pointsman.core.errors import Transient
from pointsman.quorum.outcomes import Agreed, Change, Decline, Declined, NoMajority, Outcome, Unknown
from pointsman.quorum.reading import Reading
from pointsman.service.registers import Registers
from pointsman.testing.simulation.histories import Call, Fate
from pointsman.testing.simulation.registers import watching
from pointsman.testing.simulation.registers.proposers import Proposer, lines, nonces
from pointsman.testing.simulation.registers.settings import Knows, Wrong
from pointsman.testing.simulation.registers.textbook import Textbook
from pointsman.testing.simulation.registers.watching import items

if TYPE_CHECKING:
    from pointsman.testing.simulation.registers.schedule import Schedule

NAME = "plan/atlas"
DEADLINES = (None, 3.0, 30.0)
"""Seconds that a call may take."""
LONGEST_SECONDS = 35.0
"""After these every call has ended: the longest deadline, and a reading before it."""


def append(item: str) -> Change:
    """Append an item once, however often it is applied."""

    def change(value: str | None) -> str | None:
        held = items(value)
        return value if item in held else " ".join((*held, item))

    return change


def append_to(item: str, *, odd: bool) -> Change:
    """Append an item once, to a list of an odd length only, or of an even one only."""

    def change(value: str | None) -> str | Decline | None:
        held = items(value)
        if item in held:
            return value
        return " ".join((*held, item)) if len(held) % 2 == odd else Decline(reason="not that length")

    return change


class Caller:
    """Makes a proposer's calls, and goes on in a new process when one has crashed."""

    def __init__(self, schedule: "Schedule", number: int) -> None:
        self._schedule = schedule
        self._number = number
        self._left = [f"{number}.{call}" for call in range(schedule.setting.calls)]
        self._under_way = 0
        self._process = Proposer(schedule, number)
        self._knows = schedule.dice.choice((Knows.OLD, Knows.BOTH, Knows.BOTH, Knows.BOTH, Knows.NEW))
        self.registers = schedule.registers(self._process, self._knows)
        self._plain = number < schedule.setting.plain
        self.in_turn = schedule.dice.random() < 0.5

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, and nothing will be."""
        return not self._left and not self._under_way

    def start(self) -> None:
        """Begin the calls that are left, in a process of its own."""
        dice, loop = self._schedule.dice, self._schedule.loop
        if self._process.dead:
            self._process = Proposer(self._schedule, self._number)
        self.registers = registers = self._schedule.registers(self._process, self._knows)
        if self.in_turn:
            loop.create_task(self._all(registers))
        else:
            for _ in self._left:
                loop.create_task(self._one(registers, dice.uniform(0, self._schedule.setting.spread)))

    def lose(self, *, goes_on: bool) -> None:
        """Forget what was under way: its process is dead. What was not begun is left to the next one, if there is one."""
        self._under_way = 0
        if not goes_on:
            self._left.clear()

    async def _all(self, registers: Registers) -> None:
        process = self._process
        while self._left and not process.dead:
            await self._one(registers, self._schedule.dice.uniform(0, self._schedule.setting.spread / self._schedule.setting.calls))

    async def _one(self, registers: Registers, wait: float) -> None:
        process = self._process
        await process.sleep(wait)
        if process.dead or not self._left:
            return
        item = self._left.pop()
        self._under_way += 1
        await self._call(registers, process, item)
        if not process.dead:
            self._under_way -= 1

    async def _call(self, registers: Registers, process: Proposer, item: str) -> None:
        dice, history = self._schedule.dice, self._schedule.history
        if self._plain:
            self._schedule.count(Wrong.OTHER_VERSION, "call")
            call = history.begin(item)
            told = await Textbook(lines(process, self._schedule.sites), nonces(dice)).change(NAME, append(item))
            history.end(call, Fate.UNKNOWN if told is None else Fate.DONE, told)
            return
        drawn = dice.random()
        if drawn < 0.2:
            await self._read(registers)
            return
        known = [one.item for one in history.calls if one.item is not None]
        item = dice.choice(known) if drawn < 0.3 and known else item
        call = history.begin(item)
        change = append_to(item, odd=drawn > 0.7) if drawn > 0.55 else append(item)
        began = process.monotonic()
        await self._change(registers, process, call, change)
        self._timely(process, began)

    async def _read(self, registers: Registers) -> None:
        history = self._schedule.history
        call = history.begin(None)
        reading = await registers.read(NAME)
        if reading.confirmed:
            history.end(call, Fate.DONE, items(reading.value))
            return
        try:
            outcome = await registers.settle(NAME, reading)
        except Transient:
            outcome = NoMajority()
        history.end(call, Fate.DONE, items(outcome.value) if isinstance(outcome, Agreed) else None)

    async def _change(self, registers: Registers, process: Proposer, call: Call, change: Change) -> None:
        dice, history = self._schedule.dice, self._schedule.history
        patience = dice.choice(DEADLINES)
        deadline = None if patience is None else process.monotonic() + patience
        reading: Reading | None = await registers.read(NAME, deadline=deadline) if dice.random() < 0.4 else None
        try:
            outcome: Outcome = await registers.change(NAME, change, reading=reading, deadline=deadline)
        except Transient:
            history.end(call, Fate.FAILED)
            return
        self._schedule.say(f"{call.item}: {type(outcome).__name__} {getattr(outcome, 'value', '')}")
        match outcome:
            case Agreed(value=value):
                history.end(call, Fate.DONE, items(value))
                self._told(call, outcome)
            case Declined(value=value):
                history.end(call, Fate.FAILED, items(value))
            case NoMajority():
                history.end(call, Fate.FAILED)
            case Unknown():
                history.end(call, Fate.UNKNOWN)

    def _told(self, call: Call, outcome: Agreed) -> None:
        """Hold what was told of the change against the list: one that ends in the item of this call alone was made by it."""
        alone = sum(one.item == call.item for one in self._schedule.history.calls) == 1
        before, last = items(outcome.previous), items(outcome.value)[-1:]
        good = call.item not in before if outcome.changed else not alone or last != (call.item,)
        if not good:
            self._schedule.watch.breaks(watching.TELLS_CHANGES, f"{call.item}: changed {outcome.changed} from {before}")

    def _timely(self, process: Proposer, began: float) -> None:
        took = process.monotonic() - began
        if took > LONGEST_SECONDS and Wrong.FREEZE not in self._schedule.setting.pauses:
            self._schedule.watch.breaks(watching.ENDS, f"a call took {took:.0f} s")
