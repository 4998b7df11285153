"""The AWS face: plain boto3 calls read and move the model's network."""

import json
import socket
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.files.compiled import write_compiled
from pointsman.testing.faces.faults import FaultKind
from pointsman.testing.guard import LeftLoopback, loopback_only
from pointsman.testing.network.happenings import Kind
from pointsman.testing.network.views import Broken
from pointsman.testing.processes import Child
from tests.aws.conftest import REGION, Cloud, session_of
from tests.twin.networks import IX_A, IX_B, LIST, MANAGED, TABLE, VIF_A, VIF_B, VPN_1, reference


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def best(operator: Clients, prefix: str) -> Any:
    found = operator.ec2(REGION).search_transit_gateway_routes(
        TransitGatewayRouteTableId=TABLE, Filters=[{"Name": "route-search.longest-prefix-match", "Values": [prefix]}]
    )
    return found["Routes"][0]


def test_a_raw_pin_moves_traffic(cloud: Cloud, operator: Clients) -> None:
    before = cloud.links_to_google("checkout")
    operator.ec2(REGION).create_transit_gateway_prefix_list_reference(
        TransitGatewayRouteTableId=TABLE, PrefixListId=LIST, TransitGatewayAttachmentId=VPN_1
    )
    assert before != {"vpn"}
    assert cloud.links_to_google("checkout") == {"vpn"}
    assert cloud.network.path("checkout").to_gcp.arrives


def test_a_raw_pin_to_a_link_that_then_dies_black_holes_and_bgp_cannot_save_it(cloud: Cloud, operator: Clients) -> None:
    operator.ec2(REGION).create_transit_gateway_prefix_list_reference(
        TransitGatewayRouteTableId=TABLE, PrefixListId=LIST, TransitGatewayAttachmentId=IX_B
    )
    cloud.network.cut("ix-b")
    cloud.later(minutes=10)
    assert cloud.network.path("checkout").to_gcp.broken == (Broken.DEAD_PIN,)
    operator.ec2(REGION).delete_transit_gateway_prefix_list_reference(TransitGatewayRouteTableId=TABLE, PrefixListId=LIST)
    assert cloud.network.path("checkout").to_gcp.arrives


def test_static_routes_win_over_references_and_are_found_by_every_search(cloud: Cloud, operator: Clients) -> None:
    ec2 = operator.ec2(REGION)
    ec2.create_transit_gateway_prefix_list_reference(TransitGatewayRouteTableId=TABLE, PrefixListId=LIST, TransitGatewayAttachmentId=VPN_1)
    assert best(operator, "10.216.0.0/20")["PrefixListId"] == LIST
    ec2.create_transit_gateway_route(
        TransitGatewayRouteTableId=TABLE, DestinationCidrBlock="10.216.0.0/20", TransitGatewayAttachmentId=IX_A
    )
    route = best(operator, "10.216.1.0/24")
    assert (route["Type"], route["State"], route["DestinationCidrBlock"]) == ("static", "active", "10.216.0.0/20")
    assert route["TransitGatewayAttachments"][0]["TransitGatewayAttachmentId"] == IX_A
    assert route["TransitGatewayAttachments"][0]["ResourceType"] == "direct-connect-gateway"
    assert cloud.links_to_google("checkout") == {"ix-a"}
    ec2.replace_transit_gateway_route(
        TransitGatewayRouteTableId=TABLE, DestinationCidrBlock="10.216.0.0/20", TransitGatewayAttachmentId=IX_B
    )
    assert cloud.links_to_google("checkout") == {"ix-b"}
    static = ec2.search_transit_gateway_routes(TransitGatewayRouteTableId=TABLE, Filters=[{"Name": "type", "Values": ["static"]}])
    assert [one["DestinationCidrBlock"] for one in static["Routes"]] == ["10.216.0.0/20"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("route-search.exact-match", "10.216.0.0/20", {"10.216.0.0/20"}),
        ("route-search.supernet-of-match", "10.216.5.0/24", {"10.216.0.0/20"}),
        ("route-search.subnet-of-match", "10.216.0.0/15", {"10.216.0.0/20", "10.217.0.0/16"}),
        ("state", "blackhole", set()),
    ],
)
def test_searches_filter_as_ec2_does(operator: Clients, name: str, value: str, expected: set[str]) -> None:
    found = operator.ec2(REGION).search_transit_gateway_routes(
        TransitGatewayRouteTableId=TABLE, Filters=[{"Name": name, "Values": [value]}]
    )
    assert {one["DestinationCidrBlock"] for one in found["Routes"]} == expected


