"""Carry out what a person ordered: weighed by deciding, agreed by a majority, kept in the journal, and told.

Whoever orders moves nothing: the functions of both clouds do, woken by a hint or at their next sweep. A freeze and a
thaw also set the flags outside the table, each that can be reached, whether or not a majority can.
"""

import asyncio
import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from pointsman.core.decide import Declined as Refusal
from pointsman.core.decide import judge
from pointsman.core.errors import PointsmanError, Refused, Transient
from pointsman.core.fabric import Cloud, Fabric, LinkName
from pointsman.core.flagging import note_of
from pointsman.core.incidents import Incident, Phase
from pointsman.core.orders import by, ends, is_done, outlasted, unfit
from pointsman.core.outbox import follow, open_incidents, remarked
from pointsman.core.plan import FlagState, Plan, View
from pointsman.core.sightings import Order, Verb
from pointsman.core.values import canonical, replace
from pointsman.ports.clouds import Flag
from pointsman.quorum.outcomes import Agreed, Change, Decline, Declined, NoMajority, Outcome, Unknown
from pointsman.quorum.timing import agreed_time
from pointsman.service.agree import STALE, plan_in
from pointsman.service.deliver import plan_and_time
from pointsman.service.gather import Gathered, Scope, gather, quietly
from pointsman.service.house import House, incident_register
from pointsman.service.journal import Notebook
from pointsman.service.stored import plan_in as plan_held
from pointsman.service.stored import value_in

ATTEMPTS = 4
"""How often the rows are read again when newer ones were decided on meanwhile."""
PAUSE_SECONDS = 0.5
"""How long to wait before that."""


@dataclass(frozen=True, kw_only=True)
class Heeded:
    """An order that is agreed: the plan that a majority holds, whether there was nothing left to do, and what it waits for."""

    plan: Plan
    already: bool = False
    waits_for: tuple[str, ...] = ()
    hints_lost: tuple[str, ...] = ()

    @property
    def epoch(self) -> int:
        """The epoch that it is agreed in."""
        return self.plan.epoch


@dataclass(frozen=True, kw_only=True)
class Stilled:
    """What a freeze or a thaw reached: flags written, and why others were not; the plan, or why it could not be agreed.

    ``still`` says, after a thaw, what freezes all the same; ``complete`` that nothing was missed.
    """

    written: tuple[Cloud, ...]
    missed: dict[Cloud, str]
    heeded: Heeded | None
    unagreed: str = ""
    still: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Say whether everything was reached, and after a thaw nothing freezes any more."""
        return not (self.missed or self.unagreed or self.still)


async def order(house: House, given: Order) -> Heeded:
    """Have an order agreed. Doing the same one twice is doing it once.

    Raises ``Refused`` with why when it is not done (nothing is moved), ``Transient`` when no majority holds it for certain.
    """
    if given.verb is Verb.ACK:
        return await _acknowledge(house, given)
    for _ in range(ATTEMPTS):
        gathered = await gather(house, (), Scope(witness=True))
        heeded = await _agreed(house, gathered, given)
        if heeded is not None:
            return await _told(house, dataclasses.replace(heeded, waits_for=tuple(_waits(house, heeded.plan, given))))
        await house.clock.sleep(PAUSE_SECONDS)
    raise Transient("newer rows kept coming while this was being agreed: order it again")


async def _told(house: House, heeded: Heeded) -> Heeded:
    """Wake the functions that carry it out; their next sweep does without."""
    if heeded.already or house.nudge is None:
        return heeded
    return dataclasses.replace(heeded, hints_lost=await quietly(house.nudge(heeded.plan.fabric, heeded.epoch)))


def _waits(house: House, plan: Plan, given: Order) -> Iterator[str]:
    """Say what is to be known beside "agreed": that a drain is over by now, what is squeezed by a drain and until when it holds, what a return waits for."""
    state = plan.links.get(LinkName(given.target))
    drain = state.drain if state else None
    if given.verb is Verb.DRAIN and drain is not None and drain.until is not None:
        yield outlasted(plan, given) or f"it holds until {drain.until:%FT%TZ}"
        yield from (f"{name} is squeezed by {one.squeezed_by // 10**6} Mbit/s" for name, one in plan.flows.items() if one.squeezed_by)
    if given.verb is Verb.FREEZE and outlasted(plan, given):
        yield outlasted(plan, given)
    if given.verb is Verb.DRAIN and drain is None:
        yield f"{given.target} is not drained: this very drain has ended since, so order it with another key"
    if given.verb is Verb.UNDRAIN and drain is not None:
        since = drain.since + house.fabric_of(plan).policy.hold_down
        yield f"it is returned to once it has been good for the hold-down, not before {since:%FT%TZ}"
        window = state.maintenance if state else None
        if window is not None and not window.away:
            yield f"its maintenance window holds it off until {window.until:%FT%TZ}: pointsman window cancel takes that back"


async def stores_time(house: House) -> datetime:
    """Give the time by the stores, which an order is given at: a person's clock may be wrong. Falls back to the own clock."""
    try:
        reading = await house.registers.read(house.plan_register)
    except Exception:  # noqa: BLE001  a freeze goes on without it, and so does whatever meets the same trouble next and tells it
        return house.clock.now()
    return agreed_time(reading.store_times.values(), house.registers.majority) or house.clock.now()


