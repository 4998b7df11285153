"""The far end of probes: answers asks of the declared pairs with a packet of the same size, and nothing else."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import cast

from pointsman.adapters.packets import echoes
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import ProbePair
from pointsman.ports.clouds import Clock

ANSWERS_PER_SECOND = 500
"""Answers that one address gives in a second; what is asked beyond it is dropped, and so counts as lost."""


class Responder:
    """Answers at the target addresses of pairs, while it is open.

    A packet from another address than its pair's source is answered only if ``anywhere`` allows it: where a platform gives
    the prober its address, nobody can declare it. Even so it must be sealed, and the answer is no longer than the ask.
    """

    def __init__(self, pairs: Sequence[ProbePair], key: bytes, clock: Clock, *, port: int, anywhere: bool = False) -> None:
        self._pairs, self._key, self._clock = pairs, key, clock
        self._port, self._anywhere = port, anywhere
        self._wires: list[asyncio.DatagramTransport] = []

    async def open(self) -> tuple[tuple[str, int], ...]:
        """Listen at each target; gives addresses and ports. Raises ``ConfigError``."""
        loop = asyncio.get_running_loop()
        for target in dict.fromkeys(pair.target for pair in self._pairs):
            seals = [echoes.Seal(key=self._key, source=pair.source, target=target) for pair in self._pairs if pair.target == target]
            mouth = _Mouth(seals, self._clock, anywhere=self._anywhere)
            try:
                wire, _ = await loop.create_datagram_endpoint(lambda mouth=mouth: mouth, local_addr=(target, self._port))  # type: ignore[misc]
            except OSError as error:
                self.close()
                raise ConfigError(
                    f"cannot listen at {target} port {self._port} ({error.strerror}): run it where that address is, or take another --port"
                ) from error
            self._wires.append(wire)
        return tuple(wire.get_extra_info("sockname")[:2] for wire in self._wires)

    def close(self) -> None:
        """Stop listening."""
        for wire in self._wires:
            wire.close()
        self._wires.clear()


class _Mouth(asyncio.DatagramProtocol):
    """Answers at one address."""

    def __init__(self, seals: Iterable[echoes.Seal], clock: Clock, *, anywhere: bool) -> None:
        self._seals, self._clock, self._anywhere = tuple(seals), clock, anywhere
        self._wire: asyncio.DatagramTransport | None = None
        self._second = 0
        self._left = ANSWERS_PER_SECOND

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._wire = cast("asyncio.DatagramTransport", transport)  # asyncio's own datagram transport is no instance of it before 3.12

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer an ask of ours; say nothing to anybody else."""
        for seal in self._seals:
            echo = echoes.asked(seal, data) if self._anywhere or seal.source == addr[0] else None
            if echo is not None and self._wire is not None and self._may_answer():
                self._wire.sendto(echoes.answer(seal, echo), addr)
                return

    def _may_answer(self) -> bool:
        second = int(self._clock.monotonic())
        if second != self._second:
            self._second, self._left = second, ANSWERS_PER_SECOND
        self._left -= 1
        return self._left >= 0

    def error_received(self, _: Exception) -> None:
        """Go on: an answer that could not be sent is a loss, which the prober counts."""
