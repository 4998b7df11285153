"""One step of a link's agreed state: its verdict with its memory, and where its incident begins and ends."""

from datetime import datetime

from pointsman.core.case import Case
from pointsman.core.drains import settled
from pointsman.core.evidence import Belief
from pointsman.core.fabric import LinkName
from pointsman.core.incidents import incident_id
from pointsman.core.pins import still_drained
from pointsman.core.plan import LinkState, Verdict
from pointsman.core.values import replace

CLOSING_KEPT = 8
"""Ended incidents of one link that may wait for their desks; at the bound the open one stays open, and further outages are its own."""
_STICKY = frozenset({Verdict.DOWN, Verdict.DEGRADED, Verdict.SUSPECT})
_WORSE = (Verdict.UP, Verdict.DEGRADED, Verdict.SUSPECT, Verdict.DOWN)


def stepped(belief: Belief, before: LinkState, now: datetime, *, half_blind: bool) -> LinkState:
    """Take a link's state one step on. What can't be seen never starts a trouble and never ends one.

    ``half_blind``: a cloud's rows could not be read, and may say what they said before. Only what is seen of both ends refutes that.
    """
    if half_blind and not belief.good and _is_better(belief, before):
        belief = Belief(verdict=Verdict.UNKNOWN, because=belief.because)
    suspected = Verdict.UNKNOWN if belief.ours and before.verdict is Verdict.SUSPECT else before.verdict
    verdict = _next_verdict(belief.verdict, suspected)
    changed = verdict is not before.verdict
    return replace(
        before,
        verdict=verdict,
        since=now if changed else before.since,
        onset=_next_onset(verdict, belief, before),
        good_since=_next_good(verdict, belief, before, now),
        usable=before.usable if belief.verdict is Verdict.UNKNOWN else belief.usable,
        lost=belief.lost if verdict in _STICKY else {},
    )


def _is_better(belief: Belief, before: LinkState) -> bool:
    """Say whether a link in trouble is believed to be in less of it: its verdict is better, or more of its capacity is left."""
    if before.verdict not in _STICKY or belief.verdict is Verdict.UNKNOWN:
        return False
    if belief.verdict is before.verdict:
        return before.usable is not None and (belief.usable is None or belief.usable > before.usable)
    return _WORSE.index(belief.verdict) < _WORSE.index(before.verdict)


def _next_verdict(belief: Verdict, before: Verdict) -> Verdict:
    if belief is Verdict.UNKNOWN and before in _STICKY:
        return before
    if belief is Verdict.SUSPECT and before is Verdict.DOWN:
        return before
    return belief


def _next_onset(verdict: Verdict, belief: Belief, before: LinkState) -> datetime | None:
    if verdict in {Verdict.UP, Verdict.UNKNOWN}:
        return None
    return before.onset or belief.onset


def _next_good(verdict: Verdict, belief: Belief, before: LinkState, now: datetime) -> datetime | None:
    """Count since when a link is good. A quiet prober stops the count only while the link is being watched for its return."""
    if verdict is Verdict.UP and belief.good:
        return before.good_since or now
    watched = before.drain is not None or before.down_since_epoch is not None
    return None if verdict in _STICKY or watched else before.good_since


def forgotten(case: Case, states: dict[LinkName, LinkState]) -> dict[LinkName, LinkState]:
    """Drop ended incidents of which every desk has been told."""
    told, fabric = set(case.view.closed), case.fabric.name

    def kept(name: LinkName, state: LinkState) -> tuple[int, ...]:
        return tuple(epoch for epoch in state.closing if incident_id(fabric, name, epoch) not in told)

    return {name: replace(state, closing=kept(name, state)) if state.closing else state for name, state in states.items()}


def opened(case: Case, states: dict[LinkName, LinkState]) -> dict[LinkName, LinkState]:
    """Open an incident for every link that is down or degraded and has none."""

    def begun(state: LinkState) -> LinkState:
        needs = state.verdict in {Verdict.DOWN, Verdict.DEGRADED} and state.down_since_epoch is None
        return replace(state, down_since_epoch=case.next_epoch) if needs else state

    return {name: begun(state) for name, state in states.items()}


def closed(case: Case, states: dict[LinkName, LinkState]) -> dict[LinkName, LinkState]:
    """End the incident of every link that is up, past its hold-down, undrained, and whose levers are seen to be back.

    None ends while a person is asked to decide on a window, nor while as many as may wait have desks yet to be told: traffic
    returns, and the ticket stays open.
    """

    def over(name: LinkName, state: LinkState) -> bool:
        asked = state.maintenance is not None and bool(state.maintenance.ask)
        kept_open = asked or len(state.closing) >= CLOSING_KEPT
        back = not kept_open and state.verdict is Verdict.UP and state.drain is None and _undrained_before(case, name)
        return back and settled(state, case.fabric.policy.hold_down, case.now) and not still_drained(case.view.rows, name)

    return {name: _ended(state) if state.down_since_epoch is not None and over(name, state) else state for name, state in states.items()}


def _undrained_before(case: Case, link: LinkName) -> bool:
    """Say whether the agreed plan already lets the link carry: its levers had a chance to be set back."""
    return case.plan.links.get(link, LinkState()).drain is None


def _ended(state: LinkState) -> LinkState:
    assert state.down_since_epoch is not None, "only an open incident can end"
    return replace(state, down_since_epoch=None, closing=(*state.closing, state.down_since_epoch))
