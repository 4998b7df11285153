"""CloudTrail records of API calls, as EventBridge delivers them.

Direct Connect and older EC2 calls have flat lowerCamel parameters, Transit Gateway calls nest theirs in PascalCase.
Source: CloudTrail guide, record contents.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pointsman.testing.happenings.events import Calendar, identifier
from pointsman.testing.network.blueprint import SiteSpec
from pointsman.testing.network.happenings import Happening

Request = Mapping[str, Any]


def call(one: Happening, site: SiteSpec, calendar: Calendar) -> dict[str, Any]:
    """Give the CloudTrail record of a call; an action that the model does not know is ``service.Operation``."""
    service, operation, parameters = _said(one)
    session = str(one.details["principal"])
    return {
        "eventVersion": "1.11",
        "userIdentity": identity(session, site, calendar.whole(one.at - 900)),
        "eventTime": calendar.whole(one.at),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": operation,
        "awsRegion": site.region,
        "sourceIPAddress": "203.0.113.64",
        "userAgent": "Boto3/1.40",
        "requestParameters": parameters,
        "responseElements": None,
        "requestID": identifier("request", one.number),
        "eventID": identifier("event", one.number),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": site.account,
        "eventCategory": "Management",
    }


def identity(principal: str, site: SiteSpec, since: str) -> dict[str, Any]:
    """Give who called: an ARN as it is, a bare name as the session of an assumed role."""
    role = "pointsman" if principal.startswith("pointsman") else "NetworkAdmin"
    arn = principal if principal.startswith("arn:") else f"arn:aws:sts::{site.account}:assumed-role/{role}/{principal}"
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLEID:{arn.rpartition('/')[2]}",
        "arn": arn,
        "accountId": site.account,
        "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "sessionContext": {"attributes": {"creationDate": since, "mfaAuthenticated": "false"}},
    }


def _said(one: Happening) -> tuple[str, str, dict[str, Any]]:
    action, resource, request = str(one.details["action"]), str(one.details["resource"]), one.details["request"]
    if action in _CALLS:
        return _CALLS[action](resource, request)
    service, _, operation = action.partition(".")
    return service, operation, dict(request)


def _start_test(resource: str, request: Request) -> tuple[str, str, dict[str, Any]]:
    return "directconnect", "StartBgpFailoverTest", {"virtualInterfaceId": resource, "testDurationInMinutes": request["minutes"]}


def _stop_test(resource: str, _: Request) -> tuple[str, str, dict[str, Any]]:
    return "directconnect", "StopBgpFailoverTest", {"virtualInterfaceId": resource}


def _allowed(resource: str, request: Request) -> tuple[str, str, dict[str, Any]]:
    prefixes = [{"cidr": one} for one in request["cidrs"]]
    return (
        "directconnect",
        "UpdateDirectConnectGatewayAssociation",
        {"associationId": resource, "addAllowedPrefixesToDirectConnectGateway": prefixes},
    )


def _route(resource: str, request: Request) -> tuple[str, str, dict[str, Any]]:
    return _nested(f"{_verb(request, 'Replace')}TransitGatewayRoute", resource, request, {"DestinationCidrBlock": request["cidr"]})


def _reference(resource: str, request: Request) -> tuple[str, str, dict[str, Any]]:
    return _nested(
        f"{_verb(request, 'Modify')}TransitGatewayPrefixListReference", resource, request, {"PrefixListId": request["prefix_list"]}
    )


def _verb(request: Request, change: str) -> str:
    if request["attachment"] is None and not request["blackhole"]:
        return "Delete"
    return change if request["existed"] else "Create"


def _nested(operation: str, table: str, request: Request, what: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    body: dict[str, Any] = {**what, "TransitGatewayRouteTableId": table}
    if request["attachment"] is not None:
        body["TransitGatewayAttachmentId"] = request["attachment"]
    if request["blackhole"]:
        body["Blackhole"] = True
    return "ec2", operation, {f"{operation}Request": body}


def _list(resource: str, request: Request) -> tuple[str, str, dict[str, Any]]:
    body = {"PrefixListId": resource, "CurrentVersion": request["version"]}
    return "ec2", "ModifyManagedPrefixList", {"ModifyManagedPrefixListRequest": body}


_CALLS: Mapping[str, Callable[[str, Request], tuple[str, str, dict[str, Any]]]] = {
    "start_failover_test": _start_test,
    "stop_failover_test": _stop_test,
    "set_allowed_prefixes": _allowed,
    "set_static_route": _route,
    "set_prefix_list_reference": _reference,
    "set_prefix_list": _list,
}
