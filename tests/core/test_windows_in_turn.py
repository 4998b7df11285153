"""Windows that follow one another on different links: no flow is led to a link that it has to leave at once with nothing else to go to."""

from pointsman.core.fabric import Fabric
from pointsman.core.plan import DrainCause
from tests.core.days import HOLD, HOUR, IX_B, LEAD, STEP, Days, notice
from tests.core.scene import G, fabric, flow, link

START = 2 * HOUR


def ring(*prefer: str) -> Fabric:
    """Three links between two sites, and one flow that may use some of them."""
    return fabric(*(link(name, 10 * G) for name in ("ix-a", "ix-b", "ix-c")), flows=(flow("checkout", G, 1, prefer, 20),))


def announced(start: Fabric, other: float) -> Days:
    """A window of two hours on ix-a, and one on ix-b that begins so much later."""
    return Days(start).announce(notice(START, START + 2 * HOUR), notice(START + other, START + 2 * HOUR, members=("dxvif-2",)))


def places(story: Days) -> list[str | None]:
    """List where the flow went, one after the other."""
    found: list[str | None] = []
    for plan in story.history:
        one = next(iter(plan.flows.values())).link
        found += [] if found[-1:] == [one] else [one]
    return found


def ask(story: Days) -> str:
    window = story.state().maintenance
    return "" if window is None else window.ask


def test_a_link_is_not_left_for_one_whose_own_window_follows_at_once_when_nothing_else_is_left() -> None:
    story = announced(ring("ix-a", "ix-b"), 3 * STEP)
    story.until(START - LEAD + STEP)
    assert ask(story) == "ix-b has a window of its own from 2026-11-20T14:03:00Z, and checkout has no other open link then"
    story.until(START)
    assert places(story) == ["ix-a"]


def test_a_link_is_left_for_one_whose_own_window_follows_when_there_is_a_third_to_go_on_to() -> None:
    story = announced(ring("ix-a", "ix-b", "ix-c"), LEAD + HOLD)
    story.until(START)
    assert story.cause is DrainCause.MAINTENANCE
    story.until(START + LEAD + HOLD)
    assert places(story) == ["ix-a", "ix-b", "ix-c"]


def test_a_link_is_left_for_one_that_is_good_for_long_before_its_own_window() -> None:
    story = announced(ring("ix-a", "ix-b"), HOUR)
    story.until(START)
    assert (story.cause, story.on("checkout"), ask(story)) == (DrainCause.MAINTENANCE, "ix-b", "")
    story.until(START + HOUR)
    window = story.state(IX_B).maintenance
    assert window is not None
    assert window.ask == "checkout has no other open link"


def test_a_link_is_left_for_one_whose_own_window_begins_when_this_one_is_over() -> None:
    story = Days(ring("ix-a", "ix-b")).announce(
        notice(START, START + 10 * STEP), notice(START + 10 * STEP, START + HOUR, members=("dxvif-2",))
    )
    story.until(START - LEAD + STEP)
    assert (story.cause, ask(story)) == (DrainCause.MAINTENANCE, "")


def test_of_two_links_with_one_window_the_flow_of_the_one_goes_to_neither() -> None:
    story = announced(ring("ix-a", "ix-b", "ix-c"), 0)
    story.until(START)
    assert places(story) == ["ix-a", "ix-c"]
