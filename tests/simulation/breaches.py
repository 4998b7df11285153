"""One way at least to break each invariant: what a run left behind, with one thing in it changed."""

from collections.abc import Callable
from datetime import timedelta

from pointsman.core.alone import Deed, Diary
from pointsman.core.fabric import Cloud, FlowName, LinkName
from pointsman.core.incidents import Ask, Incident, Phase
from pointsman.core.pins import OWNER
from pointsman.core.plan import Drain, DrainCause, FlagState, Pin, Placement, Plan, Silence, Verdict
from pointsman.core.silence import Kind
from pointsman.core.steering import PrefixListPin, PrefixStance, RoutePolicies, Stance
from pointsman.core.values import Frozen, canonical, parse, replace
from pointsman.quorum.ballots import ballot
from pointsman.service.registers import ATTEMPTS_LIMIT
from pointsman.testing.simulation.agreed import Record, moved
from pointsman.testing.simulation.evidence import (
    Accepted,
    Asked,
    Called,
    Dark,
    Drill,
    Ended,
    Evidence,
    Landed,
    Operation,
    Overwritten,
    Restored,
    Stopped,
    Told,
)
from pointsman.testing.simulation.invariants import CALL_LIMIT, DUPLICATE_LIMIT, EVENT_REQUESTS, FLAG_SECONDS, REACTION_SECONDS
from tests.simulation.tampered import Altered

LOWEST, HIGHEST = ballot(0, "f" * 16), ballot(999, "f" * 16)
"""Ballots that nobody ever used, below and above all others."""
ELSEWHERE = (PrefixStance(prefix="192.0.2.0/24", stance=Stance.AVOID, rank=9),)
"""What no plan wants of any lever."""


class Breach(Frozen):
    """How an invariant is broken, and what it says then. ``others`` must speak too, since they hold whenever it does."""

    code: str
    says: str
    tampered: Callable[[Evidence], Evidence | Record]
    others: tuple[str, ...] = ()


def plan_register(evidence: Evidence) -> str:
    return next(name for name in evidence.held if name.startswith("plan/"))


def told_of_plans(evidence: Evidence) -> list[Operation]:
    """List the operations on the plan's register that were answered with a ballot, in the order of their answers."""
    found = [one for one in evidence.operations if one.register == plan_register(evidence) and one.ballot]
    return sorted(found, key=lambda one: one.ended)


def operated(evidence: Evidence, one: Operation, **changes: object) -> Evidence:
    others = (other for other in evidence.operations if other is not one)
    return replace(evidence, operations=(*others, replace(one, **changes)))


def read_before_its_time(evidence: Evidence) -> Evidence:
    return operated(evidence, told_of_plans(evidence)[-1], began=0.0, ended=0.0)


def read_what_was_replaced(evidence: Evidence) -> Evidence:
    first, *_, last = told_of_plans(evidence)
    assert first.ballot != last.ballot
    return operated(evidence, last, ballot=first.ballot)


def told_of_a_failure_that_was_accepted(evidence: Evidence) -> Evidence:
    one = told_of_plans(evidence)[-1]
    return operated(evidence, one, how=Ended.FAILED, own=(one.ballot.partition(".")[2],))


def told_of_an_agreement_that_never_was(evidence: Evidence) -> Evidence:
    return operated(evidence, told_of_plans(evidence)[0], how=Ended.AGREED, ballot=LOWEST)


def many_ballots(evidence: Evidence) -> Evidence:
    return operated(evidence, told_of_plans(evidence)[-1], own=tuple(map(str, range(3 * ATTEMPTS_LIMIT + 1))))


def held_by(evidence: Evidence, *stores: str) -> Evidence:
    """Let only these stores hold the plan's newest ballot."""
    register = plan_register(evidence)
    held = {store: ballot if store in stores else "" for store, ballot in evidence.held[register].items()}
    return replace(evidence, held=evidence.held | {register: held})


def kept_nowhere(evidence: Evidence) -> Evidence:
    """Let nobody have been told of a plan that no store holds any more: else it is an acknowledged write that is lost."""
    return replace(held_by(evidence), operations=())


def accepted(evidence: Evidence, register: str, value: bytes, at: float | None = None, first: float = 1.0) -> Evidence:
    row = Accepted(at=at, first=first, register=register, ballot=HIGHEST, value=value.decode())
    return replace(evidence, accepted=(*evidence.accepted, row))


