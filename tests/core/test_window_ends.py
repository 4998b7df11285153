"""What is made of a link when its window ends, or has ended: nothing is left for what is over, and nobody is paged for what cannot be read."""

import pytest

from pointsman.core.adopting import heartbeats
from pointsman.core.fabric import AwsMember, Cloud, Fabric, GcpMember, MemberId, Peer
from pointsman.core.members import peer_key, probe_key
from pointsman.core.plan import DrainCause, Verdict
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Vantage
from pointsman.core.silence import SILENT_AFTER
from pointsman.core.values import replace
from pointsman.core.wants import TEST_DURATION
from tests.core.days import FLOWS, HOLD, HOUR, IX_A, ROOMY, STEP, Days, notice
from tests.core.scene import START, G, aws_bgp, aws_probe, claim, fabric, gcp_bgp, gcp_probe, lever, link, seconds

PROBES = {probe_key(pair.source, pair.target) for pair in link("ix-a", 10 * G).probes}
PEER = Peer(name="aws-12", ip="169.254.12.2")
TWO = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=FLOWS)

STALE = ROOMY.policy.freshness.metric.total_seconds() + STEP


class Quiet(Days):
    """Hours in which the probers of ix-a may fall silent."""

    silent = False

    def report(self) -> None:
        before = self.rows
        super().report()
        if self.silent:
            self.rows |= {key: row for key, row in before.items() if row.member in PROBES}


def test_a_link_is_not_left_for_a_window_that_is_over_while_it_has_time_to_converge() -> None:
    story = Quiet(TWO)
    story.announce(notice(2 * HOUR, 3 * HOUR))
    story.until(HOUR)
    story.away = {"ix-b"}
    story.until(3 * HOUR - 2 * HOLD + STEP / 2)
    assert story.state().maintenance is not None, "a person is asked, since there is no other link"
    story.away, story.silent = set(), True
    story.until(3 * HOUR + 3 * STEP)
    left = [plan.epoch for plan in story.history if (drain := plan.links[IX_A].drain) and drain.cause is DrainCause.MAINTENANCE]
    assert left == []


@pytest.mark.parametrize("cloud", list(Cloud))
def test_a_link_whose_rows_cannot_be_read_once_after_its_window_is_no_outage(cloud: Cloud) -> None:
    story = Days(TWO).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(3 * HOUR + STEP)
    assert story.cause is DrainCause.MAINTENANCE, "it waits for its hold-down"
    rows = story.rows
    story.unreadable = (cloud,)
    story.now += STEP
    story.report()
    story.rows = {key: row for key, row in story.rows.items() if not row.vantage.endswith(cloud)}
    story.decided(story.now)
    assert story.state().down_since_epoch is None
    assert story.state().good_since is None, "the hold-down begins anew"
    story.rows, story.unreadable = rows, ()
    story.go(HOLD + 2 * STEP)
    assert (story.state().drain, story.state().down_since_epoch) == (None, None)


def test_a_link_that_is_not_seen_good_after_its_window_though_everything_is_read_is_an_outage() -> None:
    story = Quiet(TWO)
    story.announce(notice(2 * HOUR, 3 * HOUR))
    story.until(3 * HOUR + STEP)
    story.silent = True
    story.note(*(row for cloud in Cloud for row in heartbeats(cloud, (TWO,), START + seconds(3 * HOUR + STALE))))
    story.go(STALE)
    assert story.state().down_since_epoch is not None
    assert story.state().drain is not None


@pytest.mark.parametrize("unread", [(), (Cloud.GCP,)])
def test_a_link_that_our_own_test_hides_when_its_window_is_taken_back_is_no_outage(unread: tuple[Cloud, ...]) -> None:
    story = Days(TWO).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR - STEP)
    assert story.cause is DrainCause.MAINTENANCE
    story.announce(notice(2 * HOUR, 3 * HOUR, withdrawn=True, seen=story.now))
    story.now += STEP
    story.report()
    hidden = {key: replace(row, health=Health.DRAINING, cause=Cause.FAILOVER_TEST) for key, row in story.rows.items() if _is_session(row)}
    story.rows, story.unreadable = {key: row for key, row in story.rows.items() if row.member not in PROBES} | hidden, unread
    story.decided(story.now)
    window = story.state().maintenance
    assert story.state().verdict is Verdict.UNKNOWN
    assert window is None or window.over
    assert story.state().down_since_epoch is None
    assert story.state().drain is not None


def test_nor_is_one_whose_session_is_on_its_way_back_from_our_test_for_longer_than_its_budget() -> None:
    story = Days(TWO).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR + STEP)
    hide(story, Health.DRAINING)
    story.decided(story.now)
    story.announce(notice(2 * HOUR, 3 * HOUR, withdrawn=True, seen=story.now))
    for later in (1.0, TWO.link(IX_A).timers.budget.total_seconds() + 1):
        story.now += later
        story.report()
        hide(story, Health.DOWN)
        story.decided(story.now)
        assert (story.state().verdict, story.state().down_since_epoch) == (Verdict.UNKNOWN, None)
    assert story.state().maintenance is None
    story.go(2 * HOLD + 2 * STEP)
    assert (story.state().drain, story.state().down_since_epoch) == (None, None)


