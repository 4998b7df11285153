"""The HTTP front of a face: loopback, HTTP/1.1 with connections kept, one thread a connection."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pointsman.testing.faces.messages import Ask, Tell

LOOPBACK = "127.0.0.1"
BODY_LIMIT = 16 * 1024 * 1024
"""Longest request body that is read, in bytes."""
CHUNK_LIMIT = 10_000
"""Most chunks of a chunked body."""
LINE_LIMIT = 64 * 1024
"""Longest line of a request's head, in bytes."""
FIELDS_LIMIT = 100
"""Most header fields of a request."""

Answer = Callable[[Ask], Tell]


class Front:
    """Serves a function from request to answer until it is stopped."""

    def __init__(self, answer: Answer, port: int = 0) -> None:
        self._server = _Server((LOOPBACK, port), _Handler)
        self._server.answer = answer
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://{LOOPBACK}:{self._server.server_address[1]}"

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Serve no more, and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    answer: Answer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server
    fields: dict[str, str]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, *_: Any) -> None:
        """Keep quiet: the face has a log of its own."""

    def parse_request(self) -> bool:
        """Take a request's head apart: the base class reads its fields as those of a mail, which costs as much as answering."""
        self.requestline = self.raw_requestline.decode("latin-1").rstrip("\r\n")
        words, fields = self.requestline.split(), self._fields()
        self.command, self.path, self.request_version = words if len(words) == 3 else ("", "", "HTTP/1.1")
        if not self.command or not self.request_version.startswith("HTTP/1.") or fields is None:
            self.close_connection = True
            self.send_error(400, "this is no head of an HTTP/1 request")
            return False
        self.fields, asked = fields, fields.get("connection", "").lower()
        self.close_connection = asked == "close" or (self.request_version == "HTTP/1.0" and asked != "keep-alive")
        return fields.get("expect", "").lower() != "100-continue" or self.handle_expect_100()

    def _fields(self) -> dict[str, str] | None:
        """Read the header fields, their names in lower case; None when they do not end."""
        found: dict[str, str] = {}
        for _ in range(FIELDS_LIMIT + 1):
            line = self.rfile.readline(LINE_LIMIT)
            if line in (b"\r\n", b"\n", b""):
                return found
            name, _, value = line.decode("latin-1").partition(":")
            found[name.strip().lower()] = value.strip()
        return None

    def handle_expect_100(self) -> bool:
        """Let the client send its body."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _serve(self) -> None:
        tell = self.server.answer(Ask(method=self.command, path=self.path, headers=self.fields, body=self._body()))
        if tell.status == 0:
            self.close_connection = True
            return
        self.send_response(tell.status)
        for name, value in tell.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(tell.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(tell.body)
        self.wfile.flush()

    def _body(self) -> bytes:
        if "chunked" in self.fields.get("transfer-encoding", "").lower():
            return b"".join(self._chunks())
        return self.rfile.read(min(int(self.fields.get("content-length") or 0), BODY_LIMIT))

    def _chunks(self) -> list[bytes]:
        found: list[bytes] = []
        for _ in range(CHUNK_LIMIT):
            size = int(self.rfile.readline().split(b";")[0] or b"0", 16)
            found.append(self.rfile.read(min(size, BODY_LIMIT)))
            self.rfile.readline()
            if size == 0:
                break
        return found
