"""HTTP/1.1 over kept connections: what is sent, what is read in whatever pieces it comes, and when a connection is used again."""

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from pointsman import __version__
from pointsman.adapters import http1
from pointsman.adapters.http import Answer, Unanswered, Unreached
from pointsman.adapters.http1 import Http1

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Sun, 22 Nov 2026 03:15:57 GMT\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5;note=x\r\ndefgh\r\n0\r\nTrailer: t\r\n\r\n"


class Service:
    """Answers each request with the next of its answers, piece by piece; None closes the connection without a word."""

    def __init__(self, *answers: bytes | None, piece: int = 65_536, tls: ssl.SSLContext | None = None) -> None:
        self.answers = list(answers)
        self.asked: list[bytes] = []
        self.heard = asyncio.Event()
        self.connections = 0
        self._piece, self._tls = piece, tls

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        async with server:
            yield f"{'https' if self._tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while answer := await self._asked(reader):
                for start in range(0, len(answer), self._piece):
                    writer.write(answer[start : start + self._piece])
                    await writer.drain()
                if b"close" in answer:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _asked(self, reader: asyncio.StreamReader) -> bytes | None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")), 0)
        self.asked.append(head + await reader.readexactly(length))
        self.heard.set()
        return self.answers.pop(0)


def told(service: Service, story: Callable[[Http1, str], Awaitable[Answer]], client: Http1 | None = None) -> Answer:
    async def main() -> Answer:
        async with service.served() as url:
            return await story(client or Http1(read=5.0), url)

    return asyncio.run(main())


def asked_once(service: Service, method: str = "GET", client: Http1 | None = None) -> Answer:
    return told(service, lambda http, url: http.ask(method, f"{url}/things?a=1", headers={}), client)


def test_a_request_names_its_host_its_target_and_its_length() -> None:
    service = Service(OK)
    answer = told(service, lambda http, url: http.ask("POST", f"{url}/v1/a%2Fb?x=1", headers={"X-Word": "yes"}, body=b"body"))
    (asked,) = service.asked
    head, _, body = asked.partition(b"\r\n\r\n")
    first, host, *rest = head.split(b"\r\n")
    assert (first, body) == (b"POST /v1/a%2Fb?x=1 HTTP/1.1", b"body")
    assert host.startswith(b"host: 127.0.0.1:")
    assert rest == [b"accept-encoding: identity", f"user-agent: pointsman/{__version__}".encode(), b"x-word: yes", b"content-length: 4"]
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"{}", "2")
    assert answer.date is not None


def test_a_connection_is_used_again() -> None:
    service = Service(OK, CHUNKED, OK)

    async def story(http: Http1, url: str) -> Answer:
        for _ in range(2):
            await http.ask("GET", url, headers={})
        return await http.ask("GET", url, headers={})

    assert told(service, story).ok
    assert (len(service.asked), service.connections) == (3, 1)


def test_requests_at_once_have_a_connection_each() -> None:
    service = Service(*[OK] * 3)

    async def story(http: Http1, url: str) -> Answer:
        return (await asyncio.gather(*(http.ask("GET", url, headers={}) for _ in range(3))))[0]

    assert told(service, story).ok
    assert service.connections == 3


@pytest.mark.parametrize("end", [OK.replace(b"Date", b"Connection: close\r\nDate"), OK.replace(b"1.1", b"1.0"), OK + b"more"])
def test_a_connection_that_ends_or_holds_too_much_is_not_used_again(end: bytes) -> None:
    service = Service(end, OK)

    async def story(http: Http1, url: str) -> Answer:
        await http.ask("GET", url, headers={})
        return await http.ask("GET", url, headers={})

    assert told(service, story).ok
    assert service.connections == 2


def test_a_connection_that_was_closed_while_idle_is_noticed_before_anything_is_sent_on_it() -> None:
    first, second = Service(OK), Service(OK)

    async def main() -> Answer:
        http = Http1(read=5.0)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            async with await asyncio.start_server(first._serve, sock=listening.dup()):
                await http.ask("GET", url, headers={})
                (line, _) = next(iter(http._kept.values()))[0]
            line.shutdown(socket.SHUT_RD)
            async with await asyncio.start_server(second._serve, sock=listening.dup()):
                return await http.ask("GET", url, headers={})

    assert asyncio.run(main()).ok
    assert len(second.asked) == 1


def test_a_connection_that_was_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "IDLE_SECONDS", 0.05)
    service = Service(OK, OK, OK)

    async def story(http: Http1, url: str) -> Answer:
        await http.ask("POST", url, headers={})
        await http.ask("POST", url, headers={})
        assert service.connections == 1
        await asyncio.sleep(0.1)
        return await http.ask("POST", url, headers={})

    assert told(service, story).ok
    assert service.connections == 2


@pytest.mark.parametrize(("method", "asked"), [("GET", 3), ("POST", 2), ("PUT", 2)])
def test_a_get_alone_goes_out_once_more_when_a_kept_connection_ends_without_a_word(method: str, asked: int) -> None:
    service = Service(OK, None, OK)

    async def story(http: Http1, url: str) -> Answer:
        await http.ask(method, url, headers={}, body=b"")
        return await http.ask(method, url, headers={}, body=b"")

    if method == "GET":
        assert told(service, story).ok
    else:
        with pytest.raises(Unanswered):
            told(service, story)
    assert len(service.asked) == asked


