"""What must hold in every run, whatever went wrong in it: each invariant is a function from the record to what breaks it.

Safety (S) must hold at every instant, liveness (L) once the faults are over. Every time limit is named here.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from pointsman.core.alone import Phase
from pointsman.core.decide import Declined, decide
from pointsman.core.fabric import WithoutQuorum
from pointsman.core.incidents import Ask
from pointsman.core.plan import FlagState, LinkState, Placement, Verdict
from pointsman.core.safelist import is_safe
from pointsman.core.silence import Kind
from pointsman.core.steering import FailoverTest, RoutePolicies, Setting
from pointsman.service.converge import CALL_SECONDS
from pointsman.service.registers import ATTEMPTS_LIMIT
from pointsman.testing.simulation.agreed import (
    Record,
    acknowledged,
    announced,
    asked_for,
    deeds,
    drained,
    forced,
    history_of,
    left_at,
    moved,
    of_no_plan,
    ordered_away,
    overwritten,
    rescued,
    without_choice,
)
from pointsman.testing.simulation.evidence import Ended, Evidence, Operation
from pointsman.testing.simulation.histories import breach
from pointsman.testing.simulation.lone import ahead_of_the_last_path, alone_on_the_last_path, last_drained, more_than_once, permitted
from pointsman.testing.simulation.rules import RULES
from pointsman.testing.simulation.successors import plans_outside_the_chain, values_that_lose_something
from pointsman.testing.simulation.tickets import is_tombstone, made_in_time, open_together, together_seconds, untold
from pointsman.testing.simulation.turned import decided_otherwise, turned

FLAG_SECONDS = 2.5
"""How long before a write its flags may have been read."""
REACTION_SECONDS = 20.0
"""Budget of L2, from the instant at which a cloud tells of the link."""
CALL_LIMIT = CALL_SECONDS + 70.0
"""Longest that a call may take, its letters and the rest of its stores' answers included."""
EVENT_REQUESTS = 120
"""Most requests to stores that a call for one event may make: five passes of which each reads, prepares, accepts and proves."""
LETTER_REQUESTS = 18
"""How many more each letter that it tells may cost: it is claimed and recorded, each by three reads and six conditional writes at most."""
REQUESTS_LIMITS: Mapping[str, int] = {
    "sweep": 220,
    "watch": 180,
    "notice": 90,
    "order": 90,
    "letters": 90,
    "operator": 30,
    "duplicate": 30,
}
"""The same for calls of other kinds: a sweep also follows every incident and archives, a watch takes several looks; the others do less than an event."""
DUPLICATE_LIMIT = (6, 0)
"""Register reads and writes of one duplicate handed to each cloud: at most three reads each, and no write."""

Findings = Iterator[str]


def every_register_is_linearizable(record: Record) -> Findings:
    """S1: one order of values explains what every function was told, and that order respects time."""
    chosen = record.chosen
    by_register: dict[str, list[Operation]] = {}
    for one in record.evidence.operations:
        by_register.setdefault(one.register, []).append(one)
    for register, operations in by_register.items():
        why = breach(history_of(operations, [row.ballot for row in chosen.get(register, [])]))
        if why:
            yield f"{register}: {why}"
    for one in record.evidence.operations:
        if one.ballot and not any(row.ballot == one.ballot and (row.at or 0.0) <= one.ended for row in chosen.get(one.register, [])):
            yield f"{one.register}: {one.how} at {one.ended:.3f} s with ballot {one.ballot}, which no majority held then"


def an_acknowledged_write_survives_any_one_store(record: Record) -> Findings:
    """S2: what a function was told is agreed is still there after any one store is gone for good."""
    evidence = record.evidence
    for register, newest in acknowledged(evidence).items():
        held = evidence.held.get(register, {})
        left = {store: ballot for store, ballot in held.items() if store != evidence.lost}
        gone = [""] if evidence.lost else sorted(held)
        for store in gone:
            if max((ballot for name, ballot in left.items() if name != store), default="") < newest:
                yield f"{register}: {newest} was acknowledged, and without {store or evidence.lost} only {left} is left"


