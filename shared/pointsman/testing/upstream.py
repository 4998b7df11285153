"""A service that a stand-in on loopback passes its requests on to: what counts, holds or watches them stands between."""

from urllib.parse import urlencode

import urllib3

from pointsman.testing.loopback import Reply, Request

AT_ONCE = 32
"""Connections that are kept to a service; more are made and thrown away."""
READ_LIMIT = 30.0
"""Longest wait for its answer, in seconds."""
HOPS = frozenset({"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"})
"""Headers that belong to one connection and are written anew, the time of one clock in ``Date`` among them."""


class Upstream:
    """Passes requests on to ``target``, as they came, and gives its answers; who waits for one that never comes is hung up on."""

    def __init__(self, target: str) -> None:
        self._target = target.rstrip("/")
        self._pool = urllib3.PoolManager(maxsize=AT_ONCE, retries=False, timeout=READ_LIMIT)

    def answer(self, request: Request) -> Reply:
        """Pass one request on."""
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOPS | {"host"}}
        url = f"{self._target}{request.path}" + (f"?{urlencode(request.query)}" if request.query else "")
        try:
            reply = self._pool.request(request.method, url, body=request.body or None, headers=headers)
        except urllib3.exceptions.HTTPError:
            return Reply(hang_up=True)
        kept = {name: value for name, value in reply.headers.items() if name.lower() not in HOPS}
        return Reply(status=reply.status, body=reply.data, headers=kept)
