"""What may strike: every request asks here whether it is struck, and everything that is injected is counted here."""

import sys
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - seeded, so that every run is alike
from types import CoroutineType, FrameType
from typing import Any

from pointsman.core.fabric import Cloud
from pointsman.core.values import replace
from pointsman.testing.simulation.kinds import STRIKES, FaultKind, Request, of
from pointsman.testing.simulation.schedule import Mishap
from pointsman.testing.simulation.sites import functions_of, site_of
from pointsman.testing.virtual import ACTOR, Actor, Step, VirtualLoop, current_task, loop

STORY_LIMIT = 20_000
"""Lines of a story that are kept; the oldest go first."""
BACKGROUND = 0.016
"""Share of requests that are struck on any day."""
EPISODE = 0.85
"""Share of the requests to a place that are struck while it is in trouble."""
DEPTH_LIMIT = 40
"""How deep a chain of tasks, each begun by the next, is followed."""
_STEPS = VirtualLoop.take_steps.__code__
"""What every step is taken in: no frame outside it is anybody's."""
_STRIKE_OTHERS: Mapping[Request | None, frozenset[FaultKind]] = {
    request: frozenset(kind for kind, struck in STRIKES.items() if request not in struck) for request in (None, *Request)
}
"""The kinds that strike requests, but not this one; None: no request at all."""
NOBODYS = Context()
"""The surroundings of what is nobody's work; nothing is ever set in it."""


@dataclass
class Nature:
    """The dice, the troubles that last, the counts and the story of one schedule.

    ``troubled`` names what each place suffers from (a store's name, ``levers aws``, ``desk``, ...); ``cut`` the one-way
    partitions between a cloud's functions and a store; ``gone`` the clouds without identity. ``aims`` are the mishaps that
    wait for a function to come to their await site, ``upon`` lets one that strikes no request befall where a function stands. ``proposers`` are
    the calls that asked for an accept, by register and ballot; ``astray_until`` is when the last request arrives that nobody waits for; ``decided`` is told when a majority has one (call, register, value).
    """

    dice: Random
    kinds: frozenset[FaultKind]
    watching: bool = False
    telling: bool = False
    raging: bool = True
    aims: list[Mishap] = field(default_factory=list)
    upon: Callable[[Mishap], bool] = lambda _: False
    proposers: dict[tuple[str, str], object] = field(default_factory=dict)
    decided: Callable[[object, str, str], None] = lambda _call, _register, _value: None
    troubled: dict[str, FaultKind] = field(default_factory=dict)
    cut: dict[tuple[Cloud, str], FaultKind] = field(default_factory=dict)
    gone: set[Cloud] = field(default_factory=set)
    faults: Counter[str] = field(default_factory=Counter)
    coverage: Counter[tuple[str, str]] = field(default_factory=Counter)
    operations: int = 0
    astray_until: float = 0.0
    story: deque[str] = field(default_factory=lambda: deque(maxlen=STORY_LIMIT))

    def strike(self, request: Request, place: str) -> FaultKind | None:
        """Say what strikes a request, if anything."""
        self.operations += 1
        if self.watching:
            asked = request.value
            self.coverage.update((site, asked) for site in sites_here())
        if not self.raging:
            return None
        if self.aims and (aimed := self._aimed(request)) is not None:
            self.injected(aimed, sites_here())
            self.tell(f"{aimed} strikes {request} at {place}, where it was aimed at")
            return aimed
        kind = self.troubled.get(place)
        if kind is None or request not in STRIKES[kind] or self.dice.random() >= EPISODE:
            kind = self._on_any_day(request)
        if kind is not None:
            self.injected(kind, sites_here())
            self.tell(f"{kind} strikes {request} at {place}")
        return kind

    def _aimed(self, request: Request | None) -> FaultKind | None:
        """Let what is aimed at where the running task stands befall; give what strikes its request, if that does."""
        now = loop().instant
        here: dict[str, bool] = {}
        others = _STRIKE_OTHERS[request]
        for one in tuple(self.aims):
            if one.after > now or one.kind in others:
                continue
            if one.site not in here:
                here[one.site] = stands_at(one.site)
            if here[one.site] and self._befallen(one):
                return one.kind
        return None

    def _befallen(self, one: Mishap) -> bool:
        """Let one thing that is aimed at where the running task stands befall; True when it is its request that is struck."""
        self.aims.remove(one)
        if one.visits:
            self.aims.append(replace(one, visits=one.visits - 1))
        elif one.kind in STRIKES:
            return True
        elif not self.upon(one):
            self.aims.append(one)
        return False

    @property
    def hoping(self) -> bool:
        """Whether something that can befall whoever comes to its site has befallen nobody there."""
        return any(one.kind not in STRIKES for one in self.aims)

    def pause(self) -> None:
        """Let what is aimed at where the running task stands befall, though it asks for nothing."""
        if self.raging and self.aims:
            self._aimed(None)

    def _on_any_day(self, request: Request) -> FaultKind | None:
        if self.dice.random() >= BACKGROUND:
            return None
        kinds = [kind for kind in of(request) if kind in self.kinds]
        return self.dice.choice(kinds) if kinds else None

    def injected(self, kind: FaultKind, where: Collection[str]) -> None:
        """Count a fault, and the await sites it was injected at."""
        name = kind.value
        self.faults[name] += 1
        self.coverage.update((site, name) for site in where)

    def tell(self, text: str) -> None:
        """Add a line to the story."""
        if self.telling:
            actor = ACTOR.get()
            who = f" {actor}" if actor is not None else ""
            self.story.append(f"{loop().instant:10.3f} s{who}: {text}")


