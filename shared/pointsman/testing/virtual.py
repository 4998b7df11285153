"""Virtual time: an event loop whose clock jumps to the next thing due, so that hours pass at once and always alike.

Whoever acts on the loop may be named by ``ACTOR``: everything that its tasks start inherits the name, and before each
step the loop asks the actor whether it may take it. So a process can be stopped at any await, for a while or for ever.
"""

import asyncio
import contextvars
import heapq
import itertools
import sys
from asyncio import get_running_loop
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec

T = TypeVar("T")

_NAME = "step"
"""What every task is called: a name of its own would have to be made up for each."""
TIDIED_AT = 40
"""Tasks that are listed before those that have ended are left out of the list."""
START = datetime(2026, 1, 1, tzinfo=UTC)

current_task: Callable[[asyncio.AbstractEventLoop], asyncio.Task[Any] | None] = (
    asyncio.current_task if sys.version_info >= (3, 12) else asyncio.tasks._current_tasks.get  # type: ignore[attr-defined]  # noqa: SLF001 - asked for every task
)
"""Give the task that a loop is running: before Python 3.12 by what asyncio's own function only looks up, at a fraction of its cost."""


class Stuck(RuntimeError):
    """Every task waits for something that nobody will do."""


class Actor(Protocol):
    """Something whose steps can be held up."""

    def may_step(self, now: float) -> float | None:
        """Say at ``now`` how many seconds its next step has to wait: 0.0 none, None for ever."""


ACTOR: contextvars.ContextVar[Actor | None] = contextvars.ContextVar("ACTOR", default=None)
"""Whose work the current task is; None: nobody's that could be stopped."""


class VirtualClock:
    """Keeps ``ports.clouds.Clock`` on the virtual loop's time, which begins at ``start``; ``skew`` seconds ahead of everybody else's."""

    def __init__(self, skew: float = 0.0, start: datetime = START) -> None:
        self.skew = timedelta(seconds=skew)
        self._start = start
        self._told_at, self._told = 0.0, start

    def now(self) -> datetime:
        """Give the virtual time of day."""
        seconds = self.monotonic()
        if seconds != self._told_at:
            self._told_at, self._told = seconds, self._start + timedelta(seconds=seconds)
        return self._told + self.skew if self.skew else self._told

    def monotonic(self) -> float:
        """Give the virtual seconds since the loop began."""
        return get_running_loop().time() if VirtualLoop.running is None else VirtualLoop.running.instant

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time."""
        await asyncio.sleep(seconds)


class Step(asyncio.Task[Any]):
    """A task that knows which task began it. Its hash is a running number, so that sets of tasks have one order in every run."""

    __slots__ = ("actor", "begun_by", "serial")
    actor: Actor | None
    begun_by: "Step | None"
    serial: int

    def __hash__(self) -> int:
        """Be the same in every run."""
        return self.serial

    def __eq__(self, other: object) -> bool:
        """Be equal to itself."""
        return self is other


def loop() -> "VirtualLoop":
    """Give the loop that runs."""
    assert VirtualLoop.running is not None, "nothing runs on virtual time"
    return VirtualLoop.running


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time. It may use no threads and no sockets. Raises ``Stuck``."""
    return VirtualLoop().run(main)


