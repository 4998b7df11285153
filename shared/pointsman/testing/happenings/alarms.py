"""The detail of a CloudWatch alarm's change of state, by metric."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.testing.happenings.events import Calendar
from pointsman.testing.network.blueprint import MemberSpec, SiteSpec
from pointsman.testing.network.happenings import Happening


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watched:
    """How a metric is watched: bad is below the threshold, or above it."""

    namespace: str
    period: int
    statistic: str
    threshold: float
    below: bool


_WATCHED = {
    "VirtualInterfaceBgpStatus": _Watched(namespace="AWS/DX", period=300, statistic="Minimum", threshold=1.0, below=True),
    "ConnectionState": _Watched(namespace="AWS/DX", period=60, statistic="Minimum", threshold=1.0, below=True),
    "TunnelState": _Watched(namespace="AWS/VPN", period=60, statistic="Minimum", threshold=1.0, below=True),
    "PacketLoss": _Watched(namespace="AWS/NetworkMonitor", period=60, statistic="Average", threshold=50.0, below=False),
    "RoutingDrops": _Watched(namespace="AWS/TransitGateway", period=60, statistic="Sum", threshold=0.0, below=False),
}


def alarm(one: Happening, site: SiteSpec, member: MemberSpec | None, calendar: Calendar) -> dict[str, Any]:
    """Give the detail of an alarm event, before and after, as CloudWatch words it."""
    name, metric, bad = one.details["name"], one.details["metric"], one.details["bad"]
    watched = _WATCHED[metric]
    return {
        "alarmName": name,
        "configuration": {"description": f"{metric} of {site.name}", "metrics": _metrics(metric, watched, _dimensions(one, site, member))},
        "previousState": _state(one, watched, calendar, bad=not bad, at=one.details["started"]),
        "state": _state(one, watched, calendar, bad=bad, at=one.at),
    }


def _dimensions(one: Happening, site: SiteSpec, member: MemberSpec | None) -> dict[str, str]:
    """Name what the metric is of (that a probe's metric is known by monitor and probe is unconfirmed)."""
    if one.details["metric"] == "RoutingDrops":
        return {"TransitGateway": site.hub}
    if member is None:
        return {"Monitor": f"{site.name}-links", "Probe": one.details["name"]}
    by_metric = {
        "VirtualInterfaceBgpStatus": {"ConnectionId": member.connection or "", "VirtualInterfaceId": member.virtual_interface or ""},
        "ConnectionState": {"ConnectionId": member.connection or ""},
        "TunnelState": {"TunnelIpAddress": member.outside_ip or "", "VpnId": member.vpn or ""},
    }
    return by_metric[one.details["metric"]]


def _metrics(metric: str, watched: _Watched, dimensions: Mapping[str, str]) -> list[dict[str, Any]]:
    if metric != "RoutingDrops":
        return [_metric("m1", metric, watched, dimensions, returned=True)]
    names = ("PacketDropCountBlackhole", "PacketDropCountNoRoute")
    sums = [_metric(f"m{place}", name, watched, dimensions, returned=False) for place, name in enumerate(names, start=1)]
    return [{"expression": "m1+m2", "id": "e1", "label": "routing failures", "returnData": True}, *sums]


def _metric(label: str, name: str, watched: _Watched, dimensions: Mapping[str, str], *, returned: bool) -> dict[str, Any]:
    stat = {
        "metric": {"dimensions": dict(dimensions), "name": name, "namespace": watched.namespace},
        "period": watched.period,
        "stat": watched.statistic,
    }
    return {"id": label, "metricStat": stat, "returnData": returned}


def _state(one: Happening, watched: _Watched, calendar: Calendar, *, bad: bool, at: float) -> dict[str, str]:
    value = one.details["value"] if bad == one.details["bad"] else _usual(watched, bad=bad)
    crossed = "less than" if watched.below else "greater than"
    verb = f"was {'' if bad else 'not '}{crossed}"
    data = {
        "version": "1.0",
        "queryDate": calendar.millis(at),
        "startDate": calendar.millis(at - watched.period),
        "statistic": watched.statistic,
        "period": watched.period,
        "recentDatapoints": [value],
        "threshold": watched.threshold,
    }
    return {
        "reason": f"Threshold Crossed: 1 datapoint [{value}] {verb} the threshold ({watched.threshold}).",
        "reasonData": json.dumps(data, separators=(",", ":")),
        "timestamp": calendar.millis(at),
        "value": "ALARM" if bad else "OK",
    }


def _usual(watched: _Watched, *, bad: bool) -> float:
    if watched.below:
        return 0.0 if bad else watched.threshold
    return watched.threshold * 2 if bad else 0.0
