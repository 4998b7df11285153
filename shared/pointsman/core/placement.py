"""Which link each flow takes: the best placement there is, in the sense that ``core.solving`` states, with reasons.

Routers do not police priority: a link that is offered more than it carries loses packets of every flow alike. So what
fits nowhere is put where it harms the precious flows least, and flows leave a link where that avoids loss.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from pointsman.core.fabric import Bandwidth, Fabric, Flow, FlowName, Link, LinkName
from pointsman.core.plan import Placement, Reason
from pointsman.core.solving import Ask, Fixed, Memo, Proof, Solved, solve
from pointsman.core.values import Frozen

PLACED_KEPT = 256
"""Answers that a process remembers: a warm function is asked the same by sweep after sweep, and a search takes its time."""
ABOUT = "placement"
"""What the reason is about that says how far a placement is proved; no link or flow of that name is meant."""
WAIT = "still in hold-down"
"""Why an open link is taken only when no other is left."""
HOLDS = "only what has to leave its link is moved now: left where it is"
"""Why a flow stays that no outage forces, while nothing may be moved at discretion."""
MAKES_WAY = "out of the way of what has to leave its link, which would overload this one otherwise"
"""Why a flow moves all the same."""
_COST_UNIT = 10**9
"""Parts of the user's currency that a cost per gigabyte is counted in: whole numbers add up to the same in any order."""
_PROOFS = {
    Proof.CUT: "the search was cut off at its bound of nodes: the best placement found so far",
    Proof.HEURISTIC: "more links or flows than are searched: placed by the heuristic",
}


class Footing(Frozen):
    """What placement needs to know of a link.

    ``usable`` is the capacity left in bits per second; ``stays``: flows that are on it may stay; ``takes``: it may
    attract flows; ``settled``: its hold-down is over, so it is as good as any (otherwise it is taken only when no
    settled link is left); ``why`` says it in words when the link is not open, ``wait`` when it is not settled.
    ``held`` says why what is on it may not be led away ("" when it may). ``outranked`` are links that AWS prefers to it and
    that nothing of ours takes out of the way: no flow that may use one of them is led here. ``outranked_anew`` are those
    that our levers as they stand keep out of the way of what is here already, and of nothing else. ``doubtful`` are such links of
    which nobody knows whether AWS may still take them: a flow is led here past them only if nothing else is open to it.
    """

    usable: Bandwidth
    stays: bool
    takes: bool
    settled: bool
    why: str = ""
    wait: str = WAIT
    held: str = ""
    outranked: tuple[LinkName, ...] = ()
    outranked_anew: tuple[LinkName, ...] = ()
    doubtful: tuple[LinkName, ...] = ()


class Placed(Frozen):
    """All flows placed, with a reason for each. ``proof`` says whether no better placement exists.

    ``harm`` says of each class, the most precious first, how many flows are on too small an MTU, and how many bits per second
    the overload of its links harms it by.
    """

    flows: dict[FlowName, Placement]
    reasons: tuple[Reason, ...]
    proof: Proof = Proof.OPTIMAL
    harm: tuple[tuple[int, int], ...] = ()

    @property
    def doubt(self) -> tuple[Reason, ...]:
        """Say that a better placement may exist; nothing when none does."""
        because = _PROOFS.get(self.proof)
        return (Reason(about=ABOUT, chosen=self.proof, because=because),) if because else ()


def place(
    fabric: Fabric,
    footing: Mapping[LinkName, Footing],
    today: Mapping[FlowName, Placement],
    *,
    still: bool = False,
    memo: Memo | None = None,
) -> Placed:
    """Place every flow. ``today`` is where they are now; a flow with no open link keeps its place (never on an empty set).

    ``still``: only what may not stay where it is moves, and of the rest no more than spares the overload that this makes.
    """
    question = _Question(fabric, footing, {name: one.link for name, one in today.items()}, still=still)
    return _remembered(question) if memo is None else _placed(question, memo)


