"""The convergence budget of a session that both ends lost runs from that loss, whatever troubled the link before it."""

from datetime import timedelta

from pointsman.core.fabric import LinkName, MemberId
from pointsman.core.members import peer_key, probe_key
from pointsman.core.plan import LinkState, Plan, Verdict
from pointsman.core.sightings import Aspect, Health, Sighting, Source, Vantage
from pointsman.core.values import canonical, parse
from tests.core.scene import ATLAS, START, Story, aws_bgp, aws_probe, claim, gcp_bgp, gcp_probe, healthy, seconds
from tests.core.test_decide import steady

IX_A, VPN = LinkName("ix-a"), LinkName("vpn")
BUDGET = ATLAS.link("ix-a").timers.budget.total_seconds()
M1, T1, T2 = MemberId("m1"), MemberId("t1"), MemberId("t2")


def slow(at: float) -> tuple[Sighting, ...]:
    """An alarm on the delay that a probe measures: it degrades the link and says nothing of sessions."""
    key = probe_key("10.250.1.1", "10.251.1.1")
    return (claim(Vantage.PROBE_AWS, key, Health.DEGRADED, at, aspect=Aspect.PROBE, source=Source.PROBE),)


def well(story: Story, at: float, *but: str) -> Story:
    return story.note(*(row for one in story.fabric.links if one.name not in but for row in healthy(one.name, at)))


def both_lose(at: float, name: str = "ix-a") -> tuple[Sighting, ...]:
    return (*aws_bgp(name, Health.DOWN, at), *gcp_bgp(name, Health.DOWN, at))


def ix_a(story: Story) -> LinkState:
    return story.plan.links[IX_A]


def restarting(first: float) -> Story:
    """ix-a is degraded for eleven minutes by one slow probe, then both ends lose the session."""
    story = steady()
    for at in range(60, int(first), 60):
        well(story, at).note(*slow(at + 0.01)).decided(at + 1)
    assert ix_a(story).verdict is Verdict.DEGRADED
    story.note(*both_lose(first), *slow(first)).decided(first + 1)
    return story


def test_a_session_lost_on_a_link_that_was_degraded_for_long_has_its_whole_budget() -> None:
    story = restarting(720)
    assert (ix_a(story).verdict, ix_a(story).drain, ix_a(story).lost) == (Verdict.SUSPECT, None, {M1: START + seconds(720)})
    story.note(*both_lose(720 + BUDGET - 10)).decided(720 + BUDGET - 1)
    assert ix_a(story).verdict is Verdict.SUSPECT
    assert story.decided(720 + BUDGET).links[IX_A].verdict is Verdict.DOWN


def test_the_link_still_says_when_its_trouble_began() -> None:
    assert ix_a(restarting(720)).onset == START + seconds(60.01)


def test_one_end_that_misses_the_session_for_long_spends_nothing_of_the_budget_of_both() -> None:
    story = steady()
    for at in (60, 120, 180, 240, 300):
        well(story, at).note(*aws_bgp("ix-a", Health.DOWN, at + 0.5)).decided(at + 1)
    story.note(*gcp_bgp("ix-a", Health.DOWN, 302)).decided(303)
    assert (ix_a(story).verdict, ix_a(story).lost) == (Verdict.SUSPECT, {M1: START + seconds(302)})
    story.note(*both_lose(450)).decided(302 + BUDGET - 1)
    assert ix_a(story).verdict is Verdict.SUSPECT
    assert story.decided(302 + BUDGET).links[IX_A].verdict is Verdict.DOWN


def test_a_session_that_both_ends_find_lost_again_and_again_is_lost_since_the_first_time() -> None:
    story = steady()
    for at in range(10, 190, 20):
        story.note(*both_lose(at)).decided(at + 0.5)
    assert (ix_a(story).verdict, ix_a(story).lost) == (Verdict.SUSPECT, {M1: START + seconds(10)})
    assert story.decided(191).links[IX_A].verdict is Verdict.DOWN


