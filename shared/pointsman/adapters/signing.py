"""Sign a request without holding up the event loop while keys have to be fetched."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def signed(keys: object, sign: Callable[[], T]) -> T:
    """Give what ``sign`` gives: at once, or from a thread while ``keys`` (the SDK's, refreshable ones included) must be fetched anew."""
    stale = getattr(keys, "refresh_needed", None)
    return await asyncio.to_thread(sign) if stale is not None and stale() else sign()
