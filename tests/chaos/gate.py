"""A door before a cloud's API that holds one write to a lever for as long as a test wants: what was asked long ago arrives."""

import json
import threading
from types import TracebackType
from typing import Self

from pointsman.testing.loopback import LoopbackServer, Reply, Request
from pointsman.testing.upstream import Upstream

WRITE = "/patchRoutePolicy"
"""How the path of a write to Google's lever ends."""
HOLD = 120.0
"""Longest that a write is held, in seconds: longer than any scene."""


class Gate:
    """Passes everything on to ``target``; once it is shut, the next write that lets flows back onto ``link`` waits until it is opened.

    ``late`` are the answers to such writes, ``router`` is where the last one went.
    """

    def __init__(self, target: str, link: str) -> None:
        self.held = threading.Event()
        self.late: list[int] = []
        self.router = ""
        self._upstream, self._link = Upstream(target), link
        self._open, self._lock = threading.Event(), threading.Lock()
        self._shut = False
        self._server = LoopbackServer(self._answer)

    @property
    def url(self) -> str:
        """Where it stands."""
        return self._server.url

    def __enter__(self) -> Self:
        """Begin."""
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End; what is held goes on."""
        self.open()
        self._server.stop()

    def shut(self) -> None:
        """Hold the next write that lets flows back."""
        self.held.clear()
        self._open.clear()
        self._shut = True

    def open(self) -> None:
        """Let go what is held, and hold nothing more."""
        self._shut = False
        self._open.set()

    def _answer(self, request: Request) -> Reply:
        holds = self._lets_back(request) and self._is_first()
        if holds:
            self.router = request.path.removesuffix(WRITE)
            self.held.set()
            self._open.wait(HOLD)
        reply = self._upstream.answer(request)
        if holds:
            self.late.append(reply.status)
        return reply

    def _lets_back(self, request: Request) -> bool:
        """Say whether a write leaves of a policy of the link nothing but its last term, which leads everything on."""
        if not request.path.endswith(WRITE):
            return False
        policy = json.loads(request.body)
        return bool(policy["name"].endswith(self._link)) and len(policy["terms"]) == 1

    def _is_first(self) -> bool:
        with self._lock:
            first, self._shut = self._shut, False
        return first
