"""Pins, the exception: a static override on a Transit Gateway that beats BGP, and black-holes when its target dies.

A pin is planned only for a path that is broken while its BGP session is up, when no lever that rides BGP works;
to a link with fresh forwarding evidence; and it is dropped from the plan as soon as one of these ends. That no lever
works is a person's word for a pin that was ordered; all else holds for it too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from pointsman.core.case import Case
from pointsman.core.evidence import passing
from pointsman.core.fabric import Cloud, Fabric, Flow, FlowName, Link, LinkName
from pointsman.core.members import lever_key
from pointsman.core.plan import Drain, DrainCause, LinkState, Pin, Placement, Verdict
from pointsman.core.sightings import Aspect, Health, Sighting, Source
from pointsman.core.values import Frozen

PIN_LIFE = timedelta(hours=1)
"""How long a pin may stand before it has to be decided anew."""
OWNER = "pointsman"


def acknowledged(rows: tuple[Sighting, ...], cloud: Cloud, link: LinkName, drain: Drain) -> bool:
    """Say whether a cloud's functions have found their lever on a link set as a drain asks (a row of their own says so)."""
    return acknowledged_at(rows, cloud, link, drain) is not None


def acknowledged_at(rows: tuple[Sighting, ...], cloud: Cloud, link: LinkName, drain: Drain) -> datetime | None:
    """Say when a cloud's functions found their lever on a link set as a drain asks; None when they have not."""
    return draining_at(rows, cloud, link, drain.epoch)


def draining_at(rows: tuple[Sighting, ...], cloud: Cloud, link: LinkName, epoch: int = 0) -> datetime | None:
    """Say when a cloud's functions last found their lever on a link draining, since ``epoch``; None when they have not, or found it open since."""
    return _latest(row for row in _set_since(rows, cloud, link, epoch) if row.health is Health.DRAINING)


def set_at(rows: tuple[Sighting, ...], cloud: Cloud, link: LinkName, epoch: int) -> datetime | None:
    """Say when a cloud's functions last found their lever on a link set as the plan of ``epoch``, or a later one, asks; None when they have not."""
    return _latest(_set_since(rows, cloud, link, epoch))


def _set_since(rows: tuple[Sighting, ...], cloud: Cloud, link: LinkName, epoch: int) -> Iterator[Sighting]:
    return (row for row in _lever_rows(rows, link) if row.vantage == cloud.value and row.value is not None and row.value >= epoch)


def _latest(rows: Iterable[Sighting]) -> datetime | None:
    return max((row.seen_at for row in rows), default=None)


def still_drained(rows: tuple[Sighting, ...], link: LinkName) -> bool:
    """Say whether either cloud last found its lever on a link still draining."""
    return any(row.health is Health.DRAINING for row in _lever_rows(rows, link))


def _lever_rows(rows: tuple[Sighting, ...], link: LinkName) -> Iterator[Sighting]:
    key = lever_key(link)
    return (row for row in rows if row.member == key and row.source is Source.LEVER)


class Pinning(Frozen):
    """The pins that should stand, and per flow why one that could be called for is refused."""

    pins: tuple[Pin, ...]
    refused: dict[FlowName, str]


def pins_for(case: Case, states: Mapping[LinkName, LinkState], flows: Mapping[FlowName, Placement]) -> Pinning:
    """List the pins that should stand: one per flow that left a link which BGP still calls up and nothing else can drain."""
    pins: list[Pin] = []
    refused: dict[FlowName, str] = {}
    for flow in sorted(case.fabric.flows, key=lambda one: (one.priority, one.name)):
        target = flows.get(flow.name, Placement()).link
        if target is None or not _in_question(case, states, flow, target):
            continue
        why = _why_not(case, states[target], case.fabric.link(target), flow, pins)
        if why:
            refused[flow.name] = why
            continue
        pin = _pin(case, states, flow, target)
        pins += [pin] if pin else []
    return Pinning(pins=tuple(pins), refused=refused)


