"""Both pins on a Transit Gateway keep the lever's promises, judged by where the model's packets go."""

from typing import Any

import pytest

from pointsman.adapters.aws import transit
from pointsman.adapters.aws.prefix_list_pin import PrefixListPinLever
from pointsman.core.fabric import PinTarget
from pointsman.core.steering import FailoverTest, Level, LeverKind, PrefixListPin, Verified
from pointsman.core.values import replace
from pointsman.ports.clouds import FenceLost, LeverBusy, LeverFailed, LeverUnsure
from pointsman.testing.faces.faults import FaultKind
from pointsman.testing.network.views import Broken
from tests.aws.conftest import REGION, Cloud, run
from tests.aws.pinning import CHECKOUT, SETTLE, Pinning
from tests.twin.networks import IX_A, IX_B, LIST, TABLE, VPN_1


@pytest.fixture(params=[LeverKind.PREFIX_LIST_PIN, LeverKind.STATIC_PIN], ids=["prefix-list", "static"])
def pinning(cloud: Cloud, request: Any) -> Pinning:
    return Pinning(cloud, request.param)


def test_a_pin_moves_the_flow_and_no_other(pinning: Pinning) -> None:
    training = pinning.cloud.links_to_google("training")
    assert pinning.observed().setting == pinning.to(None)
    pinning.apply(VPN_1)
    assert pinning.cloud.links_to_google("checkout") == {"vpn"}
    assert pinning.cloud.links_to_google("training") == training
    assert pinning.observed().setting == pinning.to(VPN_1)


def test_a_pin_is_changed_in_place_and_never_deleted_first(pinning: Pinning) -> None:
    pinning.apply(VPN_1)
    pinning.cloud.later(seconds=SETTLE)
    pinning.apply(IX_B)
    assert pinning.cloud.links_to_google("checkout") == {"ix-b"}
    assert pinning.cloud.writes == (pinning.creating, pinning.changing)


def test_undo_gives_the_flow_back_to_bgp(pinning: Pinning) -> None:
    before = pinning.cloud.links_to_google("checkout")
    pinning.apply(VPN_1)
    pinning.cloud.later(seconds=SETTLE)
    pinning.undo()
    assert pinning.cloud.links_to_google("checkout") == before
    assert pinning.observed().setting == pinning.to(None)
    assert pinning.verify(None) == Verified(level=Level.EFFECTIVE)


def test_applying_no_attachment_is_an_undo(pinning: Pinning) -> None:
    pinning.apply(VPN_1)
    pinning.cloud.later(seconds=SETTLE)
    pinning.apply(None)
    assert pinning.observed().setting == pinning.to(None)


def test_the_same_step_twice_is_one_write(pinning: Pinning) -> None:
    pinning.apply(VPN_1)
    pinning.apply(VPN_1)
    assert pinning.cloud.writes == (pinning.creating,)


def test_the_same_step_twice_from_one_observation_ends_well(pinning: Pinning) -> None:
    seen = pinning.observed()
    pinning.apply(VPN_1, seen)
    pinning.apply(VPN_1, seen)
    assert pinning.cloud.links_to_google("checkout") == {"vpn"}


def test_undoing_twice_from_one_observation_ends_well(pinning: Pinning) -> None:
    pinning.apply(VPN_1)
    pinning.cloud.later(seconds=SETTLE)
    seen = pinning.observed()
    pinning.undo(seen)
    pinning.undo(seen)
    assert pinning.observed().setting == pinning.to(None)


def test_a_write_without_an_answer_is_unsure_and_the_next_look_tells(pinning: Pinning) -> None:
    pinning.cloud.fails(pinning.creating, FaultKind.DONE_UNANSWERED)
    with pytest.raises(LeverUnsure, match="observe"):
        pinning.apply(VPN_1)
    assert pinning.observed().setting == pinning.to(VPN_1)
    pinning.apply(VPN_1)
    assert pinning.cloud.writes == (pinning.creating,)