def test_long_tables_come_in_pages(cloud: Cloud, operator: Clients) -> None:
    ec2, seen = operator.ec2(REGION), []
    more: Any = {}
    for _ in range(20):
        page: Any = ec2.search_transit_gateway_routes(
            TransitGatewayRouteTableId=TABLE, Filters=[{"Name": "type", "Values": ["propagated"]}], MaxResults=5, **more
        )
        seen += [one["DestinationCidrBlock"] for one in page["Routes"]]
        if not page.get("NextToken"):
            break
        more = {"NextToken": page["NextToken"]}
    assert len(seen) == len(set(seen)) == len(cloud.network.transit_routes(TABLE))


def test_a_dry_run_changes_nothing(cloud: Cloud, operator: Clients) -> None:
    with pytest.raises(ClientError) as told:
        operator.ec2(REGION).create_transit_gateway_prefix_list_reference(
            TransitGatewayRouteTableId=TABLE, PrefixListId=LIST, TransitGatewayAttachmentId=VPN_1, DryRun=True
        )
    assert code_of(told) == "DryRunOperation"
    assert not cloud.network.prefix_list_references(TABLE)


def test_creating_twice_and_replacing_nothing_are_refused(operator: Clients) -> None:
    ec2 = operator.ec2(REGION)
    named = {"TransitGatewayRouteTableId": TABLE, "DestinationCidrBlock": "10.216.0.0/20", "TransitGatewayAttachmentId": IX_A}
    with pytest.raises(ClientError) as absent:
        ec2.replace_transit_gateway_route(**named)  # type: ignore[arg-type]
    ec2.create_transit_gateway_route(**named)  # type: ignore[arg-type]
    with pytest.raises(ClientError) as twice:
        ec2.create_transit_gateway_route(**named)  # type: ignore[arg-type]
    assert (code_of(absent), code_of(twice)) == ("InvalidRoute.NotFound", "RouteAlreadyExists")


def test_a_reference_is_modifying_until_it_has_settled(cloud: Cloud, operator: Clients) -> None:
    ec2 = operator.ec2(REGION)
    named = {"TransitGatewayRouteTableId": TABLE, "PrefixListId": LIST}
    ec2.create_transit_gateway_prefix_list_reference(**named, TransitGatewayAttachmentId=VPN_1)  # type: ignore[arg-type]
    with pytest.raises(ClientError) as busy:
        ec2.modify_transit_gateway_prefix_list_reference(**named, TransitGatewayAttachmentId=IX_A)  # type: ignore[arg-type]
    assert code_of(busy) == "IncorrectState"
    cloud.later(seconds=5)
    held = ec2.get_transit_gateway_prefix_list_references(TransitGatewayRouteTableId=TABLE)["TransitGatewayPrefixListReferences"]
    assert [one["State"] for one in held] == ["available"]


def test_a_stale_prefix_list_version_is_refused(operator: Clients) -> None:
    ec2 = operator.ec2(REGION)
    version = ec2.describe_managed_prefix_lists(PrefixListIds=[LIST])["PrefixLists"][0]["Version"]
    ec2.modify_managed_prefix_list(PrefixListId=LIST, CurrentVersion=version, AddEntries=[{"Cidr": "10.216.16.0/20"}])
    with pytest.raises(ClientError) as stale:
        ec2.modify_managed_prefix_list(PrefixListId=LIST, CurrentVersion=version, AddEntries=[{"Cidr": "10.216.32.0/20"}])
    assert code_of(stale) == "PrefixListVersionMismatch"
    entries = ec2.get_managed_prefix_list_entries(PrefixListId=LIST)["Entries"]
    assert {one["Cidr"] for one in entries} == {"10.216.0.0/20", "10.216.16.0/20"}


