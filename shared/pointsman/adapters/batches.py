"""Readers that ask for the same at the same time share one request.

A reader joins only while the request has not been sent, so nobody is given an answer older than the asking, unless it
says how old an answer may be.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from datetime import timedelta
from typing import Any, TypeVar

T = TypeVar("T")

TURNS = 3
"""Turns of the event loop that a request waits for others to join: as deep as a reader's own steps are nested."""


class _Batch:
    """A request that is not sent yet, and the names that are asked for so far (each once, in order)."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.answer: asyncio.Future[Any] | None = None


class Batches:
    """Requests that wait to be sent, by what they are. For one event loop at a time each."""

    def __init__(self) -> None:
        self._open: dict[Hashable, _Batch] = {}

    async def ask(self, what: Hashable, names: Iterable[str], read: Callable[[tuple[str, ...]], Awaitable[T]]) -> T:
        """Give what one ``read`` of everybody's names brings; its errors are raised to each who asked."""
        key = (asyncio.get_running_loop(), what)
        batch = self._open.setdefault(key, _Batch())
        batch.names |= dict.fromkeys(names)
        if batch.answer is None:
            batch.answer = asyncio.ensure_future(self._send(key, batch, read))
            batch.answer.add_done_callback(_retrieve)
        answer: T = await asyncio.shield(batch.answer)
        return answer

    async def _send(self, key: Hashable, batch: _Batch, read: Callable[[tuple[str, ...]], Awaitable[T]]) -> T:
        for _ in range(TURNS):
            await asyncio.sleep(0)
        del self._open[key]
        return await read(tuple(batch.names))


class Recent:
    """Answers that are under way or have just come, for readers that are content with what was asked for a moment ago."""

    def __init__(self) -> None:
        self._asked: dict[Hashable, tuple[asyncio.AbstractEventLoop, float, asyncio.Future[Any]]] = {}

    async def ask(self, what: Hashable, read: Callable[[], Awaitable[T]], *, within: timedelta = timedelta(0)) -> T:
        """Give the answer to what was asked for within so long, by whomever; else ask. Its errors are raised to each who asked."""
        loop = asyncio.get_running_loop()
        home, began, answer = self._asked.get(what, (None, 0.0, None))
        if answer is None or home is not loop or loop.time() - began >= within.total_seconds():
            answer = asyncio.ensure_future(read())
            answer.add_done_callback(_retrieve)
            self._asked[what] = (loop, loop.time(), answer)
        found: T = await asyncio.shield(answer)
        return found


def _retrieve(answer: asyncio.Future[Any]) -> None:
    """Look at an error that nobody waits for any more, so that the loop does not tell of it."""
    if not answer.cancelled():
        answer.exception()