class _Question:
    """What ``place`` is asked. Fabrics of one hash are equal."""

    def __init__(
        self, fabric: Fabric, footing: Mapping[LinkName, Footing], today: Mapping[FlowName, LinkName | None], *, still: bool
    ) -> None:
        self.fabric = fabric
        self.footing = footing
        self.today = today
        self.still = still
        self._key = (fabric.hash, tuple(footing.items()), tuple(today.items()), still)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Question) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=PLACED_KEPT)
def _remembered(question: _Question) -> Placed:
    return _placed(question, None)


def _placed(question: _Question, memo: Memo | None) -> Placed:
    fabric = question.fabric
    ground = _Ground(fabric, question.footing, question.today, still=question.still)
    found = ground.solved(memo)
    told = _Told(ground, found)
    return Placed(
        flows={flow.name: told.placement(flow) for flow in fabric.flows},
        reasons=tuple(told.reason(flow) for flow in fabric.flows),
        proof=found.proof,
        harm=tuple(zip(ground.short(found), ground.overload(found), strict=True)),
    )


class _Ground:
    """The question: which links are open to each flow, in tiers, and why the others are not; ``held`` are flows that are to stay."""

    def __init__(
        self, fabric: Fabric, footing: Mapping[LinkName, Footing], today: Mapping[FlowName, LinkName | None], *, still: bool
    ) -> None:
        self.links = {link.name: link for link in fabric.links}
        self.footing = footing
        self.options: dict[FlowName, list[Link]] = {}
        self.refused: dict[FlowName, dict[LinkName, str]] = {}
        self.today = {name: link for name, link in today.items() if link in self.links}
        self.flows = fabric.flows
        self.still = still
        self.held = frozenset(name for name, here in self.today.items() if still and footing[here].stays)
        self._costs = {link.name: round(link.cost_per_gb * _COST_UNIT) for link in fabric.links}
        for flow in fabric.flows:
            self.options[flow.name], self.refused[flow.name] = self._options(flow)

    def solved(self, memo: Memo | None) -> Solved:
        """Find the best placement of the flows that have a link that is open.

        What is held is let go only where something that has to move would overload a link, and only if that is less so then.
        """
        found = self._solved(self.held, memo)
        crowded = self._crowded(found) if self.held else frozenset()
        if not crowded:
            return found
        freed = self._solved(self.held - self._beside(crowded), memo)
        return min(found, freed, key=self.overload)

    def at(self, found: Solved) -> dict[FlowName, LinkName]:
        """Give where each flow is; one without a place is left out."""
        here = ((flow.name, found.links.get(flow.name, self.today.get(flow.name))) for flow in self.flows)
        return {name: link for name, link in here if link is not None}

    def room(self, found: Solved) -> dict[LinkName, int]:
        """Give what is left of each link, in bits per second; below 0 when it is overloaded."""
        at, room = self.at(found), {name: int(one.usable) for name, one in self.footing.items()}
        for flow in self.flows:
            if flow.name in at:
                room[at[flow.name]] -= flow.demand
        return room

    def _solved(self, fixed: frozenset[FlowName], memo: Memo | None) -> Solved:
        stays = {flow.name for flow in self.flows if flow.name in fixed or not self.options[flow.name]}
        asks = [self._ask(flow) for flow in self.flows if flow.name not in stays]
        stay = [
            Fixed(link=here, demand=flow.demand, priority=flow.priority)
            for flow in self.flows
            if flow.name in stays and (here := self.today.get(flow.name)) is not None
        ]
        return solve(asks, {name: ground.usable for name, ground in self.footing.items()}, stay, memo)

    def _crowded(self, found: Solved) -> frozenset[LinkName]:
        """List the overloaded links that something moves to which may not stay where it is."""
        at, room = self.at(found), self.room(found)
        moved = (at[name] for name in found.links if name not in self.held)
        return frozenset(link for link in moved if room[link] < 0)

    def _beside(self, crowded: frozenset[LinkName]) -> frozenset[FlowName]:
        """List the flows that share such a link, or share one with a flow that does, and so on."""
        ways = {flow.name: set(self._ways(flow)) for flow in self.flows if self.options[flow.name]}
        reached, before = set(crowded), -1
        while len(reached) != before:
            before = len(reached)
            reached.update(link for links in ways.values() if links & reached for link in links)
        return frozenset(name for name, links in ways.items() if links & reached)

    def short(self, found: Solved) -> list[int]:
        """Count by class, the most precious first, the flows whose link carries smaller packets than they declare."""
        at = self.at(found)
        narrow = [flow.priority for flow in self.flows if flow.name in at and self.links[at[flow.name]].mtu < flow.min_mtu]
        return [narrow.count(priority) for priority in sorted({flow.priority for flow in self.flows})]

    def overload(self, found: Solved) -> list[int]:
        """Add up the overload by class, the most precious first: an excess harms each class on a link, at most by what it sends."""
        at, room = self.at(found), self.room(found)
        classes: dict[int, dict[LinkName, int]] = {priority: {} for priority in sorted({flow.priority for flow in self.flows})}
        for flow in self.flows:
            if flow.name in at:
                sent = classes[flow.priority]
                sent[at[flow.name]] = sent.get(at[flow.name], 0) + flow.demand
        return [sum(min(demand, max(0, -room[link])) for link, demand in sent.items()) for sent in classes.values()]

    def _ways(self, flow: Flow) -> tuple[LinkName, ...]:
        """Name the links that may carry a flow, its own first if it is held."""
        names = tuple(link.name for link in self.options[flow.name])
        here = self.today.get(flow.name)
        return (here, *(name for name in names if name != here)) if flow.name in self.held and here is not None else names

    def _ask(self, flow: Flow) -> Ask:
        names = self._ways(flow)
        return Ask(
            name=flow.name,
            demand=flow.demand,
            priority=flow.priority,
            links=names,
            ranks=tuple(flow.prefer.index(name) if name in flow.prefer else len(flow.prefer) for name in names),
            costs=tuple(self._costs[name] for name in names),
            today=self.today.get(flow.name),
            held=flow.name in self.held,
        )

    def _options(self, flow: Flow) -> tuple[list[Link], dict[LinkName, str]]:
        """List the links that may carry a flow, in tiers: where it may stay or settled ones, else fresh ones; small MTU last."""
        here = self.today.get(flow.name)
        refused: dict[LinkName, str] = {}
        opened: list[Link] = []
        past: dict[LinkName, str] = {}
        for name in flow.prefer:
            ground = self.footing[name]
            if not ground.takes and not (ground.stays and name == here):
                refused[name] = ground.why
            elif rival := self._rival(flow, name):
                refused[name] = f"AWS prefers {rival}, which is not ours to steer, and would part from Google"
            elif doubt := self._doubt(flow, name):
                past[name] = f"AWS may still take it to {doubt}, which is not ours to steer, and would part from Google"
            else:
                opened.append(self.links[name])
        refused |= past if opened else {}
        opened = opened or [self.links[name] for name in past]
        if here is not None and self.links[here] in opened and (held := self.footing[here].held):
            return [self.links[here]], refused | {link.name: held for link in opened if link.name != here}
        wide = [link for link in opened if link.mtu >= flow.min_mtu]
        if wide:
            refused |= {link.name: f"MTU {link.mtu} is below {flow.min_mtu}" for link in opened if link.mtu < flow.min_mtu}
        tier = wide or opened
        settled = [link for link in tier if self.footing[link.name].settled or link.name == here]
        if settled:
            refused |= {link.name: self.footing[link.name].wait for link in tier if link not in settled}
        return settled or tier, refused

    def _rival(self, flow: Flow, name: LinkName) -> LinkName | None:
        """Name the permitted link that AWS would take the flow to instead; None when both directions can be led to this one."""
        ground = self.footing[name]
        rivals = ground.outranked if name == self.today.get(flow.name) else (*ground.outranked, *ground.outranked_anew)
        return next((one for one in flow.prefer if one in rivals), None)

    def _doubt(self, flow: Flow, name: LinkName) -> LinkName | None:
        """Name the permitted link that AWS may take the flow to instead, for all that is known; what is here already stays."""
        doubtful = () if name == self.today.get(flow.name) else self.footing[name].doubtful
        return next((one for one in flow.prefer if one in doubtful), None)