def _in_question(case: Case, states: Mapping[LinkName, LinkState], flow: Flow, target: LinkName) -> bool:
    """Say whether a flow that may be pinned left a link that only Google's policies, or no lever at all, could drain; or a person says so."""
    if flow.aws_prefix_list is None:
        return False
    left = [one for one in takewhile(lambda one: one != target, flow.prefer) if states[one].drain]
    return bool(left) if _ordered(case, flow, target) else any(not _has_interface(case.fabric.link(one)) for one in left)


def _ordered(case: Case, flow: Flow, target: LinkName) -> Pin | None:
    """Give the pin that a person ordered of a flow to a link, while it lasts."""
    standing = (pin for pin in case.plan.pins if pin.flow == flow.name and pin.link == target and pin.owner != OWNER)
    return next((pin for pin in standing if pin.expires_at > case.now), None)


def _why_not(case: Case, state: LinkState, target: Link, flow: Flow, pins: Sequence[Pin]) -> str:
    """Say which of a pin's conditions its target fails; "" when it is healthy, seen to pass, and one attachment carries the flow."""
    if state.verdict is not Verdict.UP or state.drain is not None:
        return f"{target.name} is {'drained' if state.drain else state.verdict}, and a pin to it could lose everything"
    if not passing(case.claims[target.name]):
        return f"no fresh forwarding evidence shows {target.name} passing packets"
    return _too_small(case.fabric, target, flow, pins)


def _pin(case: Case, states: Mapping[LinkName, LinkState], flow: Flow, target: LinkName) -> Pin | None:
    broken = _left_behind(case, states, flow, target)
    if broken is None:
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
        if (
            drain
            and drain.cause is not DrainCause.MAINTENANCE
            and _session_up(case, name)
            and (_ordered(case, flow, target) or not _drainable(case, case.fabric.link(name), drain))
        ):
            return name
    return None


def refusal(case: Case, states: Mapping[LinkName, LinkState], flows: Mapping[FlowName, Placement], pinned: str) -> str:
    """Say why a pin that a person ordered (``FLOW>LINK``) does not stand; "" when it does."""
    name, _, link = pinned.partition(">")
    flow, target = case.fabric.flow(name), LinkName(link)
    pinning = pins_for(case, states, flows)
    if any((pin.flow, pin.link) == (flow.name, target) for pin in pinning.pins):
        return ""
    if flow.aws_prefix_list is None:
        return f"{name} declares no aws_prefix_list to pin it by: declare one and adopt the fabric"
    placed = flows.get(flow.name, Placement()).link
    if placed != target:
        return f"{name} is placed on {placed or 'no path'}: a pin to {link} would part its directions"
    why = pinning.refused.get(flow.name)
    return (
        why or f"no link that {name} prefers to {link} is drained with its BGP up: BGP leads it there, and a pin would only black-hole it"
    )


def _session_up(case: Case, link: LinkName) -> bool:
    return any(row.aspect is Aspect.BGP and row.health is Health.UP for rows in case.claims[link].values() for row in rows)


def _drainable(case: Case, link: Link, drain: Drain) -> bool:
    """Say whether a lever that rides BGP works: AWS's own, or Google's, given until take-over to say so."""
    if _has_interface(link):
        return True
    if not link.has_policies:
        return False
    waiting = case.now < drain.since + case.fabric.policy.takeover_after
    return waiting or acknowledged(case.view.rows, Cloud.GCP, link.name, drain)


def _has_interface(link: Link) -> bool:
    return any(member.aws.virtual_interface for member in link.members)


def _too_small(fabric: Fabric, target: Link, flow: Flow, pins: Sequence[Pin]) -> str:
    """Say why one attachment of the target does not carry the flow; of several, next to the flows already pinned to it."""
    count = len(target.aws.attachments)
    if not count:
        return f"{target.name} declares no attachment to pin to"
    pinned = sum(fabric.flow(pin.flow).demand for pin in pins if pin.link == target.name) if count > 1 else 0
    room = target.capacity // count - pinned
    if room >= flow.demand:
        return ""
    which = "its attachment" if count == 1 else f"one of its {count} attachments"
    return f"{which} has room for {room} of {flow.demand} bit/s"
