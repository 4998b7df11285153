"""What was asked of a face: one entry a request, bounded, in order of arrival."""

import hashlib
import threading
from collections import deque

from pointsman.core.values import Frozen

LOG_LIMIT = 20_000
"""Entries that are kept; the oldest go first."""
BODY_LIMIT = 8_192
"""Longest request body that is kept, in bytes."""


class Entry(Frozen):
    """One request: what was asked, when it came in and went out (monotonic seconds of this machine), and how it ended.

    ``status`` is the HTTP status, 0 when the connection was cut; ``fault`` names a fault that was put on it;
    ``digest`` is equal for equal bodies; ``principal`` is who signed it; ``body`` is the request's own, "" where it is not kept: for secrets, and where it is too long.
    """

    number: int = 0
    service: str
    operation: str
    method: str
    path: str
    query: dict[str, str] = {}
    digest: str = ""
    body: str = ""
    principal: str = ""
    came: float
    went: float
    status: int
    fault: str = ""


class RequestLog:
    """A bounded log that many threads write."""

    def __init__(self, limit: int = LOG_LIMIT) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=limit)
        self._next = 0

    def note(self, entry: Entry) -> None:
        """Keep an entry under the next number."""
        with self._lock:
            numbered = {name: getattr(entry, name) for name in entry.__struct_fields__} | {"number": self._next}
            self._entries.append(Entry(**numbered))
            self._next += 1

    def since(self, number: int = 0) -> tuple[Entry, ...]:
        """Give the entries from a number on."""
        with self._lock:
            return tuple(entry for entry in self._entries if entry.number >= number)

    def clear(self) -> None:
        """Forget the entries; numbers go on."""
        with self._lock:
            self._entries.clear()

    def operations(self, service: str | None = None) -> tuple[str, ...]:
        """Name the operations asked of a service (None: of any), in order."""
        return tuple(entry.operation for entry in self.since() if service in (None, entry.service))

    def writes(self) -> tuple[Entry, ...]:
        """Give the requests that change something."""
        return tuple(entry for entry in self.since() if entry.method != "GET" and not entry.path.endswith("/wait"))


def digest_of(body: bytes) -> str:
    """Name a request's body by its content."""
    return hashlib.sha256(body).hexdigest()[:16]
