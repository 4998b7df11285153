"""A store whose adapter may fail in a way that nobody foresaw: it is one store that does not answer, and stops no round with the others."""

from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import TypeVar

from pointsman.core.fabric import Cloud
from pointsman.core.sightings import Sighting
from pointsman.ports.stores import Listed, ListedStore, Refusal, Reply, RowsRead, RowUnreadable, StoreDown, StoreUnsure

T = TypeVar("T")


class GuardedStore:
    """``ListedStore`` that raises nothing but the port's own errors, whatever the one that it stands for raises."""

    def __init__(self, store: ListedStore) -> None:
        self.name = store.name
        self.store = store

    async def read(self, register: str) -> Reply:
        """Read a row."""
        return await self._asked(self.store.read(register))

    async def prepare(self, register: str, ballot: str, seen: Reply) -> Reply | Refusal:
        """Promise a ballot."""
        return await self._asked(self.store.prepare(register, ballot, seen), writing=True)

    async def accept(self, register: str, ballot: str, value: str, seen: Reply) -> Reply | Refusal:
        """Accept a value."""
        return await self._asked(self.store.accept(register, ballot, value, seen), writing=True)

    async def note(self, prefix: Cloud, sightings: Sequence[Sighting]) -> None:
        """Write claims."""
        await self._asked(self.store.note(prefix, sightings), writing=True)

    async def rows(self, prefix: Cloud) -> RowsRead:
        """Read all claims."""
        return await self._asked(self.store.rows(prefix))

    async def put_entry(self, digest: str, entry: bytes, until: datetime | None = None) -> None:
        """Keep a journal entry."""
        await self._asked(self.store.put_entry(digest, entry, until), writing=True)

    async def entry(self, digest: str) -> bytes | None:
        """Give a journal entry back."""
        return await self._asked(self.store.entry(digest))

    async def registers(self, after: str = "") -> Listed:
        """Name rows of registers."""
        return await self._asked(self.store.registers(after))

    async def entries(self, after: str = "") -> Listed:
        """Name journal entries."""
        return await self._asked(self.store.entries(after))

    async def _asked(self, answer: Awaitable[T], *, writing: bool = False) -> T:
        try:
            return await answer
        except (StoreDown, StoreUnsure, RowUnreadable):
            raise
        except Exception as error:  # what one store's answer breaks here must not keep the others from being heard
            why = f"{self.name}: its answer could not be dealt with ({type(error).__name__}): report it, it is a defect of pointsman or of that store"
            raise (StoreUnsure(f"{why}; the write may have been made") if writing else StoreDown(why)) from error
