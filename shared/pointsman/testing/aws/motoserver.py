"""moto behind one lock: what the model does not know, answered inside this process."""

import io
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

from pointsman.testing.faces.messages import Ask, Tell

Start = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], Start], Iterable[bytes]]

_DROPPED = frozenset({"connection", "transfer-encoding", "content-length", "date", "server"})


class Moto:
    """moto's WSGI application (or ``app``), loaded by the first request. One request at a time: its state is not guarded itself."""

    def __init__(self, app: Wsgi | None = None) -> None:
        self._lock = threading.Lock()
        self._app = app

    def answer(self, ask: Ask) -> Tell:
        """Answer one request."""
        with self._lock:
            return _run(self._loaded(), ask)

    def reset(self) -> None:
        """Forget everything."""
        self.answer(Ask(method="POST", path="/moto-api/reset", headers={"host": "127.0.0.1"}, body=b""))

    def _loaded(self) -> Wsgi:
        if self._app is None:
            from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: PLC0415 - a slow import

            from pointsman.testing.aws.corrections import correct_moto  # noqa: PLC0415 - it needs moto

            correct_moto()
            self._app = DomainDispatcherApplication(create_backend_app)
        return self._app


def _run(app: Wsgi, ask: Ask) -> Tell:
    began: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], _: object = None) -> None:
        began.append((status, headers))

    body = b"".join(app(_environ(ask), start))
    status, headers = began[-1]
    kept = {name: value for name, value in headers if name.lower() not in _DROPPED}
    return Tell(status=int(status.split(" ", 1)[0]), body=body, headers=kept)


def _environ(ask: Ask) -> dict[str, Any]:
    parts = urlsplit(ask.path)
    host, _, port = ask.header("host").partition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": ask.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(parts.path, "latin-1"),
        "QUERY_STRING": parts.query,
        "REQUEST_URI": ask.path,
        "RAW_URI": ask.path,
        "SERVER_NAME": host or "127.0.0.1",
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(ask.body)),
        "CONTENT_TYPE": ask.header("content-type"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(ask.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    held = {name: value for name, value in ask.headers.items() if name not in ("content-type", "content-length", "transfer-encoding")}
    return environ | {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in held.items()}
