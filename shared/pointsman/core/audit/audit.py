"""All checks in one pass: from the fabric, the agreed plan and what both clouds show, to findings in a fixed order."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from pointsman.core.analysis import Analysis, Failure, Mover, State
from pointsman.core.audit.drift import drift
from pointsman.core.audit.findings import Check, Evidence, Finding, Severity
from pointsman.core.audit.happened import hand_changes, maintenance, unread
from pointsman.core.audit.matching import mtu, priorities, timers
from pointsman.core.audit.pins import contents, pins
from pointsman.core.audit.seen import Seen
from pointsman.core.audit.wiring import allowed, standby, wiring
from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.plan import Plan

FINDINGS_LIMIT = 500
"""Findings that one audit gives, the gravest; whoever has more has one cause to look for first."""
_ORDER = list(Severity)


def audit(fabric: Fabric, plan: Plan | None, both: Sequence[Seen], now: datetime) -> tuple[Finding, ...]:
    """Find everything that is not as it should be, the gravest first, each once. Without a plan what needs one is left out."""
    told = sorted(_all(fabric, plan, {seen.cloud: seen for seen in both}, now), key=_weight, reverse=True)
    found = {finding.id: finding for finding in told}  # of two that are about one thing the graver is kept
    return tuple(sorted(found.values(), key=lambda one: (_weight(one), one.check, one.subject))[:FINDINGS_LIMIT])


def _weight(finding: Finding) -> int:
    return _ORDER.index(finding.severity)


def _all(fabric: Fabric, plan: Plan | None, both: Mapping[Cloud, Seen], now: datetime) -> Iterator[Finding]:
    for seen in both.values():
        if plan is not None:
            yield from drift(fabric, plan, seen, now)
            yield from pins(fabric, plan, seen, now)
        for check in (wiring, allowed, timers, priorities):
            yield from check(fabric, seen)
        yield from standby(fabric, plan, seen)
        yield from contents(fabric, plan, seen)
        yield from hand_changes(fabric, plan, seen, now)
        yield from maintenance(fabric, plan, seen, now)
        yield from unread(fabric, seen, both)
    yield from mtu(fabric, both)


def capacity(fabric: Fabric, plan: Plan | None = None) -> Iterator[Finding]:
    """Find single failures that the policy forbids the outcome of (warnings), or that leave a flow without a path (notes).

    They are the fabric's, whatever the plan; it says what stands on those links now.
    """
    for outcome in Analysis(fabric).outcomes(1):
        if not outcome.breaks and not outcome.after.unplaced:
            continue
        lost = f"{', '.join(outcome.after.unplaced)} left without a path"
        yield Finding(
            check=Check.CAPACITY,
            subject=outcome.failure.name,
            severity=Severity.WARNING if outcome.breaks else Severity.NOTE,
            text=f"if {outcome.failure.name} fails: {outcome.breaks or lost}",
            evidence=(
                Evidence(side="fabric", says=f"survive.n_1: {fabric.policy.survive.n_1}"),
                *_waiting(outcome.after),
                *_now(plan, outcome.failure),
            ),
            fix=f"pointsman whatif FABRIC --fail {outcome.failure.name}",
        )


def _waiting(after: State) -> Iterator[Evidence]:
    """Say which moves are taken for made that deciding does not make by itself."""
    for mover, what in ((Mover.WORD, "moved once a person approves"), (Mover.BGP, "moved by BGP alone, once the link is cut")):
        if flows := after.moved_by(mover):
            yield Evidence(side="fabric", says=f"{', '.join(flows)} {what}")


def _now(plan: Plan | None, failure: Failure) -> tuple[Evidence, ...]:
    if plan is None:
        return ()
    on = ", ".join(name for name, placed in plan.flows.items() if placed.link in failure.links)
    return (Evidence(side="plan", says=f"at epoch {plan.epoch} {on or 'no flow'} on {', '.join(failure.links)}"),)
