"""A link that a person's drain hides: AWS does it by its failover test, which takes the sessions away."""

from collections.abc import Callable

import pytest

from pointsman.core.evidence import BACK_WITHIN
from pointsman.core.fabric import AwsMember, Cloud, GcpMember, LinkName, Member, MemberId, Peer
from pointsman.core.members import peer_key
from pointsman.core.plan import Drain, DrainCause, Verdict
from pointsman.core.sightings import Cause, Health, Sighting, Source, Vantage
from pointsman.core.values import replace
from pointsman.core.wants import TEST_DURATION
from tests.core.scene import START, G, Story, aws_bgp, aws_probe, claim, fabric, flow, gcp_bgp, gcp_probe, healthy, lever, link, seconds
from tests.core.test_moving_traffic import losing

IX_A, IX_B = LinkName("ix-a"), LinkName("ix-b")


def drained_by_order(*, acknowledged: float | None) -> Story:
    """Let a person drain ix-a, on which a flow stays that no other link carries, so that no failover test of AWS is due."""
    flows = (flow("checkout", G, 1, (IX_A, IX_B), 20), flow("alone", 20 * G, 5, (IX_A,), 21))
    story = Story(fabric(link("ix-a", 30 * G), link("ix-b", 5 * G), flows=flows)).all_healthy(0)
    epoch = story.decided(1).epoch
    ordered = Drain(cause=DrainCause.ORDER, since=START + seconds(2), epoch=epoch, enactor=Cloud.GCP, until=START + seconds(9_000))
    story.plan = replace(story.plan, links={**story.plan.links, IX_A: replace(story.plan.links[IX_A], drain=ordered)})
    return story if acknowledged is None else story.note(*lever("ix-a", Health.DRAINING, acknowledged, epoch))


TURN = 2 + fabric(link("ix-a", G)).policy.takeover_after.total_seconds()
"""When it is AWS's turn to drain."""


@pytest.mark.parametrize(
    ("acknowledged", "seen_by_aws", "verdict"),
    [
        (None, False, Verdict.UNKNOWN),
        (None, True, Verdict.DOWN),
        (3, False, Verdict.DOWN),
        (TURN + 1, False, Verdict.UNKNOWN),
        (TURN + 1, True, Verdict.DOWN),
    ],
)
def test_a_planned_drains_link_whose_session_google_alone_misses_is_unknown_while_aws_may_be_testing_it(
    verdict: Verdict, *, acknowledged: float | None, seen_by_aws: bool
) -> None:
    story = drained_by_order(acknowledged=acknowledged)
    late = TURN + 2
    story.note(*healthy("ix-b", late), *gcp_bgp("ix-a", Health.DOWN, late))
    story.note(*(aws_bgp("ix-a", Health.DOWN, late) if seen_by_aws else ()))
    assert losing(story, late, 0.1, "ix-a").decided(late + 1).links[IX_A].verdict is verdict


@pytest.mark.parametrize(
    ("looked", "late", "verdict"),
    [
        (0.0, TURN + 10, Verdict.UNKNOWN),
        (TURN + 6, TURN + 10, Verdict.DOWN),
        (0.0, TURN + 5 + TEST_DURATION.total_seconds(), Verdict.DOWN),
    ],
)
def test_nor_is_it_condemned_where_awss_words_since_it_was_taken_for_unknown_are_out_of_sight(
    looked: float, late: float, verdict: Verdict
) -> None:
    """AWS's functions, which do not reach Google's store, test a link though Google's lever is set, and tell of it in the witness alone."""
    story = drained_by_order(acknowledged=3)
    unknown = replace(story.plan.links[IX_A], verdict=Verdict.UNKNOWN, since=START + seconds(TURN + 5))
    story.plan = replace(story.plan, links={**story.plan.links, IX_A: unknown})
    story.note(*aws_bgp("ix-a", Health.UP, looked), *healthy("ix-b", late), *gcp_bgp("ix-a", Health.DOWN, late))
    assert losing(story, late, 1.0, "ix-a").decided(late + 1).links[IX_A].verdict is verdict


@pytest.mark.parametrize(("late", "verdict"), [(TURN + 2, Verdict.UNKNOWN), (TURN - 10, Verdict.DEGRADED)])
def test_nor_is_it_degraded_while_one_of_its_sessions_alone_is_told_of(late: float, verdict: Verdict) -> None:
    """AWS's test takes the sessions of a link away one by one."""
    story = paired(drained_by_order(acknowledged=None))
    still = (claim(Vantage.AWS, "dxvif-12", Health.UP, late), claim(Vantage.GCP, peer_key("77", "169.254.12.2"), Health.UP, late))
    story.note(*healthy("ix-b", late), *still, *gcp_bgp("ix-a", Health.DOWN, late, source=Source.ROUTER_LOG))
    assert story.decided(late + 1).links[IX_A].verdict is verdict


