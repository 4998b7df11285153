"""CloudWatch alarms, in each of the schemas that tell the same fact.

EventBridge (``detail.state``), an SNS action (``NewStateValue``), an alarm that calls a Lambda function directly
(``alarmData``), and composite alarms in each of them (no metrics; sent even when suppressed).
INSUFFICIENT_DATA is unknown, never down.
Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TypeGuard

from pointsman.core.errors import RejectedEvent
from pointsman.core.members import DROPS, LIGHT, alarm_key, metric_key, tunnel_key
from pointsman.core.sightings import Aspect, Cause, Health, Ignored, Meaning, Sighting, Source, Vantage
from pointsman.core.values import Frozen
from pointsman.wire.fields import TEXT_LIMIT, Table, parse, printable, table
from pointsman.wire.record import Letter

METRICS_LIMIT = 100
DIMENSIONS_LIMIT = 30
_SHOWN = 80


class _Meant(Frozen):
    """What an alarm on a metric claims of a member when it is raised."""

    aspect: Aspect
    health: Health = Health.DOWN
    cause: Cause = Cause.ALARM
    vantage: Vantage = Vantage.AWS


class _Metric(Frozen):
    """One metric that an alarm watches."""

    namespace: str
    name: str
    dimensions: dict[str, str]


class _Alarm(Frozen):
    """One change of state, whatever the schema; ``above`` says whether it warns of too much, None where that is not told."""

    name: str
    state: str
    at: datetime
    suppressed_by: str
    metrics: tuple[_Metric, ...]
    above: bool | None
    state_path: Table


_BGP = _Meant(aspect=Aspect.BGP)
_DROPS = _Meant(aspect=Aspect.ROUTE, cause=Cause.BLACKHOLE)
_TIGHT = _Meant(aspect=Aspect.CAPACITY, health=Health.DEGRADED)
_PROBE = _Meant(aspect=Aspect.PROBE, cause=Cause.PACKETS_LOST, vantage=Vantage.PROBE_AWS)
_PLAIN = _Meant(aspect=Aspect.LINK)
_ROUTES = _Meant(aspect=Aspect.ROUTE, cause=Cause.ROUTE_GONE)
_ROUTES_OR_LIMIT = _Meant(aspect=Aspect.ROUTE, health=Health.UNKNOWN, cause=Cause.UNSTATED)
_METRICS = {
    ("AWS/DX", "ConnectionState"): _PLAIN,
    ("AWS/DX", "ConnectionErrorCount"): _Meant(aspect=Aspect.LINK, health=Health.DEGRADED),
    ("AWS/DX", "ConnectionLightLevelRx"): _Meant(aspect=Aspect.LINK, health=Health.DEGRADED),
    ("AWS/DX", "ConnectionLightLevelTx"): _Meant(aspect=Aspect.LINK, health=Health.DEGRADED),
    ("AWS/DX", "VirtualInterfaceBgpStatus"): _BGP,
    ("AWS/DX", "VirtualInterfaceBgpPrefixesAccepted"): _ROUTES,
    ("AWS/VPN", "TunnelState"): _BGP,
    ("AWS/TransitGateway", "PacketDropCountBlackhole"): _DROPS,
    ("AWS/TransitGateway", "PacketDropCountNoRoute"): _DROPS,
    ("AWS/NetworkMonitor", "PacketLoss"): _PROBE,
    ("CloudWatchSynthetics", "SuccessPercent"): _PROBE,
    ("AWS/NetworkMonitor", "HealthIndicator"): _Meant(aspect=Aspect.LINK, health=Health.DEGRADED),
    ("AWS/NetworkMonitor", "RTT"): _Meant(aspect=Aspect.PROBE, health=Health.DEGRADED, vantage=Vantage.PROBE_AWS),
}
"""``TunnelState`` of a VPN with BGP says whether the session is established, so it is session evidence.

