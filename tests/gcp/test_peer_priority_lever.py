"""The peer priority lever keeps what it does not know, writes the whole array back, and notices an edit at the same moment."""

import asyncio
import json

import pytest

from pointsman.adapters.gcp.compute import Compute, RouterRef
from pointsman.adapters.gcp.peer_priority import MIXED, PeerPriorityLever
from pointsman.core.fabric import LinkName
from pointsman.core.steering import Level, PeerPriority, RoutePolicies
from pointsman.ports.clouds import FenceLost, LeverBusy, LeverFailed, LeverUnsure
from pointsman.testing.faces.faults import FaultKind
from pointsman.testing.gcp.answers import Json
from tests.gcp.conftest import Cloud, run

PATCH = "routers.patch"


def want(priority: int, link: str = "ix-b") -> PeerPriority:
    return PeerPriority(link=LinkName(link), priority=priority)


def lever(cloud: Cloud) -> PeerPriorityLever:
    return PeerPriorityLever(cloud.fabric, cloud.compute)


async def steer(hand: PeerPriorityLever, setting: PeerPriority) -> None:
    await hand.apply(setting, await hand.observe(setting.link), "epoch-1")


def edit(cloud: Cloud, which: str, **fields: object) -> None:
    """Change a peer by hand."""
    state = cloud.face.routers.states[0]
    peers = [peer | fields if peer["name"] == which else peer for peer in state.resource.now["bgpPeers"]]
    cloud.face.routers.put_router(state, state.resource.now | {"bgpPeers": peers}, "somebody@example.com")


def peer(cloud: Cloud, name: str) -> Json:
    return cloud.face.routers.states[0].peer(name)


def test_the_priority_moves_what_aws_sends_and_undo_brings_it_back(cloud: Cloud) -> None:
    hand = lever(cloud)
    assert run(hand.observe("ix-b")).setting == want(100)
    run(steer(hand, want(0)))
    assert cloud.links("checkout")[0] == {"ix-b"}
    seen = run(hand.observe("ix-b"))
    assert seen.setting == want(0)
    run(hand.undo(seen, "epoch-2"))
    assert cloud.links("checkout")[0] == {"ix-a", "ix-b"}


def test_every_peer_of_a_link_is_set_in_one_patch(cloud: Cloud) -> None:
    run(steer(lever(cloud), want(7, "vpn")))
    assert cloud.writes() == [PATCH]
    assert {peer(cloud, f"aws-vpn-{n}")["advertisedRoutePriority"] for n in range(1, 5)} == {7}
    assert peer(cloud, "aws-a")["advertisedRoutePriority"] == 100


def test_fields_that_we_do_not_know_are_written_back_as_they_were(cloud: Cloud) -> None:
    edit(cloud, "aws-a", fieldOfTheFuture={"deep": [1, None]})
    edit(cloud, "aws-b", md5AuthenticationKeyName="key-1")
    run(steer(lever(cloud), want(5)))
    assert peer(cloud, "aws-a")["fieldOfTheFuture"] == {"deep": [1, None]}
    assert peer(cloud, "aws-b")["md5AuthenticationKeyName"] == "key-1"
    assert list(json.loads(cloud.face.log.writes()[0].body)) == ["bgpPeers"]


@pytest.mark.parametrize("priority", [-1, 201, 65_535])
def test_a_priority_where_region_costs_would_decide_is_refused(cloud: Cloud, priority: int) -> None:
    with pytest.raises(LeverFailed, match="0 to 200"):
        run(steer(lever(cloud), want(priority)))
    assert cloud.writes() == []


def test_an_edit_since_the_observation_loses_the_fence(cloud: Cloud) -> None:
    hand = lever(cloud)
    seen = run(hand.observe("ix-b"))
    edit(cloud, "aws-a", advertisedRoutePriority=50)
    with pytest.raises(FenceLost, match="observe again"):
        run(hand.apply(want(5), seen, "epoch-1"))
    assert cloud.writes() == []


class MetByAnother(Compute):
    """Somebody edits a peer between the end of our write and our next read."""

    cloud: Cloud

    async def wait(self, router: RouterRef, operation: str) -> bool:
        ended = await super().wait(router, operation)
        edit(self.cloud, "aws-b", advertisedRoutePriority=150)
        return ended


def test_an_edit_at_the_very_moment_of_the_write_is_found_afterwards(cloud: Cloud) -> None:
    compute = MetByAnother(cloud.http, endpoint=cloud.face.url)
    compute.cloud = cloud
    with pytest.raises(FenceLost, match="aws-b of router cr-aws-1 was edited at the same moment"):
        run(steer(PeerPriorityLever(cloud.fabric, compute), want(5)))


def test_the_same_step_twice_is_one_change(cloud: Cloud) -> None:
    hand = lever(cloud)
    run(steer(hand, want(5)))
    run(steer(hand, want(5)))
    assert cloud.writes() == [PATCH]


def test_peers_of_one_link_that_differ_equal_nothing_that_can_be_wanted(cloud: Cloud) -> None:
    edit(cloud, "aws-vpn-2", advertisedRoutePriority=33)
    assert run(lever(cloud).observe("vpn")).setting == want(MIXED, "vpn")
    run(steer(lever(cloud), want(33, "vpn")))
    assert run(lever(cloud).observe("vpn")).setting == want(33, "vpn")


@pytest.mark.parametrize(
    ("kind", "error"), [(FaultKind.BUSY, LeverBusy), (FaultKind.DENIED, LeverFailed), (FaultKind.DONE_UNANSWERED, LeverUnsure)]
)
def test_every_trouble_of_a_write_is_named_for_the_next_step(cloud: Cloud, kind: FaultKind, error: type[Exception]) -> None:
    cloud.trouble(PATCH, kind)
    with pytest.raises(error):
        run(steer(lever(cloud), want(5)))


def test_verify_proves_acceptance_and_effect(slow_cloud: Cloud) -> None:
    hand = lever(slow_cloud)
    assert run(hand.verify(want(5))).level is Level.NONE
    run(steer(hand, want(5)))
    assert run(hand.verify(want(5))).level is Level.EFFECTIVE


def test_a_peer_that_the_router_does_not_have_is_a_fault_of_the_fabric(cloud: Cloud) -> None:
    edit(cloud, "aws-b", name="renamed")
    with pytest.raises(LeverFailed, match="mend the fabric or the router"):
        run(lever(cloud).observe("ix-b"))


def test_another_levers_setting_is_refused(cloud: Cloud) -> None:
    hand = lever(cloud)
    with pytest.raises(LeverFailed, match="RoutePolicies"):
        run(hand.apply(RoutePolicies(link=LinkName("ix-b")), run(hand.observe("ix-b")), "t"))


def test_links_of_one_router_take_turns_so_that_no_edit_of_ours_undoes_another(cloud: Cloud) -> None:
    async def both() -> list[BaseException | None]:
        hand = lever(cloud)
        seen = [(setting, await hand.observe(setting.link)) for setting in (want(150, "ix-a"), want(160, "ix-b"))]
        ends = await asyncio.gather(*(hand.apply(setting, held, f"epoch-{held.setting}") for setting, held in seen), return_exceptions=True)
        await steer(hand, want(160, "ix-b"))
        return ends

    first, second = run(both())
    assert first is None, "the first was neither lost nor disturbed"
    assert isinstance(second, FenceLost)
    assert "observe again" in str(second), "it was told before it wrote anything"
    assert [peer(cloud, name)["advertisedRoutePriority"] for name in ("aws-a", "aws-b")] == [150, 160]
