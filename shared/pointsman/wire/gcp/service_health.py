"""Personalized Service Health: outages of Google's own, as log entries.

Lists are written as text in the manner of Python (``"['us-east4']"``).
Source: cloud.google.com/service-health/docs/reference/event-logs/rpc/google.cloud.servicehealth.logging.v1.
"""

import re
from collections.abc import Iterable

from pointsman.core.sightings import Cause, Ignored, Meaning, Notice, Vantage
from pointsman.wire.fields import Table, printable
from pointsman.wire.gcp.log_entry import log_id
from pointsman.wire.record import Letter

LOG_ID = "servicehealth.googleapis.com/activity"
LIST_LIMIT = 200
_TEXT_LIMIT = 300
_ITEM = re.compile(r"'([^']{0,200})'|\"([^\"]{0,200})\"")
_PRODUCTS = re.compile(
    r"interconnect|vpn|cloud router|hybrid connectivity|networking|network connectivity|virtual private cloud", re.IGNORECASE
)


def recognises(letter: Letter) -> bool:
    """Say whether a letter is a Service Health entry."""
    return log_id(letter) == LOG_ID


def decode(letter: Letter) -> Iterable[Meaning]:
    """Decode one update of an event; one that names no product that carries a link is ignored."""
    entry = letter.body
    event = _camel(entry.table("jsonPayload"))
    products = _listed(event, "impactedProducts")
    if not any(_PRODUCTS.search(product) for product in products):
        return (Ignored(reason="a service-health event of products that carry no link"),)
    return (_notice(entry, event),)


def _notice(entry: Table, event: Table) -> Notice:
    start, end = event.time_or_none("startTime"), event.time_or_none("endTime")
    if start and end and end < start:
        event.refuse("endTime", "is before the start")
    places = ", ".join(_listed(event, "impactedLocations")[:LIST_LIMIT])
    return Notice(
        vantage=Vantage.GCP,
        what=f"SERVICE_HEALTH_{event.name_or_empty('state') or 'UNSTATED'}",
        members=(),
        seen_at=event.time_or_none("updateTime") or entry.time("timestamp"),
        start=start,
        end=end,
        text=printable(f"{event.prose('title', _TEXT_LIMIT)} ({places})", _TEXT_LIMIT),
        cause=Cause.OUTAGE,
        key=f"service-health/{entry.prose('insertId', 64)}",
    )


def _listed(event: Table, key: str) -> tuple[str, ...]:
    """Read a list that is an array, or the text of one."""
    value = event.get(key)
    if isinstance(value, list | tuple):
        return tuple(item for item in event.items(key, LIST_LIMIT) if isinstance(item, str))
    text = event.text(key) if key in event else ""
    return tuple(printable(one or other, 200) for one, other in _ITEM.findall(text)[:LIST_LIMIT])


def _camel(event: Table) -> Table:
    """Read ``impacted_products`` as ``impactedProducts``: the log has either."""
    return Table(values={_camel_key(key): value for key, value in event.values.items()}, path=event.path)


def _camel_key(key: str) -> str:
    first, *others = key.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in others)
