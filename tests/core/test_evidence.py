from datetime import timedelta

import pytest

from pointsman.core.evidence import Belief, believe, claims_by_link
from pointsman.core.fabric import Cloud, Fabric, LinkName, MemberId
from pointsman.core.plan import Drain, DrainCause, LinkState, Verdict
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.core.values import replace
from tests.core.scene import ATLAS, START, aws_bgp, aws_probe, claim, gcp_bgp, gcp_probe, healthy, seconds

IX = LinkName("ix-a")


def judged(*rows: Sighting, at: float = 1, name: str = "ix-a", before: LinkState | None = None, fabric: Fabric = ATLAS) -> Belief:
    now = START + seconds(at)
    link = fabric.link(name)
    return believe(link, claims_by_link(fabric, rows, now)[link.name], before or LinkState(), now)


def test_nothing_heard_is_unknown_and_never_down() -> None:
    assert judged().verdict is Verdict.UNKNOWN


def test_a_link_seen_up_from_both_ends_is_up_and_good() -> None:
    belief = judged(*healthy("ix-a", 0))
    assert (belief.verdict, belief.good, belief.passing) == (Verdict.UP, True, True)


def test_that_a_port_and_an_attachment_are_provisioned_shows_no_packets() -> None:
    provisioned = (
        claim(Vantage.AWS, "dxvif-1", Health.UP, 0, aspect=Aspect.LINK),
        claim(Vantage.GCP, "vlan/vlan-1", Health.UP, 0, aspect=Aspect.LINK),
    )
    unprobed = replace(ATLAS, links=tuple(replace(link, probes=()) for link in ATLAS.links))
    assert not judged(*provisioned, fabric=unprobed).good
    assert not judged(*provisioned, fabric=unprobed).passing
    assert not judged(*provisioned, *aws_bgp("ix-a", Health.UP, 0), *gcp_bgp("ix-a", Health.UP, 0)).passing
    assert judged(*aws_bgp("ix-a", Health.UP, 0), *gcp_bgp("ix-a", Health.UP, 0), fabric=unprobed).good


def test_one_lone_claim_is_only_suspect() -> None:
    assert judged(*healthy("ix-a", 0), *aws_bgp("ix-a", Health.DOWN, 0.5)).verdict is Verdict.SUSPECT


def test_forwarding_evidence_with_the_other_cloud_agreeing_is_down() -> None:
    rows = (*gcp_bgp("ix-a", Health.DOWN, 0, source=Source.ROUTER_LOG, cause=Cause.LINK_DOWN), *aws_bgp("ix-a", Health.DOWN, 0.5))
    assert judged(*rows).verdict is Verdict.DOWN


def test_forwarding_evidence_alone_is_suspect_until_a_live_look_of_the_same_cloud_agrees() -> None:
    event = gcp_bgp("ix-a", Health.DOWN, 0, source=Source.ROUTER_LOG, cause=Cause.BFD_DOWN)
    assert judged(*event).verdict is Verdict.SUSPECT
    look = claim(Vantage.GCP, "vlan/vlan-1", Health.DOWN, 0.5, aspect=Aspect.LINK)
    assert judged(*event, look).verdict is Verdict.DOWN


def test_two_events_of_one_cloud_do_not_agree_with_each_other() -> None:
    event = gcp_bgp("ix-a", Health.DOWN, 0, source=Source.ROUTER_LOG, cause=Cause.LINK_DOWN)
    alarm = claim(Vantage.GCP, "vlan/vlan-1", Health.DOWN, 0.5, aspect=Aspect.LINK, source=Source.MONITORING)
    assert judged(*event, alarm).verdict is Verdict.SUSPECT


def test_both_probes_failing_is_down_although_bgp_is_up() -> None:
    rows = (*healthy("ix-a", 0), *aws_probe("ix-a", Health.DOWN, 1), *gcp_probe("ix-a", Health.DOWN, 1))
    assert judged(*rows).verdict is Verdict.DOWN


def test_one_probe_failing_is_suspect() -> None:
    assert judged(*healthy("ix-a", 0), *aws_probe("ix-a", Health.DOWN, 1)).verdict is Verdict.SUSPECT


