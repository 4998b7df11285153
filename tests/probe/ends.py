"""Two ends of a probe on this machine, and the clock and dice they use."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import cast

from pointsman.adapters.packets.prober import PacketProber
from pointsman.adapters.packets.responder import Responder
from pointsman.boot.chance import SystemClock, token_bytes
from pointsman.core.fabric import ProbePair, SiteName

KEY = b"a key that both ends share"
TARGET = "127.0.0.9"
SITE = SiteName("aws-use1")
PAIR = ProbePair(site=SITE, source="127.0.0.2", target=TARGET)
OTHER = ProbePair(site=SITE, source="127.0.0.3", target=TARGET)


@asynccontextmanager
async def answering(pairs: Sequence[ProbePair] = (PAIR,), key: bytes = KEY, *, anywhere: bool = False) -> AsyncIterator[int]:
    """Answer at the pairs' targets; gives the port."""
    responder = Responder(pairs, key, SystemClock(), port=0, anywhere=anywhere)
    ((_, port),) = await responder.open()
    try:
        yield port
    finally:
        responder.close()


def prober(port: int, key: bytes = KEY, *, bound: bool = True, fresh: Callable[[int], bytes] = token_bytes) -> PacketProber:
    return PacketProber(key, SystemClock(), fresh, port=port, bound=bound)


class Stranger(asyncio.DatagramProtocol):
    """A socket that sends what it likes and keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.wire: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        self.heard.append(data)

    def say(self, packet: bytes) -> None:
        assert self.wire is not None
        self.wire.sendto(packet)


@asynccontextmanager
async def stranger(source: str, port: int) -> AsyncIterator[Stranger]:
    loop = asyncio.get_running_loop()
    wire, one = await loop.create_datagram_endpoint(Stranger, local_addr=(source, 0), remote_addr=(TARGET, port))
    try:
        yield one
    finally:
        wire.close()


class StillClock:
    """A clock that stands still but for its sleeps."""

    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
