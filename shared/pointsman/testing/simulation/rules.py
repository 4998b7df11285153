"""What must hold of how functions go about it, beside the numbered invariants: each rule is a function from the record to what breaks it."""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise, takewhile

from pointsman.core.evidence import BOTH_PROBES
from pointsman.core.fabric import Fabric, LinkName
from pointsman.core.journal import opened
from pointsman.core.members import probe_key
from pointsman.core.pins import OWNER
from pointsman.core.plan import DrainCause, LinkState, Plan, Verdict
from pointsman.core.sightings import Health, Vantage
from pointsman.testing.simulation.agreed import Record, deeds, drained
from pointsman.testing.simulation.ordering import OF_ORDERS
from pointsman.testing.simulation.windowed import OF_WINDOWS, for_a_window

Findings = Iterator[str]

PROBES = frozenset({Vantage.PROBE_AWS, Vantage.PROBE_GCP})
_SOUND = frozenset({Verdict.UP, Verdict.DEGRADED})
AGREEING = 2
"""Sources that must speak against a link before it is drained."""


def nothing_is_done_on_unknown_or_a_lone_claim(record: Record) -> Findings:
    """Rails: an incident begins only for a link that somebody spoke against, and a drain only where two of them did.

    What one cloud did alone, which S12 judges, is taken over into the next plan. A link is left for announced maintenance, or
    because a person orders it, on no claim at all, and an incident may be about a window; what is done so is judged by rules of its own.
    """
    alone = [(at, deed.link) for at, _, deed in deeds(record)]
    for (at, plan), (_, before) in zip(record.history[1:], record.history, strict=False):
        for name, state in plan.links.items():
            held = before.links.get(name, LinkState())
            heard = sum(one.link == name and one.at <= at for one in record.evidence.spoken)
            if state.down_since_epoch == plan.epoch and not heard and not for_a_window(record, plan, held, state):
                yield f"epoch {plan.epoch} opens an incident of {name}, and nobody had spoken against it"
            planned = state.drain is not None and state.drain.cause is not DrainCause.OUTAGE
            if (
                state.drain
                and not held.drain
                and heard < AGREEING
                and not planned
                and not any(link == name and since <= at for since, link in alone)
            ):
                yield f"epoch {plan.epoch} drains {name} on the word of {heard}"


def nobody_is_alarmed_for_a_sound_link(record: Record) -> Findings:
    """Eyes: an incident begins only for a link that something was wrong with by then, besides what our own steering did to it.

    Announced maintenance may need a person on any link. Where a flow has no sound link, BGP puts it onto whatever is left. And
    where a link failed and nobody was told, what it carried is on another, which loses some of it.
    """
    for at, plan in record.history:
        for name, state in plan.links.items():
            begun = state.down_since_epoch == plan.epoch and not (state.maintenance and state.maintenance.ask)
            why = next((one.because for one in plan.reasons if one.about == name), "")
            alarmed = begun and not record.evidence.suffered.get(name, at) < at and _all_are_placed(plan)
            fell = why == BOTH_PROBES and any(_failed_unnoticed(record, one, at) for one in _beside(record.fabric(plan), name))
            if alarmed and not fell:
                yield f"epoch {plan.epoch} opens an incident of {name} at {at:.1f} s, and nothing had ever been wrong with it: {why}"


def _beside(fabric: Fabric, name: LinkName) -> frozenset[LinkName]:
    """List the other links that flows of a link may be on."""
    return frozenset(one for flow in fabric.flows if name in flow.prefer for one in flow.prefer) - {name}


def _failed_unnoticed(record: Record, name: LinkName, by: float) -> bool:
    """Say whether something was first wrong with a link just before, and every plan since took it for good and drained it not.

    As long as a prober's word counts; a drain, which leads them elsewhere by itself, explains nothing here.
    """
    first = record.evidence.suffered.get(name, by)
    stood = [plan.links.get(name, LinkState()) for (_, plan), (until, _) in pairwise(record.history) if first < until <= by]
    lately = 0 < by - first <= record.evidence.fabric.policy.freshness.look.total_seconds()
    return lately and bool(stood) and all(state.verdict is Verdict.UP and state.drain is None for state in stood)


def _all_are_placed(plan: Plan) -> bool:
    return all(placed.link is not None and plan.links[placed.link].verdict in _SOUND for placed in plan.flows.values())


def whoever_writes_looks_again(record: Record) -> Findings:
    """Second look: a call that wrote a lever and ends well has asked for the newest plan after it."""
    yield from record.evidence.unlooked


def nothing_is_pinned_where_bgp_leads(record: Record) -> Findings:
    """Pins: none is planned by the rules to a flow's native choice, which is what no preferred link was left for."""
    for plan in record.plans:
        for pin in (one for one in plan.pins if one.owner == OWNER and not _left(record, plan, one.flow, one.link)):
            yield f"epoch {plan.epoch} pins {pin.flow} to {pin.link}, and no link that it prefers is left"


def _left(record: Record, plan: Plan, name: str, target: str) -> bool:
    prefer = record.fabric(plan).flow(name).prefer
    return any(drained(plan, one) for one in takewhile(lambda one: one != target, prefer))


def both_ends_see_what_is_returned_to(record: Record) -> Findings:
    """Fail-back: what a drain's end was decided from shows packets passing from both ends of the link, where both are probed."""
    for before, after in record.steps():
        ended = [link for link in record.fabric(after).links if len(link.probes) == len(PROBES) and drained(before, link.name)]
        for link in (one for one in ended if not drained(after, one.name) and after.entry in record.evidence.entries):
            keys = {probe_key(pair.source, pair.target) for pair in link.probes}
            rows = opened(after.entry, record.evidence.entries[after.entry]).view.rows
            seen = {row.vantage for row in rows if row.member in keys and row.health is Health.UP}
            if not seen >= PROBES:
                yield f"epoch {after.epoch} returns to {link.name}, which only {sorted(seen)} saw passing packets"


RULES: Mapping[str, Callable[[Record], Findings]] = {
    "rails": nothing_is_done_on_unknown_or_a_lone_claim,
    "false alarms": nobody_is_alarmed_for_a_sound_link,
    "both ends": both_ends_see_what_is_returned_to,
    "second look": whoever_writes_looks_again,
    "pins": nothing_is_pinned_where_bgp_leads,
    **OF_WINDOWS,
    **OF_ORDERS,
}
