"""What both clouds show, in one line, and what an audit makes of it."""

from datetime import timedelta

from pointsman.core.audit.audit import audit
from pointsman.core.audit.findings import Check, Finding
from pointsman.core.audit.seen import Seen
from pointsman.core.fabric import Cloud, Fabric, FlowName, LinkName
from pointsman.core.plan import Drain, DrainCause, LinkState, Pin, Plan, Verdict
from pointsman.core.sightings import Change, Vantage
from pointsman.core.steering import FailoverTest, PrefixStance, RoutePolicies, Stance
from pointsman.core.unforced import Known
from pointsman.core.values import replace
from tests.core.scene import ATLAS, START, Story, seconds

NOW = START + timedelta(hours=1)
IX_A, IX_B = LinkName("ix-a"), LinkName("ix-b")
UNKNOWN = Known()
CHECKOUT_PIN = Pin(flow=FlowName("checkout"), link=IX_B, owner="pointsman", reason="grey", expires_at=NOW + timedelta(minutes=9))


def planned(**change: object) -> Plan:
    return replace(Story().all_healthy(0).decided(1), **change)


def found(seen: Seen, plan: Plan | None = None, start: Fabric = ATLAS, known: Known = UNKNOWN) -> tuple[Finding, ...]:
    """Audit one side, the plan taken for one of the fabric that is audited."""
    return audit(start, replace(plan or planned(), fabric_hash=start.hash), (seen,), NOW, known)


def checks(seen: Seen, plan: Plan | None = None, start: Fabric = ATLAS) -> list[Check]:
    return [one.check for one in found(seen, plan, start)]


def aws(**parts: object) -> Seen:
    return Seen(cloud=Cloud.AWS, **parts)  # type: ignore[arg-type]


def gcp(**parts: object) -> Seen:
    return Seen(cloud=Cloud.GCP, **parts)  # type: ignore[arg-type]


def changed(target: str, **parts: object) -> Seen:
    change = Change(vantage=Vantage.AWS, what="ReplaceTransitGatewayRoute", target=target, seen_at=NOW - seconds(60), who="arn:a/bob")
    return aws(changes=(replace(change, **parts),))


TESTED = FailoverTest(link=IX_A, running=True)
DRAINED = LinkState(verdict=Verdict.DOWN, drain=Drain(cause=DrainCause.OUTAGE, since=START, epoch=2, enactor=Cloud.AWS))


def held_on(name: LinkName) -> RoutePolicies:
    return RoutePolicies(link=name, imports=(PrefixStance(prefix="10.99.0.0/16", stance=Stance.AVOID),))
