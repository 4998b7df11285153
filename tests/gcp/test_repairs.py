"""What went wrong once is repaired by the next sweep under the same plan, and what is asked for twice at once is one write."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from pointsman.adapters.gcp.compute import Throttled, ended
from pointsman.adapters.gcp.peer_priority import PeerPriorityLever
from pointsman.adapters.gcp.route_policy import RoutePolicyLever
from pointsman.core.fabric import LinkName
from pointsman.core.plan import Plan
from pointsman.core.steering import Level, PeerPriority, RoutePolicies
from pointsman.ports.clouds import Lever, LeverBusy, LeverFailed
from pointsman.service.enact import REPEATED_WITHIN, token
from pointsman.testing.faces.faults import FaultKind
from tests.gcp.conftest import Cloud, run
from tests.gcp.test_route_policy_lever import PATCH, keep_off

SWEEP = timedelta(minutes=1)
NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
FREE = RoutePolicies(link=LinkName("ix-a"))
PRIORITY = PeerPriority(link=LinkName("ix-b"), priority=0)


class Sweeps:
    """Sweeps of one plan, each in a process of its own."""

    def __init__(self, cloud: Cloud, want: RoutePolicies | PeerPriority) -> None:
        self.cloud, self.want, self.now = cloud, want, NINE
        self.plan = Plan(fabric=cloud.fabric.name, fabric_hash=cloud.fabric.hash, decider="rules", epoch=7, decided_at=NINE)

    def hand(self) -> Lever:
        made = RoutePolicyLever if isinstance(self.want, RoutePolicies) else PeerPriorityLever
        return made(self.cloud.fabric, self.cloud.compute)

    async def pass_by(self, hand: Lever) -> None:
        seen = await hand.observe(self.want.link)
        if seen.setting != self.want:
            await hand.apply(self.want, seen, token(self.plan, self.want, seen, self.now))

    def sweep(self) -> Level:
        """Make the lever equal to the plan and say how far that is proved; the next one comes a minute later."""
        hand = self.hand()
        try:
            run(self.pass_by(hand))
            return run(hand.verify(self.want)).level
        finally:
            self.now += SWEEP
            self.cloud.past(SWEEP.total_seconds())


def emptied(cloud: Cloud) -> None:
    """Take the terms out of both policies by hand, as Terraform does."""
    state = cloud.face.routers.states[0]
    for name in ("from-ix-a", "to-ix-a"):
        cloud.face.routers.put_policy(state, state.policies[name].now | {"terms": []}, "terraform@example.com")


def test_a_drain_that_was_reverted_by_hand_is_made_again_by_the_next_sweep(cloud: Cloud) -> None:
    emptied(cloud)
    sweeps = Sweeps(cloud, keep_off())
    assert sweeps.sweep() is Level.EFFECTIVE
    emptied(cloud)
    assert cloud.links("checkout") == ({"ix-a", "ix-b"}, {"ix-a", "ix-b"})
    assert sweeps.sweep() is Level.EFFECTIVE
    assert cloud.links("checkout") == ({"ix-b"}, {"ix-b"})


def test_a_priority_that_was_reverted_by_hand_is_set_again_by_the_next_sweep(cloud: Cloud) -> None:
    sweeps = Sweeps(cloud, PRIORITY)
    assert sweeps.sweep() is Level.EFFECTIVE
    state = cloud.face.routers.states[0]
    peers = [peer | {"advertisedRoutePriority": 100} for peer in state.resource.now["bgpPeers"]]
    cloud.face.routers.put_router(state, state.resource.now | {"bgpPeers": peers}, "terraform@example.com")
    assert sweeps.sweep() is Level.EFFECTIVE
    assert cloud.links("checkout")[0] == {"ix-b"}


def test_a_drain_whose_operations_failed_is_made_again_by_the_next_sweep(cloud: Cloud) -> None:
    cloud.trouble(PATCH, FaultKind.FAILS_LATER, times=2)
    sweeps = Sweeps(cloud, keep_off())
    with pytest.raises(LeverBusy, match="try again"):
        sweeps.sweep()
    assert sweeps.sweep() is Level.EFFECTIVE
    assert cloud.links("checkout") == ({"ix-b"}, {"ix-b"})


def test_an_operation_that_fails_after_it_was_accepted_is_told_and_made_again_by_the_next_sweep(slow_cloud: Cloud) -> None:
    slow_cloud.trouble(PATCH, FaultKind.FAILS_LATER, times=2)
    sweeps = Sweeps(slow_cloud, keep_off())
    found: list[Level] = []
    for _ in range(4):
        try:
            found.append(sweeps.sweep())
        except LeverBusy:
            found.append(Level.NONE)
    assert (found[0], found[-1]) == (Level.NONE, Level.EFFECTIVE)
    assert slow_cloud.links("checkout") == ({"ix-b"}, {"ix-b"})


def test_functions_that_write_the_same_at_once_make_one_write_of_it(slow_cloud: Cloud) -> None:
    sweeps = Sweeps(slow_cloud, RoutePolicies(link=LinkName("ix-a"), imports=keep_off().imports))

    async def at_once() -> None:
        await asyncio.gather(*(sweeps.pass_by(sweeps.hand()) for _ in range(3)))

    run(at_once())
    assert {entry.status for entry in slow_cloud.face.log.writes()} == {200}
    assert len({entry.body for entry in slow_cloud.face.log.writes()}) == 1


def test_a_step_has_one_token_within_a_delivery_and_another_for_another_wish_fence_or_time(cloud: Cloud) -> None:
    sweeps = Sweeps(cloud, keep_off())
    seen = run(sweeps.hand().observe("ix-a"))
    first = token(sweeps.plan, sweeps.want, seen, NINE)
    assert token(sweeps.plan, sweeps.want, seen, NINE + REPEATED_WITHIN - timedelta(microseconds=1)) == first
    assert token(sweeps.plan, sweeps.want, seen, NINE + REPEATED_WITHIN) != first
    assert token(sweeps.plan, FREE, seen, NINE) != first
    assert REPEATED_WITHIN < SWEEP


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (503, "SOMETHING_NEW", LeverBusy),
        (None, "INTERNAL_ERROR", LeverBusy),
        (429, "SOMETHING_NEW", Throttled),
        (None, "RESOURCE_OPERATION_RATE_EXCEEDED", Throttled),
        (403, "PERMISSIONS_ERROR", LeverFailed),
    ],
)
def test_an_operation_that_ended_in_an_error_says_whether_another_try_may_help(
    status: int | None, code: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        ended({"status": "DONE", "httpErrorStatusCode": status, "error": {"errors": [{"code": code, "message": "so it is"}]}})
