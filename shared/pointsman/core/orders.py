"""Orders of a person, weighed like everything else that a decision is made from: each is done once, or refused with why.

An order has an author, a reason and an end. It is given in the view; what stays of it is what it changed in the plan,
and a digest of its key with what it orders for as long as the same order could come again. None of them is stronger than a rail.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from pointsman.core.case import Case
from pointsman.core.fabric import Cloud, Fabric, Flow, FlowName, LinkName, Mode
from pointsman.core.filling import parallel
from pointsman.core.nearness import meant
from pointsman.core.pins import OWNER
from pointsman.core.plan import Done, Drain, DrainCause, FlagState, Freeze, LinkState, Pin, Placement, Plan, Reason, Verdict, View
from pointsman.core.sightings import Order, Verb
from pointsman.core.values import Frozen, digest, replace

LASTING = {Verb.FREEZE: timedelta(hours=4), Verb.DRAIN: timedelta(hours=4), Verb.PIN: timedelta(hours=1)}
"""How long an order holds that does not say so."""
LONGEST = {Verb.FREEZE: timedelta(days=7), Verb.DRAIN: timedelta(days=30), Verb.PIN: timedelta(days=1)}
"""How long an order may hold at most: what keeps traffic or us away always ends."""
HEARD_WITHIN = timedelta(hours=1)
"""How old an order may be when it is first heard, and how long it may be carried out if nothing of it lasts."""
AHEAD = timedelta(minutes=5)
"""How far ahead of the stores' time an order may have been given: two clocks of people."""
ORDERS_KEPT = 32
"""Orders whose keys a plan keeps: past it every further one but a freeze or a thaw is refused until one can't come again."""
TEXT_KEPT = 200
"""Characters of an author and of a reason that are kept."""
_KEY_LENGTH = 16
_ALWAYS = frozenset({Verb.FREEZE, Verb.THAW})
_FROZEN_TOO = frozenset({Verb.FREEZE, Verb.THAW, Verb.DENY})
_OPEN = frozenset({Verdict.UP, Verdict.DEGRADED})


class Heard(Frozen):
    """Orders as a decision goes by them: ``plan`` with freezes and pins as they are ordered, ``orders`` that are still to be weighed or done.

    ``refused`` says by an order's key why nothing is done of it.
    """

    plan: Plan
    orders: tuple[Order, ...] = ()
    refused: dict[str, str] = {}

    def of(self, *verbs: Verb) -> Iterator[Order]:
        """Walk the orders of some verbs."""
        return (order for order in self.orders if order.verb in verbs)

    def without(self, refused: Mapping[str, str]) -> "Heard":
        """Give what is left when some more are refused."""
        kept = tuple(order for order in self.orders if order.key not in refused)
        return replace(self, orders=kept, refused=self.refused | dict(refused)) if refused else self


def ends(order: Order) -> datetime:
    """Say when an order ends: as it says, else as orders of its kind do."""
    return order.expires_at or order.seen_at + LASTING.get(order.verb, HEARD_WITHIN)


def by(order: Order) -> str:
    """Say who gave an order, and why."""
    return f"{order.author[:TEXT_KEPT]}: {order.reason[:TEXT_KEPT]}"


def is_done(plan: Plan, order: Order) -> bool:
    """Say whether a plan knows that an order was carried out."""
    key = _key(order)
    return any(done.key == key for done in plan.orders)


def _key(order: Order) -> str:
    """Give what is equal for the same order given twice: its key, what it does to what, and how long; whoever words it how."""
    lasts = ends(order) - order.seen_at
    return digest("\n".join((order.key, order.verb, order.target, str(lasts.total_seconds()))).encode())[:_KEY_LENGTH]


def frozen(view: View, plan: Plan) -> str:
    """Say what stops steering: either flag is set, the plan is frozen, or the own flag can't be read; "" when nothing does."""
    if plan.freeze is not None:
        return f"steering is frozen by {plan.freeze.author}: {plan.freeze.reason}"
    if FlagState.SET in view.flags.values():
        return f"the freeze flag of {' and '.join(cloud for cloud in Cloud if view.flags.get(cloud) is FlagState.SET)} is set"
    unread = view.flags.get(view.here, FlagState.UNREADABLE) is FlagState.UNREADABLE
    return f"the freeze flag of {view.here} cannot be read" if unread else ""


def hear(fabric: Fabric, view: View, plan: Plan, now: datetime) -> Heard:
    """Take the orders in, in the order in which they were given: freezes and thaws are done here, the others are left to be weighed."""
    heard = Heard(plan=_thawed(plan, now) if view.clock_trusted else plan)
    for order in sorted(view.orders, key=lambda one: (one.seen_at, one.key)):
        if is_done(plan, order):
            continue
        why = unfit(order, now) or _full(heard, order, now) or _unknown(fabric, order) or _stopped(view, heard.plan, order)
        heard = heard.without({order.key: why}) if why else _taken(heard, order, now)
    return heard


