"""Things of the other cloud: making them holds nothing up, happens once, and a failure is a store that is down."""

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime

import pytest

from pointsman.boot.chance import SystemClock
from pointsman.boot.late import LateFlag, LateQueue, LateStore
from pointsman.core.errors import ConfigError, Transient
from pointsman.core.fabric import Cloud
from pointsman.core.plan import FlagState
from pointsman.core.sightings import Aspect, Health, Sighting, Source, Vantage
from pointsman.ports.clouds import Queue
from pointsman.ports.stores import ListedStore, Reply, Row, StoreDown
from pointsman.testing.inprocess import MemoryFlag
from pointsman.testing.stores import MemoryStore

CLAIM = Sighting(
    vantage=Vantage.GCP,
    member="vlan/a",
    source=Source.LOOK,
    aspect=Aspect.LINK,
    health=Health.UP,
    seen_at=datetime(2026, 1, 1, tzinfo=UTC),
)
BALLOT = "0000000000000001.0123456789abcdef"


class Workshop:
    """Makes a store as slowly as a test wants, and counts."""

    def __init__(self) -> None:
        self.finish = threading.Event()
        self.begun = threading.Event()
        self.made: list[MemoryStore] = []

    def __call__(self) -> MemoryStore:
        self.begun.set()
        self.finish.wait(30)
        self.made.append(MemoryStore("gcp", SystemClock()))
        return self.made[-1]


@pytest.fixture
def slow() -> Iterator[Workshop]:
    workshop = Workshop()
    yield workshop
    workshop.finish.set()


def broken() -> ListedStore:
    raise ConfigError("id.json: cannot be read: let POINTSMAN_GOOGLE_IDENTITY name the file")


def packageless() -> ListedStore:
    raise ModuleNotFoundError("No module named 'google'", name="google")


def test_the_loop_goes_on_while_a_store_is_being_made(slow: Workshop) -> None:
    async def main() -> Reply:
        read = asyncio.ensure_future(LateStore("gcp", slow).read("plan/atlas"))
        for _ in range(50):
            await asyncio.sleep(0)
        assert not read.done()
        slow.finish.set()
        return await read

    assert asyncio.run(main()).row.value is None


def test_a_store_begins_to_be_made_before_anybody_asks_for_it(slow: Workshop) -> None:
    LateStore("gcp", slow)
    assert slow.begun.wait(30)


def test_a_store_is_made_also_when_it_can_never_be(slow: Workshop) -> None:
    async def main() -> None:
        await LateStore("gcp", broken).made()
        waiting = asyncio.ensure_future(LateStore("gcp", slow).made())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        slow.finish.set()
        await waiting

    asyncio.run(main())


def test_many_callers_share_the_one_store_that_is_made(slow: Workshop) -> None:
    async def main() -> None:
        store = LateStore("gcp", slow)
        reads = [asyncio.ensure_future(store.read("plan/atlas")) for _ in range(20)]
        await asyncio.sleep(0)
        slow.finish.set()
        await asyncio.gather(*reads)
        await store.read("plan/atlas")

    asyncio.run(main())
    assert [store.count("read") for store in slow.made] == [21]


def test_a_caller_that_gives_up_does_not_stop_the_making(slow: Workshop) -> None:
    """Reads of slow stores are cancelled at the end of every call; what waits in line behind another must survive that."""

    async def main() -> None:
        LateStore("first in line", slow)
        second = Workshop()
        second.finish.set()
        store = LateStore("gcp", second)
        impatient = asyncio.ensure_future(store.read("plan/atlas"))
        await asyncio.sleep(0)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        slow.finish.set()
        assert (await store.read("plan/atlas")).row.value is None

    asyncio.run(main())


EVERYTHING: list[Callable[[LateStore], Awaitable[object]]] = [
    lambda store: store.read("r"),
    lambda store: store.prepare("r", BALLOT, Reply(row=Row())),
    lambda store: store.accept("r", BALLOT, "v", Reply(row=Row())),
    lambda store: store.note(Cloud.GCP, [CLAIM]),
    lambda store: store.rows(Cloud.GCP),
    lambda store: store.put_entry("d", b"e"),
    lambda store: store.entry("d"),
    lambda store: store.registers(),
    lambda store: store.entries(),
]


