"""Cloud Monitoring notifications, schema 1.2: samples of a minute, minutes late; the net below the router's log.

A ``closed`` incident is a recovery only when the observed value is back on the good side of its threshold: editing or
deleting a policy closes its incidents too.
Source: docs.cloud.google.com/monitoring/support/notification-options#webhooks (schema version 1.2).
"""

import operator
import re
from collections.abc import Callable, Iterable
from datetime import datetime

from pointsman.core.members import alarm_key, gcp_tunnel_key, interconnect_key, peer_key, vlan_key
from pointsman.core.sightings import Aspect, Cause, Health, Ignored, Meaning, Sighting, Source, Vantage
from pointsman.core.values import Frozen
from pointsman.wire import times
from pointsman.wire.fields import NAME_LIMIT, Table, printable
from pointsman.wire.record import Letter

_NUMBER = re.compile(r"[-+]?[0-9]{1,18}(?:\.[0-9]{0,18})?(?:[eE][-+]?[0-9]{1,2})?")
_RECEIVED = "router.googleapis.com/bgp/received_routes_count"
"""Watched for too few routes, which are gone, and for too many, near the quota."""
_ASPECTS = {
    "router.googleapis.com/bgp/session_up": Aspect.BGP,
    "router.googleapis.com/bgp_sessions_up_count": Aspect.BGP,
    "router.googleapis.com/bgp_sessions_down_count": Aspect.BGP,
    "router.googleapis.com/bfd/session_up": Aspect.LINK,
    _RECEIVED: Aspect.ROUTE,
    "vpn.googleapis.com/tunnel_established": Aspect.IPSEC,
    "interconnect.googleapis.com/network/interconnect/operational": Aspect.LINK,
    "interconnect.googleapis.com/network/interconnect/link/operational": Aspect.LINK,
}
_UPTIME = "monitoring.googleapis.com/uptime_check/"
_PROBES = {f"{_UPTIME}check_passed": Health.DOWN, f"{_UPTIME}request_latency": Health.DEGRADED}
"""What an uptime check claims when its incident is open: it is a probe, by whatever it was set up to reach."""
_FAMILIES = {
    "router.googleapis.com": Aspect.CAPACITY,
    "vpn.googleapis.com": Aspect.CAPACITY,
    "interconnect.googleapis.com": Aspect.CAPACITY,
}
_DEGRADES = frozenset({Aspect.CAPACITY})
_PART_OF_LINK = "interconnect.googleapis.com/network/interconnect/link/operational"
"""One circuit of an interconnect's bundle: its loss degrades the interconnect."""
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "COMPARISON_LT": operator.lt,
    "COMPARISON_LE": operator.le,
    "COMPARISON_GT": operator.gt,
    "COMPARISON_GE": operator.ge,
}
_TOO_MUCH = frozenset({"COMPARISON_GT", "COMPARISON_GE"})
_STATES = {"open": True, "closed": False, "OPEN": True, "CLOSED": False}
_PLACES = frozenset({"project_id", "bgp_peer_name", "tunnel_name"})
"""Labels that tell no series of one member apart."""
_OWN_METRICS = ("custom.googleapis.com/", "logging.googleapis.com/user/", "workload.googleapis.com/", "prometheus.googleapis.com/")


class _Claim(Frozen):
    """What an incident's state claims."""

    health: Health
    cause: Cause


_UNTOLD = _Claim(health=Health.UNKNOWN, cause=Cause.UNSTATED)


def recognises(letter: Letter) -> bool:
    """Say whether a letter is a Monitoring notification."""
    return "incident" in letter.body.values and "version" in letter.body.values


def decode(letter: Letter) -> Iterable[Meaning]:
    """Decode one change of an incident's state."""
    if str(letter.body.get("version")).lower() == "test":
        return (Ignored(reason="the console's test message"),)
    return (_meaning(letter.body.table("incident")),)


def _meaning(incident: Table) -> Meaning:
    metric = _metric(incident)
    service = metric.partition("/")[0]
    if metric and service not in _FAMILIES and not metric.startswith(_OWN_METRICS) and metric not in _PROBES:
        return Ignored(reason=f"an incident of {printable(service, 80)}, which says nothing of a link")
    above = _above(incident) if metric == _RECEIVED else False
    known = Aspect.CAPACITY if above else _ASPECTS.get(metric)
    aspect = Aspect.PROBE if metric in _PROBES else known or _FAMILIES.get(service, Aspect.LINK)
    claim = _claim(incident, aspect, metric)
    if above is None and claim.health is Health.DOWN:
        claim = _UNTOLD
    return Sighting(
        vantage=Vantage.PROBE_GCP if metric in _PROBES else Vantage.GCP,
        member=_member(incident),
        source=Source.MONITORING,
        aspect=aspect,
        health=claim.health,
        seen_at=_seen_at(incident),
        cause=claim.cause,
        text=_speaker(incident),
    )


