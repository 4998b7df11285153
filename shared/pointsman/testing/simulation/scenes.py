"""What a schedule is about beside its own mishaps: scenes that lead functions to where they seldom come."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from random import Random  # noqa: TID251 - seeded, so that every run is alike

from pointsman.core.fabric import Cloud, Fabric, MaintenancePolicy, WithoutQuorum
from pointsman.core.values import Frozen
from pointsman.service.sweep import AUDIT_MINUTE
from pointsman.service.windows import ASKED_MINUTE
from pointsman.testing.simulation.fabrics import HOLD_DOWN, Shape
from pointsman.testing.simulation.kinds import FaultKind
from pointsman.testing.simulation.sites import Site

STORES = ("aws", "gcp", "witness")


class Scene(StrEnum):
    """What is going on while the mishaps befall it."""

    PLAIN = "nothing but the mishaps"
    OUTAGE = "a link fails early, and its desk is told"
    RETURN = "an outage is over within the storm, and old incidents become tombstones"
    PARTED = "one cloud reaches no majority for a while, and a link fails"
    LONG = "one cloud reaches no majority for longer than what it did alone is believed without a word"
    SEVERED = "one cloud loses the way to two stores just when it asks them to agree"
    STALE = "a function freezes just before it writes, and others decide anew meanwhile"
    RELAPSE = "a function freezes just when it agreed to return to a link, which fails again"
    FORESEEN = "a link fails, and nothing else goes wrong before"
    COLD = "functions start anew while their own store is down"
    DARK = "one store cannot be reached for a while, and a link fails"
    SLOW = "the stores are slow while a link fails"
    WATCH = "functions watch from the beginning, and what they see must be noted again"
    AUDIT = "it is the minute in which a cloud audits"
    ADOPTION = "an operator adopts the next fabric"
    PINNED = "a tunnel fails while Google's functions are gone, until AWS pins what it carried"
    WINDOW = "maintenance of links is announced, moved and taken back"
    ORDERS = "persons order, twice and late, while a link may fail"


class Staging(Frozen):
    """How a scene is played. ``storm``, ``sweep_every`` and ``probe_every`` in seconds (None: as ever); ``minute`` of the hour it begins in.

    The storm lasts longer, up to ``longest``, while something that is aimed at a site has struck nobody there.
    ``quiet`` lets nothing go wrong but what is aimed at a site and what the scene brings, ``watching`` lets both clouds' functions watch from the beginning, with rows that are due to be noted again; ``aged`` puts old incidents into the archive,
    ``asleep`` freezes the first function of Google's cloud, where levers have fences, whose plan to leave a link or to return is agreed.
    """

    storm: float | None = None
    longest: float = 0.0
    sweep_every: float | None = None
    probe_every: float | None = None
    hold_down: timedelta = HOLD_DOWN
    lead: timedelta = MaintenancePolicy().lead
    without: WithoutQuorum | None = None
    shapes: tuple[Shape, ...] = tuple(Shape)
    minute: int = 0
    quiet: bool = False
    watching: bool = False
    asleep: bool = False
    aged: bool = False


_WITH_A_WAY = (Shape.ROOMY, Shape.TIGHT, Shape.WIDE)
"""Fabrics in which there is something that one cloud may do by itself."""
_LEADS = (timedelta(0), timedelta(seconds=6), timedelta(seconds=20))
"""How long before its window a link is left in the scene of windows."""
_BRISK = timedelta(seconds=8)
"""A hold-down short enough that an outage begins and ends within a storm."""

Lead = tuple[tuple[FaultKind, str], ...]
"""Kinds of fault, each with what is awaited at the site where it strikes."""
_AGREEING = "bound=bound"
_STEERING = "decided, self.settings"
_UNAGREED: Lead = ((FaultKind.LEVER_TIMED_OUT, _STEERING), *((FaultKind.PARTITION_REQUESTS, _AGREEING),) * 2)
_PARTED_FROM: Lead = ((FaultKind.LEVER_TIMED_OUT, _STEERING), *((FaultKind.PARTITION_REPLIES, _STEERING),) * 2)
_OVERTAKEN: Lead = ((FaultKind.LEVER_TIMED_OUT, _STEERING), (FaultKind.FREEZE_AND_THAW, _AGREEING))
_SLOWLY: Lead = ((FaultKind.LEVER_TIMED_OUT, _STEERING), *((FaultKind.STORE_SLOW, _AGREEING),) * 3)
_LOST_WAY = (FaultKind.PARTITION_REQUESTS, "journal.put_entry(")

LEADS: Mapping[str, Scene] = {
    "self._renew(": Scene.LONG,
    "alone:_Alone._renew": Scene.LONG,
    "alone:": Scene.PARTED,
    "stand_alone(": Scene.PARTED,
    "fastpath:": Scene.FORESEEN,
    "ahead.steps(": Scene.FORESEEN,
    "async with Ahead(": Scene.FORESEEN,
    "archiving:": Scene.RETURN,
    "archived(": Scene.RETURN,
    "_forgotten(": Scene.RETURN,
    "sweep:_forgotten": Scene.RETURN,
    "sweep:_converged#2": Scene.SEVERED,
    "sweep:_deliver_if_owed#1": Scene.SEVERED,
    "audit:": Scene.AUDIT,
    "audited(": Scene.AUDIT,
    "adopt:": Scene.ADOPTION,
    "order:": Scene.ORDERS,
    "announcing:": Scene.WINDOW,
    "windows:": Scene.WINDOW,
    "_announced(": Scene.WINDOW,
    "doors:_announced": Scene.WINDOW,
    "watch:": Scene.WATCH,
    "watching.": Scene.WATCH,
    "_ready(house": Scene.COLD,
    "loaded()": Scene.COLD,
    "flag.read()": Scene.SLOW,
    "with_flags_anew(": Scene.SLOW,
    "settle(": Scene.SEVERED,
    "agree:": Scene.SEVERED,
    "observe_missing": Scene.RELAPSE,
    "enact:write": Scene.STALE,
    "enact:_write": Scene.STALE,
    "self._ready(": Scene.SLOW,
    "journal:Notebook": Scene.SLOW,
    "journal:_first_kept": Scene.DARK,
    "as_the_other_reads(": Scene.DARK,
    "enact:acknowledge_pins": Scene.PINNED,
    "acknowledge_pins(": Scene.PINNED,
    "enact:acknowledge": Scene.DARK,
    "gather:note": Scene.DARK,
    "gather:_rows_of": Scene.DARK,
    "gather:as_the_other_reads": Scene.DARK,
    "enact:": Scene.OUTAGE,
    "carrying:": Scene.OUTAGE,
    "proved_for_others(": Scene.OUTAGE,
    "deliver:": Scene.OUTAGE,
    "doors:deliver": Scene.OUTAGE,
    "deliver_owed(": Scene.OUTAGE,
}
"""The scene that leads to a site, by the beginning of its name or by what is awaited there; the first that fits."""
LOTS: Mapping[str, int] = {
    "converge:_Pass.run#5": 10,
    "converge:_Pass._agreed#2": 8,
    "converge:_Pass.run#2": 6,
    "fastpath:Ahead.__aexit__#1": 6,
    "fastpath:Ahead._send#2": 3,
    "gather:correct#1": 3,
    "converge:_Pass._wrong#1": 2,
    "enact:observe_missing#1": 2,
    "archiving:archive#1": 2,
    "alone:_Alone.": 2,
    "enact:acknowledge_pins#1": 3,
    "order:order#5": 5,
    "windows:_held#1": 4,
    "order:_noted#2": 4,
    "order:still#3": 3,
    "announcing:cancel#3": 3,
}
"""How many times as often as any other a site is aimed at, by the beginning of its name: functions come there that seldom."""
LED = 0.75
"""Share of schedules that are aimed at a site and play the scene that leads there; the others play any."""
BESIDE = 0.4
"""Share of schedules with announced maintenance in which a link fails beside it."""
LATE_DESKS = 0.3
"""Share of outages soon over whose desk is late."""
PARTITIONS = 0.75
"""Share of partings in which one cloud loses the way to the stores; in the others the stores are down."""
PRELUDES: Mapping[str, tuple[Lead, ...]] = {
    "self._end(own, Phase.VOID)": (((FaultKind.FROZEN_BY_HAND, "self._put_down("),),),
    "with_flags_anew(self.house": (((FaultKind.FREEZE_AND_THAW, _AGREEING),),),
    "release(": (((FaultKind.DESK_REFUSED, ".tell(claimed"),),),
    "put_off(_held": (((FaultKind.DESK_TIMED_OUT, ".tell(claimed"),),),
    "self._change(step)": (((FaultKind.DESK_REFUSED, ".tell(claimed"),),),
    "await noting": (((FaultKind.STORE_SLOW, _STEERING),),),
    "self._writing": (((FaultKind.LEVER_TIMED_OUT, _STEERING),),),
    "_Pass._agreed#2 await ahead.steps(": (_PARTED_FROM,),
    "ahead.steps(": (((FaultKind.LEVER_TIMED_OUT, _STEERING),), _OVERTAKEN),
    "async with Ahead(": (_UNAGREED, _SLOWLY),
    "self.steps(": (_UNAGREED, _SLOWLY),
}
"""What must go wrong at other sites before a function comes to this one, any of these: by what is awaited there."""
WITHIN: Mapping[Scene, tuple[Lead, ...]] = {
    Scene.SEVERED: ((_LOST_WAY, _LOST_WAY),),
    Scene.STALE: (((FaultKind.FREEZE_AND_THAW, ".apply(want"),), (), ()),
}
"""What goes wrong at a site in a scene, any of these, whatever its schedule is aimed at."""
_ANY = (Scene.PLAIN,) * 9 + tuple(scene for scene in Scene if scene not in {Scene.LONG, Scene.PINNED})


class Cue(Frozen):
    """Something that a scene brings about at an instant of the storm, whatever the functions do then."""

    at: float
    kind: FaultKind
    where: str
    path: str
    lasts: float
    much: float = 0.5


Bringing = Callable[[Fabric, Random], Iterator[Cue]]
"""What brings a scene's own troubles about, given the fabric and the dice."""


