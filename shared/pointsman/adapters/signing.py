"""Sign a request without holding up the event loop while keys have to be fetched."""

from collections.abc import Callable
from typing import TypeVar

from pointsman.adapters.threads import Turns

T = TypeVar("T")

_turns = Turns()


async def signed(keys: object, sign: Callable[[], T]) -> T:
    """Give what ``sign`` gives: at once, or while ``keys`` (the SDK's, refreshable ones included) must be fetched anew, from a thread, one at a time."""
    stale = getattr(keys, "refresh_needed", None)
    return await _turns.run(id(keys), sign) if stale is not None and stale() else sign()