def epochs_rise_one_plan_each(record: Record) -> Findings:
    """S3: epochs rise by one from the first, every plan that a majority held is in the newest one's chain, and no agreed value loses what was agreed before."""
    epochs = [plan.epoch for plan in record.plans]
    if epochs != list(range(1, len(epochs) + 1)):
        yield f"the chain of plans has the epochs {epochs}"
    yield from plans_outside_the_chain(record)
    yield from values_that_lose_something(record)


def every_write_has_a_reason(record: Record) -> Findings:
    """S4: no lever is asked for what no plan wants that was the newest just before, unless it was announced as an intent or permitted alone.

    A function that was frozen may write what it was about to: for that there are the fence and the next sweep (S10).
    """
    claimed = list(deeds(record))
    for ask, epochs in of_no_plan(record):
        if not permitted(ask, claimed):
            yield f"{ask.at:.1f} s: {ask.cloud} asked for {ask.setting}, which epochs {epochs} do not want"


def the_last_healthy_link_is_never_drained(record: Record) -> Findings:
    """S5: a drain begins, and a lever is set alone or ahead of its agreement, only while a parallel link is believed healthy and is not drained."""
    for before, after in record.steps():
        for name in last_drained(record.fabric(after), before, after):
            yield f"epoch {after.epoch} drains {name}, and no other link is healthy"
    yield from ahead_of_the_last_path(record)
    yield from alone_on_the_last_path(record)


def every_incident_has_one_ticket(record: Record) -> Findings:
    """S6: after T an incident that is still open has a ticket, and never two open ones; a ticket that a person closed is theirs.

    T counts while there is a function to tell a desk: anew from when the first lives again after all had been dead. That no
    second ticket is ever made hangs on leases, and these on the stores' time: a store whose own clock is wrong is excused
    from it, not from resolving both. A lease also binds only until an ask leaves us: a desk that does it so late that no search
    shows that ticket before the lease ends makes another when the letter is told anew, and no teller can prevent it.
    Two that a search could find within their leases are excused by nothing else. Two wrong clocks of stores at once may let two
    tickets stand for as long as one may be ahead. Nobody is told of an outage while its link's
    announced maintenance explains it and every flow has an open link: a ticket is due as soon as one of the two is over.
    """
    book = record.evidence.book
    awake = record.evidence.woke or 0.0
    end = max((call.at for call in record.evidence.calls), default=0.0)
    for incident, first, ended in record.incidents():
        mine = [told for told in book if told.incident == incident]
        yield from untold(record, incident, first, ended)
        if not record.evidence.misled and len(made_in_time(mine)) > 1:
            yield f"{incident} has several tickets: {made_in_time(mine)}"
        limit = together_seconds(record.evidence.misled)
        for since, until in open_together(mine, end):
            if until - max((since, *(at for at in (awake, record.evidence.healed) if at < until))) > limit:
                yield f"{incident} has two open tickets from {since:.1f} s on, for more than {limit:.0f} s"
    named = {incident for incident, _, _ in record.incidents()}
    yield from (f"{told.incident} has a ticket, and no plan knows it" for told in book if told.incident not in named)


def a_delivery_counts_once(record: Record) -> Findings:
    """S7: a report that was handed in before reads the register once and writes it never."""
    reads, writes = record.evidence.duplicate
    if reads > DUPLICATE_LIMIT[0] or writes > DUPLICATE_LIMIT[1]:
        yield f"a repeated report to both clouds made {reads} register reads and {writes} writes"


def the_newest_claims_decide(record: Record) -> Findings:
    """S8: an older claim never replaces a newer one, and the order in which the rows stand changes nothing that is decided."""
    for one in record.evidence.overwritten:
        yield f"{one.at:.1f} s: {one.store} let {one.by} replace {one.held}"
    view, plan = record.evidence.view, record.newest
    decisions = [decide(record.fabric(plan), one, plan, record.evidence.now) for one in (view, turned(view))]
    if decisions[0] != decisions[1] and not any(isinstance(one, Declined) for one in decisions):
        yield "what is seen at the end is decided otherwise with its rows in another order"
    yield from decided_otherwise(record)


