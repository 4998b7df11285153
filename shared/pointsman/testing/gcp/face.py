"""One URL that speaks for Google Cloud: Compute v1, transports and secrets from the model, with a log and faults."""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from pointsman.core.fabric import Fabric
from pointsman.testing.aws.faults import Fault, FaultKind, Faults
from pointsman.testing.aws.front import Front
from pointsman.testing.aws.protocols import Ask, Tell
from pointsman.testing.aws.timing import Time, monotonic, wait
from pointsman.testing.gcp.answers import ApiError, Call, Json, Route
from pointsman.testing.gcp.install import install
from pointsman.testing.gcp.operations import Operations
from pointsman.testing.gcp.request_log import BODY_LIMIT, Entry, RequestLog
from pointsman.testing.gcp.resources import Resources
from pointsman.testing.gcp.routers import Routers
from pointsman.testing.gcp.services import Secrets, Transports
from pointsman.testing.gcp.status import RouterReads
from pointsman.testing.gcp.world import World
from pointsman.testing.network.model import Network

CONTROL = "/pointsman/"
OPERATION_LATENCY = 0.5
"""Network seconds that a mutation takes, and keeps its resource busy for, unless the face is told otherwise."""
WAIT_SECONDS = 10.0
"""Longest that the wait for an operation is held (real seconds; the API's own bound is two minutes)."""
WAIT_STEP = 0.005
"""How often a held wait looks (real seconds)."""
DEFAULT_PRINCIPAL = "operator@example.com"
"""Who calls without a token."""

_REFUSALS: Mapping[FaultKind, ApiError] = {
    FaultKind.THROTTLED: ApiError(403, "rateLimitExceeded", "Rate Limit Exceeded"),
    FaultKind.DENIED: ApiError(403, "forbidden", "Required permission is missing for the resource"),
    FaultKind.BUSY: ApiError(400, "resourceNotReady", "The resource is not ready"),
    FaultKind.BROKEN: ApiError(503, "backendError", "Backend Error"),
}
_CUT = Tell(status=0)
_SERVICES = {"secretmanager": "secretmanager", "transports": "networkconnectivity"}