class _Due(msgspec.Struct):
    """Something to call with its arguments, and its time. It is made for every step, so it keeps the promises of a handle and is none."""

    call: tuple[Any, ...] | None
    surroundings: contextvars.Context
    at: float = 0.0

    def cancel(self) -> None:
        self.call = None

    def cancelled(self) -> bool:
        return self.call is None

    def when(self) -> float:
        return self.at


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop. It uses no selector: nothing outside can wake it. ``instant`` is its time, in seconds since it began."""

    running: "ClassVar[VirtualLoop | None]" = None
    """The one that runs: asking the system for it costs more than most steps."""

    def __init__(self) -> None:
        super().__init__()
        self.instant = 0.0
        self._soon: deque[_Due] = deque()
        self._later: list[tuple[float, int, _Due]] = []
        self._asked = itertools.count()
        self._serials = itertools.count(1)
        self._tasks: list[Step] = []
        self._tidied_at = TIDIED_AT
        self._never: list[_Due] = []
        self._held_up = True

    def time(self) -> float:
        """Give the virtual seconds since the loop began."""
        return self.instant

    get_debug = bool  # never: it would look at real time; every future asks, so the answer costs no frame

    def call_soon(self, *call: Any, context: contextvars.Context | None = None) -> asyncio.Handle:  # type: ignore[override]
        """Call something, with what follows it, at this instant, after what is due already."""
        due = _Due(call, contextvars.copy_context() if context is None else context)
        self._soon.append(due)
        return due  # type: ignore[return-value]

    def call_later(self, delay: float, *call: Any, context: contextvars.Context | None = None) -> asyncio.TimerHandle:  # type: ignore[override]
        """Call something after some seconds."""
        when = self.instant + delay
        due = _Due(call, contextvars.copy_context() if context is None else context, when)
        heapq.heappush(self._later, (when, next(self._asked), due))
        return due  # type: ignore[return-value]

    def call_at(self, when: float, *call: Any, context: contextvars.Context | None = None) -> asyncio.TimerHandle:  # type: ignore[override]
        """Call something at an instant."""
        due = _Due(call, contextvars.copy_context() if context is None else context, when)
        heapq.heappush(self._later, (when, next(self._asked), due))
        return due  # type: ignore[return-value]

    def create_task(self, coro: Any, *, name: object = None, context: contextvars.Context | None = None) -> Step:
        """Begin a task."""
        task = Step.__new__(Step)
        task.serial = next(self._serials)
        begun_by = current_task(self)
        task.begun_by = begun_by if isinstance(begun_by, Step) else None
        task.actor = ACTOR.get() if context is None else context.get(ACTOR)
        task.__init__(coro, loop=self, name=_NAME, context=context)  # type: ignore[misc]
        self._tasks.append(task)
        if len(self._tasks) > self._tidied_at:
            self._tidied_at = TIDIED_AT + 2 * len(self.under_way())
        del name
        return task

    def under_way(self) -> list[Step]:
        """List the tasks that have not ended, in the order in which they began."""
        self._tasks = [task for task in self._tasks if not task.done()]
        return list(self._tasks)

    def under_way_of(self, actor: Actor) -> list[Step]:
        """List those of one actor, in the same order."""
        return [task for task in self._tasks if task.actor is actor and not task.done()]

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run to the end of ``main``; what it leaves behind is cancelled. Raises ``Stuck``."""
        asyncio.events._set_running_loop(self)  # noqa: SLF001 - what every loop does when it begins to run
        VirtualLoop.running = self
        task = self.create_task(main)
        try:
            self.take_steps(task)
            return task.result()  # type: ignore[no-any-return]
        finally:
            self._cancel_all()
            VirtualLoop.running = None
            asyncio.events._set_running_loop(None)  # noqa: SLF001 - and when it ends
            self.close()

    def take_steps(self, end: asyncio.Future[Any]) -> None:
        """Take one step after the other until ``end`` is done. Raises ``Stuck``."""
        soon, later, held_up = self._soon, self._later, self._held_up
        while not end.done():
            if soon:
                due = soon.popleft()
            elif later:
                when, _, due = heapq.heappop(later)
                if when > self.instant and due.call is not None:
                    self.instant = when
            else:
                raise Stuck("every task waits for something that nobody will do")
            call, surroundings = due.call, due.surroundings
            if call is None:
                continue
            actor = surroundings.get(ACTOR)
            if actor is None or not held_up or (wait := actor.may_step(self.instant)) == 0.0:
                surroundings.run(*call)
            else:
                self._hold_up(due, wait)

    def _hold_up(self, due: _Due, wait: float | None) -> None:
        """Let a held-up step come later, a dead actor's never."""
        if wait is None:
            self._never.append(due)
        else:
            heapq.heappush(self._later, (self.instant + wait, next(self._asked), due))

    def _cancel_all(self) -> None:
        """Let every task that is left end, those of dead actors too."""
        self._held_up = False
        left = self.under_way()
        for task in left:
            task.cancel()
        self._soon += self._never
        if left:
            self.take_steps(asyncio.gather(*left, return_exceptions=True))