def test_a_failover_test_drains_both_directions_and_ends_by_itself(cloud: Cloud, operator: Clients) -> None:
    dx = operator.direct_connect(REGION)
    started = dx.start_bgp_failover_test(virtualInterfaceId=VIF_A, testDurationInMinutes=10)["virtualInterfaceTest"]
    shown = dx.describe_virtual_interfaces(virtualInterfaceId=VIF_A)["virtualInterfaces"][0]
    assert (shown["virtualInterfaceState"], shown["bgpPeers"][0]["bgpStatus"]) == ("testing", "down")
    cloud.later(minutes=2)
    path = cloud.network.path("training")
    assert path.carried
    assert "ix-a" not in {*path.to_gcp.links, *path.to_aws.links}
    cloud.later(minutes=9)
    after = dx.describe_virtual_interfaces(virtualInterfaceId=VIF_A)["virtualInterfaces"][0]
    assert (after["virtualInterfaceState"], after["bgpPeers"][0]["bgpStatus"]) == ("available", "up")
    history = dx.list_virtual_interface_test_history(virtualInterfaceId=VIF_A)["virtualInterfaceTestHistory"]
    assert [(one["testId"], one["testDurationInMinutes"]) for one in history] == [(started["testId"], 10)]


def test_a_second_failover_test_is_refused_while_one_runs(operator: Clients) -> None:
    dx = operator.direct_connect(REGION)
    dx.start_bgp_failover_test(virtualInterfaceId=VIF_A)
    with pytest.raises(ClientError) as refused:
        dx.start_bgp_failover_test(virtualInterfaceId=VIF_A)
    assert code_of(refused) == "DirectConnectClientException"


def test_tunnels_connections_and_interconnects_tell_what_the_network_is_like(cloud: Cloud, operator: Clients) -> None:
    ec2, dx, ic = operator.ec2(REGION), operator.direct_connect(REGION), operator.interconnect(REGION)
    vpn = ec2.describe_vpn_connections(VpnConnectionIds=["vpn-0b2c3d4e5f6071829"])["VpnConnections"][0]
    assert {tunnel["Status"] for tunnel in vpn["VgwTelemetry"]} == {"UP"}
    assert all(tunnel["AcceptedRouteCount"] > 0 for tunnel in vpn["VgwTelemetry"])
    managed = ic.list_connections()["connections"][0]
    assert ic.get_connection(identifier=managed["id"])["connection"]["state"] == "available"
    for link in ("ix-a", "mc", "vpn"):
        cloud.network.cut(link)
    cloud.later(minutes=5)
    states = {one["connectionId"]: one["connectionState"] for one in dx.describe_connections()["connections"]}
    assert states["dxcon-fgv0etma"] == "down"
    assert ic.get_connection(identifier=managed["id"])["connection"]["state"] == "down"
    vpn = ec2.describe_vpn_connections(Filters=[{"Name": "vpn-connection-id", "Values": ["vpn-0b2c3d4e5f6071829"]}])["VpnConnections"][0]
    assert {(tunnel["Status"], tunnel["StatusMessage"]) for tunnel in vpn["VgwTelemetry"]} == {("DOWN", "IPSEC IS DOWN")}


def test_allowed_prefixes_change_what_google_hears(cloud: Cloud, operator: Clients) -> None:
    dx = operator.direct_connect(REGION)
    association = "assoc-a"
    dx.update_direct_connect_gateway_association(
        associationId=association, removeAllowedPrefixesToDirectConnectGateway=[{"cidr": "10.21.0.0/16"}]
    )
    cloud.later(seconds=30)
    assert "ix-a" not in cloud.network.path("training").to_aws.links
    told = dx.describe_direct_connect_gateway_associations(associationId=association)["directConnectGatewayAssociations"][0]
    assert {"cidr": "10.21.0.0/16"} not in told["allowedPrefixesToDirectConnectGateway"]


def test_a_write_is_announced_with_the_name_of_who_made_it(cloud: Cloud, operator: Clients) -> None:
    operator.ec2(REGION).create_transit_gateway_route(
        TransitGatewayRouteTableId=TABLE, DestinationCidrBlock="10.216.0.0/20", TransitGatewayAttachmentId=MANAGED
    )
    calls = [one.details["principal"] for one in cloud.network.happenings if one.kind is Kind.API_CALL]
    assert calls == ["an-operator"]


def test_what_the_model_does_not_know_moto_answers(operator: Clients) -> None:
    operator.ssm(REGION).put_parameter(Name="/a", Value="b", Type="String")
    assert operator.ssm(REGION).get_parameter(Name="/a")["Parameter"]["Value"] == "b"


