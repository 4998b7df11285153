"""Links in mode recommend: what would be done with them waits for a person's word on exactly that.

A proposal is the difference between what is decided and what would be if these links were steered by us too. Its hash
is a digest of that difference, so an approval is of what was read and of nothing else: as soon as anything else would
be done the hash is another. Links in mode observe are decided on and told of, and never proposed.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from pointsman.core.case import Case
from pointsman.core.drains import hushed
from pointsman.core.evidence import Belief
from pointsman.core.fabric import Cloud, Fabric, FlowName, Link, LinkName, Mode
from pointsman.core.flows import placements
from pointsman.core.maintenance import with_drains
from pointsman.core.members import lever_key
from pointsman.core.orders import Heard, by, ends
from pointsman.core.placement import Placed
from pointsman.core.plan import DrainCause, LinkState, Placement, Plan, Proposal, Verdict
from pointsman.core.sightings import Health, Order, Sighting, Source, Verb
from pointsman.core.values import Frozen, canonical, digest, replace

PROPOSAL_LIFE = timedelta(hours=4)
"""How long a proposal may be approved; if the same would still be done then, it is proposed anew under another hash."""
HASH_LENGTH = 16
"""Hex digits of a proposal's hash."""
PROPOSED = "proposed:"
"""Begins the words on what waits for a person's."""
TOLD_LIMIT = 5
"""Flows that are named of those that would move; the rest are counted."""


class Made(Frozen):
    """Where every link and flow is after the steps that decide on them."""

    states: dict[LinkName, LinkState]
    placed: Placed

    @property
    def kept_off(self) -> frozenset[LinkName]:
        """The links that are drained."""
        return frozenset(name for name, state in self.states.items() if state.drain is not None)


class Weighed(Frozen):
    """What is made of it once a person was asked: the outcome, what waits for a word now, and which orders are refused."""

    made: Made
    proposal: Proposal | None = None
    refused: dict[str, str] = {}


class _Difference(Frozen):
    """What exactly would be done, of links in which state, and under which fabric: what a hash is a digest of, by whichever rules.

    ``found`` says of each link that is left or returned to what is believed of it, which tells what it is left for, and what
    it was left for: a word on planned work is none on an outage.
    """

    fabric_hash: str
    epoch: int
    leave: tuple[LinkName, ...]
    back: tuple[LinkName, ...]
    flows: dict[FlowName, LinkName | None]
    found: dict[LinkName, tuple[Verdict, DrainCause | None]]


def weigh(case: Case, states: dict[LinkName, LinkState], beliefs: Mapping[LinkName, Belief], made: Made, heard: Heard) -> Weighed:
    """Find what to propose beside what was ``made`` of the ``states``, and do it if a person approved of exactly that."""
    ours = frozenset(link.name for link in case.fabric.links if link.mode is Mode.RECOMMEND)
    if not ours or not case.plan.epoch:
        return Weighed(made=made, refused={order.key: _nothing(order) for order in heard.of(Verb.APPROVE, Verb.DENY)})
    would = askable(made, _would(replace(case, approved=ours), states, beliefs, made))
    proposal = _proposal(case, made, would)
    standing = case.plan.proposal
    broken = any(would.states[name].verdict is Verdict.DOWN for name in would.kept_off - made.kept_off)
    hush = "" if broken or standing is None or proposal == standing else hushed(case)  # what is discretionary seems gone for now
    led = frozenset(_led(case, made))
    weighed = Weighed(made=_with_memory(case, _asking(made, would), led), proposal=standing if hush else proposal)
    for order in heard.of(Verb.APPROVE, Verb.DENY):
        why = _why_not(weighed.proposal, order) or (f"{hush}: approve again then" if hush and order.verb is Verb.APPROVE else "")
        weighed = replace(weighed, refused=weighed.refused | {order.key: why}) if why else _answered(case, weighed, would, order)
    return weighed


def _answered(case: Case, weighed: Weighed, would: Made, order: Order) -> Weighed:
    """Do as a person says of what waits for a word."""
    proposal = weighed.proposal
    assert proposal is not None, "a word on nothing is refused"
    if order.verb is Verb.DENY:
        return replace(weighed, proposal=_denied(proposal, order))
    return replace(weighed, made=_with_memory(case, would, frozenset(_touched(case, proposal))), proposal=None)


