"""Answers of Google's APIs that were handed in as events.

Most belong to looks, which know the time and the router they asked for. Two carry a meaning by themselves: an
interconnect's outages to come, and a transport that is being taken away.
Source: compute v1 (Interconnect, RouterStatusResponse), networkconnectivity v1 (Transport).
"""

import re
from collections.abc import Iterable

from pointsman.core.members import interconnect_key
from pointsman.core.sightings import Aspect, Cause, Health, Ignored, Meaning, Notice, Sighting, Source, Vantage
from pointsman.wire import times
from pointsman.wire.fields import Table, printable
from pointsman.wire.record import Letter

OUTAGES_LIMIT = 100
_TEXT_LIMIT = 300
_TRANSPORT = re.compile(r"projects/[^/]{1,63}/locations/[^/]{1,63}/transports/[^/]{1,63}")
_LOST = frozenset({"SUSPENDED", "DELETING", "DEPROVISIONED"})


def recognises(letter: Letter) -> bool:
    """Say whether a letter is an answer of a Google API."""
    return str(letter.body.get("kind")).startswith("compute#") or bool(_TRANSPORT.fullmatch(str(letter.body.get("name"))))


def decode(letter: Letter) -> Iterable[Meaning]:
    """Decode one answer; an interconnect gives a notice for each outage to come."""
    body = letter.body
    if body.get("kind") == "compute#interconnect":
        outages = body.tables("expectedOutages", OUTAGES_LIMIT)
        return tuple(_outage(body, one) for one in outages) or (Ignored(reason="an interconnect without outages to come"),)
    if str(body.get("kind")).startswith("compute#"):
        return (Ignored(reason="an answer of the Compute API, not an event: looks read it with its time and router"),)
    return (_transport(body),)


def _outage(body: Table, outage: Table) -> Meaning:
    if outage.get("state") in ("CANCELLED", "COMPLETED"):
        return Ignored(reason="an outage that was cancelled or is over")
    start, end = outage.time("startTime", times.epoch_millis), outage.time_or_none("endTime", times.epoch_millis)
    if end and end < start:
        outage.refuse("endTime", "is before the start")
    return Notice(
        vantage=Vantage.GCP,
        what=outage.name_or_empty("issueType") or "IT_UNSTATED",
        members=(interconnect_key(body.name("name")),),
        seen_at=start,
        start=start,
        end=end,
        text=outage.prose("description", _TEXT_LIMIT),
        cause=Cause.MAINTENANCE,
        key=f"outage/{outage.prose('name', 128)}",
    )


def _transport(body: Table) -> Meaning:
    state = body.name("state")
    if state not in _LOST:
        return Ignored(reason=f"a transport that is {printable(state, 40)}: its life cycle, which says nothing of reachability")
    return Sighting(
        vantage=Vantage.GCP,
        member=body.name("name"),
        source=Source.LOOK,
        aspect=Aspect.LINK,
        health=Health.DOWN,
        seen_at=body.time("updateTime"),
        cause=Cause.NOT_OPERATIONAL,
    )
