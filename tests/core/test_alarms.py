"""Several alarms that speak of one member: what one of them says hides nothing that another still says."""

import pytest

from pointsman.core.evidence import believe, claims_by_link
from pointsman.core.explaining import evidence
from pointsman.core.journal import Entry
from pointsman.core.members import LIGHT, alarm_key, metric_key
from pointsman.core.plan import LinkState, Verdict
from pointsman.core.rows import newest
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.core.values import replace
from tests.core.scene import START, G, Story, aws_bgp, aws_probe, claim, fabric, gcp_bgp, gcp_probe, link, seconds, vpn

_PLAIN = link("ix-a", 10 * G)
WATCHED = replace(_PLAIN, members=(replace(_PLAIN.members[0], alarms=("loss-a", "delay-a", "loss-g", "delay-g")),))
ATLAS = fabric(WATCHED, link("ix-b", 5 * G), link("ix-c", 10 * G, cost=0.02), vpn())
SESSIONS = (*aws_bgp("ix-a", Health.UP, 0), *gcp_bgp("ix-a", Health.UP, 0))


def judged(*rows: Sighting, at: float = 100) -> Verdict:
    now = START + seconds(at)
    return believe(WATCHED, claims_by_link(ATLAS, (*SESSIONS, *rows), now)[WATCHED.name], LinkState(), now).verdict


def aws(name: str, health: Health, at: float) -> Sighting:
    return claim(Vantage.PROBE_AWS, f"alarm/{name}", health, at, aspect=Aspect.PROBE, source=Source.CLOUDWATCH, cause=Cause.ALARM)


def gcp(name: str, health: Health, at: float) -> Sighting:
    return claim(Vantage.PROBE_GCP, f"alarm/{name}", health, at, aspect=Aspect.PROBE, source=Source.MONITORING, cause=Cause.ALARM)


LOSS = (aws("loss-a", Health.DOWN, 60), gcp("loss-g", Health.DOWN, 60))


def test_both_clouds_loss_alarms_are_down() -> None:
    assert judged(*LOSS) is Verdict.DOWN


def test_an_alarm_on_delay_hides_no_loss() -> None:
    assert judged(*LOSS, aws("delay-a", Health.DEGRADED, 65)) is Verdict.DOWN


def test_an_alarm_on_delay_that_is_cleared_clears_no_loss() -> None:
    assert judged(*LOSS, aws("delay-a", Health.UP, 65), gcp("delay-g", Health.UP, 65)) is Verdict.DOWN


def test_loss_that_is_cleared_leaves_the_alarm_on_delay() -> None:
    assert judged(aws("delay-a", Health.DEGRADED, 60), aws("loss-a", Health.UP, 65)) is Verdict.DEGRADED


@pytest.mark.parametrize("delay", [Health.UP, Health.DEGRADED])
def test_the_same_alarms_end_what_they_said(delay: Health) -> None:
    cleared = (aws("loss-a", Health.UP, 70), gcp("loss-g", Health.UP, 70))
    expected = Verdict.UP if delay is Health.UP else Verdict.DEGRADED
    assert judged(*cleared, aws("delay-a", delay, 65)) is expected


def test_what_a_live_measurement_finds_since_ends_what_an_alarm_said() -> None:
    live = (*aws_probe("ix-a", Health.UP, 65), *gcp_probe("ix-a", Health.UP, 65))
    link_wide = (replace(row, member="alarm/loss-" + row.vantage.removeprefix("probe-")[0]) for row in live)
    assert judged(*LOSS, *link_wide) is Verdict.UP


def test_an_alarm_that_is_stale_speaks_no_more() -> None:
    assert judged(*LOSS, *(replace(row, seen_at=START + seconds(1_000)) for row in SESSIONS), at=1_001) is Verdict.UP


def dx(member: str, health: Health, at: float) -> Sighting:
    return claim(Vantage.AWS, member, health, at, aspect=Aspect.LINK, source=Source.CLOUDWATCH, cause=Cause.ALARM)


