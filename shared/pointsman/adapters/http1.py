"""HTTP/1.1 on the event loop: one request over one kept connection, sent once, with no thread and no retry in between.

A round of a reaction asks a dozen services at once. Threads would spend more on waking each other than on asking, so
only opening a connection (names, TLS) is done in one, each in its own: one place whose name is not found, or that does not
answer, takes no thread that another needs. Message syntax: RFC 9112; reuse of connections: its section 9.
"""

import asyncio
import functools
import re
import socket
import ssl
import threading
import weakref
from collections import defaultdict, deque
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from pointsman.adapters.http import BODY_LIMIT, CONNECT_SECONDS, POOL_SIZE, READ_SECONDS, USER_AGENT, Answer, Unanswered, Unreached
from pointsman.adapters.threads import in_thread
from pointsman.core.values import Frozen

HEAD_LIMIT = 64 * 1024
"""Longest head of an answer, in bytes."""
INTERIM_LIMIT = 8
"""Most interim answers (1xx) before the real one."""
CHUNKS_LIMIT = 100_000
"""Most chunks of one answer."""
DIGITS_LIMIT = 16
"""Most digits of a length: more than any answer that is read needs."""
SWALLOW = 256 * 1024
"""Bytes that are read at once."""
IDLE_SECONDS = 50.0
"""How long a connection is kept idle: what lies between drops idle flows without a word (a NAT gateway of AWS after 350 s), services sooner."""
ROOM_SECONDS = 0.005
"""Between two looks whether another connection may be opened: threads that end tell no loop."""
OPENING = 3
"""How many times ``connect`` an opening may take: for the name, for the connection and for TLS, the first of which has no limit of its own."""

_SIZE = re.compile(rb"[0-9A-Fa-f]{1,%d}" % DIGITS_LIMIT)
_END = b"\r\n\r\n"
_PORTS = {"http": 80, "https": 443}
_BODILESS = frozenset({204, 304})
_IDENTITY = frozenset({"", "identity"})
_SAFE = frozenset({"GET", "HEAD"})


class Place(Frozen):
    """Where a URL leads: ``authority`` is what the Host header names."""

    scheme: str
    host: str
    port: int
    authority: str


class Http1:
    """Sends requests over connections that it keeps. For one thread's event loops; nothing is opened before the first request.

    ``connect`` and ``read`` are seconds: for opening a connection, and for how long an answer may keep silent. ``tls``
    says whom to trust (by default whom the system trusts).
    """

    def __init__(
        self, *, connect: float = CONNECT_SECONDS, read: float = READ_SECONDS, size: int = POOL_SIZE, tls: ssl.SSLContext | None = None
    ) -> None:
        self._connect, self._read, self._tls = connect, read, tls
        self._kept: defaultdict[Place, deque[_Idle]] = defaultdict(functools.partial(deque, maxlen=size))
        self._openings: defaultdict[Place, threading.Semaphore] = defaultdict(functools.partial(threading.Semaphore, size))
        weakref.finalize(self, _close_all, self._kept)

    async def ask(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None, read: float | None = None
    ) -> Answer:
        """Send one request, once. ``read`` seconds replace the client's own. Raises ``Unreached`` or ``Unanswered``.

        A GET goes out once more, over a new connection, when a kept one turns out to have ended: RFC 9112 section 9.3.1.
        """
        place, target = _parsed(url)
        request, patience = _request(method, place, target, headers, body), self._read if read is None else read
        line = self._idle(place)
        if line is not None:
            exchange = _Exchange(line, place, patience)
            try:
                return await self._exchanged(exchange, method, request)
            except Unanswered:
                if method not in _SAFE or not exchange.hung_up:
                    raise
        return await self._exchanged(_Exchange(await self._opened(place), place, patience), method, request)

    async def _exchanged(self, exchange: "_Exchange", method: str, request: bytes) -> Answer:
        """Send a request and read its answer; the connection is kept if it may be, else closed."""
        kept = False
        try:
            await exchange.send(request)
            answer, kept = await exchange.answer(method)
            return answer
        finally:
            idle = self._kept[exchange.place]
            if kept and len(idle) < (idle.maxlen or 0):
                idle.append(_Idle(exchange.line, asyncio.get_running_loop().time()))
            else:
                exchange.line.close()

    def _idle(self, place: Place) -> socket.socket | None:
        """Give a kept connection that was used lately and that the service has not closed meanwhile, the last used first."""
        kept, now = self._kept[place], asyncio.get_running_loop().time()
        while kept:
            idle = kept.pop()
            if now - idle.since <= IDLE_SECONDS and _is_quiet(idle.line):
                return idle.line
            idle.line.close()
        return None

    async def _room(self, place: Place) -> threading.Semaphore:
        """Wait for one of the others to be opened, for as long as that may take. Raises ``Unreached``."""
        room, clock = self._openings[place], asyncio.get_running_loop()
        until = clock.time() + self._connect
        while not room.acquire(blocking=False):
            if clock.time() >= until:
                raise Unreached(
                    f"{place.host} cannot be reached (many tries hang): check how its name is found, its address and the network"
                )
            await asyncio.sleep(ROOM_SECONDS)
        return room

    async def _opened(self, place: Place) -> socket.socket:
        """Open a connection, in time; as many to one place at once as are kept, for threads that look up names end when they please."""
        room = await self._room(place)
        opening = in_thread(functools.partial(_open, place, self._connect, self._tls, room))
        try:
            await asyncio.wait([opening], timeout=OPENING * self._connect)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_opened)
            raise
        if opening.done():
            return opening.result()
        opening.add_done_callback(_close_opened)
        raise Unreached(
            f"{place.host} cannot be reached in {OPENING * self._connect:g} s: check how its name is found, its address and the network"
        )


