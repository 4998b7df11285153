"""Alone: what a cloud did by itself while no majority could be reached, who may do it, and what becomes of it at heal.

The permission is one row of the own store, claimed by a conditional write, once per hold-down. What was done is a
sighting too, so that the first decision after heal knows of it: it takes the avoidance over as a drain, whose
hold-down counts from then; any epoch agreed meanwhile counts for more, and the levers simply follow that.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from pointsman.core.case import Case
from pointsman.core.evidence import Belief, cloud_of
from pointsman.core.fabric import Cloud, Fabric, FlowName, LinkName, Mode, WithoutQuorum
from pointsman.core.plan import Drain, DrainCause, FlagState, LinkState, Plan, Verdict, View
from pointsman.core.safelist import Action
from pointsman.core.sightings import Health, Sighting, Source, own_word
from pointsman.core.steering import Setting
from pointsman.core.values import Frozen, replace

LEASE = timedelta(seconds=60)
"""How long whoever claimed the permission may take to use it before another may finish the same action: longer than any call lasts."""
DEEDS_KEPT = 12
"""Deeds that the diary keeps; at the bound the oldest is dropped (its journal entry stays)."""
RENEWED = timedelta(seconds=30)
"""How old the row of an avoided link grows before it is written anew while the link is still seen dead."""


class Phase(StrEnum):
    """How far a deed is: claimed, and perhaps written; proved; or certain not to have been written."""

    CLAIMED = "claimed"
    DONE = "done"
    VOID = "void"


class Deed(Frozen):
    """One thing done alone. ``at`` is the own store's time, ``epoch`` that of the last known plan, ``by`` names the call that claimed it.

    ``entry`` is the digest of the journal entry with everything it was decided from; ``told`` says that the record has it.
    """

    at: datetime
    link: LinkName
    setting: Setting
    flows: tuple[FlowName, ...]
    because: str
    epoch: int
    by: str
    entry: str = ""
    phase: Phase = Phase.CLAIMED
    told: bool = False


class Diary(Frozen):
    """What one cloud did alone, oldest first: the value of its row in its own store."""

    deeds: tuple[Deed, ...] = ()


class Inputs(Frozen):
    """A deed's journal entry: what it was decided from."""

    fabric_hash: str
    here: Cloud
    plan: Plan
    view: View
    now: datetime
    action: Action


def register_of(fabric: str, here: Cloud) -> str:
    """Name the row of a cloud's diary."""
    return f"alone/{fabric}/{here}"


def row_key(link: str) -> str:
    """Name the member under which a cloud says that it keeps traffic off a link alone."""
    return f"alone/{link}"


def forbidden(fabric: Fabric, plan: Plan, view: View) -> str:
    """Say why a cloud must hold whatever it sees; "" when it need not."""
    if fabric.policy.without_quorum is not WithoutQuorum.PROTECT:
        return "hold: the fabric says without_quorum: hold"
    if not plan.epoch:
        return "hold: no plan is known"
    if view.here in view.unreadable:
        return "hold: the own store's rows cannot be read"
    if plan.freeze is not None or FlagState.SET in view.flags.values():
        return "hold: steering is frozen"
    if view.flags.get(view.here, FlagState.UNREADABLE) is not FlagState.CLEAR:
        return "hold: the own freeze flag cannot be read"
    return ""


def claim(diary: Diary, deed: Deed, hold_down: timedelta) -> Diary | str:
    """Take the permission for a deed, or say why not. A claim that may have died is taken over for the same link alone."""
    last = next((one for one in reversed(diary.deeds) if one.phase is not Phase.VOID), None)
    if last is None or not timedelta(0) <= deed.at - last.at + _ahead(last, deed, hold_down) < hold_down:
        return replace(diary, deeds=(*diary.deeds, deed)[-DEEDS_KEPT:])
    if last.phase is Phase.DONE or last.link != deed.link:
        return f"hold: {last.link} was avoided at {last.at:%H:%M:%SZ}, and once per hold-down is all that is permitted"
    if last.by != deed.by and deed.at - last.at < LEASE:
        return f"hold: another function is avoiding {last.link} right now"
    return replace(diary, deeds=tuple(deed if one is last else one for one in diary.deeds))


def _ahead(last: Deed, deed: Deed, hold_down: timedelta) -> timedelta:
    """Treat a claim that lies a little ahead as made now; one that lies further ahead was made by a wrong clock and binds nobody."""
    ahead = last.at - deed.at
    return ahead if timedelta(0) < ahead < hold_down else timedelta(0)


