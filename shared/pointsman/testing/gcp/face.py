"""One URL that speaks for Google Cloud: Compute v1, transports and secrets from the model, with a log and faults."""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pointsman.core.fabric import Fabric
from pointsman.testing.faces.face import Face
from pointsman.testing.faces.faults import Fault, FaultKind
from pointsman.testing.faces.messages import CUT, Ask, Tell, json_tell
from pointsman.testing.faces.request_log import BODY_LIMIT, Entry, digest_of
from pointsman.testing.faces.timing import Time, monotonic, wait
from pointsman.testing.gcp.answers import ApiError, Call, Json, Route
from pointsman.testing.gcp.install import install
from pointsman.testing.gcp.logs import Logs
from pointsman.testing.gcp.operations import Operations
from pointsman.testing.gcp.resources import Resources
from pointsman.testing.gcp.routers import Routers
from pointsman.testing.gcp.services import Secrets, Transports
from pointsman.testing.gcp.status import RouterReads
from pointsman.testing.gcp.world import World
from pointsman.testing.network.model import Network

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
_SERVICES = {"secretmanager": "secretmanager", "transports": "networkconnectivity", "entries": "logging"}


class GcpFace(Face):
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
        super().__init__(port)
        self.secrets = Secrets()
        self.world = World(network=network, lock=lock, time=time, operations=Operations(latency))
        self.routers = Routers(self.world)
        self._principals = dict(principals or {})
        parts = (
            self.routers,
            RouterReads(self.world, self.routers),
            Resources(self.world),
            Transports(self.world),
            self.secrets,
            Logs(self.world),
        )
        self._table = [(route, _pattern(route.path)) for part in parts for route in part.routes()]

    def install(self, fabric: Fabric) -> None:
        """Create the fabric's route policies and attach them to their peers, as a user does once."""
        with self.world.lock:
            install(self.routers, fabric)

    def tick(self) -> None:
        """Let everything happen that is due by now. Every request does this first."""
        with self.world.lock:
            self.world.catch_up()

    def network_seconds(self) -> float:
        """Give the network's time now."""
        return self.world.time.seconds()

    def serve(self, ask: Ask) -> Tell:
        """Answer one request to Google Cloud."""
        parts = urlsplit(ask.path)
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
                digest=digest_of(ask.body),
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
                return json_tell(200, repeated or route.answer(call))
        except ApiError as error:
            return json_tell(error.status, error.body())

    def _faulty(self, route: Route, call: Call, fault: Fault) -> Tell:
        match fault.kind:
            case FaultKind.SLOW:
                tell = self._done(route, call)
                wait(fault.seconds)
            case FaultKind.STALE:
                call.stale = True
                tell = self._done(route, call)
            case FaultKind.FAILS_LATER:
                call.doomed = True
                tell = self._done(route, call)
            case FaultKind.UNANSWERED | FaultKind.DONE_UNANSWERED | FaultKind.LATE:
                tell = self._cut(route, call, fault)
            case _:
                refusal = _REFUSALS[fault.kind]
                tell = json_tell(refusal.status, refusal.body())
        return tell

    def _cut(self, route: Route, call: Call, fault: Fault) -> Tell:
        if fault.kind is FaultKind.DONE_UNANSWERED:
            self._once(route, call)
        elif fault.kind is FaultKind.LATE:
            with self.world.lock:
                self.world.defer(fault.seconds, lambda: self._late(route, call))
        return CUT

    def _late(self, route: Route, call: Call) -> None:
        try:
            route.answer(call)
        except ApiError:
            return  # nobody waits for this answer any more


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
