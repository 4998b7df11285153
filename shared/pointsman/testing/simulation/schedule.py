"""What a seed decides before anything happens: the fabric, and what goes wrong in the middle of which call."""

import hashlib
from collections.abc import Collection, Iterator
from functools import cache
from random import Random  # noqa: TID251 - seeded, so that every run is alike

from pointsman.core.fabric import Cloud, Fabric, WithoutQuorum
from pointsman.core.values import Frozen, replace
from pointsman.testing.simulation.coverage import played_sites
from pointsman.testing.simulation.fabrics import Shape, Terms, fabrics
from pointsman.testing.simulation.kinds import ON_LINKS, ON_PATHS, ON_STORES, RARE, STRIKES, WORLDLY, FaultKind, Request, asked_in
from pointsman.testing.simulation.leading import leading_to, lots, preludes, scene_of, severed
from pointsman.testing.simulation.scenes import STORES, Cue, Scene, Staging, cues, staging
from pointsman.testing.simulation.sites import Site

ONCE = frozenset({FaultKind.STORE_LOST, FaultKind.STORE_ROLLED_BACK, FaultKind.CLOCK_YEARS_AHEAD})
"""Kinds that the fault model allows once."""
EPISODES = tuple(kind for kind in STRIKES if kind not in {FaultKind.STORE_REQUEST_DOUBLED, FaultKind.HINT_LOST})
"""Kinds that may also befall a place for a while."""

_BITS = 2**64 - 1
AIMS = 5
"""Mishaps that are aimed at the await site of a schedule."""
LED_AIMS = 7
"""As many when it is one to which a scene must lead."""
VISITS = (0, 0, 0, 0, 0, 0, 1, 1, 3, 8)
"""How often a function comes to the site before such a mishap strikes there."""
ROUND_TRIPS = (0, 0, 3, 5, 8)
"""How many requests and replies of an agreement come before the way is lost: none, those of its prepare, or nearly all."""
RARELY = 0.2
"""Share of schedules that play what comes rarely, in a scene that does not."""
ROLL_OUTS = 0.35
"""Share of schedules in which some functions carry the next fabric."""
DESKS_ILL = 0.12
"""Share of schedules in which a desk is in trouble twice, whatever else is drawn."""
SEVERED_TWICE = 0.15
"""Share of schedules in which the way to two stores is lost in the middle of an agreement, whatever else is drawn."""
_TELLING = frozenset({Request.TELL})
EARLIER_RULES = 0.15
"""Share of schedules in which some functions decide by the rules of an earlier version."""
RESTORABLE = ("gcp", "witness")
"""Stores that may be rolled back: DynamoDB is not restored in place."""


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
    name="default", storm=14.0, functions=2, mishaps=(1, 5), calls=8, sweep_every=13.0, watch_every=30.0, probe_every=20.0, budget=1500.0
)
"""A few minutes, of which the storm is the first: many of these are played."""
LONG = Size(
    name="long", storm=900.0, functions=3, mishaps=(8, 40), calls=400, sweep_every=60.0, watch_every=60.0, probe_every=10.0, budget=6000.0
)
"""A quarter of an hour of storm, with as many faults as a bad month."""


class Mishap(Frozen):
    """One thing that goes wrong, for ``lasts`` seconds. ``where`` is a link, a cloud or a store.

    It does so at one step of one call; when it is aimed at an await site (``site`` not ""), then where a function comes
    there, from the instant ``after`` on and after ``visits`` others.
    """

    kind: FaultKind
    call: int
    step: int
    lasts: float
    where: str
    path: str
    much: float
    site: str = ""
    visits: int = 0
    after: float = 0.0


class Schedule(Frozen):
    """Everything that a seed decides. ``rolls_out`` says that some functions carry the next fabric and others do not.

    ``earlier`` are the clouds in which some functions decide by the rules of an earlier version until the storm is over.
    ``quiet`` says that no request passes at the site that it is aimed at.
    """

    seed: int
    size: Size
    kinds: tuple[FaultKind, ...]
    shape: Shape
    fabric: Fabric
    following: Fabric
    mishaps: tuple[Mishap, ...]
    scene: Scene
    staging: Staging
    cues: tuple[Cue, ...]
    rolls_out: bool
    earlier: frozenset[Cloud]
    quiet: bool

    @property
    def again(self) -> Cue:
        """The failure of the scene once more, soon and for long."""
        return replace(self.cues[-1], at=AGAIN, lasts=60.0)

    @property
    def announces(self) -> bool:
        """Whether a cloud may announce maintenance."""
        return FaultKind.WINDOW_ANNOUNCED in {*(one.kind for one in self.mishaps), *(one.kind for one in self.cues)}

    @property
    def aims(self) -> tuple[Mishap, ...]:
        """The mishaps that are aimed at an await site."""
        return tuple(one for one in self.mishaps if one.site)


AGAIN = 3.0
"""Seconds until a link to which somebody is about to return fails again."""