def _thawed(plan: Plan, now: datetime) -> Plan:
    over = plan.freeze is not None and plan.freeze.until is not None and now >= plan.freeze.until
    return replace(plan, freeze=None) if over else plan


def unfit(order: Order, now: datetime) -> str:
    """Say what an order lacks in itself, whatever the plan is; "" when nothing."""
    if not order.author.strip() or not order.reason.strip():
        return f"{_a(order)} needs an author and a reason: give both"
    if order.author.strip() == OWNER:
        return f"{OWNER} gives no orders: name the person"
    if now >= ends(order):
        return f"this {order.verb} expired at {ends(order):%FT%TZ}: order it again"
    if now - order.seen_at > HEARD_WITHIN:
        return f"this {order.verb} was given at {order.seen_at:%FT%TZ} and is heard only now: order it again"
    if order.seen_at - now > AHEAD:
        return f"this {order.verb} was given at {order.seen_at:%FT%TZ}, which is yet to come: check the clock there"
    longest = LONGEST.get(order.verb, max(LONGEST.values()))
    return f"{_a(order)} holds for {_spoken(longest)} at most: order it for less" if ends(order) - order.seen_at > longest else ""


def _a(order: Order) -> str:
    return f"{'an' if order.verb[0] in 'aeiou' else 'a'} {order.verb}"


def _spoken(span: timedelta) -> str:
    return f"{span.days} days" if span.days > 1 else f"{span // timedelta(hours=1)} hours"


def _full(heard: Heard, order: Order, now: datetime) -> str:
    held = [*(done.until for done in heard.plan.orders if done.until > now), *(_repeatable(one) for one in heard.orders)]
    if len(held) < ORDERS_KEPT or order.verb in _ALWAYS:
        return ""
    return f"{ORDERS_KEPT} orders were carried out within the hour: order it again after {min(held):%FT%TZ}"


def _unknown(fabric: Fabric, order: Order) -> str:
    """Say that an order's target is nothing of this fabric's; "" when it is."""
    links = {link.name for link in fabric.links}
    match order.verb:
        case Verb.DRAIN | Verb.UNDRAIN:
            return _no("link", order.target, links)
        case Verb.PIN:
            flow, _, link = order.target.partition(">")
            if not link:
                return f"{_shown(order.target)} names no flow and link: write it as FLOW>LINK"
            return _no("flow", flow, {one.name for one in fabric.flows}) or _no("link", link, links)
        case Verb.ADOPT | Verb.ACK:
            return f"{_a(order)} is not decided on with links and flows: use pointsman {order.verb}"
        case Verb.FREEZE | Verb.THAW | Verb.APPROVE | Verb.DENY:
            return ""


def _no(what: str, name: str, known: Collection[str]) -> str:
    return "" if name in known else f"there is no {what} {_shown(name)}: {meant(name, known)}"


def _shown(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:40])


def _stopped(view: View, plan: Plan, order: Order) -> str:
    why = "" if order.verb in _FROZEN_TOO else frozen(view, plan)
    return f"{why}: thaw first, then order it again" if why else ""


def _taken(heard: Heard, order: Order, now: datetime) -> Heard:
    """Take one order in; a thaw of what is not frozen leaves nothing to be done."""
    plan = heard.plan
    if order.verb is Verb.THAW and plan.freeze is None:
        return heard
    if order.verb in _ALWAYS:
        plan = replace(plan, freeze=_freeze(plan, order, now) if order.verb is Verb.FREEZE else None)
    if order.verb is Verb.PIN:
        plan = replace(
            plan, pins=(_pin(order), *plan.pins)
        )  # the first of a flow and a link counts; should it be refused, the others stand
    return replace(heard, plan=plan, orders=(*heard.orders, order))


def _freeze(plan: Plan, order: Order, now: datetime) -> Freeze:
    """Give the freeze that an order leaves: one that holds longer stands, and only a thaw ends it early."""
    if outlasted(plan, order):
        assert plan.freeze is not None, "only a freeze outlasts another"
        return plan.freeze
    return Freeze(author=order.author[:TEXT_KEPT], reason=order.reason[:TEXT_KEPT], since=now, until=ends(order))


def _pin(order: Order) -> Pin:
    flow, _, link = order.target.partition(">")
    return Pin(
        flow=FlowName(flow),
        link=LinkName(link),
        owner=order.author[:TEXT_KEPT],
        reason=order.reason[:TEXT_KEPT],
        expires_at=ends(order),
    )


class Held(Frozen):
    """The links' states with what was ordered of them, and why the rest was refused."""

    states: dict[LinkName, LinkState]
    refused: dict[str, str] = {}


def held(case: Case, states: dict[LinkName, LinkState], heard: Heard) -> Held:
    """Begin and end the drains that are ordered; whether a link is then returned to is decided with all others."""
    found, refused = states, dict[str, str]()
    for order in heard.of(Verb.DRAIN, Verb.UNDRAIN):
        name = LinkName(order.target)
        step = _drained(case, found, order) if order.verb is Verb.DRAIN else _let_go(case, found[name], name)
        if isinstance(step, str):
            refused[order.key] = step
        else:
            found = found | {name: step}
    return Held(states=found, refused=refused)


