"""Loss on a link that is only being filled: what a move of traffic explains does not condemn the link it moves to."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from pointsman.core.case import Case
from pointsman.core.evidence import BACK_WITHIN, TOTAL, Belief, believe, is_total, lost_by_probes_alone, observed_loss
from pointsman.core.fabric import Cloud, Fabric, Flow, Link, LinkKind, LinkName
from pointsman.core.hidden import is_planned, since_agreed_up
from pointsman.core.intents import is_intent, links_of
from pointsman.core.pins import acknowledged_at, draining_at, set_at
from pointsman.core.plan import Drain, LinkState, Placement, Plan, Relief, Verdict
from pointsman.core.sightings import Aspect, Health, Sighting, Source, Vantage
from pointsman.core.values import replace
from pointsman.core.wants import TEST_DURATION, failover_test, is_steered, placed_losses, withdrawal_losses

SETTLING = timedelta(seconds=5)
"""How long after a drain is in force the probes may still tell of the move itself."""
RELIEF = timedelta(seconds=30)
"""How long after a plan eased a link that it had kept too much on the probes may see that: time for both clouds' levers."""
INEXACT = 0.05
"""Share of packets by which loss may exceed what the declared demands explain."""
_GOOD = frozenset({Verdict.UP, Verdict.DEGRADED})
_BAD = frozenset({Verdict.DOWN, Verdict.SUSPECT})
_LESSENED = _BAD | {Verdict.DEGRADED}
"""What a failover test that takes the sessions of a link away, all or one by one, lets it seem."""
_NEVER, _STILL = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def excused(case: Case, beliefs: Mapping[LinkName, Belief]) -> dict[LinkName, Belief]:
    """Keep a link as it was believed that loses packets while another's traffic is moving onto it: the loss may be the move's own.

    Condemning it would pour the traffic onto the next link, and so on. What still loses when the move is over is down,
    unless the plan itself keeps more on it than it carries, and that explains what it loses. A probe's word is of its own time: what
    it saw during the move condemns nothing later either, and what it still sees it says again (``retold``).
    Where no link at all is seen up, our eyes may be broken, and only a probe that tells how much it loses is believed so far.
    """
    if _LESSENED.isdisjoint(belief.verdict for belief in beliefs.values()):
        return dict(beliefs)
    offered = placed_losses(case.fabric, case.plan)
    told = {name: _squeezed(case, name, _after_a_test(case, name, belief), offered) for name, belief in beliefs.items()}
    verdicts = {belief.verdict for belief in told.values()}
    if verdicts.isdisjoint(_LESSENED):
        return told
    doubted = [case.fabric.link(name) for name, belief in told.items() if belief.verdict in _BAD and _may_be_ours(case, name)]
    filling, overfilled, hidden = _filling(case, doubted), _overfilled(case), _hidden(case)

    def judged(name: LinkName, belief: Belief) -> Belief:
        if belief.verdict in _LESSENED and name in hidden:
            return Belief(verdict=Verdict.UNKNOWN, because="our own failover test is due on it, which hides the link")
        if (
            belief.verdict not in _BAD
            or not _may_be_ours(case, name)
            or (verdicts.isdisjoint(_GOOD) and observed_loss(case.claims[name]) >= TOTAL)
        ):
            return belief
        if name in filling and _seen_at(case, name) < filling[name]:
            return _kept(case, name, "its probes lose packets while traffic is moving onto it: the loss may be the move's own")
        if _explains(overfilled, case, name):
            return _kept(case, name, "its probes lose what AWS's own drain puts on it beyond its capacity, until Google's levers are set")
        return belief

    return {name: judged(name, belief) for name, belief in told.items()}


def _after_a_test(case: Case, name: LinkName, belief: Belief) -> Belief:
    """Judge a link that is up by the plan, and drained no more, without what AWS's drain did to it until just before that was agreed."""
    state = case.plan.links.get(name, LinkState())
    if belief.verdict not in _LESSENED or state.verdict is not Verdict.UP or state.drain is not None or state.since is None:
        return belief
    ended = set_at(case.view.rows, Cloud.AWS, name, 0)
    tested = draining_at(case.view.rows, Cloud.AWS, name) is not None or (ended is not None and ended >= state.since - BACK_WITHIN)
    return believe(case.fabric.link(name), since_agreed_up(case.claims[name], state.since), state, case.now) if tested else belief


def _may_be_ours(case: Case, name: LinkName) -> bool:
    """Say whether packets that our own steering puts on a link may be all that speaks against it."""
    return lost_by_probes_alone(case.claims[name]) and not is_total(case.claims[name])


def is_squeezed(case: Case, name: LinkName) -> bool:
    """Say whether what the plan itself keeps on a link beyond its capacity explains all that its probes lose."""
    return _explains(placed_losses(case.fabric, case.plan), case, name)


