"""A person's word on planned work is none on an outage: what a link is left for is part of what was read."""

from datetime import timedelta

import pytest

from pointsman.core.decide import judge
from pointsman.core.fabric import Mode
from pointsman.core.plan import Plan, Verdict
from pointsman.core.sightings import Order, Verb
from pointsman.core.values import replace
from tests.core.days import FLOWS, HOUR, IX_A, LEAD, STEP, Days, notice
from tests.core.scene import START, G, fabric, link, seconds


def asked() -> Days:
    """A window that starts in two hours, with a proposal to leave its link."""
    start = fabric(link("ix-a", 10 * G, mode=Mode.RECOMMEND), link("ix-b", 10 * G), flows=FLOWS)
    story = Days(start).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR - LEAD + STEP)
    assert story.plan.proposal is not None
    return story


def word(story: Days, verb: Verb, target: str) -> str:
    """Give a person's word, which holds for a day; gives why it is refused, "" when it is not."""
    now = START + seconds(story.now)
    ends = now + timedelta(days=1) if verb is Verb.DENY else None
    given = Order(key=f"{verb} {story.now}", verb=verb, target=target, author="operator", reason="stay", seen_at=now, expires_at=ends)
    judged = judge(story.fabric, replace(story.view(), orders=(given,)), story.plan, now)
    if not judged.refused:
        assert isinstance(judged.plan, Plan)
        story.plan = judged.plan
    return next(iter(judged.refused.values()), "")


def waits(story: Days) -> tuple[str, str]:
    """Give the hash of what waits, and who denied it."""
    assert story.plan.proposal is not None
    assert story.plan.proposal.leave == (IX_A,)
    return story.plan.proposal.hash, story.plan.proposal.denied


@pytest.mark.parametrize("trusted", [True, False])
def test_the_denial_of_leaving_a_link_for_its_window_is_none_of_leaving_it_once_it_is_down(*, trusted: bool) -> None:
    story = asked()
    planned, _ = waits(story)
    assert word(story, Verb.DENY, planned) == ""
    story.clock_trusted = trusted
    story.go(5 * STEP)
    assert waits(story) == (planned, "operator: stay"), "it binds while the link is as it was"
    story.away = {"ix-a"}
    story.go(3 * STEP)
    assert story.state().verdict is Verdict.DOWN
    outage, denied = waits(story)
    assert (outage != planned, denied) == (True, "")
    assert word(story, Verb.APPROVE, outage) == ""
    assert story.on("checkout") == "ix-b"


def test_an_approval_of_leaving_a_link_for_its_window_is_none_of_leaving_it_once_it_is_down() -> None:
    story = asked()
    planned, _ = waits(story)
    story.away = {"ix-a"}
    story.go(3 * STEP)
    assert "another plan's hash" in word(story, Verb.APPROVE, planned)


def test_what_waits_keeps_its_hash_while_its_links_are_as_they_were() -> None:
    story = asked()
    planned, _ = waits(story)
    story.go(60 * STEP)
    assert waits(story) == (planned, "")
    assert word(story, Verb.APPROVE, planned) == ""