def leading_to(site: Site) -> Scene | None:
    """Name the scene that leads to a site, if one does."""
    return next((scene for words, scene in LEADS.items() if site.name.startswith(words) or words in site.awaited), None)


def lots(site: Site) -> int:
    """Say how many times as often as any other a site is aimed at."""
    return next((often for words, often in LOTS.items() if site.name.startswith(words)), 1)


def scene_of(site: Site, dice: Random) -> Scene:
    """Pick the scene of a schedule that is aimed at a site."""
    led = leading_to(site)
    return led if led is not None and dice.random() < LED else dice.choice(_ANY)


def preludes(site: Site, scene: Scene, sites: Sequence[Site], dice: Random) -> Iterator[tuple[FaultKind, str]]:
    """Say what must go wrong where before a function comes to a site, and what goes wrong in the scene."""
    ways = next((ways for words, ways in PRELUDES.items() if words in site.words), ((),))
    for kind, words in (*dice.choice(ways), *dice.choice(WITHIN.get(scene, ((),)))):
        yield from ((kind, one.name) for one in [one for one in sites if words in one.awaited][:1])


def severed(sites: Sequence[Site]) -> Iterator[tuple[FaultKind, str]]:
    """Say where the way to two stores is lost in the middle of an agreement."""
    for kind, words in (_LOST_WAY, _LOST_WAY):
        yield from ((kind, one.name) for one in [one for one in sites if words in one.awaited][:1])


