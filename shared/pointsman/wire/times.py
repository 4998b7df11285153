"""Every form of time that the two clouds write, as aware UTC datetimes.

Fractions beyond microseconds are cut. All functions raise ValueError with a text that does not repeat the input.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""No event of ours is outside these: a time beyond them is a unit mistaken for another."""

_LENGTH_LIMIT = 64
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]{1,12}))?([Zz]|[+-][0-9]{2}:?[0-9]{2})"
)
_RFC1123 = re.compile(r"[A-Z][a-z]{2}, ([0-9]{1,2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) (GMT|UTC|[+-][0-9]{4})")
_NUMBER = re.compile(r"[0-9]{1,16}")


def rfc3339(value: object) -> datetime:
    """Read ``2026-11-21T16:45:55.959348287Z``, also with ``+00:00`` or ``+0000`` (RFC 3339, ISO 8601)."""
    found = _match(_RFC3339, value, "no RFC 3339 time")
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    micros = int((fraction or "0")[:6].ljust(6, "0"))
    return _utc(lambda: datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), micros, tzinfo=_zone(offset)))


def rfc1123(value: object) -> datetime:
    """Read ``Fri, 20 Nov 2026 09:10:00 GMT`` (RFC 1123; the name of the day is not checked)."""
    found = _match(_RFC1123, value, "no RFC 1123 time")
    day, month, year, hour, minute, second, offset = found.groups()
    if month not in _MONTHS:
        raise ValueError("no such month")
    number = _MONTHS.index(month) + 1
    return _utc(lambda: datetime(int(year), number, int(day), int(hour), int(minute), int(second), tzinfo=_zone(offset)))


def epoch_seconds(value: object) -> datetime:
    """Read seconds since 1970, as a number or as its text."""
    return _utc(lambda: datetime.fromtimestamp(_figure(value), UTC))


def epoch_millis(value: object) -> datetime:
    """Read milliseconds since 1970, as a number or as its text."""
    return _utc(lambda: datetime.fromtimestamp(_figure(value) / 1000, UTC))


def any_form(value: object) -> datetime:
    """Read RFC 3339 or RFC 1123, for feeds whose documents and samples differ."""
    return rfc1123(value) if isinstance(value, str) and value[:1].isalpha() else rfc3339(value)


def written(moment: datetime) -> str:
    """Write a time as RFC 3339 in UTC, to the microsecond where it has one."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _match(pattern: re.Pattern[str], value: object, otherwise: str) -> re.Match[str]:
    found = pattern.fullmatch(value) if isinstance(value, str) and len(value) <= _LENGTH_LIMIT else None
    if found is None:
        raise ValueError(otherwise)
    return found


def _figure(value: object) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return cast("float", value)
    raise ValueError("no count since 1970")


def _zone(offset: str) -> timezone:
    if offset in {"Z", "z", "GMT", "UTC"}:
        return UTC
    digits = offset[1:].replace(":", "")
    away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-away if offset[0] == "-" else away)


def _utc(build: Callable[[], Any]) -> datetime:
    try:
        moment = cast("datetime", build()).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError("no such time") from error
    if not EARLIEST <= moment <= LATEST:
        raise ValueError("a time outside 2000 to 2200")
    return moment
