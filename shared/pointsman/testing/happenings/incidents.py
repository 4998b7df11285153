"""Cloud Monitoring notifications, schema 1.2, one per change of an incident's state."""

from collections.abc import Mapping
from typing import Any

from pointsman.testing.happenings.events import Calendar, number
from pointsman.testing.network.blueprint import MemberSpec, SiteSpec
from pointsman.testing.network.happenings import Happening

_TYPES = {
    "bgp/session_up": "router.googleapis.com/bgp/session_up",
    "tunnel_established": "vpn.googleapis.com/tunnel_established",
    "interconnect/operational": "interconnect.googleapis.com/network/interconnect/operational",
    "PacketLoss": "custom.googleapis.com/link_probe/loss",
}


def incident(one: Happening, site: SiteSpec, member: MemberSpec | None, calendar: Calendar) -> dict[str, Any]:
    """Give a notification body. A probe's loss is bad above its threshold, every other metric below it."""
    details, kind = one.details, _TYPES[one.details["metric"]]
    labels, resource = _labels(one, site, member)
    key = f"0.{int(number('incident', details['name'], details['started'])):x}"
    name = details["name"]
    value = f"{details['value']:.3f}"
    return {
        "version": "1.2",
        "incident": {
            "condition": _condition(kind, resource["type"], site, above=details["metric"] == "PacketLoss"),
            "condition_name": name,
            "documentation": None,
            "ended_at": None if details["bad"] else calendar.unix(details["sampled"]),
            "incident_id": key,
            "metadata": {"system_labels": {}, "user_labels": {}},
            "metric": {"displayName": kind.rpartition("/")[2], "labels": labels, "type": kind},
            "observed_value": value,
            "policy_name": name,
            "policy_user_labels": {},
            "resource": resource,
            "resource_id": "",
            "resource_name": f"{site.account} {name}",
            "scoping_project_id": site.account,
            "scoping_project_number": int(number("project", site.account)[:12]),
            "severity": "Critical",
            "started_at": calendar.unix(details["started"]),
            "state": "open" if details["bad"] else "closed",
            "summary": f"{kind} of {name} has a value of {value}.",
            "threshold_value": "50" if details["metric"] == "PacketLoss" else "1",
            "url": f"https://console.cloud.google.com/monitoring/alerting/alerts/{key}?project={site.account}",
        },
    }


def _condition(kind: str, resource: str, site: SiteSpec, *, above: bool) -> dict[str, Any]:
    return {
        "conditionThreshold": {
            "aggregations": [{"alignmentPeriod": "60s", "perSeriesAligner": "ALIGN_MEAN"}],
            "comparison": "COMPARISON_GT" if above else "COMPARISON_LT",
            "duration": "60s",
            "filter": f'resource.type = "{resource}" AND metric.type = "{kind}"',
            "thresholdValue": 50 if above else 1,
            "trigger": {"count": 1},
        },
        "displayName": kind,
        "name": f"projects/{site.account}/alertPolicies/{number('policy', kind)}/conditions/{number('condition', kind)}",
    }


def _labels(one: Happening, site: SiteSpec, member: MemberSpec | None) -> tuple[dict[str, str], Mapping[str, Any]]:
    """Give metric labels and resource (that an operational metric names the attachment too is unconfirmed)."""
    place = {"project_id": site.account, "region": site.region}
    match one.details["metric"]:
        case "bgp/session_up":
            router = site.router.id if site.router else ""
            peer = member.peer.name if member and member.peer else ""
            return {"bgp_peer_name": peer}, {"type": "gce_router", "labels": place | {"router_id": router}}
        case "tunnel_established":
            tunnel = member.gcp_tunnel if member and member.gcp_tunnel else ""
            return {"tunnel_name": tunnel}, {"type": "vpn_gateway", "labels": place | {"gateway_id": number("gateway", one.link)}}
        case "interconnect/operational":
            attachment = str(one.details["name"]).removesuffix("-operational")
            return {}, {"type": "interconnect_attachment", "labels": place | {"attachment": attachment}}
        case _:
            return {"probe": one.details["name"]}, {"type": "global", "labels": {"project_id": site.account}}