def staging(scene: Scene, dice: Random) -> Staging:
    """Say how a scene is played this time."""
    if scene is Scene.AUDIT:
        return Staging(minute=AUDIT_MINUTE[dice.choice(tuple(Cloud))])
    if scene is Scene.WINDOW:
        return Staging(storm=30.0, sweep_every=11.0, hold_down=_BRISK, minute=ASKED_MINUTE, lead=dice.choice(_LEADS))
    return _STAGED.get(scene) or Staging(minute=dice.choice((0, 5)), hold_down=dice.choice((HOLD_DOWN, _BRISK, _BRISK)))


_STAGED: Mapping[Scene, Staging] = {
    Scene.PARTED: Staging(quiet=True, longest=30.0, sweep_every=8.0, without=WithoutQuorum.PROTECT, shapes=_WITH_A_WAY),
    Scene.LONG: Staging(quiet=True, storm=60.0, without=WithoutQuorum.PROTECT, shapes=_WITH_A_WAY),
    Scene.SEVERED: Staging(hold_down=_BRISK),
    Scene.STALE: Staging(quiet=True, asleep=True, storm=40.0, longest=70.0, sweep_every=8.0, hold_down=_BRISK),
    Scene.FORESEEN: Staging(quiet=True, hold_down=_BRISK),
    Scene.RELAPSE: Staging(quiet=True, asleep=True, storm=70.0, sweep_every=30.0, probe_every=4.0, hold_down=_BRISK),
    Scene.RETURN: Staging(quiet=True, longest=60.0, sweep_every=8.0, hold_down=_BRISK, aged=True),
    Scene.WATCH: Staging(watching=True),
    Scene.PINNED: Staging(quiet=True, storm=35.0, sweep_every=8.0, hold_down=_BRISK, shapes=(Shape.TUNNELS,)),
    Scene.ORDERS: Staging(storm=25.0, sweep_every=11.0, hold_down=_BRISK),
}
_FAILURES = (FaultKind.LINK_CUT, FaultKind.LINK_CUT, FaultKind.LINK_CUT_SILENTLY, FaultKind.LINK_BLACKHOLE, FaultKind.LINK_FLAPS)
_SILENT = (FaultKind.LINK_LOSSY, FaultKind.LINK_LOSSY, FaultKind.LINK_BLACKHOLE, FaultKind.LINK_ONE_WAY, FaultKind.LINK_CUT_SILENTLY)
"""Failures that leave BGP up, for a while at least, which is when a cloud may act alone."""
_PLAIN = (FaultKind.LINK_CUT, FaultKind.LINK_BLACKHOLE)


