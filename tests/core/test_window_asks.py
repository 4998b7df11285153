"""A window whose link is not left in time: who is told, until when, and how its outage is graded."""

import pytest

from pointsman.core.fabric import LinkName, MaintenancePolicy, Mode, Policy
from pointsman.core.incidents import Severity
from pointsman.core.outbox import severity_of
from pointsman.core.plan import DrainCause, Verdict
from pointsman.core.sightings import Health
from pointsman.core.values import replace
from tests.core.days import HOUR, IX_A, IX_B, LEAD, ROOMY, STEP, Days, notice
from tests.core.scene import START, G, aws_probe, fabric, flow, link, seconds, vpn


def asked(story: Days, name: LinkName = IX_A) -> str:
    window = story.state(name).maintenance
    return "" if window is None else window.ask


def used_up(story: Days, ago: float) -> Days:
    """Let the hour's moves be used up since so many seconds ago."""
    most = ROOMY.policy.epochs_per_hour
    story.plan = replace(story.plan, moves=tuple(START + seconds(story.now - ago - most + number) for number in range(most)))
    return story


def test_a_person_is_asked_as_soon_as_the_hours_moves_are_known_to_be_used_up_beyond_the_windows_start() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR - LEAD - STEP)
    used_up(story, 60).go(2 * STEP)
    assert (asked(story), story.state().drain) == ("the hour's moves are used up until 2026-11-20T14:47:54Z", None)
    epoch = story.state().down_since_epoch
    assert epoch is not None
    assert severity_of(story.fabric, story.plan, IX_A) is Severity.ERROR
    plan = story.plan
    story.until(2 * HOUR + 20 * STEP)
    assert story.plan is plan, "one ask, and no word more"
    story.until(2 * HOUR + 48 * STEP)
    assert (asked(story), story.cause, story.state().down_since_epoch) == ("", DrainCause.MAINTENANCE, epoch)
    assert severity_of(story.fabric, story.plan, IX_A) is Severity.INFO


def test_nobody_is_asked_while_the_budget_is_there_again_before_the_window() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR - LEAD - STEP)
    used_up(story, 3600 - LEAD).until(2 * HOUR)
    assert (asked(story), story.cause, story.state().down_since_epoch) == ("", DrainCause.MAINTENANCE, None)


def test_a_person_is_asked_from_the_windows_start_while_the_time_is_not_trusted_and_no_more_when_it_is_over() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR - LEAD - STEP)
    story.clock_trusted = False
    story.until(2 * HOUR - STEP)
    assert (asked(story), story.state().down_since_epoch) == ("", None)
    story.until(2 * HOUR)
    assert asked(story).startswith("fewer than two stores gave the time")
    story.until(3 * HOUR + 2 * STEP)
    assert (asked(story), story.state().down_since_epoch, story.state().drain) == ("", None, None)


def test_of_many_links_with_one_window_those_that_are_left_too_late_are_asked_about_until_they_are() -> None:
    pairs = (("ix-a", "vpn"), ("ix-b", "vpn"), ("ix-c", "vpn"))
    start = fabric(
        *(link(name, 10 * G) for name in ("ix-a", "ix-b", "ix-c")),
        vpn(),
        flows=tuple(flow(f"f{n}", G, 1, pair, 20 + n) for n, pair in enumerate(pairs)),
        policy=Policy(mode=Mode.AUTO, maintenance=MaintenancePolicy(lead=seconds(240))),
    )
    story = Days(start).announce(*(notice(2 * HOUR, 3 * HOUR, members=(f"dxvif-{n}",)) for n in (1, 2, 5)))
    story.until(2 * HOUR)
    assert story.cause is DrainCause.MAINTENANCE
    texts = [asked(story, name) for name in (IX_B, LinkName("ix-c"))]
    assert [text.partition(" at ")[0] for text in texts] == ["the last move was made"] * 2
    story.until(2 * HOUR + 15 * STEP)
    assert [asked(story, name) for name in (IX_B, LinkName("ix-c"))] == ["", ""]
    assert all(story.state(name).drain is not None for name in (IX_B, LinkName("ix-c")))


@pytest.mark.parametrize("carries", [True, False])
def test_a_person_is_asked_from_the_windows_start_about_a_link_that_is_doubted_and_carries_flows(*, carries: bool) -> None:
    name, member = (IX_A, "dxvif-1") if carries else (LinkName("ix-c"), "dxvif-5")
    story = Days().announce(notice(2 * HOUR, 3 * HOUR, members=(member,)))
    story.until(2 * HOUR - LEAD - 2 * STEP)

    def doubted_until(end: float) -> str:
        while story.now < end:
            story.now += STEP
            story.report()
            story.note(*aws_probe(name, Health.DOWN, story.now))
            story.decided(story.now)
        return asked(story, name)

    assert doubted_until(2 * HOUR - STEP) == ""
    assert doubted_until(2 * HOUR) == ("it is suspect, and nothing is decided on that" if carries else "")
    assert story.state(name).drain is None
    story.go(STEP)
    assert (story.state(name).drain is not None, asked(story, name)) == (True, "")


def test_nobody_is_asked_about_a_link_that_carries_nothing() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR, members=("dxvif-5",)))
    story.until(2 * HOUR - LEAD - STEP)
    used_up(story, 60).until(2 * HOUR + STEP)
    assert (asked(story, LinkName("ix-c")), story.state(LinkName("ix-c")).drain) == ("", None)


def test_an_outage_of_a_link_that_was_not_left_for_its_window_is_graded_like_any_other() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR - LEAD - STEP)
    used_up(story, 60).until(2 * HOUR + STEP)
    epoch = story.state().down_since_epoch
    story.away = {"ix-a"}
    story.go(2 * STEP)
    assert (story.state().verdict, story.cause, story.state().down_since_epoch) == (Verdict.DOWN, DrainCause.OUTAGE, epoch)
    assert severity_of(story.fabric, story.plan, IX_A) is Severity.WARNING


def test_a_link_that_was_down_before_its_window_is_expected_to_be_so_within_it() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR))
    story.until(HOUR)
    story.away = {"ix-a"}
    story.until(2 * HOUR + STEP)
    assert (story.cause, severity_of(story.fabric, story.plan, IX_A)) == (DrainCause.OUTAGE, Severity.INFO)