async def _agreed(house: House, gathered: Gathered, given: Order) -> Heeded | None:
    """Have it agreed on what was gathered; None when newer rows were decided on meanwhile."""
    view = replace(gathered.view, orders=(given,))
    notebook = Notebook(house, view, gathered.now)
    change = _change(house, gathered, view, notebook)
    outcome = await house.registers.change(house.plan_register, change, reading=gathered.reading, ready=notebook.kept)
    if isinstance(outcome, Declined) and outcome.reason == STALE:
        return None
    return _heeded(house.plan_register, outcome, notebook.trouble)


def _change(house: House, gathered: Gathered, view: View, notebook: Notebook) -> Change:
    (given,) = view.orders

    def change(value: str | None) -> str | Decline | None:
        if value is None:
            return Decline(reason="no plan is agreed yet: the first sweep makes one, then order it again")
        held = plan_in(house.current, value, gathered)
        if is_done(held, given):
            return value
        judged = judge(house.fabric_of(held), view, held, gathered.now)
        if isinstance(judged.plan, Refusal):
            return Decline(reason=STALE if judged.plan.stale_view else judged.plan.because)
        if given.key in judged.refused:
            return Decline(reason=judged.refused[given.key])
        return value if judged.plan == held else notebook.enter(held, judged.plan)

    return change


def _heeded(register: str, outcome: Outcome, unkept: str) -> Heeded:
    match outcome:
        case Agreed(value=str(value), changed=changed):
            return Heeded(plan=plan_held(register, value), already=not changed)
        case Declined(reason=reason):
            raise Refused(reason)
        case NoMajority(faults=faults):
            raise Transient("no majority of the stores answers, so nothing is agreed", faults=faults.values())
        case Unknown() if unkept:
            raise Transient(unkept)
        case Unknown():
            raise Transient("it may or may not have been agreed: order it again, which does it once")
        case Agreed():
            raise Transient("the register is empty: look at the stores")


async def still(house: House, given: Order) -> Stilled:
    """Freeze or thaw, wherever that can be reached: the flags of both clouds and the plan, all at once.

    Raises ``Refused`` for an order that lacks something, before anything is written.
    """
    why = unfit(given, max(given.seen_at, house.clock.now()))
    if why:
        raise Refused(why)
    frozen = given.verb is Verb.FREEZE
    note = note_of(ends(given) if frozen else None, by(given))
    plan = asyncio.ensure_future(_agreed_or_why(house, given))
    missed = await _flagged(house, note, frozen=frozen)
    heeded = await plan
    longer = heeded.plan.freeze if isinstance(heeded, Heeded) and frozen and outlasted(heeded.plan, given) else None
    if longer is not None:  # the flags were set at once, and hold as long as the plan does
        missed |= await _flagged(house, note_of(longer.until, f"{longer.author}: {longer.reason}"), frozen=True)
    return Stilled(
        written=tuple(cloud for cloud in house.flags if cloud not in missed),
        missed=missed,
        heeded=heeded if isinstance(heeded, Heeded) else None,
        unagreed=heeded if isinstance(heeded, str) else _outdated(heeded, frozen=frozen),
        still=() if frozen else await _freezing(house, heeded),
    )


