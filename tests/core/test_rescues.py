"""When a drain ends for a flow that has no other way: only once its own way is confirmed to be gone."""

import pytest

from pointsman.core.decide import judge
from pointsman.core.plan import DrainCause, Plan, Verdict
from pointsman.core.sightings import Health, Order, Sighting, Source, Verb
from pointsman.core.values import replace
from tests.core.days import notice, rows_for
from tests.core.scene import START, G, Story, aws_bgp, fabric, flow, healthy, lever, link, seconds

PAIR = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=(flow("checkout", G, 1, ("ix-a", "ix-b"), 20),))
A, B = (one.name for one in PAIR.links)
LONE = {"one word against it": aws_bgp("ix-b", Health.DOWN, 0, source=Source.CLOUDWATCH), "nothing heard of it": ()}


def at(rows: tuple[Sighting, ...], when: float) -> tuple[Sighting, ...]:
    return tuple(replace(row, seen_at=START + seconds(when)) for row in rows)


def ordered(story: Story, when: float) -> None:
    order = Order(
        key="k",
        verb=Verb.DRAIN,
        target=A,
        author="kim",
        reason="fibre works",
        seen_at=START + seconds(when),
        expires_at=START + seconds(when + 7200),
    )
    after = judge(PAIR, replace(story.view(), orders=(order,)), story.plan, START + seconds(when)).plan
    assert isinstance(after, Plan)
    story.plan = after


def left(cause: DrainCause) -> tuple[Story, int]:
    """Have ``ix-a`` left while it is good (of an outage: good again, within its hold-down), and its flow on ``ix-b``."""
    story, when = Story(PAIR), 0
    for when in range(0, 930, 30):
        story.all_healthy(when).decided(when)
    if cause is DrainCause.ORDER:
        ordered(story, when)
    elif cause is DrainCause.MAINTENANCE:
        story.note(*rows_for(story.rows.values(), notice(when + 60, when + 7200, members=("dxvif-1",), seen=when), now=when, start=PAIR))
        story.decided(when)
    else:
        story.note(*(replace(row, health=Health.DOWN) for row in healthy("ix-a", when + 1))).decided(when + 1)
        story.all_healthy(when + 30).decided(when + 30)
        when += 30
    drain = story.plan.links[A].drain
    assert drain is not None
    assert (drain.cause, story.on("checkout")) == (cause, "ix-b")
    story.note(*lever("ix-a", Health.DRAINING, when + 1, story.plan.epoch))
    return story, when


def words(story: Story, about: str) -> str:
    return next((one.because for one in story.plan.reasons if one.about == about), "")


@pytest.mark.parametrize("cause", list(DrainCause))
@pytest.mark.parametrize("rows", LONE.values(), ids=LONE.keys())
def test_a_link_that_is_merely_doubted_or_silent_keeps_its_flows_and_ends_no_drain_of_another(
    cause: DrainCause, rows: tuple[Sighting, ...]
) -> None:
    story, start = left(cause)
    for when in range(start + 210, start + 260, 30):  # what was last heard of the other link is stale by then
        story.note(*healthy("ix-a", when), *at(rows, when)).decided(when)
        assert story.plan.links[B].verdict in {Verdict.SUSPECT, Verdict.UNKNOWN}
        assert story.plan.links[A].drain is not None, f"{cause}: {words(story, 'ix-a')}"
        assert story.on("checkout") == "ix-b"


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (DrainCause.ORDER, "returned to before its order ends, at 2026-11-20T14:15:00Z: checkout had no other way"),
        (DrainCause.MAINTENANCE, "returned to within its window, which ends at 2026-11-20T14:15:00Z: checkout had no other way"),
        (DrainCause.OUTAGE, "returned to before its hold-down is over: checkout had no other way"),
    ],
)
def test_a_flow_whose_own_link_is_confirmed_down_is_given_a_good_one_back_and_the_plan_says_what_that_ends(
    cause: DrainCause, said: str
) -> None:
    story, start = left(cause)
    story.note(*healthy("ix-a", start + 60), *(replace(row, health=Health.DOWN) for row in healthy("ix-b", start + 60)))
    story.decided(start + 60)
    assert story.plan.links[A].drain is None
    assert said in words(story, "ix-a")
    story.decided(start + 61)
    assert story.on("checkout") == "ix-a"


def test_a_flow_that_is_on_no_link_which_may_carry_is_not_kept_off_a_good_one_by_a_doubtful_one() -> None:
    story, start = left(DrainCause.ORDER)
    story.plan = replace(story.plan, flows={name: replace(one, link=A) for name, one in story.plan.flows.items()})
    story.note(*healthy("ix-a", start + 210), *at(LONE["one word against it"], start + 210)).decided(start + 210)
    assert (story.plan.links[A].drain, story.on("checkout")) == (None, "ix-a")
