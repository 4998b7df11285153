"""A loopback proxy in front of a store that counts what is asked of it, by the store's own names of operations."""

import threading
from collections import Counter
from typing import Self

from pointsman.testing.loopback import LoopbackServer, Reply, Request
from pointsman.testing.upstream import Upstream


class CountingProxy:
    """Passes requests on to ``target`` and counts them; use it in a ``with`` block."""

    def __init__(self, target: str) -> None:
        self._upstream = Upstream(target)
        self._lock = threading.Lock()
        self._counted: Counter[str] = Counter()
        self._server = LoopbackServer(self._answer)

    @property
    def url(self) -> str:
        """Where the store is to be asked in its place."""
        return self._server.url

    def __enter__(self) -> Self:
        """Begin to pass on."""
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.stop()

    def take(self) -> dict[str, int]:
        """Give what was counted since the last time, by operation."""
        with self._lock:
            counted, self._counted = dict(sorted(self._counted.items())), Counter()
        return counted

    def _answer(self, request: Request) -> Reply:
        with self._lock:
            self._counted[operation_of(request.method, request.path, request.headers.get("X-Amz-Target", ""))] += 1
        return self._upstream.answer(request)


def operation_of(method: str, path: str, target: str) -> str:
    """Name a request: DynamoDB's target, Firestore's verb after the colon, else the method."""
    if target:
        return target.rpartition(".")[2]
    last = path.rpartition("/")[2]
    return last.rpartition(":")[2] if ":" in last and path.startswith("/v1/") else method
