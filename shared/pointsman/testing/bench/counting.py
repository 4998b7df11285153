"""A loopback proxy in front of a store that counts what is asked of it, by the store's own names of operations."""

import threading
from collections import Counter
from typing import Self
from urllib.parse import urlencode

import urllib3

from pointsman.testing.loopback import LoopbackServer, Reply, Request

AT_ONCE = 32
READ_LIMIT = 30.0
_HOPS = frozenset({"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"})
"""Headers that belong to one connection and are written anew, the time of one clock in ``Date`` among them."""


class CountingProxy:
    """Passes requests on to ``target`` and counts them; use it in a ``with`` block."""

    def __init__(self, target: str) -> None:
        self._target = target.rstrip("/")
        self._pool = urllib3.PoolManager(maxsize=AT_ONCE, retries=False, timeout=READ_LIMIT)
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
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOPS | {"host"}}
        url = f"{self._target}{request.path}" + (f"?{urlencode(request.query)}" if request.query else "")
        try:
            reply = self._pool.request(request.method, url, body=request.body or None, headers=headers)
        except urllib3.exceptions.HTTPError:
            return Reply(hang_up=True)
        kept = {name: value for name, value in reply.headers.items() if name.lower() not in _HOPS}
        return Reply(status=reply.status, body=reply.data, headers=kept)


def operation_of(method: str, path: str, target: str) -> str:
    """Name a request: DynamoDB's target, Firestore's verb after the colon, else the method."""
    if target:
        return target.rpartition(".")[2]
    last = path.rpartition("/")[2]
    return last.rpartition(":")[2] if ":" in last and path.startswith("/v1/") else method
