"""An alarm on how many routes there are warns of too few or of too many: what is near a quota is not gone."""

import json
from typing import Any

import pytest

from pointsman.core.sightings import Aspect, Cause, Health
from tests.wire.samples import meanings, sample

GONE = (Aspect.ROUTE, Health.DOWN, Cause.ROUTE_GONE)
TIGHT = (Aspect.CAPACITY, Health.DEGRADED, Cause.ALARM)
UNTOLD = (Aspect.ROUTE, Health.UNKNOWN, Cause.UNSTATED)
Said = tuple[Aspect, Health, Cause]


def said(payload: Any) -> Said:
    (found,) = meanings(payload)
    return found.aspect, found.health, found.cause


def alarm(state: dict[str, Any], previous: dict[str, Any] | None = None) -> Any:
    payload = sample("aws/cw-alarm-dx-vif-prefixes-near-limit.json")
    payload["detail"]["state"] = {"value": "ALARM", "timestamp": "2026-11-20T09:15:31.012+0000"} | state
    payload["detail"]["previousState"] = previous or {}
    return payload


def points(*found: float | str | None, threshold: object = 90.0) -> str:
    return json.dumps({"version": "1.0", "recentDatapoints": list(found), "threshold": threshold})


@pytest.mark.parametrize(
    ("data", "means"),
    [
        (points(95.0), TIGHT),
        (points(95.0, None, 99), TIGHT),
        (points(0.0, threshold=1.0), GONE),
        (points(0.0, threshold=0), GONE),
        (points(3, threshold=5), GONE),
        (points(90.0), UNTOLD),
        (points(95.0, 20.0), UNTOLD),
        (points(), UNTOLD),
        (points("95"), UNTOLD),
        (points(95.0, threshold=None), UNTOLD),
        (points(95.0, threshold=True), UNTOLD),
        ("{}", UNTOLD),
        ('{"recentDatapoints": {"a": 1}, "threshold": 1}', UNTOLD),
        ("[95.0]", UNTOLD),
        ("95 > 90", UNTOLD),
        ("", UNTOLD),
        (" " * 9000 + points(95.0), UNTOLD),
    ],
)
def test_the_datapoints_say_on_which_side_of_its_threshold_an_alarm_was_raised(data: str, means: Said) -> None:
    assert said(alarm({"reasonData": data})) == means


@pytest.mark.parametrize("data", [None, 95, [95.0], {"recentDatapoints": [95.0], "threshold": 90}])
def test_datapoints_that_are_no_text_tell_nothing(data: object) -> None:
    assert said(alarm({"reasonData": data})) == UNTOLD


def test_an_alarm_of_too_many_clears_what_it_said_and_no_more() -> None:
    cleared = (Aspect.CAPACITY, Health.UP, Cause.ALARM_CLEARED)
    assert said(alarm({"value": "OK", "reasonData": points(70.0)})) == cleared
    assert said(alarm({"value": "OK", "reasonData": points(0.0)})) == cleared
    assert said(alarm({"value": "OK", "reasonData": points(4.0, threshold=1.0)})) == (Aspect.ROUTE, Health.UP, Cause.ALARM_CLEARED)


def test_the_state_before_tells_where_the_state_has_no_datapoint() -> None:
    before = {"value": "ALARM", "reasonData": points(95.0)}
    found = said(alarm({"value": "INSUFFICIENT_DATA", "reasonData": points()}, before))
    assert found == (Aspect.CAPACITY, Health.UNKNOWN, Cause.INSUFFICIENT_DATA)


def test_too_little_data_tells_no_side() -> None:
    found = said(alarm({"value": "INSUFFICIENT_DATA", "reasonData": points(95.0)}, {"value": "ALARM", "reasonData": points(95.0)}))
    assert found == (Aspect.CAPACITY, Health.UNKNOWN, Cause.INSUFFICIENT_DATA)


@pytest.mark.parametrize(
    ("comparison", "means"),
    [
        ("GreaterThanThreshold", TIGHT),
        ("GreaterThanOrEqualToThreshold", TIGHT),
        ("LessThanThreshold", GONE),
        ("LessThanOrEqualToThreshold", GONE),
        ("LessThanLowerOrGreaterThanUpperThreshold", UNTOLD),
        (None, UNTOLD),
        (["GreaterThanThreshold"], UNTOLD),
    ],
)
def test_an_action_tells_its_comparison(comparison: object, means: Said) -> None:
    trigger = {
        "MetricName": "VirtualInterfaceBgpPrefixesAccepted",
        "Namespace": "AWS/DX",
        "Dimensions": [{"name": "VirtualInterfaceId", "value": "dxvif-fgcoi6fa"}],
        "ComparisonOperator": comparison,
        "Threshold": 90.0,
    }
    told = {"AlarmName": "near-limit", "NewStateValue": "ALARM", "StateChangeTime": "2026-11-20T09:15:31.012+0000", "Trigger": trigger}
    assert said(told) == means


DOWN = (Aspect.ROUTE, Health.DOWN, Cause.ALARM)


@pytest.mark.parametrize(
    ("comparison", "observed", "limit", "means"),
    [
        ("COMPARISON_GT", "95.000", "90", TIGHT),
        ("COMPARISON_GE", "95.000", "90", TIGHT),
        ("COMPARISON_LT", "0.000", "1", DOWN),
        ("COMPARISON_LE", "0.000", "0", DOWN),
        (None, "95.000", "90", TIGHT),
        (None, "0.000", "", DOWN),
        (None, "2.000", "5", DOWN),
        (None, "95.000", "", UNTOLD),
        (None, "90", "90", UNTOLD),
        ("COMPARISON_EQ", "a sentence", "90", UNTOLD),
    ],
)
def test_an_incident_tells_its_comparison_or_what_was_observed(comparison: str | None, observed: str, limit: str, means: Said) -> None:
    payload = sample("gcp/monitoring-routes-near-limit.json")
    payload["incident"]["condition"]["conditionThreshold"]["comparison"] = comparison
    payload["incident"] |= {"observed_value": observed, "threshold_value": limit}
    assert said(payload) == means


def test_an_incident_of_too_many_routes_closes_apart_from_one_of_too_few() -> None:
    payload = sample("gcp/monitoring-routes-near-limit.json")
    payload["incident"] |= {"state": "closed", "ended_at": 1795279980, "observed_value": "0.000"}
    assert said(payload) == (Aspect.CAPACITY, Health.UP, Cause.ALARM_CLEARED)
