"""What is foreseen for a failure is what deciding finds, byte for byte; and where more is new it is not."""

from datetime import timedelta

import pytest

from pointsman.core.analysis import Failure
from pointsman.core.contingency import contingencies, contingency, outcome
from pointsman.core.decide import Declined
from pointsman.core.fabric import Fabric, LinkName, Mode
from pointsman.core.plan import Freeze, Plan, Verdict
from pointsman.core.sightings import Cause, Health, Source
from pointsman.core.values import canonical, replace
from tests.core.scene import ATLAS, CHECKOUT, START, TRAINING, G, Story, aws_bgp, fabric, gcp_bgp, lever, link, seconds
from tests.core.test_decide import grey
from tests.core.test_pins import scene, stuck

GROUPED = fabric(*(replace(one, risk_groups=("metro",) if one.name in {"ix-a", "ix-b"} else ()) for one in ATLAS.links))


def long_steady(start: Fabric = ATLAS) -> Story:
    """Everything is up, and has been for longer than a hold-down."""
    story = Story(start).all_healthy(0)
    story.decided(1)
    return story.all_healthy(400)


def dead(story: Story, at: float, *names: str) -> Story:
    for name in names:
        story.note(*gcp_bgp(name, Health.DOWN, at, source=Source.ROUTER_LOG, cause=Cause.LINK_DOWN), *aws_bgp(name, Health.DOWN, at))
    return story


def found(story: Story, at: float) -> Plan:
    plan = story.outcome(at)
    assert not isinstance(plan, Declined)
    return plan


@pytest.mark.parametrize("name", ["ix-a", "ix-b", "ix-c", "vpn"])
def test_what_is_foreseen_for_a_link_is_what_deciding_finds(name: str) -> None:
    story = dead(long_steady(), 410, name)
    foreseen = contingencies(ATLAS, story.plan, START + seconds(411))[name]
    decided = outcome(ATLAS, story.plan, found(story, 411))
    assert decided is not None
    assert canonical(foreseen) == canonical(decided)
    assert foreseen.drained == (name,)


def test_what_is_foreseen_for_a_group_of_shared_risk_is_what_deciding_finds() -> None:
    story = dead(long_steady(GROUPED), 410, "ix-a", "ix-b")
    foreseen = contingencies(GROUPED, story.plan, START + seconds(411))["group:metro"]
    decided = outcome(GROUPED, story.plan, found(story, 411))
    assert decided is not None
    assert canonical(foreseen) == canonical(decided)
    assert (foreseen.failed, {name: one.link for name, one in foreseen.flows.items()}) == (
        ("ix-a", "ix-b"),
        {"checkout": "vpn", "training": "ix-c"},
    )


def test_both_clouds_foresee_the_same_and_nothing_of_it_depends_on_the_order_of_the_plan() -> None:
    plan = long_steady().plan
    turned = replace(plan, links=dict(reversed(plan.links.items())), flows=dict(reversed(plan.flows.items())))
    assert canonical(contingencies(ATLAS, plan, START)) == canonical(contingencies(ATLAS, turned, START))


def test_a_failure_right_after_another_one_is_foreseen_on_top_of_it() -> None:
    story = dead(long_steady(), 410, "ix-a")
    story.decided(411)
    story.note(*lever("ix-a", Health.DRAINING, 412, story.plan.epoch))
    dead(story, 480, "ix-c")
    foreseen = contingencies(ATLAS, story.plan, START + seconds(481))["ix-c"]
    decided = outcome(ATLAS, story.plan, found(story, 481))
    assert decided is not None
    assert canonical(foreseen) == canonical(decided)
    assert foreseen.drained == ("ix-a", "ix-c")


