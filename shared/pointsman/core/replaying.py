"""Deciding a recorded outage again: by this version's rules, or as another fabric would have had it."""

from collections.abc import Iterator
from datetime import datetime

from pointsman.core.adopting import stranded
from pointsman.core.approvals import hashed_anew
from pointsman.core.bundles import Bundle, Kept
from pointsman.core.changes import changes
from pointsman.core.decide import Declined, decide
from pointsman.core.differences import differences
from pointsman.core.errors import Refused
from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.journal import Entry, again, undecidable
from pointsman.core.plan import Plan, View
from pointsman.core.sightings import Verb
from pointsman.core.values import Frozen, canonical, digest, replace
from pointsman.core.versions import DECIDER

RULES = frozenset({"decider", "handover", "key", "prev_digest"})
"""What differs between two versions of the rules and is no difference in what was decided: also how an order that was done is named."""
COUNTED = RULES | {
    "epoch",
    "decided_at",
    "fabric",
    "fabric_hash",
    "prev_digest",
    "entry",
    "marks",
    "down_since_epoch",
    "closing",
    "steered",
}
"""What counts decisions or names the fabric, as an approved hash does: under another fabric it is no difference in what would have been done."""


class Redecided(Frozen):
    """One decision, made again. ``changed`` is what was decided then; ``plan`` the digest of what follows now ("" when nothing can be decided)."""

    epoch: int
    at: datetime
    by: Cloud
    decider: str
    changed: tuple[str, ...]
    same: bool
    plan: str = ""
    instead: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()


class Replay(Frozen):
    """A bundle, decided again. ``decider`` is the version of the rules that did; ``against`` the hash of the other fabric, "" for the recorded ones."""

    incident: str
    decider: str
    decisions: tuple[Redecided, ...]
    against: str = ""
    different: int = 0

    @property
    def same(self) -> bool:
        """Whether everything was decided as it was then."""
        return not self.different


def replay(bundle: Bundle, against: Fabric | None = None) -> Replay:
    """Decide every entry of a bundle again, each after the plan it followed; under another fabric each after what that led to.

    Raises ``Refused`` for another fabric that could not have been adopted where the bundle begins.
    """
    found = tuple(_again(bundle)) if against is None else tuple(_otherwise(bundle, against))
    return Replay(
        incident=bundle.incident,
        decider=DECIDER,
        decisions=found,
        against="" if against is None else against.hash,
        different=sum(not one.same for one in found),
    )


def _again(bundle: Bundle) -> Iterator[Redecided]:
    for kept in bundle.entries:
        entry = kept.entry
        other = entry.plan.decider != DECIDER
        now = (_in_place if other else again)(entry, bundle.fabrics[entry.plan.fabric_hash])
        if isinstance(now, Declined):
            yield _declined(kept, now)
            continue
        found = differences(entry.plan, now, apart=RULES if other else frozenset())
        yield _redecided(kept, now, found)


def _in_place(entry: Entry, fabric: Fabric) -> Plan | Declined:
    """Decide an entry of other rules in their place: what waited for a person's word was named by them, and so was the word on it."""
    before = _as_own(entry.before)
    hashes = _hashes(entry.before, before)
    now = again(replace(entry, before=before, view=_readdressed(entry.view, hashes)), fabric)
    return now if isinstance(now, Declined) else _as_named(now, hashes, _hashes(entry.plan, now))


def _as_own(plan: Plan) -> Plan:
    """Give a plan as if these rules had decided it: they are tried in the place of the others, and not side by side with them."""
    return hashed_anew(replace(plan, decider=DECIDER, handover=None))


