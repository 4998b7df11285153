"""What an audit reads of AWS's face, asked by plain boto3."""

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pointsman.adapters.aws.clients import Clients
from tests.aws.conftest import OPERATOR, REGION, Cloud, session_of

TABLE, ATTACHMENT = "tgw-rtb-0e5f60718293a4b5c", "tgw-attach-0aaaa00000000000a"


@pytest.fixture
def trail(cloud: Cloud):  # type: ignore[no-untyped-def]
    return session_of(OPERATOR)().client("cloudtrail", region_name=REGION, endpoint_url=cloud.face.url)


def test_every_attachment_is_associated_and_propagates_at_first(operator: Clients) -> None:
    ec2 = operator.ec2(REGION)
    (shown,) = ec2.describe_transit_gateway_attachments(TransitGatewayAttachmentIds=[ATTACHMENT])["TransitGatewayAttachments"]
    assert shown["Association"] == {"TransitGatewayRouteTableId": TABLE, "State": "associated"}
    held = ec2.get_transit_gateway_route_table_propagations(TransitGatewayRouteTableId=TABLE)["TransitGatewayRouteTablePropagations"]
    assert {one["State"] for one in held} == {"enabled"}
    assert ATTACHMENT in {one["TransitGatewayAttachmentId"] for one in held}


def test_wiring_is_taken_away_and_given_back(operator: Clients) -> None:
    ec2: Any = operator.ec2(REGION)
    both = {"TransitGatewayRouteTableId": TABLE, "TransitGatewayAttachmentId": ATTACHMENT}
    ec2.disassociate_transit_gateway_route_table(**both)
    ec2.disable_transit_gateway_route_table_propagation(**both)
    (shown,) = ec2.describe_transit_gateway_attachments(TransitGatewayAttachmentIds=[ATTACHMENT])["TransitGatewayAttachments"]
    assert not shown.get("Association")
    held = ec2.get_transit_gateway_route_table_propagations(TransitGatewayRouteTableId=TABLE)["TransitGatewayRouteTablePropagations"]
    assert ATTACHMENT not in {one["TransitGatewayAttachmentId"] for one in held}
    ec2.associate_transit_gateway_route_table(**both)
    ec2.enable_transit_gateway_route_table_propagation(**both)
    with pytest.raises(ClientError, match="AlreadyAssociated"):
        ec2.associate_transit_gateway_route_table(**both)


def test_the_event_history_gives_calls_newest_first_by_source_and_time(cloud: Cloud, operator: Clients, trail) -> None:  # type: ignore[no-untyped-def]
    both: Any = {"TransitGatewayRouteTableId": TABLE, "TransitGatewayAttachmentId": ATTACHMENT}
    operator.ec2(REGION).disable_transit_gateway_route_table_propagation(**both)
    cloud.later(hours=1)
    operator.direct_connect(REGION).start_bgp_failover_test(virtualInterfaceId="dxvif-fgcoi6fa", testDurationInMinutes=1)
    names = [one["EventName"] for one in trail.lookup_events()["Events"]]
    assert names == ["StartBgpFailoverTest", "DisableTransitGatewayRouteTablePropagation"]
    by_source = [{"AttributeKey": "EventSource", "AttributeValue": "ec2.amazonaws.com"}]
    (one,) = trail.lookup_events(LookupAttributes=by_source)["Events"]
    assert json.loads(one["CloudTrailEvent"])["userIdentity"]["arn"].endswith("/an-operator")
    for only_reads, count in (("false", 2), ("true", 0)):
        shown = trail.lookup_events(LookupAttributes=[{"AttributeKey": "ReadOnly", "AttributeValue": only_reads}])
        assert len(shown["Events"]) == count
    since = cloud.clock.now() - timedelta(minutes=30)
    assert [one["EventName"] for one in trail.lookup_events(StartTime=since)["Events"]] == ["StartBgpFailoverTest"]


def test_a_virtual_interface_lists_the_routes_it_accepted(cloud: Cloud, operator: Clients) -> None:
    asked: Any = {"virtualInterfaceId": "dxvif-fgcoi6fa", "filters": {"routeDirection": "accepted"}}
    client = operator.direct_connect(REGION)
    assert "10.216.0.0/20" in {one["cidr"] for one in client.list_virtual_interface_routes(**asked)["routes"]}
    cloud.network.cut("ix-a")
    cloud.later(minutes=5)
    assert client.list_virtual_interface_routes(**asked)["routes"] == []