def _squeezed(case: Case, name: LinkName, belief: Belief, offered: Mapping[LinkName, float]) -> Belief:
    if belief.verdict not in _BAD or not _may_be_ours(case, name):
        return belief
    if _explains(offered, case, name):
        return _kept(case, name, "its probes lose what the plan itself puts on it beyond its capacity: no link had room")
    state = case.plan.links.get(name, LinkState())
    if state.verdict in _GOOD and _explains(_adrift(case, case.fabric.link(name)), case, name):
        return _kept(case, name, "its probes lose what BGP may put on it beyond its capacity: flows that no plan has placed")
    relieved = state.relieved
    if relieved is not None and _seen_at(case, name) < relieved.at + RELIEF:
        return _kept(case, name, "its probes tell of what the plan kept on it beyond its capacity until just now")
    if relieved is not None and _lasts(case, name, relieved):
        return _kept(case, name, "its probes lose what the plan kept on it beyond its capacity, until Google's levers are set")
    return belief


def _adrift(case: Case, link: Link) -> dict[LinkName, float]:
    """Give the share of packets that a link loses when BGP alone leads there what is placed nowhere, as it may at any time."""
    nowhere = (flow for flow in case.fabric.flows if case.plan.flows.get(flow.name, Placement()).link is None)
    return _moved(case, (flow for flow in nowhere if set(flow.prefixes) == {link.aws_site, link.gcp_site}), link)


def _lasts(case: Case, name: LinkName, relieved: Relief) -> bool:
    """Say whether Google's lever was not yet seen set since a plan eased a link, and what that had kept on it explains all that is lost."""
    link = case.fabric.link(name)
    if not (link.has_policies and is_steered(case.plan, link) and _explains({name: relieved.loss}, case, name)):
        return False
    done = set_at(case.view.rows, Cloud.GCP, name, relieved.epoch)
    return done is None or _seen_at(case, name) < done + SETTLING


def _explains(losses: Mapping[LinkName, float], case: Case, name: LinkName) -> bool:
    """Say whether a share of packets that is expected to be lost on a link, each way, is all that its probes lose, there and back."""
    return name in losses and observed_loss(case.claims[name]) <= 1 - (1 - losses[name]) ** 2 + INEXACT


def _seen_at(case: Case, name: LinkName) -> datetime:
    """Say of when the newest loss is that a link's probes tell of; later than any time where none tells of one, which excuses nothing."""
    return max((row.seen_at for rows in case.claims[name].values() for row in rows if row.health is Health.DOWN), default=_STILL)


def relieved(case: Case, before: Plan, after: Plan) -> dict[LinkName, LinkState]:
    """Give the links' states after a decision, with a word of it where it took away what the plan before kept on a link beyond its capacity."""
    crowded = placed_losses(case.fabric, before)
    eased = crowded.keys() - placed_losses(case.fabric, after).keys() if crowded else crowded
    reliefs = {name: Relief(epoch=case.next_epoch, at=after.decided_at, loss=crowded[name]) for name in eased}
    return {name: replace(state, relieved=reliefs[name]) if name in eased else state for name, state in after.links.items()}


def parallel(fabric: Fabric, link: Link) -> tuple[Link, ...]:
    """List the other links between the same two sites."""
    ends = (link.aws_site, link.gcp_site)
    return tuple(other for other in fabric.links if other.name != link.name and (other.aws_site, other.gcp_site) == ends)


def outranking(fabric: Fabric, link: Link) -> tuple[Link, ...]:
    """List the interconnects beside a VPN: for equal prefixes AWS prefers them by their type, whatever their MED."""
    if link.kind is not LinkKind.VPN:
        return ()
    return tuple(other for other in parallel(fabric, link) if other.kind is not LinkKind.VPN)


def _kept(case: Case, name: LinkName, because: str) -> Belief:
    before = case.plan.links.get(name, LinkState())
    kept = before.verdict if before.verdict in _GOOD else Verdict.SUSPECT
    return Belief(verdict=kept, because=because, onset=before.onset, usable=before.usable)


def _filling(case: Case, doubted: Iterable[Link]) -> dict[LinkName, datetime]:
    """Say until when traffic of another link is moving onto each, by BGP, by a drain, by a steer ahead of its agreement, or by a lever left behind."""
    found: dict[LinkName, datetime] = {}
    for link in doubted:
        others, seen = parallel(case.fabric, link), _seen_at(case, link.name)
        found[link.name] = max(
            (
                max(_poured(case, one), _steered_ahead(case, one), _fled(case, one, link, seen), _led_off(case, one, link, seen))
                for one in others
            ),
            default=_NEVER,
        )
    return found


