"""An intent says enough to work out again what was steered, and nothing that could be wrong about it."""

import pytest

from pointsman.core.contingency import contingencies, explained, failure_like, failure_named
from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.intents import failure_of, intent, is_intent, over, remarks, standing
from pointsman.core.marks import marks
from pointsman.core.plan import View
from pointsman.core.sightings import Health
from pointsman.core.steering import FailoverTest
from pointsman.core.values import replace
from pointsman.core.wants import route_policies, wanted
from tests.core.scene import ATLAS, START, seconds
from tests.core.test_contingency import GROUPED, dead, found, long_steady

AT = START + seconds(411)


@pytest.mark.parametrize("here", list(Cloud))
@pytest.mark.parametrize("name", ["ix-a", "ix-b", "ix-c", "vpn"])
def test_what_an_intent_announces_is_what_the_agreed_plan_then_asks_of_the_levers(name: str, here: Cloud) -> None:
    story = dead(long_steady(), 410, name)
    announced = explained(ATLAS, story.plan, intent(here, name, story.plan.epoch, AT))
    decided = found(story, 411)
    assert announced is not None
    policies = [[route_policies(ATLAS, plan, link) for link in ATLAS.links] for plan in (announced, decided)]
    assert policies[0] == policies[1]


def test_awss_test_is_announced_where_aws_is_the_enactor() -> None:
    story = long_steady()
    announced = explained(ATLAS, story.plan, intent(Cloud.AWS, "ix-b", story.plan.epoch, AT))
    assert announced is not None
    running = [one.link for one in wanted(ATLAS, announced, (), Cloud.AWS, AT) if isinstance(one, FailoverTest) and one.running]
    assert running == ["ix-b"]


def test_an_intent_for_a_group_names_the_group() -> None:
    plan = long_steady(GROUPED).plan
    announced = explained(GROUPED, plan, intent(Cloud.GCP, "group:metro", plan.epoch, AT))
    assert announced is not None
    assert {name for name, state in announced.links.items() if state.drain} == {"ix-a", "ix-b"}
    assert announced.flows == contingencies(GROUPED, plan, AT)["group:metro"].flows


def test_an_intent_on_another_epoch_or_about_nothing_known_explains_nothing() -> None:
    plan = long_steady().plan
    assert explained(ATLAS, plan, intent(Cloud.GCP, "ix-a", plan.epoch - 1, AT)) is None
    assert explained(ATLAS, plan, intent(Cloud.GCP, "ix-z", plan.epoch, AT)) is None


def test_an_intent_stands_until_it_is_over_and_only_for_its_own_cloud() -> None:
    row = intent(Cloud.GCP, "ix-a", 7, AT)
    assert (is_intent(row), failure_of(row)) == (True, "ix-a")
    assert standing(Cloud.GCP, [row]) == (row,)
    assert standing(Cloud.AWS, [row]) == ()
    ended = over(row, AT)
    assert (ended.health, ended.row) == (Health.UP, row.row)
    assert ended.seen_at > row.seen_at
    assert standing(Cloud.GCP, [ended]) == ()
    assert "gcp steered what was foreseen for ix-a" in remarks(Cloud.GCP, [row, ended])[0]
    assert remarks(Cloud.GCP, [ended]) == ()


def test_an_intent_leaves_no_mark_and_changes_no_decision() -> None:
    story = dead(long_steady(), 410, "ix-a")
    before = found(story, 411)
    row = intent(Cloud.GCP, "ix-a", story.plan.epoch, AT)
    assert marks(ATLAS, View(here=Cloud.GCP, rows=(row,)), {}) == {}
    story.note(replace(row, seen_at=START + seconds(410)))
    assert found(story, 411) == before


def test_a_failure_is_found_by_its_name_and_by_its_links() -> None:
    metro = failure_named(GROUPED, "group:metro")
    assert metro is not None
    assert failure_like(GROUPED, (LinkName("ix-b"), LinkName("ix-a"))) == metro
    assert failure_like(GROUPED, (LinkName("ix-a"), LinkName("vpn"))) is None