def test_a_write_that_was_cut_before_it_was_made_is_made_again(pinning: Pinning) -> None:
    pinning.cloud.fails(pinning.creating, FaultKind.UNANSWERED)
    with pytest.raises(LeverUnsure):
        pinning.apply(VPN_1)
    pinning.apply(VPN_1)
    assert pinning.cloud.links_to_google("checkout") == {"vpn"}


def test_a_write_that_lands_late_is_found_and_brought_in_line(pinning: Pinning) -> None:
    pinning.cloud.fails(pinning.creating, FaultKind.LATE, seconds=20)
    with pytest.raises(LeverUnsure):
        pinning.apply(VPN_1)
    pinning.apply(None)
    pinning.cloud.later(seconds=30)
    assert pinning.cloud.links_to_google("checkout") == {"vpn"}
    assert pinning.verify(None).level is Level.NONE
    pinning.apply(None)
    assert pinning.verify(None) == Verified(level=Level.EFFECTIVE)


def test_a_late_write_over_a_newer_one_is_refused_by_the_cloud_or_found(pinning: Pinning) -> None:
    pinning.cloud.fails(pinning.creating, FaultKind.LATE, seconds=20)
    with pytest.raises(LeverUnsure):
        pinning.apply(VPN_1)
    pinning.apply(IX_B)
    pinning.cloud.later(seconds=30)
    assert pinning.cloud.links_to_google("checkout") == {"ix-b"}


def test_a_place_that_somebody_set_since_the_look_loses_the_fence(pinning: Pinning) -> None:
    seen = pinning.observed()
    pinning.by_hand(IX_A)
    with pytest.raises(FenceLost, match=IX_A):
        pinning.apply(VPN_1, seen)
    assert pinning.cloud.links_to_google("checkout") == {"ix-a"}


def test_a_pin_that_somebody_removed_since_the_look_loses_the_fence(pinning: Pinning) -> None:
    pinning.apply(VPN_1)
    pinning.cloud.later(seconds=SETTLE)
    seen = pinning.observed()
    pinning.by_hand(None)
    with pytest.raises(FenceLost, match="none"):
        pinning.apply(IX_B, seen)


def test_a_black_hole_set_by_hand_is_left_alone(pinning: Pinning) -> None:
    pinning.by_hand(None, blackhole=True)
    with pytest.raises(LeverFailed, match="by hand"):
        pinning.apply(VPN_1)
    pinning.undo()
    assert pinning.cloud.network.path("checkout").to_gcp.broken == (Broken.BLACKHOLE_ROUTE,)
    assert not pinning.cloud.writes


def test_a_pin_outside_the_fabric_is_refused_before_any_call(pinning: Pinning) -> None:
    with pytest.raises(LeverFailed, match="no link"):
        pinning.apply("tgw-attach-0123")
    assert not pinning.cloud.writes


def test_throttling_is_busy_and_nothing_moves(pinning: Pinning) -> None:
    before = pinning.cloud.links_to_google("checkout")
    pinning.cloud.fails(pinning.creating, FaultKind.THROTTLED)
    with pytest.raises(LeverBusy, match=pinning.creating):
        pinning.apply(VPN_1)
    assert pinning.cloud.links_to_google("checkout") == before


def test_a_missing_right_is_named(pinning: Pinning) -> None:
    pinning.cloud.fails(pinning.creating, FaultKind.DENIED)
    with pytest.raises(LeverFailed, match=f"allow it|ec2:{pinning.creating}"):
        pinning.apply(VPN_1)


def test_a_server_fault_on_a_write_is_unsure(pinning: Pinning) -> None:
    pinning.cloud.fails(pinning.creating, FaultKind.BROKEN)
    with pytest.raises(LeverUnsure):
        pinning.apply(VPN_1)


def test_a_refusal_to_delete_is_told(pinning: Pinning) -> None:
    pinning.apply(VPN_1)
    pinning.cloud.later(seconds=SETTLE)
    pinning.cloud.fails(pinning.deleting, FaultKind.DENIED)
    with pytest.raises(LeverFailed, match=pinning.deleting):
        pinning.undo()
    assert pinning.observed().setting == pinning.to(VPN_1)