def test_session_loss_at_both_ends_waits_for_the_convergence_budget() -> None:
    rows = (*aws_bgp("ix-a", Health.DOWN, 0), *gcp_bgp("ix-a", Health.DOWN, 0))
    budget = ATLAS.link("ix-a").timers.budget
    assert budget == timedelta(seconds=180)
    early = judged(*rows, at=179)
    assert (early.verdict, early.lost_both_ends) == (Verdict.SUSPECT, True)
    remembered = LinkState(verdict=Verdict.SUSPECT, onset=START, lost={MemberId("m1"): START})
    renewed = (*aws_bgp("ix-a", Health.DOWN, 170), *gcp_bgp("ix-a", Health.DOWN, 170))
    assert judged(*renewed, at=181, before=remembered).verdict is Verdict.DOWN


def test_two_looks_of_one_cloud_are_not_both_ends() -> None:
    rows = (*aws_bgp("ix-a", Health.DOWN, 0), *aws_bgp("ix-a", Health.DOWN, 0, source=Source.CLOUDWATCH))
    assert judged(*rows, at=170).verdict is Verdict.SUSPECT


@pytest.mark.parametrize(("source", "minutes"), [(Source.ROUTER_LOG, 10), (Source.LOOK, 3), (Source.CLOUDWATCH, 15)])
def test_a_claim_is_forgotten_when_its_kind_of_source_is_stale(source: Source, minutes: int) -> None:
    row = aws_bgp("ix-a", Health.DOWN, 0, source=source)
    assert judged(*row, at=minutes * 60).verdict is Verdict.SUSPECT
    assert judged(*row, at=minutes * 60 + 1).verdict is Verdict.UNKNOWN


def test_what_a_later_look_has_contradicted_is_not_believed_again_when_the_look_is_stale() -> None:
    told = gcp_bgp("ix-a", Health.DOWN, 0, source=Source.ROUTER_LOG, cause=Cause.SESSION_DOWN)
    looked = gcp_bgp("ix-a", Health.UP, 20, source=Source.LOOK)
    assert judged(*told, at=230).verdict is Verdict.SUSPECT
    assert judged(*told, *looked, at=30).verdict is Verdict.UP
    assert judged(*told, *looked, at=230).verdict is Verdict.UNKNOWN


def test_what_a_later_look_has_confirmed_is_still_believed_when_the_look_is_stale() -> None:
    told = gcp_bgp("ix-a", Health.DOWN, 0, source=Source.ROUTER_LOG, cause=Cause.SESSION_DOWN)
    looked = gcp_bgp("ix-a", Health.DOWN, 20, source=Source.LOOK)
    assert judged(*told, *looked, at=230).verdict is Verdict.SUSPECT


def test_a_look_that_could_not_tell_contradicts_nothing() -> None:
    told = gcp_bgp("ix-a", Health.DOWN, 0, source=Source.ROUTER_LOG, cause=Cause.SESSION_DOWN)
    looked = gcp_bgp("ix-a", Health.UNKNOWN, 20, source=Source.LOOK)
    assert judged(*told, *looked, at=230).verdict is Verdict.SUSPECT


def test_insufficient_data_neither_condemns_nor_clears() -> None:
    unknown = aws_bgp("ix-a", Health.UNKNOWN, 2, source=Source.CLOUDWATCH, cause=Cause.INSUFFICIENT_DATA)
    assert judged(*unknown, at=3).verdict is Verdict.UNKNOWN
    assert judged(*aws_bgp("ix-a", Health.DOWN, 1), *unknown, at=3).verdict is Verdict.SUSPECT


def test_the_newest_claim_of_a_vantage_wins_whatever_the_order() -> None:
    older, newer = aws_bgp("ix-a", Health.DOWN, 0, source=Source.CLOUDWATCH), aws_bgp("ix-a", Health.UP, 1)
    assert judged(*older, *newer) == judged(*newer, *older)
    assert judged(*older, *newer).verdict is Verdict.UP


