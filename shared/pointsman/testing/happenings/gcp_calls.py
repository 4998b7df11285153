"""Cloud Audit Logs of API calls: a pair of entries, the first with the request and the last when it is done."""

from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.testing.happenings.events import Calendar, number
from pointsman.testing.network.blueprint import SiteSpec
from pointsman.testing.network.happenings import Happening

DONE_AFTER = 2.0
"""Seconds from the call to the entry that ends its pair."""

_METHODS = {
    "put_route_policy": "v1.compute.routers.updateRoutePolicy",
    "delete_route_policy": "v1.compute.routers.deleteRoutePolicy",
    "attach_policies": "v1.compute.routers.patch",
    "set_peer_priority": "v1.compute.routers.patch",
    "set_peer_enabled": "v1.compute.routers.patch",
    "set_advertised": "v1.compute.routers.patch",
    "add_static_route": "v1.compute.routes.insert",
    "delete_static_route": "v1.compute.routes.delete",
    "set_transport_routes": "google.cloud.networkconnectivity.v1.TransportManager.UpdateTransport",
}


def audit_pair(one: Happening, site: SiteSpec, calendar: Calendar) -> Iterator[dict[str, Any]]:
    """Give both entries; an action that the model does not know is the method's own name."""
    method = _METHODS.get(one.details["action"], one.details["action"])
    for place, half in enumerate(("first", "last")):
        at = one.at + place * DONE_AFTER
        operation = {"id": f"operation-{number(site.name, one.number)}", "producer": "compute.googleapis.com", half: True}
        payload = _payload(one, site, method)
        if half == "first":
            payload["request"] = {"@type": f"type.googleapis.com/{method.removeprefix('v1.')}", **_plain(one.details["request"])}
        yield {
            "insertId": f"-{int(number(site.name, one.number, half)):x}"[:13],
            "logName": f"projects/{site.account}/logs/cloudaudit.googleapis.com%2Factivity",
            "operation": operation,
            "protoPayload": payload,
            "receiveTimestamp": calendar.nanos(at + 0.5),
            "resource": {
                "type": "gce_router",
                "labels": {"project_id": site.account, "region": site.region, "router_id": _router_id(site)},
            },
            "severity": "NOTICE",
            "timestamp": calendar.nanos(at),
        }


def _router_id(site: SiteSpec) -> str:
    return site.router.id if site.router else ""


def _payload(one: Happening, site: SiteSpec, method: str) -> dict[str, Any]:
    service = "networkconnectivity.googleapis.com" if "networkconnectivity" in method else "compute.googleapis.com"
    return {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "authenticationInfo": {"principalEmail": email(str(one.details["principal"]), site)},
        "methodName": method,
        "requestMetadata": {"callerIp": "192.0.2.17", "callerSuppliedUserAgent": "python-urllib3/2"},
        "resourceName": _resource(str(one.details["resource"]), method, site),
        "serviceName": service,
    }


def email(principal: str, site: SiteSpec) -> str:
    """Give who called: an address as it is, a name of ours as a service account, any other as a person."""
    if "@" in principal:
        return principal
    return f"{principal}@{site.account}.iam.gserviceaccount.com" if principal.startswith("pointsman") else f"{principal}@example.net"


def _resource(name: str, method: str, site: SiteSpec) -> str:
    if name.startswith("projects/"):
        return name
    if ".routes." in method:
        return f"projects/{site.account}/global/routes/{name}"
    return f"projects/{site.account}/regions/{site.region}/routers/{name}"


def _plain(request: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in request.items() if value is not None}