def _outdated(heeded: Heeded, *, frozen: bool) -> str:
    """Say that a freeze was carried out before and is over by now; "" when it stands."""
    return "this very freeze was thawed or ended since: order another" if frozen and heeded.already and heeded.plan.freeze is None else ""


async def _flagged(house: House, note: str, *, frozen: bool) -> dict[Cloud, str]:
    """Write every flag at once; gives why not, by the cloud of each that was missed."""
    found = await asyncio.gather(*(_written(flag, note, frozen=frozen) for flag in house.flags.values()))
    return {cloud: why for cloud, why in zip(house.flags, found, strict=True) if why}


async def _written(flag: Flag, note: str, *, frozen: bool) -> str:
    """Write one flag; gives why not, or ""."""
    try:
        await flag.write(frozen, note)
    except Exception as error:  # noqa: BLE001  whatever befalls one flag, the other one and the plan are frozen
        return _why(error)
    return ""


async def _agreed_or_why(house: House, given: Order) -> Heeded | str:
    try:
        return await order(house, given)
    except Exception as error:  # noqa: BLE001  whatever befalls the plan, the flags are set
        return _why(error)


def _why(error: Exception) -> str:
    if isinstance(error, PointsmanError):
        return str(error)
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return f"it failed in a way that is not foreseen ({type(error).__name__}: {error}): give the same command again, and report it"


async def _state(flag: Flag) -> FlagState:
    try:
        return await flag.read()
    except Exception:  # noqa: BLE001  what cannot be read freezes all the same, and is told as that
        return FlagState.UNREADABLE


async def _freezing(house: House, heeded: Heeded | str) -> tuple[str, ...]:
    """Say what freezes after a thaw."""
    flags: Mapping[Cloud, FlagState] = dict(zip(house.flags, await asyncio.gather(*map(_state, house.flags.values())), strict=True))
    said = [f"the freeze flag of {cloud} is {state}" for cloud, state in flags.items() if state is not FlagState.CLEAR]
    freeze = heeded.plan.freeze if isinstance(heeded, Heeded) else None
    return (*said, *((f"the plan is frozen by {freeze.author}: {freeze.reason}",) if freeze else ()))


async def _acknowledge(house: House, given: Order) -> Heeded:
    """Note in an incident's timeline, and at its desks, that somebody has seen it: one of the plan that a majority holds. Raises as ``order`` does."""
    plan, now = await plan_and_time(house)
    if plan is None:
        raise Refused("no plan is agreed yet, so there is no incident")
    if not given.author.strip() or not given.reason.strip():
        raise Refused("an ack needs an author and a reason: give both")
    fabric = house.fabric_of(plan)
    if given.expires_at is not None and now >= given.expires_at:
        raise Refused(f"this ack expired at {given.expires_at:%FT%TZ}: order it again")
    known = {name: (link, epoch) for name, link, epoch, phase in open_incidents(fabric, plan) if phase is Phase.OPEN}
    name = given.target if given.target in known else f"{fabric.name}/{given.target}"
    if name not in known:
        others = f"name one of {', '.join(known)}" if known else "none is open"
        raise Refused(f"there is no open incident {given.target[:80]}: {others}")
    link, epoch = known[name]
    return await _noted(house, fabric, plan, given, (name, link, epoch))


async def _noted(house: House, fabric: Fabric, plan: Plan, given: Order, incident: tuple[str, LinkName, int]) -> Heeded:
    name, link, epoch = incident
    register, text = incident_register(name), f"acknowledged by {by(given)}"

    def change(value: str | None) -> str:
        held = None if value is None else value_in(register, value, Incident)
        return canonical(remarked(fabric, plan, follow(fabric, plan, link, epoch, held), text)).decode()

    match await house.registers.change(register, change):
        case Agreed(changed=changed):
            lost = await quietly(house.post(name)) if changed and house.post else ()
            return Heeded(plan=plan, already=not changed, hints_lost=lost)
        case _:
            raise Transient("it is not certain that a majority of the stores holds it: order it again, which does it once")
