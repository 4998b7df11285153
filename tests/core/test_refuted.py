"""What clears a lone claim: both clouds' looks and both probes, all of them newer. Anything less leaves the link suspect."""

import pytest

from pointsman.core.evidence import Belief, believe, claims_by_link
from pointsman.core.plan import LinkState, Verdict
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from tests.core.scene import ATLAS, START, aws_bgp, aws_probe, claim, gcp_bgp, gcp_probe, seconds

ALARM = claim(Vantage.AWS, "dxcon-1", Health.DOWN, 10, aspect=Aspect.LINK, source=Source.CLOUDWATCH, cause=Cause.ALARM)
LOOKS = (*aws_bgp("ix-a", Health.UP, 20), *gcp_bgp("ix-a", Health.UP, 20))
PROBES = (*aws_probe("ix-a", Health.UP, 20), *gcp_probe("ix-a", Health.UP, 20))


def judged(*rows: Sighting, name: str = "ix-a") -> Belief:
    now, link = START + seconds(30), ATLAS.link(name)
    return believe(link, claims_by_link(ATLAS, rows, now)[link.name], LinkState(), now)


def test_a_lone_claim_that_both_ends_have_contradicted_since_is_cleared() -> None:
    belief = judged(ALARM, *LOOKS, *PROBES)
    assert (belief.verdict, belief.good, belief.passing) == (Verdict.UP, True, True)


@pytest.mark.parametrize(
    "rest",
    [
        (*LOOKS, *aws_probe("ix-a", Health.UP, 20)),
        (*LOOKS, *PROBES[:1], *gcp_probe("ix-a", Health.UP, 9)),
        (*LOOKS[:1], *PROBES),
        (*LOOKS[:1], *gcp_bgp("ix-a", Health.UP, 9), *PROBES),
        (*LOOKS[:1], *gcp_bgp("ix-a", Health.UP, 20, source=Source.ROUTER_LOG), *PROBES),
        PROBES,
        LOOKS,
    ],
    ids=["one probe", "an older probe", "one look", "an older look", "an event for a look", "no looks", "no probes"],
)
def test_anything_less_leaves_it_suspect(rest: tuple[Sighting, ...]) -> None:
    assert judged(ALARM, *rest).verdict is Verdict.SUSPECT


def test_a_second_word_against_the_link_is_never_cleared() -> None:
    light = claim(Vantage.GCP, "vlan/vlan-1", Health.DOWN, 11, aspect=Aspect.LINK, source=Source.MONITORING)
    assert judged(ALARM, light, *LOOKS, *PROBES).verdict is Verdict.DOWN


def test_a_look_or_a_probe_that_speaks_against_the_link_is_never_cleared() -> None:
    down_look = aws_bgp("ix-a", Health.DOWN, 10)
    later = claim(Vantage.AWS, "dxcon-1", Health.UP, 20, aspect=Aspect.LINK)
    assert judged(*down_look, later, *LOOKS[1:], *PROBES).verdict is Verdict.SUSPECT
    assert judged(*LOOKS, *aws_probe("ix-a", Health.DOWN, 10), *gcp_probe("ix-a", Health.UP, 20)).verdict is Verdict.SUSPECT


def test_what_is_said_of_routes_is_never_cleared_by_packets_of_other_prefixes() -> None:
    hole = claim(Vantage.AWS, "tgw-attach-1", Health.DOWN, 10, aspect=Aspect.ROUTE, source=Source.CLOUDWATCH, cause=Cause.BLACKHOLE)
    assert judged(hole, *LOOKS, *PROBES).verdict is Verdict.SUSPECT
    gone = claim(Vantage.AWS, "dxvif-1", Health.DOWN, 10, aspect=Aspect.ROUTE, source=Source.CLOUDWATCH, cause=Cause.ROUTE_GONE)
    assert judged(gone, *LOOKS, *PROBES).verdict is Verdict.SUSPECT


def test_a_newer_claim_is_a_suspicion_again() -> None:
    again = claim(Vantage.AWS, "dxcon-1", Health.DOWN, 25, aspect=Aspect.LINK, source=Source.CLOUDWATCH, cause=Cause.ALARM)
    assert judged(again, *LOOKS, *PROBES).verdict is Verdict.SUSPECT
