"""The front of a face: what it takes for a request, and what it does not."""

import socket
from collections.abc import Iterator

import pytest

from pointsman.testing.faces.front import FIELDS_LIMIT, LOOPBACK, Front
from pointsman.testing.faces.messages import Ask, Tell

ASK = b"POST /a?b=c HTTP/1.1\r\nHost: here\r\nX-Amz-Target:  Two Words \r\nContent-Length: 2\r\n\r\nhi"


@pytest.fixture
def asked() -> list[Ask]:
    return []


@pytest.fixture
def line(asked: list[Ask]) -> Iterator[socket.socket]:
    """A connection to a front that notes what it is asked."""

    def answer(ask: Ask) -> Tell:
        asked.append(ask)
        return Tell(status=200, body=b"done")

    front = Front(answer)
    front.start()
    with socket.create_connection((LOOPBACK, int(front.url.rpartition(":")[2])), timeout=10) as connection:
        yield connection
    front.stop()


def told(line: socket.socket, request: bytes) -> bytes:
    line.sendall(request)
    return line.recv(65536)


def test_a_request_is_handed_on_with_its_fields_in_lower_case(line: socket.socket, asked: list[Ask]) -> None:
    assert told(line, ASK).startswith(b"HTTP/1.1 200 ")
    assert asked == [
        Ask(method="POST", path="/a?b=c", headers={"host": "here", "x-amz-target": "Two Words", "content-length": "2"}, body=b"hi")
    ]


def test_a_connection_is_kept_until_it_is_asked_to_end(line: socket.socket, asked: list[Ask]) -> None:
    for _ in range(2):
        assert told(line, ASK).endswith(b"done")
    assert told(line, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").endswith(b"done")
    assert (line.recv(1), len(asked)) == (b"", 3)


def test_an_older_client_is_answered_once(line: socket.socket) -> None:
    assert told(line, b"GET / HTTP/1.0\r\n\r\n").endswith(b"done")
    assert line.recv(1) == b""


def test_a_body_in_chunks_is_put_together(line: socket.socket, asked: list[Ask]) -> None:
    told(line, b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")
    assert asked[0].body == b"hello"


def test_whoever_waits_for_leave_to_send_a_body_gets_it(line: socket.socket, asked: list[Ask]) -> None:
    assert told(line, b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").startswith(b"HTTP/1.1 100 ")
    assert told(line, b"hi").endswith(b"done")
    assert asked[0].body == b"hi"


@pytest.mark.parametrize(
    "request_",
    [b"nonsense\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/2\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * (FIELDS_LIMIT + 1) + b"\r\n"],
)
def test_what_is_no_request_is_refused_and_nobody_is_asked(line: socket.socket, asked: list[Ask], request_: bytes) -> None:
    assert b" 400 " in told(line, request_)
    assert asked == []
