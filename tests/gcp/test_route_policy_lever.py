"""The route policy lever moves real traffic in both directions, and is right twice, late, half done and unsure."""

import asyncio
import json
from typing import Any

import pytest

from pointsman.adapters.gcp.compute import Compute, RouterRef
from pointsman.adapters.gcp.policies import NOT_OURS
from pointsman.adapters.gcp.route_policy import RoutePolicyLever
from pointsman.core.fabric import LinkName
from pointsman.core.steering import RANKS, Level, Observed, PeerPriority, PrefixStance, RoutePolicies, Stance
from pointsman.ports.clouds import FenceLost, LeverBusy, LeverFailed, LeverUnsure
from pointsman.testing.faces.faults import FaultKind
from tests.gcp.conftest import Cloud, run

AWS_PREFIXES = ("10.20.0.0/16", "10.21.0.0/16")
GOOGLE_PREFIXES = ("10.216.0.0/20", "10.217.0.0/16")
PATCH, LIST = "routers.patchRoutePolicy", "routers.listRoutePolicies"


def keep_off(link: str = "ix-a", how: Stance = Stance.AVOID, rank: int = 1) -> RoutePolicies:
    return RoutePolicies(
        link=LinkName(link),
        imports=tuple(PrefixStance(prefix=prefix, stance=how, rank=rank) for prefix in AWS_PREFIXES),
        exports=tuple(PrefixStance(prefix=prefix, stance=how, rank=rank) for prefix in GOOGLE_PREFIXES),
    )


def lever(cloud: Cloud) -> RoutePolicyLever:
    return RoutePolicyLever(cloud.fabric, cloud.compute)


async def steer(hand: RoutePolicyLever, want: RoutePolicies, token: str = "epoch-1") -> None:
    await hand.apply(want, await hand.observe(want.link), token)


def test_a_fresh_link_observes_as_steering_nothing(cloud: Cloud) -> None:
    seen = run(lever(cloud).observe("ix-a"))
    assert seen.setting == RoutePolicies(link=LinkName("ix-a"))
    assert seen.settled


@pytest.mark.parametrize("how", [Stance.AVOID, Stance.DROP])
def test_a_link_that_is_kept_off_carries_neither_direction(cloud: Cloud, how: Stance) -> None:
    assert cloud.links("checkout") == ({"ix-a", "ix-b"}, {"ix-a", "ix-b"})
    run(steer(lever(cloud), keep_off(how=how)))
    for flow in ("checkout", "training"):
        assert cloud.links(flow) == ({"ix-b"}, {"ix-b"})


def test_one_flow_moves_while_another_stays(cloud: Cloud) -> None:
    want = RoutePolicies(
        link=LinkName("ix-a"),
        imports=(PrefixStance(prefix="10.21.0.0/16", stance=Stance.AVOID),),
        exports=(PrefixStance(prefix="10.217.0.0/16", stance=Stance.AVOID),),
    )
    run(steer(lever(cloud), want))
    assert cloud.links("training") == ({"ix-b"}, {"ix-b"})
    assert cloud.links("checkout") == ({"ix-a", "ix-b"}, {"ix-a", "ix-b"})


@pytest.mark.parametrize(("how", "carries"), [(Stance.AVOID, {"ix-a"}), (Stance.DROP, set())])
def test_an_avoided_link_is_still_the_standby_and_a_dropped_one_is_not(cloud: Cloud, how: Stance, carries: set[str]) -> None:
    run(steer(lever(cloud), keep_off(how=how)))
    for link in ("ix-b", "mc", "vpn"):
        cloud.network.cut(link)
    cloud.past(200)
    assert cloud.links("checkout") == (carries, carries)


def test_bgp_falls_back_to_the_lower_rank_first(cloud: Cloud) -> None:
    for link in ("mc", "vpn"):
        cloud.network.cut(link)
    cloud.past(200)
    run(steer(lever(cloud), keep_off("ix-a", rank=2)))
    run(steer(lever(cloud), keep_off("ix-b", rank=1)))
    assert cloud.links("training") == ({"ix-b"}, {"ix-b"})


@pytest.mark.parametrize("rank", [1, RANKS])
def test_an_avoided_interconnect_still_beats_an_unsteered_managed_link_of_a_worse_med(demo_cloud: Cloud, rank: int) -> None:
    for link in ("ix-b", "ix-c", "vpn"):
        demo_cloud.network.cut(link)
    demo_cloud.past(200)
    run(steer(lever(demo_cloud), keep_off("ix-a", rank=rank)))
    for flow in ("checkout", "training"):
        assert demo_cloud.links(flow) == ({"ix-a"}, {"ix-a"})
    demo_cloud.network.cut("ix-a")
    demo_cloud.past(400)
    assert demo_cloud.links("checkout") == ({"mc"}, {"mc"})


