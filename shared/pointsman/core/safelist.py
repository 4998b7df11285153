"""What one cloud may do without a majority: the closed list, and the one action on it that the moment calls for, if any.

A path that is freshly seen dead from here may be made less attractive by a lever that rides BGP, while every flow
that this moves has another path freshly seen healthy from here. Nothing is ever made more attractive, pinned or
dropped by it, so that whatever two clouds do at once, the path that is left still carries.
"""

from collections.abc import Iterator, Mapping, Sequence

from pointsman.core.case import Case
from pointsman.core.claims import Claims
from pointsman.core.evidence import believe, cloud_of, is_forwarding, observed_loss
from pointsman.core.fabric import Flow, FlowName, Link, LinkKind, LinkName, Mode
from pointsman.core.filling import is_squeezed, parallel
from pointsman.core.plan import LinkState, Verdict
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Vantage
from pointsman.core.steering import RANKS, FailoverTest, LeverKind, Observed, PrefixStance, RoutePolicies, Setting, Stance
from pointsman.core.values import Frozen, replace
from pointsman.core.wants import TEST_DURATION, fallbacks, home

Levers = Mapping[tuple[LeverKind, str], Observed]
"""This cloud's levers as they read now, by kind and link."""

UNUSED = 10**6
"""Stands after every flow's priority: nobody is on the link."""
_PROBES = frozenset({Vantage.PROBE_AWS, Vantage.PROBE_GCP})


class Action(Frozen):
    """One safe thing to do: the link to avoid, the setting that does it, the flows that leave, and why."""

    link: LinkName
    setting: Setting
    flows: tuple[FlowName, ...]
    because: str


class Hold(Frozen):
    """Nothing may be done; ``because`` says why."""

    because: str


def is_safe(want: Setting, observed: Setting) -> bool:
    """Say whether setting a lever so is on the safe list: policies that only avoid more, or a failover test that ends by itself."""
    match want, observed:
        case RoutePolicies(), RoutePolicies():
            ways = ((want.imports, observed.imports), (want.exports, observed.exports))
            return want.link == observed.link and all(_avoids_more(new, old) for new, old in ways)
        case FailoverTest(), FailoverTest():
            return want.link == observed.link and want.running and want.duration <= TEST_DURATION
        case _:
            return False


def _avoids_more(new: Sequence[PrefixStance], old: Sequence[PrefixStance]) -> bool:
    held = {one.prefix: one for one in old}
    if not held.keys() <= {one.prefix for one in new}:
        return False
    return all(one == held.get(one.prefix) or _is_avoidance(one, held.get(one.prefix)) for one in new)


def _is_avoidance(new: PrefixStance, old: PrefixStance | None) -> bool:
    if new.stance is not Stance.AVOID:
        return False
    return old is None or old.stance is Stance.ATTRACT or (old.stance is Stance.AVOID and old.rank <= new.rank)


def dead_from_here(case: Case) -> tuple[Link, ...]:
    """List the links that this cloud sees losing packets while their BGP is up, those of the most precious flows first."""
    dead = [link for link in case.fabric.links if link.mode is Mode.AUTO and _dead(case, link)]
    return tuple(sorted(dead, key=lambda link: ([flow.priority for flow in _on(case, link)[:1]] or [UNUSED], link.name)))


def safe_action(case: Case, link: Link, levers: Levers) -> Action | Hold:
    """Find the one safe action against a link that is dead from here, by the lever of this cloud that was observed on it."""
    if not _on(case, link):
        return Hold(because=f"{link.name} is dead from here and carries no flow of the last known plan")
    for kind, act in ((LeverKind.ROUTE_POLICY, _by_policies), (LeverKind.FAILOVER_TEST, _by_test)):
        observed = levers.get((kind, link.name))
        if observed is not None:
            return act(case, link, levers) if observed.settled else Hold(because=f"the lever on {link.name} is still changing")
    return Hold(because=f"no lever of this cloud that rides BGP could be observed on {link.name}")


def _rows(claims: Claims) -> Iterator[Sighting]:
    for rows in claims.values():
        yield from rows


