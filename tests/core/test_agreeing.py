"""A second source that agrees: a live look at the very thing an event told of, and the members of a link that is told of as a whole."""

from pointsman.core.evidence import believe, claims_by_link
from pointsman.core.plan import LinkState, Verdict
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.core.values import replace
from tests.core.scene import START, aws_bgp, claim, fabric, gcp_bgp, healthy, link, seconds, vpn
from tests.core.test_evidence import judged

TOLD = gcp_bgp("ix-a", Health.DOWN, 0, source=Source.ROUTER_LOG, cause=Cause.LINK_DOWN)


def test_a_live_look_at_the_same_session_agrees_with_an_event_of_lost_light() -> None:
    assert judged(*TOLD).verdict is Verdict.SUSPECT
    assert judged(*TOLD, *gcp_bgp("ix-a", Health.DOWN, 0.5)).verdict is Verdict.DOWN


def test_an_event_agrees_with_the_look_that_came_before_it() -> None:
    assert judged(*gcp_bgp("ix-a", Health.DOWN, -1), *TOLD).verdict is Verdict.DOWN


def test_a_look_that_finds_it_up_ends_what_an_event_told() -> None:
    assert judged(*TOLD, *gcp_bgp("ix-a", Health.UP, 0.5)).verdict is Verdict.UP


def test_an_event_from_before_the_link_was_agreed_to_be_up_agrees_with_nothing() -> None:
    back = LinkState(verdict=Verdict.UP, since=START + seconds(60))
    look = gcp_bgp("ix-a", Health.DOWN, 90)
    assert judged(*TOLD, *look, at=91, before=back).verdict is Verdict.SUSPECT
    assert judged(*TOLD, *look, at=91, before=replace(back, since=START - seconds(60))).verdict is Verdict.DOWN


def test_two_looks_stay_one_source() -> None:
    assert judged(*gcp_bgp("ix-a", Health.DOWN, 0), *gcp_bgp("ix-a", Health.DOWN, 0.5)).verdict is Verdict.SUSPECT


WIDE = replace(link("ix-a", 10), members=vpn().members)


def wide(*rows: Sighting) -> Verdict:
    start = fabric(WIDE, link("ix-b", 10), link("ix-c", 10))
    now = START + seconds(2)
    return believe(WIDE, claims_by_link(start, rows, now)[WIDE.name], LinkState(), now).verdict


def test_a_link_told_dark_as_a_whole_is_down_when_a_look_finds_every_member_down() -> None:
    light = claim(Vantage.AWS, "tgw-attach-1", Health.DOWN, 1, aspect=Aspect.LINK, source=Source.CLOUDWATCH)
    looks = aws_bgp("vpn", Health.DOWN, 1.5)
    assert wide(*healthy("vpn", 0), light) is Verdict.SUSPECT
    assert wide(*healthy("vpn", 0), light, *looks) is Verdict.DOWN
    assert wide(*healthy("vpn", 0), light, *looks[:3]) is Verdict.SUSPECT