class GcpFace:
    """Google Cloud on loopback. ``lock`` guards the network for everybody who shares it; ``time`` says how late it is there.

    ``principals`` gives bearer tokens the name that audit logs carry; ``latency`` is how long an operation takes.
    """

    def __init__(
        self,
        network: Network,
        lock: AbstractContextManager[Any],
        time: Time,
        *,
        principals: Mapping[str, str] | None = None,
        latency: float = OPERATION_LATENCY,
        port: int = 0,
    ) -> None:
        self.log, self.faults, self.secrets = RequestLog(), Faults(), Secrets()
        self.world = World(network=network, lock=lock, time=time, operations=Operations(latency))
        self.routers = Routers(self.world)
        self._principals, self._front = dict(principals or {}), Front(self.answer, port)
        parts = (self.routers, RouterReads(self.world, self.routers), Resources(self.world), Transports(self.world), self.secrets)
        self._table = [(route, _pattern(route.path)) for part in parts for route in part.routes()]

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

    def install(self, fabric: Fabric) -> None:
        """Create the fabric's route policies and attach them to their peers, as a user does once."""
        with self.world.lock:
            install(self.routers, fabric)

    def tick(self) -> None:
        """Let everything happen that is due by now. Every request does this first."""
        with self.world.lock:
            self.world.catch_up()

    def answer(self, ask: Ask) -> Tell:
        """Answer one request."""
        parts = urlsplit(ask.path)
        if parts.path.startswith(CONTROL):
            return self._controlled(ask, parts.path.removeprefix(CONTROL), dict(parse_qsl(parts.query)))
        came = monotonic()
        route, call = self._call(ask, unquote(parts.path), parts.query)
        service = _SERVICES.get(route.operation.partition(".")[0], "compute")
        fault = self.faults.take(service, route.operation, call.principal)
        tell = self._faulty(route, call, fault) if fault else self._done(route, call)
        secret = service == "secretmanager" or len(ask.body) > BODY_LIMIT
        self.log.note(
            Entry(
                service=service,
                operation=route.operation,
                method=call.method,
                path=call.path,
                query=call.query,
                body="" if secret else ask.body.decode("utf-8", "replace"),
                principal=call.principal,
                came=came,
                went=monotonic(),
                status=tell.status,
                fault=fault.kind if fault else "",
            )
        )
        return tell

    def _call(self, ask: Ask, path: str, query: str) -> tuple[Route, Call]:
        token = ask.headers.get("authorization", "").removeprefix("Bearer ")
        principal = self._principals.get(token, DEFAULT_PRINCIPAL)
        call = Call(method=ask.method, path=path, query=dict(parse_qsl(query)), principal=principal)
        for route, pattern in self._table:
            found = pattern.fullmatch(path) if route.method == ask.method else None
            if found:
                call.names = found.groupdict()
                return Route(operation=route.operation, method=route.method, path=path, answer=_with_body(route, ask.body)), call
        return Route(operation="unknown", method=ask.method, path=path, answer=_unknown), call

    def _done(self, route: Route, call: Call) -> Tell:
        if not route.operation.endswith("Operations.wait"):
            return self._once(route, call)
        until = monotonic() + WAIT_SECONDS
        tell = self._once(route, call)
        while tell.status == 200 and b'"RUNNING"' in tell.body and monotonic() < until:
            wait(WAIT_STEP)
            tell = self._once(route, call)
        return tell

    def _once(self, route: Route, call: Call) -> Tell:
        try:
            with self.world.lock:
                self.world.catch_up()
                repeated = self.world.operations.repeated(call.query.get("requestId", ""))
                return _json(200, repeated or route.answer(call))
        except ApiError as error:
            return _json(error.status, error.body())

    def _faulty(self, route: Route, call: Call, fault: Fault) -> Tell:
        match fault.kind:
            case FaultKind.SLOW:
                tell = self._done(route, call)
                wait(fault.seconds)
            case FaultKind.STALE:
                call.stale = True
                tell = self._done(route, call)
            case FaultKind.UNANSWERED | FaultKind.DONE_UNANSWERED | FaultKind.LATE:
                tell = self._cut(route, call, fault)
            case _:
                refusal = _REFUSALS[fault.kind]
                tell = _json(refusal.status, refusal.body())
        return tell

    def _cut(self, route: Route, call: Call, fault: Fault) -> Tell:
        if fault.kind is FaultKind.DONE_UNANSWERED:
            self._once(route, call)
        elif fault.kind is FaultKind.LATE:
            with self.world.lock:
                self.world.defer(fault.seconds, lambda: self._late(route, call))
        return _CUT

    def _late(self, route: Route, call: Call) -> None:
        try:
            route.answer(call)
        except ApiError:
            return  # nobody waits for this answer any more

    def _controlled(self, ask: Ask, what: str, query: Mapping[str, str]) -> Tell:
        since = query.get("since", "0")
        acts: Mapping[tuple[str, str], Callable[[], object]] = {
            ("GET", "requests"): lambda: msgspec.to_builtins(self.log.since(int(since) if since.isdigit() else 0)),
            ("DELETE", "requests"): self.log.clear,
            ("GET", "faults"): lambda: msgspec.to_builtins(self.faults.waiting()),
            ("POST", "faults"): lambda: self.faults.put(msgspec.json.decode(ask.body, type=Fault)),
            ("DELETE", "faults"): self.faults.clear,
            ("GET", "health"): lambda: {"network_seconds": self.world.time.seconds()},
        }
        act = acts.get((ask.method, what))
        if act is None:
            return _json(404, {"error": "ask for requests, faults or health"})
        try:
            return _json(200, act())
        except ValueError as error:
            return _json(400, {"error": str(error)[:300]})


def _with_body(route: Route, raw: bytes) -> Callable[[Call], Json]:
    def answer(call: Call) -> Json:
        try:
            body = json.loads(raw) if raw else {}
        except ValueError as error:
            raise ApiError(400, "parseError", "the request body is not JSON") from error
        if not isinstance(body, dict):
            raise ApiError(400, "parseError", "the request body is not a JSON object")
        call.body = body
        return route.answer(call)

    return answer


def _unknown(call: Call) -> Json:
    raise ApiError(404, "notFound", f"{call.method} {call.path} is not served here")


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/:]+)", re.escape(path)))


def _json(status: int, value: object) -> Tell:
    return Tell(status=status, body=json.dumps(value).encode(), headers={"Content-Type": "application/json; charset=UTF-8"})
