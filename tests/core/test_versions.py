"""Two versions of the rules at once: the newer have the say in what no outage forces, and nothing goes to and fro."""

from datetime import timedelta

import pytest

from pointsman.core.adopting import adopted
from pointsman.core.decide import judge
from pointsman.core.explaining import Scene, flow_story
from pointsman.core.fabric import FlowName, LinkName, Mode
from pointsman.core.plan import Handover, Plan
from pointsman.core.sightings import Health, Order, Verb
from pointsman.core.values import canonical, parse, replace
from pointsman.core.versions import DECIDER, NEWER_LEAD, handover, yielding
from tests.core.scene import ATLAS, START, Story, aws_probe, fabric, gcp_probe, seconds

NEWER, EARLIER = str(int(DECIDER) + 1), str(int(DECIDER) - 1)
HOLD = ATLAS.policy.hold_down.total_seconds()
DAY = NEWER_LEAD.total_seconds()
CHECKOUT = FlowName("checkout")


def elsewhere(decider: str) -> Story:
    """A steady plan, in which rules of another version then put checkout on ix-b, which these like less."""
    story = Story(ATLAS)
    story.all_healthy(0).decided(0)
    story.all_healthy(HOLD).decided(HOLD)
    assert story.on("checkout") == "ix-a"
    flows = story.plan.flows | {CHECKOUT: replace(story.plan.flows[CHECKOUT], link=LinkName("ix-b"))}
    story.plan = replace(story.plan, flows=flows, decider=decider, epoch=story.plan.epoch + 1, decided_at=START + seconds(HOLD))
    return story


def home_at(story: Story, at: float) -> bool:
    story.all_healthy(at).decided(at)
    return story.on("checkout") == "ix-a"


def test_earlier_rules_leave_where_newer_ones_put_it_what_no_outage_moves_for_a_day() -> None:
    story = elsewhere(NEWER)
    assert [home_at(story, HOLD + after) for after in (1, HOLD + 1, DAY - 1)] == [False, False, False]
    assert home_at(story, HOLD + DAY)


def test_newer_rules_take_over_from_earlier_ones_after_a_hold_down() -> None:
    story = elsewhere(EARLIER)
    assert not home_at(story, 2 * HOLD - 1)
    assert home_at(story, 2 * HOLD)


@pytest.mark.parametrize("decider", [NEWER, EARLIER])
def test_an_outage_moves_traffic_at_once_whichever_rules_decided_last(decider: str) -> None:
    story = elsewhere(decider)
    at = HOLD + 1
    story.all_healthy(at).note(*aws_probe("ix-b", Health.DOWN, at), *gcp_probe("ix-b", Health.DOWN, at))
    story.decided(at)
    assert story.on("checkout") != "ix-b"
    assert story.plan.decider == DECIDER


def test_what_earlier_rules_had_to_do_since_does_not_give_them_the_say() -> None:
    story = elsewhere(NEWER)
    at = HOLD + 1
    story.all_healthy(at).note(*aws_probe("ix-c", Health.DOWN, at), *gcp_probe("ix-c", Health.DOWN, at))
    story.decided(at)
    assert story.plan.handover == Handover(decider=NEWER, at=START + seconds(HOLD))
    assert not home_at(story, at + HOLD + 1)
    assert parse(canonical(story.plan), Plan) == story.plan


def test_rules_of_one_version_leave_no_mark_of_others() -> None:
    story = elsewhere(DECIDER)
    assert home_at(story, HOLD + 1)
    assert story.plan.handover is None
    assert handover(replace(story.plan, handover=Handover(decider=NEWER, at=START)), START + timedelta(days=1)) is None


def test_what_is_no_version_counts_as_earlier_and_a_plan_nobody_decided_as_nobodys() -> None:
    story = elsewhere("the last version's")
    assert yielding(story.plan, ATLAS.policy.hold_down, START + seconds(2 * HOLD - 1))
    assert not yielding(story.plan, ATLAS.policy.hold_down, START + seconds(2 * HOLD))
    assert not yielding(replace(story.plan, epoch=0), ATLAS.policy.hold_down, START + seconds(HOLD))


def test_whoever_asks_is_told_what_is_waited_for() -> None:
    story = elsewhere(NEWER)
    scene = Scene(fabric=ATLAS, plan=story.plan, view=story.view(), now=START + seconds(HOLD + 1))
    told = flow_story(scene, ATLAS.flow("checkout"), None)
    assert any(f"rules {NEWER} decided at 2026-11-20T" in rail and "nothing moves at discretion" in rail for rail in told.rails)


@pytest.mark.parametrize("decider", [NEWER, EARLIER])
def test_an_adoption_in_the_middle_of_a_roll_out_gives_neither_more_to_say(decider: str) -> None:
    story, later = elsewhere(decider), replace(ATLAS, desks=())
    story.plan = adopted(story.plan, later, START + seconds(HOLD + 1), author="an operator", reason="the next step")
    story.fabric = later
    assert not home_at(story, HOLD + 2)
    assert story.plan.handover == Handover(decider=decider, at=START + seconds(HOLD))


@pytest.mark.parametrize("decider", [NEWER, EARLIER])
def test_what_waits_for_a_persons_word_bears_one_name_whichever_rules_decided_last_and_a_link_that_is_down_is_left_on_it(
    decider: str,
) -> None:
    asking = fabric(*(replace(one, mode=Mode.RECOMMEND) if one.name == "ix-a" else one for one in ATLAS.links))
    story = Story(asking)
    story.all_healthy(0).decided(0)
    story.all_healthy(HOLD).decided(HOLD)
    story.plan = replace(story.plan, decider=decider, decided_at=START + seconds(HOLD))
    names = set()
    for at in (HOLD + 1, HOLD + 2, HOLD + 3):
        story.all_healthy(at).note(*aws_probe("ix-a", Health.DOWN, at), *gcp_probe("ix-a", Health.DOWN, at)).decided(at)
        assert story.plan.proposal is not None
        names.add(story.plan.proposal.hash)
    (name,) = names
    now = START + seconds(HOLD + 4)
    word = Order(key="k", verb=Verb.APPROVE, target=name, author="an operator", reason="go", seen_at=now)
    judged = judge(asking, replace(story.view(), orders=(word,)), story.plan, now)
    assert judged.refused == {}
    assert isinstance(judged.plan, Plan)
    assert judged.plan.links[LinkName("ix-a")].drain is not None


def test_the_end_of_the_budget_is_told_by_the_budget_that_counts() -> None:
    story = elsewhere(DECIDER)
    fewer = replace(ATLAS, policy=replace(ATLAS.policy, epochs_per_hour=1))
    story.plan = replace(story.plan, moves=(START, START + seconds(60)))
    told = flow_story(Scene(fabric=fewer, plan=story.plan, view=story.view(), now=START + seconds(HOLD)), fewer.flow("checkout"), None)
    assert any(f"used up until {START + seconds(3660):%FT%TZ}" in rail for rail in told.rails)
