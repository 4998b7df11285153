"""The requests of one attempt on their way to the stores."""

import asyncio
from collections.abc import Awaitable, Callable

from pointsman.ports.stores import StoreDown
from pointsman.quorum.attempt import Answer, Attempt, Lost, Request, Requests, Step
from pointsman.quorum.sealing import seal_in
from pointsman.service.timer import first
from pointsman.service.trial import Ready

SILENT = "it did not answer in time"

Ask = Callable[[str, Request], Awaitable[Answer]]
"""Sends one request about a register to its store."""


class Run:
    """The requests of one attempt that are under way."""

    def __init__(self, ask: Ask, register: str, attempt: Attempt, ready: Ready | None) -> None:
        self._send = ask
        self._ready = ready
        self._register = register
        self._attempt = attempt
        self._under_way: dict[asyncio.Task[Answer], Request] = {}
        self._launch(attempt.start())

    @property
    def idle(self) -> bool:
        """Whether every request has its answer."""
        return not self._under_way

    @property
    def unanswered(self) -> dict[str, str]:
        """Say of each store that owes an answer that it does."""
        return {request.acceptor: SILENT for request in self._under_way.values()}

    async def until_ended(self, timer: asyncio.Future[None]) -> None:
        """Go on until the attempt has ended, or the timer rings."""
        while self._attempt.ending is None and self._under_way and not timer.done():
            await self._turn(timer)

    async def until_idle(self, timer: asyncio.Future[None]) -> None:
        """Go on until nothing is under way any more, or the timer rings: then give the rest up."""
        try:
            while self._under_way and not timer.done():
                await self._turn(timer)
        finally:
            timer.cancel()
            for task in self._under_way:
                task.cancel()

    async def _turn(self, timer: asyncio.Future[None]) -> None:
        for task in await first(self._under_way, timer):
            self._launch(self._attempt.answered(self._under_way.pop(task), task.result()))

    def _launch(self, requests: Requests) -> None:
        for request in requests:
            self._under_way[asyncio.create_task(self._ask(request))] = request

    async def _ask(self, request: Request) -> Answer:
        """Send a request; an accept not before its value is ready, and never when it cannot be."""
        if request.step is Step.ACCEPT and self._ready is not None and seal_in(request.value) is None:
            try:
                await self._ready(request.value)
            except StoreDown as error:
                return Lost(why=str(error))
        return await self._send(self._register, request)