def _metric(incident: Table) -> str:
    return incident.table_or_empty("metric").name_or_empty("type")


def _seen_at(incident: Table) -> datetime:
    closed = incident.get("state") == "closed" and incident.get("ended_at") is not None
    return incident.time("ended_at" if closed else "started_at", times.epoch_seconds)


def _claim(incident: Table, aspect: Aspect, metric: str) -> _Claim:
    if not incident.choice("state", _STATES):
        return _Claim(health=Health.UP, cause=Cause.ALARM_CLEARED) if _recovered(incident) else _UNTOLD
    if "conditionAbsent" in incident.table_or_empty("condition"):
        return _Claim(health=Health.UNKNOWN, cause=Cause.INSUFFICIENT_DATA)
    if metric in _PROBES:
        return _Claim(health=_PROBES[metric], cause=Cause.PACKETS_LOST if _PROBES[metric] is Health.DOWN else Cause.ALARM)
    partial = aspect in _DEGRADES or metric == _PART_OF_LINK
    return _Claim(health=Health.DEGRADED if partial else Health.DOWN, cause=Cause.ALARM)


def _above(incident: Table) -> bool | None:
    """Say whether an incident warns of too much: by its comparison, else by what was observed; None where neither tells."""
    threshold = incident.table_or_empty("condition").table_or_empty("conditionThreshold")
    comparison = str(threshold.get("comparison"))
    if comparison in _COMPARISONS:
        return comparison in _TOO_MUCH
    observed, limit = _figure(incident.get("observed_value")), _figure(incident.get("threshold_value"))
    if observed is None or incident.choice("state", _STATES) is False:
        return None
    return False if observed == 0 else None if limit is None or observed == limit else observed > limit


def _recovered(incident: Table) -> bool:
    """Say whether the observed value, which may be a sentence, is a number on the good side of the threshold."""
    threshold = incident.table_or_empty("condition").table_or_empty("conditionThreshold")
    violates = _COMPARISONS.get(str(threshold.get("comparison")))
    limit = _figure(threshold.get("thresholdValue"))
    observed = _figure(incident.get("observed_value"))
    if violates is None or observed is None:
        return False
    return not violates(observed, limit if limit is not None else 0.0)


def _figure(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1 << 63:
        return float(value)
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) else None


def _member(incident: Table) -> str:
    """Name what the labels name; an incident that names nothing is known by its policy."""
    labels = incident.table_or_empty("metric").table_or_empty("labels")
    resource = incident.table_or_empty("resource").table_or_empty("labels")
    router, peer = resource.name_or_empty("router_id"), labels.name_or_empty("bgp_peer_name")
    if router and peer:
        return peer_key(router, peer)
    return _by_label(labels, resource) or alarm_key(incident.name("policy_name"))


def _speaker(incident: Table) -> str:
    """Name the condition that speaks, by the names that people gave, and of which time series: those stay when a policy is made anew, and so does its row."""
    names = [name for key in ("policy_name", "condition_name") if (name := incident.prose(key, NAME_LIMIT))]
    spoken = [*names, *([series] if (series := _series(incident)) else [])]
    return alarm_key("/".join(spoken)) if spoken else ""


def _series(incident: Table) -> str:
    """Tell a time series from others of its condition: by the metric's labels, and those of the resource where they name no member."""
    labels, resource = (incident.table_or_empty(one).table_or_empty("labels") for one in ("metric", "resource"))
    told = (labels,) if _by_label(labels, resource) else (labels, resource)
    pairs = {
        f"{key}={value}" for one in told for key, value in one.values.items() if isinstance(value, str) and value and key not in _PLACES
    }
    return printable(",".join(sorted(pairs)), NAME_LIMIT)


def _by_label(labels: Table, resource: Table) -> str:
    """Name a tunnel, attachment or interconnect; a policy that aggregates over project or region drops that label."""
    project, region = resource.name_or_empty("project_id"), resource.name_or_empty("region")
    tunnel = labels.name_or_empty("tunnel_name")
    vlan = resource.name_or_empty("attachment")
    interconnect = resource.name_or_empty("interconnect")
    if tunnel:
        return gcp_tunnel_key(tunnel, project, region)
    return vlan_key(vlan, project, region) if vlan else interconnect_key(interconnect) if interconnect else ""
