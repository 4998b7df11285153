"""What cannot be read makes no link better: a cloud whose store is silent opens no rail, and charges no flap."""

from datetime import timedelta

import pytest

from pointsman.core.decide import Judged, judge
from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.plan import Plan, Verdict, View
from pointsman.core.sightings import Aspect, Cause, Health, Order, Sighting, Source, Vantage, Verb
from pointsman.core.values import replace
from tests.core.scene import START, G, Story, aws_bgp, aws_probe, fabric, flow, gcp_bgp, gcp_probe, healthy, link, seconds, vpn

PAIR = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=(flow("checkout", G, 1, ("ix-a", "ix-b"), 20),))
A, B = (one.name for one in PAIR.links)
OF_AWS = (Vantage.AWS, Vantage.PROBE_AWS)


def steady() -> Story:
    """Everything has been up for longer than a hold-down, until 900 seconds."""
    story = Story(PAIR)
    for at in range(0, 930, 30):
        story.all_healthy(at).decided(at)
    return story


def cut(at: float) -> tuple[Sighting, ...]:
    """AWS sees the interface of ``ix-b`` down, by an event and by a look; Google's session still stands."""
    look = aws_bgp("ix-b", Health.DOWN, at)
    return (
        *look,
        *(replace(row, source=Source.CLOUDWATCH, aspect=Aspect.LINK, cause=Cause.LINK_DOWN) for row in look),
        *gcp_bgp("ix-b", Health.UP, at),
    )


def doubted(at: float) -> tuple[Sighting, ...]:
    """AWS alone speaks against ``ix-b``, and Google's prober passes."""
    return (*aws_bgp("ix-b", Health.DOWN, at), *gcp_bgp("ix-b", Health.UP, at), *gcp_probe("ix-b", Health.UP, at))


def half_blind(story: Story, *, without: tuple[Vantage, ...] = OF_AWS) -> View:
    view = story.view()
    return replace(view, rows=tuple(row for row in view.rows if row.vantage not in without), unreadable=(Cloud.AWS,))


def judged(story: Story, view: View, at: float) -> Judged:
    outcome = judge(PAIR, view, story.plan, START + seconds(at))
    assert isinstance(outcome.plan, Plan)
    story.plan = outcome.plan
    return outcome


def test_an_order_that_is_refused_while_all_can_be_read_is_refused_while_one_clouds_rows_cannot() -> None:
    story = steady()
    story.note(*healthy("ix-a", 930), *doubted(930)).decided(930)
    assert story.plan.links[B].verdict is Verdict.SUSPECT
    now = START + seconds(940)
    order = Order(key="k", verb=Verb.DRAIN, target="ix-a", author="kim", reason="works", seen_at=now, expires_at=now + timedelta(hours=1))
    outcome = judged(story, replace(half_blind(story), orders=(order,)), 940)
    assert outcome.refused == {"k": "ix-a is not drained: no other link between its sites is seen up"}
    assert (story.plan.links[B].verdict, story.plan.links[A].drain) == (Verdict.SUSPECT, None)


def test_a_link_that_is_down_is_charged_once_however_often_a_clouds_rows_cannot_be_read() -> None:
    story = steady()
    for step, at in enumerate(range(930, 1770, 60)):
        story.note(*healthy("ix-a", at), *cut(at))
        judged(story, half_blind(story) if step % 2 else story.view(), at)
        state = story.plan.links[B]
        assert state.verdict is Verdict.DOWN, at
        assert state.penalty is None or state.penalty.figure == PAIR.policy.damping.down, at


def test_a_link_that_lost_members_gets_none_of_its_capacity_back_by_what_cannot_be_read() -> None:
    story = Story(fabric(link("ix-a", 10 * G), vpn(), flows=(flow("checkout", G, 1, ("ix-a", "vpn"), 20),)))
    for at in range(0, 930, 30):
        story.all_healthy(at).decided(at)
    lost = [
        row for row in (*aws_bgp("vpn", Health.DOWN, 930), *gcp_bgp("vpn", Health.DOWN, 930)) if row.member.endswith(("35.0.0.1", "3.4"))
    ]
    story.all_healthy(930).note(*lost, *(replace(row, health=Health.DOWN) for row in lost_tunnel(930))).decided(930)
    before = story.plan.links[LinkName("vpn")]
    assert before.verdict is Verdict.DEGRADED
    story.note(*healthy("ix-a", 940), *gcp_bgp("vpn", Health.UP, 940), *(replace(row, health=Health.UP) for row in lost_tunnel(940)))
    outcome = judge(story.fabric, half_blind(story), story.plan, START + seconds(940)).plan
    assert isinstance(outcome, Plan)
    after = outcome.links[LinkName("vpn")]
    assert (after.verdict, after.usable) == (Verdict.DEGRADED, before.usable)


def lost_tunnel(at: float) -> tuple[Sighting, ...]:
    return tuple(row for row in healthy("vpn", at) if row.member == "tunnel/ha-t1")


@pytest.mark.parametrize("told", ["cut", "doubted"])
def test_what_is_read_of_both_ends_makes_a_link_better_also_while_a_store_is_silent(told: str) -> None:
    story = steady()
    story.note(*healthy("ix-a", 930), *(cut(930) if told == "cut" else doubted(930))).decided(930)
    before = story.plan.links[B].verdict
    assert before is (Verdict.DOWN if told == "cut" else Verdict.SUSPECT)
    story.note(*healthy("ix-a", 940), *gcp_bgp("ix-b", Health.UP, 940), *gcp_probe("ix-b", Health.UP, 940))
    judged(story, half_blind(story), 940)
    assert story.plan.links[B].verdict is before, "one end alone refutes nothing"
    story.note(*aws_probe("ix-b", Health.UP, 941))
    judged(story, half_blind(story, without=(Vantage.AWS,)), 941)
    assert story.plan.links[B].verdict is Verdict.UP


def test_what_speaks_against_a_link_counts_also_while_a_store_is_silent() -> None:
    story = steady()
    story.note(*healthy("ix-a", 930), *gcp_bgp("ix-b", Health.DOWN, 930))
    judged(story, half_blind(story), 930)
    assert story.plan.links[B].verdict is Verdict.SUSPECT


def test_the_reason_says_whose_rows_cannot_be_read() -> None:
    story = steady()
    story.note(*healthy("ix-a", 930), *doubted(930)).decided(930)
    story.note(*gcp_bgp("ix-a", Health.DOWN, 940), *gcp_bgp("ix-b", Health.UP, 940), *gcp_probe("ix-b", Health.UP, 940))
    judged(story, half_blind(story), 940)
    because = next(one.because for one in story.plan.reasons if one.about == B)
    assert because == "seen up, and nothing says otherwise (held: rows now say up, and those of aws cannot be read)"
