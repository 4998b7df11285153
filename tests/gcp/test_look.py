"""A look from Google's side tells what each member does, and what it cannot read it calls unknown."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pointsman.adapters.gcp import statuses
from pointsman.adapters.gcp.look import GcpLooker
from pointsman.core.errors import Transient
from pointsman.core.fabric import Fabric
from pointsman.core.members import index
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.ports.clouds import Look
from pointsman.testing.faces.faults import FaultKind
from tests.gcp.conftest import Cloud, run

LINKS = ("ix-a", "ix-b", "mc", "vpn")
NOW = datetime(2026, 11, 22, 3, 0, 41, tzinfo=UTC)
TUNNELS = "tunnel/weft-prod-1/us-east4"
ROUTER = "router/6983339776642123456"
PEER_A, VLAN_A, TRANSPORT = (
    f"{ROUTER}:169.254.1.2",
    "vlan/weft-prod-1/us-east4/vlan-a",
    "projects/weft-prod-1/locations/us-east4/transports/mc-1",
)


class StillClock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


def looker(cloud: Cloud) -> GcpLooker:
    return GcpLooker(cloud.fabric, cloud.compute, StillClock(), transports=cloud.compute)


def seen(cloud: Cloud, *links: str) -> dict[tuple[str, Aspect], Sighting]:
    return {(one.member, one.aspect): one for one in run(looker(cloud).look(links or LINKS)).claims}


def test_a_healthy_fabric_is_up_on_every_member_that_google_knows(cloud: Cloud) -> None:
    found = seen(cloud)
    assert {one.health for one in found.values()} == {Health.UP}
    assert len([one for one in found.values() if one.aspect is Aspect.BGP]) == 6
    assert {(VLAN_A, Aspect.LINK), (TRANSPORT, Aspect.LINK), (f"{TUNNELS}/ha-t1", Aspect.IPSEC)} <= found.keys()
    assert found[PEER_A, Aspect.BGP].value == 3


def test_every_sighting_is_a_look_from_google_about_a_member_that_the_fabric_knows(cloud: Cloud) -> None:
    known = index(cloud.fabric)
    for one in seen(cloud).values():
        assert (one.vantage, one.source, one.seen_at) == (Vantage.GCP, Source.LOOK, NOW)
        assert one.member in known


def test_only_the_links_asked_for_are_looked_at(cloud: Cloud) -> None:
    assert {member for member, _ in seen(cloud, "ix-a")} == {PEER_A, VLAN_A}


def test_a_cut_link_shows_on_its_session_and_its_attachment_and_nowhere_else(cloud: Cloud) -> None:
    cloud.network.cut("ix-a")
    cloud.past(90)
    found = seen(cloud)
    assert found[PEER_A, Aspect.BGP].health is Health.DOWN
    assert (found[VLAN_A, Aspect.LINK].health, found[VLAN_A, Aspect.LINK].cause) == (Health.DOWN, Cause.NOT_OPERATIONAL)
    assert {one.health for (member, _), one in found.items() if member not in (PEER_A, VLAN_A)} == {Health.UP}


def test_a_lost_bfd_session_is_forwarding_evidence(cloud: Cloud) -> None:
    member = f"{ROUTER}:169.254.2.2"
    assert seen(cloud)[member, Aspect.LINK].health is Health.UP
    cloud.network.cut("ix-b", silent=True)
    cloud.past(30)
    found = seen(cloud)[member, Aspect.LINK]
    assert (found.health, found.cause) == (Health.DOWN, Cause.BFD_DOWN)


def test_a_peer_that_is_switched_off_is_down_by_configuration_and_no_evidence_of_the_path(cloud: Cloud) -> None:
    cloud.network.set_peer_enabled("cr-aws-1", "aws-b", enabled=False)
    state = cloud.face.routers.states[0]
    peers = [peer | {"enable": "FALSE"} if peer["name"] == "aws-b" else peer for peer in state.resource.now["bgpPeers"]]
    cloud.face.routers.put_router(state, state.resource.now | {"bgpPeers": peers}, "somebody@example.com")
    found = seen(cloud, "ix-b")
    member = f"{ROUTER}:169.254.2.2"
    assert (found[member, Aspect.BGP].health, found[member, Aspect.BGP].cause) == (Health.DOWN, Cause.CONFIG_DISABLED)
    assert (member, Aspect.LINK) not in found


def test_a_dead_tunnel_and_a_suspended_transport_are_down(cloud: Cloud) -> None:
    cloud.network.cut_member("vpn", "t1")
    cloud.network.cut("mc")
    cloud.past(120)
    found = seen(cloud)
    assert (found[f"{TUNNELS}/ha-t1", Aspect.IPSEC].health, found[f"{TUNNELS}/ha-t2", Aspect.IPSEC].health) == (Health.DOWN, Health.UP)
    assert found[TRANSPORT, Aspect.LINK].health is Health.DOWN


@pytest.mark.parametrize(("lost", "left"), [("east", "west"), ("west", "east")])
def test_of_two_regions_with_the_same_names_a_look_finds_the_one_that_is_lost(tandem_cloud: Cloud, lost: str, left: str) -> None:
    for name in (lost, f"{lost}-vpn"):
        tandem_cloud.network.cut(name)
    tandem_cloud.past(120)
    places = index(tandem_cloud.fabric)
    found = seen(tandem_cloud, "east", "east-vpn", "west", "west-vpn")
    told = {places[member].link: one.health for (member, _), one in found.items() if not member.startswith("router/")}
    assert told == {lost: Health.DOWN, f"{lost}-vpn": Health.DOWN, left: Health.UP, f"{left}-vpn": Health.UP}


def test_of_two_regions_with_the_same_names_an_outage_is_of_the_attachment_on_its_interconnect(tandem_cloud: Cloud) -> None:
    tandem_cloud.network.maintain("west", start=tandem_cloud.network.now + 3600, end=tandem_cloud.network.now + 7200)
    (notice,) = run(looker(tandem_cloud).notices())
    assert {ref.link for key in notice.members for ref in [index(tandem_cloud.fabric).get(key)] if ref} == {"west"}


@pytest.mark.parametrize(
    ("operation", "service", "aspects"),
    [
        ("routers.getRouterStatus", "compute", {Aspect.BGP}),
        ("vpnTunnels.list", "compute", {Aspect.IPSEC}),
        ("interconnectAttachments.list", "compute", {Aspect.LINK}),
        ("transports.get", "networkconnectivity", {Aspect.LINK}),
    ],
)
@pytest.mark.parametrize("kind", [FaultKind.BROKEN, FaultKind.DENIED, FaultKind.UNANSWERED])
def test_what_cannot_be_read_is_unknown_and_the_rest_is_still_told(
    cloud: Cloud, operation: str, service: str, aspects: set[Aspect], kind: FaultKind
) -> None:
    cloud.trouble(operation, kind, times=4, service=service)
    found = seen(cloud)
    unknown = {aspect for (_, aspect), one in found.items() if one.health is Health.UNKNOWN}
    assert unknown == aspects
    assert Health.UP in {one.health for one in found.values()}


READS = {
    "routers.getRouterStatus": "compute",
    "vpnTunnels.list": "compute",
    "interconnectAttachments.list": "compute",
    "transports.get": "networkconnectivity",
}


@pytest.mark.parametrize("operation", [*READS, "routers.get"])
def test_a_throttled_read_leaves_its_members_unseen_and_the_rest_is_told(cloud: Cloud, operation: str) -> None:
    everything = {member for member, _ in seen(cloud)}
    cloud.trouble(operation, FaultKind.THROTTLED, service=READS.get(operation, "compute"))
    found = run(looker(cloud).look(LINKS))
    told = {one.member for one in found.claims}
    assert found.unseen
    assert told | set(found.unseen) == everything
    assert not told & set(found.unseen)
    assert {one.health for one in found.claims} == {Health.UP}


def test_a_session_that_went_down_is_told_while_the_lists_are_throttled(cloud: Cloud) -> None:
    cloud.network.cut("ix-a")
    cloud.past(300)
    cloud.trouble("interconnectAttachments.list", FaultKind.THROTTLED)
    found = run(looker(cloud).look(LINKS))
    assert {one.member for one in found.claims if one.health is Health.DOWN} == {PEER_A}
    assert VLAN_A in found.unseen


def test_an_attachment_that_went_dark_is_told_while_the_router_is_throttled(cloud: Cloud) -> None:
    cloud.network.cut("ix-a")
    cloud.past(300)
    cloud.trouble("routers.getRouterStatus", FaultKind.THROTTLED)
    found = run(looker(cloud).look(LINKS))
    assert {one.member for one in found.claims if one.health is Health.DOWN} == {VLAN_A}
    assert PEER_A in found.unseen


def test_a_look_that_is_throttled_everywhere_waits_for_the_next_clock_minute(cloud: Cloud) -> None:
    for operation, service in READS.items():
        cloud.trouble(operation, FaultKind.THROTTLED, service=service)
    with pytest.raises(Transient) as caught:
        run(looker(cloud).look(LINKS))
    assert caught.value.retry_after == timedelta(seconds=19)


def test_each_api_is_asked_once_however_many_links_there_are(cloud: Cloud) -> None:
    seen(cloud)
    asked = sorted(entry.operation for entry in cloud.face.log.since())
    assert asked == ["interconnectAttachments.list", "routers.get", "routers.getRouterStatus", "transports.get", "vpnTunnels.list"]


@pytest.mark.parametrize("word", ["SOMETHING_NEW", "", None, 7])
def test_a_word_that_google_may_invent_is_unknown(word: Any) -> None:
    nothing = (Health.UNKNOWN, Cause.UNSTATED)
    assert statuses.peer({"status": word}, enabled=True) == nothing
    assert statuses.tunnel(word) == nothing
    assert statuses.attachment({"operationalStatus": word}) == nothing
    assert statuses.transport(word) == nothing
    assert statuses.bfd({"bfdStatus": {"localState": word}}) is None


@pytest.mark.parametrize("state", ["CREATING", "PENDING_CONFIG", "PENDING_KEY"])
def test_a_transport_that_is_still_being_made_is_unknown(state: str) -> None:
    assert statuses.transport(state)[0] is Health.UNKNOWN


def test_a_bfd_session_that_was_shut_down_says_nothing_of_the_path() -> None:
    assert statuses.bfd({"bfdStatus": {"localState": "ADMIN_DOWN", "localDiagnostic": "ADMINISTRATIVELY_DOWN"}}) is None
    assert statuses.bfd({"bfdStatus": {"localState": "DOWN", "localDiagnostic": "NEIGHBOR_SIGNALED_SESSION_DOWN"}}) is None


def test_a_disabled_or_defunct_attachment_is_down_with_its_cause() -> None:
    assert statuses.attachment({"adminEnabled": False, "operationalStatus": "OS_ACTIVE"}) == (Health.DOWN, Cause.CONFIG_DISABLED)
    assert statuses.attachment({"state": "DEFUNCT"}) == (Health.DOWN, Cause.DELETED)


def test_an_announced_outage_is_a_notice_about_the_attachment_it_hits(cloud: Cloud) -> None:
    cloud.network.maintain("ix-a", 3_600.0, 7_200.0)
    (notice,) = run(looker(cloud).notices())
    assert notice.what == "OUTAGE"
    assert notice.members == ("interconnect/ic-ix-a", VLAN_A)
    assert (notice.start, notice.end) == (cloud.time.moment(3_600.0), cloud.time.moment(7_200.0))
    assert run(looker(cloud).notices()) == (notice,)


def test_no_announcement_is_no_notice(cloud: Cloud) -> None:
    assert run(looker(cloud).notices()) == ()


def test_a_fabric_without_google_members_is_looked_at_in_silence(cloud: Cloud, fabric: Fabric) -> None:
    assert fabric.links
    assert run(looker(cloud).look(())) == Look()
    assert cloud.face.log.since() == ()
