"""A bed whose functions reach every service through doors that hold answers back, so that a reaction's round trips can be counted.

The doors hold every answer of the first round trip until all of its requests are under way, and whatever a store is to
write for the agreement until the lever's write has come. A request that waited for another's answer would never come.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pointsman.core.fabric import Cloud
from pointsman.testing.bench.bed import WRITES, Bed
from pointsman.testing.bench.counting import operation_of
from pointsman.testing.loopback import LoopbackServer, Reply, Request
from pointsman.testing.upstream import Upstream

DOORS = frozenset(
    {"ssm", "ec2", "directconnect", "interconnect", "compute", "networkconnectivity", "secretmanager", "dynamodb", "s3", "firestore"}
)
"""The services that are reached through doors; queues and desks are not waited for."""
BESIDE = (b"register#plan", b"registers/plan", b"register/plan", b"journal", b"intent/", b"failover-test/")
"""What a request names, in path or body, that goes out beside the lever's write: agreement, journal, intent, the claim to a test."""
READS = frozenset({"GetItem", "GetParameters", "Query", "batchGet", "runQuery", "GET"})
HOLD = 20.0
"""Longest that an answer is held, in seconds: then the story is over, and told as it was."""


class Turnstile:
    """Knows in which order one cloud's requests came, and lets answers go as told."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._gated = False
        self._expected: Counter[str] = Counter()
        self.came: list[str] = []
        self.steered = False

    def gate(self, expected: Counter[str]) -> None:
        """Hold answers from now on, those of the first round trip until all that is expected has come."""
        with self._changed:
            self.came, self.steered, self._gated, self._expected = [], False, True, expected

    def open(self) -> None:
        """Hold nothing any more."""
        with self._changed:
            self._gated = False
            self._changed.notify_all()

    def wait_steered(self, seconds: float) -> bool:
        """Wait for the lever's write to have been answered."""
        with self._changed:
            return self._changed.wait_for(lambda: self.steered, seconds)

    def complete(self, seconds: float) -> bool:
        """Wait for the first round trip's requests to be under way, all of them."""
        with self._changed:
            return self._changed.wait_for(self._all_there, seconds)

    def enter(self, name: str) -> None:
        """Note that a request came."""
        with self._changed:
            self.came.append(name)
            self._changed.notify_all()

    def leave(self, *, beside: bool, steers: bool) -> None:
        """Let an answer go when its time has come."""
        with self._changed:
            if steers:
                self.steered = True
                self._changed.notify_all()
                return
            self._changed.wait_for(lambda: not self._gated or (self.steered if beside else self._all_there()), HOLD)

    def _all_there(self) -> bool:
        return self._expected <= Counter(self.came)


class Door:
    """Passes requests on to ``target``, and its answers when the turnstile lets them go."""

    def __init__(self, service: str, target: str, turnstile: Turnstile) -> None:
        self._service = service
        self._upstream = Upstream(target)
        self._turnstile = turnstile
        self.server = LoopbackServer(self._answer)

    def _answer(self, request: Request) -> Reply:
        operation = operation_of(request.method, request.path, request.headers.get("X-Amz-Target", ""))
        steers = operation in WRITES.values() or request.path.endswith("/patchRoutePolicy")
        named = request.path.encode() + request.body.replace(b"%2F", b"/")
        beside = operation not in READS and any(word in named for word in BESIDE)
        self._turnstile.enter("steer" if steers else f"{'beside ' if beside else ''}{self._service} {operation} {request.path}")
        reply = self._upstream.answer(request)
        self._turnstile.leave(beside=beside, steers=steers)
        return reply


@dataclass
class GatedBed(Bed):
    """A bed with a turnstile before each cloud's functions."""

    turnstiles: dict[Cloud, Turnstile] = field(default_factory=lambda: {cloud: Turnstile() for cloud in Cloud})

    def _function_environment(self, cloud: Cloud) -> dict[str, str]:
        found = self._environment(cloud)
        endpoints = json.loads(found["POINTSMAN_ENDPOINTS"])
        behind = {service: self._door(service, url, cloud) for service, url in endpoints.items() if service in DOORS}
        return found | {"POINTSMAN_ENDPOINTS": json.dumps(endpoints | behind)}

    def _door(self, service: str, url: str, cloud: Cloud) -> str:
        return self._stack.enter_context(Door(service, url, self.turnstiles[cloud]).server).url

    @contextmanager
    def gated(self, cloud: Cloud, expected: Counter[str]) -> Iterator[Turnstile]:
        """Hold a cloud's answers for a while."""
        self.turnstiles[cloud].gate(expected)
        try:
            yield self.turnstiles[cloud]
        finally:
            self.turnstiles[cloud].open()


def first_round(came: list[str]) -> Counter[str]:
    """List what came before the lever's write and belongs to the first round trip."""
    return Counter(name for name in came[: came.index("steer")] if not name.startswith("beside "))
