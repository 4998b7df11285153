"""Proposers: processes that send requests to stores, and may crash or freeze before any of them."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random  # noqa: TID251 - seeded, so that every run is alike
from typing import TYPE_CHECKING, Any

from pointsman.ports.stores import Acceptor, Refusal, Reply, StoreDown, StoreUnsure
from pointsman.quorum.attempt import Step
from pointsman.testing.simulation.registers.settings import Wrong
from pointsman.testing.simulation.registers.sites import Act, Answer, Site

if TYPE_CHECKING:
    from pointsman.testing.simulation.registers.schedule import Schedule

START = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = 7_200.0
"""How late the latest messages arrive, in seconds."""
PATIENCE = (1.0, 2.5, 4.0)
"""After how many seconds without an answer a client gives up, each in some schedules."""


class Proposer:
    """One process. It ends nothing when it crashes: its messages under way still arrive, and nobody hears the answers."""

    def __init__(self, schedule: "Schedule", number: int) -> None:
        self.number = number
        self.dead = False
        self.schedule = schedule
        self.requests = 0
        dice = schedule.dice
        self.patience = dice.choice(PATIENCE)
        self._thaws = 0.0
        self._rate = dice.uniform(0.8, 1.25) if schedule.setting.skewed else 1.0
        self._ahead = dice.uniform(0, 1e6) if schedule.setting.skewed else 0.0
        if schedule.setting.skewed:
            schedule.count(Wrong.SKEW, "clock")

    def now(self) -> datetime:
        """Give its own clock's time of day."""
        return START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Give its own clock's seconds, which may be longer or shorter than others'."""
        return self._ahead + self.schedule.loop.now * self._rate

    async def sleep(self, seconds: float) -> None:
        """Wait by its own clock."""
        future = self.schedule.loop.create_future()
        timer = self.schedule.loop.at(self.schedule.loop.now + seconds / self._rate, lambda: self.hears(future, None))
        try:
            await future
        finally:
            timer.cancel()

    def hears(self, future: asyncio.Future[Any], answer: object) -> None:
        """Let an answer or a timer reach it: at once, when it thaws, or never."""
        loop = self.schedule.loop
        if self.dead or future.done():
            return
        if loop.now < self._thaws:
            loop.at(self._thaws, lambda: self.hears(future, answer))
        elif isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    def goes_on(self, site: str) -> float | None:
        """Say in how many seconds it sends its next request: at once, after a freeze, or never (None) when it crashes."""
        setting, dice = self.schedule.setting, self.schedule.dice
        if self.dead:
            return None
        if not setting.pauses or dice.random() >= setting.pause or self.schedule.calming:
            return max(0.0, self._thaws - self.schedule.loop.now)
        what = dice.choice(setting.pauses)
        self.schedule.count(what, site)
        if what is Wrong.CRASH:
            self.dead = True
            self.schedule.crashed(self)
            return None
        self._thaws = self.schedule.loop.now + dice.choice((0.2, 3.0, 20.0, HOURS))
        return self._thaws - self.schedule.loop.now


class Line:
    """A proposer's way to one store: keeps ``ports.stores.Acceptor`` as well as the weather lets it."""

    def __init__(self, proposer: Proposer, site: Site) -> None:
        self.name = site.name
        self._proposer = proposer
        self._site = site
        self._schedule = proposer.schedule

    async def read(self, register: str) -> Reply:
        """Read a row."""
        reply: Reply = await self._send(register, Step.READ, lambda store: store.read(register))
        return reply

    async def prepare(self, register: str, ballot: str, seen: Reply) -> Reply | Refusal:
        """Promise a ballot."""
        answer: Reply | Refusal = await self._send(register, Step.PREPARE, lambda store: store.prepare(register, ballot, seen))
        return answer

    async def accept(self, register: str, ballot: str, value: str, seen: Reply) -> Reply | Refusal:
        """Accept a value."""
        answer: Reply | Refusal = await self._send(register, Step.ACCEPT, lambda store: store.accept(register, ballot, value, seen))
        return answer

    def _send(self, row: str, step: Step, act: Act) -> asyncio.Future[Any]:
        """Send one request: draw when it arrives, how often, and what becomes of its answer."""
        loop, proposer = self._schedule.loop, self._proposer
        future = loop.create_future()
        wait = proposer.goes_on(step)
        if wait is None:
            return future
        _Message(proposer, self._site, row, step, act).leave(future, wait)
        return future


