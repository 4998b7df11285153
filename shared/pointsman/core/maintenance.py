"""What an announced window makes of a decision: the link is left before it, make-before-break, and returned to after it.

A link is left only where everything on it fits elsewhere, on links that are seen good; else a person is asked, by the
link's own incident. The agreed plan keeps a window that is near until it ends, so that a row which cannot be read, or
is lost, returns nothing early.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from pointsman.core.case import Case
from pointsman.core.claims import rows_of
from pointsman.core.drains import drains, hushed, recent_moves, renewed, settled
from pointsman.core.evidence import Belief, dark_members, heard_since, passing
from pointsman.core.fabric import Bandwidth, Cloud, Flow, FlowName, Link, LinkKind, LinkName, MemberId, Mode
from pointsman.core.filling import parallel
from pointsman.core.flows import placements
from pointsman.core.motion import one_domain
from pointsman.core.plan import Drain, DrainCause, LinkState, Maintenance, Placement, Verdict
from pointsman.core.sightings import Cause, Health
from pointsman.core.silence import SILENT_AFTER, last_beat
from pointsman.core.values import replace
from pointsman.core.windows import Told, covers, excuses, follows, near, told_by_link

_SEEN = frozenset({Verdict.UP, Verdict.DEGRADED})


def with_windows(case: Case, states: Mapping[LinkName, LinkState]) -> dict[LinkName, LinkState]:
    """Give the links' states with the windows that are near or run, and without those that are over."""
    told = told_by_link(case.fabric, case.view.rows, case.now)
    return {link.name: _stepped(case, link, states[link.name], told) for link in case.fabric.links}


def at_work(case: Case) -> frozenset[LinkName]:
    """Name the links that an announced window takes whole at this instant: their failures are expected.

    One that takes some members counts only for a link that was left for it, with its other members down by then.
    """
    told = told_by_link(case.fabric, case.view.rows, case.now)
    return frozenset(link.name for link in case.fabric.links if _is_expected(case, link, told))


def _is_expected(case: Case, link: Link, told: Told) -> bool:
    before = case.plan.links.get(link.name, LinkState())
    if before.maintenance is None and link.name not in told:
        return False
    left = before.drain is not None and before.drain.cause is DrainCause.MAINTENANCE
    found = near(case.fabric, link, told, case.now)
    found = _with_dark(found, link, _dark(case, link, before, told)) if left else found
    window = _agreed(case, link, before, found)
    return window is not None and not window.away and window.start <= case.now < window.until


def _dark(case: Case, link: Link, state: LinkState, told: Told) -> frozenset[MemberId]:
    announced = link.name in told and len(link.members) > 1
    return dark_members(link, case.claims[link.name], state, case.now) if announced else frozenset()


def _with_dark(found: Maintenance | None, link: Link, dark: frozenset[MemberId]) -> Maintenance | None:
    """Make a window on some members one on the whole link when all the others are down."""
    whole = found is not None and bool(found.away) and len(dark.union(found.away)) == len(link.members)
    return replace(found, away=()) if found is not None and whole else found


