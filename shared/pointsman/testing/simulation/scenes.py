"""What a schedule is about beside its own mishaps: scenes that lead functions to where they seldom come."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from random import Random  # noqa: TID251 - seeded, so that every run is alike

from pointsman.core.fabric import Cloud, Fabric, MaintenancePolicy, WithoutQuorum
from pointsman.core.values import Frozen
from pointsman.service.sweep import AUDIT_MINUTE
from pointsman.service.windows import ASKED_MINUTE
from pointsman.testing.simulation.fabrics import HOLD_DOWN, Shape
from pointsman.testing.simulation.kinds import FaultKind

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
    OVERFILLED = "a link fails while Google's functions are gone, until AWS drains it by its test, which overfills the next"
    REFUSED = "a cloud's levers refuse what a failing link needs"
    WINDOW = "maintenance of links is announced, moved and taken back"
    ORDERS = "persons order, twice and late, while a link may fail"
    FREEZES = "persons freeze everything, for long and then for a moment"
    HANGING = "a person orders where two stores are lost just then, so that one alone accepts it"


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

BESIDE = 0.4
"""Share of schedules with announced maintenance in which a link fails beside it."""
LATE_DESKS = 0.3
"""Share of outages soon over whose desk is late."""
PARTITIONS = 0.75
"""Share of partings in which one cloud loses the way to the stores; in the others the stores are down."""


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
    Scene.OVERFILLED: Staging(quiet=True, storm=35.0, sweep_every=8.0, hold_down=_BRISK, shapes=(Shape.TIGHT,)),
    Scene.REFUSED: Staging(quiet=True, hold_down=_BRISK),
    Scene.ORDERS: Staging(storm=25.0, sweep_every=11.0, hold_down=_BRISK),
    Scene.FREEZES: Staging(quiet=True, storm=25.0, sweep_every=11.0, hold_down=_BRISK),
    Scene.HANGING: Staging(quiet=True, storm=30.0, sweep_every=6.0, hold_down=_BRISK),
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


def _frozen(fabric: Fabric, dice: Random) -> Iterator[Cue]:
    """Let a person freeze everything for long, and others for a moment meanwhile."""
    del fabric
    for at, lasts in ((dice.uniform(2, 5), 60.0), (dice.uniform(7, 12), 6.0), (dice.uniform(13, 20), 6.0)):
        yield Cue(at=at, kind=FaultKind.ORDER_GIVEN, where="", path="", lasts=lasts)


def _drained(fabric: Fabric, dice: Random) -> Iterator[Cue]:
    """Let a person order something."""
    where = dice.choice(tuple(link.name for link in fabric.links))
    yield Cue(at=dice.uniform(2, 6), kind=FaultKind.ORDER_GIVEN, where=where, path="", lasts=60.0)


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


def _forbidden(fabric: Fabric, dice: Random) -> Iterator[Cue]:
    """Let a cloud's levers refuse everything for a while, in which a link that carries fails."""
    where, at = dice.choice(tuple(Cloud)), dice.uniform(3, 8)
    yield Cue(at=at - 1, kind=FaultKind.LEVER_REFUSED, where=where.value, path="", lasts=dice.uniform(6, 20))
    yield _broken(_carrying(fabric), dice, at, dice.uniform(10, 30), _SILENT)


def _broken(links: tuple[str, ...], dice: Random, at: float, lasts: float, kinds: tuple[FaultKind, ...]) -> Cue:
    return Cue(at=at, kind=dice.choice(kinds), where=dice.choice(links), path="", lasts=lasts)


_BROUGHT: Mapping[Scene, Bringing] = {
    Scene.ADOPTION: _adopting,
    Scene.WINDOW: _foretold,
    Scene.ORDERS: _ordered,
    Scene.FREEZES: _frozen,
    Scene.HANGING: _drained,
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
    Scene.OVERFILLED: _pinned,
    Scene.REFUSED: _forbidden,
    Scene.WATCH: _outage(1, 5, (4, 30)),
}
