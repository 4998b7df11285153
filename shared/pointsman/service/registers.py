"""Registers over the stores: drives the protocol, all stores in parallel, and returns as soon as the outcome is certain."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from pointsman.core.errors import Refused, Transient
from pointsman.ports.clouds import Clock
from pointsman.ports.stores import Acceptor, Refusal, Reply, RowUnreadable, StoreDown, StoreUnsure
from pointsman.quorum.attempt import Answer, Attempt, Lost, Request, Requests, Step, Unsure
from pointsman.quorum.ballots import above
from pointsman.quorum.floors import Floors
from pointsman.quorum.outcomes import Agreed, Change, Conflict, Decline, Declined, NoMajority, Outcome, Unknown
from pointsman.quorum.reading import Reading, judge, majority_of
from pointsman.quorum.rows import VALUE_LIMIT

ATTEMPTS_LIMIT = 12
"""Ballots that one change may spend on other proposers before it asks to be delivered again."""
BACKOFF_SECONDS = 0.05
"""Longest wait before the second attempt; it doubles with each."""
BACKOFF_LIMIT_SECONDS = 2.0
"""Longest wait before any attempt."""
READ_SECONDS = 3.0
"""How long a read waits for stores that do not answer."""
CHANGE_SECONDS = 10.0
"""How long a change may take when its caller sets no deadline."""
LINGER_SECONDS = 5.0
"""How long requests to slower stores may go on after the outcome is certain."""

SILENT = "it did not answer in time"

T = TypeVar("T")


class Registers:
    """The registers of one set of stores: one store is ``lite``, three are a quorum.

    ``nonce`` gives 16 fresh hex digits at each call, ``jitter`` a number from 0 up to 1. Deadlines are instants of
    ``clock.monotonic()``.
    """

    def __init__(self, acceptors: Sequence[Acceptor], *, clock: Clock, nonce: Callable[[], str], jitter: Callable[[], float]) -> None:
        self._acceptors = {acceptor.name: acceptor for acceptor in acceptors}
        if len(self._acceptors) != len(acceptors):
            raise ValueError("two stores have one name")
        self._clock = clock
        self._nonce = nonce
        self._jitter = jitter
        self._floors = Floors()
        self._late: dict[tuple[str, str], asyncio.Task[Answer]] = {}
        self._lingering: set[asyncio.Task[None]] = set()

    @property
    def majority(self) -> int:
        """How many stores must agree."""
        return majority_of(len(self._acceptors))

    async def read(self, register: str, *, deadline: float | None = None) -> Reading:
        """Read all stores once, in parallel, until a majority shares an accepted ballot or nobody is left to ask."""
        timer = self._timer(deadline, READ_SECONDS)
        asked = {asyncio.ensure_future(self._ask(register, _read(name))): name for name in self._acceptors}
        answers: dict[str, Answer] = {}
        try:
            while asked and not self._judged(answers).confirmed and not timer.done():
                for task in await _first(asked, timer):
                    answers[asked.pop(task)] = task.result()
        finally:
            in_time = not timer.done()
            timer.cancel()
            self._leave({(register, name): task for task, name in asked.items()})
        silent = {} if in_time else dict.fromkeys(asked.values(), Lost(why=SILENT))
        return self._judged(answers | silent)

    async def change(self, register: str, change: Change, *, reading: Reading | None = None, deadline: float | None = None) -> Outcome:
        """Apply ``change`` to the register, or end without a write when a confirmed reading shows nothing to do.

        ``reading`` is a read of the caller's own attempt: with it the next round trip is prepare and the one after
        accept. Raises ``Transient`` when other proposers came first every time and no accept was sent, ``Refused``
        when the new value is too long.
        """
        until = self._clock.monotonic() + CHANGE_SECONDS if deadline is None else deadline
        trial = _Trial(change)
        for failures in range(ATTEMPTS_LIMIT):
            seen = reading if reading is not None and not failures else await self.read(register, deadline=until)
            ended = await self._attempt(register, trial, seen, until)
            if not isinstance(ended, Conflict | Unknown):
                return trial.judged(ended)
            if not await self._back_off(failures, until):
                break
        if trial.sent:
            return Unknown()
        raise Transient(f"other proposers kept changing {register}: deliver again")

    async def settle(self, register: str, reading: Reading, *, deadline: float | None = None) -> Outcome:
        """Make an unconfirmed reading certain: prepare, and accept of the unchanged value."""
        return await self.change(register, _unchanged, reading=reading, deadline=deadline)

    async def rest(self, seconds: float = LINGER_SECONDS) -> None:
        """Let the requests to slower stores end, for ``seconds`` at most; call it before the process may be stopped."""
        timer = self._timer(None, seconds)
        while (tasks := self._leftovers()) and not timer.done():
            await asyncio.wait({*tasks, timer}, return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, timer):
            task.cancel()

    def _leftovers(self) -> set[asyncio.Future[Any]]:
        return {*self._lingering, *self._late.values()}

    def _judged(self, answers: Mapping[str, Answer]) -> Reading:
        replies = {name: answer for name, answer in answers.items() if isinstance(answer, Reply)}
        faults = {name: answer.why for name, answer in answers.items() if isinstance(answer, Lost | Unsure)}
        return judge(replies, self.majority, faults)

    async def _attempt(self, register: str, trial: "_Trial", seen: Reading, until: float) -> Outcome | Conflict:
        at_once = trial.at_once(seen)
        if at_once is not None:
            return at_once
        ballot = above((reply.row.promised for reply in seen.replies.values()), self._nonce())
        attempt = Attempt(ballot, trial.apply, tuple(self._acceptors), seen, certain=trial.sent)
        run = _Run(self, register, attempt)
        timer = self._timer(until, CHANGE_SECONDS)
        try:
            await run.until_ended(timer)
        finally:
            timer.cancel()
            ending = attempt.give_up(run.unanswered)
            trial.sent |= attempt.sent
            self._linger(run)
        return ending

    async def _back_off(self, failures: int, until: float) -> bool:
        """Wait a random part of a doubling time; False when the deadline would pass in it."""
        wait = self._jitter() * min(BACKOFF_LIMIT_SECONDS, BACKOFF_SECONDS * 2**failures)
        if self._clock.monotonic() + wait >= until:
            return False
        await self._clock.sleep(wait)
        return True

    def _timer(self, deadline: float | None, default: float) -> asyncio.Future[None]:
        left = default if deadline is None else min(default, deadline - self._clock.monotonic())
        return asyncio.ensure_future(self._clock.sleep(max(left, 0.0)))

    async def ask(self, register: str, request: Request) -> Answer:
        """Send one request of an attempt; a read that is still under way is joined, not sent again."""
        late = self._late.get((register, request.acceptor))
        if request.step is not Step.READ or late is None:
            return await self._ask(register, request)
        await asyncio.wait({late})
        return Lost(why=SILENT) if late.cancelled() else late.result()

    async def _ask(self, register: str, request: Request) -> Answer:
        name = request.acceptor
        floor = self._floors.floor(name, register)
        try:
            answer = await _call(self._acceptors[name], register, request)
        except (StoreDown, RowUnreadable) as error:
            return Lost(why=str(error))
        except StoreUnsure as error:
            return Unsure(why=str(error))
        row = (answer.held if isinstance(answer, Refusal) else answer).row
        if row.promised < floor:
            return Lost(why=f"{name} holds less of {register} than it did: it was rolled back, take it out and copy it anew")
        self._floors.saw(name, register, row.promised)
        return answer

    def _leave(self, tasks: Mapping[tuple[str, str], asyncio.Task[Answer]]) -> None:
        """Keep reads that nobody waits for any more where an attempt finds them, until they end."""
        for key, task in tasks.items():
            if key in self._late:
                self._late[key].cancel()
            self._late[key] = task
            task.add_done_callback(functools.partial(self._forget, key))

    def _forget(self, key: tuple[str, str], task: asyncio.Task[Answer]) -> None:
        if self._late.get(key) is task:
            del self._late[key]

    def _linger(self, run: "_Run") -> None:
        """Go on with what is under way, bounded, so that the slowest store keeps up and nothing is left hanging."""
        if run.idle:
            return
        task = asyncio.ensure_future(run.until_idle(self._timer(None, LINGER_SECONDS)))
        self._lingering.add(task)
        task.add_done_callback(self._lingering.discard)


class _Trial:
    """A change over all its attempts: what it proposed, and whether an accept was ever sent."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self._proposed: dict[str, str | None] = {}
        self.sent = False

    def apply(self, value: str | None) -> str | Decline | None:
        wanted = self._change(value)
        if isinstance(wanted, str) and wanted != value:
            if len(wanted.encode()) > VALUE_LIMIT:
                raise Refused(f"the new value is longer than {VALUE_LIMIT} bytes: archive closed parts of it first")
            self._proposed[wanted] = value
        return wanted

    def at_once(self, seen: Reading) -> Outcome | None:
        """End on the reading alone: no majority, or a confirmed value that the change leaves as it is.

        Never once an accept was sent: what it left behind on a minority could still come to stand.
        """
        if not seen.reached:
            return Unknown(faults=seen.faults) if self.sent else NoMajority(faults=seen.faults)
        if self.sent or not seen.confirmed:
            return None
        wanted = self._change(seen.value)
        if isinstance(wanted, Decline):
            return Declined(reason=wanted.reason, value=seen.value, store_times=seen.store_times)
        if wanted is not None and wanted != seen.value:
            return None
        return Agreed(value=seen.value, previous=seen.value, changed=False, ballot=seen.ballot, store_times=seen.store_times)

    def judged(self, ended: Outcome) -> Outcome:
        """Put an ending in the light of earlier attempts, one of which may have got through unseen."""
        match ended:
            case Agreed(changed=False, value=str(value)) if value in self._proposed:
                return msgspec.structs.replace(ended, previous=self._proposed[value], changed=True)
            case NoMajority() if self.sent:
                return Unknown(faults=ended.faults)
            case _:
                return ended


