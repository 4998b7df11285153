"""One URL that speaks for AWS: the model's services from the model, the others from moto, with a log and faults."""

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from pointsman.testing.aws import directconnect, interconnect, trail, transit, vpn, wiring
from pointsman.testing.aws.motoserver import Moto
from pointsman.testing.aws.protocols import Call, Refused, call_of, parameters, refusal, result
from pointsman.testing.aws.world import Operation, World
from pointsman.testing.faces.face import Face
from pointsman.testing.faces.faults import Fault, FaultKind
from pointsman.testing.faces.messages import CUT, Ask, Tell
from pointsman.testing.faces.request_log import Entry, digest_of
from pointsman.testing.faces.timing import Time, monotonic, wait
from pointsman.testing.network.model import Network

STALE_LIMIT = 500
"""Answers that are kept so that a read can be stale."""
LATE_LIMIT = 1_000
"""Writes that may be under way at once."""

_OWN: Mapping[str, Mapping[str, Operation]] = {
    "cloudtrail": trail.OPERATIONS,
    "directconnect": directconnect.OPERATIONS,
    "ec2": {**transit.OPERATIONS, **vpn.OPERATIONS, **wiring.OPERATIONS},
    "interconnect": interconnect.OPERATIONS,
}
_THROTTLED = {
    "ec2": Refused("RequestLimitExceeded", "Request limit exceeded.", 503),
    "dynamodb": Refused("ProvisionedThroughputExceededException", "The level of configured provisioned throughput was exceeded"),
    "s3": Refused("SlowDown", "Please reduce your request rate.", 503),
}
_REFUSALS: Mapping[FaultKind, tuple[Mapping[str, Refused], Refused]] = {
    FaultKind.THROTTLED: (_THROTTLED, Refused("ThrottlingException", "Rate exceeded")),
    FaultKind.DENIED: (
        {"ec2": Refused("UnauthorizedOperation", "You are not authorized to perform this operation.", 403)},
        Refused("AccessDeniedException", "not authorized to perform this"),
    ),
    FaultKind.BUSY: (
        {"ec2": Refused("IncorrectState", "The resource is not available.")},
        Refused("ConflictException", "an operation is in progress", 409),
    ),
    FaultKind.BROKEN: ({}, Refused("InternalError", "An internal error has occurred", 500)),
}


class AwsFace(Face):
    """AWS on loopback. ``lock`` guards the network for everybody who shares it; ``time`` says how late it is there.

    ``principals`` gives the access key ids a name that CloudTrail records carry.
    """

    def __init__(
        self, network: Network, lock: AbstractContextManager[Any], time: Time, *, principals: Mapping[str, str] | None = None, port: int = 0
    ) -> None:
        super().__init__(port)
        self.world = World(network=network, time=time)
        self._lock, self._principals = lock, dict(principals or {})
        self._moto = Moto()
        self._kept_lock = threading.Lock()
        self._kept: dict[tuple[str, str], tuple[Tell, Tell]] = {}
        self._late: list[tuple[float, Callable[[], object]]] = []

    def restart(self, network: Network, time: Time) -> None:
        """Begin afresh with another network: nothing stored, logged, faulty or late is left."""
        with self._lock:
            self.world = World(network=network, time=time)
        self._moto.reset()
        self.log.clear()
        self.faults.clear()
        with self._kept_lock:
            self._kept, self._late = {}, []

    def tick(self) -> None:
        """Bring the model up to the time, and do what was to be done late. Every request does this first."""
        with self._lock:
            self.world.network.advance(self.world.time.seconds())
        for done in self._due():
            done()

    def network_seconds(self) -> float:
        """Give the network's time now."""
        return self.world.time.seconds()

    def serve(self, ask: Ask) -> Tell:
        """Answer one request to AWS."""
        came, call = monotonic(), call_of(ask)
        fault = self.faults.take(call.service, call.operation, call.principal)
        tell = self._faulty(call, ask, fault) if fault else self._kept_answer(call, ask, self._done(call, ask))
        self._note(call, ask, came, tell, fault)
        return tell

    def _done(self, call: Call, ask: Ask) -> Tell:
        self.tick()
        operation = _OWN.get(call.service, {}).get(call.operation)
        if operation is None:
            return self._elsewhere(call, ask)
        try:
            params = parameters(call, ask)
            with self._lock:
                return result(call, operation(self._world_of(call), params))
        except Refused as refused:
            return refusal(call, refused)

    def _elsewhere(self, call: Call, ask: Ask) -> Tell:
        if call.service == "interconnect":
            return refusal(call, Refused("InterconnectValidationException", f"{call.operation} is not simulated"))
        return self._moto.answer(ask)

    def _world_of(self, call: Call) -> World:
        return replace(self.world, principal=self._principals.get(call.principal, call.principal))

    def _faulty(self, call: Call, ask: Ask, fault: Fault) -> Tell:
        match fault.kind:
            case FaultKind.SLOW:
                tell = self._done(call, ask)
                wait(fault.seconds)
            case FaultKind.STALE:
                tell = self._stale(call, ask)
            case FaultKind.UNANSWERED | FaultKind.DONE_UNANSWERED | FaultKind.LATE:
                tell = self._cut(call, ask, fault)
            case _:
                tell = refusal(call, _refused(call.service, fault.kind))
        return tell

    def _cut(self, call: Call, ask: Ask, fault: Fault) -> Tell:
        if fault.kind is FaultKind.DONE_UNANSWERED:
            self._done(call, ask)
        elif fault.kind is FaultKind.LATE:
            self._later(self.world.time.seconds() + fault.seconds, lambda: self._done(call, ask))
        return CUT

    def _kept_answer(self, call: Call, ask: Ask, tell: Tell) -> Tell:
        key = (call.operation, digest_of(ask.body))
        with self._kept_lock:
            before = self._kept.pop(key, (tell, tell))[1]
            self._kept[key] = (before, tell)
            while len(self._kept) > STALE_LIMIT:
                self._kept.pop(next(iter(self._kept)))
        return tell

    def _stale(self, call: Call, ask: Ask) -> Tell:
        with self._kept_lock:
            held = self._kept.get((call.operation, digest_of(ask.body)))
        return held[1] if held else self._done(call, ask)

    def _later(self, due: float, act: Callable[[], object]) -> None:
        with self._kept_lock:
            if len(self._late) < LATE_LIMIT:
                self._late.append((due, act))

    def _due(self) -> list[Callable[[], object]]:
        now = self.world.time.seconds()
        with self._kept_lock:
            due = [act for when, act in self._late if when <= now]
            self._late = [(when, act) for when, act in self._late if when > now]
        return due

    def _note(self, call: Call, ask: Ask, came: float, tell: Tell, fault: Fault | None) -> None:
        entry = Entry(
            service=call.service,
            operation=call.operation,
            method=ask.method,
            path=urlsplit(ask.path).path,
            digest=digest_of(ask.body),
            principal=self._principals.get(call.principal, call.principal),
            came=came,
            went=monotonic(),
            status=tell.status,
            fault=fault.kind if fault else "",
        )
        self.log.note(entry)


def _refused(service: str, kind: FaultKind) -> Refused:
    forms, usual = _REFUSALS[kind]
    return forms.get(service, usual)