``HealthIndicator`` speaks of AWS's own part of a synthetic monitor's path, not of packets that were lost.
``VirtualInterfaceBgpPrefixesAccepted`` is watched for too few routes, which are gone, and for too many, near the quota.
"""
_FAMILIES = {"AWS/DX": _TIGHT, "AWS/VPN": _TIGHT, "AWS/TransitGateway": _TIGHT, "AWS/NetworkMonitor": _PROBE}
NAMESPACES = frozenset(_FAMILIES)
"""AWS namespaces that speak of links; alarms on other ``AWS/`` namespaces are not ours, those on a user's own are."""
_ASIDE = {("AWS/DX", name): "ConnectionId" for name in LIGHT} | {("AWS/TransitGateway", name): "TransitGatewayAttachment" for name in DROPS}
"""Further metrics of a resource, by the dimension that names it."""
_STATES = {"OK": Health.UP, "ALARM": Health.DOWN, "INSUFFICIENT_DATA": Health.UNKNOWN}
_SIDES = {
    "GreaterThanThreshold": True,
    "GreaterThanOrEqualToThreshold": True,
    "GreaterThanUpperThreshold": True,
    "LessThanThreshold": False,
    "LessThanOrEqualToThreshold": False,
    "LessThanLowerThreshold": False,
}
"""Comparisons of an SNS action; the other schemas leave the comparison out."""
_RESOURCES = ("VirtualInterfaceId", "ConnectionId", "TransitGatewayAttachment", "TransitGateway")


def recognises(letter: Letter) -> bool:
    """Say whether a letter is a CloudWatch alarm in any schema."""
    body = letter.body
    alarm = body.get("source") == "aws.cloudwatch" and body.get("detail-type") == "CloudWatch Alarm State Change"
    return alarm or "alarmData" in body.values or ("AlarmName" in body.values and "NewStateValue" in body.values)


def decode(letter: Letter) -> Iterable[Meaning]:
    """Decode one change of an alarm's state."""
    body = letter.body
    if "AlarmName" in body.values:
        return (_meaning(_from_sns(body)),)
    return (_meaning(_from_data(body.table("alarmData" if "alarmData" in body else "detail"))),)


def _from_data(data: Table) -> _Alarm:
    state = data.table("state")
    configuration = data.table_or_empty("configuration")
    return _Alarm(
        name=data.name("alarmName"),
        state=state.name("value"),
        at=state.time("timestamp"),
        suppressed_by=state.name_or_empty("actionsSuppressedBy"),
        metrics=tuple(_metrics(configuration)),
        above=_above(state, data.table_or_empty("previousState")),
        state_path=state,
    )


def _metrics(configuration: Table) -> Iterator[_Metric]:
    for one in configuration.tables("metrics", METRICS_LIMIT):
        if "metricStat" in one:
            metric = one.table("metricStat").table("metric")
            dimensions = metric.table_or_empty("dimensions")
            yield _Metric(
                namespace=metric.name_or_empty("namespace"),
                name=metric.name("name"),
                dimensions={key: dimensions.name(key) for key in list(dimensions.values)[:DIMENSIONS_LIMIT]},
            )


def _above(*states: Table) -> bool | None:
    """Say on which side of the threshold an alarm is raised, by the newest state whose datapoints tell; a count of nothing is too few."""
    for state in states:
        data = _reason_data(state)
        points, threshold = [one for one in data.items("recentDatapoints") if _is_number(one)], data.get("threshold")
        if not points or not _is_number(threshold) or state.get("value") not in ("OK", "ALARM"):
            continue
        sides = {(point > threshold) - (point < threshold) for point in points}
        if sides in ({1}, {-1}):
            return (sides == {1}) is (state.get("value") == "ALARM")
        if sides == {0} and not threshold and state.get("value") == "ALARM":
            return False
    return None


def _reason_data(state: Table) -> Table:
    """Read what a state says of its datapoints: JSON in a text. What cannot be read tells nothing."""
    text = state.get("reasonData")
    try:
        data = table(parse(text)) if isinstance(text, str) and len(text) <= TEXT_LIMIT else None
        return data if data and isinstance(data.get("recentDatapoints"), list) else Table(values={})
    except RejectedEvent:
        return Table(values={})


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _from_sns(body: Table) -> _Alarm:
    trigger = body.table_or_empty("Trigger")
    stats = [one.table("MetricStat").table("Metric") for one in trigger.tables("Metrics", METRICS_LIMIT) if "MetricStat" in one]
    single = [trigger] if "MetricName" in trigger else []
    return _Alarm(
        name=body.name("AlarmName"),
        state=body.name("NewStateValue"),
        at=body.time("StateChangeTime"),
        suppressed_by=body.name_or_empty("ActionsSuppressedBy"),
        metrics=tuple(_sns_metric(one) for one in [*single, *stats]),
        above=_SIDES.get(trigger.prose("ComparisonOperator", _SHOWN)),
        state_path=body,
    )


