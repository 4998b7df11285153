"""Functions of the simulation: warm processes that can die or be frozen at any await, and the calls they answer."""

import asyncio
import contextvars
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pointsman.core.errors import PointsmanError
from pointsman.core.fabric import Cloud
from pointsman.quorum.attempt import Answer
from pointsman.quorum.attempt import Request as Sent
from pointsman.quorum.outcomes import Agreed, Change, NoMajority, Outcome
from pointsman.quorum.reading import Reading
from pointsman.quorum.rows import Refusal, Reply
from pointsman.service.house import House
from pointsman.service.registers import Registers
from pointsman.testing.simulation.evidence import Ended, Operation, Restored
from pointsman.testing.simulation.kinds import Request
from pointsman.testing.virtual import ACTOR, Step, loop

Door = Callable[[House], Awaitable[object]]
"""What a call does with a function's surroundings."""


@dataclass(eq=False)
class Function:
    """One warm process of a cloud. ``carries`` counts the fabrics of its artefact, ``rules`` is the version of its rules."""

    cloud: Cloud
    name: str
    carries: int
    rules: str
    house: House | None = None
    dead: bool = False
    thaws_at: float = 0.0
    calls: list["Call"] = field(default_factory=list)

    def freeze(self, seconds: float) -> None:
        """Take no step for a while."""
        self.thaws_at = loop().instant + seconds
        for call in self.calls:
            call.frozen += seconds

    def die(self) -> None:
        """Take no step any more: whoever waits for one of its calls sees the connection end."""
        self.dead = True
        for call in self.calls:
            call.end()


@dataclass(eq=False)
class Call:
    """One call of a function: the actor that all its tasks belong to.

    ``trips`` are what happens at which of its steps, ``blind`` the freeze flags that it last could not read,
    ``frozen`` for how many seconds it stood still; ``stormy`` says that it began in the storm; ``wrote_at`` is when a
    lever took its last write, ``looked_at`` when it last asked what the plan is.
    """

    function: Function
    door: str
    trips: list[tuple[int, Callable[["Call"], None]]] = field(default_factory=list)
    asked: Counter[Request] = field(default_factory=Counter)
    blind: set[Cloud] = field(default_factory=set)
    frozen: float = 0.0
    stormy: bool = False
    wrote_at: float = -1.0
    looked_at: float = -1.0
    steps: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    cloud: Cloud = field(init=False)

    def __post_init__(self) -> None:
        """Know the cloud that it runs in."""
        self.cloud = self.function.cloud

    def __str__(self) -> str:
        """Name it for the story."""
        return f"{self.function.name} {self.door}"

    def may_step(self, now: float) -> float | None:
        """Say whether its next step may be taken; what is to happen at this step happens first."""
        function, trips = self.function, self.trips
        if not function.dead and function.thaws_at <= now:
            self.steps += 1
            if not trips or trips[0][0] > self.steps:
                return 0.0
            while trips and trips[0][0] <= self.steps:
                trips.pop(0)[1](self)
        if function.dead:
            return None
        return function.thaws_at - now if function.thaws_at > now else 0.0

    def end(self) -> None:
        """Let whoever waits for it go on."""
        self.over.set()

    async def run(self, act: Door) -> tuple[object, bool]:
        """Run to the end, or to the death of the process: then False."""
        assert self.function.house is not None, "a function is furnished before it is called"
        surroundings = contextvars.Context()
        surroundings.run(ACTOR.set, self)
        task = loop().create_task(_handled(self.function.house, act), context=surroundings)
        task.add_done_callback(lambda _: self.end())
        self.function.calls.append(self)
        try:
            await self.over.wait()
        finally:
            self.function.calls.remove(self)
        return (task.result(), True) if task.done() else (None, False)


async def _handled(house: House, act: Door) -> object:
    """Do what an entry does around a use case."""
    try:
        return await act(house)
    finally:
        await house.registers.rest(0.2)


def caller() -> Call | None:
    """Give the call on whose behalf the running step is taken."""
    actor = ACTOR.get()
    return actor if isinstance(actor, Call) else None


_SPENT: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("_SPENT", default=None)


class History:
    """Every operation on a register, as the functions were told of it."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.restored: list[Restored] = []

    def spend(self, nonce: str) -> str:
        """Note that the current operation spends a ballot of this nonce."""
        spent = _SPENT.get()
        if spent is not None:
            spent.append(nonce)
        return nonce

    async def read(self, register: str, work: Awaitable[Reading]) -> Reading:
        """Watch one read."""
        began = loop().instant
        reading = await work
        if reading.confirmed:
            self._add(Operation(register=register, began=began, ended=_now(), how=Ended.READ, ballot=reading.ballot))
        return reading

    async def change(self, register: str, work: Awaitable[Outcome]) -> Outcome:
        """Watch one change."""
        began = loop().instant
        spent: list[str] = []
        token = _SPENT.set(spent)
        how, ballot = Ended.UNKNOWN, ""
        try:
            outcome = await work
            how, ballot = _judged(outcome)
        except PointsmanError:
            how = Ended.FAILED
            raise
        finally:
            _SPENT.reset(token)
            self._add(Operation(register=register, began=began, ended=_now(), how=how, ballot=ballot, own=tuple(spent)))
        return outcome

    def _add(self, one: Operation) -> None:
        self.operations.append(one)


def _now() -> float:
    return loop().instant


def _judged(outcome: Outcome) -> tuple[Ended, str]:
    match outcome:
        case Agreed(ballot=ballot):
            return Ended.AGREED, ballot
        case NoMajority():
            return Ended.FAILED, ""
        case _:
            return Ended.UNKNOWN, ""


class WatchedRegisters(Registers):
    """Registers whose operations go into a history. ``promised`` is the most that this process saw each store promise."""

    history: History
    promised: dict[tuple[str, str], str]

    async def _ask(self, register: str, request: Sent) -> Answer:
        key = (request.acceptor, register)
        seen = self.promised.get(key, "")
        answer = await super()._ask(register, request)
        if isinstance(answer, Reply | Refusal):
            row = (answer.held if isinstance(answer, Refusal) else answer).row
            if row.promised < seen:
                self.history.restored.append(
                    Restored(at=_now(), store=request.acceptor, register=register, promised=row.promised, seen=seen)
                )
            self.promised[key] = max(row.promised, self.promised.get(key, ""))
        return answer

    async def read(self, register: str, *, deadline: float | None = None) -> Reading:
        """Read."""
        return await self.history.read(register, super().read(register, deadline=deadline))

    async def change(self, register: str, change: Change, **more: Any) -> Outcome:
        """Change."""
        return await self.history.change(register, super().change(register, change, **more))


def steps_of(functions: "list[Function]", tasks: list[Step]) -> list[Step]:
    """Pick the tasks of some functions."""
    return [task for task in tasks if isinstance(task.actor, Call) and task.actor.function in functions]
