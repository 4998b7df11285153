"""The self-expiring drain of a Direct Connect link: starting, carrying on, stopping, and whose test it is."""

from datetime import timedelta
from typing import Any

import pytest

from pointsman.adapters.aws import interfaces, transit
from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.aws.failover_test import FailoverTestLever
from pointsman.core.fabric import AwsMember, LinkName, Member, MemberId
from pointsman.core.steering import FailoverTest, Level, Observed, PeerPriority, Verified
from pointsman.core.values import replace
from pointsman.ports.clouds import FenceLost, LeverBusy, LeverFailed, LeverUnsure
from pointsman.testing.faces.faults import FaultKind
from pointsman.testing.network.happenings import Kind
from tests.aws.conftest import REGION, Cloud, run
from tests.twin.networks import IX_A as ATTACHMENT
from tests.twin.networks import TABLE, VIF_A

IX_A = LinkName("ix-a")
HALF_HOUR = timedelta(minutes=30)
DRAINED = FailoverTest(link=IX_A, running=True, duration=HALF_HOUR)
OPEN = FailoverTest(link=IX_A, running=False)


class Draining:
    """The lever on ix-a, with the words that the tests need."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.lever = FailoverTestLever(cloud.fabric, cloud.clients, cloud.clock, lambda: 0.5)

    def observed(self) -> Observed:
        return run(self.lever.observe("ix-a"))

    def apply(self, want: FailoverTest = DRAINED, observed: Observed | None = None) -> None:
        run(self.lever.apply(want, observed or self.observed(), "step-1"))

    def undo(self, observed: Observed | None = None) -> None:
        run(self.lever.undo(observed or self.observed(), "step-2"))

    def verify(self, want: FailoverTest) -> Verified:
        return run(self.lever.verify(want))

    def used(self) -> set[str]:
        """The links that carry training, either way."""
        path = self.cloud.network.path("training")
        return {*path.to_gcp.links, *path.to_aws.links}

    def came_up(self) -> int:
        """How often a session of the link came up so far."""
        return sum(one.link == "ix-a" and one.kind is Kind.SESSION_UP for one in self.cloud.network.happenings)

    def tests_begun(self) -> int:
        return len(self.cloud.network.failover_tests(VIF_A))


@pytest.fixture
def draining(cloud: Cloud) -> Draining:
    return Draining(cloud)


def test_a_drain_takes_traffic_off_the_link_both_ways(draining: Draining) -> None:
    assert "ix-a" in draining.used()
    draining.apply()
    draining.cloud.later(minutes=4)
    assert "ix-a" not in draining.used()
    assert draining.cloud.network.path("training").carried


def test_observe_tells_that_it_runs_and_until_when(draining: Draining) -> None:
    assert draining.observed().setting == OPEN
    began = draining.cloud.clock.now()
    draining.apply()
    seen = draining.observed()
    assert seen.setting == DRAINED
    assert seen.until == began + HALF_HOUR


def test_the_drain_ends_by_itself_when_everything_of_ours_is_dead(draining: Draining) -> None:
    draining.apply()
    draining.cloud.later(minutes=32)
    assert "ix-a" in draining.used()
    assert draining.observed().setting == OPEN


def test_undo_gives_the_link_back_early(draining: Draining) -> None:
    draining.apply()
    draining.cloud.later(minutes=4)
    draining.undo()
    draining.cloud.later(minutes=2)
    assert "ix-a" in draining.used()
    assert draining.verify(OPEN) == Verified(level=Level.EFFECTIVE)


def test_wanting_no_test_is_an_undo(draining: Draining) -> None:
    draining.apply()
    draining.apply(OPEN)
    assert draining.observed().setting == OPEN


def test_the_same_step_twice_is_one_test(draining: Draining) -> None:
    seen = draining.observed()
    draining.apply(observed=seen)
    draining.apply(observed=seen)
    draining.apply()
    assert draining.tests_begun() == 1
    assert draining.observed().setting == DRAINED


def test_stopping_twice_ends_well(draining: Draining) -> None:
    draining.apply()
    seen = draining.observed()
    draining.undo(seen)
    draining.undo(seen)
    assert draining.observed().setting == OPEN


def test_a_start_without_an_answer_is_unsure_and_known_for_ours_afterwards(draining: Draining) -> None:
    draining.cloud.fails("StartBgpFailoverTest", FaultKind.DONE_UNANSWERED)
    with pytest.raises(LeverUnsure):
        draining.apply()
    assert draining.observed().setting == DRAINED
    draining.undo()
    assert draining.observed().setting == OPEN


def test_a_start_that_lands_late_is_known_for_ours(draining: Draining) -> None:
    draining.cloud.fails("StartBgpFailoverTest", FaultKind.LATE, seconds=40)
    with pytest.raises(LeverUnsure):
        draining.apply()
    assert draining.observed().setting == OPEN
    draining.cloud.later(seconds=41)
    assert draining.observed().setting == DRAINED
    draining.undo()
    assert draining.observed().setting == OPEN


def test_a_start_by_an_old_look_is_known_for_ours_though_another_test_ran_in_between(draining: Draining) -> None:
    old = draining.observed()
    draining.apply()
    draining.undo()
    draining.apply(observed=old)
    assert draining.tests_begun() == 2
    assert draining.observed().setting == DRAINED


def test_a_refused_start_by_an_old_look_leaves_the_running_test_ours(draining: Draining) -> None:
    old = draining.observed()
    draining.apply()
    draining.undo()
    draining.apply()
    draining.apply(observed=old)
    assert draining.tests_begun() == 2
    assert draining.observed().setting == DRAINED


def test_a_claim_is_found_below_many_later_ones(draining: Draining, operator: Clients) -> None:
    draining.apply()
    for turn in range(55):
        other = f'{{"after":"of-long-ago","minutes":{turn}}}'
        operator.ssm(REGION).put_parameter(Name=f"/pointsman/atlas/failover-test/{VIF_A}", Value=other, Type="String", Overwrite=True)
    assert draining.observed().setting == DRAINED
    assert draining.cloud.asked.count("GetParameterHistory") == 2


def test_somebody_elses_test_is_never_stopped_and_never_counted_as_ours(draining: Draining, operator: Clients) -> None:
    operator.direct_connect(REGION).start_bgp_failover_test(virtualInterfaceId=VIF_A, testDurationInMinutes=30)
    seen = draining.observed()
    assert seen.setting == OPEN
    draining.undo(seen)
    assert draining.cloud.network.failover_tests(VIF_A)[0].ended is None
    with pytest.raises(LeverBusy, match="not ours"):
        draining.apply(observed=seen)
    assert "somebody else" in draining.verify(DRAINED).missing


def test_somebody_elses_test_right_after_ours_is_theirs(draining: Draining, operator: Clients) -> None:
    draining.apply()
    draining.undo()
    operator.direct_connect(REGION).start_bgp_failover_test(virtualInterfaceId=VIF_A, testDurationInMinutes=30)
    draining.undo()
    assert draining.cloud.network.failover_tests(VIF_A)[0].ended is None


def test_a_test_that_somebody_began_since_the_look_loses_the_fence(draining: Draining, operator: Clients) -> None:
    seen = draining.observed()
    operator.direct_connect(REGION).start_bgp_failover_test(virtualInterfaceId=VIF_A, testDurationInMinutes=10)
    with pytest.raises(FenceLost, match="not ours"):
        draining.apply(observed=seen)


def test_near_its_end_a_test_reads_as_other_than_wanted_and_is_followed_at_once(draining: Draining) -> None:
    draining.apply()
    draining.cloud.later(minutes=29, seconds=45)
    seen = draining.observed()
    assert seen.setting == FailoverTest(link=IX_A, running=True, duration=timedelta(seconds=15))
    draining.apply(observed=seen)
    assert draining.tests_begun() == 2
    newer, older = draining.cloud.network.failover_tests(VIF_A)
    assert older.ended is not None
    assert newer.started - older.ended < 1.0
    assert draining.observed().setting == DRAINED
    draining.cloud.later(minutes=2)
    assert "ix-a" not in draining.used()


def test_carrying_on_draws_no_traffic_onto_the_link_in_between(draining: Draining) -> None:
    draining.apply()
    draining.cloud.later(minutes=29, seconds=45)
    before = draining.came_up()
    draining.apply()
    draining.cloud.later(minutes=5)
    assert draining.came_up() == before
    draining.cloud.later(minutes=30)
    assert draining.came_up() > before


def test_an_end_that_comes_late_is_waited_for(draining: Draining) -> None:
    draining.apply()
    draining.cloud.later(minutes=29, seconds=50)
    draining.cloud.fails("StartBgpFailoverTest", FaultKind.BUSY, times=3)
    draining.apply()
    assert draining.observed().setting == DRAINED
    assert draining.tests_begun() == 2


def test_an_end_that_does_not_come_is_busy_after_a_bounded_wait(draining: Draining) -> None:
    draining.apply()
    draining.cloud.later(minutes=29, seconds=50)
    draining.cloud.fails("StartBgpFailoverTest", FaultKind.BUSY, times=1000)
    with pytest.raises(LeverBusy, match="still runs"):
        draining.apply()


def test_a_right_that_is_gone_at_the_end_is_told_at_once(draining: Draining) -> None:
    draining.apply()
    draining.cloud.later(minutes=29, seconds=50)
    draining.cloud.fails("StartBgpFailoverTest", FaultKind.DENIED, times=1000)
    with pytest.raises(LeverFailed, match="StartBgpFailoverTest"):
        draining.apply()
    assert draining.cloud.writes.count("StartBgpFailoverTest") == 2


def test_a_length_that_aws_does_not_take_is_cut_to_its_limit(draining: Draining) -> None:
    draining.apply(FailoverTest(link=IX_A, running=True, duration=timedelta(days=9)))
    assert draining.cloud.network.failover_tests(VIF_A)[0].minutes == 4320


def test_seconds_are_rounded_up_to_minutes(draining: Draining) -> None:
    draining.apply(FailoverTest(link=IX_A, running=True, duration=timedelta(seconds=61)))
    assert draining.cloud.network.failover_tests(VIF_A)[0].minutes == 2


def test_verify_wants_the_session_down_and_the_routes_gone(draining: Draining) -> None:
    draining.apply()
    draining.cloud.later(minutes=4)
    assert draining.verify(DRAINED) == Verified(level=Level.EFFECTIVE)
    assert draining.verify(OPEN).level is Level.NONE


def test_a_route_that_still_leads_over_the_drained_link_is_told(draining: Draining) -> None:
    draining.verify(OPEN)
    by = "attachment.transit-gateway-attachment-id"
    filters: Any = [{"Name": by, "Values": [ATTACHMENT]}]
    draining.cloud.clients.ec2(REGION).search_transit_gateway_routes(
        TransitGatewayRouteTableId=TABLE, Filters=filters, MaxResults=transit.ROUTES_A_PAGE
    )
    draining.apply()
    draining.cloud.fails("SearchTransitGatewayRoutes", FaultKind.STALE)
    found = draining.verify(DRAINED)
    assert found.level is Level.ACCEPTED
    assert "still sends" in found.missing
    assert draining.verify(DRAINED).level is Level.EFFECTIVE


def test_a_long_history_is_read_to_its_end(draining: Draining, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interfaces, "PAGE", 1)
    for _ in range(4):
        draining.apply()
        draining.cloud.later(seconds=1)
        draining.undo()
        draining.cloud.later(seconds=1)
    draining.apply()
    assert draining.observed().setting == DRAINED


def test_an_end_that_aws_does_not_tell_yet_is_reckoned(draining: Draining) -> None:
    draining.cloud.face.world.tells_end = False
    began = draining.cloud.clock.now()
    draining.apply()
    assert draining.observed().until == began + HALF_HOUR


@pytest.mark.parametrize(("kind", "error"), [(FaultKind.THROTTLED, LeverBusy), (FaultKind.DENIED, LeverFailed)])
def test_a_refused_start_is_told_and_nothing_runs(draining: Draining, kind: FaultKind, error: type[Exception]) -> None:
    draining.cloud.fails("StartBgpFailoverTest", kind)
    with pytest.raises(error, match="StartBgpFailoverTest"):
        draining.apply()
    assert not draining.tests_begun()


def test_a_look_is_three_calls_side_by_side_and_a_start_is_one_more_round_after_which_its_id_is_noted(draining: Draining) -> None:
    seen = draining.observed()
    assert sorted(draining.cloud.asked) == ["DescribeVirtualInterfaces", "GetParameters", "ListVirtualInterfaceTestHistory"]
    draining.cloud.face.log.clear()
    draining.apply(observed=seen)
    assert sorted(draining.cloud.asked) == ["PutParameter", "PutParameter", "StartBgpFailoverTest"]
    assert draining.cloud.asked[-1] == "PutParameter"
    draining.cloud.face.log.clear()
    draining.observed()
    assert "GetParameterHistory" not in draining.cloud.asked


def test_a_link_without_virtual_interfaces_cannot_be_drained_this_way(draining: Draining) -> None:
    with pytest.raises(LeverFailed, match="no virtual interface"):
        run(draining.lever.observe("vpn"))
    with pytest.raises(LeverFailed, match="'nowhere'"):
        run(draining.lever.observe("nowhere"))


def test_a_setting_of_another_lever_is_refused(draining: Draining) -> None:
    with pytest.raises(LeverFailed, match="PeerPriority"):
        run(draining.lever.verify(PeerPriority(link=IX_A, priority=1)))


TWIN_VIF = "dxvif-second00"


@pytest.fixture
def two_interfaces(cloud: Cloud) -> Draining:
    """ix-a with a second virtual interface."""
    first = cloud.fabric.links[0]
    second = Member(id=MemberId("a2"), aws=AwsMember(virtual_interface=TWIN_VIF, connection="dxcon-second00"))
    link = replace(first, members=(*first.members, second))
    fabric = replace(cloud.fabric, links=(link, *cloud.fabric.links[1:]))
    return Draining(Cloud(cloud.face, cloud.clients, cloud.operator, fabric))


def test_every_interface_of_a_link_is_drained(two_interfaces: Draining) -> None:
    two_interfaces.apply()
    two_interfaces.cloud.later(minutes=4)
    assert "ix-a" not in two_interfaces.used()
    assert two_interfaces.observed().setting == DRAINED


def test_a_half_made_drain_reads_as_neither_and_is_completed_or_undone(two_interfaces: Draining) -> None:
    two_interfaces.cloud.fails("StartBgpFailoverTest", FaultKind.THROTTLED)
    with pytest.raises(LeverBusy):
        two_interfaces.apply()
    half = two_interfaces.observed()
    assert half.setting not in (DRAINED, OPEN)
    two_interfaces.apply(observed=half)
    assert two_interfaces.observed().setting == DRAINED
    two_interfaces.undo(half)
    assert two_interfaces.observed().setting not in (DRAINED, OPEN)
    two_interfaces.undo()
    assert two_interfaces.observed().setting == OPEN