def _poured(case: Case, link: Link) -> datetime:
    """Say until when a drain moves a link's traffic: while it is not in force, for a hold-down at most, or was just set."""
    drain = case.plan.links.get(link.name, LinkState()).drain
    if drain is None:
        return _NEVER
    done, end = _done(case, link, drain), drain.since + case.fabric.policy.hold_down
    return end if done is None else min(done + SETTLING, end)


def _fled(case: Case, link: Link, onto: Link, seen: datetime) -> datetime:
    """Say until when BGP, which leaves a link by itself, may move more onto another than that carries, if for longer than its loss was ``seen``."""
    state = case.plan.links.get(link.name, LinkState())
    end = _left_until(case, link, state)
    if state.drain is not None or end <= seen:  # what overfills a link is worth working out for no other
        return _NEVER
    moved = (flow for flow in case.fabric.flows if _may_be_on(case, flow, link))
    return end if onto.name in _moved(case, moved, onto) else _NEVER


def _moved(case: Case, flows: Iterable[Flow], onto: Link) -> dict[LinkName, float]:
    """Give the share of packets that is lost on each link when flows are led onto one; none where no flow is."""
    moved = {flow.name: Placement(link=onto.name) for flow in flows}
    return placed_losses(case.fabric, replace(case.plan, flows={**case.plan.flows, **moved})) if moved else {}


def _left_until(case: Case, link: Link, state: LinkState) -> datetime:
    """Say until when BGP may lead traffic away from a link: until just after it was good again.

    Where only one end has lost the session, for as long as the other takes to lose it at most, else for a hold-down if that is
    longer: while the link is bad by the plan and its sessions are back they may have been back just now.
    """
    known, budget = _NEVER if state.since is None else state.since, link.timers.budget
    back = lost_by_probes_alone(case.claims[link.name])
    if back and state.verdict not in _BAD:
        return known + SETTLING if state.verdict in _GOOD else _NEVER
    began = known if state.verdict in _BAD else case.now
    return began + (max(case.fabric.policy.hold_down, budget) if back or state.lost else budget)


def _led_off(case: Case, link: Link, onto: Link, seen: datetime) -> datetime:
    """Say until when Google's lever may lead what is placed on a link onto another, since it drains the link as an earlier plan asked.

    Google's functions may be away for any time, and their words where they cannot be read; it explains no more than those flows overfill the
    other link by.
    """
    opened, unread = set_at(case.view.rows, Cloud.GCP, link.name, 0), Cloud.GCP in case.view.unreadable and link.has_policies
    if (opened is None and not unread) or case.plan.links.get(link.name, LinkState()).drain is not None:
        return _NEVER
    end = _STILL if opened is None or draining_at(case.view.rows, Cloud.GCP, link.name) is not None else opened + SETTLING
    if end <= seen:
        return _NEVER
    placed = (flow for flow in case.fabric.flows if case.plan.flows.get(flow.name, Placement()).link == link.name)
    return end if _explains(_moved(case, placed, onto), case, onto.name) else _NEVER


def _may_be_on(case: Case, flow: Flow, link: Link) -> bool:
    """Say whether a link may carry a flow: it was placed there, or BGP may have it there while it is placed nowhere or no lever leads it yet."""
    at = case.plan.flows.get(flow.name, Placement()).link
    led = at is not None and (not link.has_policies or set_at(case.view.rows, Cloud.GCP, link.name, case.plan.epoch) is not None)
    return at == link.name or (not led and set(flow.prefixes) == {link.aws_site, link.gcp_site})


def _steered_ahead(case: Case, link: Link) -> datetime:
    """Say until when a cloud leads traffic off a link beside the agreement: no plan tells of it yet."""
    intents = [row for row in case.view.rows if is_intent(row) and link.name in links_of(case.fabric, row)]
    lately = any(row.health is Health.DRAINING and case.now - row.seen_at < case.fabric.policy.hold_down for row in intents)
    over = (row.seen_at + SETTLING for row in intents if row.health is not Health.DRAINING)
    return _STILL if lately else max(over, default=_NEVER)


def retold(claim: Sighting, row: Sighting, words: Iterable[Sighting]) -> bool:
    """Say whether a prober still sees a loss that its row tells of, and a move that a lever's ``words`` tell of excuses only the row.

    Such a claim is no repetition: left out, it would pass for one from the time of the move.
    """
    if claim.source is not Source.PROBE or claim.health is not Health.DOWN:
        return False
    ends = (word.seen_at + after for word in words if word.source is Source.LEVER for after in (SETTLING, RELIEF))
    return any(row.seen_at < end <= claim.seen_at for end in ends)


def _hidden(case: Case) -> frozenset[LinkName]:
    """List the links that are drained for no outage and that AWS's own drain hides, or is to: packets are lost there before a look tells why."""
    drained = (link for link in case.fabric.links if is_planned(case.plan.links.get(link.name, LinkState())))
    return frozenset(link.name for link in drained if _is_tested(case, link))


