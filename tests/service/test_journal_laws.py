"""Whatever happened, an entry decides its plan again, byte for byte; and whatever else is kept under its digest is refused."""

import zlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core import journal
from pointsman.core.decide import Declined
from pointsman.core.fabric import Cloud
from pointsman.core.journal import Adoption, Altered, Newer, again, countersigned, opened, plan_of, seal
from pointsman.core.plan import FlagState, Plan
from pointsman.core.sightings import Health
from pointsman.core.values import canonical, digest, replace
from tests.core.scene import ATLAS, START, Story, aws_bgp, aws_probe, gcp_bgp, gcp_probe, seconds

LINKS = ("ix-a", "ix-b", "ix-c", "vpn")
TELLERS = (aws_bgp, gcp_bgp, aws_probe, gcp_probe)

steps = st.lists(
    st.tuples(
        st.sampled_from([1.0, 5.0, 61.5, 200.25, 400.125]),
        st.lists(st.tuples(st.sampled_from(LINKS), st.sets(st.sampled_from(range(4))), st.sampled_from(list(Health))), max_size=3),
        st.sampled_from(list(Cloud)),
        st.sampled_from([(), (Cloud.AWS,), (Cloud.GCP,)]),
        st.sampled_from(list(FlagState)),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


def played(outage: list[tuple]) -> list[tuple[Plan, journal.Sealed]]:  # type: ignore[type-arg]
    """Play an outage; gives each plan that was decided, as the register would hold it, with its entry."""
    story, at, found = Story(), 0.0, []
    story.all_healthy(at)
    for wait, claims, here, unreadable, flag, trusted in outage:
        at += wait
        story.here, story.unreadable, story.clock_trusted = here, unreadable, trusted
        story.flags = {Cloud.AWS: FlagState.CLEAR, Cloud.GCP: flag}
        for link, tellers, health in claims:
            story.note(*(row for one in tellers if link != "vpn" or one < 2 for row in TELLERS[one](link, health, at)))
        before, now = story.plan, START + seconds(at)
        outcome = story.outcome(at)
        if isinstance(outcome, Plan) and outcome != before:
            sealed = seal(before, story.view(), now, outcome)
            story.plan = sealed.plan
            found.append((sealed.plan, sealed))
    return found


@given(steps)
def test_every_entry_decides_its_plan_again_byte_for_byte_and_names_the_one_before(outage: list[tuple]) -> None:  # type: ignore[type-arg]
    for plan, sealed in played(outage):
        entry = opened(sealed.digest, sealed.packed)
        decided = again(entry, ATLAS)
        assert not isinstance(decided, Declined)
        assert canonical(replace(decided, entry=sealed.digest)) == canonical(plan)
        assert canonical(plan_of(sealed.digest, entry)) == canonical(plan)
        assert plan.prev_digest == digest(canonical(entry.before))
        assert countersigned(sealed.digest, entry, ATLAS, Cloud.AWS, START).agrees


@given(st.binary(max_size=200))
def test_nothing_but_the_content_of_a_digest_is_taken_for_it(junk: bytes) -> None:
    for kept in (junk, zlib.compress(junk)):
        with pytest.raises((Altered, Newer)):
            opened("0" * 32, kept)


@given(st.integers(min_value=0, max_value=2_000), st.integers(min_value=1, max_value=255))
def test_one_changed_byte_is_never_read_as_the_entry(place: int, change: int) -> None:
    _, sealed = played([(10.0, [("ix-a", {2, 3}, Health.DOWN)], Cloud.AWS, (), FlagState.CLEAR, True)])[0]
    place %= len(sealed.packed)
    changed = sealed.packed[:place] + bytes([sealed.packed[place] ^ change]) + sealed.packed[place + 1 :]
    try:
        entry = opened(sealed.digest, changed)
    except Altered:
        return
    assert canonical(entry) == canonical(opened(sealed.digest, sealed.packed))


@pytest.mark.parametrize("start", [b"", b'{"version":1,"x":'])
def test_what_nests_without_end_is_altered_and_stops_nobody(start: bytes) -> None:
    deep = start + b"[" * 30_000
    with pytest.raises(Altered, match="it is not one"):
        journal.countersignature("0" * 32, Cloud.AWS, deep)
    with pytest.raises(Altered, match="it is not one"):
        opened(digest(deep), zlib.compress(deep))


def test_a_packed_entry_that_would_fill_the_memory_is_refused() -> None:
    bomb = zlib.compress(b" " * (journal.PLAIN_LIMIT + 1))
    with pytest.raises(Altered, match="too long"):
        opened("0" * 32, bomb)


def test_an_entry_of_fifty_rows_is_a_few_kilobytes() -> None:
    story = Story().all_healthy(0)
    for number in range(6):
        story.all_healthy(float(number))
    plan = story.decided(7)
    sealed = seal(plan, story.view(), START + timedelta(seconds=8), replace(plan, epoch=2))
    assert len(story.rows) >= 24
    assert len(sealed.packed) < 3_000


def cut(monkeypatch: pytest.MonkeyPatch) -> tuple[Plan, journal.Sealed, journal.Sealed]:
    """Seal a decision whole, and once more where that is one byte too long."""
    story = Story()
    story.all_healthy(0.0)
    before, plan = story.plan, story.outcome(1.0)
    assert isinstance(plan, Plan)
    whole = seal(before, story.view(), START, plan)
    monkeypatch.setattr(journal, "ENTRY_LIMIT", len(whole.packed))
    assert seal(before, story.view(), START, plan) == whole
    monkeypatch.setattr(journal, "ENTRY_LIMIT", len(whole.packed) - 1)
    return before, whole, seal(before, story.view(), START, plan)


def test_an_entry_that_is_too_long_is_kept_without_its_view_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    before, whole, short = cut(monkeypatch)
    assert len(short.packed) < len(whole.packed)
    full, entry = opened(whole.digest, whole.packed), opened(short.digest, short.packed)
    assert (entry.before, entry.plan, entry.now, entry.view.here) == (before, full.plan, full.now, full.view.here)
    assert (entry.view.rows, entry.too_long, full.too_long) == ((), len(whole.packed), 0)
    assert short.plan == replace(whole.plan, entry=short.digest), "the agreed plan names what is kept"


def test_what_unpacks_to_more_than_can_be_read_is_too_long_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    _, whole, _ = cut(monkeypatch)
    monkeypatch.setattr(journal, "ENTRY_LIMIT", len(whole.packed))
    entry = opened(whole.digest, whole.packed)
    monkeypatch.setattr(journal, "PLAIN_LIMIT", len(canonical(entry)) - 1)
    short = seal(entry.before, entry.view, entry.now, entry.plan)
    assert opened(short.digest, short.packed).too_long


def test_an_entry_without_its_view_is_not_decided_again_but_for_an_order(monkeypatch: pytest.MonkeyPatch) -> None:
    _, whole, short = cut(monkeypatch)
    entry = opened(short.digest, short.packed)
    found = again(entry, ATLAS)
    assert isinstance(found, Declined)
    assert f"took {len(whole.packed)} bytes, and the journal keeps {len(whole.packed) - 1} of an entry" in found.because
    order = Adoption(author="operator", reason="enlarged")
    assert isinstance(again(replace(entry, adoption=order), ATLAS), Plan)