def paired(story: Story) -> Story:
    """Give ix-a a second member."""
    first = story.fabric.link(IX_A)
    second = Member(
        id=MemberId("m2"),
        aws=AwsMember(virtual_interface="dxvif-12", connection="dxcon-12"),
        gcp=GcpMember(peer=Peer(name="aws-12", ip="169.254.12.2")),
    )
    pair = replace(first, members=(*first.members, second))
    story.fabric = replace(story.fabric, links=(pair, *(one for one in story.fabric.links if one.name != IX_A)))
    return story


LATELY = BACK_WITHIN.total_seconds()


@pytest.mark.parametrize(
    ("since", "cause", "verdict"),
    [
        (3, Cause.FAILOVER_TEST, Verdict.UNKNOWN),
        (3, Cause.SESSION_DOWN, Verdict.UNKNOWN),
        (LATELY + 1, Cause.SESSION_DOWN, Verdict.DEGRADED),
    ],
)
def test_nor_while_one_of_its_sessions_is_back_from_the_test_and_the_other_on_its_way(since: float, cause: Cause, verdict: Verdict) -> None:
    story, ended = paired(drained_by_order(acknowledged=TURN + 1)), TURN + 2
    story.note(*lever("ix-a", Health.UP, ended, story.plan.epoch, Vantage.AWS))
    state = replace(story.plan.links[IX_A], verdict=Verdict.UP, since=START + seconds(ended + 1))
    story.plan = replace(story.plan, links={**story.plan.links, IX_A: state}, marks={})
    late = ended + since
    story.note(claim(Vantage.AWS, "dxvif-12", Health.UP, late), claim(Vantage.GCP, peer_key("77", "169.254.12.2"), Health.UP, late))
    story.note(*aws_bgp("ix-a", Health.DOWN, late, cause=cause), *gcp_bgp("ix-a", Health.UP, 1), *healthy("ix-b", late))
    assert story.decided(late).links[IX_A].verdict is verdict


def returning(*words: Sighting, at: float) -> Story:
    """Let AWS's test of ix-a, which a suspicion came before, end, for the flows were needed there again; then say this."""
    flows = (flow("checkout", G, 1, (IX_A, IX_B), 20),)
    story = Story(fabric(link("ix-a", 30 * G), link("ix-b", 30 * G), flows=flows)).all_healthy(0)
    story.decided(1)
    story.note(*gcp_bgp("ix-a", Health.DOWN, 10, source=Source.ROUTER_LOG))
    assert story.decided(10).links[IX_A].verdict is Verdict.SUSPECT
    story.note(*aws_bgp("ix-a", Health.DRAINING, 11, cause=Cause.FAILOVER_TEST))
    assert story.decided(11).links[IX_A].verdict is Verdict.UNKNOWN
    story.note(*aws_probe("ix-a", Health.DOWN, 12), *gcp_probe("ix-a", Health.DOWN, 12))
    story.note(*aws_bgp("ix-a", Health.DOWN, 14, cause=Cause.FAILOVER_TEST))
    assert story.decided(14).links[IX_A].verdict is Verdict.UNKNOWN
    return story.note(*words, *healthy("ix-b", at))


BACK = (*aws_bgp("ix-a", Health.UP, 30), *gcp_bgp("ix-a", Health.UP, 30))


def test_what_probes_lost_during_a_test_condemns_nobody_once_the_session_is_back() -> None:
    story = returning(*BACK, at=31)
    assert story.decided(31).links[IX_A].verdict is Verdict.UNKNOWN
    story.note(*aws_probe("ix-a", Health.UP, 33))
    assert story.decided(33).links[IX_A].verdict is Verdict.UNKNOWN
    story.note(*gcp_probe("ix-a", Health.UP, 34))
    plan = story.decided(34)
    assert (plan.links[IX_A].verdict, plan.links[IX_A].down_since_epoch) == (Verdict.UP, None)


def test_what_they_still_lose_then_does() -> None:
    story = returning(*BACK, *aws_probe("ix-a", Health.DOWN, 33), *gcp_probe("ix-a", Health.DOWN, 33), at=34)
    assert story.decided(34).links[IX_A].verdict is Verdict.DOWN


