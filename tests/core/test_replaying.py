"""Deciding recorded outages again: the same version gives the same bytes, other rules and other fabrics are told apart in words."""

from datetime import timedelta
from pathlib import Path

import pytest

from pointsman.core.bundles import VERSION, Bundle, Kept, read, sealed, written
from pointsman.core.decide import decide
from pointsman.core.differences import differences
from pointsman.core.errors import Refused
from pointsman.core.fabric import Fabric, FlowName, LinkName, Mode
from pointsman.core.journal import VERSION as ENTRY_VERSION
from pointsman.core.journal import Entry, plan_of
from pointsman.core.plan import Done, Pin, Placement, Plan, Reason, Verdict, View
from pointsman.core.replaying import RULES, replay
from pointsman.core.sightings import Health, Order, Verb
from pointsman.core.values import canonical, digest, parse, replace
from pointsman.core.versions import DECIDER
from pointsman.testing.recording import OUTAGES, recorded
from tests.core.scene import ATLAS, START, Story, aws_probe, fabric, gcp_probe, seconds

CORPUS = sorted((Path(__file__).resolve().parents[1] / "bundles").glob("*.json"))
IX_A = LinkName("ix-a")


def bundle(name: str = "grey") -> Bundle:
    return read(next(path for path in CORPUS if path.stem == name).read_bytes())


def fabric_of(one: Bundle) -> Fabric:
    (fabric,) = one.fabrics.values()
    return fabric


def test_the_corpus_has_every_outage() -> None:
    assert [path.stem for path in CORPUS] == sorted(OUTAGES)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_every_bundle_of_the_corpus_is_decided_to_the_same_bytes(path: Path) -> None:
    one = read(path.read_bytes())
    assert len(one.entries) >= 5
    for kept, again in zip(one.entries, replay(one).decisions, strict=True):
        assert (again.same, again.differences) == (True, ())
        assert again.plan == digest(canonical(kept.entry.plan))


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_every_bundle_runs_from_before_the_onset_to_the_end(path: Path) -> None:
    one = read(path.read_bytes())
    link, _, epoch = one.incident.removeprefix("atlas/").partition("@")
    states = [kept.entry.plan.links[LinkName(link)] for kept in one.entries]
    assert (states[0].onset, states[0].down_since_epoch) == (None, None)
    assert {state.down_since_epoch for state in states[2:-1]} <= {None, int(epoch)}
    assert (states[-1].down_since_epoch, states[-1].closing) == (None, (int(epoch),))


@pytest.mark.parametrize("name", sorted(OUTAGES))
def test_an_outage_recorded_anew_is_the_same_each_time_and_decided_the_same(name: str) -> None:
    fabric = fabric_of(bundle(name))
    made = recorded(fabric, OUTAGES[name])
    assert written(made) == written(recorded(fabric, OUTAGES[name]))
    assert replay(made).same
    assert made.words
    link = LinkName(made.incident.removeprefix("atlas/").partition("@")[0])
    assert [kept.entry.plan.links[link].onset is None for kept in made.entries[:2]] == [True, False]


def by_other_rules(one: Bundle, spoil: Plan, last: int) -> Bundle:
    """Let the last of the first decisions have come out otherwise, by the rules of version 1."""
    entries = list(one.entries[: last + 1])
    entry = replace(entries[last].entry, plan=spoil)
    entries[last] = Kept(digest=digest(canonical(entry)), entry=entry)
    return sealed(replace(one, entries=tuple(entries), words=()))


def test_what_older_rules_decided_otherwise_is_told_by_field_in_words() -> None:
    one = bundle()
    plan = one.entries[2].entry.plan
    held = replace(plan.links[IX_A], verdict=Verdict.SUSPECT, drain=None, down_since_epoch=None)
    flows = plan.flows | {FlowName("checkout"): Placement(link=IX_A)}
    older = by_other_rules(one, replace(plan, decider="1", links=plan.links | {IX_A: held}, flows=flows), 2)
    found = replay(older)
    assert (found.same, found.different, found.decisions[2].decider) == (False, 1, "1")
    told = found.decisions[2].differences
    assert "checkout: link was ix-a, is ix-b" in told
    assert "ix-a: verdict was suspect, is down" in told
    assert "ix-a: open incident was nothing, is 4" in told
    assert not any("decider" in text for text in told)


