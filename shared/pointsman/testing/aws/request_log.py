"""What was asked of a face: one entry a request, bounded, in order of arrival."""

import hashlib
import threading
from collections import deque
from collections.abc import Iterator

from pointsman.core.values import Frozen

LOG_LIMIT = 20_000
"""Entries that are kept; the oldest go first."""


class Entry(Frozen):
    """One request: what was asked, when it came in and went out (monotonic seconds of this machine), and how it ended.

    ``digest`` is equal for equal parameters; ``status`` is the HTTP status, 0 when the connection was cut; ``fault``
    names a fault that was put on it; ``principal`` is who signed it.
    """

    number: int
    service: str
    operation: str
    digest: str
    principal: str
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
        """Name the operations asked, in order."""
        return tuple(_named(self.since(), service))


def parameters_digest(body: bytes) -> str:
    """Name a request's parameters by their content."""
    return hashlib.sha256(body).hexdigest()[:16]


def _named(entries: tuple[Entry, ...], service: str | None) -> Iterator[str]:
    return (entry.operation for entry in entries if service in (None, entry.service))
