"""The patterns and filters that deployment sets up deliver what means something, and little else."""

import json
from pathlib import Path
from typing import Any

import pytest

from pointsman.core.sightings import Aspect, Ignored, Rejected, Sighting, Tick
from pointsman.wire.aws import cloudtrail, cloudwatch, health
from tests.wire.patterns import delivers, matches
from tests.wire.samples import NEAR_MISSES, SAMPLES, TRIGGERS, decoded, meanings, named

PATTERNS = [path for path in sorted((TRIGGERS / "aws/triggers").glob("*.json")) if path.name != "schedules.json"]
FILTERS = sorted((TRIGGERS / "gcp/triggers").glob("*.filter"))
POLICIES = sorted((TRIGGERS / "gcp/triggers/alert-policies").glob("*.json"))
LET_THROUGH = {
    "aws/nm-status-names-nothing.near-miss.json",  # a pattern cannot tell that nothing is named
    "aws/nm-status-cloudwan-names-nothing.near-miss.json",
    "aws/nm-status-connect-names-no-peer.near-miss.json",
    "aws/cw-lambda-rds.near-miss.json",
}


def payload(path: Path) -> Any:
    """Give what stands before the trigger: an event, or the log entry inside its envelopes."""
    value = json.loads(path.read_bytes())
    if "_http" in value:
        value = value["body"]
    return value.get("data", value) if isinstance(value, dict) and "specversion" in value else value


def is_event(value: Any) -> bool:
    return isinstance(value, dict) and "detail-type" in value and value["detail-type"] != "Scheduled Event"


def is_entry(value: Any) -> bool:
    return isinstance(value, dict) and "logName" in value


def means_something(path: Path) -> bool:
    return any(not isinstance(record.meaning, Ignored | Rejected) for record in decoded(path))


EVENTBRIDGE = [path for path in SAMPLES if is_event(payload(path))]
ENTRIES = [path for path in SAMPLES if is_entry(payload(path))]


def taken_by_patterns(value: Any) -> bool:
    return any(matches(json.loads(path.read_text()), value) for path in PATTERNS)


def taken_by_filters(value: Any) -> bool:
    return any(delivers(path.read_text(), value) for path in FILTERS)


def test_there_is_something_to_deliver() -> None:
    assert len(EVENTBRIDGE) >= 55
    assert len(ENTRIES) >= 24
    assert (len(PATTERNS), len(FILTERS), len(POLICIES)) == (4, 3, 4)


@pytest.mark.parametrize("path", [path for path in EVENTBRIDGE if means_something(path)], ids=named)
def test_an_event_that_means_something_is_delivered(path: Path) -> None:
    assert taken_by_patterns(payload(path))


@pytest.mark.parametrize("path", [path for path in ENTRIES if means_something(path)], ids=named)
def test_a_log_entry_that_means_something_is_delivered(path: Path) -> None:
    assert taken_by_filters(payload(path))


@pytest.mark.parametrize("path", [path for path in NEAR_MISSES if named(path) not in LET_THROUGH], ids=named)
def test_a_near_miss_is_not_delivered(path: Path) -> None:
    value = payload(path)
    assert not (is_event(value) and taken_by_patterns(value))
    assert not (is_entry(value) and taken_by_filters(value))


def test_chatter_of_the_key_exchange_is_not_delivered() -> None:
    assert not any(taken_by_filters(payload(path)) for path in SAMPLES if "vpn-ipsec" in path.name and is_entry(payload(path)))


def test_the_patterns_ask_for_what_the_decoders_read() -> None:
    trail = json.loads((TRIGGERS / "aws/triggers/cloudtrail.json").read_text())["detail"]
    assert set(trail["eventName"]) == set().union(*cloudtrail.CALLS.values())
    assert set(trail["eventSource"]) == set(cloudtrail.CALLS)
    assert set(json.loads((TRIGGERS / "aws/triggers/health.json").read_text())["detail"]["service"]) == health.SERVICES
    alarms = json.loads((TRIGGERS / "aws/triggers/cloudwatch-alarms.json").read_text())["detail"]["$or"][0]
    assert set(alarms["configuration"]["metrics"]["metricStat"]["metric"]["namespace"]) == cloudwatch.NAMESPACES


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_an_alert_policy_raises_incidents_that_are_understood(path: Path) -> None:
    policy = json.loads(path.read_text())
    condition = policy["conditions"][0]
    metric = condition["conditionThreshold"]["filter"].split('metric.type = "')[1].rstrip('"')
    incident = {
        "state": "open",
        "started_at": 1795279680,
        "metric": {"type": metric},
        "policy_name": policy["displayName"],
        "condition": condition,
    }
    (found,) = meanings({"version": "1.2", "incident": incident})
    assert isinstance(found, Sighting)
    assert found.aspect is not Aspect.CAPACITY
    assert found.member == f"alarm/{policy['displayName']}"


@pytest.mark.parametrize(("cloud", "body"), [("aws", "input"), ("gcp", "body")])
def test_a_schedule_sends_what_is_read_as_a_tick(cloud: str, body: str) -> None:
    for schedule in json.loads((TRIGGERS / cloud / "triggers/schedules.json").read_text()):
        sent = json.dumps(schedule[body]).replace("<aws.scheduler.scheduled-time>", "2026-11-20T09:21:00Z")
        (found,) = meanings(sent)
        assert isinstance(found, Tick)
        assert found.key.startswith(f"schedule/{schedule['name']}/")
