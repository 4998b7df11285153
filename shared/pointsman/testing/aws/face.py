"""One URL that speaks for AWS: the model's services from the model, the others from moto, with a log and faults."""

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import msgspec

from pointsman.testing.aws import directconnect, interconnect, transit, vpn
from pointsman.testing.aws.faults import Fault, FaultKind, Faults
from pointsman.testing.aws.front import Front
from pointsman.testing.aws.motoserver import Moto
from pointsman.testing.aws.protocols import Ask, Call, Refused, Tell, call_of, parameters, refusal, result
from pointsman.testing.aws.request_log import Entry, RequestLog, parameters_digest
from pointsman.testing.aws.timing import Time, monotonic, wait
from pointsman.testing.aws.world import Operation, World
from pointsman.testing.network.model import Network

CONTROL = "/pointsman/"
STALE_LIMIT = 500
"""Answers that are kept so that a read can be stale."""
LATE_LIMIT = 1_000
"""Writes that may be under way at once."""
CUT = Tell(status=0)

_OWN: Mapping[str, Mapping[str, Operation]] = {
    "directconnect": directconnect.OPERATIONS,
    "ec2": {**transit.OPERATIONS, **vpn.OPERATIONS},
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


class AwsFace:
    """AWS on loopback. ``lock`` guards the network for everybody who shares it; ``time`` says how late it is there.

    ``principals`` gives the access key ids a name that CloudTrail records carry.
    """

    def __init__(
        self, network: Network, lock: AbstractContextManager[Any], time: Time, *, principals: Mapping[str, str] | None = None, port: int = 0
    ) -> None:
        self.log, self.faults = RequestLog(), Faults()
        self.world = World(network=network, time=time)
        self._lock, self._principals = lock, dict(principals or {})
        self._moto, self._front = Moto(), Front(self.answer, port)
        self._kept_lock = threading.Lock()
        self._kept: dict[tuple[str, str], tuple[Tell, Tell]] = {}
        self._late: list[tuple[float, Callable[[], object]]] = []

    @property
    def url(self) -> str:
        """The endpoint for every service."""
        return self._front.url

    def start(self) -> Self:
        """Begin to serve."""
        self._front.start()
        return self

    def stop(self) -> None:
        """Serve no more."""
        self._front.stop()

    def __enter__(self) -> Self:
        """Begin to serve."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Serve no more."""
        self.stop()

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

    def answer(self, ask: Ask) -> Tell:
        """Answer one request."""
        if ask.path.startswith(CONTROL):
            return self._controlled(ask)
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
        key = (call.operation, parameters_digest(ask.body))
        with self._kept_lock:
            before = self._kept.pop(key, (tell, tell))[1]
            self._kept[key] = (before, tell)
            while len(self._kept) > STALE_LIMIT:
                self._kept.pop(next(iter(self._kept)))
        return tell

    def _stale(self, call: Call, ask: Ask) -> Tell:
        with self._kept_lock:
            held = self._kept.get((call.operation, parameters_digest(ask.body)))
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
            number=0,
            service=call.service,
            operation=call.operation,
            digest=parameters_digest(ask.body),
            principal=self._principals.get(call.principal, call.principal),
            came=came,
            went=monotonic(),
            status=tell.status,
            fault=fault.kind if fault else "",
        )
        self.log.note(entry)

    def _controlled(self, ask: Ask) -> Tell:
        parts = urlsplit(ask.path)
        since = parse_qs(parts.query).get("since", ["0"])[0]
        acts: Mapping[tuple[str, str], Callable[[], object]] = {
            ("GET", "requests"): lambda: msgspec.to_builtins(self.log.since(int(since) if since.isdigit() else 0)),
            ("DELETE", "requests"): self.log.clear,
            ("GET", "faults"): lambda: msgspec.to_builtins(self.faults.waiting()),
            ("POST", "faults"): lambda: self.faults.put(msgspec.json.decode(ask.body, type=Fault)),
            ("DELETE", "faults"): self.faults.clear,
            ("GET", "health"): lambda: {"network_seconds": self.world.time.seconds()},
        }
        act = acts.get((ask.method, parts.path.removeprefix(CONTROL)))
        if act is None:
            return _json(404, {"error": "ask for requests, faults or health"})
        try:
            return _json(200, act())
        except ValueError as error:
            return _json(400, {"error": str(error)[:300]})


def _refused(service: str, kind: FaultKind) -> Refused:
    forms, usual = _REFUSALS[kind]
    return forms.get(service, usual)


def _json(status: int, value: object) -> Tell:
    return Tell(status=status, body=json.dumps(value).encode(), headers={"Content-Type": "application/json"})