def _sns_metric(metric: Table) -> _Metric:
    pairs = metric.tables("Dimensions", DIMENSIONS_LIMIT)
    return _Metric(
        namespace=metric.name_or_empty("Namespace"),
        name=metric.name("MetricName"),
        dimensions={pair.name("name"): pair.name("value") for pair in pairs},
    )


def _meaning(alarm: _Alarm) -> Meaning:
    if alarm.state not in _STATES:
        alarm.state_path.refuse("value", "should be OK, ALARM or INSUFFICIENT_DATA")
    foreign = [one for one in alarm.metrics if one.namespace.startswith("AWS/") and one.namespace not in _FAMILIES]
    if alarm.metrics and len(foreign) == len(alarm.metrics):
        return Ignored(reason=f"an alarm on {printable(foreign[0].namespace, _SHOWN)}, which says nothing of a link")
    if alarm.suppressed_by and alarm.state == "ALARM":
        return Ignored(reason=f"a composite alarm whose actions are suppressed by {printable(alarm.suppressed_by, _SHOWN)}")
    return _sighting(alarm, _meant(alarm))


def _sighting(alarm: _Alarm, meant: _Meant) -> Sighting:
    health = meant.health if alarm.state == "ALARM" else _STATES[alarm.state]
    calm = {"OK": Cause.ALARM_CLEARED, "INSUFFICIENT_DATA": Cause.INSUFFICIENT_DATA}
    member, speaker = _member(alarm), alarm_key(alarm.name)
    return Sighting(
        vantage=meant.vantage,
        member=member,
        source=Source.CLOUDWATCH,
        aspect=meant.aspect,
        health=health,
        seen_at=alarm.at,
        cause=calm.get(alarm.state, meant.cause),
        text=speaker if speaker != member else "",
    )


def _meant(alarm: _Alarm) -> _Meant:
    """Say what the alarm's metrics mean together; metrics of different meanings speak of the link in general."""
    meanings = [_METRICS.get((one.namespace, one.name)) or _FAMILIES.get(one.namespace, _PLAIN) for one in alarm.metrics]
    if not meanings or any(one != meanings[0] for one in meanings):
        return _PLAIN
    if meanings[0] is _ROUTES:
        return _ROUTES if alarm.above is False else _TIGHT if alarm.above else _ROUTES_OR_LIMIT
    whole_vpn = any("VpnId" in one.dimensions and "TunnelIpAddress" not in one.dimensions for one in alarm.metrics)
    return _Meant(aspect=Aspect.BGP, health=Health.DEGRADED, cause=Cause.REDUNDANCY_LOST) if whole_vpn else meanings[0]


def _member(alarm: _Alarm) -> str:
    """Name what the alarm's dimensions name when they agree on one thing, else the alarm itself.

    An alarm on one metric alone that another metric of the same resource would hide has a row of its own.
    """
    named = {_resource(one.dimensions) for one in alarm.metrics}
    resource = named.pop() if len(named) == 1 else ""
    if not resource:
        return alarm_key(alarm.name)
    metrics = {(one.namespace, one.name) for one in alarm.metrics}
    aside = _ASIDE.get(next(iter(metrics)), "") if len(metrics) == 1 else ""
    first = alarm.metrics[0]
    return metric_key(resource, first.name) if first.dimensions.get(aside) == resource else resource


def _resource(dimensions: dict[str, str]) -> str:
    vpn = dimensions.get("VpnId", "")
    if vpn:
        address = dimensions.get("TunnelIpAddress", "")
        return tunnel_key(vpn, address) if address else vpn
    return next((dimensions[key] for key in _RESOURCES if key in dimensions), "")