def schedule(seed: int, kinds: Collection[FaultKind] = tuple(FaultKind), size: Size = DEFAULT) -> Schedule:
    """Draw the schedule of a seed: it is aimed at one await site, and plays a scene that leads there more often than not."""
    dice = Random(f"schedule {seed}")
    site = aimed_at(seed)
    scene = scene_of(site, dice) if kinds else Scene.PLAIN
    played, allowed = staging(scene, dice), tuple(kind for kind in FaultKind if kind in kinds)
    size = _sized(size, played)
    drawn = () if played.quiet else tuple(_drawn(dice, allowed, size))
    aimed = _drawn_for_aims(dice, site, allowed, drawn)
    shape, terms = _terms(dice, played, (*drawn, *aimed))
    fabric, following = fabrics(shape, terms)
    mishaps = [_mishap(dice, kind, fabric, size) for kind in drawn]
    mishaps += [replace(_mishap(dice, kind, fabric, size), site=site.name, visits=dice.choice(VISITS)) for kind in aimed]
    brought = tuple(cue for cue in cues(scene, fabric, dice) if cue.kind in kinds)
    failed = max((cue.at for cue in brought), default=0.0)
    led = tuple(one for one in preludes(site, scene, played_sites(), dice) if one[0] in kinds)
    mishaps += [replace(one, after=failed) for one in _before(dice, led, fabric, size)]
    mishaps += _rarely(seed, site, allowed, fabric, size)
    mishaps += _at_desks(seed, allowed, fabric, size)
    mishaps += [replace(one, after=failed) for one in _while_agreeing(seed, allowed, fabric, size)]
    return Schedule(
        seed=seed,
        size=size,
        kinds=allowed,
        shape=shape,
        fabric=fabric,
        following=following,
        mishaps=tuple(sorted(mishaps, key=lambda one: (one.call, one.step))),
        scene=scene,
        staging=played,
        cues=brought,
        quiet=site.quiet,
        rolls_out=_rolls_out(dice, (*drawn, *aimed), allowed, scene),
        earlier=_earlier(seed, allowed),
    )


def _sized(size: Size, played: Staging) -> Size:
    """Give the size that a scene is played in."""
    return replace(
        size,
        storm=max(size.storm, played.storm or 0.0),
        sweep_every=played.sweep_every if played.sweep_every and size.name == DEFAULT.name else size.sweep_every,
        probe_every=min(size.probe_every, played.probe_every or size.probe_every),
    )


def aimed_at(seed: int) -> Site:
    """Pick the await site that a seed's schedule is aimed at: by its lots, and the same when others come or go."""
    salt = _mixed(seed)
    return min(_lots(), key=lambda lot: _mixed(lot[0] ^ salt))[1]


@cache
def _lots() -> tuple[tuple[int, Site], ...]:
    """Give each site numbers that hang on nothing but its name: one, or as many as its rareness needs."""
    names = [(f"{site.name} {lot}" if lot else site.name, site) for site in played_sites() for lot in range(lots(site))]
    return tuple((int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()), site) for name, site in names)


def _mixed(number: int) -> int:
    """Mix a number's 64 bits (the finaliser of SplitMix64, Steele, Lea and Flood 2014)."""
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & _BITS
    number = (number ^ number >> 27) * 0x94D049BB133111EB & _BITS
    return number ^ number >> 31


def _before(dice: Random, led: tuple[tuple[FaultKind, str], ...], fabric: Fabric, size: Size) -> list[Mishap]:
    """Make the mishaps that lead on, each on a path of its own, and long enough for others to go on without whoever they befall."""
    paths = dice.sample(STORES, len(STORES)) * len(led)
    visits, asleep = dice.choice(ROUND_TRIPS), FaultKind.FREEZE_AND_THAW
    cloud = dice.choice(("aws", "gcp", "gcp", "gcp"))  # levers without a fence are AWS's alone
    made = [
        replace(_mishap(dice, kind, fabric, size), site=site, path=path, where=cloud)
        for (kind, site), path in zip(led, paths, strict=False)
    ]
    lasts = [dice.uniform(25, 60) if one.kind is asleep else dice.uniform(6, 25) for one in made]
    met = [visits if one.kind is FaultKind.PARTITION_REQUESTS else 0 for one in made]
    return [replace(one, lasts=long, visits=often) for one, long, often in zip(made, lasts, met, strict=True)]


def _drawn(dice: Random, allowed: tuple[FaultKind, ...], size: Size) -> Iterator[FaultKind]:
    possible = [kind for kind in allowed if kind not in RARE and (kind in WORLDLY or kind in EPISODES)]
    drawn = [dice.choice(possible) for _ in range(dice.randint(*size.mishaps))] if possible else []
    yield from (kind for place, kind in enumerate(drawn) if kind not in ONCE or kind not in drawn[:place])