def test_verify_is_effective_when_the_longest_match_leads_there(pinning: Pinning) -> None:
    pinning.apply(VPN_1)
    pinning.cloud.later(seconds=SETTLE)
    assert pinning.verify(VPN_1) == Verified(level=Level.EFFECTIVE)
    assert pinning.verify(IX_A).level is Level.NONE


def test_verify_is_only_accepted_while_a_more_specific_route_leads_elsewhere(pinning: Pinning) -> None:
    pinning.apply(VPN_1)
    pinning.cloud.later(seconds=SETTLE)
    pinning.cloud.network.set_static_route(TABLE, "10.216.1.0/24", IX_A)
    found = pinning.verify(VPN_1)
    assert found.level is Level.ACCEPTED
    assert "10.216.1.0/24" in found.missing


def test_after_an_undo_a_static_route_of_somebody_else_is_told(pinning: Pinning) -> None:
    pinning.cloud.network.set_static_route(TABLE, "10.216.1.0/24", IX_A)
    found = pinning.verify(None)
    assert found.level is Level.ACCEPTED
    assert "10.216.1.0/24" in found.missing


def test_a_setting_of_another_lever_is_refused(pinning: Pinning) -> None:
    with pytest.raises(LeverFailed, match="FailoverTest"):
        run(pinning.lever.verify(FailoverTest(link=pinning.cloud.fabric.links[0].name, running=False)))


def test_a_flow_that_does_not_exist_is_named(pinning: Pinning) -> None:
    with pytest.raises(LeverFailed, match="'nobody'"):
        run(pinning.lever.observe("nobody"))


def test_a_reference_that_still_changes_is_not_settled_and_busy(cloud: Cloud) -> None:
    pinning = Pinning(cloud, LeverKind.PREFIX_LIST_PIN)
    pinning.apply(VPN_1)
    assert not pinning.observed().settled
    assert pinning.verify(VPN_1) == Verified(level=Level.ACCEPTED, missing="AWS is still changing it")
    with pytest.raises(LeverBusy, match="IncorrectState"):
        pinning.apply(IX_B)
    cloud.later(seconds=SETTLE)
    assert pinning.observed().settled


def test_a_reference_wins_over_bgp_but_a_static_route_by_hand_over_it_is_told(cloud: Cloud) -> None:
    pinning = Pinning(cloud, LeverKind.PREFIX_LIST_PIN)
    pinning.apply(VPN_1)
    cloud.later(seconds=SETTLE)
    cloud.network.set_static_route(TABLE, "10.216.0.0/20", IX_A)
    assert pinning.verify(VPN_1).level is Level.ACCEPTED


def test_a_reference_that_is_being_deleted_reads_as_gone_and_is_busy_for_a_new_one(cloud: Cloud) -> None:
    pinning = Pinning(cloud, LeverKind.PREFIX_LIST_PIN)
    pinning.apply(VPN_1)
    cloud.later(seconds=SETTLE)
    pinning.undo()
    assert pinning.observed().setting == pinning.to(None)
    with pytest.raises(LeverBusy, match="IncorrectState"):
        pinning.apply(IX_B)
    cloud.later(seconds=SETTLE)
    pinning.apply(IX_B)
    assert cloud.links_to_google("checkout") == {"ix-b"}


def test_a_table_of_many_pages_is_read_to_its_end(pinning: Pinning, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transit, "ROUTES_A_PAGE", 5)
    for number in range(12):
        pinning.cloud.network.set_static_route(TABLE, f"192.0.2.{number}/32", IX_A)
    pinning.apply(VPN_1)
    pinning.cloud.later(seconds=SETTLE)
    assert pinning.verify(VPN_1) == Verified(level=Level.EFFECTIVE)
    pinning.undo()
    pinning.cloud.later(seconds=SETTLE)
    assert pinning.verify(None) == Verified(level=Level.EFFECTIVE)


