"""From an agreed plan to the levers: write what differs, prove it, and leave a row that says so.

A stale enactor must not have the last word: the fence was observed before the plan was agreed (or read), the write
carries it, the plan is looked at once more afterwards, and every sweep makes the levers equal to the newest epoch.
"""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pointsman.core import refusals
from pointsman.core.fabric import Fabric, LinkName
from pointsman.core.intents import over, standing
from pointsman.core.leftovers import is_ours, pinned, pins_begun, pins_ended
from pointsman.core.lint import clashes, lint
from pointsman.core.members import lever_key
from pointsman.core.plan import Plan
from pointsman.core.rows import following
from pointsman.core.sightings import Health, Sighting, own_word
from pointsman.core.steering import (
    FailoverTest,
    Level,
    Observed,
    PeerPriority,
    PrefixListPin,
    RoutePolicies,
    Setting,
    StaticPin,
    Verified,
    kind_of,
)
from pointsman.core.values import Frozen, canonical, digest, replace
from pointsman.core.wants import wanted
from pointsman.ports.clouds import FenceLost, LeverBusy, LeverFailed, LeverUnsure
from pointsman.service.gather import Blind, Gathered, Target, as_the_other_reads, by_then, flags_allow, note, observe
from pointsman.service.house import House

_STEPS = uuid.UUID("6f1d3c52-5a0e-4a5e-9a55-6d7b0a1f0c11")
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_LINK_LEVERS = (RoutePolicies, FailoverTest, PeerPriority)


REPEATED_WITHIN = timedelta(seconds=10)
"""How long a step keeps its token: functions that write the same at once are one write, and the next sweep's repair is another."""
FROZEN = "not steered: the plan is frozen, a freeze flag is set, or the own one cannot be read"
UNPROVED = Verified(level=Level.NONE)


class Step(Frozen):
    """One lever's write: what was wanted, whether it was sent, how far it is proved, and what went wrong.

    ``again`` asks for the event to be delivered again; ``fence_lost`` for another pass at once; ``refused`` says that
    trying again helps nobody until a person has mended what the trouble names. ``looked`` is when its proof began, or when its lever
    was given up (seconds of the clock that never goes back).
    """

    setting: Setting
    written: bool
    verified: Verified = UNPROVED
    trouble: str = ""
    again: bool = False
    fence_lost: bool = False
    refused: bool = False
    looked: float = 0.0


def target_of(setting: Setting) -> Target:
    """Name the lever and the link or flow that a setting is for."""
    match setting:
        case RoutePolicies(link=name) | FailoverTest(link=name) | PeerPriority(link=name):
            return kind_of(setting), name
        case PrefixListPin(flow=flow) | StaticPin(flow=flow):
            return kind_of(setting), flow


def wishes(house: House, fabric: Fabric, plan: Plan, gathered: Gathered, before: Plan | None = None) -> tuple[Setting, ...]:
    """List how this cloud's levers should be set, less those this function does not hold or that are not ours to set.

    ``before`` is the plan that this one follows on, whose pins are ours to take away.
    """
    asked = (one for one in wanted(fabric, plan, gathered.view.rows, house.here, gathered.now) if kind_of(one) in house.levers)
    pins = pinned(house.here, gathered.view.rows)
    seen = {target: one.setting for target, one in gathered.observed.items()}
    return tuple(one for one in asked if is_ours(fabric, before or plan, pins, one, seen.get(target_of(one))))


def differing(settings: Sequence[Setting], gathered: Gathered) -> tuple[Setting, ...]:
    """List the settings that their levers were not seen to have, or that were not observed."""
    return tuple(one for one in settings if not _has(gathered.observed.get(target_of(one)), one, gathered.now))


def _has(observed: Observed | None, want: Setting, now: datetime) -> bool:
    if observed is None:
        return False
    if isinstance(want, FailoverTest) and isinstance(observed.setting, FailoverTest):
        lasting = not want.running or observed.until is None or observed.until - now > want.duration / 3
        return observed.setting.running == want.running and lasting
    return observed.setting == want


