"""What failures would do: where flows would go, what would be overloaded, what would be left without a path.

Before a failure every link is up and settled, and no flow has been anywhere yet; flows then take the places that
deciding would give them. The answer is about the fabric as it is declared, not about a network as it is today.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations

from pointsman.core.fabric import Bandwidth, Fabric, FlowName, Link, LinkName, Mode, Survival
from pointsman.core.filling import outranking
from pointsman.core.placement import ABOUT, Footing, Placed, place
from pointsman.core.plan import Placement, Reason
from pointsman.core.solving import Memo
from pointsman.core.values import Frozen, replace

GROUP = "group:"
"""What the name of a shared-risk group begins with where links and groups are named together."""
WHY = "failed"
"""Why a failed link is refused."""


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


class Move(Frozen):
    """A flow that goes elsewhere; None is no path."""

    flow: FlowName
    before: LinkName | None
    after: LinkName | None


class State(Frozen):
    """Where every flow is (None: without a path), what that overloads and whom it squeezes, and why each flow is where it is."""

    placement: dict[FlowName, LinkName | None]
    overloads: tuple[Overload, ...] = ()
    squeezed: tuple[Squeeze, ...] = ()
    unplaced: tuple[FlowName, ...] = ()
    moves: tuple[Move, ...] = ()
    reasons: tuple[Reason, ...] = ()


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
        self._demands = {flow.name: flow.demand for flow in fabric.flows}
        placed = self._placed((), {})
        self._today = placed.flows
        self.before = self._state(placed, frozenset())
        """With every link up."""

    def after(self, failure: Failure) -> State:
        """Fail some links at once. Its reasons are of the flows that move and of how far the placement is proved."""
        placed = self._placed(failure.links, self._today)
        state = self._state(placed, frozenset(failure.links))
        was, now = self.before.placement, state.placement
        moves = tuple(Move(flow=name, before=was[name], after=now[name]) for name in now if was[name] != now[name])
        moved = {str(move.flow) for move in moves}
        return replace(state, moves=moves, reasons=tuple(reason for reason in state.reasons if reason.about in moved | {ABOUT}))

    def outcomes(self, depth: int) -> Iterator[Outcome]:
        """Give what every single failure (``depth`` 1) or every double one (2) leads to, held against the policy."""
        survive = self._fabric.policy.survive
        bar = survive.n_1 if depth == 1 else survive.n_2
        for failure in failures(self._fabric, depth):
            state = self.after(failure)
            yield Outcome(failure=failure, after=state, breaks=broken(bar, state))

    def _placed(self, failed: tuple[LinkName, ...], today: Mapping[FlowName, Placement]) -> Placed:
        footing = {link.name: _footing(self._fabric, link, failed) for link in self._fabric.links}
        return place(self._fabric, footing, today, memo=self._memo)

    def _state(self, placed: Placed, failed: frozenset[LinkName]) -> State:
        where = {name: None if one.link in failed else one.link for name, one in placed.flows.items()}
        return State(
            placement=where,
            overloads=tuple(self._overloads(where)),
            squeezed=tuple(
                Squeeze(flow=name, by_bps=one.squeezed_by)
                for name, one in placed.flows.items()
                if one.squeezed_by and where[name] is not None
            ),
            unplaced=tuple(name for name, link in where.items() if link is None),
            reasons=(*placed.doubt, *(_without_path(one) if where[FlowName(one.about)] is None else one for one in placed.reasons)),
        )

    def _overloads(self, where: Mapping[FlowName, LinkName | None]) -> Iterator[Overload]:
        load = loads(self._fabric, where)
        for link in self._fabric.links:
            if load[link.name] > link.capacity:
                yield Overload(link=link.name, by_bps=Bandwidth(load[link.name] - link.capacity))


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


def _footing(fabric: Fabric, link: Link, failed: tuple[LinkName, ...]) -> Footing:
    takes = link.name not in failed
    others = (one for one in outranking(fabric, link) if one.name not in failed and not (one.mode is Mode.AUTO and one.has_policies))
    return Footing(
        usable=link.capacity,
        stays=takes,
        takes=takes,
        settled=link.mode is Mode.AUTO,
        why="" if takes else WHY,
        outranked=tuple(one.name for one in others),
    )


def _without_path(reason: Reason) -> Reason:
    return Reason(about=reason.about, chosen="nothing", because="no permitted link is left", refused=reason.refused | _failed(reason))


def _failed(reason: Reason) -> dict[str, str]:
    return {} if reason.chosen == "nothing" else {reason.chosen: WHY}