def test_a_get_goes_out_once_when_a_kept_connection_ends_within_its_answer_or_a_new_one_without_a_word() -> None:
    for answers in ((OK, OK[:20] + b" close", OK), (None, OK)):
        service = Service(*answers)

        async def story(http: Http1, url: str, count: int = len(answers)) -> Answer:
            for _ in range(count - 2):
                await http.ask("GET", url, headers={})
            return await http.ask("GET", url, headers={})

        with pytest.raises(Unanswered):
            told(service, story)
        assert len(service.answers) == 1, "nothing was asked again"


@pytest.mark.parametrize("piece", [1, 2, 7, 65_536])
@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK, b"{}"),
        (CHUNKED, b"abcdefgh"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"{}"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 412\r\ncontent-length:0\r\nA: 1\r\na: 2\r\n\r\n", b""),
    ],
)
def test_an_answer_is_read_in_whatever_pieces_it_comes(answer: bytes, body: bytes, piece: int) -> None:
    assert asked_once(Service(answer, piece=piece)).body == body


def test_the_answer_to_a_head_has_no_body() -> None:
    assert asked_once(Service(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"), "HEAD").body == b""


def test_headers_of_one_name_are_joined_whatever_their_case() -> None:
    assert asked_once(Service(b"HTTP/1.1 200 OK\r\ncontent-length:0\r\nA: 1\r\na: 2\r\n\r\n")).headers["a"] == "1, 2"


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"SSH-2.0 close\r\n\r\n",
        b"HTTP/1.1 two hundred close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: -2\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 99999999999\r\n\r\nlong",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\nlong",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabcdefghij\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 102 Wait\r\n\r\n" * 20 + b"close",
        b"HTTP/1.1 200 OK\r\nclose: " + b"x" * 100_000,
    ],
)
def test_what_is_no_whole_answer_may_have_been_carried_out(answer: bytes | None) -> None:
    with pytest.raises(Unanswered):
        asked_once(Service(answer))


@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer_or_the_one_error(noise: bytes) -> None:
    for head in (b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.settimeout(0)
            theirs.sendall(head + noise)
            theirs.shutdown(socket.SHUT_WR)
            try:
                asyncio.run(http1._Exchange(ours, http1._place("http", "127.0.0.1"), 5.0).answer("GET"))
            except Unanswered:
                continue


def test_silence_ends_after_the_time_that_was_given() -> None:
    async def story(http: Http1, url: str) -> Answer:
        return await http.ask("GET", url, headers={}, read=0.05)

    with pytest.raises(Unanswered, match=r"silent for 0\.05 s"):
        told(Service(b"HTTP/1.1 200 OK\r\n"), story)


def test_a_request_that_is_given_up_leaves_no_connection_behind() -> None:
    service = Service(b"HTTP/1.1 200 OK\r\n", OK)

    async def story(http: Http1, url: str) -> Answer:
        given_up = asyncio.ensure_future(http.ask("GET", url, headers={}))
        await service.heard.wait()
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        return await http.ask("GET", url, headers={})

    assert told(service, story).ok
    assert service.connections == 2


@pytest.mark.parametrize("header", ["a\r\nx-more: b", "a\nb", "é"])
def test_what_would_be_another_header_is_not_sent(header: str) -> None:
    service = Service(OK)
    with pytest.raises(Unreached, match="cannot be sent"):
        told(service, lambda http, url: http.ask("GET", url, headers={"x-name": header}))
    assert service.asked == []


@pytest.mark.parametrize("path", ["/a b", "/a\r\nx: y"])
def test_what_would_be_another_target_is_not_sent(path: str) -> None:
    with pytest.raises(Unreached, match="cannot be sent"):
        told(Service(OK), lambda http, url: http.ask("GET", url + path, headers={}))


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1/", "http://", "http://127.0.0.1:port/", "http://user@127.0.0.1/"])
def test_what_is_no_address_is_not_reached(url: str) -> None:
    with pytest.raises(Unreached, match="check the endpoint"):
        asyncio.run(Http1().ask("GET", url, headers={}))


def test_nobody_there_is_not_reached() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unreached, match="cannot be reached"):
            asyncio.run(Http1().ask("GET", f"http://127.0.0.1:{taken.getsockname()[1]}", headers={}))


def test_tls_is_spoken_with_whom_is_trusted_and_with_nobody_else(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate)
    trusting = Http1(read=5.0, tls=ssl.create_default_context(cafile=str(certificate)))
    big = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000

    async def twice(http: Http1, url: str) -> Answer:
        await http.ask("POST", url, headers={}, body=b"y" * 300_000)
        return await http.ask("GET", url, headers={})

    service = Service(big, OK, tls=served)
    assert told(service, twice, trusting).body == b"{}"
    assert service.connections == 1
    with pytest.raises(Unreached, match="not trusted"):
        asked_once(Service(OK, tls=served))


def self_signed(folder: Path) -> Path:
    """Write a certificate for 127.0.0.1, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "here")])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=3650))
        .not_valid_after(now + dt.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "here.pem"
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path
