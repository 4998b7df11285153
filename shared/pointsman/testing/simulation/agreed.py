"""What was agreed in a run, read off the ledger of what the stores accepted."""

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from itertools import pairwise

from pointsman.core.alone import Deed, Diary
from pointsman.core.contingency import explained
from pointsman.core.fabric import Cloud, Fabric, Flow, FlowName, LinkName
from pointsman.core.incidents import Phase
from pointsman.core.outbox import open_incidents
from pointsman.core.plan import DrainCause, LinkState, Placement, Plan, Verdict, read_plan
from pointsman.core.sightings import Health
from pointsman.core.steering import FailoverTest, PeerPriority, PrefixListPin, RoutePolicies, Setting, StaticPin
from pointsman.core.values import digest, parse
from pointsman.core.wants import prefix_list_pin, route_policies
from pointsman.testing.simulation.evidence import Accepted, Asked, Evidence, Intended, Landed, Operation
from pointsman.testing.simulation.histories import Fate
from pointsman.testing.simulation.histories import History as Told

CARRYING = frozenset({Verdict.UP, Verdict.DEGRADED})

INTENT_SECONDS = 1.0
"""How long after its intent was sent a lever's write may be asked for, or come to land."""
PLAN_SECONDS = 4.5
"""How long a plan may have been superseded when a lever is still written on its strength."""

History = tuple[tuple[float, Plan], ...]


