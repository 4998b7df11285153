"""Long-running operations: a mutation is accepted at once, takes effect after a latency, and keeps its resource busy until then."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pointsman.testing.gcp.answers import ApiError, Json, missing

KEPT = 10_000
"""Operations (and request ids) that are remembered."""

Effect = Callable[[], Any]
"""What a mutation does when it takes effect."""


class OperationFailed(Exception):
    """What an effect raises whose operation ends in an error: nothing was done."""


@dataclass(slots=True)
class Operation:
    """One accepted mutation: ``scope`` is the path its operations live under, ``due`` when it takes effect, in model seconds.

    ``error`` is the message that it ended with.
    """

    name: str
    kind: str
    scope: str
    target: str
    due: float
    effect: Effect
    done: bool = False
    error: str = ""

    def body(self) -> Json:
        """Give the operation as the API shows it."""
        failed = {"error": {"errors": [{"code": "INTERNAL_ERROR", "message": self.error}]}, "httpErrorStatusCode": 503}
        return (failed if self.error else {}) | {
            "kind": "compute#operation",
            "id": self.name.rpartition("-")[2],
            "name": self.name,
            "operationType": self.kind,
            "targetLink": f"https://www.googleapis.com/compute/v1/{self.target}",
            "status": "DONE" if self.done else "RUNNING",
            "progress": 100 if self.done else 0,
        }


class Operations:
    """Accepts mutations and makes them when they are due; an equal request id gives the first operation again."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self._operations: OrderedDict[str, Operation] = OrderedDict()
        self._running: dict[str, Operation] = {}
        self._by_request: OrderedDict[str, str] = OrderedDict()
        self._count = 0

    def repeated(self, request: str) -> Json | None:
        """Give the answer that a request id had before, if it was accepted before."""
        name = self._by_request.get(request) if request else None
        found = self._operations.get(name) if name else None
        return found.body() if found else None

    def refuse_while_busy(self, target: str) -> None:
        """Raise what the API answers while an operation on this resource runs."""
        if any(one.target == target for one in self._running.values()):
            raise ApiError(400, "resourceNotReady", f"The resource '{target}' is not ready")

    def accept(self, kind: str, target: str, now: float, effect: Effect, *, request: str = "") -> Json:
        """Accept a mutation; without latency it is made at once, and an effect that raises refuses it."""
        self._count += 1
        name = f"operation-{self._count:08d}"
        operation = Operation(name, kind, scope_of(target), target, now + self.latency, effect)
        if self.latency <= 0:
            self._run(operation)
        else:
            self._running[name] = operation
        self._operations[name] = operation
        if request:
            self._by_request[request] = name
        for kept in (self._operations, self._by_request):
            while len(kept) > KEPT:
                kept.popitem(last=False)
        return operation.body()

    def due(self, now: float) -> list[Operation]:
        """Give the operations that take effect by now, in their order."""
        return sorted((one for one in self._running.values() if one.due <= now), key=lambda one: one.due)

    def make(self, operation: Operation) -> None:
        """Let a due operation take effect."""
        self._run(operation)

    def find(self, scope: str, name: str) -> Operation:
        """Give an operation by name. Raises ``ApiError``."""
        found = self._operations.get(name)
        if found is None or found.scope != scope:
            raise missing(f"{scope}/operations/{name}")
        return found

    def _run(self, operation: Operation) -> None:
        try:
            operation.effect()
        except OperationFailed as failed:
            operation.error = str(failed)
        operation.done = True
        self._running.pop(operation.name, None)


def scope_of(target: str) -> str:
    """Name the place whose operations a resource's mutations belong to: ``projects/P/regions/R`` or ``projects/P/global``."""
    parts = target.split("/")
    return "/".join(parts[:4] if parts[2] == "regions" else parts[:3])