async def observe_missing(house: House, settings: Sequence[Setting], gathered: Gathered) -> bool:
    """Observe levers that the first round trip left out; says whether there were any (the plan must then be read again)."""
    missing = [target_of(one) for one in settings if target_of(one) not in gathered.observed]
    if not missing:
        return False
    found = await asyncio.gather(*(observe(house, target) for target in missing))
    gathered.observed.update({target: one for target, one in zip(missing, found, strict=True) if isinstance(one, Observed)})
    gathered.blind.update({target: one for target, one in zip(missing, found, strict=True) if isinstance(one, Blind)})
    return True


async def write(house: House, plan: Plan, settings: Sequence[Setting], gathered: Gathered) -> tuple[Step, ...]:
    """Write the settings in parallel; nothing is written while a freeze stands or the own flag can't be read."""
    if plan.freeze is not None or not flags_allow(house, gathered.view):
        return tuple(Step(setting=one, written=False, trouble=FROZEN) for one in settings)
    if not settings:
        return ()
    refused = linted(house.fabric_of(plan), plan, settings, gathered)
    pinned = pins_begun(house.here, plan, settings, gathered.stored, gathered.now)
    writing = asyncio.gather(*(_write(house, plan, one, gathered, why) for one, why in zip(settings, refused, strict=True)))
    steps, _ = await asyncio.gather(writing, note(house, pinned))
    return tuple(steps)


def linted(fabric: Fabric, plan: Plan, settings: Sequence[Setting], gathered: Gathered) -> tuple[str, ...]:
    """Say of each setting which rule of the plan lint forbids writing it over what was observed; "" when none does."""
    clashing = clashes(settings)
    seen = [gathered.observed.get(target_of(one)) for one in settings]
    found = (
        clashing.get(index) or (held and lint(fabric, plan, one, held.setting, gathered.now))
        for index, (one, held) in enumerate(zip(settings, seen, strict=True))
    )
    return tuple(str(one) if one else "" for one in found)


async def _write(house: House, plan: Plan, want: Setting, gathered: Gathered, refused: str) -> Step:
    target = target_of(want)
    observed = gathered.observed.get(target)
    if observed is None or refused:
        barred = Blind(why=refused, refused=True) if refused else gathered.blind.get(target, Blind(why="not observed"))
        return Step(setting=want, written=False, trouble=barred.why, refused=barred.refused)
    try:
        await house.levers[target[0]].apply(want, observed, token(plan, want, observed, gathered.now))
    except FenceLost as error:
        return Step(setting=want, written=False, trouble=str(error), fence_lost=True)
    except LeverBusy as error:
        return Step(setting=want, written=False, trouble=str(error), again=True)
    except LeverFailed as error:
        return Step(setting=want, written=False, trouble=str(error), refused=True)
    except LeverUnsure as error:
        return Step(setting=want, written=True, trouble=str(error), again=True)
    return Step(setting=want, written=True)


