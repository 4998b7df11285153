"""Which link each flow takes: permitted, healthy, with room, then best by preference, MTU and cost.

Routers do not police priority: a link that is offered more than it carries loses packets of every flow alike.
So a flow that finds no room anywhere is put where it harms the more precious flows least, and those it would
still harm, or that are as precious as itself, leave for another permitted link that has room.
"""

from collections.abc import Mapping

from pointsman.core.fabric import Bandwidth, Fabric, Flow, FlowName, Link, LinkName
from pointsman.core.plan import Placement, Reason
from pointsman.core.values import Frozen


class Footing(Frozen):
    """What placement needs to know of a link.

    ``usable`` is the capacity left in bits per second; ``stays``: flows that are on it may stay; ``takes``: it may
    attract flows; ``settled``: its hold-down is over, so it is as good as any (otherwise it is taken only when no
    settled link is left); ``why`` says it in words when the link is not open.
    """

    usable: Bandwidth
    stays: bool
    takes: bool
    settled: bool
    why: str = ""


class Placed(Frozen):
    """All flows placed, with a reason for each."""

    flows: dict[FlowName, Placement]
    reasons: tuple[Reason, ...]


def place(fabric: Fabric, footing: Mapping[LinkName, Footing], today: Mapping[FlowName, Placement]) -> Placed:
    """Place every flow. ``today`` is where they are now; a flow with no open link keeps its place (never on an empty set)."""
    board = _Board(fabric, footing, today)
    for flow in sorted(fabric.flows, key=lambda one: (one.priority, one.name)):
        board.put(flow)
    board.relieve()
    return board.result()


