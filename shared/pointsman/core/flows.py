"""Where each flow goes: the placement that a case asks for, within what may be moved at discretion."""

from collections.abc import Mapping

from pointsman.core.case import Case
from pointsman.core.damping import is_damped, is_stilled, told
from pointsman.core.drains import discretion, settled
from pointsman.core.evidence import Belief, passing, still_passing
from pointsman.core.fabric import Fabric, FlowName, Link, LinkKind, LinkName, Mode
from pointsman.core.placement import WAIT, Footing, Placed, place
from pointsman.core.plan import LinkState, Placement, Reason, Verdict
from pointsman.core.values import replace


def placements(case: Case, states: Mapping[LinkName, LinkState], beliefs: Mapping[LinkName, Belief]) -> Placed:
    """Place all flows. A session lost at both ends is left before its budget is over only if everything then fits elsewhere.

    One that flapped beyond all measure is not left so early: its outage has to be confirmed.
    """
    today = case.plan.flows
    damping = case.fabric.policy.damping
    auto = (link.name for link in case.fabric.links if link.mode is Mode.AUTO and not is_stilled(states[link.name], damping, case.now))
    lost = frozenset(name for name in auto if beliefs[name].lost_both_ends)
    if lost:
        early = place(case.fabric, _footings(case, states, shut=lost), today)
        if all(one.link is not None and one.link not in lost and not one.squeezed_by and not one.mtu_short for one in early.flows.values()):
            return _with_only(case, states, early)
    placed = place(case.fabric, _footings(case, states), today)
    return _with_only(case, states, placed if discretion(case) else _without_discretion(case, states, placed))


def _with_only(case: Case, states: Mapping[LinkName, LinkState], placed: Placed) -> Placed:
    """Mark flows on a VPN that is proved to pass: AWS would prefer any DX gateway's route, so those are to be dropped.

    Of a degraded one a single tunnel that is proved to pass will do: what it carries was weighed when the flow was placed.
    """

    def only(one: Placement) -> bool:
        if one.link is None or case.fabric.link(one.link).kind is not LinkKind.VPN:
            return False
        claims, verdict = case.claims[one.link], states[one.link].verdict
        return (verdict is Verdict.UP and passing(claims)) or (verdict is Verdict.DEGRADED and still_passing(claims))

    flows = {name: replace(one, only=only(one)) for name, one in placed.flows.items()}
    return replace(placed, flows=flows, reasons=tuple(_without_drop(case.fabric, reason, flows) for reason in placed.reasons))


def _without_drop(fabric: Fabric, reason: Reason, flows: Mapping[FlowName, Placement]) -> Reason:
    """Say of a flow that is placed on a VPN, and that AWS may not be led there yet, why not."""
    one = flows[FlowName(reason.about)]
    if one.link is None or one.only or fabric.link(one.link).kind is not LinkKind.VPN:
        return reason
    why = f"no fresh forwarding evidence shows {one.link} passing packets: both directions wait for it, or for the interconnects' end"
    return replace(reason, refused=reason.refused | {"drop on interconnects": why})


def _footings(case: Case, states: Mapping[LinkName, LinkState], shut: frozenset[LinkName] = frozenset()) -> dict[LinkName, Footing]:
    return {link.name: _footing(case, link, states[link.name], shut=link.name in shut) for link in case.fabric.links}


def _footing(case: Case, link: Link, state: LinkState, *, shut: bool) -> Footing:
    kept_off = shut or state.drain is not None
    takes = not kept_off and state.verdict in {Verdict.UP, Verdict.DEGRADED}
    damped = told(state, case.fabric.policy.damping, case.now) if is_damped(state, case.fabric.policy.damping, case.now) else ""
    return Footing(
        usable=link.capacity if state.usable is None else state.usable,
        stays=not kept_off,
        takes=takes,
        settled=case.steers(link) and not damped and settled(state, case.fabric.policy.hold_down, case.now),
        why="" if takes else ("drained" if state.drain else f"believed {state.verdict}"),
        wait=damped or WAIT,
    )


def _without_discretion(case: Case, states: Mapping[LinkName, LinkState], placed: Placed) -> Placed:
    """Take back every move that no outage forces: the flow's link of today would still have kept it."""

    def chosen(name: FlowName, new: Placement) -> Placement:
        old = case.plan.flows.get(name)
        keeps = old is not None and old.link is not None and states[old.link].drain is None
        return old if keeps and old is not None else new

    return replace(placed, flows={name: chosen(name, new) for name, new in placed.flows.items()})
