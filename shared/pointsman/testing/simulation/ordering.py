"""What must hold of orders: each is carried out once, in its time, and nothing is done in a person's name that nobody ordered."""

from collections.abc import Callable, Iterator, Mapping

from pointsman.core.fabric import LinkName
from pointsman.core.orders import AHEAD, ends, is_done
from pointsman.core.pins import OWNER
from pointsman.core.plan import DrainCause, LinkState, Plan
from pointsman.core.sightings import Order, Verb
from pointsman.testing.simulation.agreed import PLAN_SECONDS, Record, drained, rescued

Findings = Iterator[str]


def _new(record: Record, before: Plan, after: Plan) -> list[Order]:
    """List the orders that a step carries out, each once."""
    found = {one.key: one for one in record.evidence.given if is_done(after, one) and not is_done(before, one)}
    return list(found.values())


def an_order_is_carried_out_once_and_in_its_time(record: Record) -> Findings:
    """Orders: none is carried out twice, before it was given or after it expired, and none that nobody gave."""
    seen: set[str] = set()
    for before, after in record.steps():
        new = _new(record, before, after)
        came = len({one.key for one in after.orders} - {one.key for one in before.orders})
        if came > len(new):
            yield f"epoch {after.epoch} carries out {came} orders, and {len(new)} of them were given"
        for one in new:
            every = [given for given in record.evidence.given if given.key == one.key]
            if one.key in seen:
                yield f"epoch {after.epoch} carries out {one.key} again"
            if not any(given.seen_at - AHEAD <= after.decided_at < ends(given) for given in every):
                yield f"epoch {after.epoch} of {after.decided_at} carries out {one.key}, which ends at {ends(one)}"
            seen.add(one.key)


def nothing_is_done_that_nobody_ordered(record: Record) -> Findings:
    """Orders: a drain, a freeze and a pin in a person's name begin with an order for exactly that, and none holds for longer than it says."""
    for before, after in record.steps():
        new = _new(record, before, after)
        for name, state in after.links.items():
            held = before.links.get(name, LinkState()).drain
            began = state.drain if state.drain is not None and state.drain.cause is DrainCause.ORDER else None
            if began and (held is None or held.by != began.by) and not _ordered(new, Verb.DRAIN, name):
                yield f"epoch {after.epoch} drains {name} by {began.by}, which nobody ordered then"
        if after.freeze is not None and after.freeze != before.freeze and not _ordered(new, Verb.FREEZE, ""):
            yield f"epoch {after.epoch} is frozen by {after.freeze.author}, which nobody ordered then"
        for pin in after.pins:
            if pin.owner != OWNER and pin not in before.pins and not _ordered(new, Verb.PIN, f"{pin.flow}>{pin.link}"):
                yield f"epoch {after.epoch} pins {pin.flow} to {pin.link} by {pin.owner}, which nobody ordered then"


def _ordered(new: list[Order], verb: Verb, target: str) -> bool:
    return any(one.verb is verb and one.target == target for one in new)


def a_word_is_on_exactly_what_waits(record: Record) -> Findings:
    """Orders: an approval or a denial is carried out only of what waited under its very hash."""
    for before, after in record.steps():
        for one in _new(record, before, after):
            about = {plan.proposal.hash for plan in (before, after) if plan.proposal is not None}
            if one.verb in {Verb.APPROVE, Verb.DENY} and one.target not in about:
                yield f"epoch {after.epoch} carries out {one.verb} {one.target}, and what waited was {sorted(about)}"


def an_ordered_drain_holds(record: Record) -> Findings:
    """Orders: what a person drained is returned to when the order ends, after an undrain, or for a flow with no other open link."""
    undone: set[LinkName] = set()
    for before, after in record.steps():
        new = _new(record, before, after)
        undone |= {LinkName(one.target) for one in new if one.verb is Verb.UNDRAIN}
        undone -= {LinkName(one.target) for one in new if one.verb is Verb.DRAIN}
        for link in record.fabric(after).links:
            drain = before.links.get(link.name, LinkState()).drain
            lasts = drain is not None and drain.cause is DrainCause.ORDER and drain.until is not None and after.decided_at < drain.until
            needed = rescued(record.fabric(after), before, after, link.name)
            if lasts and not drained(after, link.name) and link.name not in undone and not needed:
                yield f"epoch {after.epoch} returns to {link.name}, which a person drained until {drain.until if drain else ''}"


def nothing_is_steered_while_the_plan_is_frozen(record: Record) -> Findings:
    """Freeze: no lever is asked for anything while the agreed plan is frozen, but by whoever had read it just before."""
    since: float | None = None
    for at, plan in (*record.history, (float("inf"), None)):
        if plan is not None and plan.freeze is not None:
            since = at if since is None else since
            continue
        for ask in record.evidence.asked if since is not None else ():
            if since is not None and since + PLAN_SECONDS + ask.frozen < ask.at < at:
                yield f"{ask.at:.1f} s: {ask.cloud} asked for {ask.setting}, and the plan is frozen since {since:.1f} s"
        since = None


def everything_ordered_ends(record: Record) -> Findings:
    """Orders: at the end nothing is frozen, drained or pinned in a person's name."""
    newest = record.newest
    if newest.freeze is not None:
        yield f"the plan is still frozen: {newest.freeze}"
    yield from (f"{name} is still drained: {one.drain}" for name, one in newest.links.items() if one.drain and one.drain.by)
    yield from (f"{one.flow} is still pinned by {one.owner}" for one in newest.pins if one.owner != OWNER)


OF_ORDERS: Mapping[str, Callable[[Record], Findings]] = {
    "orders once": an_order_is_carried_out_once_and_in_its_time,
    "orders alone": nothing_is_done_that_nobody_ordered,
    "orders hash": a_word_is_on_exactly_what_waits,
    "orders hold": an_ordered_drain_holds,
    "orders freeze": nothing_is_steered_while_the_plan_is_frozen,
    "orders end": everything_ordered_ends,
}
