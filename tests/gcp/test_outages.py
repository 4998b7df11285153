"""Outage notices are read with care: cancelled ones are withdrawn, odd times are no times."""

from datetime import UTC, datetime

import pytest

from pointsman.adapters.gcp.look import GcpLooker
from pointsman.adapters.gcp.outages import carried_by, notices_of
from pointsman.ports.clouds import Announcer

NOW = datetime(2026, 11, 22, tzinfo=UTC)
CARRIED = carried_by([("vlan/p/r/vlan-a", {"interconnect": "https://www.googleapis.com/compute/v1/projects/p/global/interconnects/ic"})])


def notices(**outage: object) -> list[tuple[str, datetime | None, datetime | None]]:
    body = {"name": "ic", "expectedOutages": [{"state": "ACTIVE", "issueType": "IT_OUTAGE"} | outage]}
    return [(one.what, one.start, one.end) for one in notices_of([("p", body)], CARRIED, NOW)]


def test_times_are_milliseconds_in_text_or_number() -> None:
    assert notices(startTime="1000", endTime=2000) == [
        ("OUTAGE", datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC))
    ]


@pytest.mark.parametrize("when", ["", None, "soon", "9" * 30, {}])
def test_an_odd_time_is_no_time(when: object) -> None:
    assert notices(startTime=when) == [("OUTAGE", None, None)]


@pytest.mark.parametrize("state", [None, "NEWER"])
def test_an_outage_in_a_state_that_nobody_knows_is_no_notice(state: object) -> None:
    assert notices(state=state) == []


@pytest.mark.parametrize("state", ["CANCELLED", "NS_CANCELED", "COMPLETED", "ACTIVE", "NS_ACTIVE"])
def test_an_outage_that_is_over_or_called_off_is_told_as_withdrawn_under_the_same_key(state: str) -> None:
    body = {"name": "ic", "expectedOutages": [{"name": "2FLKJ", "state": state, "issueType": "IT_OUTAGE"}]}
    (one,) = notices_of([("p", body)], CARRIED, NOW)
    assert (one.key, one.withdrawn) == ("outage/2FLKJ", "ACTIVE" not in state)


def test_a_partial_outage_keeps_its_word() -> None:
    assert notices(issueType="IT_PARTIAL_OUTAGE")[0][0] == notices(issueType="PARTIAL_OUTAGE")[0][0] == "PARTIAL_OUTAGE"


def test_an_interconnect_of_somebody_else_is_left_out() -> None:
    body = {"name": "other", "expectedOutages": [{"state": "ACTIVE"}]}
    assert list(notices_of([("p", body), ("q", body | {"name": "ic"})], CARRIED, NOW)) == []


def test_a_notice_is_about_the_interconnect_and_the_attachments_it_carries() -> None:
    (one,) = notices_of([("p", {"name": "ic", "expectedOutages": [{"state": "ACTIVE"}]})], CARRIED, NOW)
    assert one.members == ("interconnect/ic", "vlan/p/r/vlan-a")


def test_googles_looker_announces() -> None:
    assert issubclass(GcpLooker, Announcer)