class _Told:
    """The answer in words: where each flow is, what does not fit, and why."""

    def __init__(self, ground: _Ground, found: Solved) -> None:
        self._ground = ground
        self._at = ground.at(found)
        self._on: dict[LinkName, list[Flow]] = {}
        for flow in ground.flows:
            if flow.name in self._at:
                self._on.setdefault(self._at[flow.name], []).append(flow)
        self._room = ground.room(found)
        self._squeezed = {name: part for link in self._on for name, part in self._parts(link)}

    def placement(self, flow: Flow) -> Placement:
        """Give a flow's place, and what is wrong with it."""
        at = self._at.get(flow.name)
        if at is None:
            return Placement()
        short = self._ground.links[at].mtu < flow.min_mtu
        return Placement(link=at, squeezed_by=self._squeezed.get(flow.name, Bandwidth(0)), mtu_short=short)

    def reason(self, flow: Flow) -> Reason:
        """Say why a flow is where it is, and why not on each other link that is refused."""
        at, full = self._at.get(flow.name), self._full(flow)
        refused = {str(name): why for name, why in (self._ground.refused[flow.name] | full).items() if name != at}
        return Reason(about=flow.name, chosen=at or "nothing", because=self._because(flow), refused=refused)

    def _because(self, flow: Flow) -> str:
        at = self._at.get(flow.name)
        if at is None or not self._ground.options[flow.name]:
            return "no permitted link is open: left where it is"
        if flow.name in self._ground.held:
            return HOLDS if at == self._ground.today[flow.name] else MAKES_WAY
        if self._room[at] < 0:
            return "no permitted link has room: here it harms the precious flows least"
        if any(self._given_up(flow, link.name) for link in self._better(flow)):
            return "out of the way of a flow that fits nowhere else"
        return "best permitted link with room"

    def _full(self, flow: Flow) -> dict[LinkName, str]:
        """Say of each open link that has no room for a flow why it hasn't."""
        full = [
            link.name
            for link in self._ground.options[flow.name]
            if link.name != self._at.get(flow.name) and self._room[link.name] < flow.demand
        ]
        given_up = {link.name for link in self._better(flow) if self._given_up(flow, link.name)}
        return {
            name: "a larger flow with nowhere else to go overloads it"
            if name in given_up
            else f"room for {max(0, self._room[name])} of {flow.demand} bit/s"
            for name in full
        }

    def _better(self, flow: Flow) -> list[Link]:
        """List the open links that are nearer to a flow's favourite than its own."""
        options, at = self._ground.options[flow.name], self._at.get(flow.name)
        return options[: next((index for index, link in enumerate(options) if link.name == at), 0)]

    def _given_up(self, flow: Flow, link: LinkName) -> bool:
        """Say whether a link would have room for a flow but for less precious ones on it, which have nowhere else to go."""
        if self._ground.still:
            return False  # they may be there only because they are held
        as_precious = _demand(one for one in self._on.get(link, ()) if one.priority <= flow.priority)
        return self._room[link] < flow.demand <= self._ground.footing[link].usable - as_precious

    def _parts(self, link: LinkName) -> Iterable[tuple[FlowName, Bandwidth]]:
        """Put a link's overload down to its flows: to the least precious first, of equals to the larger."""
        excess = -self._room[link]
        for flow in sorted(self._on[link], key=lambda one: (one.priority, one.demand, one.name), reverse=True):
            if excess <= 0:
                return
            yield flow.name, Bandwidth(min(excess, flow.demand))
            excess -= flow.demand


def _demand(flows: Iterable[Flow]) -> int:
    return sum(flow.demand for flow in flows)