def test_interconnects_that_are_all_avoided_keep_their_ranks_ahead_of_a_managed_link(demo_cloud: Cloud) -> None:
    demo_cloud.network.cut("vpn")
    demo_cloud.past(200)
    for rank, link in enumerate(("ix-c", "ix-a", "ix-b"), start=1):
        run(steer(lever(demo_cloud), keep_off(link, rank=rank)))
    for flow in ("checkout", "training"):
        assert demo_cloud.links(flow) == ({"ix-c"}, {"ix-c"})


def test_what_was_written_is_observed_and_undo_brings_everything_back(cloud: Cloud) -> None:
    hand = lever(cloud)
    run(steer(hand, keep_off()))
    seen = run(hand.observe("ix-a"))
    assert seen.setting == keep_off()
    run(hand.undo(seen, "epoch-2"))
    assert run(hand.observe("ix-a")).setting == RoutePolicies(link=LinkName("ix-a"))
    assert cloud.links("checkout") == ({"ix-a", "ix-b"}, {"ix-a", "ix-b"})


def test_a_vpn_of_four_peers_moves_with_one_pair_of_policies(cloud: Cloud) -> None:
    run(steer(lever(cloud), keep_off("vpn", Stance.DROP)))
    assert cloud.writes() == [PATCH, PATCH]


def test_the_same_step_twice_is_one_write_of_each_policy(cloud: Cloud) -> None:
    hand = lever(cloud)
    before = run(hand.observe("ix-a"))
    run(hand.apply(keep_off(), before, "epoch-1"))
    prints = [policy["fingerprint"] for policy in policies(cloud)]
    run(hand.apply(keep_off(), before, "epoch-1"))
    assert [policy["fingerprint"] for policy in policies(cloud)] == prints
    run(steer(hand, keep_off()))
    assert len(cloud.writes()) == 4


def policies(cloud: Cloud) -> list[dict[str, str]]:
    return [versions.now for versions in cloud.face.routers.states[0].policies.values()]


def test_a_newer_fence_makes_a_newer_request_so_that_a_repair_is_not_taken_for_a_repeat(cloud: Cloud) -> None:
    hand = lever(cloud)
    run(steer(hand, keep_off()))
    by_hand(cloud, "from-ix-a", [])
    run(steer(hand, keep_off()))
    assert run(hand.observe("ix-a")).setting == keep_off()


def by_hand(cloud: Cloud, name: str, terms: list[dict[str, object]]) -> None:
    state = cloud.face.routers.states[0]
    cloud.face.routers.put_policy(state, state.policies[name].now | {"terms": terms}, "somebody@example.com")


def test_a_late_write_after_somebody_elses_loses_the_fence_and_changes_nothing(cloud: Cloud) -> None:
    hand = lever(cloud)
    old = run(hand.observe("ix-a"))
    run(steer(hand, keep_off(how=Stance.DROP), "epoch-2"))
    with pytest.raises(FenceLost, match="observe again"):
        run(hand.apply(keep_off(), old, "epoch-1"))
    assert run(hand.observe("ix-a")).setting == keep_off(how=Stance.DROP)


def test_a_hand_edited_policy_is_observed_as_different_and_written_over_with_a_fence(cloud: Cloud) -> None:
    hand = lever(cloud)
    terms: list[dict[str, object]] = [
        {"priority": 7, "match": {"expression": "destination == '10.20.0.0/16'"}, "actions": [{"expression": "med.set(7)"}]}
    ]
    by_hand(cloud, "from-ix-a", terms)
    seen = run(hand.observe("ix-a"))
    assert isinstance(seen.setting, RoutePolicies)
    assert seen.setting.imports == (NOT_OURS,)
    run(hand.apply(keep_off(), seen, "epoch-1"))
    assert run(hand.observe("ix-a")).setting == keep_off()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.BUSY, LeverBusy),
        (FaultKind.THROTTLED, LeverBusy),
        (FaultKind.DENIED, LeverFailed),
        (FaultKind.BROKEN, LeverUnsure),
        (FaultKind.UNANSWERED, LeverUnsure),
        (FaultKind.DONE_UNANSWERED, LeverUnsure),
    ],
)
def test_every_trouble_of_a_write_is_named_for_the_next_step(cloud: Cloud, kind: FaultKind, error: type[Exception]) -> None:
    cloud.trouble(PATCH, kind, times=2)
    with pytest.raises(error):
        run(steer(lever(cloud), keep_off()))


