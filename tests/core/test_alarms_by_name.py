"""An alarm on a resource that no fabric declares leads to the member that names the alarm."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pointsman.adapters.files import load
from pointsman.core.evidence import claims_by_link
from pointsman.core.fabric import Fabric, LinkName
from pointsman.core.members import alarm_key, index, interconnect_key, placed
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.core.values import replace

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
MAPPED, POLICY = "xc-routing-drops", "weft-interconnect-down"


@pytest.fixture(scope="module")
def fabric() -> Fabric:
    read = load(str(Path(__file__).parents[2] / "docs" / "fabrics" / "atlas.yaml"))
    first, *others = read.links
    member = replace(first.members[0], alarms=(*first.members[0].alarms, MAPPED, POLICY))
    return replace(read, links=(replace(first, members=(member, *first.members[1:])), *others))


def told(member: str, speaker: str, source: Source = Source.CLOUDWATCH) -> Sighting:
    return Sighting(
        vantage=Vantage.AWS,
        member=member,
        source=source,
        aspect=Aspect.LINK,
        health=Health.DOWN,
        seen_at=NOW,
        cause=Cause.ALARM,
        text=speaker,
    )


def at(fabric: Fabric, claim: Sighting) -> str | None:
    found = index(fabric).get(placed(claim, index(fabric)).member)
    return found.link if found else None


@pytest.mark.parametrize("resource", ["tgw-0a1b2c3d4e5f60718", "dxlag-fg000001", interconnect_key("ic-iad-1")])
def test_an_alarm_on_what_nobody_declares_is_known_by_its_name(fabric: Fabric, resource: str) -> None:
    assert at(fabric, told(resource, alarm_key(MAPPED))) == "ix-a"
    assert at(fabric, told(resource, alarm_key(f"{POLICY}/Circuit down"), Source.MONITORING)) == "ix-a"
    assert at(fabric, told(resource, alarm_key("another"))) is None
    assert at(fabric, told(resource, "")) is None


def test_what_an_alarm_names_counts_before_its_name(fabric: Fabric) -> None:
    claim = told(next(one.aws.connection for one in fabric.link("ix-b").members if one.aws.connection), alarm_key(MAPPED))
    assert placed(claim, index(fabric)) == claim
    assert at(fabric, claim) == "ix-b"


def test_only_a_condition_of_monitorings_is_named_behind_its_policy(fabric: Fabric) -> None:
    assert at(fabric, told("dxlag-fg000001", alarm_key(f"{MAPPED}/else"))) is None
    assert at(fabric, told("dxlag-fg000001", alarm_key(MAPPED), Source.LOOK)) is None


def test_conditions_of_one_policy_stay_apart_and_an_alarm_replaces_its_own_word(fabric: Fabric) -> None:
    resource = interconnect_key("ic-iad-1")
    one, two = (placed(told(resource, alarm_key(f"{POLICY}/{name}"), Source.MONITORING), index(fabric)) for name in ("a", "b"))
    assert one.row != two.row
    assert placed(told("dxlag-fg000001", alarm_key(MAPPED)), index(fabric)) == told(alarm_key(MAPPED), "")


def test_such_a_claim_is_believed_of_its_link(fabric: Fabric) -> None:
    claims = claims_by_link(fabric, [placed(told("dxlag-fg000001", alarm_key(MAPPED)), index(fabric))], NOW)
    assert [row.member for rows in claims[LinkName("ix-a")].values() for row in rows] == [alarm_key(MAPPED)]