def _stepped(case: Case, link: Link, state: LinkState, told: Told) -> LinkState:
    before = state.maintenance
    if before is None and state.expected is None and link.name not in told:
        return _over(case, link, state, begun=False)
    dark = _dark(case, link, state, told)
    found = _with_dark(near(case.fabric, link, told, case.now), link, dark)
    window = _agreed(case, link, state, found)
    state = replace(state, maintenance=window, expected=state.expected if _whole(window) else None)
    if not _whole(window):
        state = _over(case, link, state, begun=_whole(before))
    if window is not None and window.away and state.verdict in _SEEN:
        kept = [member for member in link.members if member.id not in dark.union(window.away)]
        left = Bandwidth(link.capacity * len(kept) // len(link.members))
        state = replace(state, usable=left if state.usable is None else min(left, state.usable))
    return state


def _agreed(case: Case, link: Link, state: LinkState, found: Maintenance | None) -> Maintenance | None:
    """Keep the agreed window until it ends, unless its own announcements say otherwise by now; and then for as long as its link has time."""
    before = state.maintenance
    if before is None:
        return found
    over = case.now >= before.until or covers(case.view.rows, before)
    if over and (found is None or (_whole(before) and not _whole(found) and state.drain is not None)):
        end = before.until if before.over else case.now
        return replace(before, start=min(before.start, end), until=end, by={}) if _has_time(case, link, state, end) else found
    if case.now >= before.until:
        return found
    same = found is not None and (found.start, found.until, found.away) == (before.start, before.until, before.away)
    if same or not covers(case.view.rows, before):
        return before
    return found and replace(found, ask="" if found.away else before.ask)


def _has_time(case: Case, link: Link, state: LinkState, end: datetime) -> bool:
    """Say whether a link is to be seen good yet when its window has ended: nobody is paged for that.

    It has time to converge from when its end was noticed. Whoever notices may have slept since it ended, and every row be as old: where
    nothing bad is known, it has time until whoever must see it good has told anything, or that cloud's functions were at work for longer:
    since the end, or since it was agreed to be up in spite of what was told against it after that, which is no word of it as it is.
    """
    if state.verdict is Verdict.UP and state.good_since is not None:
        return False
    if case.now < end + link.timers.budget:
        return True
    begun = _last_doubted(case, link, state, end)
    silent = frozenset(Cloud) - heard_since(link, case.claims[link.name], begun)
    beats = [last_beat(case.view.rows, cloud) for cloud in silent]
    asleep = any(beat is None or beat < begun + SILENT_AFTER for beat in beats)
    return asleep and state.verdict in {Verdict.UP, Verdict.UNKNOWN}


def _last_doubted(case: Case, link: Link, state: LinkState, end: datetime) -> datetime:
    """Give the window's end, or when the link was agreed to be up later, if something had been told against it in between."""
    since = state.since
    if state.verdict is not Verdict.UP or since is None:
        return end
    told = any(row.health is Health.DOWN and end < row.seen_at <= since for row in rows_of(case.claims[link.name]))
    return since if told else end


def _whole(window: Maintenance | None) -> bool:
    return window is not None and not window.away


def _over(case: Case, link: Link, state: LinkState, *, begun: bool) -> LinkState:
    """Begin the hold-down when a window is over; a link that is not good by then, or any more, is an outage like any other.

    What is merely hidden, by our own test or since a cloud's rows cannot be read, stays drained for its window and is no
    outage: AWS's own drain rests for that, so that the link can be seen. One that was good, and of which nothing is heard any
    more, has time to be heard of: as much as at its window's end.
    """
    if state.drain is None:
        return state
    if state.verdict is Verdict.UP and state.good_since is not None:
        return replace(state, good_since=case.now) if begun else state
    if state.drain.cause is not DrainCause.MAINTENANCE or _is_hidden(case, link, state):
        return state
    if not begun and state.verdict is not Verdict.DOWN and state.down_since_epoch is None:
        return replace(state, maintenance=Maintenance(start=case.now, until=case.now))
    cause = DrainCause.OUTAGE if state.verdict is Verdict.DOWN else state.drain.cause
    epoch = case.next_epoch if state.down_since_epoch is None else state.down_since_epoch
    return replace(state, drain=replace(state.drain, cause=cause), down_since_epoch=epoch)


def _is_hidden(case: Case, link: Link, state: LinkState) -> bool:
    """Say whether nothing bad is known of a link, and how it is cannot be known now: its session may be on its way back from our test."""
    tested = any(row.cause is Cause.FAILOVER_TEST for row in rows_of(case.claims[link.name]))
    return state.verdict in {Verdict.UP, Verdict.UNKNOWN} and (bool(case.view.unreadable) or tested)


def with_drains(case: Case, states: dict[LinkName, LinkState]) -> dict[LinkName, LinkState]:
    """Start and end drains: for outages and orders, and then for windows.

    A link whose window is near is left if everything on it fits elsewhere; else a person is asked. It waits for the budget, and a
    person is asked once that lasts beyond the window's start.
    """
    after = drains(case, states)
    for link in case.fabric.links:
        window = after[link.name].maintenance
        if window is not None and _is_due(case, after[link.name]):
            after[link.name] = _met(case, link, after, window)
        elif window is not None and window.ask and after[link.name].drain is not None:
            after[link.name] = replace(after[link.name], maintenance=replace(window, ask=""))  # a person, or an outage, decided it
    return after


def _is_due(case: Case, state: LinkState) -> bool:
    """Say whether a link is to be left: a window that is over is kept for a while, and nothing is left for it any more."""
    window = state.maintenance
    if window is None or window.away or case.now >= window.until:
        return False
    return state.drain is None and state.verdict is not Verdict.DOWN


def _met(case: Case, link: Link, states: dict[LinkName, LinkState], window: Maintenance) -> LinkState:
    """Leave a link for its window, or ask a person, or wait."""
    state = states[link.name]
    carries = any(one.link == link.name for one in case.plan.flows.values())
    if state.verdict not in _SEEN:
        doubted = f"it is {state.verdict}, and nothing is decided on that"
        return _asking(case, state, window, doubted) if carries and case.now >= window.start else state
    if not case.steers(link):
        return _asking(case, state, window, "it is in mode recommend") if link.mode is Mode.RECOMMEND else state
    drain = Drain(cause=DrainCause.MAINTENANCE, since=case.now, epoch=case.next_epoch, enactor=_enactor(case, link))
    left = replace(state, drain=drain, maintenance=replace(window, ask=""))
    why, for_good = _objection(case, link, states | {link.name: left})
    if why:
        return _asking(case, state, window, why) if for_good or case.now >= window.start else state
    waits, too_late = _wait(case, link, states, window)
    if not waits:
        return left
    return _asking(case, state, window, waits) if carries and (too_late or case.now >= window.start) else state


def _wait(case: Case, link: Link, states: Mapping[LinkName, LinkState], window: Maintenance) -> tuple[str, bool]:
    """Say what a choice waits for ("" for nothing), and whether it is known to do so beyond the window's start."""
    hold, again = case.fabric.policy.hold_down, renewed(case)
    if again is not None:
        return f"the hour's moves are used up until {again:%FT%TZ}", again > window.start
    if hush := hushed(case):
        return hush, False
    last = max(recent_moves(case), default=None)
    if last is not None and case.now - last < hold:
        return f"the last move was made at {last:%FT%TZ}, and a hold-down is kept between moves", last + hold > window.start
    return ("" if one_domain(case, states, link) else "a link of another failure domain is still on the move"), False


def _enactor(case: Case, link: Link) -> Cloud:
    """Prefer Google's lever, which is the finer: AWS's would end the sessions."""
    return Cloud.GCP if link.has_policies else case.view.here


def _asking(case: Case, state: LinkState, window: Maintenance, why: str) -> LinkState:
    """Open the link's incident for a person; the first reason stands while it is asked."""
    epoch = case.next_epoch if state.down_since_epoch is None else state.down_since_epoch
    return replace(state, maintenance=replace(window, ask=window.ask or why), down_since_epoch=epoch)


def _objection(case: Case, link: Link, states: dict[LinkName, LinkState]) -> tuple[str, bool]:
    """Say why a link may not be left ("" when it may), and whether waiting until the window starts can't mend it."""
    if not any(_carries(states[other.name]) for other in parallel(case.fabric, link)):
        return "no other link between its sites is seen up", True
    beliefs = {name: Belief(verdict=state.verdict, because="as agreed") for name, state in states.items()}
    flows = placements(case, states, beliefs).flows
    found = [why for flow in case.fabric.flows if (why := _harm(case, link, states, flow, flows[flow.name]))]
    found += ((why, True) for why in _stranded(case, link, states, flows))
    return next(iter(sorted(found, key=lambda one: not one[1])), ("", False))


def _harm(case: Case, link: Link, states: Mapping[LinkName, LinkState], flow: Flow, new: Placement) -> tuple[str, bool] | None:
    before = case.plan.flows.get(flow.name, Placement())
    if link.name in {before.link, *flow.prefer} and not any(_carries(states[name]) for name in flow.prefer):
        return f"{flow.name} has no other open link", True
    if new.squeezed_by > before.squeezed_by:
        return f"moving squeezes {flow.name} by {new.squeezed_by // 10**6} Mbit/s on {new.link}", True
    if new.mtu_short and not before.mtu_short:
        return f"{new.link} carries smaller packets than the {flow.min_mtu} bytes {flow.name} declares", True
    if before.link != link.name or new.link is None:
        return None
    return next(((why, False) for why in _unfit(case, states[new.link], new)), None)


def _stranded(case: Case, link: Link, states: Mapping[LinkName, LinkState], flows: Mapping[FlowName, Placement]) -> Iterator[str]:
    """Name the flows that would go to a link which is to be left for its own window as soon, with no other one to go on to."""
    window, told = states[link.name].maintenance, told_by_link(case.fabric, case.view.rows, case.now)
    assert window is not None, "a link is left for a window"
    starts = ((one.name, follows(case.fabric, one, told, window, case.now)) for one in case.fabric.links if one is not link)
    soon = {name: start for name, start in starts if start is not None}
    for flow in case.fabric.flows:
        new, old = flows[flow.name].link, case.plan.flows.get(flow.name, Placement()).link
        if new is None or new not in soon or old != link.name or any(_carries(states[one]) and one not in soon for one in flow.prefer):
            continue
        yield f"{new} has a window of its own from {soon[new]:%FT%TZ}, and {flow.name} has no other open link then"


def _carries(state: LinkState) -> bool:
    return state.verdict in _SEEN and state.drain is None


def _unfit(case: Case, target: LinkState, new: Placement) -> Iterator[str]:
    """Say why a target is not fit to be moved to yet: a choice is made only for what has been good for the hold-down."""
    assert new.link is not None, "only a placed flow has a target"
    if target.verdict is not Verdict.UP or not settled(target, case.fabric.policy.hold_down, case.now):
        yield f"{new.link} has not been seen good at both ends for the hold-down"
    if _whole(target.maintenance):
        yield f"{new.link} has a window of its own"
    if case.fabric.link(new.link).kind is LinkKind.VPN and not (new.only and passing(case.claims[new.link])):
        yield f"no fresh forwarding evidence shows {new.link} passing packets"


def words(case: Case, name: LinkName, state: LinkState) -> str:
    """Say what maintenance has to do with a link, to be added to why it is believed what it is; "" when nothing."""
    window, excuse = state.maintenance, excuses(case.fabric, name, case.view.rows, case.now)
    said = f"; {excuse}" if excuse and state.verdict is not Verdict.UP else ""
    return said if window is None else f"{said}; {spoken(window, state)}"


def spoken(window: Maintenance, state: LinkState) -> str:
    """Say a window that is near or runs, and what is made of it."""
    when = f"from {window.start:%FT%TZ} to {window.until:%FT%TZ}"
    if window.ask:
        return f"maintenance {when}, and it is not left for it, since {window.ask}: a person must decide"
    if window.away:
        return f"maintenance {when} takes {' and '.join(window.away)}, whose share of its capacity is not counted on"
    if state.verdict in {Verdict.DOWN, Verdict.DEGRADED}:
        return f"within its maintenance {when}"
    left = state.drain is not None and state.drain.cause is DrainCause.MAINTENANCE
    return f"left for maintenance {when}" if left else f"maintenance {when}"