def test_older_rules_that_decided_the_same_are_no_difference() -> None:
    one = bundle()
    found = replay(by_other_rules(one, replace(one.entries[2].entry.plan, decider="1"), 2))
    assert (found.same, [decision.decider for decision in found.decisions]) == (True, [DECIDER, DECIDER, "1"])


def test_a_view_that_is_refused_now_is_a_difference() -> None:
    one = bundle()
    entry = replace(one.entries[2].entry, now=one.entries[2].entry.now - timedelta(hours=1))
    first = Kept(digest=digest(canonical(entry)), entry=entry)
    found = replay(sealed(replace(one, entries=(first,), words=())))
    assert found.decisions[0].differences[0].startswith("nothing can be decided: the stores' time")


def test_under_the_same_fabric_nothing_would_have_been_different() -> None:
    one = bundle("double")
    found = replay(one, fabric_of(one))
    assert (found.same, found.against) == (True, fabric_of(one).hash)


def test_under_a_fabric_that_only_observes_nothing_would_have_moved() -> None:
    one = bundle()
    fabric = fabric_of(one)
    watched = replace(fabric, links=tuple(replace(link, mode=Mode.OBSERVE) for link in fabric.links))
    found = replay(one, watched)
    (outage,) = [decision for decision in found.decisions if decision.epoch == 4]
    assert outage.changed[0] == "ix-a suspect -> down"
    assert "ix-a suspect -> down" in outage.instead
    assert not any("drained" in text for text in outage.instead)
    assert any(text.startswith("ix-a: drain was") for text in outage.differences)


def test_under_a_longer_hold_down_the_return_comes_later() -> None:
    one = bundle()
    patient = replace(fabric_of(one), policy=replace(fabric_of(one).policy, hold_down=timedelta(minutes=30)))
    found = replay(one, patient)
    assert [decision.epoch for decision in found.decisions if not decision.same] == [6, 7]
    assert found.decisions[-2].instead == ()


def approved() -> Bundle:
    """Record a link in mode recommend that fails, and is left when a person approves of that."""
    start = fabric(*(replace(one, mode=Mode.RECOMMEND) if one.name == IX_A else one for one in ATLAS.links))
    story, kept = Story(start), list[Kept]()
    for at in (0, 100, 200, 300, 400, 401, 402):
        story.all_healthy(at)
        if at > 400:
            story.note(*aws_probe("ix-a", Health.DOWN, at), *gcp_probe("ix-a", Health.DOWN, at))
        waits, now = story.plan.proposal, START + seconds(at)
        word = Order(key="k", verb=Verb.APPROVE, target=waits.hash, author="kim", reason="go", seen_at=now) if waits else None
        view, before = replace(story.view(), orders=(word,) if word else ()), story.plan
        plan = decide(start, view, before, now)
        assert isinstance(plan, Plan)
        if plan is not before:
            entry = Entry(version=ENTRY_VERSION, before=before, view=view, now=now, plan=replace(plan, entry=""))
            story.plan = plan_of(digest(canonical(entry)), entry)
            kept.append(Kept(digest=story.plan.entry, entry=entry))
    assert story.plan.links[IX_A].drain is not None
    whole = Bundle(version=VERSION, decider=DECIDER, incident="atlas/ix-a@2", fabrics={start.hash: start}, entries=tuple(kept))
    return sealed(whole)


def test_what_was_approved_of_is_done_under_another_fabric_too_that_would_do_the_same() -> None:
    one = approved()
    assert replay(one).same
    found = replay(one, replace(fabric_of(one), desks=()))
    assert [(decision.epoch, decision.differences) for decision in found.decisions if not decision.same] == []


def by_earlier_rules(one: Bundle) -> Bundle:
    """Give a bundle as rules recorded it that named what waits for a person's word otherwise."""
    hashes = {kept.entry.plan.proposal.hash for kept in one.entries if kept.entry.plan.proposal}
    (hash_,) = hashes
    told = canonical(one.entries).decode().replace(hash_, "f" * len(hash_)).replace(f'"decider":"{DECIDER}"', '"decider":"1"')
    return replace(one, decider="1", entries=parse(told, tuple[Kept, ...]))


def test_what_earlier_rules_named_and_a_person_approved_of_by_that_name_is_decided_the_same() -> None:
    found = replay(by_earlier_rules(approved()))
    assert [(decision.epoch, decision.differences) for decision in found.decisions if not decision.same] == []
    assert len(found.decisions) == 3