def test_the_hold_down_of_the_moment_counts() -> None:
    story = Story().all_healthy(0)
    story.note(*aws_bgp("ix-b", Health.DEGRADED, 0)).decided(1)
    story.all_healthy(200).decided(201)
    story.all_healthy(400)
    early, late = (contingencies(ATLAS, story.plan, START + seconds(at))["ix-a"] for at in (402, 600))
    assert early.flows != late.flows


def test_a_stores_time_a_little_before_the_plans_is_taken_for_the_plans_as_in_deciding() -> None:
    story = Story().all_healthy(0)
    story.note(*aws_bgp("ix-b", Health.DEGRADED, 0)).decided(1)
    story.all_healthy(200).decided(201)
    since = story.plan.links[LinkName("ix-b")].good_since
    assert since is not None
    over = replace(story.plan, decided_at=since + ATLAS.policy.hold_down)
    before, at, after = (contingencies(ATLAS, over, over.decided_at + seconds(by))["ix-a"] for by in (-3, 0, 3))
    assert canonical(before) == canonical(at) == canonical(after)
    assert contingencies(ATLAS, story.plan, over.decided_at - seconds(3))["ix-a"].flows != at.flows


def test_a_link_that_just_failed_is_not_foreseen_to_rescue_the_flow_that_has_no_other() -> None:
    start = fabric(flows=(CHECKOUT, replace(TRAINING, prefer=(LinkName("ix-a"),))))
    story = dead(long_steady(start), 410, "ix-a")
    foreseen = contingencies(start, story.plan, START + seconds(411))["ix-a"]
    assert canonical(foreseen) == canonical(outcome(start, story.plan, found(story, 411)))
    assert foreseen.drained == ("ix-a",)


def test_two_failures_at_once_are_no_contingency() -> None:
    story = dead(long_steady(), 410, "ix-a", "ix-b")
    assert outcome(ATLAS, story.plan, found(story, 411)) is None


def test_a_failure_is_no_contingency_while_another_link_is_suspect() -> None:
    story = dead(long_steady(), 410, "ix-a").note(*aws_bgp("ix-c", Health.DOWN, 410))
    assert outcome(ATLAS, story.plan, found(story, 411)) is None


def test_what_was_decided_without_a_failure_is_no_contingency() -> None:
    story = long_steady()
    assert outcome(ATLAS, story.plan, story.plan) is None


def test_a_pin_that_only_deciding_can_find_makes_the_two_differ() -> None:
    bare = scene(stuck(link("ix-a", 10 * G)))
    story = grey(long_steady(bare), 410)
    decided = outcome(bare, story.plan, found(story, 411))
    assert decided is not None
    assert decided.pins
    assert canonical(decided) != canonical(contingencies(bare, story.plan, START + seconds(411))["ix-a"])


def test_a_link_that_is_not_ours_to_steer_is_not_foreseen_to_be_drained() -> None:
    watched = fabric(*(replace(one, mode=Mode.OBSERVE) if one.name == "ix-a" else one for one in ATLAS.links))
    story = dead(long_steady(watched), 410, "ix-a")
    foreseen = contingencies(watched, story.plan, START + seconds(411))["ix-a"]
    assert foreseen.drained == ()
    assert canonical(foreseen) == canonical(outcome(watched, story.plan, found(story, 411)))


def test_a_frozen_plan_foresees_that_nothing_moves() -> None:
    plan = long_steady().plan
    frozen = replace(plan, freeze=Freeze(author="ann", reason="audit", since=START))
    foreseen = contingencies(ATLAS, frozen, START + seconds(411))["ix-a"]
    assert (foreseen.flows, foreseen.drained) == (plan.flows, ())


def test_a_link_that_is_down_already_does_not_fail_anew() -> None:
    story = dead(long_steady(), 410, "ix-a")
    story.decided(411)
    again = contingency(ATLAS, story.plan, Failure(name="ix-a", links=(LinkName("ix-a"),)), START + timedelta(seconds=412))
    assert again.failed == ()
    assert story.plan.links[LinkName("ix-a")].verdict is Verdict.DOWN