def _otherwise(bundle: Bundle, fabric: Fabric) -> Iterator[Redecided]:
    """Go through the recorded moments under another fabric; an adoption is passed over, since this fabric is the one that counts."""
    _must_be_adoptable(bundle, fabric)
    plan = _as_own(under(bundle.entries[0].entry.before, fabric))
    for kept in bundle.entries:
        entry = kept.entry
        if entry.adoption is not None:
            continue
        before = _hashes(entry.before, plan)
        now = undecidable(entry) or decide(fabric, _readdressed(entry.view, before), plan, entry.now)
        if isinstance(now, Declined):
            yield _declined(kept, now)
            continue
        named = _as_named(now, before, _hashes(entry.plan, now))
        yield replace(_redecided(kept, now, differences(entry.plan, named, apart=COUNTED)), instead=_texts(plan, now))
        plan = now


def _must_be_adoptable(bundle: Bundle, fabric: Fabric) -> None:
    entry = bundle.entries[0].entry
    known = {link.name for one in bundle.fabrics.values() for link in one.links}
    if known.isdisjoint(link.name for link in fabric.links):
        raise Refused(f"fabric {fabric.name} has no link of those that were recorded: name a fabric that this bundle is about")
    then = bundle.fabrics.get(entry.before.fabric_hash) or bundle.fabrics[entry.plan.fabric_hash]
    refusals = list(stranded(entry.before, then, fabric))
    if refusals:
        told = f"this fabric could not have been adopted at epoch {entry.before.epoch}, where the bundle begins"
        raise Refused(f"{told}: {'; '.join(refusals)}")


def _hashes(one: Plan, other: Plan) -> tuple[str, str] | None:
    """Give both hashes of what waits for a person's word in two plans, if that is the same: a hash names the fabric too."""
    here, there = one.proposal, other.proposal
    if here is None or there is None or (here.leave, here.back, here.flows) != (there.leave, there.back, there.flows):
        return None
    return here.hash, there.hash


def _readdressed(view: View, hashes: tuple[str, str] | None) -> View:
    """Let a word on what waited then be one on the same of this plan."""
    if hashes is None:
        return view
    words = {Verb.APPROVE, Verb.DENY}
    kept = (replace(one, target=hashes[1]) if one.verb in words and one.target == hashes[0] else one for one in view.orders)
    return replace(view, orders=tuple(kept))


def _as_named(now: Plan, *hashes: tuple[str, str] | None) -> Plan:
    """Give a plan with proposals named as they were then."""
    for then, here in (one for one in hashes if one is not None):
        told = (replace(one, about=one.about.replace(here, then), because=one.because.replace(here, then)) for one in now.reasons)
        waits = replace(now.proposal, hash=then) if now.proposal is not None and now.proposal.hash == here else now.proposal
        now = replace(now, proposal=waits, reasons=tuple(told))
    return now


def under(plan: Plan, fabric: Fabric) -> Plan:
    """Give a plan as it would stand under another fabric: without what that lacks."""
    links = {link.name for link in fabric.links}
    flows = {flow.name: flow for flow in fabric.flows}
    return replace(
        plan,
        fabric=fabric.name,
        fabric_hash=fabric.hash,
        links={name: state for name, state in plan.links.items() if name in links},
        flows={name: one for name, one in plan.flows.items() if name in flows and one.link in {None, *flows[name].prefer}},
        pins=tuple(pin for pin in plan.pins if pin.link in links and pin.flow in flows),
    )


def _redecided(kept: Kept, now: Plan, found: tuple[str, ...]) -> Redecided:
    return replace(_of(kept), same=not found, plan=digest(canonical(now)), differences=found)


def _declined(kept: Kept, why: Declined) -> Redecided:
    return replace(_of(kept), differences=(f"nothing can be decided: {why.because}",))


def _of(kept: Kept) -> Redecided:
    entry = kept.entry
    return Redecided(
        epoch=entry.plan.epoch,
        at=entry.now,
        by=entry.view.here,
        decider=entry.plan.decider,
        changed=_texts(entry.before, entry.plan),
        same=False,
    )


def _texts(before: Plan, after: Plan) -> tuple[str, ...]:
    return tuple(change.text for change in changes(before, after))
