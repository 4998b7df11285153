"""Connections are opened in threads: what hangs at one place holds up no other, and who comes in a crowd waits for a turn."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pointsman.adapters.http import Answer, Unreached
from pointsman.adapters.http1 import Http1
from tests.stores.test_http1 import OK, Service


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let the look-up of one name hang until the end."""
    found, over = socket.getaddrinfo, threading.Event()

    def getaddrinfo(host: Any, *more: Any, **named: Any) -> Any:
        if host == "hangs.invalid":
            over.wait(30)
            raise socket.gaierror("nobody answers")
        return found(host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield over
    over.set()


def test_a_place_whose_name_is_not_found_holds_up_no_other_and_takes_a_bounded_number_of_threads(hanging: threading.Event) -> None:
    service, before = Service(*[OK] * 8), threading.active_count()

    async def main() -> tuple[list[object], list[Answer], int]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        http = Http1(connect=0.2, read=5.0, size=4)
        lost = [asyncio.ensure_future(http.ask("GET", "http://hangs.invalid/", headers={})) for _ in range(40)]
        async with service.served() as url:
            answers = await asyncio.gather(*(http.ask("GET", url, headers={}) for _ in range(8)))
        return await asyncio.gather(*lost, return_exceptions=True), answers, threading.active_count()

    ended, answers, threads = asyncio.run(main())
    assert all(answer.ok for answer in answers)
    assert {type(one) for one in ended} == {Unreached}
    assert sum("in 0.6 s" in str(one) for one in ended) == 4, "the others are told sooner, without a thread"
    assert threads <= before + 4 + 8
    assert not hanging.is_set()


def test_more_requests_at_once_than_a_place_may_open_connections_wait_for_each_other() -> None:
    service = Service(*[OK] * 60)

    async def main() -> list[Answer]:
        http = Http1(connect=5.0, read=5.0, size=2)
        async with service.served() as url:
            return await asyncio.gather(*(http.ask("GET", url, headers={}) for _ in range(60)))

    assert all(answer.ok for answer in asyncio.run(main()))


def test_a_place_whose_name_is_found_again_is_reached_again(hanging: threading.Event) -> None:
    async def main() -> None:
        http = Http1(connect=0.05, size=1)
        for _ in range(2):
            with pytest.raises(Unreached, match=r"in 0\.15 s|many tries hang"):
                await http.ask("GET", "http://hangs.invalid/", headers={})
        hanging.set()
        for _ in range(100):
            with pytest.raises(Unreached) as error:
                await http.ask("GET", "http://hangs.invalid/", headers={})
            if "gaierror" in str(error.value):
                return
            await asyncio.sleep(0.02)
        pytest.fail("its room was never left")

    asyncio.run(main())