def hide(story: Days, health: Health) -> None:
    """Let AWS see its session as our own failover test leaves it."""
    hidden = {key: row for key, row in story.rows.items() if _is_session(row) and row.vantage is Vantage.AWS}
    story.rows |= {key: replace(row, health=health, cause=Cause.FAILOVER_TEST) for key, row in hidden.items()}


def test_a_link_that_was_not_seen_good_yet_when_its_window_is_taken_back_has_time_to_be() -> None:
    story = Quiet(TWO)
    story.away, story.silent = set(), True
    story.announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR + STEP)
    assert (story.cause, story.state().good_since) == (DrainCause.MAINTENANCE, None)
    story.announce(notice(2 * HOUR, 3 * HOUR, withdrawn=True, seen=story.now))
    story.go(STEP)
    assert story.state().down_since_epoch is None


class Pair(Quiet):
    """Hours of a fabric whose ix-a has a second member."""

    def __init__(self) -> None:
        first = TWO.link(IX_A)
        second = replace(first.members[0], id=MemberId("m2"), aws=AwsMember(virtual_interface="dxvif-12"), gcp=GcpMember(peer=PEER))
        pair = replace(first, members=(*first.members, second))
        super().__init__(replace(TWO, links=(pair, *(one for one in TWO.links if one.name != IX_A))))

    def report(self) -> None:
        super().report()
        health = Health.DOWN if "ix-a" in self.away else Health.UP
        self.note(claim(Vantage.AWS, "dxvif-12", health, self.now), claim(Vantage.GCP, peer_key("77", PEER.ip), health, self.now))


@pytest.mark.parametrize("silent", [False, True])
def test_a_link_whose_window_is_replaced_by_one_on_some_of_its_members_has_time_to_be_seen_good(*, silent: bool) -> None:
    story = Pair()
    story.silent = True
    story.announce(notice(2 * HOUR, 3 * HOUR, members=("dxvif-1", "dxvif-12"), about="one event"))
    story.until(2 * HOUR + STEP)
    assert (story.cause, story.state().good_since) == (DrainCause.MAINTENANCE, None)
    story.announce(notice(2 * HOUR, 4 * HOUR, members=("dxvif-12",), about="one event", seen=story.now))
    story.go(STEP)
    assert story.state().down_since_epoch is None
    story.silent = silent
    story.note(*(row for cloud in Cloud for row in heartbeats(cloud, (story.fabric,), START + seconds(2 * HOUR + STALE))))
    story.go(STALE)
    assert (story.state().drain is None, story.state().down_since_epoch is None) == (not silent, not silent)
    assert silent or story.state().maintenance is not None, "the window on its other member still runs"


def test_a_window_that_ended_while_nobody_decided_leaves_its_link_time_to_be_seen_good() -> None:
    story = Days(TWO).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR + STEP)
    assert story.cause is DrainCause.MAINTENANCE
    story.now = 9 * HOUR
    story.note(*aws_probe("ix-a", Health.UP, story.now))
    assert story.decided(story.now).links[IX_A].down_since_epoch is None
    story.go(2 * HOLD + STEP)
    assert (story.state().drain, story.state().maintenance, story.state().down_since_epoch) == (None, None, None)


def over_and_one_prober_unheard(start: Fabric = TWO) -> Days:
    """End ix-a's window while nobody is awake, and let time to converge pass with no word of Google's prober."""
    story = Days(start).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR + STEP)
    story.now = 3 * HOUR + 1
    story.note(*aws_probe("ix-a", Health.UP, story.now))
    assert story.decided(story.now).links[IX_A].maintenance is not None, "it has time to be seen good"
    story.now += TWO.link(IX_A).timers.budget.total_seconds() + 1
    story.note(*aws_probe("ix-a", Health.UP, story.now))
    return story


def test_a_link_of_which_one_prober_has_told_nothing_since_its_window_ended_is_no_outage() -> None:
    story = over_and_one_prober_unheard()
    assert story.decided(story.now).links[IX_A].down_since_epoch is None
    story.go(HOLD + STEP)
    assert (story.state().drain, story.state().maintenance, story.state().down_since_epoch) == (None, None, None)


def test_nor_one_whose_session_a_cloud_last_saw_on_its_way_back_from_our_own_test() -> None:
    policy = TWO.policy
    patient = replace(TWO, policy=replace(policy, freshness=replace(policy.freshness, look=policy.freshness.event)))
    story = over_and_one_prober_unheard(patient)
    story.note(*gcp_probe("ix-a", Health.UP, story.now), *aws_bgp("ix-a", Health.DOWN, 3 * HOUR, cause=Cause.FAILOVER_TEST))
    story.plan = replace(story.plan, links=story.plan.links | {IX_A: replace(story.state(), verdict=Verdict.UNKNOWN)})
    state = story.decided(story.now).links[IX_A]
    assert (state.verdict, state.down_since_epoch) == (Verdict.UNKNOWN, None)