def _own(case: Case, link: Link) -> Claims:
    """Give what this cloud's own vantages claim of a link."""
    here = case.view.here
    return {member: tuple(row for row in rows if cloud_of(row.vantage) is here) for member, rows in case.claims[link.name].items()}


def _dead(case: Case, link: Link) -> bool:
    """Say whether packets are lost from here while a session stands, beyond what the plan puts there, and nobody heard says that they pass."""
    own = list(_rows(_own(case, link)))
    lost = [row for row in own if row.vantage in _PROBES and row.health is Health.DOWN]
    sessions = [row for row in own if row.aspect is Aspect.BGP]
    hidden = any(row.cause is Cause.FAILOVER_TEST for row in sessions)
    gone = bool(sessions) and all(row.health is Health.DOWN for row in sessions)
    denied = any(row.vantage in _PROBES and row.health is Health.UP for row in _rows(case.claims[link.name]))
    return bool(lost) and not (hidden or gone or denied or is_squeezed(case, link.name))


def _healthy(case: Case, link: Link) -> bool:
    """Say whether a link is freshly seen passing packets from here, nobody says otherwise, and the last known plan does not keep off it."""
    state = _state(case, link.name)
    if state.drain is not None or state.verdict is Verdict.DOWN:
        return False
    if believe(link, case.claims[link.name], LinkState(), case.now).verdict is not Verdict.UP:
        return False
    seen = [row for row in _rows(_own(case, link)) if is_forwarding(row) and row.health is Health.UP]
    return any(row.vantage in _PROBES for row in seen) if link.probes else bool(seen)


def _state(case: Case, link: LinkName) -> LinkState:
    return case.plan.links.get(link, LinkState())


def _on(case: Case, link: Link) -> list[Flow]:
    """List the flows that the last known plan has on a link, also while they are held back there, the precious first."""
    on = [flow for flow in case.fabric.flows if home(case.fabric, case.plan, flow) == link.name]
    return sorted(on, key=lambda flow: (flow.priority, flow.name))


class _Room:
    """Load of the links as flows move: nobody who is well may be squeezed by one who moves."""

    def __init__(self, case: Case, leaving: Link) -> None:
        self._case = case
        self._lost = observed_loss(_own(case, leaving))
        self._load: dict[LinkName, int] = {link.name: sum(flow.demand for flow in _on(case, link)) for link in case.fabric.links}

    def takes(self, link: Link, demand: int) -> bool:
        """Say whether a link takes a demand: it fits, or nobody is there yet and less would be lost than is lost now."""
        usable = _state(self._case, link.name).usable
        capacity = link.capacity if usable is None else usable
        load = self._load[link.name]
        if load + demand <= capacity:
            return True
        return load == 0 and 1 - capacity / demand < self._lost

    def put(self, link: Link, demand: int) -> None:
        self._load[link.name] += demand


def _by_policies(case: Case, link: Link, levers: Levers) -> Action | Hold:
    """Avoid a link for each flow that has a healthy way out with room; the others are left as they are."""
    held = levers[LeverKind.ROUTE_POLICY, link.name].setting
    assert isinstance(held, RoutePolicies), "the lever of route policies reads as such"
    room, moved, stay = _Room(case, link), [], []
    for flow in _on(case, link):
        target = _next_by_rank(case, link, flow, levers)
        if target is None or not room.takes(target, flow.demand):
            stay.append(flow.name)
            continue
        room.put(target, flow.demand)
        moved.append(flow)
    want = _avoiding(held, link, moved)
    if not moved:
        return Hold(because=f"{link.name} is dead from here, and no flow on it has another healthy way with room")
    if want == held:
        return Hold(because=f"{link.name} is avoided already")
    left = f"; {' and '.join(stay)} stay" if stay else ""
    because = f"its probe from {case.view.here} loses packets while BGP is up, and the next link is seen healthy{left}"
    return Action(link=link.name, setting=want, flows=tuple(flow.name for flow in moved), because=because)


