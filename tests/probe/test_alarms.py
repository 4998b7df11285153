"""Alarms on probes of the clouds' own: mapped to a member by name, they are both ends' word on the packets."""

import json
from datetime import timedelta
from typing import Any

import pytest

from pointsman.core.decide import decide, first_plan
from pointsman.core.fabric import Fabric, LinkName
from pointsman.core.plan import Plan, Verdict
from pointsman.core.sightings import Health, Sighting, Source, Vantage
from pointsman.core.values import replace
from tests.core.scene import ATLAS, START, Story, seconds
from tests.wire.samples import EVENTS, meanings

IX_A = LinkName("ix-a")
LOSS, UPTIME = "aws/cw-alarm-network-monitor-loss.json", "gcp/monitoring-uptime-check-failing.json"
OVER, PASSING = "aws/cw-alarm-network-monitor-loss-over.json", "gcp/monitoring-uptime-check-passing.json"


def _mapped() -> Fabric:
    """The fabric with both alarms declared on ix-a's member, and no prober of our own."""
    named = ("pointsman-probe-ix-a", "ix-a-uptime", "pointsman-nhi-ix-a", "pointsman-rtt-ix-a")
    (member,) = ATLAS.link("ix-a").members
    told = replace(ATLAS.link("ix-a"), members=(replace(member, alarms=named),), probes=())
    return replace(ATLAS, links=tuple(told if one.name == "ix-a" else one for one in ATLAS.links))


FABRIC = _mapped()


def claimed(name: str, at: float) -> Sighting:
    """Read a sample as if it had come so many seconds into the story."""
    sample: Any = json.loads((EVENTS / name).read_bytes())
    (found,) = meanings(sample)
    assert isinstance(found, Sighting)
    return replace(found, seen_at=START + timedelta(seconds=at))


def judged(*claims: Sighting, at: float = 60) -> Plan:
    story = Story(FABRIC)
    story.plan = first_plan(FABRIC, START)
    story.all_healthy(at)
    story.rows = {key: row for key, row in story.rows.items() if not (row.source is Source.PROBE and "10.250.1.1" in row.member)}
    story.note(*claims)
    outcome = decide(FABRIC, story.view(), story.plan, START + seconds(at))
    assert isinstance(outcome, Plan)
    return outcome


def test_the_two_ends_speak_from_their_own_vantage() -> None:
    assert (claimed(LOSS, 0).vantage, claimed(UPTIME, 0).vantage) == (Vantage.PROBE_AWS, Vantage.PROBE_GCP)
    assert (claimed(OVER, 0).health, claimed(PASSING, 0).health) == (Health.UP, Health.UP)


def test_both_probes_alarms_are_a_grey_failure() -> None:
    plan = judged(claimed(LOSS, 50), claimed(UPTIME, 55))
    assert plan.links[IX_A].verdict is Verdict.DOWN
    assert next(one.because for one in plan.reasons if one.about == IX_A) == "both probes lose packets over this link"


@pytest.mark.parametrize("name", [LOSS, UPTIME])
def test_one_alone_is_a_suspicion(name: str) -> None:
    plan = judged(claimed(name, 50))
    assert plan.links[IX_A].verdict is Verdict.SUSPECT
    assert plan.links[IX_A].drain is None


def test_a_probe_that_is_over_takes_its_word_back() -> None:
    assert judged(claimed(LOSS, 50), claimed(OVER, 55), claimed(UPTIME, 40), claimed(PASSING, 56)).links[IX_A].verdict is Verdict.UP


def test_a_slow_path_or_a_sick_network_of_awss_own_degrades_and_drains_nothing() -> None:
    for name in ("aws/cw-alarm-network-monitor-rtt.json", "aws/cw-alarm-network-monitor-health.json"):
        state = judged(claimed(name, 50)).links[IX_A]
        assert (state.verdict, state.drain) == (Verdict.DEGRADED, None)


def test_an_alarm_that_no_member_names_speaks_of_nothing() -> None:
    assert judged(claimed("aws/cw-alarm-canary.json", 50)).links[IX_A].verdict is Verdict.UP