def test_of_two_feeds_of_one_vantage_at_one_time_the_worse_is_believed_whatever_the_order() -> None:
    worse, milder = aws_bgp("ix-a", Health.DOWN, 1), aws_bgp("ix-a", Health.UP, 1, source=Source.CLOUDWATCH)
    assert judged(*worse, *milder) == judged(*milder, *worse)
    assert judged(*worse, *milder).verdict is Verdict.SUSPECT


def test_one_tunnel_down_is_degraded_with_its_share_of_capacity_gone() -> None:
    dead = (*aws_bgp("vpn", Health.DOWN, 1)[:1], claim(Vantage.GCP, "tunnel/ha-t1", Health.DOWN, 1, aspect=Aspect.IPSEC))
    belief = judged(*healthy("vpn", 0), *dead, at=2, name="vpn")
    assert belief.verdict is Verdict.DEGRADED
    assert belief.usable == ATLAS.link("vpn").capacity * 3 // 4


def test_all_tunnels_down_is_down() -> None:
    dead = tuple(claim(Vantage.GCP, f"tunnel/ha-t{n}", Health.DOWN, 1, aspect=Aspect.IPSEC) for n in (1, 2, 3, 4))
    assert judged(*aws_bgp("vpn", Health.DOWN, 1), *dead, name="vpn").verdict is Verdict.DOWN


def test_our_own_failover_test_is_no_evidence_of_anything() -> None:
    ours = aws_bgp("ix-a", Health.DRAINING, 1, cause=Cause.FAILOVER_TEST)
    rows = (*gcp_bgp("ix-a", Health.DOWN, 1), *aws_probe("ix-a", Health.DOWN, 1), *gcp_probe("ix-a", Health.DOWN, 1), *ours)
    assert judged(*rows).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("before", [verdict for verdict in Verdict if verdict is not Verdict.UP])
def test_a_session_on_its_way_back_from_a_failover_test_is_no_outage(before: Verdict) -> None:
    lost = aws_bgp("ix-a", Health.DOWN, 1, cause=Cause.FAILOVER_TEST)
    gone = (replace(one, aspect=Aspect.ROUTE, cause=Cause.ROUTE_GONE, source=Source.ROUTER_LOG) for one in gcp_bgp("ix-a", Health.DOWN, 0))
    belief = judged(*lost, *gcp_bgp("ix-a", Health.DOWN, 1), *gone, before=LinkState(verdict=before))
    assert (belief.verdict, belief.lost_both_ends, belief.lost) == (Verdict.UNKNOWN, False, {})


def test_what_was_up_again_after_a_failover_test_and_is_lost_now_is_lost() -> None:
    rows = (
        *aws_bgp("ix-a", Health.DOWN, 1, cause=Cause.FAILOVER_TEST),
        *aws_probe("ix-a", Health.DOWN, 1),
        *gcp_probe("ix-a", Health.DOWN, 1),
    )
    assert judged(*rows, before=LinkState(verdict=Verdict.UP)).verdict is Verdict.DOWN


def returned(*also: Sighting, at: float = 33, before: LinkState | None = None) -> Verdict:
    """Judge a link whose one member AWS missed in its test at 29 s and Google still misses, though the link was agreed to be up at 30 s."""
    rows = (*healthy("ix-a", 25), *aws_bgp("ix-a", Health.DOWN, 29, cause=Cause.FAILOVER_TEST), *gcp_bgp("ix-a", Health.DOWN, 32), *also)
    return judged(*rows, at=at, before=before or left(DrainCause.ORDER, Verdict.UP)).verdict


def test_a_session_that_aws_missed_in_its_test_is_on_its_way_though_a_view_without_its_words_took_the_link_for_up() -> None:
    assert returned() is Verdict.UNKNOWN
    assert returned(*aws_bgp("ix-a", Health.DOWN, 32, cause=Cause.FAILOVER_TEST)) is Verdict.UNKNOWN, (
        "AWS has looked again, and says the same"
    )