def claimed_alone(evidence: Evidence) -> Evidence:
    pin = PrefixListPin(flow=evidence.fabric.flows[0].name)
    deed = Deed(at=evidence.now, link=evidence.fabric.links[0].name, setting=pin, flows=(), because="it is dead", epoch=1, by="1")
    return accepted(evidence, f"alone/{evidence.fabric.name}/{Cloud.AWS}", canonical(Diary(deeds=(deed,))))


def incident_of(evidence: Evidence) -> tuple[str, LinkName, int, float]:
    """Give the one incident of the run: its name, its link, its epoch, and when it began."""
    ((incident, began, ended),) = Record(evidence).incidents()
    assert ended is not None
    link, _, epoch = incident.partition("/")[2].partition("@")
    return incident, LinkName(link), int(epoch), began


def archived_at_once(evidence: Evidence) -> Evidence:
    incident, _, _, began = incident_of(evidence)
    register = f"incident/{incident}"
    last = parse(Record(evidence).chosen[register][-1].value, Incident)
    assert last.phase is Phase.RESOLVED
    return accepted(evidence, register, canonical(replace(last, outbox=(), timeline=last.timeline[-1:])), at=began, first=began)


def told_once_more(evidence: Evidence) -> Evidence:
    last = evidence.book[-1]
    assert last.ask is Ask.RESOLVE
    return replace(evidence, book=(*evidence.book, replace(last, at=last.at + 60.0, ask=Ask.UPDATE)))


def a_ticket_of_nothing(evidence: Evidence) -> Evidence:
    stray = [Told(at=1.0, incident="atlas/ix-9@1", ask=ask, ticket="T9") for ask in (Ask.OPEN, Ask.RESOLVE)]
    return replace(evidence, book=(*evidence.book, *stray))


def asked_for_what_nobody_wants(evidence: Evidence) -> Evidence:
    link = evidence.fabric.links[0].name
    ask = Asked(at=1.0, cloud=Cloud.GCP, setting=RoutePolicies(link=link, imports=ELSEWHERE), over=RoutePolicies(link=link))
    return replace(evidence, asked=(*evidence.asked, ask))


def asked_blindly(evidence: Evidence) -> Evidence:
    return replace(evidence, asked=tuple(replace(ask, blind=(ask.cloud,)) for ask in evidence.asked))


def asked_while(state: FlagState, of: Callable[[Asked], Cloud]) -> Callable[[Evidence], Evidence]:
    def tampered(evidence: Evidence) -> Evidence:
        ask = evidence.asked[0]
        stop = Stopped(flag=of(ask), state=state, since=ask.at - FLAG_SECONDS - 1)
        return replace(evidence, stopped=(stop,))

    return tampered


def other_of(ask: Asked) -> Cloud:
    return next(cloud for cloud in Cloud if cloud is not ask.cloud)


def overruled(evidence: Evidence) -> Evidence:
    last = next(one for one in reversed(evidence.landed) if isinstance(one.setting, RoutePolicies))
    assert isinstance(last.setting, RoutePolicies)
    late = Landed(at=last.at + 60.0, cloud=last.cloud, setting=RoutePolicies(link=last.setting.link, imports=ELSEWHERE))
    return replace(evidence, landed=(*evidence.landed, late))


def left_otherwise(evidence: Evidence) -> Evidence:
    (want, _), *others = evidence.wants
    return replace(evidence, wants=((want, RoutePolicies(link=evidence.fabric.links[0].name, imports=ELSEWHERE)), *others))


def older_over_newer(evidence: Evidence) -> Evidence:
    row = evidence.view.rows[0]
    older = replace(row, seen_at=row.seen_at - timedelta(seconds=9))
    return replace(evidence, overwritten=(Overwritten(at=1.0, store="aws", held=row, by=older),))


def skipped_an_epoch(evidence: Evidence) -> Record:
    def change(plan: Plan) -> Plan:
        return replace(plan, epoch=plan.epoch + (plan.epoch > 2))

    return Altered(replace(evidence, plans=dict.fromkeys(Cloud, change(Record(evidence).newest))), change)


