"""Things of the other cloud, made in a thread while the own cloud's first call is under way."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Generic, TypeVar

from pointsman.boot.once import Once
from pointsman.core.errors import ConfigError, PointsmanError, Transient
from pointsman.core.fabric import Cloud
from pointsman.core.plan import FlagState
from pointsman.core.sightings import Sighting
from pointsman.ports.clouds import Flag, Queue
from pointsman.ports.stores import Listed, ListedStore, Refusal, Reply, RowsRead, StoreDown

T = TypeVar("T")

_maker = Once(lambda: ThreadPoolExecutor(1, thread_name_prefix="late"))
"""The one thread that makes things: imports in two threads only wait for each other."""


class Late(Generic[T]):
    """A thing that is being made; ``get`` waits for it without holding up the loop. ``make`` runs once, in a thread.

    It reaches no network, so what it cannot make now it can never make: its error is kept, and told at each asking.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._made: Future[tuple[T] | str] = _maker().submit(_made_or_why, make)

    async def get(self) -> T:
        """Give it. Raises ``ConfigError`` when it cannot be made."""
        made = self._made.result() if self._made.done() else await asyncio.shield(asyncio.wrap_future(self._made))
        if isinstance(made, str):
            raise ConfigError(made)
        return made[0]


def _made_or_why(make: Callable[[], T]) -> tuple[T] | str:
    """Make it, or say why not: one error object raised again and again would keep every frame it passed."""
    try:
        return (make(),)
    except PointsmanError as error:
        return str(error)
    except ImportError as error:
        return f"a package is missing ({error.name}): install pointsman with the extra of this cloud"


class LateStore:
    """``ListedStore`` that is made late; while it can't be made it counts as down."""

    def __init__(self, name: str, make: Callable[[], ListedStore]) -> None:
        self.name = name
        self._late = Late(make)

    async def _store(self) -> ListedStore:
        try:
            return await self._late.get()
        except PointsmanError as error:
            raise StoreDown(f"{self.name} cannot be used: {error}") from error

    async def made(self) -> None:
        """Wait until it is made or can never be: from then on its answers are the store's own."""
        with suppress(PointsmanError):
            await self._late.get()

    async def read(self, register: str) -> Reply:
        """Read a row."""
        return await (await self._store()).read(register)

    async def prepare(self, register: str, ballot: str, seen: Reply) -> Reply | Refusal:
        """Promise a ballot."""
        return await (await self._store()).prepare(register, ballot, seen)

    async def accept(self, register: str, ballot: str, value: str, seen: Reply) -> Reply | Refusal:
        """Accept a value."""
        return await (await self._store()).accept(register, ballot, value, seen)

    async def note(self, prefix: Cloud, sightings: Sequence[Sighting]) -> None:
        """Write claims."""
        await (await self._store()).note(prefix, sightings)

    async def rows(self, prefix: Cloud) -> RowsRead:
        """Read all claims."""
        return await (await self._store()).rows(prefix)

    async def put_entry(self, digest: str, entry: bytes, until: datetime | None = None) -> None:
        """Keep a journal entry."""
        await (await self._store()).put_entry(digest, entry, until)

    async def entry(self, digest: str) -> bytes | None:
        """Give a journal entry back."""
        return await (await self._store()).entry(digest)

    async def registers(self, after: str = "") -> Listed:
        """Name rows of registers."""
        return await (await self._store()).registers(after)

    async def entries(self, after: str = "") -> Listed:
        """Name entries of the journal."""
        return await (await self._store()).entries(after)


class LateFlag:
    """``Flag`` that is made late; while it can't be made it is unreadable."""

    def __init__(self, cloud: Cloud, make: Callable[[], Flag]) -> None:
        self.cloud = cloud
        self._late = Late(make)

    async def read(self) -> FlagState:
        """Read it."""
        try:
            return await (await self._late.get()).read()
        except PointsmanError:
            return FlagState.UNREADABLE

    async def write(self, frozen: bool, note: str) -> None:  # noqa: FBT001 - the port's own yes or no
        """Set or clear it. Raises ``Transient``."""
        try:
            flag = await self._late.get()
        except ConfigError as error:
            raise Transient(str(error)) from error
        await flag.write(frozen, note)


class LateQueue:
    """``Queue`` that is made late."""

    def __init__(self, make: Callable[[], Queue]) -> None:
        self._late = Late(make)

    async def send(self, body: bytes) -> None:
        """Send one message. Raises ``Transient``, also while it can't be made: hints may be lost, and are told so."""
        try:
            queue = await self._late.get()
        except ConfigError as error:
            raise Transient(str(error)) from error
        await queue.send(body)
