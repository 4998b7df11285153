"""Blocking work in threads: what hangs in one holds up nothing but its own kind."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Turns:
    """Threads that outlive whoever asked, up to the call's own time limit: the next call of the same kind waits for its turn.

    A cancelled wait ends no thread, so that without turns calls that are given up one after another would pile up.
    """

    def __init__(self) -> None:
        self._running: dict[object, asyncio.Future[Any]] = {}

    async def run(self, kind: object, call: Callable[[], T]) -> T:
        """Run a call in a thread once the last of its kind has ended. For one event loop at a time."""
        while (before := self._running.get(kind)) is not None and before.get_loop() is asyncio.get_running_loop() and not before.done():
            await asyncio.wait([before])
        running = self._running[kind] = asyncio.get_running_loop().run_in_executor(None, call)
        running.add_done_callback(_retrieve)
        return await asyncio.shield(running)


def in_thread(call: Callable[[], T]) -> asyncio.Future[T]:
    """Run a call in a thread of its own, for which nobody waits when the process ends."""
    ended: concurrent.futures.Future[T] = concurrent.futures.Future()
    ended.set_running_or_notify_cancel()
    threading.Thread(target=_run, args=(call, ended), name="call", daemon=True).start()
    return asyncio.wrap_future(ended)


def _run(call: Callable[[], T], ended: "concurrent.futures.Future[T]") -> None:
    try:
        ended.set_result(call())
    except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
        ended.set_exception(error)


def _retrieve(running: "asyncio.Future[Any]") -> None:
    """Look at an error that nobody waits for any more, so that the loop does not tell of it."""
    if not running.cancelled():
        running.exception()