class _Idle(NamedTuple):
    """A kept connection, and when it was last used by the loop's clock."""

    line: socket.socket
    since: float


class _Exchange:
    """One request and its answer on one connection."""

    def __init__(self, line: socket.socket, place: Place, patience: float) -> None:
        self.line, self.place, self._patience = line, place, patience
        self.hung_up = False
        """Whether the connection ended before any of the answer came."""
        self._held = bytearray()
        self._heard = False

    async def send(self, request: bytes) -> None:
        """Send it whole."""
        left = memoryview(request)
        while left:
            try:
                left = left[self.line.send(left) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                await self._wait(writing=True)
            except ssl.SSLWantReadError:
                await self._wait()
            except OSError as error:
                raise self._broken(error) from error

    async def answer(self, method: str) -> tuple[Answer, bool]:
        """Read the answer; says too whether the connection may be kept."""
        for _ in range(INTERIM_LIMIT):
            version, status, headers = await self._head()
            if status >= 200:  # noqa: PLR2004 - below are interim answers
                break
        else:
            raise self._garbled("sends nothing but interim answers")
        body, ended = await self._body(method, status, headers)
        asked = headers.get("connection", "").lower()
        keep = ended and "close" not in asked and (version == b"HTTP/1.1" or "keep-alive" in asked) and not self._held
        return Answer(status=status, body=body, headers=headers), keep

    async def _head(self) -> tuple[bytes, int, dict[str, str]]:
        while (end := self._held.find(_END)) < 0:
            if len(self._held) > HEAD_LIMIT:
                raise self._garbled(f"sends a head longer than {HEAD_LIMIT} bytes")
            await self._more()
        head = bytes(self._held[:end])
        del self._held[: end + len(_END)]
        first, *fields = head.split(b"\r\n")
        version, _, rest = first.partition(b" ")
        if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
            raise self._garbled("does not speak HTTP/1.1")
        return version, int(rest[:3]), _fields(fields)

    async def _body(self, method: str, status: int, headers: Mapping[str, str]) -> tuple[bytes, bool]:
        """Read a body by the rules of RFC 9112 section 6.3; False when only the connection's end ended it."""
        if headers.get("content-encoding", "") not in _IDENTITY:
            raise self._garbled("compresses what was not to be")
        if method == "HEAD" or status in _BODILESS:
            return b"", True
        if "transfer-encoding" in headers:
            return await self._chunks(headers["transfer-encoding"]), True
        length = headers.get("content-length")
        if length is None:
            return await self._rest(), False
        if not length.isascii() or not length.isdigit() or len(length) > DIGITS_LIMIT:
            raise self._garbled("does not say how long its answer is")
        return await self._exactly(int(length)), True

    async def _chunks(self, coding: str) -> bytes:
        if coding.strip().lower() != "chunked":
            raise self._garbled("transfers its answer in a way that is not known")
        whole = bytearray()
        for _ in range(CHUNKS_LIMIT):
            size = (await self._to_line_end()).partition(b";")[0].strip()
            if not _SIZE.fullmatch(size):
                raise self._garbled("breaks a chunk off")
            length = int(size, 16)
            if length == 0:
                while await self._to_line_end():  # the trailer section
                    pass
                return bytes(whole)
            whole += await self._exactly(length, len(whole))
            if await self._to_line_end():
                raise self._garbled("breaks a chunk off")
        raise self._garbled(f"sends more than {CHUNKS_LIMIT} chunks")

    async def _to_line_end(self) -> bytes:
        while (end := self._held.find(b"\r\n")) < 0:
            if len(self._held) > HEAD_LIMIT:
                raise self._garbled("sends an endless line")
            await self._more()
        found = bytes(self._held[:end])
        del self._held[: end + 2]
        return found

    async def _exactly(self, length: int, before: int = 0) -> bytes:
        self._limit(before + length)
        while len(self._held) < length:
            await self._more()
        found = bytes(self._held[:length])
        del self._held[:length]
        return found

    async def _rest(self) -> bytes:
        while await self._some():
            self._limit(len(self._held))
        return bytes(self._held)

    def _limit(self, length: int) -> None:
        if length > BODY_LIMIT:
            raise Unanswered(f"the answer is longer than {BODY_LIMIT} bytes")

    async def _more(self) -> None:
        if not await self._some():
            raise Unanswered(f"{self.place.host} gave no whole answer (it closed the connection)")

    async def _some(self) -> bool:
        """Read what is there, or wait for it; False at the end of the connection."""
        while True:
            try:
                found = self.line.recv(SWALLOW)
            except (BlockingIOError, ssl.SSLWantReadError):
                await self._wait()
            except ssl.SSLWantWriteError:
                await self._wait(writing=True)
            except ssl.SSLZeroReturnError:
                return False
            except OSError as error:
                raise self._broken(error) from error
            else:
                self._held += found
                self._heard |= bool(found)
                self.hung_up |= not self._heard
                return bool(found)

    async def _wait(self, *, writing: bool = False) -> None:
        """Wait until the connection can be read (or written), as long as an answer may keep silent."""
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[bool] = loop.create_future()
        number = self.line.fileno()
        (loop.add_writer if writing else loop.add_reader)(number, _ready, ready)
        timer = loop.call_later(self._patience, _late, ready)
        try:
            in_time = await ready
        finally:
            timer.cancel()
            (loop.remove_writer if writing else loop.remove_reader)(number)
        if not in_time:
            raise Unanswered(f"{self.place.host} gave no whole answer (silent for {self._patience} s)")

    def _broken(self, error: OSError) -> Unanswered:
        self.hung_up |= not self._heard
        return Unanswered(f"{self.place.host} gave no whole answer ({type(error).__name__})")

    def _garbled(self, what: str) -> Unanswered:
        return Unanswered(f"{self.place.host} {what}: look for a proxy in between")


@functools.lru_cache(maxsize=256)
def _place(scheme: str, authority: str) -> Place:
    host, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = authority, str(_PORTS.get(scheme, 0))
    if scheme not in _PORTS or not host or not port.isdigit() or "@" in host:
        raise Unreached(f"{scheme}://{authority} is no address that can be asked: check the endpoint")
    return Place(scheme=scheme, host=host.strip("[]"), port=int(port), authority=authority)


def _parsed(url: str) -> tuple[Place, str]:
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return _place(scheme, authority), slash + path or "/"


def _request(method: str, place: Place, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """Write a request. Raises ``Unreached`` on what would not be one header, or one target."""
    ours = {"host": place.authority, "accept-encoding": "identity", "user-agent": USER_AGENT}
    fields = ours | {name.lower(): value for name, value in headers.items()}
    if body is not None or method not in ("GET", "HEAD"):
        fields["content-length"] = str(len(body or b""))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1 or " " in target or not head.isascii():
        raise Unreached(f"a request to {place.host} holds what cannot be sent: check the names and settings that it is made of")
    return head.encode() + _END + (body or b"")


def _fields(lines: list[bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.decode("latin-1").partition(":")
        key, text = name.strip().lower(), value.strip()
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _is_quiet(line: socket.socket) -> bool:
    """Say whether an idle connection is still open: anything to read on it is its end, or belongs to nobody."""
    plain = socket.socket.recv
    try:
        plain(line, 1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _open(place: Place, seconds: float, tls: ssl.SSLContext | None, room: threading.Semaphore) -> socket.socket:
    """Open a connection, TLS included, and leave the room to the next. Blocks. Raises ``Unreached``: nothing was sent yet."""
    try:
        line = socket.create_connection((place.host, place.port), seconds)
        with suppress(OSError):
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if place.scheme == "https":
            line = (tls or _system_tls()).wrap_socket(line, server_hostname=place.host)
        line.settimeout(0)
    except ssl.SSLCertVerificationError as error:
        raise Unreached(f"{place.host} shows a certificate that is not trusted: check the address and the CA bundle") from error
    except (OSError, UnicodeError) as error:
        raise Unreached(f"{place.host} cannot be reached ({type(error).__name__}): check its address and the network") from error
    finally:
        room.release()
    return line


@functools.cache
def _system_tls() -> ssl.SSLContext:
    """Trust what the system trusts; made once, for reading the certificates takes a while."""
    return ssl.create_default_context()


def _ready(waiting: "asyncio.Future[bool]") -> None:
    if not waiting.done():
        waiting.set_result(True)


def _late(waiting: "asyncio.Future[bool]") -> None:
    if not waiting.done():
        waiting.set_result(False)


def _close_opened(opening: "asyncio.Future[socket.socket]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _close_all(kept: Mapping[Place, deque[_Idle]]) -> None:
    for idle in kept.values():
        for line, _ in idle:
            line.close()
