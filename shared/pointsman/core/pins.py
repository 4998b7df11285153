"""Pins, the exception: a static override on a Transit Gateway that beats BGP, and black-holes when its target dies.

A pin is planned only for a path that is broken while its BGP session is up, when no lever that rides BGP works;
to a link with fresh forwarding evidence; and it is dropped from the plan as soon as one of these ends.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from pointsman.core.case import Case
from pointsman.core.evidence import passing
from pointsman.core.fabric import Cloud, Fabric, Flow, FlowName, Link, LinkName
from pointsman.core.members import lever_key
from pointsman.core.plan import Drain, LinkState, Pin, Placement, Verdict
from pointsman.core.sightings import Aspect, Health, Sighting, Source

PIN_LIFE = timedelta(hours=1)
"""How long a pin may stand before it has to be decided anew."""
OWNER = "pointsman"


def acknowledged(rows: tuple[Sighting, ...], cloud: Cloud, link: LinkName, drain: Drain) -> bool:
    """Say whether a cloud's functions have found their lever on a link set as a drain asks (a row of their own says so)."""
    return acknowledged_at(rows, cloud, link, drain) is not None


def acknowledged_at(rows: tuple[Sighting, ...], cloud: Cloud, link: LinkName, drain: Drain) -> datetime | None:
    """Say when a cloud's functions found their lever on a link set as a drain asks; None when they have not."""
    own = (row for row in _lever_rows(rows, link) if row.vantage == cloud.value)
    asked = (row for row in own if row.value is not None and row.value >= drain.epoch and row.health is Health.DRAINING)
    return max((row.seen_at for row in asked), default=None)


def still_drained(rows: tuple[Sighting, ...], link: LinkName) -> bool:
    """Say whether either cloud last found its lever on a link still draining."""
    return any(row.health is Health.DRAINING for row in _lever_rows(rows, link))


def _lever_rows(rows: tuple[Sighting, ...], link: LinkName) -> Iterator[Sighting]:
    key = lever_key(link)
    return (row for row in rows if row.member == key and row.source is Source.LEVER)


def pins_for(case: Case, states: Mapping[LinkName, LinkState], flows: Mapping[FlowName, Placement]) -> tuple[Pin, ...]:
    """List the pins that should stand: one per flow that left a link which BGP still calls up and nothing else can drain."""
    pins: list[Pin] = []
    for flow in sorted(case.fabric.flows, key=lambda one: (one.priority, one.name)):
        target = flows.get(flow.name, Placement()).link
        if target is None or not _fits(case.fabric, flow, target, pins):
            continue
        pin = _pin(case, states, flow, target)
        pins += [pin] if pin else []
    return tuple(pins)


def _pin(case: Case, states: Mapping[LinkName, LinkState], flow: Flow, target: LinkName) -> Pin | None:
    broken = _left_behind(case, states, flow, target)
    if broken is None or not _may_pin(case, states[target], flow, target):
        return None
    for pin in case.plan.pins:
        if pin.flow == flow.name and pin.link == target and pin.expires_at > case.now:
            return pin
    reason = f"{broken} is broken while its BGP is up"
    return Pin(flow=flow.name, link=target, owner=OWNER, reason=reason, expires_at=case.now + PIN_LIFE)


def _left_behind(case: Case, states: Mapping[LinkName, LinkState], flow: Flow, target: LinkName) -> LinkName | None:
    """Name the link that a flow prefers to its target, that is drained with its BGP up, and that no lever riding BGP drains.

    A broken link that comes after the target leaves the target BGP's own choice, which is never pinned.
    """
    for name in takewhile(lambda one: one != target, flow.prefer):
        drain = states[name].drain
        if drain and _session_up(case, name) and not _drainable(case, case.fabric.link(name), drain):
            return name
    return None


def _session_up(case: Case, link: LinkName) -> bool:
    return any(row.aspect is Aspect.BGP and row.health is Health.UP for rows in case.claims[link].values() for row in rows)


def _drainable(case: Case, link: Link, drain: Drain) -> bool:
    """Say whether a lever that rides BGP works: AWS's own, or Google's, given until take-over to say so."""
    if any(member.aws.virtual_interface for member in link.members):
        return True
    if not (link.gcp.import_policy and link.gcp.export_policy):
        return False
    waiting = case.now < drain.since + case.fabric.policy.takeover_after
    return waiting or acknowledged(case.view.rows, Cloud.GCP, link.name, drain)


def _may_pin(case: Case, state: LinkState, flow: Flow, target: LinkName) -> bool:
    """Check a pin's conditions: a declared prefix list, and a healthy target with forwarding evidence."""
    healthy = state.verdict is Verdict.UP and state.drain is None
    return flow.aws_prefix_list is not None and healthy and passing(case.claims[target])


def _fits(fabric: Fabric, flow: Flow, target: LinkName, pins: Sequence[Pin]) -> bool:
    """Say whether one attachment of the target carries the flow; of several, next to the flows already pinned to it."""
    link = fabric.link(target)
    if not link.aws.attachments:
        return False
    several = len(link.aws.attachments) > 1
    pinned = sum(fabric.flow(pin.flow).demand for pin in pins if pin.link == target) if several else 0
    return link.capacity // len(link.aws.attachments) >= pinned + flow.demand