def paused(case: Case, made: Made, heard: Heard) -> Weighed:
    """Leave what waits for a word as it is while steering is frozen; it may be denied all the same."""
    weighed = Weighed(made=made, proposal=case.plan.proposal)
    for order in heard.of(Verb.DENY):
        why = _why_not(weighed.proposal, order)
        weighed = replace(weighed, refused=weighed.refused | {order.key: why}) if why else _answered(case, weighed, made, order)
    return weighed


def _would(case: Case, states: dict[LinkName, LinkState], beliefs: Mapping[LinkName, Belief], made: Made) -> Made:
    """Do all that a person's word allows, from where flows are once what is ``made`` is: the next decision then proposes the same."""
    after = with_drains(case, states)
    if after == made.states and not _could_gain(case, made):
        return made
    return Made(states=after, placed=placements(case, after, beliefs, made.placed.flows))


def askable(made: Made, would: Made) -> Made:
    """Give what may be asked of a person: where no link is left or returned to, no move that harms the precious more than no move."""
    harmful = would.kept_off == made.kept_off and would.placed.harm > made.placed.harm
    return replace(would, placed=made.placed) if harmful else would


def _asking(made: Made, would: Made) -> Made:
    """Ask a person of a window that nothing may be left for, whatever the link's mode is."""
    states = dict(made.states)
    for name, other in would.states.items():
        if other.maintenance is not None and other.maintenance.ask and other.drain is None and states[name].drain is None:
            states[name] = replace(states[name], maintenance=other.maintenance, down_since_epoch=other.down_since_epoch)
    return replace(made, states=states)


def _could_gain(case: Case, made: Made) -> bool:
    """Say whether any flow might do better, on another link or as others make way for it: only then are all placed once more.

    Who makes way may be any flow that shares a link with it, or one with a flow that does, and so on.
    """
    places = ((flow, made.placed.flows[flow.name]) for flow in case.fabric.flows)
    return any(one.link not in flow.prefer[:1] or one.squeezed_by or one.mtu_short for flow, one in places)


def _proposal(case: Case, made: Made, would: Made) -> Proposal | None:
    """Give what waits for a word: the proposal that stands while the same would be done, else a new one; None when nothing would."""
    flows = {name: one.link for name, one in would.placed.flows.items() if one.link != made.placed.flows[name].link}
    leave, back = tuple(sorted(would.kept_off - made.kept_off)), tuple(sorted(made.kept_off - would.kept_off))
    if not (leave or back or flows):
        return None
    new = Proposal(hash="", epoch=case.next_epoch, since=case.now, expires_at=case.now + PROPOSAL_LIFE, leave=leave, back=back, flows=flows)
    under, standing = case.plan.fabric_hash, case.plan.proposal
    new = replace(new, hash=_hash(under, new, made.states))
    if standing is None or case.now >= standing.expires_at:
        return new
    return standing if _hash(under, replace(new, epoch=standing.epoch), made.states) == standing.hash else new


def hashed_anew(plan: Plan) -> Plan:
    """Give a plan whose proposal is named as these rules name it: earlier ones put their own version into a hash."""
    one = plan.proposal
    if one is None:
        return plan
    return replace(plan, proposal=replace(one, hash=_hash(plan.fabric_hash, one, plan.links)))


def _hash(fabric_hash: str, one: Proposal, states: Mapping[LinkName, LinkState]) -> str:
    known = ((name, states.get(name, LinkState())) for name in (*one.leave, *one.back))
    found = {name: (state.verdict, state.drain.cause if state.drain else None) for name, state in known}
    what = _Difference(fabric_hash=fabric_hash, epoch=one.epoch, leave=one.leave, back=one.back, flows=one.flows, found=found)
    return digest(canonical(what))[:HASH_LENGTH]


def _why_not(proposal: Proposal | None, order: Order) -> str:
    if proposal is None:
        return _nothing(order)
    if order.target != proposal.hash:
        return f"{_noun(order)} for another plan's hash: what waits now is {proposal.hash}, which pointsman status shows"
    return (
        f"{proposal.hash} was denied by {proposal.denied}: it is proposed anew after {proposal.expires_at:%FT%TZ}"
        if proposal.denied
        else ""
    )


def _nothing(order: Order) -> str:
    return f"{_noun(order)} for another plan's hash: nothing waits for a person's word now"


def _noun(order: Order) -> str:
    return "approval" if order.verb is Verb.APPROVE else "denial"


def _denied(proposal: Proposal, order: Order) -> Proposal:
    return replace(proposal, denied=by(order), expires_at=max(proposal.expires_at, ends(order)))