class _Board:
    """The placement while it is being made: load per link, choice and reason per flow."""

    def __init__(self, fabric: Fabric, footing: Mapping[LinkName, Footing], today: Mapping[FlowName, Placement]) -> None:
        self._fabric = fabric
        self._footing = footing
        self._today = today
        self._chosen: dict[FlowName, LinkName | None] = {}
        self._because: dict[FlowName, str] = {}
        self._refused: dict[FlowName, dict[LinkName, str]] = {}

    def put(self, flow: Flow) -> None:
        """Choose a link for one flow, given the flows already put."""
        options, self._refused[flow.name] = self._options(flow)
        roomy = [link for link in options if self._room(link) >= flow.demand]
        for link in options:
            if link not in roomy:
                self._refused[flow.name][link.name] = f"room for {self._room(link)} of {flow.demand} bit/s"
        if roomy:
            best = min(roomy, key=lambda link: self._taste(flow, link))
            self._choose(flow, best.name, "best permitted link with room")
        elif options:
            best = min(options, key=lambda link: (self._harm(flow, link), self._taste(flow, link)))
            self._choose(flow, best.name, "no permitted link has room: here it harms the precious flows least")
        else:
            self._choose(flow, self._place_today(flow), "no permitted link is open: left where it is")

    def relieve(self) -> None:
        """Let flows leave a link that another, no more precious one overloads, when another permitted link has room.

        One that leaves may make room for another: as often as there are flows, since no flow leaves twice.
        """
        order = sorted(self._fabric.flows, key=lambda one: (one.priority, one.name))
        for _ in order:
            if not [flow for flow in order if self._leaves(flow)]:
                return

    def _leaves(self, flow: Flow) -> bool:
        here = self._chosen[flow.name]
        if here is None or self._excess(here) == 0 or not self._shared(flow, here):
            return False
        options, _ = self._options(flow)
        away = [link for link in options if link.name != here and self._room(link) >= flow.demand]
        if away:
            best = min(away, key=lambda link: self._taste(flow, link))
            self._refused[flow.name][here] = "a larger flow with nowhere else to go overloads it"
            self._choose(flow, best.name, "out of the way of a flow that fits nowhere else")
        return bool(away)

    def result(self) -> Placed:
        """Give the placement with what does not fit and why."""
        flows = {flow.name: self._placement(flow) for flow in self._fabric.flows}
        return Placed(flows=flows, reasons=tuple(self._reason(flow) for flow in self._fabric.flows))

    def _choose(self, flow: Flow, link: LinkName | None, because: str) -> None:
        self._chosen[flow.name] = link
        self._because[flow.name] = because

    def _place_today(self, flow: Flow) -> LinkName | None:
        today = self._today.get(flow.name)
        return today.link if today else None

    def _options(self, flow: Flow) -> tuple[list[Link], dict[LinkName, str]]:
        """List the links that may carry a flow, in tiers: where it may stay or settled ones, else fresh ones; small MTU last."""
        permitted = [self._fabric.link(name) for name in flow.prefer]
        refused = {link.name: self._footing[link.name].why for link in permitted if not self._open(flow, link)}
        opened = [link for link in permitted if self._open(flow, link)]
        wide = [link for link in opened if link.mtu >= flow.min_mtu]
        refused |= {link.name: f"MTU {link.mtu} is below {flow.min_mtu}" for link in opened if wide and link not in wide}
        tier = wide or opened
        settled = [link for link in tier if self._settled(flow, link)]
        refused |= {link.name: "still in hold-down" for link in tier if settled and link not in settled}
        return settled or tier, refused

    def _open(self, flow: Flow, link: Link) -> bool:
        ground = self._footing[link.name]
        return ground.takes or (ground.stays and self._place_today(flow) == link.name)

    def _settled(self, flow: Flow, link: Link) -> bool:
        return self._footing[link.name].settled or self._place_today(flow) == link.name

    def _taste(self, flow: Flow, link: Link) -> tuple[int, int, float, str]:
        return (flow.prefer.index(link.name), -link.mtu, link.cost_per_gb, link.name)

    def _load(self, link: LinkName) -> int:
        return sum(self._fabric.flow(name).demand for name, at in self._chosen.items() if at == link)

    def _room(self, link: Link) -> int:
        return self._footing[link.name].usable - self._load(link.name)

    def _excess(self, link: LinkName) -> int:
        return max(0, self._load(link) - self._footing[link].usable)

    def _harm(self, flow: Flow, link: Link) -> tuple[int, int]:
        """Rank an overload: first the demand of more precious flows that it would harm, then its size."""
        precious = (self._fabric.flow(name) for name, at in self._chosen.items() if at == link.name)
        harmed = sum(one.demand for one in precious if one.priority < flow.priority)
        return harmed, flow.demand - self._room(link)

    def _shared(self, flow: Flow, link: LinkName) -> bool:
        """Say whether another flow, as precious or less, is on a link too."""
        others = (self._fabric.flow(name) for name, at in self._chosen.items() if at == link and name != flow.name)
        return any(other.priority >= flow.priority for other in others)

    def _placement(self, flow: Flow) -> Placement:
        at = self._chosen[flow.name]
        if at is None:
            return Placement()
        return Placement(link=at, squeezed_by=self._squeezed(flow, at), mtu_short=self._fabric.link(at).mtu < flow.min_mtu)

    def _squeezed(self, flow: Flow, link: LinkName) -> Bandwidth:
        """Give a flow's part of a link's overload, which is put down to the least precious flow first, of equals to the larger."""
        here = (self._fabric.flow(name) for name, at in self._chosen.items() if at == link)
        before = sum(one.demand for one in here if (one.priority, one.demand, one.name) > (flow.priority, flow.demand, flow.name))
        return Bandwidth(max(0, min(self._excess(link) - before, flow.demand)))

    def _reason(self, flow: Flow) -> Reason:
        at = self._chosen[flow.name]
        refused = {str(name): why for name, why in self._refused[flow.name].items() if name != at}
        return Reason(about=flow.name, chosen=at or "nothing", because=self._because[flow.name], refused=refused)
