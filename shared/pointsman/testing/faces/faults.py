"""Faults on request: the next calls of an operation go wrong in a named way."""

import threading
from enum import StrEnum

from pointsman.core.values import Frozen

FAULT_LIMIT = 1_000
"""Faults that may wait at once."""


class FaultKind(StrEnum):
    """How a call goes wrong."""

    THROTTLED = "throttled"
    DENIED = "denied"
    BROKEN = "broken"
    BUSY = "busy"
    UNANSWERED = "unanswered"
    """The connection is cut and nothing was done."""
    DONE_UNANSWERED = "done-unanswered"
    """It is done, and the connection is cut before the answer."""
    LATE = "late"
    """The connection is cut, and it is done ``seconds`` of network time later."""
    SLOW = "slow"
    """It is done and answered, ``seconds`` of real time later."""
    FAILS_LATER = "fails-later"
    """It is accepted and answered, and the operation that was to do it ends in an error: nothing is done."""
    STALE = "stale"
    """The answer is the one before last's: an eventually consistent read."""


class Fault(Frozen):
    """The next ``times`` calls of an operation ("*": any) go wrong. ``principal`` "" is anybody."""

    service: str
    operation: str
    kind: FaultKind
    times: int = 1
    seconds: float = 0.0
    principal: str = ""

    def hits(self, service: str, operation: str, principal: str) -> bool:
        """Say whether it is meant for this call."""
        return self.service in ("*", service) and self.operation in ("*", operation) and self.principal in ("", principal)


class Faults:
    """The faults that still wait, first come first served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def put(self, fault: Fault) -> None:
        """Let the next calls go wrong. Raises ValueError over the limit."""
        with self._lock:
            if len(self._waiting) >= FAULT_LIMIT:
                raise ValueError(f"over {FAULT_LIMIT} faults wait: clear them first")
            self._waiting.append(fault)

    def take(self, service: str, operation: str, principal: str) -> Fault | None:
        """Give the fault that this call meets, and count it."""
        with self._lock:
            for place, fault in enumerate(self._waiting):
                if fault.hits(service, operation, principal):
                    self._used(place, fault)
                    return fault
        return None

    def waiting(self) -> tuple[Fault, ...]:
        """Give the faults that still wait."""
        with self._lock:
            return tuple(self._waiting)

    def clear(self) -> None:
        """Let everything go right again."""
        with self._lock:
            self._waiting.clear()

    def _used(self, place: int, fault: Fault) -> None:
        if fault.times <= 1:
            del self._waiting[place]
            return
        named = {name: getattr(fault, name) for name in fault.__struct_fields__} | {"times": fault.times - 1}
        self._waiting[place] = Fault(**named)