@pytest.mark.parametrize("looking", [aws_bgp, gcp_bgp])
def test_also_when_whoever_noted_their_words_has_looked_at_its_own_end_since(looking: Callable[..., tuple[Sighting, ...]]) -> None:
    lost = (*aws_probe("ix-a", Health.DOWN, 40), *gcp_probe("ix-a", Health.DOWN, 40))
    story = returning(*BACK, *lost, *looking("ix-a", Health.UP, 40.01), at=41)
    assert story.decided(41).links[IX_A].verdict is Verdict.DOWN


def test_so_does_a_session_that_does_not_come_back_or_goes_again() -> None:
    gone = returning(*aws_bgp("ix-a", Health.DOWN, 300), *gcp_bgp("ix-a", Health.DOWN, 300), at=300)
    assert gone.decided(300).links[IX_A].verdict is Verdict.SUSPECT
    again = returning(*BACK, at=31)
    again.decided(31)
    again.note(*aws_bgp("ix-a", Health.DOWN, 40), *gcp_bgp("ix-a", Health.DOWN, 40))
    assert again.decided(41).links[IX_A].verdict is Verdict.DOWN, "both probes say so too"


def test_probes_that_fell_silent_then_are_waited_for_no_longer_than_their_words_are_fresh() -> None:
    story = returning(*BACK, at=31)
    story.decided(31)
    fresh = story.fabric.policy.freshness.look.total_seconds()
    story.note(*aws_bgp("ix-a", Health.UP, 13 + fresh), *gcp_bgp("ix-a", Health.UP, 13 + fresh))
    assert story.decided(13 + fresh).links[IX_A].verdict is Verdict.UP


@pytest.mark.parametrize(("seen", "verdict"), [(26, Verdict.UNKNOWN), (31, Verdict.DOWN)])
def test_what_a_test_did_to_a_drained_link_that_is_agreed_to_be_up_is_over_though_the_look_that_saw_it_is_in_no_row_yet(
    seen: float, verdict: Verdict
) -> None:
    story = drained_by_order(acknowledged=3)
    story.note(*aws_bgp("ix-a", Health.DOWN, seen, cause=Cause.FAILOVER_TEST), *gcp_bgp("ix-a", Health.DOWN, seen))
    story.note(
        *aws_bgp("ix-a", Health.DOWN, seen, source=Source.NETWORK_MANAGER), *gcp_bgp("ix-a", Health.DOWN, seen, source=Source.ROUTER_LOG)
    )
    story.note(*aws_probe("ix-a", Health.DOWN, seen), *gcp_probe("ix-a", Health.DOWN, seen), *healthy("ix-b", 31))
    state = replace(story.plan.links[IX_A], verdict=Verdict.UP, since=START + seconds(30))
    story.plan = replace(story.plan, links={**story.plan.links, IX_A: state}, marks={})
    assert story.decided(32).links[IX_A].verdict is verdict


def test_nor_does_what_probes_lost_before_condemn_a_drained_link_that_is_suspected_meanwhile() -> None:
    story = drained_by_order(acknowledged=3)
    story.note(*aws_probe("ix-a", Health.DOWN, 26), *gcp_probe("ix-a", Health.DOWN, 26), *healthy("ix-b", 31), *BACK)
    state = replace(story.plan.links[IX_A], verdict=Verdict.SUSPECT, since=START + seconds(27))
    story.plan = replace(story.plan, links={**story.plan.links, IX_A: state}, marks={})
    assert story.decided(31).links[IX_A].verdict is Verdict.UP
    story.note(*aws_probe("ix-a", Health.DOWN, 33), *gcp_probe("ix-a", Health.DOWN, 33))
    assert story.decided(34).links[IX_A].verdict is Verdict.DOWN


@pytest.mark.parametrize(("seen", "verdict"), [(26, Verdict.UP), (31, Verdict.DOWN)])
def test_nor_once_its_drain_is_taken_back_in_the_moment_in_which_one_end_has_seen_it_up_again(seen: float, verdict: Verdict) -> None:
    story = drained_by_order(acknowledged=3)
    story.note(*aws_bgp("ix-a", Health.UP, 30), *gcp_bgp("ix-a", Health.DOWN, seen), *healthy("ix-b", 31))
    story.note(*gcp_bgp("ix-a", Health.DOWN, seen, source=Source.ROUTER_LOG))
    story.note(*aws_probe("ix-a", Health.DOWN, seen), *gcp_probe("ix-a", Health.DOWN, seen))
    story.note(*lever("ix-a", Health.UP, 28, story.plan.epoch, Vantage.AWS))
    state = replace(story.plan.links[IX_A], verdict=Verdict.UP, since=START + seconds(30), drain=None)
    story.plan = replace(story.plan, links={**story.plan.links, IX_A: state}, marks={})
    assert story.decided(32).links[IX_A].verdict is verdict
