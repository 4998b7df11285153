"""An audit of what AWS shows, over boto3 and the signer against the face."""

from datetime import timedelta

from pointsman.adapters.aws.audit import HISTORY, HISTORY_PAGES, AwsAuditor
from pointsman.adapters.aws.clients import Clients
from pointsman.core.audit.audit import audit
from pointsman.core.audit.findings import Check, Finding
from pointsman.core.audit.seen import Seen
from pointsman.core.decide import first_plan
from pointsman.core.plan import Pin
from pointsman.core.values import replace
from pointsman.testing.aws.trail import PAGE_LIMIT
from pointsman.testing.faces.faults import FaultKind
from pointsman.wire.changes import of_cloudtrail
from tests.aws.conftest import REGION, SERVICES, Cloud, run, session_of

TABLE, ATTACHMENT = "tgw-rtb-0e5f60718293a4b5c", "tgw-attach-0aaaa00000000000a"


def seen(cloud: Cloud) -> Seen:
    own = Clients(endpoints=dict.fromkeys((*SERVICES, "cloudtrail"), cloud.face.url), session=session_of("AKIAPOINTSMAN"))
    return run(AwsAuditor(cloud.fabric, own, of_cloudtrail).seen(cloud.clock.now() - timedelta(hours=24)))


def findings(cloud: Cloud) -> tuple[Finding, ...]:
    now = cloud.clock.now()
    return audit(cloud.fabric, first_plan(cloud.fabric, now), (seen(cloud),), now)


def checks(cloud: Cloud) -> set[Check]:
    return {one.check for one in findings(cloud)}


def test_a_network_that_is_as_declared_gives_no_finding(cloud: Cloud) -> None:
    assert findings(cloud) == ()


def test_everything_is_read(cloud: Cloud) -> None:
    shown = seen(cloud)
    assert shown.unread == ()
    assert {one.id for one in shown.attachments or ()} == {name for link in cloud.fabric.links for name in link.aws.attachments}
    assert {one.link for one in shown.ends or ()} == {"ix-a", "ix-b", "vpn"}
    assert shown.mtus == {"ix-a": 8500, "ix-b": 8500}
    assert set(shown.allowed) == {"ix-a", "ix-b", "mc"}


def test_wiring_taken_away_by_hand_is_found_with_who_did_it_and_its_own_command_mends_it(cloud: Cloud, operator: Clients) -> None:
    ec2 = operator.ec2(REGION)
    ec2.disable_transit_gateway_route_table_propagation(TransitGatewayRouteTableId=TABLE, TransitGatewayAttachmentId=ATTACHMENT)
    told = {one.check: one for one in findings(cloud)}
    assert set(told) == {Check.PROPAGATION, Check.HAND_CHANGE}
    assert "/an-operator made DisableTransitGatewayRouteTablePropagation" in told[Check.HAND_CHANGE].text
    assert told[Check.PROPAGATION].fix.startswith("aws ec2 enable-transit-gateway-route-table-propagation")
    ec2.enable_transit_gateway_route_table_propagation(TransitGatewayRouteTableId=TABLE, TransitGatewayAttachmentId=ATTACHMENT)
    assert Check.PROPAGATION not in checks(cloud)


def test_our_own_calls_are_no_hand_changes(cloud: Cloud) -> None:
    cloud.network.start_failover_test("dxvif-fgcoi6fa", 1, principal="pointsman-functions")
    assert Check.HAND_CHANGE not in checks(cloud)
    cloud.network.stop_failover_test("dxvif-fgcoi6fa", principal="bob")
    assert Check.HAND_CHANGE in checks(cloud)


def test_one_lookup_finds_the_changes_of_every_service_and_no_call_that_only_reads(cloud: Cloud) -> None:
    cloud.network.start_failover_test("dxvif-fgcoi6fa", 1, principal="bob")
    cloud.network.set_static_route(TABLE, "10.99.0.0/16", None, blackhole=True, principal="bob")
    assert {one.what for one in seen(cloud).changes} == {"StartBgpFailoverTest", "CreateTransitGatewayRoute"}
    assert cloud.asked.count("LookupEvents") == 1
    assert HISTORY == {"AttributeKey": "ReadOnly", "AttributeValue": "false"}


