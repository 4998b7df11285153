"""Loss on a link that is only being filled: what a move of traffic explains does not condemn the link it moves to."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pointsman.core.case import Case
from pointsman.core.evidence import Belief, is_planned, lost_by_probes_alone, observed_loss
from pointsman.core.fabric import Cloud, Fabric, Link, LinkKind, LinkName
from pointsman.core.intents import is_intent, links_of
from pointsman.core.pins import acknowledged_at
from pointsman.core.plan import Drain, LinkState, Verdict
from pointsman.core.sightings import Health
from pointsman.core.wants import TEST_DURATION, failover_test, withdrawal_losses

SETTLING = timedelta(seconds=5)
"""How long after a drain is in force the probes may still tell of the move itself."""
INEXACT = 0.05
"""Share of packets by which loss may exceed what the declared demands explain."""
_GOOD = frozenset({Verdict.UP, Verdict.DEGRADED})
_BAD = frozenset({Verdict.DOWN, Verdict.SUSPECT})


def excused(case: Case, beliefs: Mapping[LinkName, Belief]) -> dict[LinkName, Belief]:
    """Keep a link as it was believed that loses packets while another's traffic is moving onto it: the loss may be the move's own.

    Condemning it would pour the traffic onto the next link, and so on. What still loses when the move is over is down.
    Where no link at all is seen up, our eyes are broken and nothing is excused.
    """
    verdicts = {belief.verdict for belief in beliefs.values()}
    if verdicts.isdisjoint(_GOOD) or verdicts.isdisjoint(_BAD):
        return dict(beliefs)
    filling, overfilled, hidden = _filling(case), _overfilled(case), _hidden(case)

    def judged(name: LinkName, belief: Belief) -> Belief:
        if belief.verdict not in _BAD:
            return belief
        if name in hidden:
            return Belief(verdict=Verdict.UNKNOWN, because="our own failover test is due on it, which hides the link")
        if not lost_by_probes_alone(case.claims[name]):
            return belief
        if name in filling:
            return _kept(case, name, "its probes lose packets while traffic is moving onto it: the loss may be the move's own")
        if name in overfilled and observed_loss(case.claims[name]) <= _there_and_back(overfilled[name]) + INEXACT:
            return _kept(case, name, "its probes lose what AWS's own drain puts on it beyond its capacity, until Google's levers are set")
        return belief

    return {name: judged(name, belief) for name, belief in beliefs.items()}


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


def _filling(case: Case) -> frozenset[LinkName]:
    """List the links onto which traffic of another is moving just now, by BGP or by a drain; for a hold-down at most."""
    ahead = _steered_ahead(case)
    moving = (link for link in case.fabric.links if link.name in ahead or _emptying(case, link))
    return frozenset(other.name for link in moving for other in parallel(case.fabric, link))


def _steered_ahead(case: Case) -> frozenset[LinkName]:
    """List the links that a cloud leads traffic off beside the agreement, or did until just now: no plan tells of it yet."""
    hold_down = case.fabric.policy.hold_down
    intents = (row for row in case.view.rows if is_intent(row))
    lately = (row for row in intents if case.now - row.seen_at < (hold_down if row.health is Health.DRAINING else SETTLING))
    return frozenset(name for row in lately for name in links_of(case.fabric, row))


def _emptying(case: Case, link: Link) -> bool:
    """Say whether a link's traffic is on the move: a drain that is not in force yet or only just, or BGP that leaves it by itself."""
    state = case.plan.links.get(link.name, LinkState())
    if state.drain is not None:
        done = _done(case, link, state.drain)
        lately = case.now - state.drain.since < case.fabric.policy.hold_down
        return lately and (done is None or case.now - done < SETTLING)
    if all(one.link != link.name for one in case.plan.flows.values()):
        return False
    began = state.onset or case.now
    return not lost_by_probes_alone(case.claims[link.name]) and case.now - began < case.fabric.policy.hold_down


def _hidden(case: Case) -> frozenset[LinkName]:
    """List the links that are drained for no outage and that AWS's own drain is to hide: packets are lost there before a look tells why."""
    drained = (link for link in case.fabric.links if is_planned(case.plan.links.get(link.name, LinkState())))
    found = (link for link in drained if failover_test(case.fabric, case.plan, link, case.view.rows, case.now).running)
    return frozenset(link.name for link in found)


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


def _there_and_back(loss: float) -> float:
    """Give the share of probes that a link loses which loses this share of packets each way."""
    return 1 - (1 - loss) ** 2


def _drained_by_aws(case: Case, link: Link, drain: Drain) -> bool:
    if case.now - drain.since >= TEST_DURATION:
        return False
    done = _done(case, link, drain)
    if done is not None:
        return case.now - done < SETTLING
    return acknowledged_at(case.view.rows, Cloud.AWS, link.name, drain) is not None


def _done(case: Case, link: Link, drain: Drain) -> datetime | None:
    return acknowledged_at(case.view.rows, Cloud.GCP, link.name, drain)