@pytest.mark.parametrize("ask", EVERYTHING, ids=["read", "prepare", "accept", "note", "rows", "put_entry", "entry", "registers", "entries"])
def test_a_store_that_cannot_be_made_is_down_and_says_why(ask: Callable[[LateStore], Awaitable[object]]) -> None:
    async def main() -> None:
        with pytest.raises(StoreDown, match=r"gcp store cannot be used: id\.json.*POINTSMAN_GOOGLE_IDENTITY"):
            await ask(LateStore("gcp store", broken))

    asyncio.run(main())


def test_a_package_that_is_missing_takes_the_store_down_and_not_the_call() -> None:
    async def main() -> None:
        with pytest.raises(StoreDown, match=r"a package is missing \(google\): install"):
            await LateStore("gcp store", packageless).read("plan/atlas")

    asyncio.run(main())


def test_asking_again_and_again_for_what_cannot_be_made_keeps_nothing() -> None:
    """One error object raised each time would grow by a frame each time, for as long as the process lives."""

    async def ask(store: LateStore) -> BaseException:
        with pytest.raises(StoreDown) as caught:
            await store.read("plan/atlas")
        assert caught.value.__cause__ is not None
        return caught.value.__cause__

    async def main() -> None:
        store = LateStore("gcp store", broken)
        depths = [depth(await ask(store)) for _ in range(5)]
        assert len(set(depths[1:])) == 1

    asyncio.run(main())
    gc.collect()


def depth(error: BaseException) -> int:
    trace, frames = error.__traceback__, 0
    while trace is not None:
        trace, frames = trace.tb_next, frames + 1
    return frames


@pytest.mark.parametrize("operation", ["read", "prepare", "accept", "note", "rows", "put_entry", "entry"])
def test_a_late_store_passes_everything_on(operation: str) -> None:
    behind = MemoryStore("gcp", SystemClock())

    async def main() -> None:
        store: ListedStore = LateStore("gcp store", lambda: behind)
        seen = await store.read("r")
        promised = await store.prepare("r", BALLOT, seen)
        assert isinstance(promised, Reply)
        await store.accept("r", BALLOT, '"v"', promised)
        await store.note(Cloud.GCP, [CLAIM])
        assert (await store.rows(Cloud.GCP)).rows == (CLAIM,)
        await store.put_entry("d", b"e")
        assert await store.entry("d") == b"e"
        assert (await store.read("r")).row.value == '"v"'
        assert ((await store.registers()).names, (await store.entries()).names) == (("r",), ("d",))

    asyncio.run(main())
    assert behind.count(operation) >= 1


def test_a_late_flag_is_read_and_written_where_it_is() -> None:
    flag = MemoryFlag(Cloud.GCP)

    async def main() -> FlagState:
        late = LateFlag(Cloud.GCP, lambda: flag)
        await late.write(frozen=True, note="change window")
        return await late.read()

    assert asyncio.run(main()) is FlagState.SET


def test_a_flag_that_cannot_be_made_is_unreadable_and_cannot_be_written_now() -> None:
    def fail() -> MemoryFlag:
        raise ConfigError("no identity for Google: set POINTSMAN_GOOGLE_IDENTITY")

    async def main() -> None:
        late = LateFlag(Cloud.GCP, fail)
        assert await late.read() is FlagState.UNREADABLE
        with pytest.raises(Transient, match="no identity for Google"):
            await late.write(frozen=True, note="x")

    asyncio.run(main())


def test_a_queue_that_cannot_be_made_loses_a_hint_and_says_so() -> None:
    def fail() -> Queue:
        raise ConfigError("no credentials for AWS: set POINTSMAN_AWS_ROLE")

    async def main() -> None:
        with pytest.raises(Transient, match="no credentials for AWS"):
            await LateQueue(fail).send(b"{}")

    asyncio.run(main())
