"""An alarm's name may be of any script, and is found again in the events that the clouds send of it."""

import json
from collections.abc import Callable
from pathlib import Path
from unicodedata import normalize

import pytest

from pointsman.core.members import index
from pointsman.core.sightings import Sighting
from pointsman.wire.decode import decode
from tests.fabric.written import checked, edited

EVENTS = Path(__file__).parents[2] / "events"
NAMES = ["L\u00e4nge", "\u30ea\u30f3\u30af\u65ad", "xc 'a' #1 \u2014 50 % \U0001f525", "l" * 255]


def member_of(event: object) -> str:
    (record,) = decode(event)
    assert isinstance(record.meaning, Sighting)
    return record.meaning.member


def monitoring(name: str) -> object:
    event = json.loads((EVENTS / "gcp" / "monitoring-own-metric.json").read_text())
    event["incident"]["policy_name"] = name
    return event


def cloudwatch(name: str) -> object:
    event = json.loads((EVENTS / "aws" / "cw-alarm-own-namespace.json").read_text())
    event["detail"]["alarmName"] = name
    return event


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("event", [monitoring, cloudwatch])
@pytest.mark.parametrize("composed", [True, False])
def test_an_alarm_of_any_script_is_found_in_its_events(name: str, event: Callable[[str], object], *, composed: bool) -> None:
    fabric = checked(edited(("xc-dxvif-fgcoi6fa-bgp", json.dumps(name, ensure_ascii=False)))).fabric
    assert fabric is not None
    assert member_of(event(normalize("NFC" if composed else "NFD", name))) in index(fabric)


def test_an_alarm_that_is_composed_in_two_ways_is_one_alarm() -> None:
    both = json.dumps([normalize("NFC", NAMES[0]), normalize("NFD", NAMES[0])], ensure_ascii=False)
    (finding,) = checked(edited(("[xc-dxvif-fgcoi6fa-bgp, xc-dxcon-fgv0etma-link]", both))).findings
    assert (finding.path, finding.text.partition(" ")[0]) == ("links.ix-a.members[0].alarms[1]", "alarm")
