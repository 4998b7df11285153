"""Which scene leads to an await site, how often a site is aimed at, and what must go wrong before a function comes there."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random  # noqa: TID251 - seeded, so that every run is alike

from pointsman.testing.simulation.kinds import FaultKind
from pointsman.testing.simulation.scenes import Scene
from pointsman.testing.simulation.sites import Site

Lead = tuple[tuple[FaultKind, str], ...]
"""Kinds of fault, each with what is awaited at the site where it strikes."""
_AGREEING = "bound=bound"
_STEERING = "decided, self.settings"
_UNAGREED: Lead = ((FaultKind.LEVER_TIMED_OUT, _STEERING), *((FaultKind.PARTITION_REQUESTS, _AGREEING),) * 2)
_PARTED_FROM: Lead = ((FaultKind.LEVER_TIMED_OUT, _STEERING), *((FaultKind.PARTITION_REPLIES, _STEERING),) * 2)
_OVERTAKEN: Lead = ((FaultKind.LEVER_TIMED_OUT, _STEERING), (FaultKind.FREEZE_AND_THAW, _AGREEING))
_SLOWLY: Lead = ((FaultKind.LEVER_TIMED_OUT, _STEERING), *((FaultKind.STORE_SLOW, _AGREEING),) * 3)
_LOST_WAY = (FaultKind.PARTITION_REQUESTS, "journal.put_entry(sealed")

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
    "order:still#3": Scene.FREEZES,
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
    "repair:settle#": Scene.HANGING,
    "registers:Registers.affirm": Scene.HANGING,
    "settle(": Scene.SEVERED,
    "_withdrawn(": Scene.OVERFILLED,
    "_refused(": Scene.REFUSED,
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
    "order:still#3": 6,
    "registers:Registers.affirm": 3,
    "repair:settle#3": 3,
    "converge:_Pass._afterwards#4": 4,
    "converge:_Pass._afterwards#7": 6,
    "announcing:cancel#3": 3,
}
"""How many times as often as any other a site is aimed at, by the beginning of its name: functions come there that seldom."""
LED = 0.75
"""Share of schedules that are aimed at a site and play the scene that leads there; the others play any."""
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
    Scene.HANGING: ((_LOST_WAY, _LOST_WAY),),
    Scene.STALE: (((FaultKind.FREEZE_AND_THAW, ".apply(want"),), (), ()),
}
"""What goes wrong at a site in a scene, any of these, whatever its schedule is aimed at."""
_LED = frozenset({Scene.LONG, Scene.PINNED, Scene.OVERFILLED, Scene.REFUSED, Scene.FREEZES, Scene.HANGING})
"""What is played only where it leads to."""
_ANY = (Scene.PLAIN,) * 9 + tuple(scene for scene in Scene if scene not in _LED)


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
