"""What a seed draws: who proposes what to which stores, and what goes wrong."""

from collections.abc import Set as AbstractSet
from enum import StrEnum
from random import Random  # noqa: TID251 - seeded, so that every run is alike

from pointsman.core.values import Frozen, replace
from pointsman.quorum.attempt import Step
from pointsman.testing.simulation.registers.services import Kind

FOR_EVER = 1e12
"""An instant that no schedule reaches, in seconds."""
CALM_SHARE = 0.04
"""Share of schedules in which nothing goes wrong: what a change may cost is counted there."""

GENTLE_SHARE = 0.02
"""Share in which one proposer meets errors after success alone: how many ballots it may take is counted there."""
LOPSIDED_SHARE = 0.08
"""Share in which few accepts get through but at one store: what a minority holds decides much there."""
ROLLED_BACK_SHARE = 0.06
"""Share in which a store comes back with what it held before."""
DAMAGED_SHARE = 0.3
"""Share of the schedules that can have it in which values are damaged; their dice are their own, so that all else stays as it is without."""
DAMAGES = 4
"""Times in such a schedule at which a value is damaged if all stores hold it just then."""

MOVE_SHARE = 0.12
"""Share of the disturbed schedules in which the set of stores is changed."""


class Wrong(StrEnum):
    """What can go wrong."""

    LOST_REQUEST = "lost request"
    LOST_REPLY = "lost reply"
    ERROR_AFTER_SUCCESS = "error after success"
    DOUBLED = "doubled"
    DELAYED = "delayed"
    DELAYED_FOR_HOURS = "delayed for hours"
    CRASH = "crash"
    FREEZE = "freeze"
    DOWN = "down"
    THROTTLED = "throttled"
    SLOW = "slow"
    LOST_FOR_EVER = "lost for ever"
    ROLLED_BACK = "rolled back"
    DAMAGED = "damaged"
    NO_WAY_THERE = "no way there"
    NO_WAY_BACK = "no way back"
    SKEW = "skew"
    OTHER_VERSION = "other version"
    MOVE = "stores moved"


ON_MESSAGES = (
    Wrong.LOST_REQUEST,
    Wrong.LOST_REPLY,
    Wrong.ERROR_AFTER_SUCCESS,
    Wrong.DOUBLED,
    Wrong.DELAYED,
    Wrong.DELAYED_FOR_HOURS,
    Wrong.THROTTLED,
)
ON_STORES = (Wrong.DOWN, Wrong.THROTTLED, Wrong.SLOW, Wrong.NO_WAY_THERE, Wrong.NO_WAY_BACK)
ON_PROPOSERS = (Wrong.CRASH, Wrong.FREEZE)


class Knows(StrEnum):
    """Which sets of stores an artefact names."""

    OLD = "the old set"
    BOTH = "the old set and the next"
    NEW = "the next set"


class Trouble(Frozen):
    """Something wrong with one store from ``since`` to ``until``, in seconds; ``proposers`` are those that it concerns."""

    what: Wrong
    store: int
    since: float
    until: float
    proposers: frozenset[int] = frozenset()


class Move(Frozen):
    """A change of the set of stores: ``joining`` come, ``stores`` are the next set's places among all, old and joining.

    ``movers`` begin it at ``since``, in seconds; a mover that crashed or gave up is followed by another.
    """

    joining: tuple[Kind, ...]
    stores: tuple[int, ...]
    since: float
    movers: int


