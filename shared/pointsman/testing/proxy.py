"""A TCP proxy on loopback that a test can turn into a bad network, or into a service that answers errors, at any moment."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Self

from pointsman.core.values import Frozen

LOOPBACK = "127.0.0.1"
PIECE = 64 * 1024
"""Bytes passed on at once."""
REQUEST_LIMIT = 16 * 1024 * 1024
"""Longest request that is read to answer it with an error."""
CONNECT_SECONDS = 2.0
IDLE_SECONDS = 120.0
"""How long a connection may carry nothing."""
LOOK_SECONDS = 0.02
"""How often a stalled connection looks whether it may go on."""


class Weather(StrEnum):
    """What becomes of connections and of what is sent over them, from now on and on those that stand already."""

    FAIR = "fair"
    REFUSED = "refused"
    """New connections are reset, and standing ones at once."""
    SILENT = "silent"
    """Connections are taken, and nothing goes on, either way."""
    LATE = "late"
    """Requests get through; answers are held back until the weather changes."""
    DEAF = "deaf"
    """Requests get through; instead of the answer the connection is closed (half a connection works)."""
    CUT_SHORT = "cut short"
    """Requests get through; of the answer only a few bytes come before the connection is reset."""
    ERRORS = "errors"
    """The proxy itself answers every request with ``Error``, and nothing gets through."""


class Error(Frozen):
    """What a service answers when it will not serve."""

    status: int
    body: str = ""
    kind: str = "application/json"

    def raw(self) -> bytes:
        """Give it as HTTP/1.1."""
        body = self.body.encode()
        head = f"HTTP/1.1 {self.status} Refused\r\nContent-Type: {self.kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body


class Proxy:
    """Passes connections on to one address, as its weather lets it; use it in a ``with`` block."""

    def __init__(self, target: str) -> None:
        self.weather = Weather.FAIR
        self.error = Error(status=503)
        self.passed = 0
        """Requests' pieces that got through."""
        self._target = _address(target)
        self._socket = socket.create_server((LOOPBACK, 0), backlog=128)
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)
        self._open: set[_Pair] = set()
        self._lock = threading.Lock()
        self.ended = False

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, with all connections."""
        self.ended = True
        with contextlib.suppress(OSError):  # some systems know no such end of a listening socket
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.reset()
        self._thread.join(CONNECT_SECONDS)

    def set(self, weather: Weather, error: Error | None = None) -> None:
        """Change the weather; what refuses resets the standing connections too."""
        self.error = error or self.error
        self.weather = weather
        if weather is Weather.REFUSED:
            self.reset()

    def retarget(self, target: str) -> None:
        """Lead new connections elsewhere, and end the standing ones."""
        self._target = _address(target)
        self.reset()

    def reset(self) -> None:
        """Reset every standing connection."""
        with self._lock:
            standing, self._open = self._open, set()
        for pair in standing:
            pair.close()

    def _accept(self) -> None:
        while not self.ended:
            try:
                client, _ = self._socket.accept()
            except OSError:  # the listening socket was closed
                return
            if self.weather is Weather.REFUSED:
                _abort(client)
                continue
            pair = _Pair(self, client, self._target)
            with self._lock:
                self._open.add(pair)
            pair.start()

    def gone(self, pair: "_Pair") -> None:
        """Forget a connection that ended."""
        with self._lock:
            self._open.discard(pair)


class _Pair:
    """One client's connection and ours to the target, which is made with the first request that gets through."""

    def __init__(self, proxy: Proxy, client: socket.socket, target: tuple[str, int]) -> None:
        self._proxy = proxy
        self._client = client
        self._target = target
        self._server: socket.socket | None = None
        self._client.settimeout(IDLE_SECONDS)

    def start(self) -> None:
        threading.Thread(target=self._run, args=(self._requests,), daemon=True).start()

    def close(self) -> None:
        _abort(self._client)
        if self._server is not None:
            _abort(self._server)

    def _run(self, pump: Callable[[], None]) -> None:
        with contextlib.suppress(OSError):  # either side went away, which ends both
            pump()
        self.close()
        self._proxy.gone(self)

    def _requests(self) -> None:
        while piece := self._client.recv(PIECE):
            self._hold(Weather.SILENT)
            if self._proxy.weather is Weather.ERRORS:
                _whole(self._client, piece)
                self._client.sendall(self._proxy.error.raw())
                continue
            if self._server is None:
                self._server = socket.create_connection(self._target, CONNECT_SECONDS)
                self._server.settimeout(IDLE_SECONDS)
                threading.Thread(target=self._run, args=(self._answers,), daemon=True).start()
            self._server.sendall(piece)
            self._proxy.passed += 1

    def _answers(self) -> None:
        assert self._server is not None, "it begins with the first request"
        while piece := self._server.recv(PIECE):
            self._hold(Weather.SILENT, Weather.LATE)
            if self._proxy.weather is Weather.DEAF:
                return
            if self._proxy.weather is Weather.CUT_SHORT:
                self._client.sendall(piece[: len(piece) // 2])
                return
            self._client.sendall(piece)

    def _hold(self, *weathers: Weather) -> None:
        """Wait while the weather is one of these."""
        pause = threading.Event()
        while self._proxy.weather in weathers and not self._proxy.ended:
            pause.wait(LOOK_SECONDS)


def _whole(client: socket.socket, begun: bytes) -> None:
    """Read the rest of one request: its headers, and as much body as they say."""
    read = bytearray(begun)
    while b"\r\n\r\n" not in read and len(read) < REQUEST_LIMIT:
        read += _more(client)
    head, _, body = bytes(read).partition(b"\r\n\r\n")
    left = _length(head) - len(body)
    while left > 0:
        left -= len(_more(client))


def _more(client: socket.socket) -> bytes:
    piece = client.recv(PIECE)
    if not piece:
        raise ConnectionError("the client went away in the middle of a request")
    return piece


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return min(int(value), REQUEST_LIMIT)
    return 0


def _abort(one: socket.socket) -> None:
    """Close with a reset, so that the other side sees an error and no end."""
    with contextlib.suppress(OSError):  # it is closed already
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def _address(target: str) -> tuple[str, int]:
    host, _, port = target.removeprefix("http://").partition(":")
    return host, int(port)
