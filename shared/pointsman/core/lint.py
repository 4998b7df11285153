"""Rules that every write of a lever must keep, from its old setting and its new one alone: what breaks one is not written.

Deciding keeps them too; they are held here once more because whatever hands a setting to a lever passes here.
"""

import ipaddress
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from pointsman.core.fabric import Fabric, Flow, FlowName, Link
from pointsman.core.plan import Placement, Plan
from pointsman.core.steering import RANKS, FailoverTest, PeerPriority, PrefixListPin, RoutePolicies, Setting, Stance, StaticPin
from pointsman.core.values import Frozen
from pointsman.core.wants import home

PRIORITY_LIMIT = 200
"""Highest base priority of a Cloud Router's peer: region costs begin at 201, and would outweigh it."""
RANGES_KEPT = 8192
"""Prefixes whose first and last address are remembered."""
FABRICS_KEPT = 8
"""Fabrics whose addresses of sessions, tunnels and probes are remembered in order."""


class Rule(StrEnum):
    """What a write must not do."""

    EMPTY_SET = "empty-set"
    DELETE_THEN_ADD = "delete-then-add"
    REPLACING_CALL = "replacing-call"
    UNOWNED_PIN = "unowned-pin"
    BASE_PRIORITY = "base-priority"
    MTU_SHRINK = "mtu-shrink"
    CONTROL_PATH = "control-path"


class Violation(Frozen):
    """A write that is refused, by which rule, and why in words."""

    rule: Rule
    text: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"refused by the plan lint ({self.rule}): {self.text}"


def lint(fabric: Fabric, plan: Plan, new: Setting, old: Setting, now: datetime) -> Violation | None:
    """Give the first rule that writing ``new`` over ``old`` for a plan would break; None when it breaks none."""
    return next(_broken(fabric, plan, new, old, now), None)


def clashes(settings: Sequence[Setting]) -> dict[int, Violation]:
    """Find writes of one batch that would meet in one place, by their index: one of them takes away what another adds."""
    if len(settings) <= 1:
        return {}
    places = [_place(one) for one in settings]
    counted = Counter(places)
    text = "{} is written twice at once, so one write would delete what the other adds: change it in place, by one write"
    return {
        index: Violation(rule=Rule.DELETE_THEN_ADD, text=text.format(place)) for index, place in enumerate(places) if counted[place] > 1
    }


def _place(setting: Setting) -> str:
    """Name what a write changes; the two kinds of pin are one place, because both override the routes of a flow."""
    match setting:
        case RoutePolicies(link=link):
            return f"route policies of {link}"
        case PeerPriority(link=link):
            return f"peers of {link}"
        case FailoverTest(link=link):
            return f"failover test of {link}"
        case PrefixListPin(flow=flow) | StaticPin(flow=flow):
            return f"pin of {flow}"


def _broken(fabric: Fabric, plan: Plan, new: Setting, old: Setting, now: datetime) -> Iterator[Violation]:
    if type(new) is not type(old) or _place(new) != _place(old):
        yield Violation(rule=Rule.REPLACING_CALL, text=f"{_place(old)} was observed, and {_place(new)} would be written over it")
        return
    match new:
        case RoutePolicies():
            assert isinstance(old, RoutePolicies), "both are of one type"
            yield from _policies(fabric, plan, new, old)
        case PeerPriority():
            yield from _priority(new)
        case FailoverTest():
            yield from _test(fabric, plan, new)
        case PrefixListPin() | StaticPin():
            yield from _pin(fabric, plan, new, now)


def _policies(fabric: Fabric, plan: Plan, new: RoutePolicies, old: RoutePolicies) -> Iterator[Violation]:
    link = _link(fabric, new.link)
    if link is None or not any(member.gcp.peer for member in link.members):
        yield Violation(rule=Rule.EMPTY_SET, text=f"{new.link} has no peer that its route policies could act on")
        return
    kept, held = (*new.imports, *new.exports), (*old.imports, *old.exports)
    if held and fabric.flows and not plan.flows:
        yield Violation(rule=Rule.EMPTY_SET, text=f"the plan places no flow, and would take back all that {new.link}'s policies hold")
    if any(not 1 <= stance.rank <= RANKS for stance in kept):
        yield Violation(rule=Rule.BASE_PRIORITY, text=f"a rank on {new.link} is not between 1 and {RANKS}")
    seen = {stance.prefix for stance in held}
    yield from _cut(fabric, (stance.prefix for stance in kept if stance.stance is not Stance.ATTRACT and stance.prefix not in seen))
    yield from _shrunk(fabric, plan, link, seen - {stance.prefix for stance in kept})


def _priority(new: PeerPriority) -> Iterator[Violation]:
    if not 0 <= new.priority <= PRIORITY_LIMIT:
        text = f"base priority {new.priority} of {new.link} is not between 0 and {PRIORITY_LIMIT}, below the region costs"
        yield Violation(rule=Rule.BASE_PRIORITY, text=text)
    text = f"the call would replace every peer of {new.link}'s router: steer by route policies, which change one policy in place"
    yield Violation(rule=Rule.REPLACING_CALL, text=text)