def ended(diary: Diary, by: str, phase: Phase) -> Diary:
    """Note how a claimed deed ended; the diary as it is when somebody else has taken it over."""
    return replace(diary, deeds=tuple(replace(one, phase=phase) if one.by == by else one for one in diary.deeds))


def all_told(diary: Diary, untold: tuple[Deed, ...] = ()) -> Diary:
    """Note that the record has every deed, but for those that are ``untold`` still."""
    late = {one.by for one in untold}
    return replace(diary, deeds=tuple(one if one.by in late else replace(one, told=True) for one in diary.deeds))


def row_of(here: Cloud, link: LinkName, epoch: int, now: datetime, *, told: bool = False) -> Sighting:
    """Say as a sighting that traffic is kept off a link alone, since a plan of that epoch; ``told`` ends it."""
    return own_word(here, row_key(link), Health.UP if told else Health.DRAINING, epoch, now)


def standing_rows(rows: tuple[Sighting, ...]) -> dict[str, Sighting]:
    """Give the newest row of each link that some cloud keeps traffic off alone, by the row's member; of one time that of the newest plan."""
    lever, avoided, draining = Source.LEVER, row_key(""), Health.DRAINING
    found = [row for row in rows if row.source is lever and row.health is draining and row.member.startswith(avoided)]
    return {row.member: row for row in sorted(found, key=lambda row: (row.seen_at, row.value or 0, row.vantage))} if found else {}


def taken_over(case: Case) -> dict[LinkName, Sighting]:
    """List the links that were avoided alone and that no epoch has been agreed on since: the next plan keeps off them by a drain.

    A link that is the last one open, or is not ours to steer, is left to the levers' being set back.
    """
    rows = standing_rows(case.view.rows)
    found = ((link, rows.get(row_key(link.name))) for link in case.fabric.links if link.mode is Mode.AUTO)
    return {link.name: row for link, row in found if row is not None and row.value == case.plan.epoch and case.plan.epoch}


def with_taken_over(case: Case, states: Mapping[LinkName, LinkState]) -> dict[LinkName, LinkState]:
    """Give the links' states with avoidances taken over as drains: since then, with a hold-down that counts from then.

    A row bears the time of its own cloud's store alone, which may be ahead of all others: no drain begins later than now.
    """
    after = dict(states)
    for name, row in taken_over(case).items():
        state = after[name]
        cloud = cloud_of(row.vantage)
        if state.drain is not None or cloud is None or not _another_open(case, name, after):
            continue
        since = min(row.seen_at, case.now)
        after[name] = replace(
            state,
            drain=Drain(cause=DrainCause.OUTAGE, since=since, epoch=case.next_epoch, enactor=cloud),
            good_since=None if state.good_since is None else max(state.good_since, since),
            down_since_epoch=case.next_epoch if state.down_since_epoch is None else state.down_since_epoch,
        )
    return after


def _another_open(case: Case, name: LinkName, states: Mapping[LinkName, LinkState]) -> bool:
    """Say whether another link between the same sites is seen up and is not drained."""
    link = case.fabric.link(name)
    ends = (link.aws_site, link.gcp_site)
    others = (states[one.name] for one in case.fabric.links if one.name != name and (one.aws_site, one.gcp_site) == ends)
    return any(state.drain is None and state.verdict in {Verdict.UP, Verdict.DEGRADED} for state in others)


def told_of(case: Case, beliefs: Mapping[LinkName, Belief]) -> dict[LinkName, Belief]:
    """Add to what is believed of a link that a cloud kept traffic off it alone, and since when."""
    rows = taken_over(case)
    return {name: replace(one, because=_because(one, rows[name])) if name in rows else one for name, one in beliefs.items()}


def _because(belief: Belief, row: Sighting) -> str:
    return f"{belief.because}; {row.vantage} kept traffic off it alone at {row.seen_at:%FT%TZ}, when no majority of the stores answered"


def remark(deed: Deed, here: Cloud) -> str:
    """Say one deed in words, for an incident's timeline and its tickets: with the mode, and what that means."""
    how = "" if deed.phase is Phase.DONE else " (not proved to have been written)"
    flows = " and ".join(deed.flows)
    return (
        f"mode alone (no majority of the stores answered, so no plan was agreed): {here} avoided {deed.link} for {flows} "
        f"on its own word at {deed.at:%FT%TZ}{how}, since {deed.because}"
    )
