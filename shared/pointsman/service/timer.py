"""A limit on how long several things are waited for together."""

import asyncio
from collections.abc import Collection
from typing import Any, TypeVar

T = TypeVar("T")


class Timer(asyncio.Future[None]):
    """Is done after some seconds of the running loop, at no cost of a task."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._due = self.get_loop().call_later(seconds, self._ring)

    def _ring(self) -> None:
        if not self.done():
            self.set_result(None)

    def cancel(self, msg: object = None) -> bool:
        """Never ring."""
        self._due.cancel()
        return super().cancel(msg)


async def first(tasks: Collection[asyncio.Task[T]], timer: asyncio.Future[None], patience: float | None = None) -> list[asyncio.Task[T]]:
    """Wait for some of the tasks to end, or for the timer, or ``patience`` seconds; give those that ended."""
    waiting: set[asyncio.Future[Any]] = {*tasks, timer}
    await asyncio.wait(waiting, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    return [task for task in tasks if task.done()]
