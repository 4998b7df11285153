"""Damping: a link that comes and goes is trusted later each time (RFC 2439's arithmetic, RFC 7196's thresholds).

Each agreed change of a link's verdict to down adds to its penalty, which halves with every half-life. All of it is
arithmetic in whole numbers, so that the same inputs give the same bytes on every machine. What gets worse is recorded
at once; what damping holds back is that a link gets better, and never for a flow that has no other way.

What fails within an announced window was to be expected, and says nothing of how far the link can be trusted after it: it
is counted apart, so that a storm within the window is bounded by the same figures, and forgotten when the window is over.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from functools import cache
from math import isqrt

from pointsman.core.case import Case
from pointsman.core.fabric import Damping, Flow, LinkName, Policy
from pointsman.core.plan import DrainCause, LinkState, Penalty, Placement, Verdict
from pointsman.core.values import replace

FORGOTTEN = 2
"""A penalty below this part of ``reuse`` is dropped (half of it, as RFC 2439 has it)."""
_HOUR = timedelta(hours=1)
_MICROSECOND = timedelta(microseconds=1)
_PLACES = 16
"""Binary places of a half-life that a decay is reckoned to: 14 ms of 15 minutes."""
_ONE = 32
"""Binary places that a factor is held to."""
_HALVINGS = 64
"""After so many half-lives nothing is left of any penalty."""
CEILING_HALVINGS = 32
"""Most half-lives that the ceiling is reckoned with: no threshold is as high as ``reuse`` doubled so often."""
_OPEN = frozenset({Verdict.UP, Verdict.DEGRADED})
_RISING = (Verdict.SUSPECT, Verdict.DEGRADED, Verdict.UP)


@cache
def _roots() -> tuple[int, ...]:
    """Give 2 to the power of -1/2, -1/4, -1/8 and so on, in parts of 2**32, each rounded down."""
    found = [isqrt(1 << 2 * _ONE - 1)]
    while len(found) < _PLACES:
        found.append(isqrt(found[-1] << _ONE))
    return tuple(found)


def decayed(figure: int, age: timedelta, half_life: timedelta) -> int:
    """Give what is left of a penalty: ``figure * 2 ** -(age / half_life)``, rounded down. An age below zero takes nothing.

    The age is reckoned in steps of a 65,536th of a half-life, and the factor to 32 binary places.
    """
    span = half_life // _MICROSECOND
    halvings, rest = divmod(max(0, age // _MICROSECOND), span)
    if halvings >= _HALVINGS:
        return 0
    left, part = figure << _ONE, (rest << _PLACES) // span
    for place, root in enumerate(_roots(), start=1):
        if part >> (_PLACES - place) & 1:
            left = left * root >> _ONE
    return left >> _ONE >> halvings


def ceiling(damping: Damping) -> int:
    """Give the highest penalty there is: what falls to ``reuse`` within ``max`` (RFC 2439), rounded down; at most ``reuse`` x 2**32."""
    halvings = min(-(-damping.max // damping.half_life), CEILING_HALVINGS)
    return decayed(damping.reuse << halvings, halvings * damping.half_life - damping.max, damping.half_life)


def figure_at(penalty: Penalty | None, damping: Damping, now: datetime) -> int:
    """Give a penalty as it stands at an instant."""
    return 0 if penalty is None else decayed(penalty.figure, now - penalty.at, damping.half_life)


def charged(penalty: Penalty | None, damping: Damping, now: datetime) -> Penalty:
    """Add one failure. A link is damped once it is above ``suppress_failback``, never by its first failure, until it is under ``reuse``."""
    left = figure_at(penalty, damping, now)
    figure = min(left + damping.down, ceiling(damping))
    still = penalty is not None and penalty.damped and left >= damping.reuse
    return Penalty(figure=figure, at=now, damped=still or (left > 0 and figure > damping.suppress_failback))


def under_at(penalty: Penalty, damping: Damping, threshold: int) -> datetime:
    """Say when a penalty falls under a threshold (above 0), to the second."""
    if penalty.figure < threshold:
        return penalty.at
    second = damping.half_life // timedelta(seconds=1) + 1
    early, late = 0, second * (penalty.figure.bit_length() + 1)
    while late - early > 1:
        middle = (early + late) // 2
        if decayed(penalty.figure, timedelta(seconds=middle), damping.half_life) < threshold:
            late = middle
        else:
            early = middle
    return penalty.at + timedelta(seconds=late)


def counting(state: LinkState, now: datetime) -> Penalty | None:
    """Give the penalty that holds a link back: while its window runs, with the failures within it, and otherwise without."""
    running = state.maintenance is not None and now < state.maintenance.until
    return state.expected if running and state.expected is not None else state.penalty


def would_damp(state: LinkState, damping: Damping, now: datetime) -> bool:
    """Say whether a link's penalty keeps it from being returned to, or would, if the fabric only observes."""
    penalty = counting(state, now)
    return penalty is not None and penalty.damped and figure_at(penalty, damping, now) >= damping.reuse


