"""What must hold in every run, whatever went wrong in it: each invariant is a function from evidence to what breaks it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import pairwise

from pointsman.core.fabric import Cloud, Fabric, Flow, FlowName, LinkName
from pointsman.core.incidents import Ask, incident_id
from pointsman.core.plan import FlagState, LinkState, Placement, Plan, Verdict
from pointsman.core.steering import FailoverTest, PeerPriority, PrefixListPin, RoutePolicies, Setting, StaticPin
from pointsman.core.values import Frozen, digest, parse
from pointsman.core.wants import prefix_list_pin, route_policies

CARRYING = frozenset({Verdict.UP, Verdict.DEGRADED})
FLAG_SECONDS = 2.0
"""How long before a write its flags may have been read."""
PLAN_SECONDS = 4.0
"""How long a plan may have been superseded when a lever is still written on its strength."""
TICKET_SECONDS = 1_200.0
"""How long an incident may stay without a ticket."""


class Accepted(Frozen):
    """A value that some store accepted, and when a majority had (seconds of virtual time; None: never under this ballot)."""

    at: float | None
    register: str
    ballot: str
    value: str


class Asked(Frozen):
    """A setting that a function asked its lever for."""

    at: float
    cloud: Cloud
    setting: Setting


class Stopped(Frozen):
    """A time in which a cloud's flag was set or unreadable."""

    flag: Cloud
    state: FlagState
    since: float
    until: float | None = None


class Told(Frozen):
    """What a desk did."""

    at: float
    incident: str
    ask: Ask
    key: str


class Way(Frozen):
    """The links that a flow takes each way at the end, and the worse direction's share of lost packets."""

    links: tuple[str, ...]
    loss: float


class Evidence(Frozen):
    """What one run left behind, after everything was healed and some hold-downs had passed.

    ``wants`` pairs each setting that the newest plan asks for with what its lever reads; ``duplicate_writes`` counts the
    register writes that a repeated report made; ``escaped`` lists errors that no entry expects.
    """

    fabric: Fabric
    accepted: tuple[Accepted, ...]
    asked: tuple[Asked, ...]
    stopped: tuple[Stopped, ...]
    plans: dict[Cloud, Plan | None]
    wants: tuple[tuple[Setting, Setting], ...]
    ways: Mapping[str, Way]
    book: tuple[Told, ...]
    duplicate_writes: int
    escaped: tuple[str, ...]


Findings = Iterator[str]


def history(evidence: Evidence) -> list[tuple[float, Plan]]:
    """List the agreed plans, each with when it was agreed: the chain of digests that ends in the newest one.

    A plan that only a minority accepted is agreed with the first that builds on it.
    """
    rows = [one for one in evidence.accepted if one.register.startswith("plan/")]
    values = {digest(one.value.encode()): parse(one.value, Plan) for one in rows}
    agreed = _agreed(rows)
    name, at, found = max((one for one in rows if one.at is not None), key=lambda one: one.ballot).value, float("inf"), []
    link = digest(name.encode())
    while link in values:
        at = min(at, agreed.get(link, at))
        found.append((at, values[link]))
        link = values[link].prev_digest
    return found[::-1]


def _agreed(rows: list[Accepted]) -> dict[str, float]:
    """Give when a majority first held each plan, by digest."""
    first: dict[str, float] = {}
    for one in rows:
        if one.at is not None:
            name = digest(one.value.encode())
            first[name] = min(one.at, first.get(name, one.at))
    return first


def steps(evidence: Evidence) -> Iterator[tuple[Plan, Plan]]:
    """Give every agreed plan with its successor."""
    plans = [plan for _, plan in history(evidence)]
    return pairwise(plans)


def epochs_rise_one_plan_each(evidence: Evidence) -> Findings:
    """S3: epochs rise by one from the first, and every plan that a majority held is in the newest one's chain."""
    plans = [plan for _, plan in history(evidence)]
    if [plan.epoch for plan in plans] != list(range(1, len(plans) + 1)):
        yield f"the chain of plans has the epochs {[plan.epoch for plan in plans]}"
    for one in evidence.accepted:
        if one.register.startswith("plan/") and one.at is not None and parse(one.value, Plan) not in plans:
            yield f"a majority held epoch {parse(one.value, Plan).epoch} at {one.at:.1f} s, on which nothing was built"


def both_clouds_agree(evidence: Evidence) -> Findings:
    """L1: after healing, both clouds read the same newest plan."""
    newest = history(evidence)[-1][1]
    yield from (f"{cloud} reads another plan than the newest" for cloud, plan in evidence.plans.items() if plan != newest)


