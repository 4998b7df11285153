"""The chain of decisions as a reader finds it: from the agreed plan back through the journal, as far as somebody needs it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from pointsman.core.errors import ConfigError, Refused, Transient
from pointsman.core.journal import KEPT, Entry, plan_of
from pointsman.core.plan import Plan
from pointsman.core.values import Frozen, canonical, parse
from pointsman.ports.stores import Entries
from pointsman.quorum.reading import Reading
from pointsman.quorum.sealing import seal_in
from pointsman.service.journal import find_in, in_time
from pointsman.service.repair import survey
from pointsman.service.status import Table

WALK_LIMIT = 1_000
"""Decisions that one walk reads at most."""


class Ending(StrEnum):
    """Why a walk ended."""

    NOTHING = "no plan is agreed yet"
    FIRST = "this was the first decision"
    ENOUGH = "older decisions were not asked for"
    LIMIT = "older decisions are further back than one walk goes"
    EXPIRED = "older entries have expired"
    MISSING = "the next older entry is in no store"
    DARK = "the next older entry may be in a store that cannot be read"
    SPOILED = "the next older entry cannot be gone by"


class Decision(Frozen):
    """One agreed plan with the entry that it names."""

    plan: Plan
    entry: Entry


class Head(Frozen):
    """The newest plan, None before the first; ``settled`` says that a majority holds it, ``at`` is the stores' time."""

    plan: Plan | None
    settled: bool
    at: datetime


class Chain(Frozen):
    """What a walk found, newest first. ``settled`` says that a majority holds ``head``, ``at`` is the stores' time; ``says`` adds to why it ended."""

    head: Plan | None
    settled: bool
    at: datetime
    decisions: tuple[Decision, ...] = ()
    ended: Ending = Ending.NOTHING
    says: str = ""


async def decisions(table: Table, enough: Callable[[Decision], bool], *, limit: int = WALK_LIMIT, head: Head | None = None) -> Chain:
    """Walk back from the agreed plan, or from the ``head`` that was read, until ``enough`` says so of a decision, which is the last that is given.

    Raises ``Transient`` when no majority of the stores answers, ``ConfigError`` when what they hold is not for this file or version.
    """
    head = head or await newest(table)
    found: list[Decision] = []
    ended, says = await _walk(table, head, enough, limit, found)
    return Chain(head=head.plan, settled=head.settled, at=head.at, decisions=tuple(found), ended=ended, says=says)


async def newest(table: Table) -> Head:
    """Read the newest plan, whether a majority holds it, and the stores' time. Raises as ``decisions`` does."""
    reading = await survey(table.registers, f"plan/{table.fabric.name}")
    return Head(plan=_plan_in(reading), settled=reading.confirmed, at=table.time(reading))


def _plan_in(reading: Reading) -> Plan | None:
    if not reading.reached:
        raise Transient("no majority of the stores answers", faults=reading.faults.values())
    seal = seal_in(reading.value)
    if seal is not None:
        raise ConfigError(f"the plan was moved to stores {seal.to}: name the fabric that declares them")
    try:
        return None if reading.value is None else parse(reading.value, Plan)
    except msgspec.DecodeError as error:
        raise ConfigError("the plan was written by a newer version: use that version here") from error


async def _walk(table: Table, head: Head, enough: Callable[[Decision], bool], limit: int, found: list[Decision]) -> tuple[Ending, str]:
    plan, journals = head.plan, in_time(table.stores.values())
    for _ in range(limit):
        if plan is None or not plan.epoch:
            return (Ending.NOTHING if plan is None else Ending.FIRST), ""
        step = await _step(journals, plan, head.at)
        if not isinstance(step, Decision):
            return step
        found.append(step)
        if enough(step):
            return Ending.ENOUGH, ""
        plan = step.entry.before
    return Ending.LIMIT, ""


async def _step(journals: Sequence[Entries], plan: Plan, now: datetime) -> Decision | tuple[Ending, str]:
    """Find the entry of one plan, or say why there is none to go by."""
    if not plan.entry:
        return Ending.MISSING, f"epoch {plan.epoch} was agreed by something that keeps no journal"
    try:
        found = await find_in(journals, plan.entry)
    except Refused as error:
        return Ending.SPOILED, str(error)
    if found.entry is None:
        return _absent(plan, now, found.dark)
    if canonical(plan_of(plan.entry, found.entry)) != canonical(plan):
        return Ending.SPOILED, f"entry {plan.entry} holds another plan than epoch {plan.epoch} that was agreed"
    return Decision(plan=plan, entry=found.entry)


def _absent(plan: Plan, now: datetime, dark: tuple[str, ...]) -> tuple[Ending, str]:
    where = f"epoch {plan.epoch} of {plan.decided_at:%FT%TZ}"
    if dark:
        return Ending.DARK, f"{where}: {'; '.join(dark)}"
    if now - plan.decided_at >= KEPT:
        return Ending.EXPIRED, f"{where}: entries are kept for {KEPT.days} days"
    return Ending.MISSING, f"{where}: run 'pointsman verify'"