class Setting(Frozen):
    """One schedule. ``calls`` is how many each proposer makes, ``spread`` the seconds over which they begin.

    ``noise`` is the share of messages to which one of ``messages`` happens (those of one step ``only``, and not at the store that is ``spared``); ``pause`` that of requests before which a
    proposer meets one of ``pauses``. ``latency`` is a message's usual time, in seconds. ``plain`` of the proposers
    speak another version of the protocol: the textbook's. ``move`` changes the set of stores.
    """

    stores: tuple[Kind, ...]
    proposers: int
    calls: int
    spread: float
    latency: float
    noise: float = 0.0
    messages: tuple[Wrong, ...] = ()
    only: Step | None = None
    spared: int | None = None
    pause: float = 0.0
    pauses: tuple[Wrong, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    skewed: bool = False
    plain: int = 0
    move: Move | None = None

    @property
    def calm(self) -> bool:
        """Whether nothing goes wrong."""
        return not (self.messages or self.pauses or self.troubles or self.plain or self.move)

    @property
    def gentle(self) -> bool:
        """Whether one proposer is alone with errors after success: the protocol must see through them."""
        return self.proposers == 1 and not (
            set(self.messages) - {Wrong.ERROR_AFTER_SUCCESS} or self.pauses or self.troubles or self.plain or self.move
        )


def setting(seed: int) -> Setting:
    """Draw a schedule."""
    return _damaged(Random(f"damage {seed}"), _drawn(seed))


def _drawn(seed: int) -> Setting:
    dice = Random(f"register {seed}")
    stores = _stores(dice)
    proposers = dice.choices((1, 2, 3, 4, 5, 8), weights=(12, 30, 26, 14, 10, 8))[0]
    drawn = Setting(
        stores=stores,
        proposers=proposers,
        calls=dice.choice((1, 2, 3)) if proposers < 4 else 1,
        spread=dice.choice((0.0, 0.05, 0.5, 5.0)),
        latency=dice.choice((0.005, 0.02, 0.1)),
    )
    kind = dice.random()
    if kind < CALM_SHARE:
        return drawn
    if kind < CALM_SHARE + GENTLE_SHARE:
        return replace(drawn, proposers=1, noise=0.4, messages=(Wrong.ERROR_AFTER_SUCCESS,))
    if kind < CALM_SHARE + GENTLE_SHARE + LOPSIDED_SHARE:
        return _lopsided(dice, drawn)
    return _rolled_back(dice, drawn) if kind > 1 - ROLLED_BACK_SHARE else _disturbed(dice, drawn)


def _stores(dice: Random) -> tuple[Kind, ...]:
    count = dice.choices((1, 3, 5), weights=(3, 94, 3))[0]
    if dice.random() < 0.12:
        return tuple(dice.choice(tuple(Kind)) for _ in range(count))
    return tuple(dice.choice((Kind.BALLOTS, Kind.VERSIONS)) for _ in range(count))


def _disturbed(dice: Random, drawn: Setting) -> Setting:
    """Draw what goes wrong: a few kinds of it at a time, so that some schedules are wild and others nearly calm."""
    pauses = tuple(one for one in ON_PROPOSERS if dice.random() < 0.4)
    troubles = _troubles(dice, drawn)
    move = _move(dice, drawn, {one.store for one in troubles if one.what is Wrong.LOST_FOR_EVER}) if dice.random() < MOVE_SHARE else None
    plain = int(move is None and dice.random() < 0.17)
    return replace(
        drawn,
        stores=(Kind.SQLITE,) * len(drawn.stores) if plain and dice.random() < 0.25 else drawn.stores,
        noise=dice.choice((0.02, 0.08, 0.2, 0.35)),
        messages=tuple(one for one in ON_MESSAGES if dice.random() < 0.4),
        pause=dice.choice((0.01, 0.03, 0.08)) if pauses else 0.0,
        pauses=pauses,
        troubles=troubles,
        skewed=dice.random() < 0.3,
        plain=plain,
        move=move,
    )


def _lopsided(dice: Random, drawn: Setting) -> Setting:
    """Draw stores of which one takes every accept, and the others few."""
    return replace(
        drawn,
        proposers=max(2, drawn.proposers),
        calls=3 if drawn.proposers < 4 else 2,
        spread=dice.choice((0.2, 0.5, 1.0)),
        noise=dice.choice((0.6, 0.9)),
        messages=(dice.choice((Wrong.THROTTLED, Wrong.THROTTLED, Wrong.THROTTLED, Wrong.LOST_REQUEST, Wrong.DELAYED)),),
        only=Step.ACCEPT,
        spared=dice.randrange(len(drawn.stores)),
        pause=0.03,
        pauses=ON_PROPOSERS if dice.random() < 0.5 else (),
        move=_move(dice, drawn, frozenset()) if dice.random() < 0.4 else None,
    )


def _move(dice: Random, drawn: Setting, lost: AbstractSet[int]) -> Move | None:
    """Draw which stores stay, and how many come. No set of one store is one that is lost."""
    old = range(len(drawn.stores))
    staying = [place for place in old if dice.random() < 0.5]
    size = dice.choices((1, 3, 5), weights=(5, 90, 5))[0]
    joining = tuple(dice.choice((Kind.BALLOTS, Kind.VERSIONS)) for _ in range(max(0, size - len(staying))))
    stores = (*staying, *range(len(old), len(old) + len(joining)))[:size]
    if len(stores) == 1 and lost & set(stores):
        return None
    return Move(joining=joining, stores=stores, since=dice.uniform(0, drawn.spread + 0.5), movers=dice.choice((1, 1, 2)))


def _troubles(dice: Random, drawn: Setting) -> tuple[Trouble, ...]:
    count = dice.choice((0, 0, 1, 1, 2, 3))
    found = [_trouble(dice, drawn, dice.choice(ON_STORES)) for _ in range(count)]
    if len(drawn.stores) > 1 and dice.random() < 0.15:
        found.append(Trouble(what=Wrong.LOST_FOR_EVER, store=dice.randrange(len(drawn.stores)), since=dice.uniform(0, 6), until=FOR_EVER))
    return tuple(found)


def _trouble(dice: Random, drawn: Setting, what: Wrong) -> Trouble:
    since = dice.uniform(0, drawn.spread + 1)
    concerned = frozenset(one for one in range(drawn.proposers) if dice.random() < 0.6)
    store = dice.randrange(len(drawn.stores))
    return Trouble(what=what, store=store, since=since, until=since + dice.choice((0.1, 1.0, 8.0)), proposers=concerned)


def _rolled_back(dice: Random, drawn: Setting) -> Setting:
    """Draw a store that is down for a while and then holds what it held before.

    One proposer that lives on is there, for only it can know better: what nobody alive has seen, nobody can miss.
    """
    kinds = tuple(Kind.BALLOTS if one is Kind.SQLITE else one for one in drawn.stores)
    since = dice.uniform(0.1, 3.0)
    back = Trouble(what=Wrong.ROLLED_BACK, store=dice.randrange(3), since=since, until=since + dice.choice((0.05, 0.5)))
    return replace(
        drawn,
        stores=(*kinds, *kinds, *kinds)[:3],
        proposers=1,
        calls=dice.choice((4, 6, 8)),
        spread=dice.choice((0.5, 2.0)),
        noise=dice.choice((0.0, 0.1, 0.3)),
        messages=(Wrong.LOST_REQUEST, Wrong.LOST_REPLY, Wrong.DOUBLED, Wrong.DELAYED),
        troubles=(back, *(_trouble(dice, drawn, Wrong.DOWN) for _ in range(dice.choice((0, 1))))),
    )


def _damaged(dice: Random, drawn: Setting) -> Setting:
    """Draw when values of one store are damaged, where nothing else is wrong for ever and everybody compares what stores hold."""
    lasting = {Wrong.LOST_FOR_EVER, Wrong.ROLLED_BACK} & {one.what for one in drawn.troubles}
    able = [place for place, kind in enumerate(drawn.stores) if kind in {Kind.BALLOTS, Kind.VERSIONS}]
    barred = drawn.calm or drawn.gentle or lasting or drawn.plain or drawn.move or len(drawn.stores) == 1 or not able
    if barred or dice.random() >= DAMAGED_SHARE:
        return drawn
    times = [dice.uniform(0, drawn.spread + 2) for _ in range(DAMAGES)]
    found = [Trouble(what=Wrong.DAMAGED, store=dice.choice(able), since=since, until=since) for since in times]
    return replace(drawn, troubles=(*drawn.troubles, *found))