def _is_tested(case: Case, link: Link) -> bool:
    """Say whether a failover test is due on a link, or was found running when AWS last left word of its lever: it may be still.

    Where AWS's words cannot be read, that nobody knew of the link when the plan was agreed on is all there is to go by.
    """
    if failover_test(case.fabric, case.plan, link, case.view.rows, case.now).running or _has_perhaps_begun(case, link):
        return True
    if case.plan.links[link.name].verdict is Verdict.UNKNOWN and (Cloud.AWS in case.view.unreadable or _lies_behind(case, link)):
        return _may_be_tested(link)
    started = draining_at(case.view.rows, Cloud.AWS, link.name)
    return _has_just_ended(case, link) if started is None else case.now - started < TEST_DURATION


def _lies_behind(case: Case, link: Link) -> bool:
    """Say whether all that is read of AWS's words on a link is older than the plan that took it for unknown: they stand where this view does not reach.

    AWS's functions that cannot write into their own store write into the witness, which not every view reads. AWS ends a test by itself.
    """
    since = case.plan.links[link.name].since
    if since is None or case.now >= since + TEST_DURATION:
        return False
    words = [row.seen_at for rows in case.claims[link.name].values() for row in rows if row.vantage is Vantage.AWS]
    told = set_at(case.view.rows, Cloud.AWS, link.name, 0)
    return all(at < since for at in (*words, *([] if told is None else [told])))


def _has_just_ended(case: Case, link: Link) -> bool:
    """Say whether a test that was AWS's turn may have ended so lately that the sessions, which come back one by one, are on their way."""
    drain, ended = case.plan.links[link.name].drain, set_at(case.view.rows, Cloud.AWS, link.name, 0)
    if drain is None or ended is None or not _may_be_tested(link) or case.now >= ended + BACK_WITHIN:
        return False
    turn, done = _turn(case, drain), _done(case, link, drain)
    return turn <= ended and (done is None or turn < done + SETTLING)


def _has_perhaps_begun(case: Case, link: Link) -> bool:
    """Say whether AWS may have started a test by an earlier plan, with no word of it yet: Google misses the session, and AWS not that we know.

    It drains for Google until Google's lever is set. Where the link has failed, AWS's next look says so.
    """
    drain = case.plan.links[link.name].drain
    if drain is None or not _may_be_tested(link):
        return False
    sessions = [row for rows in case.claims[link.name].values() for row in rows if row.aspect is Aspect.BGP]
    lost = {row.vantage for row in sessions if row.health is Health.DOWN}
    seen = max((row.seen_at for row in sessions if row.vantage is Vantage.AWS), default=_NEVER)
    return _was_awss_turn(case, link, drain, seen) and Vantage.GCP in lost and Vantage.AWS not in lost


def _was_awss_turn(case: Case, link: Link, drain: Drain, seen: datetime) -> bool:
    """Say whether AWS had to drain before Google's lever was set, and has not ``seen`` the session since, which it hides for a test at most."""
    turn, done = _turn(case, drain), _done(case, link, drain)
    if done is None:
        return case.now >= turn
    return turn < done + SETTLING and seen < max(turn, done) and case.now < done + TEST_DURATION


def _turn(case: Case, drain: Drain) -> datetime:
    """Say from when AWS is to drain, if Google's lever is not set."""
    return drain.since + (timedelta(0) if drain.enactor is Cloud.AWS else case.fabric.policy.takeover_after)


def _may_be_tested(link: Link) -> bool:
    return any(member.aws.virtual_interface for member in link.members)


def _overfilled(case: Case) -> dict[LinkName, float]:
    """Give the links that AWS's own drain of another overloads, each with the share of packets (0 to 1) that this explains.

    AWS drains so while Google's finer levers are not set, which may take as long as Google's functions are away: longer
    than a hold-down. Excused for as long as one failover test lasts at most.
    """
    found: dict[LinkName, float] = {}
    for link in case.fabric.links:
        drain = case.plan.links.get(link.name, LinkState()).drain
        if drain is not None and _drained_by_aws(case, link, drain):
            for name, loss in withdrawal_losses(case.fabric, case.plan, link.name).items():
                found[name] = max(loss, found.get(name, 0.0))
    return found


def _drained_by_aws(case: Case, link: Link, drain: Drain) -> bool:
    if case.now - drain.since >= TEST_DURATION:
        return False
    done = _done(case, link, drain)
    if done is not None:
        return case.now - done < SETTLING
    return acknowledged_at(case.view.rows, Cloud.AWS, link.name, drain) is not None


def _done(case: Case, link: Link, drain: Drain) -> datetime | None:
    return acknowledged_at(case.view.rows, Cloud.GCP, link.name, drain)
