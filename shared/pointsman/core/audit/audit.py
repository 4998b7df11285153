"""All checks in one pass: from the fabric, the agreed plan and what both clouds show, to findings in a fixed order."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from pointsman.core.audit.drift import drift
from pointsman.core.audit.findings import Check, Evidence, Finding, Severity
from pointsman.core.audit.happened import hand_changes, unread
from pointsman.core.audit.matching import mtu, priorities, timers
from pointsman.core.audit.pins import contents, pins
from pointsman.core.audit.seen import Seen
from pointsman.core.audit.standby import standby, unproved
from pointsman.core.audit.windows import maintenance
from pointsman.core.audit.wiring import allowed, wiring
from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.plan import Plan
from pointsman.core.unforced import Known

FINDINGS_LIMIT = 500
"""Findings that one audit lists, the gravest; one more says how many are not: whoever has more has one cause to look for first."""
UNKNOWN = Known()
_ORDER = list(Severity)


def audit(fabric: Fabric, plan: Plan | None, both: Sequence[Seen], now: datetime, known: Known = UNKNOWN) -> tuple[Finding, ...]:
    """Find everything that is not as it should be, the gravest first, each once.

    Without a plan of this very fabric what needs one is left out, and that one of another is agreed is a finding; ``known``
    are both clouds' rows, without which announced windows are the clouds' own word alone and probes prove nothing.
    """
    own = of_fabric(fabric, plan)
    told = [*_all(fabric, own, {seen.cloud: seen for seen in both}, now), *_of_rows(fabric, own, both, now, known)]
    if plan is not None and own is None:
        told.append(_other_fabric(fabric, plan))
    found = {one.id: one for one in sorted(told, key=_weight, reverse=True)}  # of two that are about one thing the graver is kept
    return _listed(fabric, sorted(found.values(), key=lambda one: (_weight(one), one.check, one.subject)))


def of_fabric(fabric: Fabric, plan: Plan | None) -> Plan | None:
    """Give a plan that was made of this very fabric: of another, it says nothing of this one's links and flows."""
    return plan if plan is not None and plan.fabric_hash == fabric.hash else None


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
        yield from unread(fabric, seen, both)
    yield from mtu(fabric, both)


def _of_rows(fabric: Fabric, plan: Plan | None, both: Sequence[Seen], now: datetime, known: Known) -> Iterator[Finding]:
    yield from unproved(fabric, plan, known, now)
    yield from maintenance(fabric, plan, [notice for seen in both for notice in seen.notices], known.rows, now)


def _other_fabric(fabric: Fabric, plan: Plan) -> Finding:
    return Finding(
        check=Check.OTHER_FABRIC,
        subject=fabric.name,
        severity=Severity.WARNING,
        text=f"the agreed plan was made of another fabric than this file, so nothing is held against the plan of epoch {plan.epoch}",
        evidence=(
            Evidence(side="plan", says=f"epoch {plan.epoch} names fabric {plan.fabric_hash}"),
            Evidence(side="fabric", says=f"this file is {fabric.hash}"),
        ),
        decide="give audit the compiled fabric that is adopted, or have this one adopted (pointsman adopt)",
    )


def _listed(fabric: Fabric, found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Give what is listed, the gravest first, and say how many are not."""
    listed, rest = tuple(found[:FINDINGS_LIMIT]), found[FINDINGS_LIMIT:]
    return (*listed, _unlisted(fabric, rest)) if rest else listed


def _unlisted(fabric: Fabric, rest: Sequence[Finding]) -> Finding:
    counted = {check: sum(one.check is check for one in rest) for check in Check}
    return Finding(
        check=Check.UNLISTED,
        subject=fabric.name,
        severity=rest[0].severity,
        text=f"{len(rest)} more findings, none graver than those that are, are not listed: an audit lists {FINDINGS_LIMIT}",
        evidence=(
            Evidence(side="audit", says=", ".join(f"{count} of {check}" for check, count in counted.items() if count)),
            Evidence(side="fabric", says=f"{len(fabric.links)} links, {len(fabric.flows)} flows"),
        ),
        decide="look for one cause of many, mend what is listed, and audit again",
    )
