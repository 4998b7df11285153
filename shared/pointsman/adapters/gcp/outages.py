"""Outages that Google expects of an interconnect, as notices about the fabric's attachments on it.

``expectedOutages`` of https://cloud.google.com/compute/docs/reference/rest/v1/interconnects
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.adapters.gcp.compute import tables
from pointsman.core.members import interconnect_key
from pointsman.core.sightings import Cause, Notice, Vantage
from pointsman.core.values import one_line

OUTAGE_LIMIT = 32
"""Most outages of one interconnect that are told."""
TEXT_LIMIT = 200
"""Longest text of a notice, in characters."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_INTERCONNECT = re.compile(r".*/projects/([^/]+)/global/interconnects/([^/]+)")
_LIVE = frozenset({"ACTIVE", "NS_ACTIVE"})
_OVER = frozenset({"CANCELLED", "NS_CANCELED", "COMPLETED"})

Carried = Mapping[tuple[str, str], tuple[str, ...]]
"""Member keys of the attachments on each interconnect, by project and name."""


def carried_by(attachments: Iterable[tuple[str, Mapping[str, Any]]]) -> Carried:
    """Map every interconnect to the attachments it carries, which come with their member keys."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for member, body in attachments:
        named = _INTERCONNECT.fullmatch(str(body.get("interconnect", "")))
        if named:
            key = (named[1], named[2])
            found[key] = (*found.get(key, ()), member)
    return found


def notices_of(interconnects: Iterable[tuple[str, Mapping[str, Any]]], carried: Carried, now: datetime) -> Iterator[Notice]:
    """Give a notice for every outage of an interconnect that carries something of ours, live or over; ``now`` is when it was read."""
    for project, body in interconnects:
        name = str(body.get("name"))
        members = carried.get((project, name))
        for outage in tables(body.get("expectedOutages"))[:OUTAGE_LIMIT] if members else ():
            if outage.get("state") in _LIVE | _OVER:
                yield _notice(outage, (interconnect_key(name), *(members or ())), now)


def _notice(outage: Mapping[str, Any], members: tuple[str, ...], now: datetime) -> Notice:
    return Notice(
        vantage=Vantage.GCP,
        what=str(outage.get("issueType", "")).removeprefix("IT_") or "OUTAGE",
        members=members,
        seen_at=now,
        start=_instant(outage.get("startTime")),
        end=_instant(outage.get("endTime")),
        text=one_line(str(outage.get("description", ""))[:TEXT_LIMIT]).strip(),
        cause=Cause.MAINTENANCE,
        key=f"outage/{str(outage.get('name', ''))[:TEXT_LIMIT]}",
        withdrawn=outage.get("state") in _OVER,
    )


def _instant(millis: object) -> datetime | None:
    try:
        return EPOCH + timedelta(milliseconds=int(str(millis)))
    except (ValueError, OverflowError):
        return None
