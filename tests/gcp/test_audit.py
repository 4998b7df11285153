"""An audit of what Google Cloud shows, over REST against the face."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from pointsman.adapters.gcp.audit import PAGES, GcpAuditor
from pointsman.adapters.gcp.look import GcpLooker
from pointsman.adapters.gcp.statuses import far_bfd
from pointsman.core.audit.audit import audit
from pointsman.core.audit.findings import Check, Finding
from pointsman.core.audit.seen import Seen
from pointsman.core.fabric import Fabric
from pointsman.core.values import replace
from pointsman.testing.faces.faults import FaultKind
from pointsman.wire.changes import of_audit_log
from tests.gcp.conftest import Cloud, run

OURS = "pointsman@weft-prod-1.iam.gserviceaccount.com"


class FaceClock:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def now(self) -> datetime:
        return self.cloud.time.moment(self.cloud.time.seconds())

    def monotonic(self) -> float:
        return self.cloud.time.seconds()

    async def sleep(self, seconds: float) -> None:
        self.cloud.past(seconds)


@pytest.fixture(autouse=True)
def installed_long_ago(cloud: Cloud) -> None:
    cloud.past(timedelta(hours=25).total_seconds())


def seen(cloud: Cloud) -> Seen:
    clock, compute = FaceClock(cloud), cloud.compute
    looker = GcpLooker(cloud.fabric, compute, clock)
    auditor = GcpAuditor(cloud.fabric, compute, cloud.http, decode=of_audit_log, notices=looker.notices, logging=cloud.face.url)
    return run(auditor.seen(clock.now() - timedelta(hours=24)))


def findings(cloud: Cloud, fabric: Fabric | None = None) -> tuple[Finding, ...]:
    return audit(fabric or cloud.fabric, None, (seen(cloud),), FaceClock(cloud).now())


def checks(cloud: Cloud) -> set[Check]:
    return {one.check for one in findings(cloud)}


def test_a_network_that_is_as_declared_gives_no_finding(cloud: Cloud) -> None:
    assert findings(cloud) == ()


def test_everything_is_read(cloud: Cloud) -> None:
    shown = seen(cloud)
    assert shown.unread == ()
    assert {one.name for one in shown.ends or ()} == {"aws-a", "aws-b", *(f"aws-vpn-{n}" for n in (1, 2, 3, 4))}
    assert all(one.learned and one.hold and one.priority == 100 for one in shown.ends or ())
    assert {one.name: one.bfd for one in shown.ends or ()}["aws-b"] == timedelta(seconds=5)
    assert {one.name: one.far_bfd for one in shown.ends or () if one.far_bfd is not None} == {"aws-b": timedelta(seconds=3)}
    assert shown.mtus == {"ix-a": 8500, "ix-b": 8500}


def test_a_priority_set_by_hand_is_found_with_who_set_it(cloud: Cloud) -> None:
    state = cloud.face.routers.states[0]
    peers = [peer | ({"advertisedRoutePriority": 500} if peer["name"] == "aws-a" else {}) for peer in state.resource.now["bgpPeers"]]
    cloud.face.routers.put_router(state, state.resource.now | {"bgpPeers": peers}, "alice@example.com")
    told = {one.check: one for one in findings(cloud)}
    assert set(told) == {Check.BASE_PRIORITY, Check.HAND_CHANGE}
    assert told[Check.HAND_CHANGE].text.startswith("alice@example.com made v1.compute.routers.patch")
    assert "--advertised-route-priority=200" in told[Check.BASE_PRIORITY].fix


def test_our_own_service_account_makes_no_hand_changes(cloud: Cloud) -> None:
    cloud.network.set_peer_priority("cr-aws-1", "aws-a", 120, principal=OURS)
    assert Check.HAND_CHANGE not in checks(cloud)


def test_an_audit_log_that_is_longer_than_is_read_is_said_and_its_newest_part_is_told(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointsman.adapters.gcp.audit.PAGE_SIZE", 2)
    for number in range(PAGES):  # each is a pair of entries
        cloud.network.set_peer_priority("cr-aws-1", "aws-a", 120 + number, principal=OURS)
    assert Check.UNREAD not in checks(cloud)
    cloud.past(60)
    cloud.network.set_peer_priority("cr-aws-1", "aws-a", 150, principal="alice@example.com")
    told = {one.check: one for one in findings(cloud)}
    assert {Check.HAND_CHANGE, Check.UNREAD} <= set(told)
    assert "the older part of the audit log of weft-prod-1" in told[Check.UNREAD].text
    assert told[Check.UNREAD].show == "pointsman audit FABRIC"


def test_bfd_and_keepalive_that_are_not_as_declared_are_found(cloud: Cloud) -> None:
    state = cloud.face.routers.states[0]
    peers = [peer | {"bfd": {"sessionInitializationMode": "DISABLED"}} for peer in state.resource.now["bgpPeers"]]
    cloud.face.routers.put_router(state, state.resource.now | {"bgpPeers": peers, "bgp": {"keepaliveInterval": 40}}, OURS)
    assert {one.subject for one in findings(cloud)} == {"ix-a aws-a hold", "ix-b aws-b hold", "ix-b aws-b bfd"}


@pytest.mark.parametrize(
    ("settings", "heard", "waits"),
    [
        ({}, {"minTxIntervalMs": 300, "multiplier": 3}, 3),
        ({}, {"minTxIntervalMs": 2000, "multiplier": 3}, 6),
        ({"minReceiveInterval": 4000}, {"minTxIntervalMs": 300, "multiplier": 3}, 12),
        ({}, {"minTxIntervalMs": "300", "multiplier": 3}, None),
        ({}, {"minTxIntervalMs": 300, "multiplier": 0}, None),
        ({}, None, None),
    ],
)
def test_bfd_of_the_far_end_waits_by_its_multiplier_and_the_slower_interval(settings: Any, heard: Any, waits: float | None) -> None:
    told = far_bfd(settings, {"status": "UP", "bfdStatus": {"localState": "UP", "rxPacket": heard}})
    assert told == (None if waits is None else timedelta(seconds=waits))


def test_bfd_that_is_down_under_a_session_that_is_up_is_not_answered() -> None:
    assert far_bfd({}, {"status": "UP", "bfdStatus": {"localState": "DOWN"}}) == timedelta(0)
    for status in (
        {"status": "DOWN", "bfdStatus": {"localState": "DOWN"}},
        {"status": "UP"},
        {"status": "UP", "bfdStatus": {"localState": "INIT"}},
    ):
        assert far_bfd({}, status) is None


def test_a_dead_session_is_no_standby(cloud: Cloud) -> None:
    cloud.network.cut("ix-b")
    cloud.past(300)
    assert {(one.check, one.link) for one in findings(cloud)} == {(Check.STANDBY, "ix-b")}


def test_a_prefix_that_a_peer_did_not_announce_is_missing_on_the_standby(cloud: Cloud) -> None:
    flow = cloud.fabric.flow("checkout")
    site = cloud.fabric.links[0].aws_site
    wider = replace(flow, prefixes={**flow.prefixes, site: (*flow.prefixes[site], "10.30.0.0/16")})
    fabric = replace(cloud.fabric, flows=(wider, *(one for one in cloud.fabric.flows if one.name != flow.name)))
    told = findings(cloud, fabric)
    assert {one.check for one in told} == {Check.STANDBY}
    assert all("10.30.0.0/16 was not learned" in one.text for one in told)


def test_a_network_with_ipv6_flows_that_is_as_declared_gives_no_finding(six_cloud: Cloud) -> None:
    six_cloud.past(timedelta(hours=25).total_seconds())
    assert findings(six_cloud) == ()
    assert all("2001:db8:1::/48" in (one.learned or ()) for one in seen(six_cloud).ends or () if one.link in ("ix-a", "ix-b"))


def test_a_peer_that_announces_more_than_a_page_is_read_to_the_end(cloud: Cloud) -> None:
    association = cloud.fabric.link("ix-a").aws.association or ""
    held = cloud.network.allowed_prefixes(association)
    many = tuple(f"172.{16 + n // 256}.{n % 256}.0/24" for n in range(600))
    cloud.network.set_allowed_prefixes(association, (*many, *held), principal=OURS)
    learned = {one.name: one.learned or () for one in seen(cloud).ends or ()}["aws-a"]
    assert learned == (*many, *held)


def test_an_announced_outage_is_found_once_it_is_near_and_no_plan_drains_the_link(cloud: Cloud) -> None:
    now = cloud.time.seconds()
    cloud.network.maintain("ix-b", now + 86400, now + 90000)
    assert not findings(cloud), "it will be left in time"
    cloud.network.maintain("ix-a", now + 300, now + 3600)
    assert {(one.check, one.link) for one in findings(cloud)} == {(Check.MAINTENANCE, "ix-a")}


def test_what_is_denied_is_named_and_hides_nothing_else(cloud: Cloud) -> None:
    cloud.network.cut("ix-b")
    cloud.past(300)
    cloud.trouble("entries.list", FaultKind.DENIED, service="logging")
    told = {one.check: one for one in findings(cloud)}
    assert set(told) == {Check.STANDBY, Check.UNREAD}
    assert "logging.logEntries.list" in told[Check.UNREAD].text
