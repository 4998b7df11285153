"""Registers over the stores: drives the protocol, all stores in parallel, and returns as soon as the outcome is certain."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from pointsman.core.domains import StoreSet
from pointsman.core.errors import Moved, PointsmanError, Transient
from pointsman.ports.clouds import Clock
from pointsman.ports.stores import Acceptor, Refusal, Reply, RowUnreadable, StoreDown, StoreUnsure
from pointsman.quorum.attempt import Answer, Attempt, Lost, Request, Step, Unsure
from pointsman.quorum.ballots import above
from pointsman.quorum.floors import ALL_FORGOT, FORGOT, Floors, forgotten
from pointsman.quorum.outcomes import Agreed, Change, Conflict, NoMajority, Outcome, Unknown
from pointsman.quorum.reading import Reading, judge, majority_of
from pointsman.quorum.sealing import Seal, guarded, opening, seal_in, sealing, taking_over
from pointsman.service.late import Hearing, LateReads, Mark
from pointsman.service.timer import Timer, first
from pointsman.service.trial import Ready, Remembered, Trial, seal_of
from pointsman.service.underway import SILENT, Run

ATTEMPTS_LIMIT = 12
"""Ballots that one change may spend on other proposers before it asks to be delivered again."""
BACKOFF_SECONDS = 0.2
"""Longest wait before the second attempt, about as long as an attempt takes between clouds; it doubles with each."""
BACKOFF_LIMIT_SECONDS = 2.0
"""Longest wait before any attempt."""
READ_SECONDS = 3.0
"""How long a read waits for stores that do not answer."""
ODD_SECONDS = 0.5
"""How long a read waits for the odd store when a majority has answered and does not agree: a change can stand on that already."""
CHANGE_SECONDS = 10.0
"""How long a change may take when its caller sets no deadline."""
LINGER_SECONDS = 5.0
"""How long requests to slower stores may go on after the outcome is certain."""
FIRST_SET = StoreSet()
"""The set of stores of whoever has never changed them."""
_TROUBLES = (Lost, Unsure)


class _Forgot(Lost, frozen=True, kw_only=True):
    """The acceptor holds less than it did."""


class Registers:
    """The registers of one set of stores: one store is ``lite``, three are a quorum.

    ``nonce`` gives 16 fresh hex digits at each call, ``jitter`` a number from 0 up to 1. Deadlines are instants of
    ``clock.monotonic()``. ``majority`` is how many stores must agree. ``following`` is the set that registers are being moved to, where one is: a sealed register
    is followed there, and the copy of its value made up for.
    """

    def __init__(
        self,
        acceptors: Sequence[Acceptor],
        *,
        clock: Clock,
        nonce: Callable[[], str],
        jitter: Callable[[], float],
        stores: StoreSet = FIRST_SET,
        following: "Registers | None" = None,
    ) -> None:
        self._acceptors = {acceptor.name: acceptor for acceptor in acceptors}
        self.majority = majority_of(len(self._acceptors))
        if len(self._acceptors) != len(acceptors):
            raise ValueError("two stores have one name")
        self._clock = clock
        self._nonce = nonce
        self._jitter = jitter
        self.stores = stores
        self.following = following
        self._moved = Remembered()
        self._leaving = False
        self._open = stores.generation == FIRST_SET.generation
        self._floors = Floors()
        self._hearing: Hearing = Hearing() if following is None else following._hearing  # noqa: SLF001 - one of us
        self._late = LateReads()
        self._lingering: set[asyncio.Task[None]] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """The stores of this set."""
        return tuple(self._acceptors)

    async def read(self, register: str, *, deadline: float | None = None) -> Reading:
        """Read all stores once, in parallel, until a majority shares an accepted ballot or nobody is left to ask.

        A register that was moved is read where it is now; one that cannot be followed gives a reading that says so.
        """
        onward = self.following
        if register in self._moved and onward is not None:
            return await onward.read(register, deadline=deadline)
        reading = await self._read(register, deadline)
        if onward is not None and not reading.reached and await self._has_come(register, self._until(deadline)):
            return await onward.read(register, deadline=deadline)
        if reading.value is None and reading.confirmed and not self._open:
            reading = await self._read_opened(register, reading, deadline)
        if reading.value is None and onward is not None and (await onward.look(register, deadline=deadline)).value is not None:
            self._leaving = True  # it was made there, so the move has come that far
            return await onward.read(register, deadline=deadline)
        seal = seal_in(reading.value)
        return reading if seal is None else await self._read_on(register, reading, seal, deadline)

    def set_of(self, reading: Reading) -> "Registers":
        """Give the set of stores that a reading is of: this one or the following."""
        onward = self.following
        return onward if onward is not None and onward.stores.id == reading.stores else self

    def mark(self) -> Mark:
        """Note this instant, for ``silent``."""
        return Mark(at=self._clock.monotonic(), answers=self._hearing.answers)

    async def silent(self, register: str, reading: Reading, since: Mark) -> tuple[str, ...]:
        """Name the stores of this set that did not answer a reading of it which began then. None is asked for it.

        Whose answer is still under way is waited for, until READ_SECONDS after the beginning at the latest.
        """
        owing = [name for name in self._acceptors if name not in reading.replies]
        await self._late.await_those(register, owing, max(0.0, since.at + READ_SECONDS - self._clock.monotonic()))
        return tuple(name for name in owing if name in reading.faults or not self._hearing.since(f"{self.stores.id} {name}", since))

    async def change(
        self, register: str, change: Change, *, reading: Reading | None = None, deadline: float | None = None, ready: Ready | None = None
    ) -> Outcome:
        """Apply ``change`` to the register, or end without a write when a confirmed reading shows nothing to do.

        ``reading`` is a read of the caller's own attempt: with it the next round trip is prepare and the one after
        accept. ``ready`` is awaited with the new value before any accept of it is sent. Raises ``Transient`` when
        other proposers came first every time and no accept was sent, ``Moved`` (one of these) when the register was
        moved to stores that this function does not carry, and ``Refused`` when the new value is too long.
        """
        return await self.carry(register, Trial(guarded(change), ready), reading, self._until(deadline))

    async def look(self, register: str, *, deadline: float | None = None) -> Reading:
        """Read a register in this set alone, sealed or not: for whoever moves it."""
        return await self._read(register, deadline)

    async def settle(self, register: str, reading: Reading, *, deadline: float | None = None) -> Outcome:
        """Make an unconfirmed reading certain: prepare, and accept of the unchanged value."""
        return await self.change(register, _unchanged, reading=reading, deadline=deadline)

    async def affirm(self, register: str, *, deadline: float | None = None) -> Outcome:
        """Have a majority accept the register's value anew: whatever one store alone has accepted is that value then, or never will be.

        Raises as ``change`` does.
        """
        return await self.carry(register, Trial(guarded(_unchanged), certain=True), None, self._until(deadline))

    async def begin(self, register: str, value: str, *, deadline: float | None = None) -> Outcome:
        """Make a register, if there is none, in a set that may not be open yet. Raises as ``change`` does."""
        trial = Trial(guarded(taking_over(value)), entered=True)
        return await self.carry(register, trial, None, self._until(deadline))

    async def seal(self, register: str, *, deadline: float | None = None) -> Outcome:
        """Seal a register for the following set, which must be there. Safe to repeat; raises as ``change`` does."""
        assert self.following is not None, "a register is sealed for a set that is known"
        return await self._tried(register, Trial(sealing(self.following.stores.id), entered=True), None, self._until(deadline))

    async def hand_over(self, register: str, seal: Seal, *, deadline: float | None = None) -> "Registers":
        """Let the following set hold what a seal that a majority holds carries, unless it does already; give that set.

        Raises ``Moved`` when the seal names a set that is not carried, ``Transient`` when no majority of that set takes the value.
        """
        onward = self.following
        if onward is None or onward.stores.id != seal.to:
            mend = "deploy the artefact whose fabric names them, as current or next, and give a command that fabric"
            raise Moved(f"{register} was moved to stores {seal.to}: {mend}")
        if seal.value is not None:
            taking = Trial(taking_over(seal.value), entered=True)
            outcome = await onward._tried(register, taking, None, self._until(deadline))  # noqa: SLF001 - one of us
            if not isinstance(outcome, Agreed):
                raise Transient(f"{register} is being moved, and no majority of the next stores {seal.to} holds it yet: deliver again")
        self._leaving = True
        self._moved.add(register)
        return onward

    async def carry(self, register: str, trial: Trial, reading: Reading | None, until: float) -> Outcome:
        """Take a change through the sets of stores, to the one that holds the register now.

        Whatever is raised after an accept was sent says nothing of that accept: the outcome is unknown.
        Once one register was seen sealed, every other is sealed before it is changed: whoever knows of the move helps it on.
        """
        try:
            if register in self._moved and self.following is not None:
                trial.entered = True
                return await self.following.carry(register, trial, reading, until)
            outcome = await self.seal(register, deadline=until) if self._leaving else await self._tried(register, trial, reading, until)
            seal = seal_of(outcome)
            if seal is not None:
                onward = await self.hand_over(register, seal, deadline=until)
            elif trial.sent or not isinstance(outcome, NoMajority | Unknown) or not await self._has_come(register, until):
                return trial.judged(outcome)
            else:
                onward = self._onward
        except PointsmanError as error:
            if trial.sent:
                return Unknown(faults={self.stores.id: str(error)})
            raise
        trial.entered = True
        return await onward.carry(register, trial, None, until)

    @property
    def _onward(self) -> "Registers":
        assert self.following is not None, "what is followed is known"
        return self.following

    async def _has_come(self, register: str, until: float) -> bool:
        """Say whether the following set holds a register now, for certain, whoever of this set still answers: it does only once it was sealed here.

        So that set survives the loss of any one of its stores, though the one that was left for it is gone too.
        """
        onward = self.following
        if onward is None:
            return False
        there = await onward.look(register, deadline=until)
        try:
            if there.value is None:
                await onward.must_be_open(register, until)
            elif not there.confirmed and not _holds(await onward.settle(register, there, deadline=until)):
                return False
        except Transient:
            return False
        self._leaving = True
        self._moved.add(register)
        return True

    async def _read_on(self, register: str, reading: Reading, seal: Seal, deadline: float | None) -> Reading:
        """Read on where the register is now. A seal that is not certain yet is made so first, or found to have failed."""
        until = self._until(deadline)
        try:
            if (certain := seal_of(await self._tried(register, Trial(guarded(_unchanged)), reading, until))) is not None:
                return await (await self.hand_over(register, certain, deadline=until)).read(register, deadline=until)
            again = await self._read(register, until)
        except Transient:  # the reading says that it cannot be followed, and whoever must have the value asks for a change
            again = reading
        blind = seal_in(again.value)
        return again if blind is None else msgspec.structs.replace(again, value=None, confirmed=False, moved=seal.to)

    async def _read(self, register: str, deadline: float | None) -> Reading:
        timer = self._timer(deadline, READ_SECONDS)
        self._late.begin(register)
        asked = {asyncio.create_task(self._ask(register, _read(name))): name for name in self._acceptors}
        answers: dict[str, Answer] = {}
        reading: Reading | None = None  # before a majority has answered there is nothing to judge
        try:
            while asked and not (reading is not None and reading.confirmed) and not timer.done():
                done = await first(asked, timer, ODD_SECONDS if reading is not None and reading.reached else None)
                if not done:
                    break
                answers |= {asked.pop(task): task.result() for task in done}
                reading = self._judged(register, answers) if len(answers) >= self.majority else None
        finally:
            in_time = not timer.done()
            timer.cancel()
            self._late.leave({(register, name): task for task, name in asked.items()})
        silent = {} if in_time else dict.fromkeys(asked.values(), Lost(why=SILENT))
        return self._judged(register, answers | silent) if silent or reading is None else reading

    async def _tried(self, register: str, trial: Trial, reading: Reading | None, until: float) -> Outcome:
        """Make attempt after attempt in this set of stores."""
        given = reading if reading is not None and reading.stores in {"", self.stores.id} and not reading.moved else None
        for failures in range(ATTEMPTS_LIMIT):
            seen = given if given is not None and not failures else await self._read(register, until)
            if seen.value is None and not (self._open or trial.entered):
                await self.must_be_open(register, until)
                seen = await self._read(register, until)
            ended = await self._attempt(register, trial, seen, until)
            if not isinstance(ended, Conflict | Unknown):
                return trial.judged(ended)
            if not await self._back_off(failures, until):
                break
        if trial.sent:
            return Unknown()
        raise Transient(f"other proposers kept changing {register}: deliver again")

    async def _read_opened(self, register: str, reading: Reading, deadline: float | None) -> Reading:
        """Read a register again that is not there, once its set is known to be open; before that its absence says nothing."""
        until = self._until(deadline)
        try:
            await self.must_be_open(register, until)
        except Moved:  # the reading says that it is not certain, and whoever must have the value asks for a change
            return msgspec.structs.replace(reading, confirmed=False)
        return await self._read(register, until)

    async def must_be_open(self, register: str, until: float) -> None:
        """Let nobody begin anew in a set that the registers of the set before it are still to come to. Raises ``Moved``."""
        reading = await self._read(opening(register), until)
        if not reading.confirmed or reading.value is None:
            raise Moved(f"not every register has come to stores {self.stores.id} yet: run 'pointsman stores move' to its end")
        self._open = True

    def _until(self, deadline: float | None) -> float:
        return self._clock.monotonic() + CHANGE_SECONDS if deadline is None else deadline

    async def rest(self, seconds: float = LINGER_SECONDS) -> None:
        """Let the requests to slower stores end, for ``seconds`` at most; call it before the process may be stopped."""
        if self._leftovers():
            timer = self._timer(None, seconds)
            while (tasks := self._leftovers()) and not timer.done():
                await asyncio.wait({*tasks, timer}, return_when=asyncio.FIRST_COMPLETED)
            for task in (*tasks, timer):
                task.cancel()
        if self.following is not None:
            await self.following.rest(seconds)

    def _leftovers(self) -> set[asyncio.Future[Any]]:
        return {task for task in (*self._lingering, *self._late.under_way) if not task.done()}

    def _judged(self, register: str, answers: Mapping[str, Answer]) -> Reading:
        replies = {name: answer for name, answer in answers.items() if isinstance(answer, Reply)}
        faults = {name: answer.why for name, answer in answers.items() if isinstance(answer, _TROUBLES)}
        forgot = [name for name, answer in answers.items() if isinstance(answer, _Forgot)]
        if len(forgot) >= self.majority:
            faults |= {name: ALL_FORGOT.format(name, register) for name in forgot}
        return judge(replies, self.majority, faults, stores=self.stores.id)

    async def _attempt(self, register: str, trial: Trial, seen: Reading, until: float) -> Outcome | Conflict:
        at_once = trial.at_once(seen)
        if at_once is not None:
            return at_once
        ballot = above((reply.row.promised for reply in seen.replies.values()), self._nonce())
        attempt = Attempt(ballot, trial.apply, tuple(self._acceptors), seen, certain=trial.certain or trial.sent)
        run = Run(self.ask, register, attempt, trial.ready)
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
        return Timer(max(left, 0.0))

    async def ask(self, register: str, request: Request) -> Answer:
        """Send one request of an attempt; a read that was asked for already is not sent again."""
        late = await self._late.join((register, request.acceptor)) if request.step is Step.READ else None
        return await self._ask(register, request) if late is None else late

    async def _ask(self, register: str, request: Request) -> Answer:
        name = request.acceptor
        floor = self._floors.floor(name, register)
        try:
            answer = await _call(self._acceptors[name], self.stores.row(register), request)
        except (StoreDown, RowUnreadable) as error:
            return Lost(why=str(error))
        except StoreUnsure as error:
            return Unsure(why=str(error))
        row = (answer.held if isinstance(answer, Refusal) else answer).row
        if forgotten(floor, row):
            return _Forgot(why=FORGOT.format(name, register))
        self._floors.saw(name, register, row)
        self._hearing.heard(f"{self.stores.id} {name}")
        return answer

    def _linger(self, run: Run) -> None:
        """Go on with what is under way, bounded, so that the slowest store keeps up and nothing is left hanging."""
        if run.idle:
            return
        task = asyncio.create_task(run.until_idle(self._timer(None, LINGER_SECONDS)))
        self._lingering.add(task)
        task.add_done_callback(self._lingering.discard)


def _holds(outcome: Outcome) -> bool:
    return isinstance(outcome, Agreed) and outcome.value is not None


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