def cues(scene: Scene, fabric: Fabric, dice: Random) -> Iterator[Cue]:
    """Give what a scene brings about."""
    yield from _BROUGHT.get(scene, _nothing)(fabric, dice)


def _nothing(fabric: Fabric, dice: Random) -> Iterator[Cue]:
    del fabric, dice
    yield from ()


def _adopting(fabric: Fabric, dice: Random) -> Iterator[Cue]:
    """Let one operator adopt the next fabric, or two at once."""
    del fabric
    at, cloud = dice.uniform(2, 10), dice.choice(tuple(Cloud))
    for late in (0.0, dice.uniform(0, 0.4))[: dice.randint(1, 2)]:
        yield Cue(at=at + late, kind=FaultKind.FABRIC_ADOPTED, where=cloud.value, path="", lasts=1.0, much=dice.random())


def _foretold(fabric: Fabric, dice: Random) -> Iterator[Cue]:
    """Let maintenance be announced a few times, by either cloud or by a person, and in some schedules a link fail beside it."""
    links = tuple(link.name for link in fabric.links)
    for _ in range(dice.randint(1, 3)):
        kind = dice.choice((FaultKind.WINDOW_ANNOUNCED, FaultKind.WINDOW_ANNOUNCED, FaultKind.WINDOW_BY_HAND))
        at, lasts = dice.uniform(1, 20), dice.choice((6.0, 15.0, 30.0, 90.0))
        yield Cue(at=at, kind=kind, where=dice.choice(links), path=dice.choice(STORES), lasts=lasts, much=dice.random())
    if dice.random() < BESIDE:
        yield from _outage(3, 30, (4, 30))(fabric, dice)


def _ordered(fabric: Fabric, dice: Random) -> Iterator[Cue]:
    """Let persons order a few things, and in most schedules a link fail beside it."""
    links = tuple(link.name for link in fabric.links)
    for _ in range(dice.randint(2, 6)):
        at, lasts = dice.uniform(3, 33), dice.choice((5.0, 15.0, 40.0, 90.0))
        yield Cue(at=at, kind=FaultKind.ORDER_GIVEN, where=dice.choice(links), path="", lasts=lasts, much=dice.random())
    if dice.random() >= BESIDE:
        yield from _outage(2, 25, (4, 30))(fabric, dice)


def _outage(since: float, until: float, lasts: tuple[float, float], kinds: tuple[FaultKind, ...] = _FAILURES) -> Bringing:
    """Let a link fail between two instants."""

    def brought(fabric: Fabric, dice: Random) -> Iterator[Cue]:
        yield _broken(tuple(link.name for link in fabric.links), dice, dice.uniform(since, until), dice.uniform(*lasts), kinds)

    return brought


def _parted(fabric: Fabric, dice: Random) -> Iterator[Cue]:
    """Part a cloud from the two stores that are not its own, or take these away from both clouds; then let a link fail."""
    cloud, at, lasts = dice.choice(tuple(Cloud)), dice.uniform(4, 7), dice.uniform(8, 16)
    kinds = (FaultKind.PARTITION_REQUESTS, FaultKind.PARTITION_REPLIES) if dice.random() < PARTITIONS else (FaultKind.STORE_DOWN,)
    for store in (one for one in STORES if one != cloud.value):
        kind = dice.choice(kinds)
        where = store if kind is FaultKind.STORE_DOWN else cloud.value
        yield Cue(at=at + dice.uniform(0, 0.5), kind=kind, where=where, path=store, lasts=lasts)
    yield _broken(_carrying(fabric), dice, at + dice.uniform(-0.5, 3), max(lasts, dice.uniform(6, 30)), _SILENT)


