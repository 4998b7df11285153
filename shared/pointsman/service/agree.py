"""From a view to an agreed plan: decide, write the reasons down, and let a majority of the stores hold it."""

import asyncio
import contextlib
from dataclasses import dataclass

import msgspec

from pointsman.core.decide import Declined as Refusal
from pointsman.core.decide import decide, first_plan
from pointsman.core.errors import Transient
from pointsman.core.fabric import Fabric
from pointsman.core.plan import Plan, View
from pointsman.core.values import Frozen, canonical, digest, parse
from pointsman.ports.stores import StoreDown, StoreUnsure
from pointsman.quorum.outcomes import Agreed, Decline, Declined, NoMajority, Outcome, Unknown
from pointsman.service.gather import Gathered
from pointsman.service.house import House

STALE = "stale view"


class Entry(Frozen):
    """One decision with its inputs, as the journal keeps it: enough to decide it again."""

    fabric_hash: str
    before: Plan
    view: View
    now: str
    plan: Plan


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The plan a majority holds, and the one that was read ``before``.

    ``changed`` says whether this pass made it; ``stale`` that rows must be read again first.
    """

    plan: Plan
    before: Plan
    changed: bool = False
    stale: bool = False


def plan_in(fabric: Fabric, value: str | None, gathered: Gathered) -> Plan:
    """Read the plan a register holds; before the first decision that is the empty one. Raises ``Transient`` on a newer version's plan."""
    if value is None:
        return first_plan(fabric, gathered.now)
    try:
        return parse(value, Plan)
    except msgspec.DecodeError as error:
        raise Transient("the agreed plan was written by a newer version: deploy that version here") from error


async def agree(house: House, gathered: Gathered) -> Agreement:
    """Decide on what was gathered and have the outcome agreed. Raises ``Transient`` when no majority holds it for certain."""
    held = plan_in(house.current, gathered.reading.value, gathered)
    decided = decide(house.fabric_of(held), gathered.view, held, gathered.now)
    if isinstance(decided, Refusal):
        return _refused(decided, held)
    if decided == held and gathered.reading.confirmed:
        return Agreement(plan=held, before=held)
    _, outcome = await asyncio.gather(_journal(house, gathered, held, decided), _change(house, gathered))
    match outcome:
        case Agreed(value=value, changed=changed):
            plan = plan_in(house.current, value, gathered)
            if changed and plan != decided:
                await _journal(house, gathered, plan_in(house.current, outcome.previous, gathered), plan)
            return Agreement(plan=plan, before=held, changed=changed)
        case Declined(reason=reason):
            return _refused(Refusal(stale_view=reason == STALE, because=reason), held)
        case NoMajority(faults=faults):
            raise Transient("no majority of the stores answers, so nothing is decided: " + "; ".join(faults.values()))
        case Unknown():
            raise Transient("the plan may or may not have been agreed: it is read again when the event is delivered again")


def _refused(refusal: Refusal, held: Plan) -> Agreement:
    if refusal.stale_view:
        return Agreement(plan=held, before=held, stale=True)
    raise Transient(refusal.because)


async def _change(house: House, gathered: Gathered) -> Outcome:
    """Decide again on the value that the prepare finds: that is the one the decision stands on."""

    def change(value: str | None) -> str | Decline | None:
        held = plan_in(house.current, value, gathered)
        decided = decide(house.fabric_of(held), gathered.view, held, gathered.now)
        if isinstance(decided, Refusal):
            return Decline(reason=STALE if decided.stale_view else decided.because)
        return value if decided == held else canonical(decided).decode()

    return await house.registers.change(house.plan_register, change, reading=gathered.reading)


async def _journal(house: House, gathered: Gathered, before: Plan, plan: Plan) -> None:
    """Keep a decision's inputs and outcome under their digest; a journal that can't be reached never stops a reaction."""
    if plan == before:
        return
    entry = canonical(Entry(fabric_hash=plan.fabric_hash, before=before, view=gathered.view, now=gathered.now.isoformat(), plan=plan))
    with contextlib.suppress(StoreDown, StoreUnsure):
        await house.journal.put_entry(digest(entry), entry)
