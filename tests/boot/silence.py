"""A machine whose sockets do nothing: whoever opens, asks or looks up anything is caught at it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def silence() -> Iterator[list[str]]:
    """Refuse every connection and look-up in this process, loopback included; gives what was tried."""
    tried: list[str] = []
    kept = socket.socket.connect, socket.getaddrinfo

    def connect(_: socket.socket, address: Any) -> None:
        tried.append(str(address))
        raise OSError("this machine is silent")

    def getaddrinfo(host: Any, *_: Any, **__: Any) -> Any:
        tried.append(str(host))
        raise OSError("this machine is silent")

    socket.socket.connect, socket.getaddrinfo = connect, getaddrinfo  # type: ignore[method-assign, assignment]
    try:
        yield tried
    finally:
        socket.socket.connect, socket.getaddrinfo = kept  # type: ignore[method-assign]