def _long_parted(fabric: Fabric, dice: Random) -> Iterator[Cue]:
    """Leave Google its own store and AWS none, so that what Google does alone stands by itself for long; then let a link lose packets."""
    at, kind = dice.uniform(4, 7), dice.choice((FaultKind.PARTITION_REQUESTS, FaultKind.PARTITION_REPLIES))
    for cloud, store in ((cloud, store) for cloud in Cloud for store in STORES if (cloud, store) != (Cloud.GCP, "gcp")):
        yield Cue(at=at, kind=kind, where=cloud.value, path=store, lasts=60.0)
    yield _broken(_carrying(fabric), dice, at + dice.uniform(0.5, 3), 60.0, (FaultKind.LINK_LOSSY,))


def _carrying(fabric: Fabric) -> tuple[str, ...]:
    return tuple(flow.prefer[0] for flow in fabric.flows)


def _returning(fabric: Fabric, dice: Random) -> Iterator[Cue]:
    """Let a link fail for a moment; in some schedules the desk does late what it is asked then."""
    if dice.random() < LATE_DESKS:
        yield Cue(at=dice.uniform(1, 3), kind=FaultKind.DESK_LATE, where="desk", path="", lasts=dice.uniform(4, 10))
    yield from _outage(2, 4, (3, 6))(fabric, dice)


def _dark(fabric: Fabric, dice: Random) -> Iterator[Cue]:
    """Let one store be out of reach, for all or for one cloud, and a link fail."""
    kind = dice.choice((FaultKind.PARTITION_REQUESTS, FaultKind.PARTITION_REPLIES, FaultKind.STORE_DOWN, FaultKind.STORE_REQUEST_LOST))
    where = dice.choice(("aws", "gcp") if kind.value.startswith("partition") else STORES)
    yield Cue(at=dice.uniform(1, 5), kind=kind, where=where, path=dice.choice(STORES), lasts=dice.uniform(6, 18))
    yield from _outage(2, 8, (5, 30))(fabric, dice)


def _slow(fabric: Fabric, dice: Random) -> Iterator[Cue]:
    """Let two stores be slow, and a link fail."""
    for store in dice.sample(STORES, 2):
        yield Cue(at=dice.uniform(1, 4), kind=FaultKind.STORE_SLOW, where=store, path=store, lasts=dice.uniform(8, 18))
    yield from _outage(3, 6, (5, 30))(fabric, dice)


def _cold(fabric: Fabric, dice: Random) -> Iterator[Cue]:
    """Let a cloud's store be down, and its functions be gone for a moment and start anew, while a link fails."""
    where, at = dice.choice(("aws", "gcp")), dice.uniform(2, 5)
    yield Cue(at=at, kind=FaultKind.STORE_DOWN, where=where, path="", lasts=dice.uniform(8, 16))
    for late in (0.1, dice.uniform(4, 8)):
        yield Cue(at=at + late, kind=FaultKind.COMPUTE_GONE, where=where, path="", lasts=dice.uniform(0.2, 1.5))
    yield from _outage(2, 6, (4, 20))(fabric, dice)


def _pinned(fabric: Fabric, dice: Random) -> Iterator[Cue]:
    """Let a tunnel that carries lose packets while Google's levers refuse all, for longer than AWS waits for them."""
    at, lasts = dice.uniform(2, 5), dice.uniform(20, 30)
    for kind in (FaultKind.LEVER_REFUSED, FaultKind.COMPUTE_GONE):
        yield Cue(
            at=at + (0 if kind is FaultKind.LEVER_REFUSED else dice.uniform(2, 4)), kind=kind, where=Cloud.GCP.value, path="", lasts=lasts
        )
    yield _broken(_carrying(fabric), dice, at + dice.uniform(-1, 1), lasts, _SILENT)


def _broken(links: tuple[str, ...], dice: Random, at: float, lasts: float, kinds: tuple[FaultKind, ...]) -> Cue:
    return Cue(at=at, kind=dice.choice(kinds), where=dice.choice(links), path="", lasts=lasts)


_BROUGHT: Mapping[Scene, Bringing] = {
    Scene.ADOPTION: _adopting,
    Scene.WINDOW: _foretold,
    Scene.ORDERS: _ordered,
    Scene.PARTED: _parted,
    Scene.LONG: _long_parted,
    Scene.RETURN: _returning,
    Scene.SEVERED: _outage(3, 8, (4, 30)),
    Scene.RELAPSE: _outage(3, 6, (3, 6), _PLAIN),
    Scene.STALE: _outage(3, 6, (3, 6), _PLAIN),
    Scene.FORESEEN: _outage(5, 10, (6, 30), _PLAIN),
    Scene.COLD: _cold,
    Scene.DARK: _dark,
    Scene.SLOW: _slow,
    Scene.OUTAGE: _outage(1, 5, (4, 30)),
    Scene.PINNED: _pinned,
    Scene.WATCH: _outage(1, 5, (4, 30)),
}