class _Message:
    """One request and its answer on their way."""

    __slots__ = ("_act", "_era", "_future", "_proposer", "_row", "_schedule", "_site", "_step", "_wrong")

    def __init__(self, proposer: Proposer, site: Site, row: str, step: Step, act: Act) -> None:
        self._schedule = schedule = proposer.schedule
        self._proposer = proposer
        self._site = site
        self._row = row
        self._step = step
        self._act = act
        self._era = site.era
        self._wrong: Wrong | None = schedule.draw(step, site)

    def leave(self, future: asyncio.Future[Any], wait: float) -> None:
        """Leave the proposer in some seconds."""
        schedule, loop = self._schedule, self._schedule.loop
        self._future = future
        at = loop.now + wait + self._delay()
        if self._wrong is not Wrong.LOST_REQUEST:
            loop.at(at, self._arrive)
        if self._wrong is Wrong.DOUBLED:
            loop.at(loop.now + wait + self._delay() + schedule.dice.expovariate(0.5), self._arrive)
        timer = loop.at(loop.now + wait + self._proposer.patience, self._give_up)
        future.add_done_callback(lambda _: timer.cancel())

    def _delay(self) -> float:
        dice, setting = self._schedule.dice, self._schedule.setting
        usual = setting.latency * (0.5 + dice.random())
        if self._wrong is Wrong.DELAYED:
            return usual + dice.expovariate(1.0)
        if self._wrong is Wrong.DELAYED_FOR_HOURS:
            return usual + dice.uniform(0, HOURS)
        if self._site.wrong(self._schedule.loop.now, self._proposer.number, Wrong.SLOW):
            self._schedule.count(Wrong.SLOW, self._step)
            return usual + dice.uniform(0.2, 3.0)
        return usual

    def _arrive(self) -> None:
        schedule, now = self._schedule, self._schedule.loop.now
        if self._era != self._site.era or self._met(Wrong.NO_WAY_THERE):
            return
        unusable = self._site.unusable(now)
        if unusable is not None or self._wrong is Wrong.THROTTLED:
            if unusable is not None:
                schedule.count(unusable, self._step)
            self._answer(StoreDown(f"{self._site.name}: {unusable or self._wrong}"))
            return
        answer = self._site.ask(self._step, self._act)
        schedule.arrived(self._site, self._row, self._step, answer)
        if self._wrong is Wrong.ERROR_AFTER_SUCCESS:
            answer = (StoreDown if self._step is Step.READ else StoreUnsure)(f"{self._site.name}: an error after success")
        if self._wrong is not Wrong.LOST_REPLY and not self._met(Wrong.NO_WAY_BACK):
            self._answer(answer)

    def _met(self, what: Wrong) -> bool:
        met = self._site.wrong(self._schedule.loop.now, self._proposer.number, what)
        if met:
            self._schedule.count(what, self._step)
        return met

    def _answer(self, answer: Answer) -> None:
        loop = self._schedule.loop
        loop.at(loop.now + self._delay(), lambda: self._hear(answer))

    def _hear(self, answer: Answer) -> None:
        if self._era == self._site.era:
            self._proposer.hears(self._future, answer)

    def _give_up(self) -> None:
        silent = StoreDown if self._step is Step.READ else StoreUnsure
        self._proposer.hears(self._future, silent(f"{self._site.name} gave no answer"))


Nonce = Callable[[], str]


def nonces(dice: Random) -> Nonce:
    """Give fresh nonces: 16 hex digits each."""
    return lambda: f"{dice.getrandbits(64):016x}"


def lines(proposer: Proposer, sites: list[Site]) -> list[Acceptor]:
    """Give a proposer its ways to all stores."""
    return [Line(proposer, site) for site in sites]
