"""What holds of damping whatever is said, and in whatever order."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.fabric import Damping, Fabric, LinkName
from pointsman.core.plan import Verdict
from pointsman.core.sightings import Health, Sighting
from pointsman.core.values import canonical, replace
from tests.core.scene import ATLAS, Story, aws_bgp, aws_probe, gcp_bgp, gcp_probe, healthy
from tests.core.test_damping import OBSERVED, steady, well
from tests.core.test_decide import CLAIMS

MOMENTS = st.lists(
    st.tuples(st.sampled_from(["ix-a", "ix-b"]), st.sampled_from(Health), st.integers(0, 3), st.integers(1, 30)), max_size=60
)


def _sayings(name: str, health: Health, who: int, at: float) -> tuple[Sighting, ...]:
    """Let some or all vantages speak of a link at an instant."""
    ends = (aws_probe(name, health, at), gcp_probe(name, health, at), aws_bgp(name, health, at), gcp_bgp(name, health, at))
    return (*ends[who], *ends[who ^ 1]) if who < 2 else ends[who]


def _played(moments: list[tuple[str, Health, int, int]], start: Fabric = ATLAS) -> Story:
    story, at = steady(start), 410.0
    for name, health, who, gap in moments:
        at += gap
        story.all_healthy(at - 0.5) if health is Health.UP else None
        story.note(*_sayings(name, health, who, at)).decided(at)
    return story


@settings(max_examples=60)
@given(MOMENTS)
def test_the_same_flaps_give_the_same_bytes(moments: list[tuple[str, Health, int, int]]) -> None:
    assert canonical(_played(moments).plan) == canonical(_played(moments).plan)


@settings(max_examples=60)
@given(MOMENTS, st.lists(CLAIMS, max_size=12), st.randoms(use_true_random=False))
def test_order_and_repetition_of_sightings_do_not_matter_to_a_damped_link(
    moments: list[tuple[str, Health, int, int]], claims: list[Sighting], dice: object
) -> None:
    late = [replace(row, seen_at=row.seen_at + timedelta(hours=1)) for row in claims]
    shuffled = [*late, *late]
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = _played(moments).note(*late), _played(moments).note(*shuffled)
    assert canonical(one.decided(3610)) == canonical(other.decided(3610))


@settings(max_examples=60)
@given(MOMENTS, st.sampled_from(["ix-a", "ix-b", "ix-c", "vpn"]))
def test_any_one_link_that_is_up_takes_every_flow_that_may_use_it_however_it_flapped(
    moments: list[tuple[str, Health, int, int]], name: str
) -> None:
    story = _played(moments)
    at = 410.0 + sum(gap for *_, gap in moments)
    others = [one.name for one in ATLAS.links if one.name != name]
    for wait in range(10, 400, 30):
        for other in others:
            story.note(*(replace(row, health=Health.DOWN) for row in healthy(other, at + wait)))
        story.note(*healthy(name, at + wait)).decided(at + wait)
    for one in ATLAS.flows:
        if LinkName(name) in one.prefer:
            assert story.plan.flows[one.name].link == name
            assert story.plan.links[LinkName(name)].drain is None


@settings(max_examples=60)
@given(MOMENTS)
def test_suppression_always_ends(moments: list[tuple[str, Health, int, int]]) -> None:
    story = _played(moments)
    begin = 410.0 + sum(gap for *_, gap in moments) + 60
    for minute in range(75):
        well(story, begin + 60 * minute)
    assert all(state.verdict is Verdict.UP and state.drain is None for state in story.plan.links.values())
    assert (story.on("checkout"), story.on("training")) == ("ix-a", "ix-a")


@settings(max_examples=60)
@given(MOMENTS)
def test_with_observe_nothing_is_decided_otherwise_than_without_any_damping(moments: list[tuple[str, Health, int, int]]) -> None:
    never = replace(OBSERVED, policy=replace(OBSERVED.policy, damping=Damping(observe=True, down=0)))
    one, other = _played(moments, OBSERVED).plan, _played(moments, never).plan
    bare = {name: replace(state, penalty=None) for name, state in one.links.items()}
    assert ({name: replace(state, penalty=None) for name, state in other.links.items()}, other.flows, other.epoch) == (
        bare,
        one.flows,
        one.epoch,
    )
