"""A VPN beside an interconnect that AWS prefers and that is not ours to steer: nothing is led there on a doubt."""

import pytest

from pointsman.core.fabric import LinkName, Mode
from pointsman.core.plan import Verdict
from pointsman.core.sightings import Health, Sighting, Source
from pointsman.core.values import replace
from tests.core.scene import START, G, Story, aws_bgp, fabric, flow, healthy, link, seconds, vpn

IX_A, VPN = LinkName("ix-a"), LinkName("vpn")
LONE = aws_bgp("ix-a", Health.DOWN, 0, source=Source.CLOUDWATCH)
DOUBTS = {"one word against it": LONE, "nothing heard of it": ()}


def steady(*prefer: str, demand: int = 6) -> Story:
    """The first interconnect is watched only, the second has no room for the flow, the VPN has."""
    watched = link("ix-a", 10 * G, mode=Mode.OBSERVE)
    flows = (flow("f0", demand * G, 1, prefer, 20),)
    story = Story(fabric(watched, link("ix-c", 5 * G), vpn(20 * G), flows=flows))
    for at in range(0, 930, 30):
        story.all_healthy(at).decided(at)
    return story


def doubt(story: Story, at: float, rows: tuple[Sighting, ...]) -> Story:
    """Let what was heard of the watched interconnect be stale by now, with ``rows`` since."""
    return story.note(*healthy("ix-c", at), *healthy("vpn", at), *(replace(row, seen_at=START + seconds(at)) for row in rows))


@pytest.mark.parametrize("rows", DOUBTS.values(), ids=DOUBTS.keys())
def test_a_flow_is_not_led_to_a_vpn_while_aws_may_still_take_it_to_an_interconnect_that_is_merely_doubted(
    rows: tuple[Sighting, ...],
) -> None:
    story = steady("ix-c", "vpn", "ix-a")
    assert story.on("f0") == "ix-a"
    doubt(story, 1200, rows).decided(1200)
    assert story.plan.links[IX_A].verdict in {Verdict.SUSPECT, Verdict.UNKNOWN}
    assert story.on("f0") == "ix-a"


@pytest.mark.parametrize("rows", DOUBTS.values(), ids=DOUBTS.keys())
def test_a_flow_with_nowhere_else_to_go_is_led_to_the_vpn_and_the_plan_says_what_aws_may_take(rows: tuple[Sighting, ...]) -> None:
    story = steady("ix-c", "vpn", "ix-a", demand=1)
    assert story.on("f0") == "ix-c"
    doubt(story, 1200, rows).note(*(replace(row, health=Health.DOWN) for row in healthy("ix-c", 1201))).decided(1201)
    assert story.plan.links[IX_A].verdict in {Verdict.SUSPECT, Verdict.UNKNOWN}
    assert story.on("f0") == "vpn"
    assert "drop on ix-a" in next(one for one in story.plan.reasons if one.about == "f0").refused


def test_a_flow_that_prefers_the_vpn_and_has_another_way_waits_there_while_the_interconnect_is_doubted() -> None:
    story = steady("vpn", "ix-c", "ix-a", demand=1)
    assert story.on("f0") == "ix-c"
    doubt(story, 1200, LONE).decided(1200)
    assert (story.plan.links[IX_A].verdict, story.on("f0")) == (Verdict.SUSPECT, "ix-c")


@pytest.mark.parametrize("rows", DOUBTS.values(), ids=DOUBTS.keys())
def test_what_is_on_the_vpn_stays_there_while_the_interconnect_is_merely_doubted(rows: tuple[Sighting, ...]) -> None:
    story = steady("vpn", "ix-a", "ix-c", demand=1)
    assert story.on("f0") == "ix-a"
    doubt(story, 1200, ()).note(*(replace(row, health=Health.DOWN) for row in healthy("ix-a", 1201))).decided(1201)
    assert story.on("f0") == "vpn"
    state = replace(story.plan.links[IX_A], verdict=Verdict.UNKNOWN, good_since=None, onset=None)
    story.plan = replace(story.plan, links=story.plan.links | {IX_A: state})
    doubt(story, 2200, rows).decided(2200)
    assert story.plan.links[IX_A].verdict in {Verdict.SUSPECT, Verdict.UNKNOWN}
    assert story.on("f0") == "vpn"


def test_an_interconnect_that_is_confirmed_down_is_no_rival() -> None:
    story = steady("ix-c", "vpn", "ix-a")
    doubt(story, 1200, ()).note(*(replace(row, health=Health.DOWN) for row in healthy("ix-a", 1201))).decided(1201)
    assert story.on("f0") == "vpn"