def _test(fabric: Fabric, plan: Plan, new: FailoverTest) -> Iterator[Violation]:
    link = _link(fabric, new.link)
    if link is None or not any(member.aws.virtual_interface for member in link.members):
        yield Violation(rule=Rule.EMPTY_SET, text=f"{new.link} has no virtual interface to test")
    elif new.running and new.link not in plan.links:
        yield Violation(rule=Rule.EMPTY_SET, text=f"the plan says nothing of {new.link}, and a test would take its traffic away")


def _pin(fabric: Fabric, plan: Plan, new: PrefixListPin | StaticPin, now: datetime) -> Iterator[Violation]:
    if new.attachment is None:
        return
    flow = next((one for one in fabric.flows if one.name == new.flow), None)
    prefixes = () if flow is None else tuple(_google_prefixes(fabric, flow))
    if flow is None or not prefixes:
        yield Violation(rule=Rule.EMPTY_SET, text=f"{new.flow} has no prefixes at Google that a pin could lead")
        return
    pins = [pin for pin in plan.pins if pin.flow == new.flow]
    if not any(pin.owner.strip() and pin.reason.strip() and pin.expires_at > now for pin in pins):
        text = f"the plan holds no pin of {new.flow} with an owner, a reason and an end that is still to come"
        yield Violation(rule=Rule.UNOWNED_PIN, text=text)
    yield from _cut(fabric, prefixes)
    short = [link.name for link in fabric.links if new.attachment in link.aws.attachments and link.mtu < flow.min_mtu]
    if short and not plan.flows.get(flow.name, Placement()).mtu_short:
        yield _too_short(flow.name, short[0])


def _shrunk(fabric: Fabric, plan: Plan, link: Link, released: set[str]) -> Iterator[Violation]:
    """Find a flow that a link begins to attract though it carries smaller packets than the flow needs, and the plan does not say so."""
    for flow in fabric.flows if released else ():
        placed = plan.flows.get(flow.name, Placement())
        if link.mtu >= flow.min_mtu or placed.link != link.name or placed.mtu_short or home(fabric, plan, flow) != link.name:
            continue
        if released.intersection(prefix for prefixes in flow.prefixes.values() for prefix in prefixes):
            yield _too_short(flow.name, link.name)


def _too_short(flow: FlowName, link: str) -> Violation:
    text = f"{link} carries smaller packets than {flow} declares, and the plan does not say that nothing else is left"
    return Violation(rule=Rule.MTU_SHRINK, text=text)


def _cut(fabric: Fabric, prefixes: Iterable[str]) -> Iterator[Violation]:
    """Find a prefix that holds an address which sessions, tunnels or probes of ours run over."""
    addresses: tuple[tuple[int, int], ...] | None = None
    for prefix in prefixes:
        addresses = _control_addresses(fabric) if addresses is None else addresses
        span = _span(prefix)
        if span is None:
            yield Violation(rule=Rule.CONTROL_PATH, text=f"{prefix[:40]!r} is no prefix, so nobody can say what it would cut")
            continue
        version, first, last = span
        at = bisect_left(addresses, (version, first))
        if at < len(addresses) and addresses[at] <= (version, last):
            address = ipaddress.ip_address(addresses[at][1]) if version == 4 else ipaddress.IPv6Address(addresses[at][1])  # noqa: PLR2004 - the protocol's number
            yield Violation(rule=Rule.CONTROL_PATH, text=f"{prefix} holds {address}, which a session, a tunnel or a probe needs")


def _control_addresses(fabric: Fabric) -> tuple[tuple[int, int], ...]:
    return _in_order(tuple(text for link in fabric.links for text in _addresses(link)))


@lru_cache(FABRICS_KEPT)
def _in_order(texts: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    parsed = (ipaddress.ip_address(text) for text in texts)
    return tuple(sorted((one.version, int(one)) for one in parsed))


def _addresses(link: Link) -> Iterator[str]:
    for member in link.members:
        if member.gcp.peer:
            yield member.gcp.peer.ip
        if member.aws.outside_ip:
            yield member.aws.outside_ip
    for probe in link.probes:
        yield from (probe.source, probe.target)


@lru_cache(RANGES_KEPT)
def _span(prefix: str) -> tuple[int, int, int] | None:
    try:
        net = ipaddress.ip_network(prefix, strict=False)
    except ValueError:
        return None
    return net.version, int(net.network_address), int(net.broadcast_address)


def _google_prefixes(fabric: Fabric, flow: Flow) -> Iterator[str]:
    sites = {link.gcp_site for link in fabric.links}
    return (prefix for site, prefixes in flow.prefixes.items() if site in sites for prefix in prefixes)


def _link(fabric: Fabric, name: str) -> Link | None:
    return next((one for one in fabric.links if one.name == name), None)
