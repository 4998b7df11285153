"""What failures would do: where flows would go, what would be overloaded, what would be left without a path.

Before a failure every link has come up, and flows have the places that a first decision gives them. After it links are
drained and flows placed by what decides on them, once without a person's word and once with it; what is still on a failed
link then is led away by BGP or by nobody. Each move says who makes it.
The answer is about the fabric as it is declared, not about a network as it is today.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from itertools import combinations

from pointsman.core.approvals import Made, askable
from pointsman.core.case import Case
from pointsman.core.drains import discretion, drains
from pointsman.core.fabric import GROUP, Bandwidth, Cloud, Fabric, Flow, FlowName, LinkKind, LinkName, Mode, Survival
from pointsman.core.flows import footings
from pointsman.core.placement import Placed, place
from pointsman.core.plan import LinkState, Plan, Reason, Verdict, View
from pointsman.core.solving import Memo
from pointsman.core.values import Frozen, replace
from pointsman.core.versions import DECIDER

WHY = "failed"
"""Why a failed link is refused."""
ON_A_WORD = "once a person approves of it"
"""What a move waits for that has to do with a link in mode recommend."""
BY_BGP = "only BGP leads it away, once the link is cut, and weighs no room"
"""What becomes of a flow on a failed link that nothing of ours may leave."""
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
"""When every link came up. Any time would do: hold-downs are over when something fails."""


class Failure(Frozen):
    """Links that fail as one: ``name`` is a link's, a group's after ``group:``, or two of these joined by a comma."""

    name: str
    links: tuple[LinkName, ...]


class Overload(Frozen):
    """A link that is offered more than it carries, by so many bits per second."""

    link: LinkName
    by_bps: Bandwidth


class Squeeze(Frozen):
    """A flow of whose demand so many bits per second do not fit."""

    flow: FlowName
    by_bps: Bandwidth


class Mover(StrEnum):
    """Who moves a flow: deciding by itself, deciding once a person approves, BGP where nothing of ours steers, or nobody: it has no path."""

    DECIDING = "deciding"
    WORD = "word"
    BGP = "bgp"
    NOBODY = "nobody"


class Move(Frozen):
    """A flow that goes elsewhere; None is no path. ``until`` is where deciding has it while a person's word, or BGP, is waited for."""

    flow: FlowName
    before: LinkName | None
    after: LinkName | None
    by: Mover = Mover.DECIDING
    until: LinkName | None = None


class State(Frozen):
    """Where every flow is (None: without a path), what that overloads and whom it squeezes, and why each flow is where it is."""

    placement: dict[FlowName, LinkName | None]
    overloads: tuple[Overload, ...] = ()
    squeezed: tuple[Squeeze, ...] = ()
    unplaced: tuple[FlowName, ...] = ()
    moves: tuple[Move, ...] = ()
    reasons: tuple[Reason, ...] = ()

    def moved_by(self, mover: Mover) -> tuple[FlowName, ...]:
        """Name the flows that somebody moves."""
        return tuple(move.flow for move in self.moves if move.by is mover)


class Outcome(Frozen):
    """What one failure leads to; ``breaks`` names what the policy forbids about it, "" when nothing is."""

    failure: Failure
    after: State
    breaks: str = ""


