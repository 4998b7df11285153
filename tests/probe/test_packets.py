"""Bursts over real sockets: what is counted, what is not, and who is answered."""

import asyncio
from typing import cast

import pytest

from pointsman.adapters.packets import echoes, responder
from pointsman.adapters.packets import prober as sending
from pointsman.adapters.packets.responder import Responder
from pointsman.boot.chance import SystemClock
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import ProbePair
from tests.probe.ends import KEY, OTHER, PAIR, SITE, answering, prober, stranger

SEAL = echoes.Seal(key=KEY, source=PAIR.source, target=PAIR.target)


@pytest.fixture(autouse=True)
def _short_bursts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "PACKETS", 5)
    monkeypatch.setattr(sending, "PATIENCE", 0.3)


def test_every_packet_of_a_burst_comes_back_with_its_round_trip_time() -> None:
    async def play() -> None:
        async with answering([PAIR, OTHER]) as port:
            found = await prober(port).burst([PAIR, OTHER])
        assert [(one.source, one.sent, one.lost, one.fault) for one in found] == [("127.0.0.2", 5, 0, ""), ("127.0.0.3", 5, 0, "")]
        assert all(0 < time < 5 for one in found for time in one.times)

    asyncio.run(play())


def test_packets_that_nobody_answers_are_lost() -> None:
    async def play() -> None:
        async with answering(key=b"a key of another fabric") as port:
            (found,) = await prober(port).burst([PAIR])
        assert (found.sent, found.lost, found.fault) == (5, 5, "")

    asyncio.run(play())


def test_nobody_listening_is_no_loss_of_the_link() -> None:
    async def play() -> None:
        async with answering() as port:
            pass
        (found,) = await prober(port).burst([PAIR])
        assert (found.sent, found.fault) == (0, "127.0.0.2 to 127.0.0.9: nobody listens there: start 'pointsman probe respond'")

    asyncio.run(play())


def test_an_address_that_is_not_ours_is_our_own_fault_and_no_loss() -> None:
    async def play() -> None:
        (found,) = await prober(9).burst([ProbePair(site=SITE, source="192.0.2.1", target=PAIR.target)])
        assert (found.sent, found.fault) == (0, "192.0.2.1 cannot send to 127.0.0.9: Cannot assign requested address")

    asyncio.run(play())


def test_a_stranger_is_not_answered() -> None:
    async def play() -> None:
        async with answering() as port, stranger(OTHER.source, port) as other, stranger(PAIR.source, port) as own:
            other.say(echoes.ask(SEAL, echoes.Echo(burst=b"12345678", number=0)))
            own.say(b"x" * echoes.SIZE)
            own.say(b"")
            own.say(echoes.answer(SEAL, echoes.Echo(burst=b"12345678", number=0)))
            own.say(echoes.ask(SEAL, echoes.Echo(burst=b"12345678", number=1)))
            await _until(lambda: bool(own.heard))
            assert (other.heard, len(own.heard), len(own.heard[0])) == ([], 1, echoes.SIZE)

    asyncio.run(play())


def test_a_prober_whose_address_the_platform_gives_is_answered_where_that_is_allowed() -> None:
    async def play() -> None:
        async with answering(anywhere=True) as port:
            assert [one.lost for one in await prober(port, bound=False).burst([PAIR])] == [0]
        async with answering() as port:
            assert [one.lost for one in await prober(port, bound=False).burst([PAIR])] == [5]

    asyncio.run(play())


def test_an_answer_counts_once_and_only_for_its_own_burst() -> None:
    """An echo that says everything twice, and once more for another burst."""

    async def play() -> None:
        loop = asyncio.get_running_loop()
        wire, _ = await loop.create_datagram_endpoint(_Babbling, local_addr=(PAIR.target, 0))
        (found,) = await prober(wire.get_extra_info("sockname")[1]).burst([PAIR])
        wire.close()
        assert (found.sent, found.lost, len(found.times)) == (5, 2, 3)

    asyncio.run(play())


class _Babbling(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        echo = echoes.asked(SEAL, data)
        assert echo is not None
        told = echo if echo.number < 3 else echoes.Echo(burst=b"another!", number=echo.number)
        for _ in range(2):
            self.wire.sendto(echoes.answer(SEAL, told), addr)


def test_one_address_answers_so_much_in_a_second_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responder, "ANSWERS_PER_SECOND", 3)

    class Still(SystemClock):
        def monotonic(self) -> float:
            return 7.0

    async def play() -> None:
        far = Responder([PAIR], KEY, Still(), port=0)
        ((_, port),) = await far.open()
        async with stranger(PAIR.source, port) as own:
            for number in range(10):
                own.say(echoes.ask(SEAL, echoes.Echo(burst=b"12345678", number=number)))
            await _until(lambda: len(own.heard) >= 3)
            await asyncio.sleep(0.05)
            assert len(own.heard) == 3
        far.close()

    asyncio.run(play())


def test_pairs_past_the_bound_are_named_and_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "PAIRS_LIMIT", 1)

    async def play() -> None:
        async with answering([PAIR, OTHER]) as port:
            first, second = await prober(port).burst([PAIR, OTHER])
        assert (first.lost, second.sent, second.fault) == (0, 0, "only the first 1 pairs are probed")

    asyncio.run(play())


def test_an_address_that_cannot_be_listened_at_is_refused_in_words() -> None:
    far = Responder([ProbePair(site=SITE, source=PAIR.source, target="192.0.2.1")], KEY, SystemClock(), port=0)
    with pytest.raises(ConfigError, match=r"cannot listen at 192\.0\.2\.1 port 0 .*: run it where that address is, or take another --port"):
        asyncio.run(far.open())


async def _until(true: object) -> None:
    assert callable(true)
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came")