def test_but_not_once_aws_has_seen_it_up_nor_two_minutes_later_nor_where_traffic_may_be_nor_when_packets_are_lost() -> None:
    assert returned(*aws_bgp("ix-a", Health.UP, 31)) is not Verdict.UNKNOWN
    assert returned(at=29 + 120) is not Verdict.UNKNOWN
    assert returned(before=LinkState(verdict=Verdict.UP, since=START + seconds(30))) is not Verdict.UNKNOWN
    assert returned(*aws_probe("ix-a", Health.DOWN, 32), *gcp_probe("ix-a", Health.DOWN, 32)) is Verdict.DOWN


def left(cause: DrainCause, verdict: Verdict = Verdict.UNKNOWN) -> LinkState:
    """Give the state of a link that was left for some reason, and is believed so since 30 s."""
    return LinkState(verdict=verdict, since=START + seconds(30), drain=Drain(cause=cause, since=START, epoch=3, enactor=Cloud.AWS))


ALARMED = tuple(
    claim(one, f"alarm/probe-ix-a-{one}", Health.DOWN, 10, aspect=Aspect.LINK, source=source, cause=Cause.ALARM)
    for one, source in ((Vantage.AWS, Source.CLOUDWATCH), (Vantage.GCP, Source.MONITORING))
)
"""What both clouds' alarms said of ix-a while a drain hid it."""
_BARE = ATLAS.link("ix-a")
WATCHED = replace(
    ATLAS,
    links=(
        replace(_BARE, members=(replace(_BARE.members[0], alarms=tuple(one.member.removeprefix("alarm/") for one in ALARMED)),)),
        *(one for one in ATLAS.links if one.name != IX),
    ),
)


@pytest.mark.parametrize("verdict", [Verdict.UNKNOWN, Verdict.UP])
def test_what_was_told_while_a_planned_drain_hid_a_link_is_over_once_its_session_is_back(verdict: Verdict) -> None:
    stale = (*gcp_bgp("ix-a", Health.DOWN, 20), *aws_probe("ix-a", Health.DOWN, 20), *gcp_probe("ix-a", Health.DOWN, 20))
    rows = (*ALARMED, *stale, *aws_bgp("ix-a", Health.UP, 40))
    assert judged(*rows, at=41, before=left(DrainCause.MAINTENANCE, verdict), fabric=WATCHED).verdict is Verdict.UP
    assert judged(*rows, at=41, before=left(DrainCause.OUTAGE, verdict), fabric=WATCHED).verdict is Verdict.DOWN


def test_its_sessions_own_feed_says_that_it_is_back_as_well_as_a_look_and_an_alarm_on_it_does_not() -> None:
    lossy = (*gcp_bgp("ix-a", Health.DOWN, 20), *aws_probe("ix-a", Health.DOWN, 20), *gcp_probe("ix-a", Health.DOWN, 20))
    for source, verdict in ((Source.NETWORK_MANAGER, Verdict.UP), (Source.CLOUDWATCH, Verdict.DOWN)):
        back = aws_bgp("ix-a", Health.UP, 40, source=source, cause=Cause.SESSION_UP)
        assert judged(*lossy, *back, at=41, before=left(DrainCause.MAINTENANCE)).verdict is verdict


def test_what_is_told_of_a_planned_drains_link_after_its_session_was_back_counts() -> None:
    lossy = (*aws_bgp("ix-a", Health.UP, 40), *aws_probe("ix-a", Health.DOWN, 35), *gcp_probe("ix-a", Health.DOWN, 35))
    assert judged(*lossy, at=41, before=left(DrainCause.MAINTENANCE, Verdict.UP)).verdict is Verdict.DOWN


def test_a_claim_about_a_stranger_is_left_out() -> None:
    assert judged(claim(Vantage.AWS, "dxvif-unheard", Health.DOWN, 0)).verdict is Verdict.UNKNOWN


def test_a_link_with_probes_is_good_only_when_both_probes_say_so() -> None:
    sessions = (*aws_bgp("ix-a", Health.UP, 0), *gcp_bgp("ix-a", Health.UP, 0))
    assert not judged(*sessions).good
    assert judged(*healthy("ix-a", 0)).good
