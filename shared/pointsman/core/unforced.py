"""Drains that are agreed and not in force: no cloud's functions have found their levers set, so that traffic may go on as before.

The plan places every flow as if the levers were set, so it doesn't tell of this: the rows do.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pointsman.core.evidence import claims_by_link
from pointsman.core.fabric import Cloud, Fabric, Flow, FlowName, Link, LinkName
from pointsman.core.pins import acknowledged, still_drained
from pointsman.core.plan import Drain, LinkState, Placement, Plan, Verdict
from pointsman.core.refusals import Refusal, spoken, standing
from pointsman.core.sightings import Sighting
from pointsman.core.steering import LeverKind
from pointsman.core.values import Frozen
from pointsman.core.wants import is_steered, session_dead

A_SWEEP = timedelta(minutes=1)
"""What the cloud that takes over is given beyond ``takeover_after``: its next sweep acts, and says so."""
TOLD_LIMIT = 8
"""Times that one incident tells what keeps its drains from being in force; further words are in ``pointsman status`` alone."""
FLOWS_NAMED = 8
"""Flows named that are still led over a drained link; of further ones their number is told."""
_NOT = "agreed and not in force"
_BY_HAND = "drain it by hand, or mend that"


class Known(Frozen):
    """What is known beside the plan: both clouds' rows, and when all of them were read (None: some could not be, or nobody looked)."""

    rows: tuple[Sighting, ...] = ()
    whole_at: datetime | None = None


class Unforced(Frozen):
    """A drain that is not in force: the ``refusals`` that keep it so, and whether all who could act were given their time (``overdue``).

    ``hopeless`` means that nobody is left who would act by himself; ``stranded`` names the flows that are then led over a dead link.
    """

    link: LinkName
    epoch: int
    refusals: tuple[Refusal, ...] = ()
    overdue: bool = False
    hopeless: bool = False
    stranded: tuple[FlowName, ...] = ()


def unforced(fabric: Fabric, plan: Plan, link: LinkName, known: Known) -> Unforced | None:
    """Say what keeps an agreed drain from being in force; None where there is no drain, one is in force, or it may still come to be.

    A cloud counts its drain as set only when its levers are so on the links that the flows go to as well. A link that BGP
    has left by itself is empty, whoever acts: then refusals alone are told.
    """
    drain = plan.links.get(link, LinkState()).drain
    if drain is None or any(acknowledged(known.rows, cloud, link, drain) for cloud in Cloud):
        return None
    one = fabric.link(link)
    refusals = tuple(
        refusal for refusal in standing(fabric, known.rows) if refusal.epoch >= drain.epoch and _concerns(fabric, plan, one, refusal)
    )
    acting, left = _acting(plan, one), _left_by_bgp(fabric, link, known)
    overdue = bool(acting) and not left and _overdue(fabric, plan, drain, known)
    if not refusals and not overdue:
        return None
    hopeless = overdue or {refusal.cloud for refusal in refusals} >= acting
    stranded = tuple(_stranded(fabric, plan, link)) if hopeless and not left else ()
    return Unforced(link=link, epoch=drain.epoch, refusals=refusals, overdue=overdue, hopeless=hopeless, stranded=stranded)


def _acting(plan: Plan, link: Link) -> set[Cloud]:
    """Name the clouds that have a lever of ours on a link."""
    if not is_steered(plan, link):
        return set()
    interfaces = any(member.aws.virtual_interface for member in link.members)
    return ({Cloud.GCP} if link.has_policies else set()) | ({Cloud.AWS} if interfaces else set())


def _overdue(fabric: Fabric, plan: Plan, drain: Drain, known: Known) -> bool:
    """Say whether whoever could act has had his time. What a cloud did alone is a drain from then on, and agreed later."""
    since = max(drain.since, plan.decided_at) if plan.epoch == drain.epoch else drain.since
    return known.whole_at is not None and known.whole_at >= since + fabric.policy.takeover_after + A_SWEEP


def _concerns(fabric: Fabric, plan: Plan, link: Link, refusal: Refusal) -> bool:
    """Say whether a refused lever is one that leaving a link takes: its own, those where its flows may go, or a pin of theirs."""
    if refusal.lever in {LeverKind.PREFIX_LIST_PIN, LeverKind.STATIC_PIN}:
        return any(pin.flow == refusal.target and link.name in fabric.flow(pin.flow).prefer for pin in plan.pins)
    near = {name for flow in fabric.flows if link.name in flow.prefer for name in flow.prefer}
    return refusal.target in {link.name, *near} and refusal.cloud in _acting(plan, link)


