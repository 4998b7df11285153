"""The one authorised client for Google's JSON interfaces: google-auth tokens over a urllib3 pool, each request sent once."""

import asyncio
import threading
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec
import urllib3
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.urllib3 import Request

from pointsman.adapters.http import Answer, Unanswered, Unreached, pool, send

__all__ = ["Answer", "GoogleHttp", "Unanswered", "Unreached"]


class GoogleHttp:
    """Speaks JSON to Google's interfaces. Safe to share between threads; nothing is fetched before the first request.

    ``credentials`` None sends no token (emulators). Answers of every status are given back as they are; only what
    has no answer is an error: ``Unreached`` (nothing was done) or ``Unanswered`` (a write may have been made).
    """

    def __init__(self, credentials: Credentials | None = None, *, over: urllib3.PoolManager | None = None) -> None:
        self._credentials = credentials
        self._pool = over or pool()
        self._refreshing = threading.Lock()

    async def ask(
        self, method: str, url: str, *, body: object = None, query: Mapping[str, str] | None = None, read: float | None = None
    ) -> Answer:
        """Do ``call`` in a thread."""
        return await asyncio.to_thread(self.call, method, url, body=body, query=query, read=read)

    def call(
        self, method: str, url: str, *, body: object = None, query: Mapping[str, str] | None = None, read: float | None = None
    ) -> Answer:
        """Send one request, once; ``body`` goes as JSON, ``read`` seconds replace the pool's own. Blocks.

        Raises ``Unreached`` or ``Unanswered``.
        """
        target = f"{url}?{urlencode(query)}" if query else url
        content = None if body is None else msgspec.json.encode(body)
        headers = {"accept": "application/json"} | ({} if content is None else {"content-type": "application/json"})
        return send(self._pool, method, target, headers=self._signed(method, url, headers), body=content, read=read)

    def _signed(self, method: str, url: str, headers: dict[str, str]) -> dict[str, str]:
        if self._credentials is None:
            return headers
        try:
            with self._refreshing:
                self._credentials.before_request(Request(self._pool), method, url, headers)  # type: ignore[no-untyped-call]
        except GoogleAuthError as error:
            raise Unreached(
                f"no token for Google ({type(error).__name__}): check the service account or the identity federation"
            ) from error
        return headers