def every_write_has_a_plan(evidence: Evidence) -> Findings:
    """S4: no lever is asked for what no plan wants that was the newest just before."""
    plans = history(evidence)
    ends = [at for at, _ in plans[1:]] + [float("inf")]
    for ask in evidence.asked:
        live = [plan for (at, plan), end in zip(plans, ends, strict=True) if at <= ask.at <= end + PLAN_SECONDS]
        if not any(_wants(evidence.fabric, plan, ask.setting) for plan in live):
            yield f"{ask.at:.1f} s: {ask.cloud} asked for {ask.setting}, which epochs {[plan.epoch for plan in live]} do not want"


def _wants(fabric: Fabric, plan: Plan, setting: Setting) -> bool:
    match setting:
        case RoutePolicies(link=name):
            return setting == route_policies(fabric, plan, fabric.link(name))
        case FailoverTest(link=name):
            return not setting.running or plan.links[name].drain is not None
        case PrefixListPin(flow=name):
            return setting == prefix_list_pin(fabric, plan, fabric.flow(name))
        case PeerPriority() | StaticPin():
            return False


def the_last_healthy_link_is_never_drained(evidence: Evidence) -> Findings:
    """S5: a drain begins only while a parallel link is believed healthy and is not drained."""
    for before, after in steps(evidence):
        for link in evidence.fabric.links:
            if _drained(before, link.name) or not _drained(after, link.name):
                continue
            ends = (link.aws_site, link.gcp_site)
            others = [one.name for one in evidence.fabric.links if one.name != link.name and (one.aws_site, one.gcp_site) == ends]
            if not any(after.links[name].verdict in CARRYING and not _drained(after, name) for name in others):
                yield f"epoch {after.epoch} drains {link.name}, and no other link is healthy"


def _drained(plan: Plan, link: LinkName) -> bool:
    return plan.links.get(link, LinkState()).drain is not None


def opposite_moves_wait_a_hold_down(evidence: Evidence) -> Findings:
    """S9: a link is not let carry again, nor a flow put back on it, within a hold-down of leaving it, unless an outage forces it.

    Exempt is a link that is the only open one of some flow: such a flow has no choice to damp.
    """
    left: dict[tuple[str, str], datetime] = {}
    hold = evidence.fabric.policy.hold_down
    for before, after in steps(evidence):
        for link in evidence.fabric.links:
            began = before.links.get(link.name, LinkState()).drain
            ended = began is not None and not _drained(after, link.name) and not _rescued(evidence, after, link.name)
            if began and ended and after.decided_at - began.since < hold:
                yield f"epoch {after.epoch} ends the drain of {link.name} {after.decided_at - began.since} after it began"
        for flow, (old, new) in _moved(before, after).items():
            since = left.get((flow, new))
            if since is not None and after.decided_at - since < hold and not _forced(before, after, LinkName(old)):
                yield f"epoch {after.epoch} puts {flow} back on {new} from {old} {after.decided_at - since} after it left"
            left[flow, old] = _left_at(after, old)


def _rescued(evidence: Evidence, plan: Plan, link: LinkName) -> bool:
    """Say whether some flow has no other open link than this one: it is returned to without waiting."""

    def others_shut(flow: Flow) -> bool:
        others = [name for name in flow.prefer if name != link]
        return link in flow.prefer and all(_drained(plan, name) or plan.links[name].verdict not in CARRYING for name in others)

    return any(others_shut(flow) for flow in evidence.fabric.flows)


def _left_at(plan: Plan, link: LinkName) -> datetime:
    """Say when a link was left: when its drain began, which a flow with nowhere to go outlasts on it."""
    drain = plan.links[link].drain
    return drain.since if drain else plan.decided_at


def _moved(before: Plan, after: Plan) -> dict[FlowName, tuple[LinkName, LinkName]]:
    pairs = {flow: (before.flows.get(flow, Placement()).link, placed.link) for flow, placed in after.flows.items()}
    return {flow: (old, new) for flow, (old, new) in pairs.items() if old is not None and new is not None and old != new}


def _forced(before: Plan, after: Plan, left: LinkName) -> bool:
    """Say whether an outage made flows move: the link left is not healthy, or some link is newly drained, lost or of another capacity."""
    return after.links[left].verdict not in CARRYING or any(
        _worse(before.links.get(name, LinkState()), state) for name, state in after.links.items()
    )


def _worse(before: LinkState, after: LinkState) -> bool:
    lost = before.verdict in CARRYING and after.verdict not in CARRYING
    return lost or (before.drain is None and after.drain is not None) or before.usable != after.usable


def a_freeze_stops_every_write(evidence: Evidence) -> Findings:
    """No lever is asked for anything while a flag is set, nor by a cloud that can't read its own."""
    for ask in evidence.asked:
        for stop in evidence.stopped:
            binding = stop.state is FlagState.SET or stop.flag is ask.cloud
            if binding and stop.since + FLAG_SECONDS < ask.at < (stop.until or float("inf")):
                yield f"{ask.at:.1f} s: {ask.cloud} asked for {ask.setting}; the flag of {stop.flag} is {stop.state} since {stop.since:.1f} s"