def _left_by_bgp(fabric: Fabric, link: LinkName, known: Known) -> bool:
    at = known.whole_at or max((row.seen_at for row in known.rows), default=None)
    return at is not None and session_dead(claims_by_link(fabric, known.rows, at)[link])


def _stranded(fabric: Fabric, plan: Plan, link: LinkName) -> Iterator[FlowName]:
    """Name the flows that the plan leads off a link that is down, and that nothing leads off it: the most precious first."""
    if plan.links[link].verdict is not Verdict.DOWN:
        return
    for flow in sorted(fabric.flows, key=lambda one: (one.priority, one.name)):
        if _led_off(plan, flow, link):
            yield flow.name


def _led_off(plan: Plan, flow: Flow, link: LinkName) -> bool:
    placed = plan.flows.get(flow.name, Placement()).link
    return placed in flow.prefer and link in flow.prefer[: flow.prefer.index(placed)]


def told(fabric: Fabric, plan: Plan, link: LinkName, known: Known) -> str:
    """Say that a drain is not in force, which lever was refused and why, and what to do; or that a link is not let in again. "" otherwise."""
    found = unforced(fabric, plan, link, known)
    if found is not None:
        return f"the drain of {link} (epoch {found.epoch}) is {_NOT}: {'; '.join(_parts(fabric, plan, found))}"
    own = [one for one in standing(fabric, known.rows) if one.target == link]
    if own and plan.links.get(link, LinkState()).drain is None and still_drained(known.rows, link):
        return f"{link} is not let in again: {'; '.join(spoken(own))}"
    return ""


def _parts(fabric: Fabric, plan: Plan, found: Unforced) -> Iterator[str]:
    yield from spoken(found.refusals)
    acting = sorted(_acting(plan, fabric.link(found.link)))
    if found.stranded:
        more = len(found.stranded) - FLOWS_NAMED
        names = ", ".join(found.stranded[:FLOWS_NAMED]) + (f" and {more} more" if more > 0 else "")
        yield f"nothing leads {names} off it: {_BY_HAND}"
    if found.overdue and not found.refusals:
        yield f"no functions on {' or '.join(acting)} have found their levers set within the time for it: see whether they run, and their logs"
    waiting = [cloud for cloud in acting if cloud not in {one.cloud for one in found.refusals}]
    if waiting and not found.hopeless:
        yield f"{' and '.join(waiting)} may still act: take-over is after {fabric.policy.takeover_after.total_seconds():g} s"


def in_force(plan: Plan, link: LinkName, known: Known) -> str:
    """Say that a drain is in force and whose levers are set; "" when it is not known to be."""
    drain = plan.links.get(link, LinkState()).drain
    clouds = [] if drain is None else [cloud for cloud in Cloud if acknowledged(known.rows, cloud, link, drain)]
    return (
        "" if drain is None or not clouds else f"the drain of {link} (epoch {drain.epoch}) is in force: {' and '.join(clouds)} found it set"
    )


def was_told(text: str) -> bool:
    """Say whether a line of a timeline tells of a drain that is not in force."""
    return _NOT in text


def may_be_unforced(plan: Plan) -> bool:
    """Say whether rows could tell of a drain that is not in force: only then is there anything to find in them."""
    return any(state.drain is not None or state.down_since_epoch is not None for state in plan.links.values())


def missing(fabric: Fabric, plan: Plan, known: Known) -> dict[LinkName, str]:
    """Say of each link whose drain is not in force what keeps it so."""
    drained = (name for name, state in plan.links.items() if state.drain is not None)
    return {name: text for name in drained if (text := told(fabric, plan, name, known))}


def remarks(fabric: Fabric, plan: Plan, known: Known) -> tuple[str, ...]:
    """Say every refusal that no drain's words name: of links that are not let in again, of pins, of where flows go."""
    found = [one for name in plan.links if (one := unforced(fabric, plan, name, known)) is not None]
    named = {refusal for one in found for refusal in one.refusals}
    return tuple(spoken(one for one in standing(fabric, known.rows) if one not in named))