def test_a_fabric_without_the_link_is_decided_with_what_is_left() -> None:
    one = bundle("cut")
    fabric = fabric_of(one)
    flows = tuple(replace(flow, prefer=tuple(name for name in flow.prefer if name != "ix-b")) for flow in fabric.flows)
    less = replace(fabric, links=tuple(link for link in fabric.links if link.name != "ix-b"), flows=flows)
    found = replay(one, less)
    assert found.different
    assert not any("ix-b" in text for decision in found.decisions for text in decision.instead)


def without(fabric: Fabric, link: LinkName) -> Fabric:
    """Give a fabric that lost a link, and the flows that lie on nothing else."""
    flows = (replace(flow, prefer=tuple(name for name in flow.prefer if name != link)) for flow in fabric.flows)
    return replace(fabric, links=tuple(one for one in fabric.links if one.name != link), flows=tuple(one for one in flows if one.prefer))


def test_a_fabric_that_lost_a_link_which_carries_a_pin_or_is_drained_is_refused_as_its_adoption_would_be() -> None:
    one = bundle()
    late = replace(one, entries=one.entries[3:])
    with pytest.raises(Refused, match=r"could not have been adopted .*: ix-a is drained or has an incident that is not over: keep it in"):
        replay(late, without(fabric_of(one), IX_A))
    entry = one.entries[0].entry
    pin = Pin(flow=FlowName("checkout"), link=IX_A, owner="kim", reason="test", expires_at=entry.now + timedelta(hours=1))
    pinned = replace(one, entries=(Kept(digest="", entry=replace(entry, before=replace(entry.before, pins=(pin,)))),))
    with pytest.raises(Refused, match="the pin of checkout to ix-a would be forgotten: let it end first"):
        replay(pinned, without(fabric_of(one), IX_A))


def test_a_fabric_without_any_link_of_a_bundle_says_so() -> None:
    one = fabric_of(bundle())
    other = replace(one, links=tuple(replace(link, name=LinkName(f"far-{link.name}")) for link in one.links))
    with pytest.raises(Refused, match="fabric atlas has no link of those that were recorded"):
        replay(bundle(), other)


def test_every_difference_is_found_however_many_there_are() -> None:
    plan = bundle().entries[2].entry.plan
    many = tuple(Reason(about=f"flow-{n}", chosen="x", because="x") for n in range(500))
    found = differences(plan, replace(plan, reasons=(*plan.reasons, *many)))
    assert [sum(f"flow-{n} (reasons)" in text for text in found) for n in range(500)] == [1] * 500
    assert differences(plan, plan) == ()
    assert differences(plan, replace(plan, marks={})) == ("the claims that it stands on (marks) are others",)


def test_what_has_its_default_is_named_and_not_called_nothing() -> None:
    plan = bundle().entries[2].entry.plan
    unseen = replace(plan.links[IX_A], verdict=Verdict.UNKNOWN)
    assert differences(plan, replace(plan, links=plan.links | {IX_A: unseen})) == ("ix-a: verdict was down, is unknown",)


def test_an_order_that_other_rules_name_otherwise_is_no_difference_and_one_that_is_not_done_is() -> None:
    plan = with_done("as it was named")
    assert differences(plan, with_done("as it is named"), apart=RULES) == ()
    assert differences(plan, with_done("as it is named")) == ("order 1: key was as it was named, is as it is named",)
    (told,) = differences(plan, with_done(), apart=RULES)
    assert told.startswith("order 1 (orders) was ")


def with_done(*keys: str) -> Plan:
    done = tuple(Done(key=key, until=START) for key in keys)
    return Plan(fabric="atlas", fabric_hash="f", decider="1", decided_at=START, orders=done)


@pytest.mark.parametrize("otherwise", [False, True])
def test_an_entry_that_was_kept_without_its_view_is_not_decided_from_an_empty_one(*, otherwise: bool) -> None:
    one = bundle()
    whole = one.entries[2].entry
    short = replace(whole, view=View(here=whole.view.here), too_long=300_000)
    last = Kept(digest=digest(canonical(short)), entry=short)
    found = replay(sealed(replace(one, entries=(*one.entries[:2], last), words=())), fabric_of(one) if otherwise else None)
    assert [decision.same for decision in found.decisions] == [True, True, False]
    assert found.decisions[2].differences[0].startswith("nothing can be decided: what it was decided from took 300000 bytes")
