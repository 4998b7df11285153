"""What must hold of how functions go about it, beside the numbered invariants: each rule is a function from the record to what breaks it."""

from collections.abc import Callable, Iterator, Mapping
from itertools import takewhile

from pointsman.core.pins import OWNER
from pointsman.core.plan import Plan
from pointsman.testing.simulation.agreed import Record, drained

Findings = Iterator[str]


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


RULES: Mapping[str, Callable[[Record], Findings]] = {
    "second look": whoever_writes_looks_again,
    "pins": nothing_is_pinned_where_bgp_leads,
}
