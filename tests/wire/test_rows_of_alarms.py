"""Which alarms share a row: none hides or clears what another one says, and each opens and closes its own."""

import copy
from typing import Any

import pytest

from pointsman.core.sightings import Source
from tests.wire.samples import only, sample

ALARM = sample("aws/cw-alarm-dx-vif-bgp-status-alarm.json")
INCIDENT = sample("gcp/monitoring-incident-closed-bgp-session.json")


def named(name: str, **metric: Any) -> Any:
    value = copy.deepcopy(ALARM)
    value["detail"]["alarmName"] = name
    value["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"].update(metric)
    return only(value)


def test_two_alarms_on_one_metric_of_one_resource_have_rows_apart_and_one_member() -> None:
    keen, deaf = named("vif-1-of-2-minutes"), named("vif-5-of-5-minutes")
    assert keen.member == deaf.member == only(ALARM).member
    assert keen.row != deaf.row
    assert named("caf\N{LATIN SMALL LETTER E WITH ACUTE}").row == named("cafe\N{COMBINING ACUTE ACCENT}").row


def test_an_alarm_that_is_itself_the_member_has_the_row_that_it_always_had() -> None:
    assert named("ix-a-own", namespace="Own", dimensions={}).row == "aws|alarm/ix-a-own|cloudwatch.link"


def incident(**changes: Any) -> Any:
    value = copy.deepcopy(INCIDENT)
    value["incident"].update(changes)
    return only(value)


def test_two_conditions_on_one_metric_of_one_resource_have_rows_apart_and_one_member() -> None:
    found = [incident(policy_name=policy, condition_name=name) for policy in ("keen", "deaf") for name in ("one", "two")]
    assert {one.member for one in found} == {only(INCIDENT).member}
    assert len({one.row for one in found}) == 4


def test_each_time_series_of_one_condition_has_a_row_of_its_own_and_all_one_member() -> None:
    circuit = sample("gcp/monitoring-interconnect-circuit-down.json")

    def of(*, closed: bool = False, metric: dict[str, str], resource: dict[str, str] | None = None) -> Any:
        value = copy.deepcopy(circuit)
        value["incident"]["metric"]["labels"] = metric
        value["incident"]["resource"]["labels"].update(resource or {})
        value["incident"].update(
            {"state": "closed", "ended_at": value["incident"]["started_at"] + 60, "observed_value": "1.000"} if closed else {}
        )
        return only(value)

    first, second = of(metric={"link_id": "circuit-1"}), of(metric={"link_id": "circuit-2"})
    assert first.member == second.member
    assert first.row != second.row
    assert of(metric={"link_id": "circuit-1"}, closed=True).row == first.row
    assert of(metric={"a": "1", "b": "2"}).row == of(metric={"b": "2", "a": "1"}).row
    assert (
        of(metric={}, resource={"interconnect": "", "location": "x"}).row
        != of(metric={}, resource={"interconnect": "", "location": "y"}).row
    )


@pytest.mark.parametrize("strange", [{"link_id": 7}, {"link_id": None}, {"": ""}, {"link_id": "x" * 9_000}, {"\ud800": "\ud800"}])
def test_an_incident_with_strange_labels_is_read_all_the_same(strange: dict[str, Any]) -> None:
    assert incident(metric={"type": INCIDENT["incident"]["metric"]["type"], "labels": strange}).source is Source.MONITORING


def test_an_incident_opens_and_closes_one_row_even_when_its_policy_was_made_anew() -> None:
    value = copy.deepcopy(sample("gcp/monitoring-incident-open-bgp-session.json"))
    value["incident"]["condition"]["name"] = "projects/weft-prod-1/alertPolicies/1/conditions/2"
    assert only(value).row == only(INCIDENT).row


@pytest.mark.parametrize("strange", [None, 7, "", " \ud800 ", "x" * 9_000, {}])
def test_an_incident_whose_condition_has_no_good_name_is_read_all_the_same(strange: Any) -> None:
    assert incident(condition_name=strange).member == only(INCIDENT).member
