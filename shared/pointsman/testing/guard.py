"""Keep a test on its own machine: a socket that would leave the loopback interface is refused."""

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LOCAL_NAMES = frozenset({"", "localhost", "localhost.localdomain"})
"""Host names that mean this machine."""
REFUSED_LIMIT = 100
"""Refused hosts that are listed."""


class LeftLoopback(AssertionError):
    """Something tried to reach another machine: give the client an endpoint on 127.0.0.1."""


@contextmanager
def loopback_only() -> Iterator[list[str]]:
    """Refuse every connection and every name look-up that would leave this machine, for as long as it is entered.

    Gives the list of the hosts that were refused: an SDK may hide the refusal behind an error of its own.
    """
    refused: list[str] = []
    kept = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo
    connect, connect_ex, getaddrinfo = kept

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _check(self.family, address, refused)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _check(self.family, address, refused)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
        _check(socket.AF_INET, (host,), refused)
        return getaddrinfo(host, *rest, **named)

    socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo = guarded_connect, guarded_connect_ex, guarded_getaddrinfo  # type: ignore[method-assign, assignment]
    try:
        yield refused
    finally:
        socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo = kept  # type: ignore[method-assign]


def is_local(host: object) -> bool:
    """Say whether a host name or address means this machine."""
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
    if text.lower() in LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _check(family: int, address: Any, refused: list[str]) -> None:
    if family not in (socket.AF_INET, socket.AF_INET6):
        return
    if not is_local(address[0]):
        if len(refused) < REFUSED_LIMIT:
            refused.append(str(address[0]))
        raise LeftLoopback(f"a connection to {str(address[0])[:80]!r} would leave this machine: give the client an endpoint on 127.0.0.1")