def test_a_history_that_is_longer_than_is_read_is_said_and_its_newest_part_is_told(cloud: Cloud) -> None:
    for number in range(HISTORY_PAGES * PAGE_LIMIT):
        cloud.network.set_static_route(TABLE, "10.99.0.0/16", None, blackhole=not number % 2, principal="pointsman-functions")
    assert seen(cloud).unread == ()
    cloud.network.set_static_route(TABLE, "10.99.0.0/16", None, blackhole=True, principal="bob")
    told = {one.check: one for one in findings(cloud)}
    assert set(told) == {Check.HAND_CHANGE, Check.UNREAD}
    assert f"the older part of CloudTrail's event history of {REGION}" in told[Check.UNREAD].text
    assert told[Check.UNREAD].show == "pointsman audit FABRIC"


def test_a_static_route_to_a_link_is_found_and_one_that_drops_is_not(cloud: Cloud) -> None:
    cloud.network.set_static_route(TABLE, "10.99.0.0/16", None, blackhole=True, principal="pointsman-functions")
    assert checks(cloud) == set()
    cloud.network.set_static_route(TABLE, "10.99.0.0/16", ATTACHMENT, blackhole=False, principal="pointsman-functions")
    assert checks(cloud) == {Check.STATIC_OVERRIDE}


def test_a_reference_that_no_plan_asks_for_is_an_orphan_named_by_its_list(cloud: Cloud) -> None:
    cloud.network.set_prefix_list_reference(TABLE, "pl-0123456789abcdef0", ATTACHMENT, blackhole=False, principal="pointsman-functions")
    assert {(one.check, one.subject) for one in findings(cloud)} == {(Check.ORPHAN_PIN, f"{TABLE} pl-0123456789abcdef0")}


LIST = "pl-0123456789abcdef0"


def test_a_flows_prefix_list_that_drops_is_found(cloud: Cloud) -> None:
    cloud.network.set_prefix_list_reference(TABLE, LIST, None, blackhole=True, principal="pointsman-functions")
    assert {(one.check, one.subject) for one in findings(cloud)} == {(Check.STATIC_OVERRIDE, f"{TABLE} {LIST}")}


def test_a_prefix_list_edited_by_hand_is_found_and_its_entries_are_read_as_they_are(cloud: Cloud) -> None:
    held = seen(cloud).lists[LIST]
    cloud.network.set_prefix_list(LIST, (*held, "10.99.0.0/16"), None, principal="pointsman-functions")
    (one,) = findings(cloud)
    assert (one.check, one.subject) == (Check.PREFIX_LIST, LIST)
    assert "--remove-entries Cidr=10.99.0.0/16" in one.fix


def test_a_planned_pin_of_which_no_reference_stands_is_found(cloud: Cloud) -> None:
    now = cloud.clock.now()
    (flow,) = (one for one in cloud.fabric.flows if one.aws_prefix_list and one.aws_prefix_list.prefix_list == LIST)
    pin = Pin(flow=flow.name, link=flow.prefer[0], owner="pointsman", reason="grey", expires_at=now + timedelta(hours=1))
    plan = replace(first_plan(cloud.fabric, now - timedelta(hours=1)), epoch=1, pins=(pin,))
    (one,) = audit(cloud.fabric, plan, (seen(cloud),), now)
    assert (one.check, one.subject) == (Check.PIN_DRIFT, f"{TABLE} {LIST}")


def test_a_prefix_list_that_may_not_be_read_is_named_with_the_right_that_lacks(cloud: Cloud) -> None:
    cloud.fails("GetManagedPrefixListEntries", FaultKind.DENIED)
    (one,) = findings(cloud)
    assert one.check is Check.UNREAD
    assert "ec2:GetManagedPrefixListEntries" in one.text


def test_a_dead_session_is_no_standby(cloud: Cloud) -> None:
    cloud.network.cut("ix-b")
    cloud.later(minutes=5)
    assert {(one.check, one.link) for one in findings(cloud)} == {(Check.STANDBY, "ix-b")}


def test_a_gateway_whose_prefixes_were_cut_is_found(cloud: Cloud) -> None:
    association = cloud.fabric.link("ix-a").aws.association
    assert association
    cloud.network.set_allowed_prefixes(association, ("10.20.0.0/16",), principal="pointsman-functions")
    assert checks(cloud) == {Check.ALLOWED_PREFIXES}


def test_what_is_denied_is_named_and_hides_nothing_else(cloud: Cloud, operator: Clients) -> None:
    ec2 = operator.ec2(REGION)
    ec2.disable_transit_gateway_route_table_propagation(TransitGatewayRouteTableId=TABLE, TransitGatewayAttachmentId=ATTACHMENT)
    cloud.fails("LookupEvents", FaultKind.DENIED)
    told = {one.check: one for one in findings(cloud)}
    assert set(told) == {Check.PROPAGATION, Check.UNREAD}
    assert "cloudtrail:LookupEvents" in told[Check.UNREAD].text