def _next_by_rank(case: Case, link: Link, flow: Flow, levers: Levers) -> Link | None:
    """Name the link that BGP takes a flow to when one is avoided, if it is permitted and healthy; None when that is not certain.

    AWS prefers any DX gateway's route to a VPN's whatever its MED, so avoiding a link never moves a flow from there to a VPN.
    """
    ranks = [(other, _rank(other, flow, levers)) for other in parallel(case.fabric, link)]
    ways = [(other, rank) for other, rank in ranks if rank is not None and rank < RANKS]
    best = [other for other, rank in ways if rank == min(rank for _, rank in ways)]
    if len(best) != 1 or best[0].name not in flow.prefer or not _healthy(case, best[0]):
        return None
    return best[0] if link.kind is LinkKind.VPN or best[0].kind is not LinkKind.VPN else None


def _rank(link: Link, flow: Flow, levers: Levers) -> int | None:
    """Give how far a flow is kept off a link by the policies in force (0: not at all); None where it is dropped."""
    observed = levers.get((LeverKind.ROUTE_POLICY, link.name))
    if observed is None or not isinstance(observed.setting, RoutePolicies):
        return 0
    prefixes = {prefix for group in flow.prefixes.values() for prefix in group}
    stances = [one for one in (*observed.setting.imports, *observed.setting.exports) if one.prefix in prefixes]
    if any(one.stance is Stance.DROP for one in stances):
        return None
    return max((one.rank for one in stances if one.stance is Stance.AVOID), default=0)


def _avoiding(held: RoutePolicies, link: Link, flows: Sequence[Flow]) -> RoutePolicies:
    """Give the policies as they read now, with these flows avoided at the last rank and every drop left as it is."""
    imports = [prefix for flow in flows for prefix in flow.prefixes.get(link.aws_site, ())]
    exports = [prefix for flow in flows for prefix in flow.prefixes.get(link.gcp_site, ())]
    return replace(held, imports=_more(held.imports, imports), exports=_more(held.exports, exports))


def _more(held: Sequence[PrefixStance], avoided: Sequence[str]) -> tuple[PrefixStance, ...]:
    kept = tuple(one for one in held if one.prefix not in avoided or one.stance is Stance.DROP)
    known = {one.prefix for one in kept}
    return (*kept, *(PrefixStance(prefix=prefix, stance=Stance.AVOID, rank=RANKS) for prefix in avoided if prefix not in known))


def _by_test(case: Case, link: Link, levers: Levers) -> Action | Hold:
    """Withdraw a link by a failover test, which takes every flow off it: so each of them needs a healthy way out with room."""
    held = levers[LeverKind.FAILOVER_TEST, link.name].setting
    if isinstance(held, FailoverTest) and held.running:
        return Hold(because=f"a failover test runs on {link.name} already")
    room, flows = _Room(case, link), _on(case, link)
    load: dict[LinkName, int] = {}
    for flow in flows:
        target = _next_by_plan(case, link, flow, levers)
        if target is None:
            return Hold(because=f"{link.name} is dead from here, and {flow.name} has no other way that is seen healthy")
        load[target.name] = load.get(target.name, 0) + flow.demand
    short = [name for name, demand in load.items() if not room.takes(case.fabric.link(name), demand)]
    if short:
        return Hold(because=f"{link.name} is dead from here, and its flows would squeeze {' and '.join(sorted(short))}")
    because = f"its probe from {case.view.here} loses packets while BGP is up, and the next link of each of its flows is seen healthy"
    setting = FailoverTest(link=link.name, running=True, duration=TEST_DURATION)
    return Action(link=link.name, setting=setting, flows=tuple(flow.name for flow in flows), because=because)


def _next_by_plan(case: Case, link: Link, flow: Flow, levers: Levers) -> Link | None:
    """Name the link that BGP takes a flow to when one is withdrawn; None unless it is certain, permitted, healthy and not under test."""
    ways = {name for names in fallbacks(case.fabric, case.plan, flow, link.name).values() for name in names}
    target = case.fabric.link(ways.pop()) if len(ways) == 1 else None
    if target is None or target.name not in flow.prefer or target not in parallel(case.fabric, link) or not _healthy(case, target):
        return None
    observed = levers.get((LeverKind.FAILOVER_TEST, target.name))
    tested = observed is not None and isinstance(observed.setting, FailoverTest) and observed.setting.running
    return None if tested else target
