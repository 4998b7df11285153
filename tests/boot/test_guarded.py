"""A store that fails in a way that nobody foresaw is one store that does not answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pointsman.boot.chance import SystemClock, jitter, nonce
from pointsman.boot.guarded import GuardedStore
from pointsman.boot.reach import Reach
from pointsman.boot.settings import Settings
from pointsman.boot.stores import Opener
from pointsman.core.domains import store_address
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Cloud
from pointsman.ports.stores import ListedStore, Reply, Row, RowUnreadable, StoreDown, StoreUnsure
from pointsman.quorum.ballots import ballot
from pointsman.quorum.outcomes import Agreed
from pointsman.service.registers import Registers
from pointsman.testing.stores import MemoryStore

EMPTY = Reply(row=Row())
FIRST = ballot(1, "a" * 16)
SURPRISES = [KeyError("secret"), RecursionError("deep"), OverflowError(), MemoryError(), ConfigError("not of the port")]


class Failing:
    """A store that fails each time in the one way."""

    def __init__(self, error: BaseException, name: str = "aws store") -> None:
        self.name = name
        self._error = error

    def __getattr__(self, operation: str) -> Callable[..., Awaitable[Any]]:
        async def fail(*_: object) -> None:
            raise self._error

        return fail


def opened(error: BaseException) -> ListedStore:
    """Open one as every function and command does."""
    opener = Opener(reach=Reach(Settings(), Cloud.AWS, "us-east-1"), own_dynamodb=lambda name, _: Failing(error, name))  # type: ignore[arg-type,return-value]
    return opener.store("aws store", store_address("dynamodb://us-east-1/table"))


READS: list[Callable[[ListedStore], Awaitable[object]]] = [
    lambda store: store.read("plan/atlas"),
    lambda store: store.rows(Cloud.AWS),
    lambda store: store.entry("0" * 32),
    lambda store: store.registers(),
    lambda store: store.entries(),
]
WRITES: list[Callable[[ListedStore], Awaitable[object]]] = [
    lambda store: store.prepare("plan/atlas", FIRST, EMPTY),
    lambda store: store.accept("plan/atlas", FIRST, "value", EMPTY),
    lambda store: store.note(Cloud.AWS, []),
    lambda store: store.put_entry("0" * 32, b"entry"),
]


async def end_of(act: Callable[[ListedStore], Awaitable[object]], error: BaseException) -> object:
    (end,) = await asyncio.gather(act(opened(error)), return_exceptions=True)
    return end


@pytest.mark.parametrize("error", SURPRISES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(("acts", "kind"), [(READS, StoreDown), (WRITES, StoreUnsure)])
def test_a_surprise_is_a_store_that_is_down_or_a_write_of_unknown_fate(
    acts: list[Callable[[ListedStore], Awaitable[object]]], kind: type[Exception], error: Exception
) -> None:
    for act in acts:
        end = asyncio.run(end_of(act, error))
        assert type(end) is kind
        assert f"aws store: its answer could not be dealt with ({type(error).__name__}): report it" in str(end)
        assert "secret" not in str(end)


@pytest.mark.parametrize("error", [StoreDown("a"), StoreUnsure("b"), RowUnreadable("c"), asyncio.CancelledError()])
def test_the_ports_own_errors_and_a_call_that_is_called_off_pass_through(error: BaseException) -> None:
    for act in (*READS, *WRITES):
        end = asyncio.run(end_of(act, error))
        assert (type(end), str(end)) == (type(error), str(error))


@pytest.mark.parametrize("error", SURPRISES, ids=lambda error: type(error).__name__)
def test_a_round_is_decided_by_the_two_others(error: Exception) -> None:
    stores = [opened(error), *(MemoryStore(name, SystemClock()) for name in ("gcp store", "witness"))]

    async def story() -> None:
        registers = Registers(stores, clock=SystemClock(), nonce=nonce, jitter=jitter)
        for value in ("first", "second"):
            assert isinstance(await registers.change("plan/atlas", lambda _, value=value: value), Agreed)  # type: ignore[misc]
        reading = await registers.read("plan/atlas")
        assert (reading.value, reading.confirmed) == ("second", True)
        await registers.rest()

    asyncio.run(story())


def test_what_a_good_store_says_passes_through() -> None:
    store = GuardedStore(MemoryStore("aws store", SystemClock()))

    async def story() -> None:
        await store.put_entry("0" * 32, b"entry")
        assert await store.entry("0" * 32) == b"entry"
        promised = await store.prepare("plan/atlas", FIRST, await store.read("plan/atlas"))
        assert isinstance(promised, Reply)
        assert (await store.read("plan/atlas")).row == Row(promised=FIRST)
        assert (await store.rows(Cloud.AWS)).rows == ()

    asyncio.run(story())