class Analysis:
    """Failures of one fabric. Placements of flows that a failure does not touch are kept from one to the next."""

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric
        self._memo: Memo = {}
        self._asked = frozenset(link.name for link in fabric.links if link.mode is Mode.RECOMMEND)
        fresh = {link.name: LinkState(verdict=Verdict.UP, since=_BEGIN) for link in fabric.links}
        first = Plan(fabric=fabric.name, fabric_hash=fabric.hash, decider=DECIDER, decided_at=_BEGIN, links=fresh)
        placed = self._made(first, fresh, frozenset()).placed
        settled = {name: replace(state, good_since=_BEGIN) for name, state in fresh.items()}
        self._today = replace(first, epoch=1, links=settled, flows=placed.flows)
        self.before = self._state({name: one.link for name, one in placed.flows.items()}, (*placed.doubt, *placed.reasons))
        """With every link up."""

    def after(self, failure: Failure) -> State:
        """Fail some links at once. Its reasons are of the flows that move and of how far the placement is proved."""
        alone, worded = self._decided(failure)
        ways = [self._way(flow, failure, alone, worded) for flow in self._fabric.flows]
        moves = tuple(way for way in ways if way.before != way.after or way.until is not None)
        found = {one.about: one for one in worded.reasons}
        reasons = (*worded.doubt, *(self._reason(found[move.flow], move) for move in moves))
        return replace(self._state({way.flow: way.after for way in ways}, reasons), moves=moves)

    def outcomes(self, depth: int) -> Iterator[Outcome]:
        """Give what every single failure (``depth`` 1) or every double one (2) leads to, held against the policy."""
        bar = self._fabric.policy.survive.bar(depth)
        for failure in failures(self._fabric, depth):
            state = self.after(failure)
            yield Outcome(failure=failure, after=state, breaks=broken(bar, state))

    def _decided(self, failure: Failure) -> tuple[Placed, Placed]:
        """Place flows as deciding does that finds some links down: by itself, and from there once a person approves of what it proposes."""
        now = _BEGIN + self._fabric.policy.hold_down
        down = LinkState(verdict=Verdict.DOWN, since=now, onset=now)
        states = self._today.links | dict.fromkeys(failure.links, down)
        alone = self._made(self._today, states, frozenset())
        if not self._asked:
            return alone.placed, alone.placed
        would = self._made(replace(self._today, flows=alone.placed.flows), states, self._asked)
        return alone.placed, askable(alone, would).placed

    def _made(self, plan: Plan, states: dict[LinkName, LinkState], approved: frozenset[LinkName]) -> Made:
        """Drain links and place flows; ``approved`` are links that a person's word lets us steer."""
        now = _BEGIN + self._fabric.policy.hold_down
        case = Case(fabric=self._fabric, view=View(here=Cloud.AWS), plan=plan, now=now, claims={}, approved=approved)
        after = drains(case, states)
        ground = footings(case, after)
        ground |= {name: replace(ground[name], why=WHY) for name, state in states.items() if state.verdict is Verdict.DOWN}
        return Made(states=after, placed=place(self._fabric, ground, plan.flows, still=not discretion(case), memo=self._memo))

    def _way(self, flow: Flow, failure: Failure, alone: Placed, worded: Placed) -> Move:
        """Say where a failure leads a flow and who leads it there: deciding ``alone``, or once a person approved of what it proposes.

        What neither leads off a failed link goes where BGP takes it: the first permitted link that is up, a VPN last of all.
        """
        before, until, after = self.before.placement[flow.name], alone.flows[flow.name].link, worded.flows[flow.name].link
        if after not in failure.links:
            moved = Move(flow=flow.name, before=before, after=after)
            return moved if until == after else replace(moved, by=Mover.WORD, until=until)
        up = [name for name in flow.prefer if name not in failure.links]
        falls = next(iter(sorted(up, key=lambda name: self._fabric.link(name).kind is LinkKind.VPN)), None)
        if falls is None:
            return Move(flow=flow.name, before=before, after=None, by=Mover.NOBODY)
        return Move(flow=flow.name, before=before, after=falls, by=Mover.BGP, until=until)

    def _reason(self, found: Reason, move: Move) -> Reason:
        """Say why a flow is where a failure leads it, and what that waits for."""
        match move.by:
            case Mover.DECIDING:
                return found
            case Mover.WORD:
                gap = self._fabric.gap(self._fabric.link(move.until)) if move.until else ""
                return replace(found, because=f"{found.because}, {ON_A_WORD}" + (f" and by hand: {gap}" if gap else ""))
            case Mover.BGP:
                mode = f"{found.chosen} is in mode {self._fabric.link(found.chosen).mode}"
                return Reason(about=found.about, chosen=str(move.after), because=f"{mode}: {BY_BGP}", refused={found.chosen: WHY})
            case Mover.NOBODY:
                return _without_path(found)

    def _state(self, where: dict[FlowName, LinkName | None], reasons: tuple[Reason, ...]) -> State:
        return State(
            placement=where,
            overloads=tuple(_overloads(self._fabric, where)),
            squeezed=tuple(_squeezed(self._fabric, where)),
            unplaced=tuple(name for name, link in where.items() if link is None),
            reasons=reasons,
        )