def is_damped(state: LinkState, damping: Damping, now: datetime) -> bool:
    """Say whether a link must not be returned to at discretion: it was above ``suppress_failback`` and is not under ``reuse`` yet."""
    return not damping.observe and would_damp(state, damping, now)


def is_stilled(state: LinkState, damping: Damping, now: datetime) -> bool:
    """Say whether nothing automatic is done with a link but what a confirmed outage forces: it is above ``suppress_action``."""
    return not damping.observe and figure_at(counting(state, now), damping, now) > damping.suppress_action


def is_resting(state: LinkState, policy: Policy, now: datetime) -> bool:
    """Say whether even a flow with no other way must wait: it is above ``suppress_action`` and was left within a hold-down."""
    left = state.drain is not None and now - state.drain.since < policy.hold_down
    return left and is_stilled(state, policy.damping, now)


def pace(policy: Policy) -> timedelta:
    """Say how often a link that wavers is believed to be well again: each time is a discretionary epoch's share of an hour."""
    return _HOUR / max(1, policy.epochs_per_hour)


def told(state: LinkState, damping: Damping, now: datetime) -> str:
    """Say in words what a link's penalty is and what it holds back until when; "" when it holds nothing back."""
    penalty, window = counting(state, now), state.maintenance
    if penalty is None or not would_damp(state, damping, now):
        return ""
    held = "would be damped, and is only observed" if damping.observe else "damped"
    until, figure = under_at(penalty, damping, damping.reuse), figure_at(penalty, damping, now)
    if penalty is state.expected and window is not None and not would_damp(replace(state, expected=None), damping, window.until):
        return f"{held}, within its window alone: penalty {figure} at {now:%FT%TZ}, until {min(until, window.until):%FT%TZ}"
    return f"{held}: penalty {figure} at {now:%FT%TZ}, under {damping.reuse} at {until:%FT%TZ}"


def damp(case: Case, states: Mapping[LinkName, LinkState], at_work: AbstractSet[LinkName] = frozenset()) -> dict[LinkName, LinkState]:
    """Charge what went down, and keep what damping holds back as it was agreed; with ``observe`` only charge.

    ``at_work`` are the links whose failures an announced window expects now.
    """
    found = {name: _charged(case, name, state, expected=name in at_work) for name, state in states.items()}
    if case.fabric.policy.damping.observe:
        return found
    kept = {name for name, state in found.items() if _is_kept(case, _counted(case, name, expected=name in at_work), state)}
    kept -= _needed(case, found, kept) if kept else set()
    held = {name: _as_it_was(_before(case, name), state) if name in kept else _noted(case, name, state) for name, state in found.items()}
    return {name: _remembering(case, name, state) for name, state in held.items()}


def is_stranded(case: Case, flow: Flow, states: Mapping[LinkName, LinkState]) -> bool:
    """Say whether a flow has no way: no link is open to it, and the one that it is on is drained or confirmed down.

    What is merely doubted or silent keeps what is on it, and ends nobody's drain of another link.
    """
    at = case.plan.flows.get(flow.name, Placement()).link
    carried = at in flow.prefer and states[at].drain is None and states[at].verdict is not Verdict.DOWN
    return not carried and not any(states[name].drain is None and states[name].verdict in _OPEN for name in flow.prefer)


def tidied(policy: Policy, states: Mapping[LinkName, LinkState], now: datetime) -> dict[LinkName, LinkState]:
    """Drop what no longer counts: penalties under half of ``reuse``, and waverings that are longer ago than the pace."""

    def counts(penalty: Penalty | None) -> Penalty | None:
        return None if FORGOTTEN * figure_at(penalty, policy.damping, now) < policy.damping.reuse else penalty

    def tidy(state: LinkState) -> LinkState:
        old = state.wavered is not None and now - state.wavered >= pace(policy)
        penalty, expected = counts(state.penalty), counts(state.expected)
        if not old and (penalty, expected) == (state.penalty, state.expected):
            return state
        return replace(state, penalty=penalty, expected=expected, wavered=None if old else state.wavered)

    return {name: tidy(state) for name, state in states.items()}