def test_a_session_that_came_back_has_a_new_budget() -> None:
    story = steady()
    story.note(*both_lose(10)).decided(11)
    well(story, 20).decided(21)
    assert (ix_a(story).verdict, ix_a(story).lost) == (Verdict.UP, {})
    story.note(*both_lose(10 + BUDGET)).decided(11 + BUDGET)
    assert (ix_a(story).verdict, ix_a(story).lost) == (Verdict.SUSPECT, {M1: START + seconds(10 + BUDGET)})


def test_an_end_that_is_not_seen_for_a_while_does_not_begin_the_budget_anew() -> None:
    story = steady()
    story.note(*both_lose(10)).decided(11)
    lost = [row.row for row in aws_bgp("ix-a", Health.DOWN, 0)]
    story.rows = {key: row for key, row in story.rows.items() if key not in lost}
    story.plan = parse(canonical(story.plan), Plan)
    story.note(*gcp_bgp("ix-a", Health.DOWN, 100)).decided(100)
    story.note(*both_lose(189)).decided(191)
    assert ix_a(story).verdict is Verdict.DOWN


def tunnels(at: float, *numbers: int) -> tuple[Sighting, ...]:
    """Both ends of these tunnels miss the session."""
    ends = ((f"vpn-{(n + 1) // 2}:35.0.0.{n}", peer_key("77", f"169.254.3.{4 * n}")) for n in numbers)
    return tuple(row for aws, gcp in ends for row in (claim(Vantage.AWS, aws, Health.DOWN, at), claim(Vantage.GCP, gcp, Health.DOWN, at)))


def dead_tunnel() -> Story:
    """The first tunnel is dead for six minutes; the others are well."""
    story = steady()
    for at in range(60, 420, 60):
        well(story, at).note(*tunnels(at + 0.1, 1)).decided(at + 1)
    return story


def test_one_dead_tunnel_spends_nothing_of_the_others_budget() -> None:
    story = dead_tunnel()
    state = story.plan.links[VPN]
    assert (state.verdict, state.usable, state.lost) == (Verdict.DEGRADED, ATLAS.link("vpn").capacity * 3 // 4, {T1: START + seconds(60.1)})
    story.note(*tunnels(420, 1, 2, 3, 4)).decided(421)
    assert story.plan.links[VPN].verdict is Verdict.SUSPECT
    assert story.decided(450).links[VPN].verdict is Verdict.DOWN


def test_a_tunnel_whose_session_comes_and_goes_is_remembered_for_the_pace_and_then_forgotten() -> None:
    story, epochs = dead_tunnel(), set[int]()
    for at in range(420, 1010, 10):
        well(story, at).note(*tunnels(at + 0.1, 1), *(tunnels(at + 0.1, 2) if at // 10 % 2 else ())).decided(at + 1)
        epochs.add(story.plan.epoch)
    assert len(epochs) <= story.fabric.policy.epochs_per_hour
    for at in range(1020, 1700, 60):
        well(story, at).note(*tunnels(at + 0.1, 1)).decided(at + 1)
    assert set(story.plan.links[VPN].lost) == {T1}
    before = story.plan.epoch
    story.note(*tunnels(1700, 2)).decided(1701)
    assert story.plan.links[VPN].usable == ATLAS.link("vpn").capacity * 3 // 4
    assert (story.plan.epoch, story.plan.links[VPN].lost[T2]) == (before + 1, START + seconds(1700))


def test_sessions_that_are_lost_on_a_link_that_is_down_are_no_news() -> None:
    story = steady()
    story.note(*aws_probe("ix-a", Health.DOWN, 10), *gcp_probe("ix-a", Health.DOWN, 10)).decided(11)
    assert ix_a(story).verdict is Verdict.DOWN
    before = story.plan
    assert story.note(*both_lose(70)).decided(71) == before


def test_a_link_whose_sessions_stand_says_nothing_of_lost_ones() -> None:
    story = steady()
    story.note(*gcp_probe("ix-a", Health.DOWN, 10)).decided(11)
    assert b'"lost"' not in canonical(story.plan)
    assert ATLAS.link("ix-a").timers.budget == timedelta(seconds=180)