def _overloads(fabric: Fabric, where: Mapping[FlowName, LinkName | None]) -> Iterator[Overload]:
    load = loads(fabric, where)
    for link in fabric.links:
        if load[link.name] > link.capacity:
            yield Overload(link=link.name, by_bps=Bandwidth(load[link.name] - link.capacity))


def _squeezed(fabric: Fabric, where: Mapping[FlowName, LinkName | None]) -> Iterator[Squeeze]:
    """Put each overload down to flows, as a plan does: to the least precious first, of equals to the larger."""
    excess, parts = {one.link: one.by_bps for one in _overloads(fabric, where)}, dict[FlowName, int]()
    for flow in sorted(fabric.flows, key=lambda one: (one.priority, one.demand, one.name), reverse=True):
        link = where[flow.name]
        if link in excess:
            parts[flow.name] = max(0, min(excess[link], flow.demand))
            excess[link] = Bandwidth(excess[link] - flow.demand)
    return (Squeeze(flow=flow.name, by_bps=Bandwidth(parts[flow.name])) for flow in fabric.flows if parts.get(flow.name))


def loads(fabric: Fabric, where: Mapping[FlowName, LinkName | None]) -> dict[LinkName, Bandwidth]:
    """Add up what each link is offered, in bits per second."""
    found = {link.name: 0 for link in fabric.links}
    for flow in fabric.flows:
        link = where[flow.name]
        if link is not None:
            found[link] += flow.demand
    return {name: Bandwidth(load) for name, load in found.items()}


def groups(fabric: Fabric) -> dict[str, tuple[LinkName, ...]]:
    """List the links of every shared-risk group, by the group's name."""
    found: dict[str, tuple[LinkName, ...]] = {}
    for link in fabric.links:
        for group in link.risk_groups:
            found[group] = (*found.get(group, ()), link.name)
    return dict(sorted(found.items()))


def failures(fabric: Fabric, depth: int) -> Iterator[Failure]:
    """List every single failure, or every double one: links and groups of several; of equal ones the first."""
    singles = [Failure(name=link.name, links=(link.name,)) for link in fabric.links]
    singles += [Failure(name=GROUP + name, links=links) for name, links in groups(fabric).items()]
    seen: set[frozenset[LinkName]] = {frozenset(one.links) for one in singles} if depth > 1 else set()
    for several in combinations(singles, depth):
        links = joined(several)
        if frozenset(links) not in seen:
            seen.add(frozenset(links))
            yield Failure(name=",".join(one.name for one in several), links=links)


def joined(several: tuple[Failure, ...]) -> tuple[LinkName, ...]:
    """Give the links of some failures together, each once."""
    return tuple(dict.fromkeys(link for one in several for link in one.links))


def broken(bar: Survival, state: State) -> str:
    """Say what a state has that the policy forbids; "" when nothing is."""
    if bar is not Survival.ANYTHING and state.unplaced:
        return "flows without a path: " + ", ".join(state.unplaced)
    if bar is Survival.NO_OVERLOAD and state.overloads:
        return "overloaded: " + ", ".join(one.link for one in state.overloads)
    return ""


def _without_path(reason: Reason) -> Reason:
    return Reason(about=reason.about, chosen="nothing", because="no permitted link is left", refused=reason.refused | _failed(reason))


def _failed(reason: Reason) -> dict[str, str]:
    return {} if reason.chosen == "nothing" else {reason.chosen: WHY}
