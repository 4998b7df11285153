"""What a seed decides before anything happens: the fabric, and what goes wrong in the middle of which call."""

from collections.abc import Collection
from random import Random  # noqa: TID251 - seeded, so that every run is alike

from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.values import Frozen
from pointsman.testing.simulation.fabrics import fabrics_of
from pointsman.testing.simulation.kinds import ON_LINKS, ON_PATHS, ON_STORES, STRIKES, WORLDLY, FaultKind

STORES = ("aws", "gcp", "witness")
ONCE = frozenset({FaultKind.STORE_LOST, FaultKind.STORE_ROLLED_BACK, FaultKind.CLOCK_YEARS_AHEAD, FaultKind.FABRIC_ADOPTED})
"""Kinds that the fault model allows once."""
EPISODES = tuple(kind for kind in STRIKES if kind not in {FaultKind.STORE_REQUEST_DOUBLED, FaultKind.HINT_LOST})
"""Kinds that may also befall a place for a while."""


class Size(Frozen):
    """How long and how dense a schedule is. Times are in seconds of virtual time."""

    name: str
    storm: float
    functions: int
    mishaps: tuple[int, int]
    calls: int
    sweep_every: float
    watch_every: float
    probe_every: float
    budget: float


DEFAULT = Size(
    name="default", storm=20.0, functions=2, mishaps=(3, 8), calls=8, sweep_every=12.0, watch_every=30.0, probe_every=20.0, budget=1500.0
)
"""A few minutes, of which the storm is the first: many of these are played."""
LONG = Size(
    name="long", storm=900.0, functions=3, mishaps=(8, 40), calls=400, sweep_every=60.0, watch_every=60.0, probe_every=10.0, budget=6000.0
)
"""A quarter of an hour of storm, with as many faults as a bad month."""


class Mishap(Frozen):
    """One thing that goes wrong at one step of one call, for ``lasts`` seconds. ``where`` is a link, a cloud or a store."""

    kind: FaultKind
    call: int
    step: int
    lasts: float
    where: str
    path: str
    much: float


class Schedule(Frozen):
    """Everything that a seed decides."""

    seed: int
    size: Size
    kinds: tuple[FaultKind, ...]
    fabric: Fabric
    following: Fabric
    mishaps: tuple[Mishap, ...]


def schedule(seed: int, kinds: Collection[FaultKind] = tuple(FaultKind), size: Size = DEFAULT) -> Schedule:
    """Draw the schedule of a seed."""
    dice = Random(f"schedule {seed}")
    fabric, following = fabrics_of(seed)
    possible = [kind for kind in FaultKind if kind in kinds and (kind in WORLDLY or kind in EPISODES)]
    drawn = [dice.choice(possible) for _ in range(dice.randint(*size.mishaps))] if possible else []
    mishaps = [_mishap(dice, kind, fabric, size) for place, kind in enumerate(drawn) if kind not in ONCE or kind not in drawn[:place]]
    return Schedule(
        seed=seed,
        size=size,
        kinds=tuple(kind for kind in FaultKind if kind in kinds),
        fabric=fabric,
        following=following,
        mishaps=tuple(sorted(mishaps, key=lambda one: (one.call, one.step))),
    )


def _mishap(dice: Random, kind: FaultKind, fabric: Fabric, size: Size) -> Mishap:
    return Mishap(
        kind=kind,
        call=dice.randrange(size.calls),
        step=int(dice.expovariate(1 / 60)) if dice.random() < 0.7 else dice.randrange(300),
        lasts=dice.choice((4.0, 15.0, 40.0, 90.0)) * (0.5 + dice.random()),
        where=dice.choice(_places(kind, fabric)),
        path=dice.choice(STORES),
        much=dice.random(),
    )


def _places(kind: FaultKind, fabric: Fabric) -> tuple[str, ...]:
    if kind in ON_LINKS or kind in {FaultKind.MEMBER_CUT, FaultKind.ROUTER_RESTART}:
        return tuple(link.name for link in fabric.links)
    if kind in ON_STORES or (kind in STRIKES and kind.value.startswith("store")):
        return STORES
    assert kind in ON_PATHS or kind is not None, "everything else befalls a cloud"
    return tuple(cloud.value for cloud in Cloud)