@pytest.mark.parametrize("kind", [FaultKind.UNANSWERED, FaultKind.DONE_UNANSWERED])
def test_after_an_unsure_write_one_more_pass_makes_it_so_whether_or_not_it_was_made(cloud: Cloud, kind: FaultKind) -> None:
    hand = lever(cloud)
    cloud.trouble(PATCH, kind, times=2)
    with pytest.raises(LeverUnsure, match="observe"):
        run(steer(hand, keep_off()))
    run(steer(hand, keep_off()))
    assert run(hand.observe("ix-a")).setting == keep_off()
    assert cloud.links("checkout") == ({"ix-b"}, {"ix-b"})


def test_a_write_that_arrives_late_meets_a_newer_fence_and_is_refused(cloud: Cloud) -> None:
    hand = lever(cloud)
    cloud.trouble(PATCH, FaultKind.LATE, times=2, seconds=30)
    with pytest.raises(LeverUnsure):
        run(steer(hand, keep_off(how=Stance.DROP), "epoch-1"))
    run(steer(hand, keep_off(), "epoch-2"))
    cloud.past(31)
    assert run(hand.observe("ix-a")).setting == keep_off()


def test_a_half_done_write_tells_the_graver_error_and_the_next_pass_writes_only_the_rest(cloud: Cloud) -> None:
    hand = lever(cloud)
    cloud.trouble(PATCH, FaultKind.DENIED, times=1)
    with pytest.raises(LeverFailed, match="permissions"):
        run(steer(hand, keep_off()))
    seen = run(hand.observe("ix-a")).setting
    assert isinstance(seen, RoutePolicies)
    assert (seen.imports == keep_off().imports) != (seen.exports == keep_off().exports)
    cloud.face.log.clear()
    run(steer(hand, keep_off()))
    assert cloud.writes() == [PATCH]
    assert run(hand.observe("ix-a")).setting == keep_off()


def test_two_writes_to_one_busy_router_both_arrive(slow_cloud: Cloud) -> None:
    hand = lever(slow_cloud)
    run(steer(hand, keep_off()))
    statuses = [entry.status for entry in slow_cloud.face.log.writes()]
    assert sorted(statuses) == [200, 200, 400]
    assert run(hand.verify(keep_off())).level is Level.EFFECTIVE


def test_all_links_of_a_busy_router_are_written_in_one_pass(slow_cloud: Cloud) -> None:
    hand = lever(slow_cloud)

    async def together() -> None:
        await asyncio.gather(*(steer(hand, keep_off(link)) for link in ("ix-a", "ix-b", "vpn")))

    run(together())
    for link in ("ix-a", "ix-b", "vpn"):
        run(hand.verify(keep_off(link)))
        assert run(hand.observe(link)).setting == keep_off(link)
    assert len(slow_cloud.writes()) <= 3 + 5 + 5


def test_a_router_that_somebody_else_keeps_busy_is_left_for_later(slow_cloud: Cloud) -> None:
    hand = lever(slow_cloud)
    seen = run(hand.observe("ix-b"))
    run(steer(lever(slow_cloud), RoutePolicies(link=LinkName("ix-a"), imports=keep_off().imports)))
    with pytest.raises(LeverBusy, match="still running"):
        run(hand.apply(keep_off("ix-b"), seen, "epoch-1"))


def test_a_throttled_write_is_not_sent_again(cloud: Cloud) -> None:
    cloud.trouble(PATCH, FaultKind.THROTTLED)
    with pytest.raises(LeverBusy, match="quota"):
        run(steer(lever(cloud), keep_off()))
    assert cloud.writes() == [PATCH, PATCH]


def test_a_write_is_unsettled_until_its_operation_ends(slow_cloud: Cloud) -> None:
    hand = lever(slow_cloud)
    want = RoutePolicies(link=LinkName("ix-a"), imports=keep_off().imports)

    async def observed() -> tuple[Observed, Observed]:
        await steer(hand, want)
        early = await hand.observe("ix-a")
        await hand.verify(want)
        return early, await hand.observe("ix-a")

    early, later = run(observed())
    assert (early.settled, early.setting) == (False, RoutePolicies(link=LinkName("ix-a")))
    assert (later.settled, later.setting) == (True, want)


def test_verify_proves_acceptance_and_effect(cloud: Cloud) -> None:
    hand = lever(cloud)
    assert run(hand.verify(keep_off())).level is Level.NONE
    run(steer(hand, keep_off()))
    assert run(hand.verify(keep_off())).level is Level.EFFECTIVE
    run(steer(hand, RoutePolicies(link=LinkName("ix-a"))))
    assert run(hand.verify(RoutePolicies(link=LinkName("ix-a")))).level is Level.EFFECTIVE


def test_verify_says_accepted_only_when_no_other_link_takes_the_traffic(cloud: Cloud) -> None:
    hand = lever(cloud)
    for link in ("ix-a", "ix-b", "vpn"):
        run(steer(hand, keep_off(link)))
    found = [run(hand.verify(keep_off(link))) for link in ("ix-a", "ix-b", "vpn")]
    assert Level.ACCEPTED in {one.level for one in found}
    assert any("no other link offers it" in one.missing for one in found)