def left_the_last_path(evidence: Evidence) -> Record:
    """Let every other link be lost in the plan that begins a drain."""

    def change(plan: Plan) -> Plan:
        begins = any(state.drain and state.drain.epoch == plan.epoch for state in plan.links.values())
        lost = {name: state if state.drain else replace(state, verdict=Verdict.DOWN) for name, state in plan.links.items()}
        return replace(plan, links=lost) if begins else plan

    return Altered(evidence, change)


def returned_at_once(evidence: Evidence) -> Record:
    """Let the plan that ends a drain come a second after that began."""
    ends = {
        after.epoch: state.drain.since + timedelta(seconds=1)
        for before, after in Record(evidence).steps()
        for name, state in before.links.items()
        if state.drain and not after.links[name].drain
    }
    assert ends
    return Altered(evidence, lambda plan: replace(plan, decided_at=ends.get(plan.epoch, plan.decided_at)))


def opened_again(evidence: Evidence) -> Record:
    _, link, epoch, _ = incident_of(evidence)

    def change(plan: Plan) -> Plan:
        told = epoch in plan.links[link].closing
        return replace(plan, links=plan.links | {link: replace(plan.links[link], down_since_epoch=epoch)}) if told else plan

    return Altered(evidence, change)


def ended_as(change: Callable[[Evidence, Plan], Plan]) -> Callable[[Evidence], Record]:
    """Let the newest plan, which both clouds read, be another."""

    def tampered(evidence: Evidence) -> Record:
        newest = change(evidence, Record(evidence).newest)
        seen = replace(evidence, plans=dict.fromkeys(Cloud, newest))
        return Altered(seen, lambda plan: newest if plan.epoch == newest.epoch else plan)

    return tampered


def with_link(**state: object) -> Callable[[Evidence], Record]:
    """Let the link of the incident be in another state at the end."""

    def change(evidence: Evidence, plan: Plan) -> Plan:
        link = incident_of(evidence)[1]
        return replace(plan, links=plan.links | {link: replace(plan.links[link], **state)})

    return ended_as(change)


def still_drained(evidence: Evidence) -> Record:
    newest = Record(evidence).newest
    drain = Drain(cause=DrainCause.OUTAGE, since=newest.decided_at, epoch=newest.epoch, enactor=Cloud.GCP)
    return with_link(drain=drain)(evidence)


def still_open(evidence: Evidence) -> Record:
    return with_link(down_since_epoch=incident_of(evidence)[2])(evidence)


def still_to_be_told(evidence: Evidence) -> Record:
    return with_link(closing=(incident_of(evidence)[2],))(evidence)


def silent_still(_: Evidence, plan: Plan) -> Plan:
    return replace(plan, silences={f"{Kind.EVENTS}:{Cloud.GCP}": Silence(since=plan.decided_at, closing=(plan.epoch,))})


def still_pinned(evidence: Evidence, plan: Plan) -> Plan:
    flow = evidence.fabric.flows[0]
    pin = Pin(flow=flow.name, link=flow.prefer[0], owner=OWNER, reason="nothing else led there", expires_at=plan.decided_at)
    return replace(plan, pins=(pin,))


def away_from_home(evidence: Evidence, plan: Plan) -> Plan:
    """Put a flow that never moved onto the next link that it may take."""
    restless: set[FlowName] = {name for before, after in Record(evidence).steps() for name in moved(before, after)}
    flow = next(one for one in evidence.fabric.flows if one.name not in restless and one.name in plan.flows)
    return replace(plan, flows=plan.flows | {flow.name: Placement(link=flow.prefer[1])})


def lossy(evidence: Evidence) -> Evidence:
    (name, way), *_ = evidence.ways.items()
    return replace(evidence, ways=dict(evidence.ways) | {name: replace(way, loss=0.01)})


def called(door: str = "report", seconds: float = 1.0, reads: int = 1) -> Callable[[Evidence], Evidence]:
    return lambda one: replace(one, calls=(*one.calls, Called(at=1.0, seconds=seconds, door=door, reads=reads, writes=0)))


def with_(**changes: object) -> Callable[[Evidence], Evidence]:
    return lambda evidence: replace(evidence, **changes)


RESTORED = Restored(at=1.0, store="gcp", register="plan/atlas", promised="", seen=HIGHEST)
CUT_OFF = Dark(since=1.0, until=2.0, flow="checkout", carried=False, alone=True)
SLOW = Drill(link="ix-1", store="aws", cloud=Cloud.AWS, seconds=REACTION_SECONDS + 1)
READS, WRITES = DUPLICATE_LIMIT

