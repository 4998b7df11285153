"""One schedule: the shipped register code of several proposers, over stores in memory, in the weather that a seed draws."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from random import Random  # noqa: TID251 - seeded, so that every run is alike

import msgspec

from pointsman.core.domains import StoreSet
from pointsman.core.errors import Transient
from pointsman.ports.stores import RowUnreadable
from pointsman.quorum.attempt import Step
from pointsman.quorum.outcomes import Agreed
from pointsman.quorum.rows import Refusal, Reply
from pointsman.service.registers import FIRST_SET, Registers
from pointsman.testing.simulation.histories import Fate, History
from pointsman.testing.simulation.registers import watching
from pointsman.testing.simulation.registers.calls import NAME, Caller
from pointsman.testing.simulation.registers.loop import Loop
from pointsman.testing.simulation.registers.moving import NEXT_SET, Mover
from pointsman.testing.simulation.registers.proposers import HOURS, START, Line, Proposer, nonces
from pointsman.testing.simulation.registers.services import acceptor, done
from pointsman.testing.simulation.registers.settings import Knows, Setting, Trouble, Wrong, setting
from pointsman.testing.simulation.registers.sites import Answer, Site
from pointsman.testing.simulation.registers.watching import Watch, items, judge
from pointsman.testing.stores import MemoryStore

SUCCESSORS_LIMIT = 12
"""Processes that may follow crashed ones in one schedule."""
NAMES = ("aws", "gcp", "witness", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
OBSERVER = -1
"""The number of whoever looks at the register in the end."""
CALM_SECONDS = 20.0
"""How long everything is calm before the register is looked at: every trouble of a store is over by then."""
SETTLES = 12
"""Tries to settle the register once everything is calm."""

ERRORS_IN_A_ROW = 2
"""Errors after success that one store may give one after the other."""

Tell = Callable[[str], None]


class Schedule:
    """Plays one seed. ``tell`` hears what happens, in words."""

    def __init__(self, seed: int, *, tell: Tell | None = None) -> None:
        self.seed = seed
        self.setting: Setting = setting(seed)
        self.dice = Random(f"schedule {seed}")
        self.loop = Loop()
        self.history = History()
        self.watch = Watch(seed, self._majority)
        self.faults: Counter[str] = Counter()
        self.coverage: Counter[tuple[str, str]] = Counter()
        self.operations = 0
        self.calming = False
        self._tell = tell
        self._successors = 0
        self._noise = self.setting.noise if self.setting.messages else 0.0
        move = self.setting.move
        self._kinds = self.setting.stores + (move.joining if move else ())
        self.sites = [self._site(number) for number in range(len(self._kinds))]
        self._callers: list[Caller] = [Caller(self, number) for number in range(self.setting.proposers)]
        self._movers: list[Mover] = [Mover(self, self.setting.proposers + number) for number in range(move.movers if move else 0)]

    def play(self) -> None:
        """Play it to its end, and judge it."""
        ended = self.loop.play(self._story())
        if not (ended or self.loop.unhandled):
            self.watch.breaks(watching.ENDS, "a call waits for something that nobody will do")
        judge(self.watch, self.history, self.loop.unhandled)
        if self.setting.calm:
            self._count_costs()
        if self.setting.gentle and self._callers[0].in_turn:
            ballots, calls = self.watch.ballots, len(self.history.calls)
            if ballots > calls:
                self.watch.breaks(watching.COSTS, f"{calls} calls of one proposer took {ballots} ballots")

    def count(self, what: Wrong, site: str) -> None:
        """Count something that went wrong, and where."""
        self.faults[what.value] += 1
        self.coverage[site, what.value] += 1
        self.say(f"{site}: {what}")

    def say(self, words: str) -> None:
        """Tell the story."""
        if self._tell is not None:
            self._tell(f"{self.loop.now:12.3f}  {words}")

    def draw(self, step: Step, site: Site) -> Wrong | None:
        """Draw what becomes of a message. No store gives an error after success more than twice in a row."""
        setting = self.setting
        noisy = self._noise and not self.calming and setting.only in (None, step) and not site.spared
        if not noisy or self.dice.random() >= self._noise:
            site.errors = 0
            return None
        what = self.dice.choice(setting.messages)
        site.errors = site.errors + 1 if what is Wrong.ERROR_AFTER_SUCCESS else 0
        if site.errors > ERRORS_IN_A_ROW:
            site.errors = 0
            return None
        self.count(what, step)
        return what

    def arrived(self, site: Site, row: str, step: Step, answer: Answer) -> None:
        """See a request arrive at a store."""
        self.operations += 1
        if step is not Step.READ and isinstance(answer, Reply):
            self.watch.wrote(site.name, row, answer.row)
        elif isinstance(answer, RowUnreadable):
            self.watch.breaks(watching.READABLE, str(answer))
        if self._tell is not None:
            self.say(f"{site.name} {step} {row}: {_words(answer)}")

    def crashed(self, proposer: Proposer) -> None:
        """Let another process take over what a crashed one had not begun."""
        everybody: list[Caller | Mover] = [*self._callers, *self._movers]
        caller = everybody[proposer.number]
        self._successors += 1
        goes_on = self._successors <= SUCCESSORS_LIMIT
        caller.lose(goes_on=goes_on)
        if goes_on:
            self.loop.at(self.loop.now + self.dice.uniform(0, 2), caller.start)

    def registers(self, proposer: Proposer, knows: Knows = Knows.BOTH) -> Registers:
        """Give a process its registers: the shipped code, over the set of stores that its artefact names, and the next one."""
        move = self.setting.move
        old = range(len(self.setting.stores))
        if move is None or knows is Knows.OLD:
            return self._of(proposer, old, FIRST_SET, None)
        new = self._of(proposer, move.stores, NEXT_SET, None)
        return new if knows is Knows.NEW else self._of(proposer, old, FIRST_SET, new)

    def _of(self, proposer: Proposer, places: Iterable[int], stores: StoreSet, following: Registers | None) -> Registers:
        return Registers(
            [Line(proposer, self.sites[place]) for place in places],
            clock=proposer,
            nonce=nonces(self.dice),
            jitter=self.dice.random,
            stores=stores,
            following=following,
        )

    def _majority(self, row: str) -> int:
        move = self.setting.move
        return len(self.setting.stores if move is None or NEXT_SET.register(row) is None else move.stores) // 2 + 1

    def _site(self, number: int) -> Site:
        troubles = [one for one in self.setting.troubles if one.store == number]
        store, kept = acceptor(self._kinds[number], NAMES[number], Noon(self.loop), self.dice)
        site = Site(store, kept, troubles, spared=number == self.setting.spared)
        for one in troubles:
            if one.what is Wrong.ROLLED_BACK:
                self._will_roll_back(site, one)
            if one.what is Wrong.DAMAGED:
                self.loop.at(one.since, partial(self._damage, site, Random(f"damage {self.seed} {one.since}")))
        return site

    def _damage(self, site: Site, dice: Random) -> None:
        """Tear or change the value that a store holds, if all others hold it too: so no other is damaged already, and it can be told."""
        store = site.acceptor
        rows = {one.name: done(one.acceptor.read(NAME)).row for one in self.sites}
        held = {(row.accepted, row.value) for row in rows.values()}
        value = rows[site.name].value
        if len(held) > 1 or not value or not isinstance(store, MemoryStore):
            return
        odd = dice.choice((value[: len(value) // 2], f"{value} damaged"))
        store.damage(NAME, lambda row: msgspec.structs.replace(row, value=odd))
        self.count(Wrong.DAMAGED, "store")
        self.watch.damaged(site.name, NAME, done(store.read(NAME)).row)

    def _will_roll_back(self, site: Site, trouble: Trouble) -> None:
        """Take a copy at some time before the store goes down, and put it back before it is up again."""
        kept = site.kept
        if kept is None:
            return
        copies = [kept.snapshot()]

        def down() -> None:
            site.era += 1

        def restore() -> None:
            self.count(Wrong.ROLLED_BACK, "store")
            site.era += 1
            kept.roll_back(copies[-1])
            answer = site.ask(Step.READ, lambda store: store.read(NAME))
            if isinstance(answer, Reply):
                self.watch.forgot(site.name, NAME, answer.row)

        self.loop.at(trouble.since * self.dice.random(), lambda: copies.append(kept.snapshot()))
        self.loop.at(trouble.since, down)
        self.loop.at(trouble.until, restore)

    async def _story(self) -> None:
        clock = Noon(self.loop)
        for one in self._callers:
            one.start()
        for mover in self._movers:
            mover.start()
        wait = 1.0
        while not all(caller.idle for caller in self._callers):
            await clock.sleep(wait)
            wait = min(2 * wait, HOURS)
        self.calming = True
        await clock.sleep(CALM_SECONDS)
        if self._movers:
            await self._movers[0].finish()
        await self._look()
        await clock.sleep(2 * HOURS)
        await self._look()

    async def _look(self) -> None:
        """Read the register with nothing going wrong any more: as a new process would, unless a store was rolled back unseen by it."""
        back = any(one.what is Wrong.ROLLED_BACK for one in self.setting.troubles)
        knows = self.dice.choice((Knows.BOTH, Knows.NEW))
        one = self._callers[0].registers if back else self.registers(Proposer(self, OBSERVER), knows)
        call = self.history.begin(None)
        outcome: object = None
        for _ in range(SETTLES):
            try:
                outcome = await one.settle(NAME, await one.read(NAME))
            except Transient as error:
                outcome = error
            if isinstance(outcome, Agreed):
                self.history.end(call, Fate.DONE, items(outcome.value))
                return
        self.watch.breaks(watching.ENDS, f"the register is not settled in the end: {outcome}")

    def _count_costs(self) -> None:
        """Hold what a calm schedule asked of its stores against the bound."""
        stores, calls = len(self.sites), len(self.history.calls)
        reads = sum(site.requests[Step.READ] for site in self.sites)
        writes = sum(site.requests[Step.PREPARE] + site.requests[Step.ACCEPT] for site in self.sites)
        alone = self.setting.proposers == 1 and self._callers[0].in_turn
        if alone and (reads > stores * (calls + 2) or writes > 2 * stores * calls):
            self.watch.breaks(watching.COSTS, f"{calls} calls of one proposer took {reads} reads and {writes} writes")


def _words(answer: Answer) -> str:
    """Say what a store answered, without its own time: sqlite's is the machine's."""
    match answer:
        case Reply(row=row):
            return f"granted, {row}"
        case Refusal(held=Reply(row=row)):
            return f"refused, {row}"
        case _:
            return str(answer)


class Noon:
    """The clock of those who are not part of the story."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        """Give the time of day."""
        return START

    def monotonic(self) -> float:
        """Give the loop's seconds."""
        return self._loop.now

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        future = self._loop.create_future()
        self._loop.at(self._loop.now + seconds, lambda: future.set_result(None))
        await future