def _drawn_for_aims(dice: Random, site: Site, allowed: tuple[FaultKind, ...], drawn: tuple[FaultKind, ...]) -> list[FaultKind]:
    """Draw different kinds for the site that is aimed at, less those that strike only what is not asked for there."""
    asked = asked_in(site.file.removesuffix(".py"))
    possible = [kind for kind in allowed if kind not in {FaultKind.OTHER_VERSION, *RARE} and STRIKES.get(kind, asked) & asked]
    possible = [kind for kind in possible if not (kind in ONCE and kind in drawn)]
    return dice.sample(possible, min(AIMS if leading_to(site) is None else LED_AIMS, len(possible)))


def _rarely(seed: int, site: Site, allowed: tuple[FaultKind, ...], fabric: Fabric, size: Size) -> Iterator[Mishap]:
    """Draw what comes rarely, with dice of its own: whatever else a seed decides stays as it is without them."""
    dice, rare = Random(f"rare {seed}"), [kind for kind in allowed if kind in RARE]
    if rare and dice.random() < (RARELY if len(rare) < len(allowed) else 1.0):
        yield _mishap(dice, dice.choice(rare), fabric, size)
        yield replace(_mishap(dice, dice.choice(rare), fabric, size), site=site.name, visits=dice.choice(VISITS))


def _at_desks(seed: int, allowed: tuple[FaultKind, ...], fabric: Fabric, size: Size) -> Iterator[Mishap]:
    """Draw what befalls a desk for some time, with dice of its own: few calls tell one, so that what is drawn for all calls seldom meets it."""
    dice, kinds = Random(f"desks {seed}"), [kind for kind in allowed if STRIKES.get(kind) == _TELLING]
    if kinds and dice.random() < DESKS_ILL:
        yield from (_mishap(dice, kind, fabric, size) for kind in dice.sample(kinds, min(2, len(kinds))))


def _while_agreeing(seed: int, allowed: tuple[FaultKind, ...], fabric: Fabric, size: Size) -> Iterator[Mishap]:
    """Draw a way to two stores that is lost in the middle of an agreement, once a link has failed if one does: then its fate is unknown. The dice are its own."""
    dice = Random(f"agreeing {seed}")
    if FaultKind.PARTITION_REQUESTS in allowed and dice.random() < SEVERED_TWICE:
        yield from _before(dice, tuple(severed(played_sites())), fabric, size)


def _terms(dice: Random, played: Staging, kinds: tuple[FaultKind, ...]) -> tuple[Shape, Terms]:
    shape = (
        Shape.WIDE if FaultKind.MEMBER_CUT in kinds and Shape.WIDE in played.shapes and dice.random() < 0.7 else dice.choice(played.shapes)
    )
    without = played.without or dice.choice(tuple(WithoutQuorum))
    return shape, Terms(without=without, hold_down=played.hold_down, lead=played.lead)


def _rolls_out(dice: Random, kinds: tuple[FaultKind, ...], allowed: tuple[FaultKind, ...], scene: Scene) -> bool:
    wanted = scene is Scene.ADOPTION or (FaultKind.FABRIC_ADOPTED in kinds and dice.random() < 0.8)
    return FaultKind.OTHER_VERSION in allowed and (wanted or dice.random() < ROLL_OUTS)


def _earlier(seed: int, allowed: tuple[FaultKind, ...]) -> frozenset[Cloud]:
    """Draw where earlier rules are left, with dice of its own: whatever else a seed decides stays as it is without them."""
    dice = Random(f"versions {seed}")
    left = FaultKind.OTHER_VERSION in allowed and dice.random() < EARLIER_RULES
    return frozenset(dice.choice(((Cloud.AWS,), (Cloud.GCP,), tuple(Cloud)))) if left else frozenset()


def _mishap(dice: Random, kind: FaultKind, fabric: Fabric, size: Size) -> Mishap:
    return Mishap(
        kind=kind,
        call=dice.randrange(int(size.calls * size.storm / DEFAULT.storm) if size.name == DEFAULT.name else size.calls),
        step=int(dice.expovariate(1 / 60)) if dice.random() < 0.7 else dice.randrange(300),
        lasts=dice.choice((4.0, 15.0, 40.0, 90.0)) * (0.5 + dice.random()),
        where=dice.choice(_places(kind, fabric)),
        path=dice.choice(STORES),
        much=dice.random(),
    )


def _places(kind: FaultKind, fabric: Fabric) -> tuple[str, ...]:
    if kind in ON_LINKS or kind in RARE or kind in {FaultKind.MEMBER_CUT, FaultKind.ROUTER_RESTART}:
        return tuple(link.name for link in fabric.links)
    if kind is FaultKind.STORE_ROLLED_BACK:
        return RESTORABLE
    if kind in ON_STORES or (kind in STRIKES and kind.value.startswith("store")):
        return STORES
    assert kind in ON_PATHS or kind is not None, "everything else befalls a cloud"
    return tuple(cloud.value for cloud in Cloud)