def token(plan: Plan, want: Setting, observed: Observed, now: datetime) -> str:
    """Name a write, so that a cloud takes it once however often it is sent within ``REPEATED_WITHIN``.

    Clouds answer a repeated name with what came of the first write, done or failed, for as long as they remember it. And a
    fence may come back: one that is a hash of the content does when somebody takes that content back by hand.
    """
    kind, target = target_of(want)
    told = (plan.fabric, plan.epoch, kind, target, observed.fence, digest(canonical(want)), (now - _BEGIN) // REPEATED_WITHIN)
    return str(uuid.uuid5(_STEPS, "|".join(map(str, told))))


async def prove(house: House, steps: Sequence[Step]) -> tuple[Step, ...]:
    """Verify every lever that was written."""
    return tuple(await asyncio.gather(*(_prove(house, step) for step in steps))) if steps else ()


async def _prove(house: House, step: Step) -> Step:
    step = replace(step, looked=house.clock.monotonic())
    if not step.written:
        return step
    try:
        verified = await house.levers[kind_of(step.setting)].verify(step.setting)
    except (LeverBusy, LeverFailed, LeverUnsure) as error:
        return replace(step, trouble=str(error), refused=isinstance(error, LeverFailed))
    return replace(step, verified=verified, again=step.again and verified.level is Level.NONE)


async def acknowledge(house: House, plan: Plan, done: Sequence[Setting], steps: Sequence[Step], gathered: Gathered) -> str:
    """Leave a row for every link once all of this cloud's levers are proved to be set as the plan asks, and end its intents.

    The other cloud counts on it, and a drain is in force only when its flows' new links attract them too. A row is
    left once, so it must stand where the other cloud can read it. What one of the ``steps`` wrote is told as of its proof, long as that
    may have taken, and after what was read before the write; what was merely seen as of then: of two functions at once no older word stands.
    """
    stored = await as_the_other_reads(house, gathered.stored)
    proved = {target_of(step.setting): step.looked for step in steps if step.written}
    settings = [one for one in done if isinstance(one, _LINK_LEVERS)]
    rows = [(one.link, _told(house, plan, one, gathered, proved.get(target_of(one)))) for one in settings]
    ended = [over(one, gathered.now) for one in standing(house.here, gathered.stored.values())]
    return await note(house, [*ended, *(row for link, row in rows if _says_more(plan, link, row, stored.get(row.row)))])


async def acknowledge_pins(house: House, plan: Plan, done: Sequence[Setting], gathered: Gathered) -> str:
    """Leave a row for every pin that is seen to stand, and end those of pins that are seen to be gone, whatever other levers read."""
    begun = pins_begun(house.here, plan, done, gathered.stored, gathered.now)
    return await note(house, [*begun, *pins_ended(house.here, plan, done, gathered.stored, gathered.now)])


async def tell_refusals(
    house: House, plan: Plan, steps: Sequence[Step], done: Sequence[Setting], gathered: Gathered
) -> tuple[Sighting, ...]:
    """Leave a row for every lever that is refused for good, and end those of levers that are set; gives the rows of new refusals."""
    refused = {target_of(step.setting): step.trouble for step in steps if step.refused}
    at = max((by_then(gathered, step.looked) for step in steps if step.refused), default=gathered.now)
    begun = refusals.begun(house.here, plan, refused, gathered.stored, at)
    ended = refusals.ended(house.here, plan, (target_of(one) for one in done), gathered.stored, gathered.now)
    await note(house, [*begun, *ended])
    return tuple(begun)


def _told(
    house: House, plan: Plan, setting: RoutePolicies | FailoverTest | PeerPriority, gathered: Gathered, looked: float | None
) -> Sighting:
    """Say how a lever is set: as of when it was seen, or of when its write was proved (``looked``)."""
    now = gathered.now if looked is None else by_then(gathered, looked)
    row = own_word(house.here, lever_key(setting.link), Health.DRAINING if keeps_off(plan, setting) else Health.UP, plan.epoch, now)
    return row if looked is None else following(row, gathered.stored.get(row.row))


def keeps_off(plan: Plan, setting: RoutePolicies | FailoverTest | PeerPriority) -> bool:
    """Say whether a setting is a drain: it keeps flows off its link."""
    if isinstance(setting, FailoverTest):
        return setting.running
    return _drain_epoch(plan, setting.link) > 0


def _drain_epoch(plan: Plan, link: LinkName) -> int:
    state = plan.links.get(link)
    return state.drain.epoch if state and state.drain else 0


def _says_more(plan: Plan, link: LinkName, row: Sighting, held: Sighting | None) -> bool:
    """Say whether a row tells something new: nothing stood there, its health differs, or it predates the drain or the last word on it."""
    since = max(_drain_epoch(plan, link), plan.links[link].steered or 0) if link in plan.links else 0
    return held is None or held.health is not row.health or (held.value or 0) < since