@pytest.mark.parametrize("metric", LIGHT)
@pytest.mark.parametrize("health", [Health.DEGRADED, Health.UP])
def test_an_alarm_on_a_connections_light_hides_nothing_of_its_state(metric: str, health: Health) -> None:
    lost = (dx("dxcon-1", Health.DOWN, 60), *gcp_bgp("ix-a", Health.DOWN, 60))
    rows = newest((*lost, dx(metric_key("dxcon-1", metric), health, 65)))
    assert judged(*rows.values()) is Verdict.DOWN


def test_an_alarm_on_light_alone_speaks_of_the_connections_member() -> None:
    assert judged(dx(metric_key("dxcon-1", LIGHT[1]), Health.DEGRADED, 65)) is Verdict.DEGRADED


def of(alarm: str, health: Health, at: float, *, aspect: Aspect = Aspect.BGP) -> Sighting:
    """Let one of several alarms over the same metric of ix-a's virtual interface speak."""
    told = claim(Vantage.AWS, "dxvif-1", health, at, aspect=aspect, source=Source.CLOUDWATCH, cause=Cause.ALARM)
    return replace(told, text=alarm_key(alarm))


def kept(*claims: Sighting) -> tuple[Sighting, ...]:
    """Give the rows that claims leave."""
    return tuple(newest(claims).values())


LOST_AT_GOOGLE = gcp_bgp("ix-a", Health.DOWN, 30, source=Source.ROUTER_LOG, cause=Cause.LINK_DOWN)
ROUTES = {"aspect": Aspect.ROUTE}


@pytest.mark.parametrize("deaf_at", [50, 65])
def test_the_ok_of_a_deaf_alarm_leaves_what_a_keen_one_on_the_same_metric_says(deaf_at: float) -> None:
    rows = kept(of("keen", Health.DEGRADED, 60), of("deaf", Health.UP, deaf_at))
    assert judged(*rows) is Verdict.DEGRADED


def test_an_alarm_that_is_cleared_clears_its_own_row_and_no_other() -> None:
    both = (of("keen", Health.DEGRADED, 60, **ROUTES), of("deaf", Health.DEGRADED, 61, **ROUTES))
    assert judged(*kept(*both, of("deaf", Health.UP, 70, **ROUTES))) is Verdict.DEGRADED
    assert judged(*kept(*both, of("deaf", Health.UP, 70, **ROUTES), of("keen", Health.UP, 75, **ROUTES))) is Verdict.UP


def test_two_alarms_on_one_metric_are_one_witness() -> None:
    both = kept(of("keen", Health.DOWN, 60, **ROUTES), of("deaf", Health.DOWN, 61, **ROUTES))
    assert len(both) == 2
    assert judged(*both) is Verdict.SUSPECT
    assert judged(*both, *LOST_AT_GOOGLE) is judged(both[0], *LOST_AT_GOOGLE)


def test_a_row_names_its_alarm_within_what_every_store_takes_as_a_key() -> None:
    plain, longest = of("", Health.UP, 1), of("\N{CJK UNIFIED IDEOGRAPH-9248}" * 512, Health.UP, 1)
    assert replace(plain, text="").row == "aws|dxvif-1|cloudwatch.bgp"
    assert len(longest.row.encode()) < 100
    assert of("keen", Health.UP, 1).row == of("keen", Health.DOWN, 2).row != of("deaf", Health.UP, 1).row


def test_an_explanation_names_the_alarm_that_spoke() -> None:
    story = Story().all_healthy(10)
    story.decided(11)
    before = story.note(of("keen", Health.DEGRADED, 20), of("deaf", Health.UP, 21)).plan
    made = Entry(version=1, before=before, view=story.view(), now=START + seconds(22), plan=story.decided(22))
    told = [one for one in evidence(story.fabric, made, story.fabric.links[0]) if one.source == Source.CLOUDWATCH]
    assert [(one.says, bool(one.aside)) for one in told] == [
        ("bgp degraded (alarm, alarm/keen)", False),
        ("bgp up (alarm, alarm/deaf)", True),
    ]


def test_the_words_of_a_refused_lever_are_no_part_of_its_row() -> None:
    refused = replace(dx("refused/aws.failover_test/ix-a", Health.DOWN, 1), source=Source.LEVER)
    assert replace(refused, text="a right is missing").row == refused.row