class Record:
    """The evidence of a run with what follows from it, worked out once."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.rows = [row for row in evidence.accepted if row.register.startswith("plan/")]
        self.chain: set[str] = set()
        self.history = tuple(self._chain())
        self.plans = tuple(plan for _, plan in self.history)

    def _chain(self) -> list[tuple[float, Plan]]:
        """List the agreed plans, each with when it was agreed: the chain of digests that ends in the newest one, noted in ``chain``.

        A plan that only a minority accepted is agreed with the first that builds on it.
        """
        values = {digest(row.value.encode()): row.value for row in self.rows}
        agreed = self._agreed()
        newest = max((row for row in self.rows if row.at is not None), key=lambda row: row.ballot, default=None)
        at, found, link = float("inf"), list[tuple[float, Plan]](), digest(newest.value.encode()) if newest else ""
        while link in values:
            plan = read_plan(values[link])
            at = min(at, agreed.get(link, at))
            found.append((at, plan))
            self.chain.add(link)
            link = plan.prev_digest
        return found[::-1]

    def _agreed(self) -> dict[str, float]:
        """Give when a majority first held each plan, by digest."""
        first: dict[str, float] = {}
        for row in self.rows:
            if row.at is not None:
                name = digest(row.value.encode())
                first[name] = min(row.at, first.get(name, row.at))
        return first

    @property
    def newest(self) -> Plan:
        """Give the newest plan."""
        return self.plans[-1]

    def steps(self) -> Iterator[tuple[Plan, Plan]]:
        """Give every agreed plan with its successor."""
        return pairwise(self.plans)

    def fabric(self, plan: Plan) -> Fabric:
        """Give the fabric that a plan names."""
        return self.evidence.fabrics[plan.fabric_hash]

    def in_force(self, since: float, until: float) -> list[Plan]:
        """List the plans that were the newest at some time between two instants."""
        ends = [at for at, _ in self.history[1:]] + [float("inf")]
        return [plan for (at, plan), end in zip(self.history, ends, strict=True) if at <= until and since <= end]

    def foreseen(self, one: Intended) -> Iterator[tuple[Plan, Plan]]:
        """Give each plan just in force on which an intent steers ahead of its agreement, with the plan whose settings it announces."""
        for plan in self.in_force(one.at - PLAN_SECONDS, one.at + INTENT_SECONDS) if one.row.health is Health.DRAINING else ():
            after = explained(self.fabric(plan), plan, one.row)
            if after is not None:
                yield plan, after

    def incidents(self) -> list[tuple[str, float, float | None]]:
        """List every incident of the agreed plans, with when it began and when it was over: what one cloud dealt with alone may be both at once."""
        began: dict[str, float] = {}
        ended: dict[str, float] = {}
        for at, plan in self.history:
            found = list(open_incidents(self.fabric(plan), plan))
            for incident, *_ in sorted(found):
                began.setdefault(incident, at)
            for incident in began.keys() - {incident for incident, _, _, phase in found if phase is Phase.OPEN}:
                ended.setdefault(incident, at)
        return [(incident, at, ended.get(incident)) for incident, at in began.items()]

    @cached_property
    def chosen(self) -> dict[str, list[Accepted]]:
        """List, by register, what a majority accepted, in the order of ballots."""
        found: dict[str, list[Accepted]] = {}
        for row in sorted(self.evidence.accepted, key=lambda row: row.ballot):
            if row.at is not None:
                found.setdefault(row.register, []).append(row)
        return found


def drained(plan: Plan, link: LinkName) -> bool:
    """Say whether a plan keeps traffic off a link."""
    return plan.links.get(link, LinkState()).drain is not None


def asked_for(fabric: Fabric, plan: Plan, setting: Setting) -> bool:
    """Say whether a plan asks for a setting."""
    match setting:
        case RoutePolicies(link=name):
            return setting == route_policies(fabric, plan, fabric.link(name))
        case FailoverTest(link=name):
            return not setting.running or drained(plan, name)
        case PrefixListPin(flow=name):
            return name in {flow.name for flow in fabric.flows} and setting == prefix_list_pin(fabric, plan, fabric.flow(name))
        case PeerPriority() | StaticPin():
            return False


def rescued(fabric: Fabric, before: Plan, after: Plan, link: LinkName) -> bool:
    """Say whether some flow had no other way than this link, which is returned to without waiting: none is open, and its own is left or down."""
    return any(without_choice(after, flow, link) and not _keeps_its_link(before, after, flow) for flow in fabric.flows)


def _keeps_its_link(before: Plan, after: Plan, flow: Flow) -> bool:
    """Say whether a flow is on a link that no step drains and that is not confirmed down: what is merely doubted keeps it."""
    at = before.flows.get(flow.name, Placement()).link
    if at is None or at not in flow.prefer or at not in after.links:
        return False
    return not drained(before, at) and not drained(after, at) and after.links[at].verdict is not Verdict.DOWN


def without_choice(plan: Plan, flow: Flow, link: LinkName) -> bool:
    """Say whether a plan leaves a flow no other open link than this one: each other is drained, or is not seen to carry."""
    others = [name for name in flow.prefer if name != link]
    return link in flow.prefer and all(drained(plan, name) or plan.links[name].verdict not in CARRYING for name in others)


def left_at(plan: Plan, link: LinkName) -> datetime:
    """Say when a link was left: when its drain began, which a flow with nowhere to go outlasts on it."""
    drain = plan.links[link].drain
    return drain.since if drain else plan.decided_at


def ordered_away(plan: Plan, link: LinkName) -> bool:
    """Say whether a plan keeps traffic off a link because a person ordered it."""
    drain = plan.links[link].drain
    return drain is not None and drain.cause is DrainCause.ORDER


def moved(before: Plan, after: Plan) -> dict[FlowName, tuple[LinkName, LinkName]]:
    """Give the flows that a step moved, with where from and where to."""
    pairs = {flow: (before.flows.get(flow, Placement()).link, placed.link) for flow, placed in after.flows.items()}
    return {flow: (old, new) for flow, (old, new) in pairs.items() if old is not None and new is not None and old != new}


def forced(before: Plan, after: Plan, left: LinkName) -> bool:
    """Say whether an outage made flows move: the link left is not healthy, or some link is newly drained, lost or of another capacity."""
    return after.links[left].verdict not in CARRYING or any(
        _worse(before.links.get(name, LinkState()), state) for name, state in after.links.items()
    )


def _worse(before: LinkState, after: LinkState) -> bool:
    lost = before.verdict in CARRYING and after.verdict not in CARRYING
    return lost or (before.drain is None and after.drain is not None) or before.usable != after.usable


def history_of(operations: list[Operation], order: list[str]) -> Told:
    """Put operations into the form of a list: the values that a majority held, as far as the one answered."""
    told, places = Told(), {ballot: place for place, ballot in enumerate(order, start=1)}
    for ballot in order:
        told.end(told.begin(ballot), Fate.UNKNOWN)
    events = [(one.began, 1, number, one) for number, one in enumerate(operations)]
    events += [(one.ended, 0, number, one) for number, one in enumerate(operations)]
    calls = {}
    for _, starts, number, one in sorted(events, key=lambda event: event[:3]):
        if starts:
            calls[number] = told.begin(None)
        elif number in calls:
            told.end(calls[number], Fate.DONE, tuple(order[: places[one.ballot]]) if one.ballot in places else None)
    return told


def acknowledged(evidence: Evidence) -> dict[str, str]:
    """Give the highest ballot that a function was answered with, by register."""
    newest: dict[str, str] = {}
    for one in evidence.operations:
        newest[one.register] = max(one.ballot, newest.get(one.register, ""))
    return {register: ballot for register, ballot in newest.items() if ballot > "0" * 17}


def of_no_plan(record: Record) -> Iterator[tuple[Asked, list[int]]]:
    """Give what levers were asked for that neither a plan wanted which was the newest just before, nor an intent on one of these.

    With it come the epochs of those plans.
    """
    for ask in record.evidence.asked:
        live = record.in_force(ask.at - PLAN_SECONDS - ask.frozen, ask.at)
        if not any(asked_for(record.fabric(plan), plan, ask.setting) for plan in (*live, *intended(record, ask, live))):
            yield ask, [plan.epoch for plan in live]


def intended(record: Record, act: Asked | Landed, live: list[Plan]) -> Iterator[Plan]:
    """Give the plans whose settings a cloud had announced as intents by then, worked out again from the plans in force."""
    for one in record.evidence.intended:
        if one.row.vantage == act.cloud.value and one.row.health is Health.DRAINING and 0 <= act.at - one.at <= INTENT_SECONDS + act.frozen:
            plans = (explained(record.fabric(plan), plan, one.row) for plan in live)
            yield from (plan for plan in plans if plan is not None)


def deeds(record: Record) -> Iterator[tuple[float, Cloud, Deed]]:
    """Give every permission that was claimed alone, as it was claimed, with when and by whom."""
    known: set[tuple[str, str]] = set()
    for row in sorted((one for one in record.evidence.accepted if one.register.startswith("alone/")), key=lambda one: one.first):
        for deed in parse(row.value, Diary).deeds:
            if (row.register, deed.by) not in known:
                known.add((row.register, deed.by))
                yield row.first, Cloud(row.register.rsplit("/", 1)[1]), deed


def announced(record: Record, landed: Landed) -> bool:
    """Say whether a setting that landed was announced as an intent on a plan that was just in force."""
    live = record.in_force(landed.at - PLAN_SECONDS - landed.frozen, landed.at)
    return any(asked_for(record.fabric(plan), plan, landed.setting) for plan in intended(record, landed, live))


def overwritten(record: Record) -> Iterator[tuple[Landed, Landed]]:
    """Give each write that a fenced lever took, with the one that it replaced."""
    last: dict[LinkName, Landed] = {}
    for one in sorted(record.evidence.landed, key=lambda one: one.at):
        if isinstance(one.setting, RoutePolicies):
            if one.setting.link in last:
                yield last[one.setting.link], one
            last[one.setting.link] = one
