"""An event as a cloud sends it, and how times and identifiers are written in it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from pointsman.testing.network.blueprint import Side

Payload = Mapping[str, Any]


class Form(StrEnum):
    """What kind of thing the payload is."""

    EVENTBRIDGE = "eventbridge"
    LOG_ENTRY = "log-entry"
    INCIDENT = "incident"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event: ``payload`` is the cloud's own JSON, ``at`` virtual seconds, ``key`` its name among all events of a network."""

    key: str
    side: Side
    at: float
    form: Form
    payload: Payload


@dataclass(frozen=True, slots=True)
class Calendar:
    """Maps virtual seconds to dates: second 0 is ``epoch`` (aware, UTC)."""

    epoch: datetime

    def at(self, seconds: float) -> datetime:
        """Give the date of a virtual second."""
        return self.epoch.astimezone(UTC) + timedelta(seconds=seconds)

    def whole(self, seconds: float) -> str:
        """Write ``2026-11-20T09:14:23Z``."""
        return self.at(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")

    def millis(self, seconds: float) -> str:
        """Write ``2026-11-20T09:14:23.123+0000``."""
        return self.at(seconds).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"

    def nanos(self, seconds: float) -> str:
        """Write ``2026-11-20T09:14:23.123456000Z``."""
        return self.at(seconds).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"

    def rfc1123(self, seconds: float) -> str:
        """Write ``Fri, 20 Nov 2026 09:14:23 GMT``."""
        return self.at(seconds).strftime("%a, %d %b %Y %H:%M:%S GMT")

    def unix(self, seconds: float) -> int:
        """Give whole seconds of Unix time."""
        return int(self.at(seconds).timestamp())


def identifier(*labels: object) -> str:
    """Make a UUID that is always the same for the same labels."""
    text = "|".join(map(str, labels))
    return str(UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16).digest(), version=4))


def number(*labels: object) -> str:
    """Make a decimal identifier of 19 digits that is always the same for the same labels."""
    digest = hashlib.blake2b("|".join(map(str, labels)).encode(), digest_size=7).digest()
    return str(10**18 + int.from_bytes(digest, "big"))
