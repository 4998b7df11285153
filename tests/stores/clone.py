"""A small service that speaks enough S3, and honours conditional writes or ignores them as some clones do."""

import hashlib
import threading
import time
from html import escape
from urllib.parse import unquote

from pointsman.core.values import replace
from pointsman.testing.loopback import LoopbackServer, Reply, Request

PAGE = 5


class Clone:
    """Buckets in memory. Each header that ``ignores`` names is ignored without a word; ``refusal`` answers everything that way, ``time`` is its Date."""

    def __init__(self, *, ignores: tuple[str, ...] = (), refusal: Reply | None = None, time: str = "") -> None:
        self.objects: dict[str, bytes] = {}
        self.ignores = ignores
        self.slowness = 0.0
        self.refusal = refusal
        self._date = {"Date": time} if time else {}
        self._lock = threading.Lock()
        self._server = LoopbackServer(self._answer)

    def __enter__(self) -> "Clone":  # noqa: PYI034 - one kind
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def endpoint(self) -> str:
        return self._server.url

    def url(self, bucket: str = "pointsman") -> str:
        return f"s3://{bucket}?endpoint={self._server.url}"

    def _answer(self, request: Request) -> Reply:
        if self.refusal is not None:
            return self.refusal
        time.sleep(self.slowness)  # noqa: TID251 - a slow service
        with self._lock:
            if request.method == "GET" and "list-type" in request.query:
                return self._list(request)
            reply = self._get(request.path) if request.method == "GET" else self._put(request)
            return replace(reply, headers={**reply.headers, **self._date})

    def _get(self, path: str) -> Reply:
        held = self.objects.get(path)
        return Reply(status=404, body=b"<Code>NoSuchKey</Code>") if held is None else Reply(body=held, headers={"ETag": _tag(held)})

    def _put(self, request: Request) -> Reply:
        held = self.objects.get(request.path)
        given = {name: request.headers.get(name) for name in ("If-Match", "If-None-Match") if name not in self.ignores}
        stale = given.get("If-Match") and (held is None or _tag(held) != given["If-Match"])
        if stale or (given.get("If-None-Match") and held is not None):
            return Reply(status=412, body=b"<Code>PreconditionFailed</Code>")
        self.objects[request.path] = request.body
        return Reply(headers={"ETag": _tag(request.body)})

    def _list(self, request: Request) -> Reply:
        home = request.path
        names = sorted(unquote(path.removeprefix(home)) for path in self.objects if path.startswith(home))
        names = [name for name in names if name.startswith(request.query["prefix"]) and name > request.query.get("continuation-token", "")]
        more = f"<NextContinuationToken>{escape(names[PAGE - 1])}</NextContinuationToken>" if len(names) > PAGE else ""
        keys = "".join(f"<Contents><Key>{escape(name)}</Key></Contents>" for name in names[:PAGE])
        return Reply(body=f"<ListBucketResult>{keys}{more}</ListBucketResult>".encode())


def _tag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'
