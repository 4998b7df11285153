"""What a face does for either cloud: serve, keep a log, and be controlled under ``/pointsman/``."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Self
from urllib.parse import SplitResult, parse_qs, urlsplit

import msgspec

from pointsman.testing.faces.faults import Fault, Faults
from pointsman.testing.faces.front import Front
from pointsman.testing.faces.messages import Ask, Tell, json_tell
from pointsman.testing.faces.request_log import RequestLog

CONTROL = "/pointsman/"
COMPLAINT_LIMIT = 300
"""Characters of what is wrong with a fault that somebody asks for."""


class Face(ABC):
    """A cloud on loopback. Its ``log`` and ``faults`` can be read and set over HTTP too."""

    def __init__(self, port: int = 0) -> None:
        self.log, self.faults = RequestLog(), Faults()
        self._front = Front(self.answer, port)

    @abstractmethod
    def serve(self, ask: Ask) -> Tell:
        """Answer one request to the cloud."""

    @abstractmethod
    def network_seconds(self) -> float:
        """Give the network's time now."""

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

    def answer(self, ask: Ask) -> Tell:
        """Answer one request."""
        parts = urlsplit(ask.path)
        return self._controlled(ask, parts) if parts.path.startswith(CONTROL) else self.serve(ask)

    def _controlled(self, ask: Ask, parts: SplitResult) -> Tell:
        since = parse_qs(parts.query).get("since", ["0"])[0]
        acts: Mapping[tuple[str, str], Callable[[], object]] = {
            ("GET", "requests"): lambda: msgspec.to_builtins(self.log.since(int(since) if since.isdigit() else 0)),
            ("DELETE", "requests"): self.log.clear,
            ("GET", "faults"): lambda: msgspec.to_builtins(self.faults.waiting()),
            ("POST", "faults"): lambda: self.faults.put(msgspec.json.decode(ask.body, type=Fault)),
            ("DELETE", "faults"): self.faults.clear,
            ("GET", "health"): lambda: {"network_seconds": self.network_seconds()},
        }
        act = acts.get((ask.method, parts.path.removeprefix(CONTROL)))
        if act is None:
            return json_tell(404, {"error": "ask for requests, faults or health"})
        try:
            return json_tell(200, act())
        except ValueError as error:
            return json_tell(400, {"error": str(error)[:COMPLAINT_LIMIT]})