def test_nor_one_that_was_agreed_up_just_now_and_whose_prober_last_spoke_while_our_own_test_hid_it() -> None:
    story = Days(TWO).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR + STEP)
    story.now, budget = 3 * HOUR, TWO.link(IX_A).timers.budget.total_seconds()
    story.note(*aws_bgp("ix-a", Health.DOWN, story.now + 1, cause=Cause.FAILOVER_TEST), *gcp_probe("ix-a", Health.DOWN, story.now + 3))
    story.plan = replace(story.plan, links=story.plan.links | {IX_A: replace(story.state(), verdict=Verdict.UNKNOWN, good_since=None)})
    story.now += 2
    assert story.decided(story.now).links[IX_A].verdict is Verdict.UNKNOWN
    story.now += budget - STEP
    story.note(*aws_bgp("ix-a", Health.UP, story.now), *gcp_bgp("ix-a", Health.UP, story.now), *aws_probe("ix-a", Health.UP, story.now))
    assert story.decided(story.now).links[IX_A].verdict is Verdict.UP
    story.now += STEP + 1
    story.note(*aws_probe("ix-a", Health.UP, story.now))
    assert (story.decided(story.now).links[IX_A].down_since_epoch, story.state().good_since) == (None, None)
    story.go(HOLD + STEP)
    assert (story.state().drain, story.state().maintenance, story.state().down_since_epoch) == (None, None, None)


def test_it_is_an_outage_once_that_clouds_functions_were_at_work_for_longer_and_its_prober_still_tells_nothing() -> None:
    story, patience = over_and_one_prober_unheard(), SILENT_AFTER.total_seconds()
    story.note(*heartbeats(Cloud.GCP, (TWO,), START + seconds(3 * HOUR + patience / 2)))
    story.now += patience
    assert story.decided(story.now).links[IX_A].down_since_epoch is None
    story.now += 1
    story.note(*heartbeats(Cloud.GCP, (TWO,), START + seconds(story.now)), *aws_probe("ix-a", Health.UP, story.now))
    assert story.decided(story.now).links[IX_A].down_since_epoch is not None


def test_it_is_an_outage_at_once_when_it_is_seen_down() -> None:
    story = over_and_one_prober_unheard()
    story.note(
        *gcp_bgp("ix-a", Health.DOWN, story.now), *aws_bgp("ix-a", Health.DOWN, story.now), *aws_probe("ix-a", Health.DOWN, story.now)
    )
    assert story.decided(story.now).links[IX_A].down_since_epoch is not None
    assert story.cause is DrainCause.OUTAGE


def hidden_by_a_test_that_is_no_longer_due(started: float) -> Days:
    """Let AWS's test, ``started`` seconds ago, still run on a drained link though Google's lever is set: its session and its packets are gone."""
    story = Days(TWO).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR)
    assert story.cause is DrainCause.MAINTENANCE
    story.note(*lever("ix-a", Health.DRAINING, story.now - started, story.plan.epoch, Vantage.AWS))
    story.now += STEP
    story.report()
    story.note(*gcp_bgp("ix-a", Health.DOWN, story.now + 1), *gcp_probe("ix-a", Health.DOWN, story.now + 1))
    story.decided(story.now + 2)
    return story


def test_a_link_that_our_own_test_still_hides_once_googles_lever_is_set_is_no_outage() -> None:
    story = hidden_by_a_test_that_is_no_longer_due(started=1)
    assert (story.state().verdict, story.state().down_since_epoch) == (Verdict.UNKNOWN, None)


def test_a_test_that_has_ended_by_itself_hides_nothing() -> None:
    story = hidden_by_a_test_that_is_no_longer_due(started=TEST_DURATION.total_seconds())
    assert story.state().verdict is Verdict.DOWN


def test_a_link_that_nobody_knew_of_while_awss_words_cannot_be_read_is_no_outage() -> None:
    story = hidden_by_a_test_that_is_no_longer_due(started=1)
    assert story.state().verdict is Verdict.UNKNOWN
    story.rows, story.unreadable = {key: row for key, row in story.rows.items() if not row.vantage.endswith(Cloud.AWS)}, (Cloud.AWS,)
    story.now += 5
    story.note(*gcp_bgp("ix-a", Health.DOWN, story.now), *gcp_probe("ix-a", Health.DOWN, story.now))
    story.decided(story.now + 1)
    assert (story.state().verdict, story.state().down_since_epoch) == (Verdict.UNKNOWN, None)


def test_a_link_in_its_hold_down_after_a_window_has_time_when_nothing_is_heard_of_it_for_a_while() -> None:
    story = Days(TWO).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(3 * HOUR + STEP)
    assert (story.cause, story.state().maintenance) == (DrainCause.MAINTENANCE, None)
    story.now += HOLD + STEP
    story.note(*aws_probe("ix-a", Health.UP, story.now))
    story.decided(story.now)
    assert (story.state().good_since, story.state().down_since_epoch) == (None, None)
    story.go(HOLD + STEP)
    assert (story.state().drain, story.state().maintenance, story.state().down_since_epoch) == (None, None, None)


def _is_session(row: Sighting) -> bool:
    return row.vantage is Vantage.AWS and row.aspect is Aspect.BGP and row.member == "dxvif-1"
