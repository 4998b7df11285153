"""A server that answers as it is told: any status and body, silence, or half an answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SILENT = -1
DROPS = -2
HALF = -3


@dataclass
class Odd:
    """What it does next, and what it was asked."""

    status: int = 200
    body: bytes = b"{}"
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""
    date: str = ""
    """The Date header, where it is not to be true."""
    etag: str = ""
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def odd_server() -> Iterator[Odd]:
    odd = Odd()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            odd.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            match odd.status:
                case -1:
                    odd.over.wait(5)
                    self.close_connection = True
                case -2:
                    self.close_connection = True
                case -3:
                    self.send_response(200)
                    self.send_header("content-length", "1000")
                    self.end_headers()
                    self.wfile.write(b'{"half":')
                    self.close_connection = True
                case status:
                    self.send_response(status)
                    self.send_header("content-length", str(len(odd.body)))
                    if odd.etag:
                        self.send_header("etag", odd.etag)
                    self.end_headers()
                    self.wfile.write(odd.body)

        do_GET = do_POST = do_PUT = answer  # noqa: N815 - the names that the base class looks for

        def date_time_string(self, timestamp: float | None = None) -> str:
            return odd.date or super().date_time_string(timestamp)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    odd.url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        yield odd
    finally:
        odd.over.set()
        server.shutdown()
        server.server_close()
        serving.join()
