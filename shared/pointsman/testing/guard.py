"""Keep a test on its own machine: a socket that would leave the loopback interface is refused."""

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LOCAL_NAMES = frozenset({"", "localhost", "localhost.localdomain"})
"""Host names that mean this machine."""


class LeftLoopback(AssertionError):
    """Something tried to reach another machine: give the client an endpoint on 127.0.0.1."""


@contextmanager
def loopback_only() -> Iterator[None]:
    """Refuse every connection and every name look-up that would leave this machine, for as long as it is entered."""
    kept = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo
    connect, connect_ex, getaddrinfo = kept

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _check(self.family, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _check(self.family, address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
        _check(socket.AF_INET, (host,))
        return getaddrinfo(host, *rest, **named)

    socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo = guarded_connect, guarded_connect_ex, guarded_getaddrinfo  # type: ignore[method-assign, assignment]
    try:
        yield
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


def _check(family: int, address: Any) -> None:
    if family not in (socket.AF_INET, socket.AF_INET6):
        return
    if not is_local(address[0]):
        raise LeftLoopback(f"a connection to {str(address[0])[:80]!r} would leave this machine: give the client an endpoint on 127.0.0.1")
