"""How the values of a register go on from one another: nothing that a majority held is lost by what it held next.

Every value is made from the one before it, so that what holds from step to step holds between any two that a majority held,
also when a value in between never had a majority of its own.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from pointsman.core.alone import DEEDS_KEPT, Deed, Diary
from pointsman.core.alone import Phase as DeedPhase
from pointsman.core.archive import Archive
from pointsman.core.incidents import Incident, Letter, Phase
from pointsman.core.outbox import TIMELINE_KEPT
from pointsman.core.plan import read_plan
from pointsman.core.values import digest, parse
from pointsman.testing.simulation.agreed import Record
from pointsman.testing.simulation.evidence import Accepted

Findings = Iterator[str]


def plans_outside_the_chain(record: Record) -> Findings:
    """Say which plan a majority held that the newest one is not built on: another plan has its epoch, or nothing has."""
    epochs = {plan.epoch for plan in record.plans}
    for row in record.rows:
        if row.at is not None and digest(row.value.encode()) not in record.chain:
            epoch = read_plan(row.value).epoch
            why = "another plan of that epoch is in the newest one's chain" if epoch in epochs else "nothing was built on it"
            yield f"a majority held epoch {epoch} at {row.at:.1f} s with ballot {row.ballot}, and {why}"


def values_that_lose_something(record: Record) -> Findings:
    """Say what a value of an incident, an archive or a diary lost of the one that a majority held before it.

    A diary is in the own store alone: whatever that accepted was agreed. That epochs don't fall is not asked of a timeline,
    since a teller that read the plan before another may well tell after it.
    """
    for register, rows in (*record.chosen.items(), *_diaries(record)):
        goes_on = next((one for prefix, one in _GOING_ON.items() if register.startswith(prefix)), None)
        if goes_on is not None:
            for before, after in pairwise(rows):
                if before.value != after.value:
                    yield from (f"{register} at {after.first:.1f} s: {lost}" for lost in goes_on(before.value, after.value))


def _diaries(record: Record) -> Iterator[tuple[str, list[Accepted]]]:
    found: dict[str, list[Accepted]] = {}
    for row in record.evidence.accepted:
        if row.register.startswith("alone/"):
            found.setdefault(row.register, []).append(row)
    for register, rows in found.items():
        yield register, sorted(rows, key=lambda row: row.ballot)


def _incident(one: str, other: str) -> Findings:
    before, after = parse(one, Incident), parse(other, Incident)
    if (before.id, before.opened_at) != (after.id, after.opened_at):
        yield f"{before.id} of {before.opened_at} became {after.id} of {after.opened_at}"
    if before.phase is Phase.RESOLVED and (after.phase, after.resolved_at) != (before.phase, before.resolved_at):
        yield f"it was over at {before.resolved_at}, and is {after.phase}"
    gone = {ticket.desk for ticket in before.tickets} - {ticket.desk for ticket in after.tickets}
    if gone:
        yield f"the tickets of {sorted(gone)} are lost"
    if not _is_buried(before, after):
        yield from _told_less(before, after)


def _is_buried(before: Incident, after: Incident) -> bool:
    """Say whether what is left is a tombstone, which an incident may become once it is over and every letter was told."""
    told = before.phase is Phase.RESOLVED and all(letter.done for letter in before.outbox)
    return told and not after.outbox and len(after.timeline) == 1


def _told_less(before: Incident, after: Incident) -> Findings:
    if len(after.timeline) < TIMELINE_KEPT and after.timeline[: len(before.timeline)] != before.timeline:
        yield f"its timeline of {len(before.timeline)} moments became another one of {len(after.timeline)}"
    for number, letter in enumerate(before.outbox):
        if number >= len(after.outbox):
            yield f"letter {letter.serial} to {letter.desk} is lost"
        elif not _goes_on(letter, after.outbox[number]):
            yield f"letter {letter.serial} to {letter.desk} became {after.outbox[number]}"


def _goes_on(before: Letter, after: Letter) -> bool:
    same = (before.serial, before.desk, before.ask, before.summary) == (after.serial, after.desk, after.ask, after.summary)
    return same and after.attempts >= before.attempts and (after.done or not before.done)


def _archive(one: str, other: str) -> Findings:
    before, after = (parse(value, Archive).closed for value in (one, other))
    kept = [closed for closed in before if closed in after]
    if list(after[: len(kept)]) != kept:
        yield f"{[closed.incident for closed in before]} became {[closed.incident for closed in after]}"


def _diary(one: str, other: str) -> Findings:
    before, after = (parse(value, Diary).deeds for value in (one, other))
    kept = {deed.by: deed for deed in after}
    for deed in before[len(after) == DEEDS_KEPT :]:
        now = kept.get(deed.by)
        if now is None and deed.phase is not DeedPhase.CLAIMED:
            yield f"what was {deed.phase} to {deed.link} at {deed.at} is lost"
        if now is not None and not _noted_on(deed, now):
            yield f"{deed} became {now}"


def _noted_on(before: Deed, after: Deed) -> bool:
    same = (before.at, before.link, before.setting, before.entry) == (after.at, after.link, after.setting, after.entry)
    return same and (after.told or not before.told) and (before.phase is after.phase or before.phase is DeedPhase.CLAIMED)


_GOING_ON: Mapping[str, Callable[[str, str], Findings]] = {"incident/": _incident, "archive/": _archive, "alone/": _diary}