def opposite_moves_wait_a_hold_down(record: Record) -> Findings:
    """S9: a link is not let carry again, nor a flow put back on it, within a hold-down of leaving it, unless an outage forces it.

    Exempt is a link that is the only open one of some flow: such a flow has no choice to damp. The link it comes from may be
    seen good again by then, and is drained all the same: a flow that had nowhere to go stayed on it when it was left.
    A flow that left for a person's drain comes back when that ends, also when a rescue ends it early: nothing failed that is to settle.
    """
    left: dict[tuple[str, str], datetime] = {}
    for before, after in record.steps():
        fabric = record.fabric(after)
        hold = fabric.policy.hold_down
        for link in fabric.links:
            began = before.links.get(link.name, LinkState()).drain
            ended = began is not None and not drained(after, link.name) and not rescued(fabric, before, after, link.name)
            if began and ended and after.decided_at - began.since < hold:
                yield f"epoch {after.epoch} ends the drain of {link.name} {after.decided_at - began.since} after it began"
        for flow, (old, new) in moved(before, after).items():
            had_none = drained(before, old) and without_choice(after, fabric.flow(flow), new)
            since, compelled = left.get((flow, new)), had_none or forced(before, after, old)
            if since is not None and after.decided_at - since < hold and not compelled:
                yield f"epoch {after.epoch} puts {flow} back on {new} from {old} {after.decided_at - since} after it left"
            if not ordered_away(after, old):
                left[flow, old] = left_at(after, old)


def a_stale_enactor_never_has_the_last_word(record: Record) -> Findings:
    """S10: at the end every lever reads as the newest plan asks, and on a fenced lever nobody undoes what is right by an older plan.

    A steer that was announced beside its agreement may; what the agreement comes to puts it right.
    """
    for want, held in record.evidence.wants:
        same = held.running == want.running if isinstance(held, FailoverTest) and isinstance(want, FailoverTest) else held == want
        if not same:
            yield f"the newest plan wants {want}, and the lever reads {held}"

    claimed = list(deeds(record))
    for before, after in overwritten(record):
        right = any(asked_for(record.fabric(plan), plan, before.setting) for plan in record.in_force(after.at, after.at))
        asked = any(asked_for(record.fabric(plan), plan, after.setting) for plan in record.in_force(before.at, after.at))
        alone = any(cloud is after.cloud and deed.setting == after.setting for _, cloud, deed in claimed)
        if right and not asked and not alone and not after.late and not announced(record, after):
            yield f"{after.at:.1f} s: {after.cloud} set {after.setting} over {before.setting}, which the plan of that time wants"


def nothing_reopens_a_closed_incident(record: Record) -> Findings:
    """S11: once an incident is over its tickets are resolved for good, and no later outage takes its name."""
    over = {incident: ended for incident, _, ended in record.incidents()}
    last = {told.ticket: told for told in sorted(record.evidence.book, key=lambda one: one.at)}
    for told in last.values():
        if over.get(told.incident) is not None and told.ask is not Ask.RESOLVE:
            yield f"{told.incident} is over, and its ticket was last told to {told.ask} at {told.at:.1f} s"
    for _, plan in record.history:
        for name, state in plan.links.items():
            if state.down_since_epoch in state.closing:
                yield f"epoch {plan.epoch} opens {name}@{state.down_since_epoch} again"


def alone_only_what_is_safe(record: Record) -> Findings:
    """S12: without a majority a lever is only ever set to avoid a link more, by policies without a new drop, or by a test that ends; and once per hold-down."""
    for _, cloud, deed in deeds(record):
        if record.evidence.fabric.policy.without_quorum is not WithoutQuorum.PROTECT:
            yield f"{cloud} claimed {deed.setting} alone, and the fabric says to hold"
        if deed.phase is not Phase.VOID and not _avoids_only(deed.setting):
            yield f"{cloud} claimed {deed.setting} alone"
    for ask, _ in of_no_plan(record):
        if not is_safe(ask.setting, ask.over):
            yield f"{ask.at:.1f} s: {ask.cloud} asked alone for {ask.setting} over {ask.over}"
    yield from more_than_once(record)


def _avoids_only(setting: Setting) -> bool:
    return isinstance(setting, RoutePolicies) or (isinstance(setting, FailoverTest) and setting.running)


