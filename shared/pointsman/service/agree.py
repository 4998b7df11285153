"""From a view to an agreed plan: decide, write the reasons down, and let a majority of the stores hold it."""

from collections.abc import Awaitable, Callable, Mapping

from pointsman.core.decide import Declined as Refusal
from pointsman.core.decide import first_plan
from pointsman.core.errors import Transient
from pointsman.core.fabric import Fabric
from pointsman.core.modes import NoQuorum
from pointsman.core.plan import Plan
from pointsman.core.values import Frozen
from pointsman.quorum.outcomes import Agreed, Decline, Declined, NoMajority, Outcome, Unknown
from pointsman.service.gather import Gathered
from pointsman.service.house import House
from pointsman.service.journal import Notebook
from pointsman.service.stored import plan_in as plan_held

STALE = "stale view"

Beside = Callable[[Plan, Plan], Awaitable[bool]]
"""Told the plan that was read and what was decided on it, before any store is asked to agree; says whether it acted on that."""


class Agreement(Frozen):
    """The plan a majority holds, and the one that was read ``before``.

    ``changed`` says whether this pass made it; ``stale`` that rows must be read again first.
    """

    plan: Plan
    before: Plan
    changed: bool = False
    stale: bool = False


def plan_in(fabric: Fabric, value: str | None, gathered: Gathered) -> Plan:
    """Read the plan a register holds; before the first decision that is the empty one. Raises ``ValueUnreadable`` on a newer version's plan."""
    if value is None:
        return first_plan(fabric, gathered.now)
    return plan_held(f"plan/{fabric.name}", value)


async def agree(house: House, gathered: Gathered, beside: Beside | None = None) -> Agreement:
    """Decide on what was gathered and have the outcome agreed. Raises ``Transient`` when no majority holds it for certain.

    Once ``beside`` has acted on the plan that was read, the outcome is agreed on that plan or not at all: any other is stale.
    """
    held = plan_in(house.current, gathered.reading.value, gathered)
    if not gathered.reading.reached:
        raise _no_quorum(gathered.reading.faults)
    decided = house.rules.decide(house.fabric_of(held), gathered.view, held, gathered.now)
    if isinstance(decided, Refusal):
        return _refused(decided, held)
    if decided == held and gathered.reading.confirmed:
        return Agreement(plan=held, before=held)
    bound = beside is not None and await beside(held, decided)
    outcome, unkept = await _change(house, gathered, decided, bound=bound)
    match outcome:
        case Agreed(value=value, changed=changed):
            return Agreement(plan=plan_in(house.current, value, gathered), before=held, changed=changed)
        case Declined(reason=reason):
            return _refused(Refusal(stale_view=reason == STALE, because=reason), held)
        case NoMajority(faults=faults):
            raise _no_quorum(faults)
        case Unknown() if unkept:
            raise Transient(unkept)
        case Unknown():
            raise Transient("the plan may or may not have been agreed: it is read again when the event is delivered again")


def _no_quorum(faults: Mapping[str, str]) -> NoQuorum:
    return NoQuorum("no majority of the stores answers, so nothing is decided", faults=faults.values())


def _refused(refusal: Refusal, held: Plan) -> Agreement:
    if refusal.stale_view:
        return Agreement(plan=held, before=held, stale=True)
    raise Transient(refusal.because)


async def _change(house: House, gathered: Gathered, expected: Plan, *, bound: bool) -> tuple[Outcome, str]:
    """Decide on the value that the prepare finds, for that is the one the decision stands on; ``expected`` is what was decided on the reading.

    When ``bound`` nothing is decided on any other value; the own one, should an earlier accept have got through, stands.

    The entry of what was decided on the reading is kept beside the prepare, and any accept waits for its own. Gives
    the outcome, and why the last entry could not be kept ("" when it was).
    """
    notebook = Notebook(house, gathered.view, gathered.now)

    made: dict[str | None, str | Decline | None] = {}

    def change(value: str | None) -> str | Decline | None:
        if value not in made:
            made[value] = made_of(value)
        return made[value]

    def made_of(value: str | None) -> str | Decline | None:
        held = plan_in(house.current, value, gathered)
        as_read = value == gathered.reading.value
        if bound and not as_read:
            return value if value is not None and value in notebook else Decline(reason=STALE)
        decided = expected if as_read else house.rules.decide(house.fabric_of(held), gathered.view, held, gathered.now)
        if isinstance(decided, Refusal):
            return Decline(reason=STALE if decided.stale_view else decided.because)
        return value if decided == held else notebook.enter(held, decided)

    proposal = change(gathered.reading.value)
    if isinstance(proposal, str):
        notebook.begin(proposal)
    outcome = await house.registers.change(house.plan_register, change, reading=gathered.reading, ready=notebook.kept)
    return outcome, notebook.trouble
