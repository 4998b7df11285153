"""Where each flow goes: the placement that a case asks for, within what may be moved at discretion."""

from collections.abc import Mapping

from pointsman.core.case import Case
from pointsman.core.damping import is_damped, is_stilled, told
from pointsman.core.drains import discretion, settled
from pointsman.core.evidence import Belief, passing, still_passing, under_load
from pointsman.core.fabric import FlowName, Link, LinkKind, LinkName, Mode
from pointsman.core.filling import outranking
from pointsman.core.placement import WAIT, Footing, Placed, place
from pointsman.core.plan import LinkState, Placement, Reason, Verdict
from pointsman.core.values import replace

HELD = "a person's word is needed to lead it away, since its link is in mode recommend"
"""Why a flow that is on a link in mode recommend stays: without its levers the flow would be on both links at once."""
_OPEN = frozenset({Verdict.UP, Verdict.DEGRADED})


def placements(
    case: Case,
    states: Mapping[LinkName, LinkState],
    beliefs: Mapping[LinkName, Belief],
    start: Mapping[FlowName, Placement] | None = None,
) -> Placed:
    """Place all flows, from where the plan has them or from ``start``. Without discretion only what an outage forces moves.

    A session lost at both ends is left before its budget is over only at discretion, and if everything then fits elsewhere;
    nothing else moves on a loss that is not confirmed. One that flapped beyond all measure has to be confirmed.
    """
    today, free, lost = case.plan.flows if start is None else start, discretion(case), _lost(case, states, beliefs)
    if free and any(one.link in lost for one in case.plan.flows.values()):
        early = place(case.fabric, footings(case, states, shut=lost), today, still=True)
        if all(one.link is not None and one.link not in lost and not one.squeezed_by and not one.mtu_short for one in early.flows.values()):
            return _with_only(case, states, early)
    return _with_only(case, states, place(case.fabric, footings(case, states), today, still=not free))


def _lost(case: Case, states: Mapping[LinkName, LinkState], beliefs: Mapping[LinkName, Belief]) -> frozenset[LinkName]:
    """Name the links whose session both ends have lost while it may yet come back, and that may be left for that."""
    damping = case.fabric.policy.damping
    auto = (link.name for link in case.fabric.links if link.mode is Mode.AUTO and not is_stilled(states[link.name], damping, case.now))
    return frozenset(name for name in auto if beliefs[name].lost_both_ends)


def _with_only(case: Case, states: Mapping[LinkName, LinkState], placed: Placed) -> Placed:
    """Mark flows on a VPN that is proved to pass: AWS would prefer any DX gateway's route, so those are to be dropped.

    Of a degraded one a single tunnel that is proved to pass will do: what it carries was weighed when the flow was placed. One that
    carries though its probes lose packets is overloaded. It passes the others, and AWS's failover tests, which would else have to push its flows
    there, hide every interconnect from the probes and may be what overloads it.
    """

    def only(one: Placement) -> bool:
        if one.link is None or case.fabric.link(one.link).kind is not LinkKind.VPN:
            return False
        claims, verdict = under_load(case.claims[one.link]), states[one.link].verdict
        return (verdict is Verdict.UP and passing(claims)) or (verdict is Verdict.DEGRADED and still_passing(claims))

    flows = {name: replace(one, only=only(one)) for name, one in placed.flows.items()}
    return replace(placed, flows=flows, reasons=tuple(_unled(case, states, reason, flows) for reason in placed.reasons))


def _unled(case: Case, states: Mapping[LinkName, LinkState], reason: Reason, flows: Mapping[FlowName, Placement]) -> Reason:
    """Say of a flow that is placed on a VPN, and that AWS may not be led there (yet), why not."""
    one = flows[FlowName(reason.about)]
    if one.link is None or case.fabric.link(one.link).kind is not LinkKind.VPN:
        return reason
    rivals = (other.name for other in _rivals(case, case.fabric.link(one.link)) if _may_carry(states[other.name]))
    refused = {
        f"drop on {name}": f"it is not ours to steer: AWS takes it, not {one.link}, while it announces these prefixes" for name in rivals
    }
    if not one.only:
        why = f"no fresh forwarding evidence shows {one.link} passing packets: both directions wait for it, or for the interconnects' end"
        refused["drop on interconnects"] = why
    return replace(reason, refused=reason.refused | refused)


def _may_carry(state: LinkState) -> bool:
    return state.drain is None and state.verdict is not Verdict.DOWN


def footings(case: Case, states: Mapping[LinkName, LinkState], shut: frozenset[LinkName] = frozenset()) -> dict[LinkName, Footing]:
    """Say of every link what may be put on it; those in ``shut`` are taken to be drained."""
    return {link.name: _footing(case, link, states, shut=link.name in shut) for link in case.fabric.links}


def _footing(case: Case, link: Link, states: Mapping[LinkName, LinkState], *, shut: bool) -> Footing:
    state = states[link.name]
    kept_off = shut or state.drain is not None
    takes = not kept_off and state.verdict in _OPEN
    announced = [other for other in _rivals(case, link) if _may_carry(states[other.name])]
    rivals = [other for other in announced if states[other.name].verdict in _OPEN]
    fixed = tuple(other.name for other in rivals if not _keeps_off(case, other))
    damped = told(state, case.fabric.policy.damping, case.now) if is_damped(state, case.fabric.policy.damping, case.now) else ""
    return Footing(
        usable=link.capacity if state.usable is None else state.usable,
        stays=not kept_off,
        takes=takes,
        settled=case.steers(link) and not damped and settled(state, case.fabric.policy.hold_down, case.now),
        why="" if takes else ("drained" if state.drain else f"believed {state.verdict}"),
        wait=damped or WAIT,
        held=HELD if _needs_word(case, link) and not kept_off else "",
        outranked=fixed,
        outranked_anew=tuple(other.name for other in rivals if other.name not in fixed),
        doubtful=tuple(other.name for other in announced if other not in rivals),
    )


def _rivals(case: Case, link: Link) -> list[Link]:
    """List the interconnects that AWS prefers to a VPN, and whose routes are not ours to take away."""
    return [other for other in outranking(case.fabric, link) if not (case.steers(other) and other.has_policies)]


def _needs_word(case: Case, link: Link) -> bool:
    """Say whether levers of ours would lead flows off a link once a person allows it."""
    return link.mode is Mode.RECOMMEND and link.has_policies and not case.steers(link)


def _keeps_off(case: Case, link: Link) -> bool:
    """Say whether a link's levers hold off what they were last set to: a link that was dark may have been left without them."""
    return _needs_word(case, link) and case.plan.links.get(link.name, LinkState()).verdict is not Verdict.DOWN
