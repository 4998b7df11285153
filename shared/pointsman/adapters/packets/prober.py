"""Send bursts of small datagrams over address pairs and count the answers."""

import asyncio
from collections.abc import Callable, Sequence

from pointsman.adapters.packets import echoes
from pointsman.core.fabric import ProbePair
from pointsman.core.probes import Measured
from pointsman.ports.clouds import Clock

PORT = 8620
"""Where the far end answers, unless another port is given."""
PACKETS = 20
"""Packets of one burst over one pair."""
SPACING = 0.01
"""Seconds between two packets of a burst: 51 kbit/s while it lasts."""
PATIENCE = 1.0
"""Seconds after the last packet in which an answer counts."""
AT_ONCE = 16
"""Pairs that are sent over at the same time; the others wait."""
PAIRS_LIMIT = 200
"""Pairs of one burst; more are refused by name."""


class PacketProber:
    """``Prober`` over UDP. ``bound`` sockets send from the pair's own source address; else the network's place decides it."""

    def __init__(self, key: bytes, clock: Clock, fresh: Callable[[int], bytes], *, port: int = PORT, bound: bool = True) -> None:
        self._key, self._clock, self._fresh = key, clock, fresh
        self._port, self._bound = port, bound

    async def burst(self, pairs: Sequence[ProbePair]) -> tuple[Measured, ...]:
        """Send once over each pair and wait for the answers."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(pair: ProbePair) -> Measured:
            async with gate:
                return await self._over(pair)

        late = tuple(_faulty(pair, f"only the first {PAIRS_LIMIT} pairs are probed") for pair in pairs[PAIRS_LIMIT:])
        return (*await asyncio.gather(*(one(pair) for pair in pairs[:PAIRS_LIMIT])), *late)

    async def _over(self, pair: ProbePair) -> Measured:
        ears = _Ears(echoes.Seal(key=self._key, source=pair.source, target=pair.target), self._fresh(echoes.BURST_BYTES), self._clock)
        loop = asyncio.get_running_loop()
        try:
            own = (pair.source, 0) if self._bound else None
            wire, _ = await loop.create_datagram_endpoint(lambda: ears, local_addr=own, remote_addr=(pair.target, self._port))
        except OSError as error:
            return _faulty(pair, f"{pair.source} cannot send to {pair.target}: {error.strerror or 'no such address'}")
        try:
            await self._send(ears, wire)
        finally:
            wire.close()
        if ears.fault and not ears.times:
            return _faulty(pair, f"{pair.source} to {pair.target}: {ears.fault}")
        return Measured(source=pair.source, target=pair.target, sent=PACKETS, times=tuple(ears.times.values()))

    async def _send(self, ears: "_Ears", wire: asyncio.DatagramTransport) -> None:
        for number in range(PACKETS):
            wire.sendto(ears.ask(number))
            await self._clock.sleep(SPACING)
        over = self._clock.monotonic() + PATIENCE
        while len(ears.times) < PACKETS and self._clock.monotonic() < over:
            await self._clock.sleep(SPACING)


def _faulty(pair: ProbePair, why: str) -> Measured:
    return Measured(source=pair.source, target=pair.target, fault=why)


class _Ears(asyncio.DatagramProtocol):
    """Hears the answers to one burst; each counts once."""

    def __init__(self, seal: echoes.Seal, burst: bytes, clock: Clock) -> None:
        self._seal, self._burst, self._clock = seal, burst, clock
        self._sent: dict[int, float] = {}
        self.times: dict[int, float] = {}
        self.fault = ""

    def ask(self, number: int) -> bytes:
        """Write one packet, and remember when."""
        packet = echoes.ask(self._seal, echoes.Echo(burst=self._burst, number=number))
        self._sent[number] = self._clock.monotonic()
        return packet

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Count an answer."""
        del addr  # the socket is connected: nobody else's packets come here
        echo = echoes.answered(self._seal, data)
        if echo is not None and echo.burst == self._burst and echo.number in self._sent:
            self.times.setdefault(echo.number, self._clock.monotonic() - self._sent[echo.number])

    def error_received(self, error: Exception) -> None:
        """Hear that nobody listens at the far end, or that we may not send: neither is a loss on the link; an unreachable host is."""
        if isinstance(error, ConnectionRefusedError):
            self.fault = "nobody listens there: start 'pointsman probe respond'"
        elif isinstance(error, PermissionError):
            self.fault = "this machine's own firewall refuses it"