BREACHES = (
    Breach(code="S1", says="which no majority held then", tampered=read_before_its_time),
    Breach(code="S1", says="began after", tampered=read_what_was_replaced),
    Breach(code="S2", says="was acknowledged, and without aws", tampered=lambda one: held_by(one, "aws")),
    Breach(code="S2", says="was acknowledged, and without aws", tampered=lambda one: replace(held_by(one, "aws"), lost="aws")),
    Breach(code="S3", says="the chain of plans has the epochs [1, 2, 4", tampered=skipped_an_epoch),
    Breach(code="S4", says="which epochs", tampered=asked_for_what_nobody_wants),
    Breach(code="S5", says="no other link is healthy", tampered=left_the_last_path),
    Breach(code="S6", says="never had a ticket", tampered=with_(book=())),
    Breach(code="S6", says="no plan knows it", tampered=a_ticket_of_nothing),
    Breach(code="S7", says="made 7 register reads", tampered=with_(duplicate=(READS + 1, WRITES))),
    Breach(code="S7", says="and 1 writes", tampered=with_(duplicate=(READS, WRITES + 1))),
    Breach(code="S8", says="let", tampered=older_over_newer),
    Breach(code="S9", says="ends the drain of", tampered=returned_at_once),
    Breach(code="S10", says="and the lever reads", tampered=left_otherwise),
    Breach(code="S10", says="which the plan of that time wants", tampered=overruled),
    Breach(code="S11", says="its ticket was last told to update", tampered=told_once_more),
    Breach(code="S11", says="again", tampered=opened_again),
    Breach(code="S12", says="claimed PrefixListPin", tampered=claimed_alone),
    Breach(code="S13", says="was given '{}'", tampered=lambda one: accepted(one, plan_register(one), b"{}")),
    Breach(code="S13", says="no store holds plan/", tampered=kept_nowhere),
    Breach(code="S13", says="was archived while it is open", tampered=archived_at_once),
    Breach(code="S14", says="that it failed", tampered=told_of_a_failure_that_was_accepted),
    Breach(code="S14", says="which no majority ever held", tampered=told_of_an_agreement_that_never_was, others=("S1",)),
    Breach(code="S15", says="and was counted", tampered=with_(restored=(RESTORED,))),
    Breach(code="S16", says="BGP alone carries it", tampered=with_(dark=(CUT_OFF,))),
    Breach(code="L1", says="aws reads another plan", tampered=lambda one: replace(one, plans=one.plans | {Cloud.AWS: None})),
    Breach(code="L2", says="left after 21.0 s", tampered=with_(drills=(SLOW,))),
    Breach(code="L3", says="ballots at", tampered=many_ballots),
    Breach(code="L3", says="took", tampered=called(seconds=CALL_LIMIT + 1)),
    Breach(code="L3", says="other proposers", tampered=with_(livelocked=("sweep: gave up to other proposers",))),
    Breach(code="L4", says="made 121 reads", tampered=called(reads=EVENT_REQUESTS + 1)),
    Breach(code="L5", says="still has an incident", tampered=still_open),
    Breach(code="L5", says="to be told", tampered=still_to_be_told),
    Breach(code="L5", says="events:gcp still has an incident", tampered=ended_as(silent_still)),
    Breach(code="L6", says="still going on", tampered=with_(settled=None)),
    Breach(code="L6", says="is still drained", tampered=still_drained),
    Breach(code="L6", says="is believed suspect", tampered=with_link(verdict=Verdict.SUSPECT)),
    Breach(code="L6", says="is still pinned", tampered=ended_as(still_pinned)),
    Breach(code="L6", says="with loss 0.01", tampered=lossy),
    Breach(code="L6", says="and prefers", tampered=ended_as(away_from_home)),
    Breach(code="freeze", says="could not read its own flag", tampered=asked_blindly),
    Breach(code="freeze", says="is set since", tampered=asked_while(FlagState.SET, other_of)),
    Breach(code="freeze", says="is unreadable since", tampered=asked_while(FlagState.UNREADABLE, lambda ask: ask.cloud)),
    Breach(code="errors", says="KeyError", tampered=with_(escaped=("report: KeyError('ix-9')",))),
)
