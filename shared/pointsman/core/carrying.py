"""The last thing to prove of a lever that was set: that packets pass where its flows are now."""

from collections.abc import Mapping
from datetime import datetime

from pointsman.core.claims import Claims
from pointsman.core.evidence import PROBES, passing
from pointsman.core.fabric import Fabric, FlowName, LinkName
from pointsman.core.plan import Plan
from pointsman.core.sightings import Health
from pointsman.core.steering import FailoverTest, Level, PeerPriority, PrefixListPin, RoutePolicies, Setting, StaticPin, Verified


def carried(fabric: Fabric, plan: Plan, setting: Setting, claims: Mapping[LinkName, Claims], since: datetime) -> Verified:
    """Raise a setting that was proved effective at ``since`` to carried, or say what is missing. ``claims`` are the fresh ones.

    Every flow that the lever moves must be on a link over which a probe has answered since the proof, and of which no fresh
    forwarding evidence says down: what was seen before does not tell how the link does with the flow on it.
    """
    links = sorted(_links_now(fabric, plan, setting))
    if not links:
        return Verified(level=Level.EFFECTIVE, missing="no flow that this lever moves is on any link")
    for name in links:
        seen = [row.seen_at for said in claims[name].values() for row in said if row.vantage in PROBES and row.health is Health.UP]
        if not seen or not passing(claims[name]):
            return Verified(level=Level.EFFECTIVE, missing=f"no fresh probe says that packets pass over {name}: look at its probers")
        if max(seen) <= since:
            return Verified(level=Level.EFFECTIVE, missing=f"no probe over {name} has been heard of since the proof: wait for the next")
    return Verified(level=Level.CARRIED)


def _links_now(fabric: Fabric, plan: Plan, setting: Setting) -> set[LinkName]:
    """Name the links on which the flows that a lever moves are now."""
    found = (plan.flows.get(name) for name in _flows(fabric, setting))
    return {one.link for one in found if one is not None and one.link is not None}


def _flows(fabric: Fabric, setting: Setting) -> list[FlowName]:
    match setting:
        case RoutePolicies(link=link) | FailoverTest(link=link) | PeerPriority(link=link):
            return [flow.name for flow in fabric.flows if link in flow.prefer]
        case PrefixListPin(flow=flow) | StaticPin(flow=flow):
            return [flow]