def test_verify_is_not_fooled_by_a_stale_read(cloud: Cloud) -> None:
    hand = lever(cloud)
    run(steer(hand, keep_off()))
    cloud.trouble(LIST, FaultKind.STALE)
    found = run(hand.verify(keep_off()))
    assert (found.level, "read back different" in found.missing) == (Level.NONE, True)


def test_a_policy_that_no_peer_uses_is_refused_with_the_mend(cloud: Cloud) -> None:
    detach(cloud)
    with pytest.raises(LeverFailed, match="to-ix-a is not attached to peer aws-a"):
        run(steer(lever(cloud), keep_off()))
    assert cloud.writes() == []


def detach(cloud: Cloud) -> None:
    state = cloud.face.routers.states[0]
    bare = [peer | {"exportPolicies": []} for peer in state.resource.now["bgpPeers"]]
    cloud.face.routers.put_router(state, state.resource.now | {"bgpPeers": bare}, "somebody@example.com")


def test_a_policy_that_no_peer_uses_can_still_be_undone(cloud: Cloud) -> None:
    hand = lever(cloud)
    run(steer(hand, keep_off()))
    detach(cloud)
    run(hand.undo(run(hand.observe("ix-a")), "epoch-2"))
    assert run(hand.observe("ix-a")).setting == RoutePolicies(link=LinkName("ix-a"))


def test_a_missing_policy_is_named_with_the_mend(cloud: Cloud) -> None:
    del cloud.face.routers.states[0].policies["from-ix-a"]
    with pytest.raises(LeverFailed, match="from-ix-a does not exist on router cr-aws-1: create it"):
        run(lever(cloud).observe("ix-a"))


@pytest.mark.parametrize("link", ["mc", "nowhere"])
def test_a_link_without_policies_cannot_be_steered_and_says_why(cloud: Cloud, link: str) -> None:
    with pytest.raises(LeverFailed, match=link):
        run(lever(cloud).observe(link))


def test_another_levers_setting_or_fence_is_refused(cloud: Cloud) -> None:
    hand = lever(cloud)
    seen = run(hand.observe("ix-a"))
    with pytest.raises(LeverFailed, match="PeerPriority"):
        run(hand.apply(PeerPriority(link=LinkName("ix-a"), priority=1), seen, "t"))
    with pytest.raises(FenceLost):
        run(hand.apply(keep_off(), Observed(setting=seen.setting, fence="x"), "t"))


def test_unreadable_is_busy_and_never_a_setting(cloud: Cloud) -> None:
    for kind in (FaultKind.THROTTLED, FaultKind.BROKEN, FaultKind.UNANSWERED):
        cloud.trouble(LIST, kind, times=1 + (kind is FaultKind.UNANSWERED))  # a GET goes out once more where a kept connection ends
        with pytest.raises(LeverBusy):
            run(lever(cloud).observe("ix-a"))


def test_an_observe_is_one_round_trip_of_parallel_reads_and_a_write_is_the_next(cloud: Cloud) -> None:
    hand = lever(cloud)
    run(steer(hand, keep_off()))
    asked = [entry.operation for entry in cloud.face.log.since()]
    assert sorted(asked[:2]) == ["routers.get", LIST]
    assert asked[2:] == [PATCH, PATCH]


class Terse(Compute):
    """A Compute Engine whose list of policies shows their names and types alone."""

    async def policies(self, router: RouterRef) -> dict[str, dict[str, Any]]:
        shown = await super().policies(router)
        return {name: {"name": name, "type": one["type"]} for name, one in shown.items()}


def test_what_the_list_of_policies_does_not_show_is_asked_for_one_by_one(cloud: Cloud) -> None:
    run(steer(lever(cloud), keep_off()))
    hand = RoutePolicyLever(cloud.fabric, Terse(cloud.http, endpoint=cloud.face.url))
    assert run(hand.observe("ix-a")) == run(lever(cloud).observe("ix-a"))


def test_the_written_body_carries_the_fence_and_nothing_a_user_set_is_lost(cloud: Cloud) -> None:
    state = cloud.face.routers.states[0]
    cloud.face.routers.put_policy(state, state.policies["to-ix-a"].now | {"description": "hands off"}, "somebody@example.com")
    fingerprint = state.policies["to-ix-a"].now["fingerprint"]
    run(steer(lever(cloud), keep_off()))
    bodies = [json.loads(entry.body) for entry in cloud.face.log.writes()]
    assert fingerprint in {body["fingerprint"] for body in bodies}
    assert state.policies["to-ix-a"].now["description"] == "hands off"
