"""The level-triggered pass of every minute: look at everything, and make the world equal to the newest plan from any state."""

import asyncio

from pointsman.core.adopting import heartbeats, name_row, others, shared
from pointsman.core.errors import PointsmanError, Transient
from pointsman.core.fabric import Cloud
from pointsman.core.outbox import open_incidents
from pointsman.core.plan import Plan
from pointsman.core.silence import beats_due
from pointsman.core.steering import LeverKind
from pointsman.core.values import replace
from pointsman.service.alone import replay
from pointsman.service.archiving import Filed, archived
from pointsman.service.converge import Report, converge, levers_of
from pointsman.service.deliver import Delivered, agreed_plan, deliver_owed
from pointsman.service.gather import Scope, Target, note
from pointsman.service.house import House
from pointsman.service.journal import countersign
from pointsman.service.repair import repair
from pointsman.service.windows import asked_if_due

AUDIT_EVERY = 60
"""Sweeps (minutes) from one audit of a cloud to its next."""
AUDIT_MINUTE = {Cloud.AWS: 7, Cloud.GCP: 37}
"""In which of them each cloud's functions audit: half of it apart."""
AUDIT_SECONDS = 15.0
"""How long an audit may take beside the rest of its sweep."""
DESKS_SECONDS = 10.0
"""How long a sweep goes on beginning letters to desks; one that is begun has its lease."""


async def sweep(house: House) -> Report:
    """Look at every link, read every row and every lever, decide, repair, and only then see to incidents that still have news.

    No desk is waited for before the world is in line with the plan. Raises ``Transient`` when no majority answers or a lever is busy.
    """
    report = await _converged(house)
    now = report.now or report.began
    beats = beats_due((*heartbeats(house.here, house.fabrics, now), name_row(house.here, house.current, now)), report.stored)
    beside = asyncio.gather(
        note(house, beats),
        countersign(house, report.plan, now),
        replay(house, report.plan, report.stored),
        repair(house, report.plan, now),
        audit_if_due(house, report.plan),
        asked_if_due(house),
    )
    (delivered, filed), (_, doubts, alone, repaired, audit, windows) = await asyncio.gather(_seen_to(house, report.plan), beside)
    report = await _forgotten(house, report, filed.known)
    return replace(
        report,
        by_hand=delivered.by_hand,
        untold=(*(one for one in delivered.trouble if one not in delivered.unread), *delivered.resting),
        doubts=(*doubts, *shared(others(report.stored.values(), house.fabrics, now))),
        alone=alone,
        repaired=repaired,
        audited=audit,
        windows=windows,
        unread=(*delivered.unread, *filed.unread),
    )


async def _converged(house: House) -> Report:
    """Bring the world in line with the newest plan; where that fails the desks hear all the same of what was agreed before."""
    scope = Scope(look=tuple(link.name for link in house.current.links), levers=_levers(house), witness=True)
    try:
        return await converge(house, (), scope)
    except Transient:
        await _deliver_if_owed(house)
        raise


async def _seen_to(house: House, plan: Plan) -> tuple[Delivered, Filed]:
    """Tell the desks, and archive the incidents that every desk knows to be over."""
    delivered = await _deliver_if_owed(house, plan)
    return delivered, await archived(house, delivered.closed)


async def _forgotten(house: House, report: Report, closed: tuple[str, ...]) -> Report:
    """Let the plan forget incidents that every desk knows to be over, now that the archive has them: a pass of its own, once for each."""
    if not closed:
        return report
    after = await converge(house, (), Scope(witness=True), closed=closed)
    return replace(
        report,
        plan=after.plan,
        agreed=report.agreed or after.agreed,
        steps=(*report.steps, *after.steps),
        hints_lost=(*report.hints_lost, *after.hints_lost),
        settled=report.settled and not after.steps,
        again="; ".join(reason for reason in (report.again, after.again) if reason),
        stored=after.stored,
        now=after.now,
    )


def _levers(house: House) -> tuple[Target, ...]:
    """List every lever of this cloud, the pin of each flow that may have one among them: only what was seen is known to be as the plan asks."""
    on_links = levers_of(house, {link.name for link in house.current.links})
    pins: list[Target] = [(LeverKind.PREFIX_LIST_PIN, flow.name) for flow in house.current.flows if flow.aws_prefix_list]
    return tuple(dict.fromkeys((*on_links, *(pin for pin in pins if pin[0] in house.levers))))


async def audit_if_due(house: House, plan: Plan) -> tuple[str, ...]:
    """Audit the own cloud if it is this sweep's turn, once an hour and for so long at most; gives what it newly found, and how much in all."""
    house, now = house.under(plan), house.clock.now()
    hands = house.hands.get(house.current.hash)
    hour, minute = divmod(int(now.timestamp()) // 60, AUDIT_EVERY)
    if hands is None or hands.auditor is None or minute != AUDIT_MINUTE[house.here] or hour in house.audited:
        return ()
    house.audited.append(hour)
    from pointsman.service.audit import Side, audited, newly  # noqa: PLC0415 - once an hour, and never in a reaction

    try:
        async with asyncio.timeout(AUDIT_SECONDS):
            found, _ = await audited(house.current, plan, (Side(cloud=house.here, auditor=hands.auditor(), levers=hands.levers),), now)
    except PointsmanError as error:
        return (f"no audit could be made: {error}",)  # the sweep has done what it is for
    except TimeoutError:
        return (f"the audit was not done within {AUDIT_SECONDS} s: the next is due in an hour",)
    return newly(house.told, found)


async def _deliver_if_owed(house: House, plan: Plan | None = None) -> Delivered:
    """Tell the desks what an earlier hint may have failed to bring about; no trouble of theirs stops the sweep.

    A function that is given none of the fabric's desks leaves them to others; a fabric without desks has incidents to close all the same.
    """
    try:
        plan = plan or await agreed_plan(house)
        if plan is None or not list(open_incidents(house.fabric_of(plan), plan)):
            return Delivered(closed=(), told=0)
        if house.fabric_of(plan).desks and not house.desks:
            return Delivered(closed=(), told=0)
        return await deliver_owed(house, within=DESKS_SECONDS)
    except PointsmanError as error:
        return Delivered(closed=(), told=0, trouble=(str(error),))
