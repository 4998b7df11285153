"""One event loop a process, in a thread of its own: invocations come and go, what is under way goes on."""

import asyncio
import gc
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from pointsman.boot.once import Once

T = TypeVar("T")

COLLECT_AFTER = 50_000
"""Objects that are made before the garbage collector looks at them: more than a reaction makes."""

SETTLING = 8
"""Times that what is under way is looked for anew while a process ends: what is awaited may start more."""

THREADS = 24
"""Blocking calls that may be under way at once: two reactions' worth of a first round trip."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the process's loop and wait for its end, from any thread."""
    return asyncio.run_coroutine_threadsafe(work, _loop()).result()


def settle(patience: float) -> None:
    """Before a process ends: let what still goes on come to its end, for ``patience`` seconds at most, and call off the rest."""
    run(_settled(patience))


async def _settled(patience: float) -> None:
    end = asyncio.get_running_loop().time() + patience
    for _ in range(SETTLING):
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if not others:
            return
        _, late = await asyncio.wait(others, timeout=max(0.0, end - asyncio.get_running_loop().time()))
        for task in late:
            task.cancel()


def _started() -> asyncio.AbstractEventLoop:
    _collect_seldom()
    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="call"))
    threading.Thread(target=loop.run_forever, name="loop", daemon=True).start()
    return loop


def _collect_seldom() -> None:
    """Keep the garbage collector off what was imported, which stays, and let a reaction end before it looks at what is new."""
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])


_loop = Once(_started)
