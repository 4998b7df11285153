"""One HTTP request over a pool, sent once: an answer, or the plain fact whether it can have arrived."""

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError, ProxyError, SSLError
from urllib3.response import BaseHTTPResponse

from pointsman import __version__
from pointsman.core.errors import PointsmanError
from pointsman.core.values import Frozen, parse

USER_AGENT = f"pointsman/{__version__}"
"""What every request to a cloud says who it is from; both clouds' audit logs show it beside the caller's identity."""
CONNECT_SECONDS = 1.0
"""How long a connection may take, by default."""
READ_SECONDS = 3.0
"""How long an answer may keep silent, by default."""
POOL_SIZE = 16
"""Connections that are kept per host: as many as one round of requests opens at once, so that none is closed after it."""
BODY_LIMIT = 16 * 1024 * 1024
"""Longest answer that is read, in bytes."""
PATIENCE = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
"""For a pool that has no time limits of its own."""


class Unreached(PointsmanError):
    """The request never reached the service: nothing was done."""


class Unsigned(Unreached):
    """There are no credentials to sign the request with: nothing was sent."""


class Unanswered(PointsmanError):
    """The request was sent and no whole answer came: it may have been carried out."""


class Answer(Frozen):
    """What a service answered. Header names are in lower case."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return self.status // 100 == 2  # noqa: PLR2004 - the class of success

    @property
    def date(self) -> datetime | None:
        """The service's own time, from the Date header (RFC 9110 section 6.6.1; whole seconds)."""
        return http_date(self.headers.get("date", ""))

    def json(self) -> Any:
        """Read the body as JSON; None when it is empty. Raises ``Unanswered`` when it is not JSON."""
        try:
            return parse(self.body, Any) if self.body else None
        except msgspec.DecodeError as error:
            raise Unanswered(f"the answer with status {self.status} is not JSON: look for a proxy in between") from error

    def text(self) -> str:
        """Give the body as text; errors cut it to their own limit."""
        return self.body.decode("utf-8", "replace")


def http_date(text: str) -> datetime | None:
    """Read an HTTP date, aware and in UTC; None when it is absent or malformed."""
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError, RecursionError):
        return None


def pool(*, connect: float = CONNECT_SECONDS, read: float = READ_SECONDS, size: int = POOL_SIZE) -> urllib3.PoolManager:
    """Make a pool that retries nothing, follows nothing, and waits ``connect`` and ``read`` seconds at most."""
    timeout = urllib3.Timeout(connect=connect, read=read)
    return urllib3.PoolManager(maxsize=size, timeout=timeout, retries=False)


def send(
    over: urllib3.PoolManager, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None, read: float | None = None
) -> Answer:
    """Send one request, once. ``read`` seconds replace the pool's own. Raises ``Unreached`` or ``Unanswered``."""
    patience = over.connection_pool_kw.get("timeout", PATIENCE) if read is None else urllib3.Timeout(connect=CONNECT_SECONDS, read=read)
    try:
        response = over.request(
            method, url, body=body, headers=dict(headers), timeout=patience, retries=False, redirect=False, preload_content=False
        )
        return _whole(response)
    except (NewConnectionError, ConnectTimeoutError, NameResolutionError, ProxyError) as error:
        raise Unreached(f"{_host(url)} cannot be reached ({type(error).__name__}): check its address and the network") from error
    except SSLError as error:
        raise _tls(url, error) from error
    except HTTPError as error:
        raise Unanswered(f"{_host(url)} gave no whole answer ({type(error).__name__})") from error


def _whole(response: BaseHTTPResponse) -> Answer:
    body = response.read(BODY_LIMIT + 1, decode_content=True)
    if len(body) > BODY_LIMIT:
        response.close()
        raise Unanswered(f"the answer is longer than {BODY_LIMIT} bytes")
    response.drain_conn()
    response.release_conn()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status, body=body, headers=headers)


def _tls(url: str, error: SSLError) -> PointsmanError:
    cause = error.args[0] if error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Unreached(f"{_host(url)} shows a certificate that is not trusted: check the address and the CA bundle")
    return Unanswered(f"TLS to {_host(url)} broke ({type(error).__name__})")


def _host(url: str) -> str:
    return urllib3.util.parse_url(url).host or "the service"
