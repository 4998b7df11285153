"""One schedule, played from the first sweep to the end of the storm; what must come right then is seen to in the calm."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from operator import itemgetter
from random import Random  # noqa: TID251 - seeded, so that every run is alike

from pointsman.core.decide import RULES
from pointsman.core.errors import PointsmanError, Transient
from pointsman.core.fabric import Cloud
from pointsman.core.members import index
from pointsman.core.sightings import Health, Meaning, Sighting, Source, Tick, Vantage
from pointsman.core.values import replace
from pointsman.entry.outcomes import Answer, outcome_of
from pointsman.service import doors
from pointsman.service.adopt import adopt
from pointsman.service.converge import Report
from pointsman.service.house import House
from pointsman.testing.inprocess import TwinLooker, probes
from pointsman.testing.simulation.aged import age, seen_before
from pointsman.testing.simulation.evidence import Called, Dark
from pointsman.testing.simulation.foretold import Announcements
from pointsman.testing.simulation.functions import Call, Door, Function, caller, steps_of
from pointsman.testing.simulation.kinds import ON_PATHS, STRIKES, FaultKind, Request
from pointsman.testing.simulation.mail import Mail
from pointsman.testing.simulation.mischief import Mischief
from pointsman.testing.simulation.nature import in_nobodys_name, sites_of, standing_at, tasks_of, tasks_under_way
from pointsman.testing.simulation.ordered import Persons
from pointsman.testing.simulation.scenes import Cue, Scene
from pointsman.testing.simulation.schedule import Mishap, Schedule
from pointsman.testing.simulation.versions import BOTH
from pointsman.testing.simulation.world import World

REDELIVERIES = 4
LOOKS_EVERYWHERE = frozenset({"sweep", "nudge"})
"""Doors behind which a function looks at everything: when it finds nothing new, there is nothing."""
STEPS = 3
"""Most steps of a call between two looks at where it stands."""
BACKED_UP = 7.0
"""Seconds between two backups of every store."""
LONGER = 2
"""Seconds by which a storm is made longer, again and again, while something still waits to befall somebody."""
_STORE_READS = frozenset({Request.READ, Request.ROWS, Request.ENTRY})
_STORE_WRITES = frozenset({Request.PREPARE, Request.ACCEPT, Request.NOTE, Request.PUT_ENTRY})


class Play:
    """The functions at work in a world."""

    def __init__(self, plan: Schedule, *, watching: bool = False, telling: bool = False) -> None:
        self.schedule = plan
        self.world = World(plan, watching=watching, telling=telling)
        self.mail = Mail(self.world.nature)
        announcements, persons = Announcements(self.world, self.mail, self.call), Persons(self.world, self.mail, self.call)
        self.mischief = Mischief(self.world, self.mail, self.alive, self._adopt, announcements, persons)
        self.dice = Random(f"play {plan.seed}")
        self.events = 0
        self.calls: list[Called] = []
        self.escaped: list[str] = []
        self.livelocked: list[str] = []
        self.unlooked: list[str] = []
        self.dark: list[Dark] = []
        self.woke: float | None = None
        self.quiet = self.refused = False
        self._due: dict[int, list[Mishap]] = {}
        for one in plan.mishaps:
            if not one.site:
                self._due.setdefault(one.call, []).append(one)
        self.world.nature.aims = list(plan.aims)
        self.world.nature.upon = self._upon
        self.world.nature.decided = self._decided
        asleep = plan.staging.asleep and FaultKind.FREEZE_AND_THAW in plan.kinds
        self._left = False
        self._sleeper = _sleeper(self.dice) if asleep else None
        self._rolls_out = plan.rolls_out
        if plan.staging.aged:
            age(self.world)
        self.pool = {cloud: [self._started(cloud, slot) for slot in range(plan.size.functions)] for cloud in Cloud}
        self._running: set[asyncio.Task[None]] = set()

    def _started(self, cloud: Cloud, slot: int) -> Function:
        self.world.carried[cloud] = 2 if self._rolls_out and slot % 2 else 1
        self.world.rules[cloud] = BOTH[cloud in self.schedule.earlier and not slot % 2]
        return self.world.furnish(cloud, self)

    def _upon(self, one: Mishap) -> bool:
        """Let a mishap befall whoever asks for something just now, before the next step of its call; False when that is no call."""
        call = caller()
        if call is not None:
            call.trips.insert(0, (call.steps, lambda call: self._there(one, call)))
        return call is not None

    def _look_on(self, call: Call) -> None:
        """Look every few steps of a call whether it stands where something is aimed at: at a quiet site no request tells."""
        aims = self.world.nature.aims
        if not aims or not self.world.nature.raging:
            return
        call.trips.append((call.steps + self.dice.randint(1, STEPS), self._looked))
        if len(call.trips) > 1:
            call.trips.sort(key=itemgetter(0))

    def _looked(self, call: Call) -> None:
        aims, now = self.world.nature.aims, self.world.clock.monotonic()
        due = [one for one in aims if one.kind not in STRIKES and one.after <= now]
        standing = standing_at({one.site for one in due}, tasks_of(call)) if due else ()
        for one in [one for one in due if one.site in standing]:
            aims.remove(one)
            self._there(one, call)
        self._look_on(call)

    def _there(self, one: Mishap, call: Call | None) -> None:
        """Let it befall a call that has not ended meanwhile; what could befall nobody now waits for the next who comes there."""
        where = call.cloud.value if call is not None and one.kind in ON_PATHS else one.where
        elsewhere = call is not None and one.after and one.kind is FaultKind.FREEZE_AND_THAW and call.cloud.value != one.where
        if call is None or elsewhere or not self.mischief.befall(replace(one, where=where), call):
            self.world.nature.aims.append(one)

    def _decided(self, call: object, register: str, value: str) -> None:
        """Freeze a function of Google's cloud just when its plan is agreed: before it knows, and before it writes."""
        if self._sleeper is None or not register.startswith("plan/"):
            return
        leaves, returns = '"drain":' in value, self.schedule.scene is Scene.RELAPSE
        due = self._left and not leaves and isinstance(call, Call) and call.door == "report" if returns else leaves
        self._left |= leaves
        if due and isinstance(call, Call) and call.cloud is Cloud.GCP:
            call.trips.insert(0, (call.steps, self._falls_asleep))

    def _falls_asleep(self, call: Call) -> None:
        one, self._sleeper = self._sleeper, None
        if one is not None and self.mischief.befall(one, call) and self.schedule.scene is Scene.RELAPSE:
            self._cue(self.schedule.again)

    def _cue(self, cue: Cue) -> None:
        one = Mishap(call=0, step=0, **{name: getattr(cue, name) for name in ("kind", "where", "path", "lasts", "much")})
        in_nobodys_name(lambda: self.mischief.befall(one, None), cue.at)

    def alive(self) -> list[Function]:
        """List the functions that live."""
        return [function for functions in self.pool.values() for function in functions if not function.dead]

    def nudge(self, cloud: Cloud) -> Callable[[str, int], Awaitable[None]]:
        """Give a cloud's way to wake the other one's functions."""
        other = Cloud.GCP if cloud is Cloud.AWS else Cloud.AWS

        async def nudge(fabric: str, epoch: int) -> None:
            await self._hint(
                other, f"nudge to {other}: {fabric} is at epoch {epoch}", lambda house: doors.link_changed(house, (self._tick("nudge"),))
            )

        return nudge

    def post(self, cloud: Cloud) -> Callable[[str], Awaitable[None]]:
        """Give a cloud's way to wake its own ``deliver``."""

        async def post(incident: str) -> None:
            key = doors.DELIVER + incident
            await self._hint(cloud, f"letters of {incident} to {cloud}", lambda house: doors.deliver(house, (self._tick(key),)))

        return post

    def _tick(self, key: str) -> Tick:
        return Tick(vantage=Vantage.AWS, key=key, seen_at=self.world.clock.now())

    async def _hint(self, cloud: Cloud, what: str, act: Door) -> None:
        kind = self.world.nature.strike(Request.HINT, f"hints {cloud}")
        await asyncio.sleep(0.005)
        if kind is FaultKind.HINT_LOST:
            raise Transient("the queue took no message: the next sweep does without it")
        self.mail.send(what, lambda: self.call(cloud, what.partition(" ")[0], act))

    async def call(self, cloud: Cloud, door: str, act: Door) -> None:
        """Call a function as a queue does: it may crash, and is called again when it asks for it; a sweep is not, for the next will come."""
        for _ in range(1 if door == "sweep" else REDELIVERIES):
            if cloud in self.world.dark:
                await asyncio.sleep(self.dice.uniform(5, 20))
            elif await self._once(cloud, door, act):
                return
            else:
                await asyncio.sleep(self.dice.uniform(1, 15))

    async def _once(self, cloud: Cloud, door: str, act: Door) -> bool:
        function = self._free(cloud, door)
        call = Call(function, door, stormy=self.world.nature.raging)
        due = self._due.pop(self.events, [])
        call.trips = [(one.step, lambda call, one=one: self.mischief.befall(one, call)) for one in due]  # type: ignore[misc]
        self.events += 1
        if self._rolls_out or self.schedule.earlier:
            self._count_versions(function)
        if self.schedule.quiet and self.world.nature.raging:
            self._look_on(call)
        began = self.world.clock.monotonic()
        done = await self._ended(call, act)
        for _, befall in call.trips:
            befall(None)  # type: ignore[arg-type]
        self.calls.append(_called(call, began, self.world.clock.monotonic()))
        return done

    def _count_versions(self, function: Function) -> None:
        """Count a call of one version as a fault of all calls of others that are under way."""
        others = [one for one in self.alive() if (one.carries, one.rules) != (function.carries, function.rules)]
        if others:
            self.world.nature.injected(FaultKind.OTHER_VERSION, sites_of(steps_of(others, tasks_under_way())))

    def _free(self, cloud: Cloud, door: str) -> Function:
        """Pick a warm function that is not frozen, for sweeps and in the calm always the same one; where there is none a fresh one is started."""
        now, pool = self.world.clock.monotonic(), self.pool[cloud]
        self.pool[cloud] = pool = [self.world.furnish(cloud, self) if one.dead else one for one in pool]
        warm = [one for one in pool if one.thaws_at <= now]
        if not warm:
            warm = [self.world.furnish(cloud, self)]
            pool += warm
        return self.dice.choice(warm) if self.world.nature.raging and door != "sweep" else warm[0]

    async def _ended(self, call: Call, act: Door) -> bool:
        """Say whether the event is dealt with."""
        self.world.nature.tell(f"{call} is called")
        try:
            done, lived = await call.run(act)
        except (PointsmanError, ExceptionGroup) as error:
            return self._answered(call, error)
        except Exception as error:  # noqa: BLE001 - whatever escapes is what the simulation looks for
            self.escaped.append(f"{call.door}: {error!r}")
            return True
        self._followed(call, done)
        return lived and not (isinstance(done, Report) and done.again)

    def _answered(self, call: Call, error: PointsmanError | ExceptionGroup) -> bool:
        outcome, self.refused = outcome_of(error), True
        self.world.nature.tell(f"{call} ends: {outcome.answer}, {outcome.text}")
        if "other proposers" in outcome.text and not call.stormy and not call.frozen:
            self.livelocked.append(f"{call.door}: {outcome.text}")
        if outcome.answer is Answer.PARK:
            self.escaped.append(f"{call.door}: {error!r}")
        return outcome.answer is not Answer.RETRY

    def _followed(self, call: Call, done: object) -> None:
        if isinstance(done, Report):
            said = f"epoch {done.plan.epoch}{', agreed' if done.agreed else ''}{f', wrote {len(done.steps)}' if done.steps else ''} {done.again}"
            self.world.nature.tell(f"{call} ends: {said}")
            self.quiet = (self.quiet or call.door in LOOKS_EVERYWHERE) and not done.agreed and not done.steps
            if call.wrote_at > call.looked_at:
                self.unlooked.append(f"{call} wrote at {call.wrote_at:.1f} s and last looked at the plan at {call.looked_at:.1f} s")

    def _adopt(self, one: Mishap) -> bool:
        """Let an operator order the next fabric; False when no function carries it."""
        carriers = [function for function in self.alive() if function.carries > 1]
        if not carriers:
            return False

        async def adopting(house: House) -> object:
            return await adopt(house, author="an operator", reason="the roll-out is through", force=one.much < 0.5)

        self._background(self._order(carriers[0], adopting))
        return True

    async def _order(self, function: Function, act: Door) -> None:
        try:
            await Call(function, "adopt", stormy=self.world.nature.raging).run(act)
        except PointsmanError as error:
            self.world.nature.tell(f"adopting is refused: {error}")

    def _background(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def rage(self) -> None:
        """Let the storm rage."""
        size = self.schedule.size
        for cue in self.schedule.cues:
            self._cue(cue)
        if self.schedule.staging.watching:
            await seen_before(self.world)
        feeds = [self._background(feed) for cloud in Cloud for feed in self._feeds(cloud)]
        end = self.world.clock.monotonic() + size.storm
        while (left := end - self.world.clock.monotonic()) > 0:
            self.mischief.back_up()
            await asyncio.sleep(min(left, BACKED_UP))
        for _ in range(int(self.schedule.staging.longest - size.storm) // LONGER):
            await asyncio.sleep(LONGER if self.world.nature.hoping else 0)
        for feed in feeds:
            feed.cancel()
        self.world.heal()
        self.world.nature.tell("the storm is over: everything is healed")

    def _feeds(self, cloud: Cloud) -> tuple[Coroutine[object, object, None], ...]:
        """Give what calls a cloud's functions for as long as the storm rages."""
        size = self.schedule.size
        return (
            self._every(cloud, "sweep", size.sweep_every, lambda house: doors.sweep(house, ())),
            self._every(cloud, "watch", size.watch_every, lambda house: doors.watch(house, ())),
            self._probing(cloud),
            self._telling(cloud),
        )

    async def _every(self, cloud: Cloud, door: str, seconds: float, act: Door) -> None:
        await asyncio.sleep(self._first(door, seconds))
        while True:
            self.mail.send(f"{door} of {cloud}", lambda: self.call(cloud, door, act))
            await asyncio.sleep(seconds)

    def _first(self, door: str, seconds: float) -> float:
        """Say when a door opens first: where functions are to watch from the beginning, that comes before any sweep."""
        if self.schedule.staging.watching:
            return self.dice.uniform(0, 1) if door == "watch" else self.dice.uniform(2, 5)
        return self.dice.uniform(0, seconds / 4 if door == "sweep" else seconds)

    async def _probing(self, cloud: Cloud) -> None:
        """Tell what probes find: at once when it changes, and now and then anyway."""
        known: dict[str, Health] = {}
        told_at = -self.schedule.size.probe_every
        while True:
            await asyncio.sleep(self.dice.uniform(2, 5))
            found, now = probes(self.world.twin, cloud), self.world.clock.monotonic()
            told = {one.row: one.health for one in found}
            if told != known or now - told_at >= self.schedule.size.probe_every:
                known, told_at = told, now
                self._report(cloud, found)

    async def _telling(self, cloud: Cloud) -> None:
        """Tell of sessions that changed, as each cloud's own feed does."""
        looker, places = TwinLooker(self.world.twin, cloud), index(self.world.twin.fabric)
        links = [link.name for link in self.world.twin.fabric.links]
        source = Source.NETWORK_MANAGER if cloud is Cloud.AWS else Source.ROUTER_LOG
        known: dict[str, Health] = {}
        while True:
            await asyncio.sleep(3)
            seen = (await looker.look(links)).claims
            news = [one for one in seen if known.get(one.member, Health.UP) is not one.health and one.health is not Health.DRAINING]
            known = {one.member: one.health for one in seen}
            for one in (one for one in news if one.member in places):
                self._report(cloud, (replace(one, source=source),))

    def _report(self, cloud: Cloud, claims: Sequence[Sighting]) -> None:
        wrong = self.world.tellers[cloud]
        self.world.heard.hear(claims)
        meanings: tuple[Meaning, ...] = tuple(replace(one, seen_at=one.seen_at + wrong) for one in claims)
        what = f"report to {cloud}: " + ", ".join(f"{one.member} {one.health}" for one in claims)
        self.mail.send(what, lambda: self.call(cloud, "report", lambda house: doors.link_changed(house, meanings)))

    def roll_out(self) -> None:
        """Replace what carries too little."""
        for cloud in Cloud:
            self.world.carried[cloud], self.world.rules[cloud] = 2 if self._rolls_out else 1, RULES
            newest = (self.world.carried[cloud], RULES.version)
            self.pool[cloud] = [one if (one.carries, one.rules) == newest else self.world.furnish(cloud, self) for one in self.pool[cloud]]


def _sleeper(dice: Random) -> Mishap:
    return Mishap(kind=FaultKind.FREEZE_AND_THAW, call=0, step=0, lasts=dice.uniform(15, 40), where="gcp", path="", much=0.0)


def _called(call: Call, began: float, ended: float) -> Called:
    reads, writes = (sum(call.asked.get(request, 0) for request in asked) for asked in (_STORE_READS, _STORE_WRITES))
    letters = call.asked.get(Request.TELL, 0)
    return Called(at=began, seconds=ended - began - call.frozen, door=call.door, reads=reads, writes=writes, letters=letters)