def clean_up_never_takes_the_live_plan(record: Record) -> Findings:
    """S13: from the first plan on every store that took part holds a plan, and the newest is never of a lower epoch than before."""
    for row in record.rows:
        if '"epoch":' not in row.value:
            yield f"{row.first:.1f} s: the plan's register was given {row.value[:60]!r}"
    for register, held in record.evidence.held.items():
        if register.startswith("plan/") and record.plans and not any(held.values()):
            yield f"no store holds {register} any more"
    live = {f"incident/{incident}": ended or float("inf") for incident, _, ended in record.incidents()}
    for register, rows in record.chosen.items():
        stones = [row for row in rows if row.first < live.get(register, 0.0) and is_tombstone(row.value)]
        yield from (f"{row.first:.1f} s: {register} was archived while it is open" for row in stones)


def unknown_is_never_told_as_ok_or_failed(record: Record) -> Findings:
    """S14: whoever was told that a change failed left no accepted ballot behind; whoever was told OK had a majority."""
    accepted = {(row.register, row.ballot.partition(".")[2]): row for row in record.evidence.accepted}
    for one in record.evidence.operations:
        mine = [accepted[one.register, nonce] for nonce in one.own if (one.register, nonce) in accepted]
        if one.how is Ended.FAILED and mine:
            yield f"{one.register}: told at {one.ended:.3f} s that it failed, and {mine[0].ballot} was accepted at {mine[0].first:.3f} s"
        if (
            one.how is Ended.AGREED
            and one.ballot
            and not any(row.ballot == one.ballot and row.at is not None for row in record.evidence.accepted)
        ):
            yield f"{one.register}: told at {one.ended:.3f} s that {one.ballot} is agreed, which no majority ever held"


def a_rolled_back_store_is_not_counted(record: Record) -> Findings:
    """S15: a function that saw a store promise more than it says now never counts that reply."""
    for one in record.evidence.restored:
        yield f"{one.at:.1f} s: {one.store} said {one.promised} of {one.register} after {one.seen}, and was counted"


def a_dead_control_plane_is_no_worse_than_bgp(record: Record) -> Findings:
    """S16: with every function dead no flow is cut off that BGP alone would carry, pins and drops towards a proved VPN apart.

    How much of it arrives may differ: the last agreed steering stands, and a link that it avoids may have come back (docs/adr).
    Pins and drops are those that the levers hold: nobody is left to write what a plan has let go, or what it still asks for.
    """
    for one in record.evidence.dark:
        if one.alone and not one.carried:
            yield f"{one.until:.1f} s: {one.flow} is cut off without functions, and BGP alone carries it"


def both_clouds_agree(record: Record) -> Findings:
    """L1: after healing, both clouds read the same newest plan."""
    yield from (f"{cloud} reads another plan than the newest" for cloud, plan in record.evidence.plans.items() if plan != record.newest)


def two_stores_and_one_cloud_react(record: Record) -> Findings:
    """L2: with any two stores and one cloud's functions a link that is lost is left within the budget."""
    for one in record.evidence.drills:
        if one.seconds > REACTION_SECONDS:
            yield f"{one.link} was cut with {one.store} and {one.cloud}'s functions gone: left after {one.seconds:.1f} s"


def nobody_livelocks(record: Record) -> Findings:
    """L3: no operation spends more ballots than its bound, every call ends, and in quiet none gives up to other proposers."""
    for one in record.evidence.operations:
        if len(one.own) > 3 * ATTEMPTS_LIMIT:
            yield f"{one.register}: {len(one.own)} ballots at {one.began:.1f} s"
    for call in record.evidence.calls:
        if call.seconds > CALL_LIMIT:
            yield f"{call.at:.1f} s: {call.door} took {call.seconds:.1f} s"
    yield from record.evidence.livelocked


def store_operations_are_bounded(record: Record) -> Findings:
    """L4: no call makes more requests to stores than its kind may, for the letters that it told."""
    for call in record.evidence.calls:
        if call.reads + call.writes > REQUESTS_LIMITS.get(call.door, EVENT_REQUESTS) + LETTER_REQUESTS * call.letters:
            yield f"{call.at:.1f} s: {call.door} made {call.reads} reads and {call.writes} writes for {call.letters} letters"


