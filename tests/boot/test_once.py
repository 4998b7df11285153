"""One loop a process and one house a function, however many threads ask first."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from pointsman.boot import loop
from pointsman.boot.once import Once
from pointsman.testing.processes import clean_environment

T = TypeVar("T")
CROWD = 16


def at_once(crowd: int, act: Callable[[], T]) -> list[T]:
    start = threading.Barrier(crowd)

    def one(_: int) -> T:
        start.wait(30)
        return act()

    with ThreadPoolExecutor(crowd) as threads:
        return list(threads.map(one, range(crowd)))


def test_a_thing_is_made_once_however_many_threads_ask_first() -> None:
    made: list[object] = []
    slow = threading.Event()

    def make() -> object:
        slow.wait(0.05)
        made.append(object())
        return made[-1]

    assert set(at_once(CROWD, Once(make))) == {made[0]}
    assert len(made) == 1


def test_an_error_is_not_kept_so_that_a_mend_helps() -> None:
    tries: list[int] = []

    def make() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("not yet")
        return "made"

    once = Once(make)
    with pytest.raises(ValueError, match="not yet"):
        once()
    assert [once(), once(), len(tries)] == ["made", "made", 2]


def test_nothing_that_may_be_made_is_made_twice_for_being_none() -> None:
    made: list[None] = []
    once = Once(lambda: made.append(None))
    assert [once(), once(), len(made)] == [None, None, 1]


def test_work_from_many_threads_runs_on_one_loop() -> None:
    async def where() -> tuple[int, int]:
        return id(asyncio.get_running_loop()), threading.get_ident()

    assert len(set(at_once(CROWD, lambda: loop.run(where())))) == 1


def test_an_error_of_the_work_comes_back_to_the_thread_that_asked() -> None:
    async def fail() -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        loop.run(fail())


def test_what_is_under_way_when_a_call_ends_goes_on() -> None:
    async def begin() -> tuple[asyncio.Event, asyncio.Task[str]]:
        gate = asyncio.Event()

        async def later() -> str:
            await gate.wait()
            return "done"

        return gate, asyncio.ensure_future(later())

    gate, task = loop.run(begin())

    async def end() -> str:
        gate.set()
        return await task

    assert loop.run(end()) == "done"


def test_the_collector_leaves_a_reaction_alone() -> None:
    """In a process of its own: whoever plays schedules beside it lets the collector look at everything again."""
    program = """
import gc
from pointsman.boot import loop
async def rests(): return gc.get_threshold()[0], gc.get_freeze_count()
threshold, frozen = loop.run(rests())
assert threshold == loop.COLLECT_AFTER and frozen > 0, (threshold, frozen)
"""
    subprocess.run([sys.executable, "-c", program], env=clean_environment({}), check=True, timeout=60)
