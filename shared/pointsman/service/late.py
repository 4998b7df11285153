"""Reads that a reading did not wait for: their answers are found by the attempt that follows it, so that nothing is asked twice."""

import asyncio
import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pointsman.quorum.attempt import Answer, Lost
from pointsman.quorum.rows import Reply

Asked = tuple[str, str]
"""A register, and the store that was asked for it."""
GIVEN_UP = "its read was given up for a newer one"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """An instant: by the clock, and by how many answers had come from all stores."""

    at: float
    answers: int


class Hearing:
    """Remembers when each store last answered anything, counted in answers: stores may answer at one instant."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self.answers = 0

    def heard(self, store: str) -> None:
        """Note that a store answered."""
        self.answers += 1
        self._last[store] = self.answers

    def since(self, store: str, mark: Mark) -> bool:
        """Say whether a store has answered after an instant."""
        return self._last.get(store, 0) > mark.answers


class LateReads:
    """Reads of registers that go on after their reading has ended, and what they brought until the register is read again.

    A reply is what the next conditional write of that store stands on; one that is out of date is refused by the store.
    """

    def __init__(self) -> None:
        self._going_on: dict[Asked, asyncio.Task[Answer]] = {}
        self._brought: dict[Asked, Reply] = {}

    @property
    def under_way(self) -> frozenset[asyncio.Task[Answer]]:
        """The reads that have not ended."""
        return frozenset(self._going_on.values())

    def begin(self, register: str) -> None:
        """Forget what earlier reads brought: the register is being read anew."""
        self._brought = {asked: reply for asked, reply in self._brought.items() if asked[0] != register}

    def leave(self, reads: Mapping[Asked, asyncio.Task[Answer]]) -> None:
        """Let reads go on; an earlier one of the same row is given up."""
        for asked, read in reads.items():
            if asked in self._going_on:
                self._going_on[asked].cancel()
            self._going_on[asked] = read
            read.add_done_callback(functools.partial(self._ended, asked))

    async def join(self, asked: Asked) -> Answer | None:
        """Give what a late read of this row brings, once; None when nobody is reading it."""
        read = self._going_on.get(asked)
        if read is None:
            return self._brought.pop(asked, None)
        await asyncio.wait({read})
        self._brought.pop(asked, None)
        return Lost(why=GIVEN_UP) if read.cancelled() else read.result()

    async def await_those(self, register: str, stores: Collection[str], seconds: float) -> None:
        """Let the late reads of a register that these stores owe end, for so long at most."""
        owed = [read for asked, read in self._going_on.items() if asked[0] == register and asked[1] in stores]
        if owed:
            await asyncio.wait(owed, timeout=seconds)

    def _ended(self, asked: Asked, read: asyncio.Task[Answer]) -> None:
        if self._going_on.get(asked) is not read:
            return
        del self._going_on[asked]
        if not read.cancelled() and read.exception() is None and isinstance(reply := read.result(), Reply):
            self._brought[asked] = reply