def test_every_request_is_in_the_log_with_its_times(cloud: Cloud, operator: Clients) -> None:
    for _ in range(2):
        operator.direct_connect(REGION).describe_virtual_interfaces(virtualInterfaceId=VIF_A)
    operator.direct_connect(REGION).describe_virtual_interfaces()
    with urllib.request.urlopen(f"{cloud.face.url}/pointsman/requests") as answer:
        first, again, other = json.load(answer)
    assert (first["service"], first["operation"], first["principal"], first["status"]) == (
        "directconnect",
        "DescribeVirtualInterfaces",
        "an-operator",
        200,
    )
    assert first["came"] <= first["went"] <= again["came"]
    assert first["digest"] == again["digest"] != other["digest"]


def test_faults_are_put_over_http_and_come_to_an_end(cloud: Cloud, operator: Clients) -> None:
    fault = json.dumps({"service": "ec2", "operation": "DescribeVpnConnections", "kind": "throttled", "times": 2}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{cloud.face.url}/pointsman/faults", data=fault, method="POST")).close()
    for _ in range(2):
        with pytest.raises(ClientError) as throttled:
            operator.ec2(REGION).describe_vpn_connections()
        assert code_of(throttled) == "RequestLimitExceeded"
    assert operator.ec2(REGION).describe_vpn_connections()["VpnConnections"]


def test_a_write_that_is_done_late_moves_traffic_late(cloud: Cloud, operator: Clients) -> None:
    before = cloud.links_to_google("checkout")
    cloud.fails("CreateTransitGatewayRoute", FaultKind.LATE, seconds=30)
    with pytest.raises(ConnectionClosedError):
        operator.ec2(REGION).create_transit_gateway_route(
            TransitGatewayRouteTableId=TABLE, DestinationCidrBlock="10.216.0.0/20", TransitGatewayAttachmentId=VPN_1
        )
    cloud.later(seconds=29)
    assert cloud.links_to_google("checkout") == before
    cloud.later(seconds=2)
    assert cloud.links_to_google("checkout") == {"vpn"}


def test_a_stale_read_gives_the_answer_before(cloud: Cloud, operator: Clients) -> None:
    dx = operator.direct_connect(REGION)
    dx.describe_virtual_interfaces()
    dx.start_bgp_failover_test(virtualInterfaceId=VIF_A)
    cloud.fails("DescribeVirtualInterfaces", FaultKind.STALE)
    states = [
        {one["virtualInterfaceId"]: one["virtualInterfaceState"] for one in dx.describe_virtual_interfaces()["virtualInterfaces"]}
        for _ in range(2)
    ]
    assert [one[VIF_A] for one in states] == ["available", "testing"]


def test_the_interconnect_service_never_leaves_loopback(clients: Clients) -> None:
    bare = Clients(session=clients._make_session)
    with loopback_only() as refused, pytest.raises(Exception, match="interconnect"):
        bare.interconnect(REGION).list_connections()
    assert refused
    assert all("interconnect" in host for host in refused)


def test_the_guard_lets_loopback_through_and_stops_the_rest() -> None:
    with loopback_only(), socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
        with pytest.raises(LeftLoopback):
            socket.create_connection(("192.0.2.1", 443))
        with pytest.raises(LeftLoopback):
            socket.getaddrinfo("ec2.us-east-1.amazonaws.com", 443)


def test_a_conditional_write_has_one_winner_whatever_the_number_of_threads(cloud: Cloud) -> None:
    table = session_of("AKIAOPERATOR")().client("dynamodb", endpoint_url=cloud.face.url)
    table.create_table(
        TableName="race",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def claims(turn: int) -> bool:
        try:
            table.put_item(TableName="race", Item={"pk": {"S": str(turn)}}, ConditionExpression="attribute_not_exists(pk)")
        except table.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        for turn in range(15):
            assert sum(pool.map(lambda _, turn=turn: claims(turn), range(6))) == 1


def test_the_face_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    compiled = tmp_path / "fabric.json"
    compiled.write_bytes(write_compiled(reference()))
    child = Child("aws", [sys.executable, "-m", "pointsman.testing.aws", "--fabric", str(compiled), "--factor", "10"])
    try:
        url = child.wait_line(r"AWS listens on (http://\S+)", timedelta(seconds=60)).group(1)
        clients = Clients(endpoints={"directconnect": url}, session=session_of("AKIAX"))
        shown = clients.direct_connect(REGION).describe_virtual_interfaces()["virtualInterfaces"]
        assert {one["virtualInterfaceId"] for one in shown} == {VIF_A, VIF_B}
    finally:
        child.stop()