class _Run:
    """The requests of one attempt that are under way."""

    def __init__(self, registers: Registers, register: str, attempt: Attempt) -> None:
        self._registers = registers
        self._register = register
        self._attempt = attempt
        self._under_way: dict[asyncio.Task[Answer], Request] = {}
        self._launch(attempt.start())

    @property
    def idle(self) -> bool:
        return not self._under_way

    @property
    def unanswered(self) -> dict[str, str]:
        return {request.acceptor: SILENT for request in self._under_way.values()}

    async def until_ended(self, timer: asyncio.Future[None]) -> None:
        while self._attempt.ending is None and self._under_way and not timer.done():
            await self._turn(timer)

    async def until_idle(self, timer: asyncio.Future[None]) -> None:
        try:
            while self._under_way and not timer.done():
                await self._turn(timer)
        finally:
            timer.cancel()
            for task in self._under_way:
                task.cancel()

    async def _turn(self, timer: asyncio.Future[None]) -> None:
        for task in await _first(self._under_way, timer):
            self._launch(self._attempt.answered(self._under_way.pop(task), task.result()))

    def _launch(self, requests: Requests) -> None:
        for request in requests:
            self._under_way[asyncio.ensure_future(self._registers.ask(self._register, request))] = request


def _unchanged(_: str | None) -> None:
    return None


def _read(acceptor: str) -> Request:
    return Request(acceptor=acceptor, step=Step.READ, ballot="")


def _call(acceptor: Acceptor, register: str, request: Request) -> Awaitable[Reply | Refusal]:
    match request.step:
        case Step.READ:
            return acceptor.read(register)
        case Step.PREPARE:
            return acceptor.prepare(register, request.ballot, request.seen)
        case Step.ACCEPT:
            return acceptor.accept(register, request.ballot, request.value, request.seen)


async def _first(tasks: Collection[asyncio.Task[T]], timer: asyncio.Future[None]) -> list[asyncio.Task[T]]:
    """Wait for some of the tasks to end, or for the timer; give those that ended."""
    waiting: set[asyncio.Future[Any]] = {*tasks, timer}
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    return [task for task in tasks if task.done()]
