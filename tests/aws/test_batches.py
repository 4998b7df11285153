"""Readers that ask at once share a request, and nobody is given an answer that is older than the asking."""

import asyncio

import pytest

from pointsman.adapters.batches import Batches


class Service:
    """Answers with what it was asked for and how often it was asked; holds its answers back on request."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.free, self.sent = asyncio.Event(), asyncio.Event()
        self.free.set()

    async def read(self, names: tuple[str, ...]) -> int:
        self.asked.append(names)
        self.sent.set()
        await self.free.wait()
        return len(self.asked)


def test_those_who_ask_at_once_share_one_request_for_all_their_names() -> None:
    async def play() -> None:
        service, batches = Service(), Batches()
        answers = await asyncio.gather(*(batches.ask("claims", (name, "all"), service.read) for name in "abc"))
        assert answers == [1, 1, 1]
        assert service.asked == [("a", "all", "b", "c")]

    asyncio.run(play())


def test_who_asks_while_the_answer_is_on_its_way_gets_a_request_of_their_own() -> None:
    async def play() -> None:
        service, batches = Service(), Batches()
        service.free.clear()
        early = asyncio.ensure_future(batches.ask("claims", ("a",), service.read))
        await service.sent.wait()
        service.sent.clear()
        late = asyncio.ensure_future(batches.ask("claims", ("a",), service.read))
        await service.sent.wait()
        service.free.set()
        await asyncio.gather(early, late)
        assert service.asked == [("a",), ("a",)]

    asyncio.run(play())


def test_what_is_asked_of_different_things_is_kept_apart() -> None:
    async def play() -> None:
        service, batches = Service(), Batches()
        await asyncio.gather(batches.ask("claims", ("a",), service.read), batches.ask("interfaces", ("b",), service.read))
        assert sorted(service.asked) == [("a",), ("b",)]

    asyncio.run(play())


def test_an_error_reaches_everybody_and_the_next_reader_asks_anew() -> None:
    async def play() -> None:
        service, batches = Service(), Batches()

        async def fail(_: tuple[str, ...]) -> int:
            raise LookupError("gone")

        ends = await asyncio.gather(*(batches.ask("claims", (name,), fail) for name in "ab"), return_exceptions=True)
        assert [type(end) for end in ends] == [LookupError, LookupError]
        assert await batches.ask("claims", ("a",), service.read) == 1

    asyncio.run(play())


def test_a_reader_that_gives_up_takes_the_answer_from_nobody() -> None:
    async def play() -> None:
        service, batches = Service(), Batches()
        hasty = asyncio.ensure_future(batches.ask("claims", ("a",), service.read))
        patient = asyncio.ensure_future(batches.ask("claims", ("b",), service.read))
        await asyncio.sleep(0)
        hasty.cancel()
        assert await patient == 1
        with pytest.raises(asyncio.CancelledError):
            await hasty

    asyncio.run(play())