def test_nothing_is_proved_from_a_table_that_is_too_long(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transit, "ROUTES_A_PAGE", 5)
    monkeypatch.setattr(transit, "PAGES", 1)
    for number in range(6):
        cloud.network.set_static_route(TABLE, f"192.0.2.{number}/32", IX_A)
    pinning = Pinning(cloud, LeverKind.PREFIX_LIST_PIN)
    pinning.apply(VPN_1)
    cloud.later(seconds=SETTLE)
    found = pinning.verify(VPN_1)
    assert found.level is Level.ACCEPTED
    assert "too long" in found.missing


def test_a_flow_without_a_prefix_list_cannot_be_pinned_by_one(cloud: Cloud) -> None:
    with pytest.raises(LeverFailed, match="aws_prefix_list"):
        run(PrefixListPinLever(cloud.fabric, cloud.clients).observe("training"))


def test_observe_is_one_round_of_calls_and_apply_one_more(pinning: Pinning) -> None:
    pinning.apply(VPN_1)
    listed = ["GetManagedPrefixListEntries"] * pinning.references
    *read, write = pinning.cloud.asked
    assert sorted(read) == sorted(
        [*listed, "GetTransitGatewayPrefixListReferences" if pinning.references else "SearchTransitGatewayRoutes"]
    )
    assert write == pinning.creating


def test_an_operators_plain_call_is_what_the_lever_reads(cloud: Cloud) -> None:
    cloud.operator.ec2(REGION).create_transit_gateway_prefix_list_reference(
        TransitGatewayRouteTableId=TABLE, PrefixListId=LIST, TransitGatewayAttachmentId=IX_A
    )
    assert Pinning(cloud, LeverKind.PREFIX_LIST_PIN).observed().setting == PrefixListPin(flow=CHECKOUT, attachment=IX_A)


SECOND = "tgw-rtb-0222222222222222b"


@pytest.fixture
def two_tables(cloud: Cloud) -> Pinning:
    """The same flow with its prefix list in two route tables."""
    site = replace(cloud.fabric.sites[0], route_tables=(TABLE, SECOND))
    flow = replace(cloud.fabric.flows[0], aws_prefix_list=PinTarget(prefix_list=LIST, route_tables=(TABLE, SECOND)))
    fabric = replace(cloud.fabric, sites=(site, *cloud.fabric.sites[1:]), flows=(flow, *cloud.fabric.flows[1:]))
    return Pinning(Cloud(cloud.face, cloud.clients, cloud.operator, fabric), LeverKind.PREFIX_LIST_PIN)


def test_a_pin_goes_into_every_route_table(two_tables: Pinning) -> None:
    two_tables.apply(VPN_1)
    held = [two_tables.cloud.network.prefix_list_references(table) for table in (TABLE, SECOND)]
    assert held == [{LIST: VPN_1}, {LIST: VPN_1}]


def test_a_half_made_pin_reads_as_neither_and_is_completed_or_undone(two_tables: Pinning) -> None:
    two_tables.by_hand(VPN_1)
    half = two_tables.observed()
    assert half.setting not in (two_tables.to(VPN_1), two_tables.to(None))
    two_tables.apply(VPN_1)
    assert two_tables.cloud.writes == (two_tables.creating,)
    two_tables.cloud.later(seconds=SETTLE)
    assert two_tables.verify(VPN_1) == Verified(level=Level.EFFECTIVE)
    two_tables.undo(half)
    assert two_tables.observed().setting not in (two_tables.to(VPN_1), two_tables.to(None))
    two_tables.undo()
    assert two_tables.observed().setting == two_tables.to(None)


def test_when_two_writes_fail_the_unsure_one_is_told(two_tables: Pinning) -> None:
    two_tables.cloud.fails(two_tables.creating, FaultKind.THROTTLED)
    two_tables.cloud.fails(two_tables.creating, FaultKind.DONE_UNANSWERED)
    with pytest.raises(LeverUnsure):
        two_tables.apply(VPN_1)
