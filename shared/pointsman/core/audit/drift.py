"""Levers that ride BGP, held against the plan: route policies and failover tests. Pins are ``pins``'s."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pointsman.core.audit.commands import rewrite
from pointsman.core.audit.findings import Check, Evidence, Finding, Severity
from pointsman.core.audit.seen import Seen
from pointsman.core.fabric import Fabric, Mode
from pointsman.core.plan import LinkState, Plan
from pointsman.core.steering import FailoverTest, PeerPriority, PrefixListPin, RoutePolicies, Setting, StaticPin
from pointsman.core.wants import is_steered, route_policies

SETTLING = timedelta(minutes=3)
"""How long after a decision its levers may still be on their way: two sweeps and the clouds' own delay."""
SHOWN = 8
"""Stances of one link that are told as evidence."""


def drift(fabric: Fabric, plan: Plan, seen: Seen, now: datetime) -> Iterator[Finding]:
    """Find levers that read otherwise than the plan asks."""
    severity = Severity.NOTE if now - plan.decided_at < SETTLING else Severity.WARNING
    for setting in seen.levers if plan.epoch else ():
        yield from _lever(fabric, plan, setting, severity)


def _lever(fabric: Fabric, plan: Plan, held: Setting, severity: Severity) -> Iterator[Finding]:
    match held:
        case RoutePolicies():
            yield from _policies(fabric, plan, held, severity)
        case FailoverTest(running=True):
            yield from _test(fabric, plan, held, severity)
        case FailoverTest() | PeerPriority() | PrefixListPin() | StaticPin():
            return


def _policies(fabric: Fabric, plan: Plan, held: RoutePolicies, severity: Severity) -> Iterator[Finding]:
    link = fabric.link(held.link)
    asked = route_policies(fabric, plan, link)
    if not is_steered(plan, link) or held == asked:
        return
    yield Finding(
        check=Check.POLICY_DRIFT,
        subject=link.name,
        severity=severity,
        text=f"the route policies of {link.name} are not set as epoch {plan.epoch} asks",
        evidence=(Evidence(side="plan", says=_stances(asked)), Evidence(side="gcp", says=_stances(held))),
        fix=rewrite(fabric, link, asked, held),
        link=link.name,
        swept=True,
    )


def _stances(policies: RoutePolicies) -> str:
    sides = (("import", policies.imports), ("export", policies.exports))
    parts = [f"{side} {one.stance} {one.prefix} (rank {one.rank})" for side, stances in sides for one in stances]
    return ", ".join(parts[:SHOWN]) + (f" and {len(parts) - SHOWN} more" if len(parts) > SHOWN else "") or "every prefix attracted"


def _test(fabric: Fabric, plan: Plan, held: FailoverTest, severity: Severity) -> Iterator[Finding]:
    link = fabric.link(held.link)
    if plan.links.get(link.name, LinkState()).drain is not None:
        return
    interfaces = [member.aws.virtual_interface for member in link.members if member.aws.virtual_interface]
    region = fabric.aws_site(link).region
    stop = "aws directconnect stop-bgp-failover-test --virtual-interface-id"
    yield Finding(
        check=Check.TEST_DRIFT,
        subject=link.name,
        severity=severity,
        text=f"a failover test of ours keeps traffic off {link.name}, which the plan does not drain",
        evidence=(Evidence(side="plan", says="not drained"), Evidence(side="aws", says=f"a test runs on {', '.join(interfaces)}")),
        fix=" && ".join(f"{stop} {one} --region {region}" for one in interfaces),
        link=link.name,
        swept=link.mode is Mode.AUTO,
    )
