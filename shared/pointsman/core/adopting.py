"""Moving a plan from one fabric to the next: one agreed order, refused while it would strand something."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from pointsman.core.fabric import Cloud, Fabric, Flow, Link, LinkName, Mode
from pointsman.core.plan import LinkState, Pin, Plan, Reason
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.core.silence import ARTEFACT, SILENT_AFTER
from pointsman.core.steering import Stance
from pointsman.core.values import canonical, digest, replace
from pointsman.core.versions import DECIDER, handover
from pointsman.core.wants import is_steered, route_policies

HEARTBEAT_FRESH = SILENT_AFTER
"""How old a heartbeat may be and still show what a cloud's functions carry: a few sweeps."""

SHARED_FOR = timedelta(days=1)
"""How long after its last sweep another fabric still counts as using the same stores."""
_NAME = "fabric/"
"""Beginning of the member of the row that names whose rows these are."""


def heartbeat_key(fabric_hash: str) -> str:
    """Name the row in which a cloud's functions say that their artefact carries a fabric."""
    return f"{ARTEFACT}{fabric_hash}"


def heartbeats(here: Cloud, fabrics: Iterable[Fabric], now: datetime) -> tuple[Sighting, ...]:
    """Say which fabrics a function's artefact carries."""
    return tuple(_row(here, heartbeat_key(fabric.hash), now) for fabric in fabrics)


def name_row(here: Cloud, fabric: Fabric, now: datetime) -> Sighting:
    """Say whose rows these are: those of two fabrics in one set of stores cannot be told apart by anything else."""
    return _row(here, f"{_NAME}{fabric.name}", now)


def others(rows: Iterable[Sighting], fabrics: Iterable[Fabric], now: datetime) -> tuple[str, ...]:
    """Name the fabrics besides ours whose functions keep their rows in the same stores."""
    ours = {f"{_NAME}{fabric.name}" for fabric in fabrics}
    found = {row.member for row in rows if row.member.startswith(_NAME) and now - row.seen_at <= SHARED_FOR}
    return tuple(sorted(member.removeprefix(_NAME) for member in found - ours))


def shared(names: Iterable[str]) -> tuple[str, ...]:
    """Say what is wrong with other fabrics in the same stores, and what to do."""
    told = "keeps its rows in these stores too, so that functions of one that are dead pass for alive: give each fabric stores of its own"
    return tuple(f"fabric {name} {told}" for name in names)


def _row(here: Cloud, member: str, now: datetime) -> Sighting:
    return Sighting(
        vantage=Vantage(here.value),
        member=member,
        source=Source.LEVER,
        aspect=Aspect.CAPACITY,
        health=Health.UP,
        seen_at=now,
        cause=Cause.OPERATIONAL,
    )


def carried_by(rows: Iterable[Sighting], fabric: Fabric, now: datetime) -> frozenset[Cloud]:
    """List the clouds whose functions were lately seen to carry a fabric."""
    fresh = (row for row in rows if row.member == heartbeat_key(fabric.hash) and now - row.seen_at <= HEARTBEAT_FRESH)
    return frozenset(Cloud(row.vantage.value) for row in fresh if row.vantage.value in set(Cloud))


def stranded(plan: Plan, current: Fabric, following: Fabric) -> Iterator[str]:
    """Say what the next fabric would strand: a pin, a drain or an open incident of something it no longer has, or a drop nobody would end."""
    if plan.fabric_hash == following.hash:
        return
    links = {link.name for link in following.links}
    observed = {link.name for link in following.links if link.mode is Mode.OBSERVE}
    for pin in plan.pins:
        yield from _forgotten(pin, current, following)
    for name, state in plan.links.items():
        if name not in links and (state.drain is not None or state.down_since_epoch is not None or state.closing):
            yield f"{name} is drained or has an incident that is not over: keep it in the fabric until it is"
    for name in sorted(observed):
        if plan.links.get(name, LinkState()).drain is not None:
            yield f"{name} is drained, and in mode observe nothing would let traffic in again: let the drain end first"
    for link in current.links:
        if (
            (link.name in observed or link.name not in links)
            and link.has_policies
            and is_steered(plan, link)
            and _drops(current, plan, link)
        ):
            yield f"{link.name} drops prefixes of a flow that is on a VPN, and nothing would offer them again: let the flow return first"


def _forgotten(pin: Pin, current: Fabric, following: Fabric) -> Iterator[str]:
    """Say why nobody would take a pin away: its lever looks in the places, and for the attachments, that its fabric declares."""
    attachments = {link.name: link.aws.attachments[:1] for link in following.links}
    places = {flow.name: _places(flow) for flow in following.flows}
    if pin.link not in attachments or pin.flow not in places:
        yield f"the pin of {pin.flow} to {pin.link} would be forgotten: let it end first"
        return
    left = [place for flow in current.flows if flow.name == pin.flow for place in _places(flow) if place not in places[pin.flow]]
    if left:
        yield (
            f"{pin.flow} is pinned to {pin.link} by {' and '.join(left)}, which its aws_prefix_list would no longer name, "
            "so that nobody would take the pin away: keep both in the fabric until it has ended"
        )
    for link in current.links:
        if link.name == pin.link and link.aws.attachments and link.aws.attachments[:1] != attachments[pin.link]:
            yield (
                f"{pin.flow} is pinned to {pin.link} by {link.aws.attachments[0]}, which would no longer be its first attachment, "
                "so that nobody would take the pin away: keep it first in the fabric until the pin has ended"
            )


def _places(flow: Flow) -> tuple[str, ...]:
    target = flow.aws_prefix_list
    return tuple(f"{target.prefix_list} in {table}" for table in target.route_tables) if target else ()


def _drops(fabric: Fabric, plan: Plan, link: Link) -> bool:
    return any(one.stance is Stance.DROP for one in route_policies(fabric, plan, link).exports)


def let_go(current: Fabric, following: Fabric) -> tuple[LinkName, ...]:
    """List the links that go from mode auto to mode recommend: from then on their levers are set on a person's word only."""
    auto = {link.name for link in current.links if link.mode is Mode.AUTO}
    return tuple(link.name for link in following.links if link.mode is Mode.RECOMMEND and link.name in auto)


def adopted(plan: Plan, following: Fabric, now: datetime, *, author: str, reason: str, finish: tuple[LinkName, ...] = ()) -> Plan:
    """Give the plan under the next fabric: what it no longer has is dropped, what is new is unknown until it is looked at.

    On the links of ``finish`` what was decided in mode auto is still carried out, until both clouds' levers are seen as it asks.
    """
    if plan.fabric_hash == following.hash:
        return plan
    links = {link.name: plan.links.get(link.name, LinkState()) for link in following.links}
    links |= {name: replace(links[name], steered=plan.epoch + 1) for name in finish}
    flows = {
        flow.name: plan.flows[flow.name] for flow in following.flows if flow.name in plan.flows and plan.flows[flow.name].link in links
    }
    why = Reason(about=following.name, chosen=following.hash, because=f"adopted by {author}: {reason}")
    return replace(
        plan,
        fabric_hash=following.hash,
        decider=DECIDER,
        handover=handover(plan, now),
        epoch=plan.epoch + 1,
        decided_at=max(now, plan.decided_at),
        links=links,
        flows=flows,
        proposal=None,
        reasons=(why,),
        prev_digest=digest(canonical(plan)),
    )
