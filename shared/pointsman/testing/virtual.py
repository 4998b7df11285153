"""Virtual time: an event loop whose clock jumps to the next thing due, so that hours pass at once and always alike."""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

START = datetime(2026, 1, 1, tzinfo=UTC)


class Stuck(RuntimeError):
    """Every task waits for something that nobody will do."""


class VirtualClock:
    """Keeps ``ports.clouds.Clock`` on the virtual loop's time; ``skew`` seconds ahead of everybody else's."""

    def __init__(self, skew: float = 0.0) -> None:
        self._skew = timedelta(seconds=skew)

    def now(self) -> datetime:
        """Give the virtual time of day."""
        return START + timedelta(seconds=self.monotonic()) + self._skew

    def monotonic(self) -> float:
        """Give the virtual seconds since the loop began."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time."""
        await asyncio.sleep(seconds)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time. It may use no threads and no sockets. Raises ``Stuck``."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        return runner.run(main)


class _Jump(selectors.SelectSelector):
    """Never waits: adds what it was asked to wait to the time instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise Stuck("every task waits for something that nobody will do")
        self.now += max(timeout or 0.0, 0.0) if not ready else 0.0
        return ready


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now