def stands_at(site: str) -> bool:
    """Say whether the running task stands at an await site, or one of those that began it does: none that is nobody's work.

    It is asked by what a request, or a pause, asks: the frames of these are nobody's either.
    """
    names = functions_of(site)
    frame: FrameType | None = sys._getframe(3)  # noqa: SLF001 - a running coroutine does not say itself what it awaits
    while frame is not None and (code := frame.f_code) is not _STEPS:
        if code.co_name in names and site_of(frame) == site:
            return True
        frame = frame.f_back
    running = current_task(loop())
    task = running.begun_by if isinstance(running, Step) else None
    while task is not None and task.actor is not None:
        if not task.done() and _waits_at(task, site, names):
            return True
        task = task.begun_by
    return False


def standing_at(sites: Collection[str], tasks: Iterable[Step]) -> set[str]:
    """Name those of some await sites at which one of these tasks stands, none of which is running."""
    names = functions_of(*sites)
    found: set[str | None] = set()
    for task in tasks:
        waiting: Any = task.get_coro()
        while type(waiting) is CoroutineType:
            if waiting.cr_code.co_name in names and (frame := waiting.cr_frame) is not None:
                found.add(site_of(frame))
            waiting = waiting.cr_await
    return {site for site in sites if site in found}


def _waits_at(task: Step, site: str, names: Collection[str]) -> bool:
    """Say whether a task stands at a site that is in code of those names: other frames are not even looked at."""
    waiting: Any = task.get_coro()
    while type(waiting) is CoroutineType:
        if waiting.cr_code.co_name in names and (frame := waiting.cr_frame) is not None and site_of(frame) == site:
            return True
        waiting = waiting.cr_await
    return False


def sites_here() -> set[str]:
    """Name the await sites at which the running task stands, and those at which the tasks that began it do."""
    found: set[str] = set()
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - a running coroutine does not say itself what it awaits
    while frame is not None and frame.f_code is not _STEPS:
        site = site_of(frame)
        found |= {site} if site else set()
        frame = frame.f_back
    task = current_task(loop())
    return found | sites_of(lineage(task.begun_by if isinstance(task, Step) else None))


def lineage(task: Step | None) -> Iterator[Step]:
    """Give a task, the one that began it, and so on."""
    for _ in range(DEPTH_LIMIT):
        if task is None:
            return
        yield task
        task = task.begun_by


def tasks_under_way() -> list[Step]:
    """List all tasks that have not ended."""
    return loop().under_way()


def tasks_of(actor: Actor) -> list[Step]:
    """List the tasks of one actor that have not ended."""
    return loop().under_way_of(actor)


def sites_of(tasks: Collection[Step] | Iterator[Step]) -> set[str]:
    """Name the await sites of ``service/`` at which tasks stand, those of what they await included."""
    return {site for task in tasks for site in _standing(task)}


def _standing(task: Step) -> Iterator[str]:
    waiting: object = task.get_coro()
    for _ in range(DEPTH_LIMIT):
        frame = getattr(waiting, "cr_frame", None)
        if frame is None:
            return
        site = site_of(frame)
        if site is not None:
            yield site
        waiting = getattr(waiting, "cr_await", None)


def in_nobodys_name(act: Callable[[], object], seconds: float) -> None:
    """Let something happen after some seconds whoever is dead or frozen then."""
    loop().call_later(seconds, act, context=NOBODYS)
