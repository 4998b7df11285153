"""Another version of a proposer, at work on the same stores: plain CASPaxos, which asks every store for every accept.

The shipped one asks only stores that promised. An acceptor must keep its promises to both.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from pointsman.ports.stores import Acceptor, Refusal, Reply, RowUnreadable, StoreDown, StoreUnsure
from pointsman.quorum.ballots import above
from pointsman.quorum.outcomes import Change
from pointsman.quorum.rows import Row

TRIES = 3
"""Ballots that it spends on one change."""

_NOTHING = Reply(row=Row())


class Textbook:
    """Changes a register: read, prepare on a majority, accept on all."""

    def __init__(self, acceptors: Sequence[Acceptor], nonce: Callable[[], str]) -> None:
        self._acceptors = acceptors
        self._majority = len(acceptors) // 2 + 1
        self._nonce = nonce

    async def change(self, register: str, change: Change) -> tuple[str, ...] | None:
        """Give the list after the change, or None when its fate is not known. It is as idempotent as the change is."""
        for _ in range(TRIES):
            value = await self._once(register, change)
            if value is not None:
                return tuple(value.split())
        return None

    async def _once(self, register: str, change: Change) -> str | None:
        seen = await self._all([one.read(register) for one in self._acceptors])
        ballot = above((reply.row.promised for reply in seen.values()), self._nonce())
        prepared = await self._all([one.prepare(register, ballot, seen.get(n, _NOTHING)) for n, one in enumerate(self._acceptors)])
        if len(prepared) < self._majority:
            return None
        newest = max((reply.row for reply in prepared.values()), key=lambda row: row.accepted)
        value = change(newest.value)
        if not isinstance(value, str):
            return None
        latest = {**seen, **prepared}
        asked = [one.accept(register, ballot, value, latest.get(n, _NOTHING)) for n, one in enumerate(self._acceptors)]
        return value if len(await self._all(asked)) >= self._majority else None

    async def _all(self, asked: Sequence[Awaitable[Reply | Refusal]]) -> dict[int, Reply]:
        """Give the replies that granted what was asked, by acceptor."""
        answers = await asyncio.gather(*(_answer(one) for one in asked))
        return {number: answer for number, answer in enumerate(answers) if isinstance(answer, Reply)}


async def _answer(asked: Awaitable[Reply | Refusal]) -> Reply | Refusal | None:
    try:
        return await asked
    except (RowUnreadable, StoreDown, StoreUnsure):  # a store without an answer has granted nothing
        return None