def the_outbox_drains(record: Record) -> Findings:
    """L5: at the end no incident is open or still to be told."""
    for name, state in record.newest.links.items():
        if state.down_since_epoch or state.closing:
            yield f"{name} still has an incident: open {state.down_since_epoch}, to be told {state.closing}"
    for what, one in record.newest.silences.items():
        if one.closing or (one.epoch and not what.startswith(Kind.EVENTS)):
            yield f"{what} still has an incident: open {one.epoch}, to be told {one.closing}"


def every_flow_is_carried(record: Record) -> Findings:
    """L6: with everything healed all comes to rest within the budget, each flow at home and carried there both ways."""
    evidence, newest = record.evidence, record.newest
    if evidence.settled is None:
        yield "something was still going on at the end of the budget"
    yield from (f"{name} is still drained" for name in newest.links if drained(newest, name))
    yield from (f"{name} is believed {state.verdict}" for name, state in newest.links.items() if state.verdict is not Verdict.UP)
    yield from (f"{pin.flow} is still pinned" for pin in newest.pins)
    for flow in record.fabric(newest).flows:
        way, placed = evidence.ways[flow.name], newest.flows.get(flow.name, Placement()).link
        if way.loss or way.links != (placed,):
            yield f"{flow.name} is placed on {placed} and goes over {way.links} with loss {way.loss}"
        if placed != flow.prefer[0]:
            yield f"{flow.name} stays on {placed}, and prefers {flow.prefer[0]}"


def a_freeze_stops_every_write(record: Record) -> Findings:
    """Freeze: no lever is asked for anything while a flag is set that could be read, nor by a cloud that can't read its own."""
    for ask in record.evidence.asked:
        if ask.cloud in ask.blind:
            yield f"{ask.at:.1f} s: {ask.cloud} asked for {ask.setting}, and could not read its own flag"
        for stop in (one for one in record.evidence.stopped if one.flag not in ask.blind):
            binding = stop.state is FlagState.SET or stop.flag is ask.cloud
            if binding and stop.since + FLAG_SECONDS + ask.frozen < ask.at < (stop.until or float("inf")):
                yield f"{ask.at:.1f} s: {ask.cloud} asked for {ask.setting}; the flag of {stop.flag} is {stop.state} since {stop.since:.1f} s"


def nothing_unexpected_escapes(record: Record) -> Findings:
    """Errors: only those that an entry knows what to do with leave a function."""
    yield from record.evidence.escaped


INVARIANTS: Mapping[str, Callable[[Record], Findings]] = {
    "S1": every_register_is_linearizable,
    "S2": an_acknowledged_write_survives_any_one_store,
    "S3": epochs_rise_one_plan_each,
    "S4": every_write_has_a_reason,
    "S5": the_last_healthy_link_is_never_drained,
    "S6": every_incident_has_one_ticket,
    "S7": a_delivery_counts_once,
    "S8": the_newest_claims_decide,
    "S9": opposite_moves_wait_a_hold_down,
    "S10": a_stale_enactor_never_has_the_last_word,
    "S11": nothing_reopens_a_closed_incident,
    "S12": alone_only_what_is_safe,
    "S13": clean_up_never_takes_the_live_plan,
    "S14": unknown_is_never_told_as_ok_or_failed,
    "S15": a_rolled_back_store_is_not_counted,
    "S16": a_dead_control_plane_is_no_worse_than_bgp,
    "L1": both_clouds_agree,
    "L2": two_stores_and_one_cloud_react,
    "L3": nobody_livelocks,
    "L4": store_operations_are_bounded,
    "L5": the_outbox_drains,
    "L6": every_flow_is_carried,
    "freeze": a_freeze_stops_every_write,
    "errors": nothing_unexpected_escapes,
}


def broken(evidence: Evidence) -> list[tuple[str, str]]:
    """Name every invariant that does not hold, with what breaks it."""
    record = Record(evidence)
    if not record.plans:
        return [("L6 every_flow_is_carried", "no plan was ever agreed")]
    return [(f"{code} {one.__name__}", found) for code, one in (*INVARIANTS.items(), *RULES.items()) for found in one(record)]
