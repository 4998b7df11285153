"""A small threaded HTTP/1.1 server on a free loopback port, which our stand-ins for outside services are made of."""

import json
import select
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from pointsman.core.values import Frozen

LOOPBACK = "127.0.0.1"
BODY_LIMIT = 10 * 1024 * 1024
"""Bytes of a request's body; a longer one is answered 413."""
CONNECTIONS_LIMIT = 256
"""Connections served at once; more wait in the listening socket."""
IDLE_LIMIT = timedelta(minutes=15)
"""How long a connection may be silent."""
STOP_LIMIT = timedelta(seconds=5)


class Reply(Frozen):
    """What is answered. ``hang_up`` closes the connection without an answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}
    hang_up: bool = False


class Request:
    """One request as it came in. Header names are matched without regard to case."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        target = urlsplit(handler.path)
        self.method = handler.command
        self.path = target.path
        self.query = {name: values[0] for name, values in parse_qs(target.query).items()}
        self.headers: Mapping[str, str] = handler.headers  # type: ignore[assignment]  # a message is a mapping in all that matters here
        self.body = body
        self.connection = handler.connection

    def caller_waits(self) -> bool:
        """Say whether the caller still holds the connection (a killed one's is closed by the system)."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        try:
            return not readable or bool(self.connection.recv(1, socket.MSG_PEEK))
        except OSError:
            return False


def as_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Answer with a value as JSON."""
    return Reply(status=status, body=json.dumps(value).encode(), headers={"Content-Type": "application/json"} | dict(headers or {}))


class LoopbackServer:
    """Answers every request by ``answer``, each connection in a thread of its own. ``gone`` is called when a connection ends."""

    def __init__(self, answer: Callable[[Request], Reply], *, gone: Callable[[socket.socket], None] | None = None) -> None:
        self._server = _Server(answer, gone)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def address(self) -> str:
        """Give host:port."""
        return f"{LOOPBACK}:{self._server.server_port}"

    @property
    def url(self) -> str:
        """Give the base URL."""
        return f"http://{self.address}"

    def start(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Answer no more; open connections are closed."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(STOP_LIMIT.total_seconds())
        self._server.server_close()
        self._server.hang_up_all()

    def __enter__(self) -> Self:
        """Begin to answer."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop."""
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, answer: Callable[[Request], Reply], gone: Callable[[socket.socket], None] | None) -> None:
        self.answer = answer
        self._gone = gone
        self._seats = threading.BoundedSemaphore(CONNECTIONS_LIMIT)
        self._open: set[socket.socket] = set()
        super().__init__((LOOPBACK, 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._seats.acquire()
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        if request in self._open:
            self._open.discard(request)
            self._seats.release()
            if self._gone:
                self._gone(request)
        super().shutdown_request(request)

    def hang_up_all(self) -> None:
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):  # a caller that hung up is no error of ours
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_LIMIT.total_seconds()
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the base class looks them up by these names

    def _serve(self) -> None:
        try:
            self._write(self._reply())
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the caller went away: nobody is left to be told

    def _reply(self) -> Reply:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > BODY_LIMIT:
            self.close_connection = True
            return Reply(status=413)
        return self.server.answer(Request(self, self.rfile.read(int(length))))

    def _write(self, reply: Reply) -> None:
        if reply.hang_up:
            self.close_connection = True
            return
        self.send_response_only(reply.status)
        for name, value in {"Date": self.date_time_string(), **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self._headers_buffer.append(b"\r\n")  # type: ignore[attr-defined]  # one packet for the head and the body
        self._headers_buffer.append(reply.body)  # type: ignore[attr-defined]
        self.flush_headers()
