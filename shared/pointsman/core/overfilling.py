"""What AWS's own drain overfills while it stands in for Google's finer lever: it empties a whole link, and BGP says where to.

The plan places every flow as Google's levers would lead it, so it doesn't tell of this: the rows do.
"""

from collections.abc import Sequence

from pointsman.core.fabric import Bandwidth, Cloud, Fabric, Flow, FlowName, LinkName
from pointsman.core.pins import acknowledged
from pointsman.core.plan import LinkState, Plan
from pointsman.core.sightings import Sighting
from pointsman.core.values import Frozen, replace
from pointsman.core.wants import withdrawal_losses

FLOWS_NAMED = 8
"""Flows named of one overfilled link; of further ones their number is told."""


class Overfilled(Frozen):
    """A link that is offered more than it carries: the share of packets that is lost there (0 to 1), and whose, the most precious first."""

    link: LinkName
    loss: float
    flows: tuple[FlowName, ...]


def may_overfill(fabric: Fabric, plan: Plan) -> bool:
    """Say whether any drained link would overfill others if AWS's own drain emptied it: only then is there anything to find in rows."""
    return any(state.drain is not None and withdrawal_losses(fabric, plan, name) for name, state in plan.links.items())


def stands_in(plan: Plan, link: LinkName, rows: tuple[Sighting, ...]) -> bool:
    """Say whether AWS's failover test keeps a drained link empty and Google's lever does not.

    Both are what each cloud's functions last found and left a row of for this very drain: that take-over is due says
    neither that AWS acts, which it does not where more would be lost, nor that Google has not acted by then. A row of
    functions that died since stands; their silence is told beside it. Google's rows that cannot be read count as none:
    AWS ends its test as soon as it reads them.
    """
    drain = plan.links.get(link, LinkState()).drain
    return drain is not None and acknowledged(rows, Cloud.AWS, link, drain) and not acknowledged(rows, Cloud.GCP, link, drain)


def overfilled(fabric: Fabric, plan: Plan, link: LinkName, rows: tuple[Sighting, ...]) -> tuple[Overfilled, ...]:
    """List the links that lose packets because AWS's failover test empties another, with the flows that fall to them."""
    if not stands_in(plan, link, rows):
        return ()
    losses = withdrawal_losses(fabric, plan, link)
    falling = {flow.name: _falls_to(fabric, plan, link, flow) for flow in sorted(fabric.flows, key=lambda one: (one.priority, one.name))}
    return tuple(
        Overfilled(link=name, loss=loss, flows=tuple(flow for flow, places in falling.items() if name in places))
        for name, loss in sorted(losses.items())
    )


def _falls_to(fabric: Fabric, plan: Plan, link: LinkName, flow: Flow) -> frozenset[LinkName]:
    """Name the links that a flow falls to if one is withdrawn: those that it would overfill alone, were it larger than any."""
    huge = Bandwidth(1 + sum(one.capacity for one in fabric.links))
    return frozenset(withdrawal_losses(replace(fabric, flows=(replace(flow, demand=huge),)), plan, link))


def told(fabric: Fabric, plan: Plan, link: LinkName, rows: tuple[Sighting, ...]) -> str:
    """Say which links are overfilled because AWS's failover test empties another, and which share each flow loses; "" when none is."""
    found = overfilled(fabric, plan, link, rows)
    if not found:
        return ""
    each = "; ".join(f"{one.link} is overfilled, and loses {one.loss:.1%} of the packets of {_named(one.flows)}" for one in found)
    return f"AWS's failover test empties {link} until Google's finer levers do: {each}"


def _named(flows: Sequence[FlowName]) -> str:
    more = len(flows) - FLOWS_NAMED
    return ", ".join(flows[:FLOWS_NAMED]) + (f" and {more} more" if more > 0 else "")