def _drained(case: Case, states: Mapping[LinkName, LinkState], order: Order) -> LinkState | str:
    name = LinkName(order.target)
    link, state = case.fabric.link(name), states[name]
    why = undrainable(case, states, name)
    if why:
        return f"{name} is not drained: {why}"
    enactor = Cloud.GCP if link.has_policies else Cloud.AWS
    drain = state.drain or Drain(cause=DrainCause.ORDER, since=case.now, epoch=case.next_epoch, enactor=enactor)
    if drain.until is not None and drain.until > ends(order):
        return state  # another's longer drain stands: an undrain ends it early
    return replace(state, drain=replace(drain, cause=DrainCause.ORDER, until=ends(order), by=by(order)))


def undrainable(case: Case, states: Mapping[LinkName, LinkState], name: LinkName) -> str:
    """Say why no order drains a link: nothing of ours steers it, or it is the last way of a flow; "" when one may."""
    return _immovable(case, name) or _last_path(case, states, name)


def _immovable(case: Case, name: LinkName) -> str:
    link = case.fabric.link(name)
    if link.mode is Mode.OBSERVE:
        return "it is in mode observe, and nothing of it is steered: change its mode and adopt the fabric"
    gap = case.fabric.gap(link)
    return f"{gap}: drain it by hand" if gap else ""


def _last_path(case: Case, states: Mapping[LinkName, LinkState], name: LinkName) -> str:
    """Say whose last way a link is: what is on it must have another permitted link that is seen up and is not drained."""
    others = {link.name for link in parallel(case.fabric, case.fabric.link(name)) if _is_open(states[link.name])}
    if not others:
        return "no other link between its sites is seen up"
    on = (flow for flow in case.fabric.flows if _needs(case, states, flow, name))
    stuck = [flow.name for flow in on if not others.intersection(flow.prefer)]
    return f"no other link that {' and '.join(stuck)} may use is seen up" if stuck else ""


def _needs(case: Case, states: Mapping[LinkName, LinkState], flow: Flow, name: LinkName) -> bool:
    """Say whether a flow is on a link, or is on none that is open and may come to it."""
    at = case.plan.flows.get(flow.name, Placement()).link
    carried = at is not None and at in states and _is_open(states[at])
    return at == name or (name in flow.prefer and _is_open(states[name]) and not carried)


def _is_open(state: LinkState) -> bool:
    return state.drain is None and state.verdict in _OPEN


def _let_go(case: Case, state: LinkState, name: LinkName) -> LinkState | str:
    """End the hold of an order now; from here on the link is returned to as any other is."""
    drain = state.drain
    if drain is None:
        return f"{name} is not drained"
    if drain.cause is not DrainCause.ORDER:
        return f"{name} is drained for {drain.cause} and not by an order: pointsman explain says what its return waits for"
    return replace(state, drain=replace(drain, until=min(case.now, drain.until or case.now)))


def kept(plan: Plan, done: Iterable[Order], now: datetime) -> tuple[Done, ...]:
    """List the orders that a plan remembers after some more; at the bound the oldest makes room for a freeze or a thaw."""
    before = [one for one in plan.orders if one.until > now]
    return (*before, *(Done(key=_key(order), until=_repeatable(order)) for order in done))[-ORDERS_KEPT:]


def _repeatable(order: Order) -> datetime:
    """Say until when the same order could come again and be heard."""
    return min(ends(order), order.seen_at + HEARD_WITHIN) + AHEAD


def outlasted(plan: Plan, order: Order) -> str:
    """Say until when, and by whose word, a plan freezes or drains for longer than an order asks for; "" when it doesn't."""
    freeze, drain = plan.freeze, plan.links.get(LinkName(order.target), LinkState()).drain
    if order.verb is Verb.FREEZE and freeze is not None and (freeze.until is None or freeze.until > ends(order)):
        until = f"{freeze.until:%FT%TZ}" if freeze.until else "it is thawed"
        return f"it holds until {until}, as {freeze.author} ordered: {freeze.reason}"
    if order.verb is Verb.DRAIN and drain is not None and drain.until is not None and drain.until > ends(order):
        return f"it holds until {drain.until:%FT%TZ}, as ordered by {drain.by}"
    return ""


def reasons(plan: Plan, done: Iterable[Order]) -> tuple[Reason, ...]:
    """Say what was ordered, by whom and why, and whose longer word stands in ``plan`` all the same."""
    return tuple(
        Reason(
            about=f"order {' '.join(part for part in (one.verb, one.target) if part)}",
            chosen=one.verb,
            because="; ".join(part for part in (f"ordered by {by(one)}", outlasted(plan, one)) if part),
        )
        for one in done
    )