def the_world_equals_the_newest_plan(evidence: Evidence) -> Findings:
    """S10: every lever reads as the newest plan asks, whoever wrote last."""
    for want, held in evidence.wants:
        same = held.running == want.running if isinstance(held, FailoverTest) and isinstance(want, FailoverTest) else held == want
        if not same:
            yield f"the newest plan wants {want}, and the lever reads {held}"


def every_flow_is_home(evidence: Evidence) -> Findings:
    """L6: with everything healed each flow is where a fresh plan would put it, is carried there both ways, and nothing is drained."""
    newest = history(evidence)[-1][1]
    yield from (f"{name} is still drained" for name in newest.links if _drained(newest, name))
    yield from (f"{name} is believed {state.verdict}" for name, state in newest.links.items() if state.verdict is not Verdict.UP)
    yield from (f"{pin.flow} is still pinned" for pin in newest.pins)
    for flow in evidence.fabric.flows:
        way, placed = evidence.ways[flow.name], newest.flows[flow.name].link
        if way.loss or way.links != (placed,):
            yield f"{flow.name} is placed on {placed} and goes over {way.links} with loss {way.loss}"
        if placed != flow.prefer[0]:
            yield f"{flow.name} stays on {placed}, and prefers {flow.prefer[0]}"


def every_incident_has_one_ticket(evidence: Evidence) -> Findings:
    """S6, S11: an incident's ticket is opened, and is resolved for good; nothing reopens it."""
    last = {told.incident: told.ask for told in sorted(evidence.book, key=lambda one: one.at)}
    known = {told.incident for told in evidence.book if told.ask is Ask.OPEN}
    for incident, began, ended in _incidents(evidence):
        if incident not in known:
            yield f"{incident} has no ticket"
        elif last[incident] is not Ask.RESOLVE and ended is not None:
            yield f"{incident} is over, and its ticket was last told to {last[incident]}"
        first = min((told.at for told in evidence.book if told.incident == incident), default=began)
        if first - began > TICKET_SECONDS:
            yield f"{incident} had no ticket for {first - began:.0f} s"
    named = {incident for incident, _, _ in _incidents(evidence)}
    yield from (f"{told.incident} has a ticket, and no plan knows it" for told in evidence.book if told.incident not in named)
    keys = {(told.incident, told.key) for told in evidence.book}
    if len(keys) != len({incident for incident, _ in keys}):
        yield "an incident has tickets of two keys"


def _incidents(evidence: Evidence) -> list[tuple[str, float, float | None]]:
    """List every incident of the agreed plans, with when it began and when it was over."""
    began: dict[str, float] = {}
    ended: dict[str, float] = {}
    for at, plan in history(evidence):
        current = {incident_id(plan.fabric, name, state.down_since_epoch) for name, state in plan.links.items() if state.down_since_epoch}
        for incident in current:
            began.setdefault(incident, at)
        for incident in began.keys() - current:
            ended.setdefault(incident, at)
    return [(incident, at, ended.get(incident)) for incident, at in began.items()]


def an_ended_incident_waits_for_its_desks(evidence: Evidence) -> Findings:
    """L5: at the end no incident is open or still to be told."""
    newest = history(evidence)[-1][1]
    for name, state in newest.links.items():
        if state.down_since_epoch or state.closing:
            yield f"{name} still has an incident: open {state.down_since_epoch}, to be told {state.closing}"


def duplicates_write_no_register(evidence: Evidence) -> Findings:
    """S7: a report that was handed in before writes no register."""
    if evidence.duplicate_writes:
        yield f"a repeated report made {evidence.duplicate_writes} register writes"


def nothing_unexpected_escapes(evidence: Evidence) -> Findings:
    """Only errors that an entry knows what to do with leave a function."""
    yield from evidence.escaped


INVARIANTS: tuple[Callable[[Evidence], Findings], ...] = (
    epochs_rise_one_plan_each,
    both_clouds_agree,
    every_write_has_a_plan,
    the_last_healthy_link_is_never_drained,
    opposite_moves_wait_a_hold_down,
    a_freeze_stops_every_write,
    the_world_equals_the_newest_plan,
    every_flow_is_home,
    every_incident_has_one_ticket,
    an_ended_incident_waits_for_its_desks,
    duplicates_write_no_register,
    nothing_unexpected_escapes,
)


def broken(evidence: Evidence) -> Mapping[str, list[str]]:
    """Name every invariant that does not hold, with what breaks it."""
    found = {one.__name__: list(one(evidence)) for one in INVARIANTS}
    return {name: findings for name, findings in found.items() if findings}
