"""Traffic on the move: what congestion, a router's restart and a flow without a choice do to a decision."""

from pointsman.core.fabric import LinkName
from pointsman.core.plan import Verdict
from pointsman.core.sightings import Cause, Health, Source
from tests.core.scene import aws_bgp, aws_probe, gcp_bgp, gcp_probe, lever
from tests.core.test_decide import grey, steady

IX_A, IX_B = LinkName("ix-a"), LinkName("ix-b")


def test_a_link_that_a_drain_is_pouring_onto_is_not_condemned_by_its_probes_alone() -> None:
    story = grey(steady(), 10)
    story.decided(11)
    grey(story, 12, "ix-b").decided(13)
    assert story.plan.links[IX_B].verdict is Verdict.UP
    story.note(*lever("ix-a", Health.DRAINING, 14, story.plan.epoch))
    assert story.decided(15).links[IX_B].drain is None
    grey(story, 20, "ix-b")
    assert story.decided(21).links[IX_B].drain is not None


def test_congestion_right_after_bgp_left_a_dead_link_does_not_condemn_the_link_it_chose() -> None:
    story = steady()
    dead = (*gcp_bgp("ix-a", Health.DOWN, 10, source=Source.ROUTER_LOG, cause=Cause.LINK_DOWN), *aws_bgp("ix-a", Health.DOWN, 10))
    grey(story.note(*dead), 10.5, "ix-b")
    plan = story.decided(11)
    assert (plan.links[IX_A].verdict, plan.links[IX_B].verdict) == (Verdict.DOWN, Verdict.UP)
    assert (story.on("checkout"), story.on("training")) == ("ix-b", "ix-c")


def test_a_link_that_a_drain_is_pouring_onto_is_left_when_more_than_its_probes_speak_against_it() -> None:
    story = grey(steady(), 10)
    story.decided(11)
    grey(story, 12, "ix-b").note(*gcp_bgp("ix-b", Health.DOWN, 12, source=Source.ROUTER_LOG, cause=Cause.LINK_DOWN))
    assert story.decided(13).links[IX_B].drain is not None


def test_a_flow_with_no_other_open_link_returns_to_one_that_is_good_again_without_waiting() -> None:
    story = steady().all_healthy(400)
    grey(story, 410).decided(411)
    story.note(*lever("ix-a", Health.DRAINING, 412, story.plan.epoch)).all_healthy(420).decided(421)
    for name in ("ix-b", "ix-c"):
        grey(story, 430, name)
    plan = story.decided(431)
    assert plan.links[IX_A].verdict is Verdict.UP
    assert (plan.links[IX_A].drain, story.on("training")) == (None, "ix-a")
    assert story.on("checkout") == "vpn"


def test_a_router_restart_that_forwards_on_is_not_fled_from_before_its_budget() -> None:
    story = steady().note(*aws_bgp("ix-a", Health.DOWN, 10), *gcp_bgp("ix-a", Health.DOWN, 10))
    story.note(*aws_probe("ix-a", Health.UP, 10.5), *gcp_probe("ix-a", Health.UP, 10.5)).decided(11)
    assert (story.on("checkout"), story.on("training")) == ("ix-a", "ix-a")
