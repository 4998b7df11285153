"""The one authorised client for Google's JSON interfaces: google-auth tokens, each request sent once."""

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.urllib3 import Request

from pointsman.adapters.http import Answer, Unanswered, Unreached, pool
from pointsman.adapters.http1 import Http1
from pointsman.adapters.threads import Turns

__all__ = ["Answer", "GoogleHttp", "Unanswered", "Unreached"]


class GoogleHttp:
    """Speaks JSON to Google's interfaces. Nothing is fetched before the first request.

    ``credentials`` None sends no token (emulators). Answers of every status are given back as they are; only what
    has no answer is an error: ``Unreached`` (nothing was done) or ``Unanswered`` (a write may have been made).
    """

    def __init__(self, credentials: Credentials | None = None, *, over: Http1 | None = None) -> None:
        self._credentials = credentials
        self._over = over or Http1()
        self._tokens = pool()
        self._turns = Turns()

    async def ask(
        self, method: str, url: str, *, body: object = None, query: Mapping[str, str] | None = None, read: float | None = None
    ) -> Answer:
        """Send one request, once; ``body`` goes as JSON, ``read`` seconds replace the client's own. Raises ``Unreached`` or ``Unanswered``."""
        target = f"{url}?{urlencode(query)}" if query else url
        content = None if body is None else msgspec.json.encode(body)
        headers = {"accept": "application/json"} | ({} if content is None else {"content-type": "application/json"})
        await self._sign(method, url, headers)
        return await self._over.ask(method, target, headers=headers, body=content, read=read)

    async def _sign(self, method: str, url: str, headers: dict[str, str]) -> None:
        """Add a token, which is fetched first, once and in a thread, where there is no valid one."""
        if self._credentials is None:
            return
        if not self._credentials.valid:
            await self._turns.run("token", lambda: self._fetch(method, url))
        self._credentials.before_request(Request(self._tokens), method, url, headers)  # type: ignore[no-untyped-call]

    def _fetch(self, method: str, url: str) -> None:
        assert self._credentials is not None, "the caller looked"
        try:
            self._credentials.before_request(Request(self._tokens), method, url, {})  # type: ignore[no-untyped-call]
        except GoogleAuthError as error:
            raise Unreached(
                f"no token for Google ({type(error).__name__}): check the service account or the identity federation"
            ) from error
