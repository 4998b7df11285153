"""What the fabric's single failures would do to its flows, held against what the policy allows."""

from collections.abc import Iterator

from pointsman.core.analysis import Analysis, Failure, Mover, State
from pointsman.core.audit.findings import Check, Evidence, Finding, Severity
from pointsman.core.fabric import Fabric
from pointsman.core.plan import Plan


def capacity(fabric: Fabric, plan: Plan | None = None) -> Iterator[Finding]:
    """Find single failures that the policy forbids the outcome of (warnings), or that leave a flow without a path (notes).

    They are the fabric's, whatever the plan; one of this fabric says what stands on those links now.
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
            show=f"pointsman whatif FABRIC --fail {outcome.failure.name}",
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
