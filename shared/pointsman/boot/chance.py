"""The one place that knows the time and rolls the dice."""

import asyncio
import random
import secrets
import time
from datetime import UTC, datetime

_DICE = random.SystemRandom()


class SystemClock:
    """``Clock`` over this machine's own clocks."""

    def now(self) -> datetime:
        """Give the own clock's time, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Give seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


def nonce() -> str:
    """Give 16 fresh hex digits."""
    return secrets.token_hex(8)


def token_bytes(count: int) -> bytes:
    """Give so many fresh random bytes."""
    return secrets.token_bytes(count)


def jitter() -> float:
    """Give a number from 0 up to 1."""
    return _DICE.random()