def _touched(case: Case, proposal: Proposal) -> Iterator[LinkName]:
    """Name the links that carrying a proposal out has to steer."""
    yield from (*proposal.leave, *proposal.back)
    for name, link in proposal.flows.items():
        before = case.plan.flows.get(name, Placement()).link
        yield from (one for one in (before, link) if one is not None)


def _led(case: Case, made: Made) -> Iterator[LinkName]:
    """Name the links that a flow is led to without a person's word, having no other way: what our levers held off there is let in."""
    for name, placed in made.placed.flows.items():
        before = case.plan.flows.get(name, Placement()).link
        if placed.link is not None and before is not None and placed.link != before:
            yield placed.link


def _with_memory(case: Case, made: Made, touched: frozenset[LinkName]) -> Made:
    """Note on links in mode recommend since when our levers are to be set there, and forget it once they are seen to be."""
    states = {name: _remembered(case, case.fabric.link(name), state, anew=name in touched) for name, state in made.states.items()}
    return replace(made, states=states)


def _remembered(case: Case, link: Link, state: LinkState, *, anew: bool) -> LinkState:
    if link.mode is not Mode.RECOMMEND:
        return state
    clouds = tuple(_clouds(link))
    before = case.plan.links.get(link.name, LinkState())
    if clouds and (anew or (before.drain is None) != (state.drain is None)):
        return replace(state, steered=case.next_epoch)
    done = state.steered is not None and state.drain is None and all(_is_set(case.view.rows, link, one, state.steered) for one in clouds)
    return replace(state, steered=None) if done else state


def _clouds(link: Link) -> Iterator[Cloud]:
    """Name the clouds that have a lever on a link."""
    if link.has_policies:
        yield Cloud.GCP
    if any(member.aws.virtual_interface for member in link.members):
        yield Cloud.AWS


def _is_set(rows: tuple[Sighting, ...], link: Link, cloud: Cloud, epoch: int) -> bool:
    """Say whether a cloud's functions found their lever as a plan of that epoch, or a later one, asks: traffic is let in."""
    key = lever_key(link.name)
    own = (row for row in rows if row.member == key and row.source is Source.LEVER and row.vantage == cloud.value)
    return any(row.health is Health.UP and (row.value or 0) >= epoch for row in own)


def would_leave(case: Case, states: dict[LinkName, LinkState]) -> frozenset[LinkName]:
    """List the links in mode observe that would be left if they were steered."""
    watched = frozenset(
        link.name
        for link in case.fabric.links
        if link.mode is Mode.OBSERVE and (states[link.name].verdict is Verdict.DOWN or states[link.name].maintenance)
    )
    if not watched:
        return frozenset()
    after = with_drains(replace(case, approved=watched), states)
    return frozenset(name for name in watched if after[name].drain is not None and states[name].drain is None)


def what(proposal: Proposal) -> str:
    """Say in words what would be done."""
    moves = [f"{name} to {link or 'no path'}" for name, link in proposal.flows.items()]
    shown = [*moves[:TOLD_LIMIT], *([f"{len(moves) - TOLD_LIMIT} more flows"] if len(moves) > TOLD_LIMIT else [])]
    parts = (
        f"leave {' and '.join(proposal.leave)}" if proposal.leave else "",
        f"return to {' and '.join(proposal.back)}" if proposal.back else "",
        f"move {', '.join(shown)}" if shown else "",
    )
    return "; ".join(part for part in parts if part)


def command(proposal: Proposal) -> str:
    """Give the command that approves of a proposal."""
    return f"pointsman approve FABRIC {proposal.hash} --author NAME --reason WHY"


def told(fabric: Fabric, proposal: Proposal) -> str:
    """Say what waits for a person's word, how to give it and until when."""
    if proposal.denied:
        return f"denied by {proposal.denied}: {what(proposal)} ({proposal.hash})"
    return f"{PROPOSED} {what(proposal)}{_by_hand(fabric, proposal)}; to do it: {command(proposal)} (until {proposal.expires_at:%FT%TZ})"


def _by_hand(fabric: Fabric, proposal: Proposal) -> str:
    gaps = [
        name for name in (*proposal.leave, *proposal.back) if name in {link.name for link in fabric.links} and fabric.gap(fabric.link(name))
    ]
    return f" ({' and '.join(gaps)} by hand: nothing of ours steers it)" if gaps else ""


def concerns(plan: Plan, link: LinkName) -> bool:
    """Say whether what waits for a word is about a link."""
    proposal = plan.proposal
    if proposal is None:
        return False
    before = {plan.flows.get(name, Placement()).link for name in proposal.flows}
    return link in {*proposal.leave, *proposal.back, *proposal.flows.values(), *before}