def _before(case: Case, name: LinkName) -> LinkState:
    return case.plan.links.get(name, LinkState())


def _counted(case: Case, name: LinkName, *, expected: bool) -> LinkState:
    """Give a link's agreed state with the penalty that counts now; what a window expected counts no more when it is over."""
    before = _before(case, name)
    penalty = before.expected if expected and before.expected is not None else before.penalty
    return before if penalty is before.penalty else replace(before, penalty=penalty)


def _charged(case: Case, name: LinkName, state: LinkState, *, expected: bool) -> LinkState:
    damping, before = case.fabric.policy.damping, _counted(case, name, expected=expected)
    if state.expected is not None and not expected:
        state = replace(state, expected=None)
    if not damping.observe and _is_doubted(before, state):
        state = replace(state, verdict=Verdict.DOWN)
    if state.verdict is not Verdict.DOWN or before.verdict is Verdict.DOWN:
        return state
    penalty = charged(before.penalty, damping, case.now)
    return replace(state, expected=penalty) if expected else replace(state, penalty=penalty)


def _is_doubted(before: LinkState, state: LinkState) -> bool:
    """Say whether a link that is watched for its return is spoken against: nothing is on it, so the first word will do."""
    watched = before.drain is not None and before.drain.cause is DrainCause.OUTAGE
    return watched and before.verdict is Verdict.UP and state.verdict is Verdict.SUSPECT


def _is_kept(case: Case, before: LinkState, state: LinkState) -> bool:
    """Say whether damping holds back that a link got better: it failed too often, or it wavered lately.

    What failed too often is believed up again a hold-down before its penalty is under ``reuse``, so that it has been
    watched for a hold-down by then.
    """
    policy, now = case.fabric.policy, case.now
    if before.verdict is Verdict.DOWN:
        watch = min(policy.hold_down, policy.damping.half_life)
        return state.verdict is not Verdict.DOWN and is_damped(before, policy.damping, now + watch)
    return _recovers(before, state) and before.wavered is not None and now - before.wavered < pace(policy)


def _recovers(before: LinkState, state: LinkState) -> bool:
    """Say whether a link that was suspect or degraded is better than that now."""
    if before.verdict not in _RISING or state.verdict not in _RISING:
        return False
    if before.verdict is state.verdict is Verdict.DEGRADED:
        return before.usable is not None and (state.usable is None or state.usable > before.usable)
    return _RISING.index(state.verdict) > _RISING.index(before.verdict)


def _noted(case: Case, name: LinkName, state: LinkState) -> LinkState:
    return replace(state, wavered=case.now) if _recovers(_before(case, name), state) else state


def _as_it_was(before: LinkState, state: LinkState) -> LinkState:
    return replace(
        state, verdict=before.verdict, since=before.since, onset=before.onset, good_since=before.good_since, usable=before.usable
    )


def _remembering(case: Case, name: LinkName, state: LinkState) -> LinkState:
    """Keep the losses of sessions that are over until something else changes of a link, and for as long as the pace at most.

    So to forget one is hardly ever an epoch of its own, however often a session comes and goes; of a link that is down, nothing of them is.
    """
    before = _before(case, name)
    if not (state.lost or before.lost) or replace(state, lost=before.lost) != before:
        return state
    if state.verdict is Verdict.DOWN:
        return before
    age = pace(case.fabric.policy)
    return replace(state, lost=state.lost | {member: at for member, at in before.lost.items() if case.now - at < age})


def _needed(case: Case, states: Mapping[LinkName, LinkState], kept: set[LinkName]) -> set[LinkName]:
    """List the links of which some flow with no other way needs that they are believed to be better."""
    needed: set[LinkName] = set()
    for flow in case.fabric.flows:
        held = {name: _as_it_was(_before(case, name), states[name]) for name in kept - needed}
        if is_stranded(case, flow, {**states, **held}):
            needed.update([name for name in flow.prefer if name in kept and _would_help(case, flow, name, states[name])][:1])
    return needed


def _would_help(case: Case, flow: Flow, name: LinkName, state: LinkState) -> bool:
    """Say whether a flow would go to a link if it were believed: it is not there yet, or the link's drain would end for it."""
    if state.verdict not in _OPEN:
        return False
    if state.drain is not None:
        return state.good_since is not None and not is_resting(state, case.fabric.policy, case.now)
    return case.plan.flows.get(flow.name, Placement()).link != name
