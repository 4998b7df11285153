"""The bad network itself: what a client of the real HTTP layer sees in each of its weathers."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from pointsman.adapters.http import Unanswered, Unreached
from pointsman.adapters.http1 import Http1
from pointsman.testing.loopback import LoopbackServer, Reply, Request
from pointsman.testing.processes import until
from pointsman.testing.proxy import Error, Proxy, Weather


class Echo:
    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.server = LoopbackServer(self._answer)

    def _answer(self, request: Request) -> Reply:
        self.asked.append(request.body)
        return Reply(status=200, body=request.body)


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    made.server.start()
    yield made
    made.server.stop()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with Proxy(echo.server.address) as made:
        yield made


def ask(proxy: Proxy, body: bytes = b"hello") -> tuple[int, bytes]:
    answer = asyncio.run(Http1(connect=0.5, read=0.3).ask("POST", proxy.url, headers={}, body=body))
    return answer.status, answer.body


def test_in_fair_weather_everything_gets_through(proxy: Proxy, echo: Echo) -> None:
    large = b"x" * 300_000
    assert ask(proxy, large) == (200, large)
    assert echo.asked == [large]


def test_a_refused_connection_is_no_answer_and_nothing_arrives(proxy: Proxy, echo: Echo) -> None:
    proxy.set(Weather.REFUSED)
    with pytest.raises((Unreached, Unanswered)):
        ask(proxy)
    assert echo.asked == []


def test_silence_is_no_answer_until_it_ends(proxy: Proxy, echo: Echo) -> None:
    proxy.set(Weather.SILENT)
    with pytest.raises(Unanswered):
        ask(proxy)
    proxy.set(Weather.FAIR)
    assert ask(proxy, b"again") == (200, b"again")
    assert b"again" in echo.asked


def test_a_late_answer_is_held_back_and_its_request_is_done(proxy: Proxy, echo: Echo) -> None:
    proxy.set(Weather.LATE)
    with pytest.raises(Unanswered):
        ask(proxy, b"late")
    assert echo.asked == [b"late"]


def test_a_lost_answer_leaves_the_request_done(proxy: Proxy, echo: Echo) -> None:
    for weather in (Weather.DEAF, Weather.CUT_SHORT):
        echo.asked.clear()
        proxy.set(weather)
        with pytest.raises(Unanswered):
            ask(proxy, b"y" * 5_000)
        assert echo.asked == [b"y" * 5_000]


def test_errors_are_answered_in_the_services_place_over_a_kept_connection(proxy: Proxy, echo: Echo) -> None:
    proxy.set(Weather.ERRORS, Error(status=429, body='{"slow":1}'))
    over = Http1()

    async def tell() -> None:
        for _ in range(3):
            answer = await over.ask("POST", proxy.url, headers={}, body=b"z" * 200_000)
            assert (answer.status, answer.body) == (429, b'{"slow":1}')
        assert echo.asked == []
        proxy.set(Weather.FAIR)
        assert (await over.ask("POST", proxy.url, headers={}, body=b"back")).body == b"back"

    asyncio.run(tell())


def test_a_standing_connection_is_reset_and_leads_elsewhere_afterwards(proxy: Proxy, echo: Echo) -> None:
    assert ask(proxy)[0] == 200
    other = Echo()
    other.server.start()
    try:
        proxy.retarget(other.server.address)
        assert ask(proxy, b"moved") == (200, b"moved")
        assert (echo.asked, other.asked) == ([b"hello"], [b"moved"])
    finally:
        other.server.stop()


def test_nothing_is_left_running(echo: Echo) -> None:
    before = threading.active_count()
    with Proxy(echo.server.address) as proxy:
        ask(proxy)
    assert until(lambda: threading.active_count() <= before)
