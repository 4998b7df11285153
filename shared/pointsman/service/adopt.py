"""Adopt the next fabric: one agreed order, once both clouds' functions carry it."""

from datetime import datetime

from pointsman.core.adopting import adopted, carried_by, let_go, stranded
from pointsman.core.errors import ConfigError, Refused, Transient
from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.journal import Adoption
from pointsman.core.plan import Plan
from pointsman.quorum.outcomes import Agreed, Change, Decline, Declined, NoMajority, Outcome, Unknown
from pointsman.service.gather import Scope, gather
from pointsman.service.house import House
from pointsman.service.journal import Notebook
from pointsman.service.stored import plan_in


async def adopt(house: House, *, author: str, reason: str, force: bool = False) -> Plan:
    """Let the agreed plan name the next fabric of this artefact.

    Raises ``ConfigError`` when the artefact carries none, ``Refused`` when a cloud's functions do not carry it (unless
    forced) or it would strand something, ``Transient`` when no majority holds it for certain.
    """
    if len(house.fabrics) < 2:  # noqa: PLR2004 - the current and the next
        raise ConfigError("there is no next fabric: set POINTSMAN_FABRIC_NEXT to the file that 'pointsman compile' wrote")
    following = house.fabrics[1]
    gathered = await gather(house, (), Scope(witness=True))
    missing = set(Cloud) - carried_by(gathered.view.rows, following, gathered.now)
    if missing and not force:
        names = " and ".join(sorted(cloud.value for cloud in missing))
        raise Refused(f"the functions on {names} were not seen to carry fabric {following.hash}: deploy them first, or use --force")
    notebook = Notebook(house, gathered.view, gathered.now)
    order = Adoption(author=author, reason=reason, finish=let_go(house.current, following))
    change = _change((house.current, following), gathered.now, order, notebook)
    return _plan_of(
        house.plan_register, await house.registers.change(house.plan_register, change, reading=gathered.reading, ready=notebook.kept)
    )


def _change(fabrics: tuple[Fabric, Fabric], now: datetime, order: Adoption, notebook: Notebook) -> Change:
    current, following = fabrics

    def change(value: str | None) -> str | Decline | None:
        if value is None:
            return Decline(reason="no plan is agreed yet: the first sweep makes one under the current fabric")
        plan = plan_in(f"plan/{current.name}", value)
        refusals = list(stranded(plan, current, following))
        if refusals:
            return Decline(reason="; ".join(refusals))
        next_plan = adopted(plan, following, now, author=order.author, reason=order.reason, finish=order.finish)
        return value if next_plan == plan else notebook.enter(plan, next_plan, order)

    return change


def _plan_of(register: str, outcome: Outcome) -> Plan:
    match outcome:
        case Agreed(value=str(value)):
            return plan_in(register, value)
        case Declined(reason=reason):
            raise Refused(reason)
        case NoMajority(faults=faults) | Unknown(faults=faults):
            raise Transient("it is not certain that a majority of the stores holds it", faults=faults.values())
        case Agreed():
            raise Transient("the register is empty: look at the stores")
