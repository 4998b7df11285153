"""One store in one failure domain: acceptor of registers, keeper of sighting rows and journal entries.

Promises that every implementation keeps, and one conformance suite checks:

* reads are strongly consistent; nothing expires; a register's write is sent once, never retried inside;
* every reply carries the store's own time where the service gives one;
* a store that cannot answer (unreachable, throttled, no permission) raises ``StoreDown``; a write whose fate is
  not known raises ``StoreUnsure``; a row that cannot be understood raises ``RowUnreadable``.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pointsman.core.errors import PointsmanError
from pointsman.core.fabric import Cloud
from pointsman.core.sightings import Sighting
from pointsman.core.values import Frozen
from pointsman.quorum.rows import VALUE_LIMIT, Refusal, Reply, Row

__all__ = [
    "ROWS_LIMIT",
    "VALUE_LIMIT",
    "Acceptor",
    "Entries",
    "Journal",
    "Listed",
    "ListedStore",
    "Listing",
    "Refusal",
    "Reply",
    "Row",
    "RowUnreadable",
    "Rows",
    "RowsRead",
    "Store",
    "StoreDown",
    "StoreUnsure",
]

ROWS_LIMIT = 2_000
"""Most sighting rows under one prefix; a store that holds more says so instead of showing a part."""


class StoreDown(PointsmanError):
    """The store gives no answer this round: it counts as down, and nothing was written."""


class StoreUnsure(PointsmanError):
    """The write may or may not have happened."""


class RowUnreadable(PointsmanError):
    """A row holds something this version does not understand; it is left as it is."""


class Acceptor(Protocol):
    """One acceptor of the register protocol. ``seen`` is the reply of the read (or prepare) that this call stands on."""

    name: str

    async def read(self, register: str) -> Reply:
        """Read a row strongly. An absent row is the empty ``Row``."""

    async def prepare(self, register: str, ballot: str, seen: Reply) -> Reply | Refusal:
        """Promise ``ballot`` iff it is at or above what is promised. One conditional write."""

    async def accept(self, register: str, ballot: str, value: str, seen: Reply) -> Reply | Refusal:
        """Accept ``value`` at ``ballot`` iff it is at or above what is promised; it raises promised to ballot. One conditional write."""


class RowsRead(Frozen):
    """All sighting rows under one prefix, newest per row; ``quarantined`` counts rows that could not be understood."""

    rows: tuple[Sighting, ...]
    store_time: datetime | None = None
    quarantined: int = 0


class Rows(Protocol):
    """Sighting rows: one per key, the claim of the highest ``core.rows.rank`` wins (the newest ``seen_at``, of equal times the worse).

    A time ahead of the store's is clamped to it.
    """

    name: str

    async def note(self, prefix: Cloud, sightings: Sequence[Sighting]) -> None:
        """Write claims under a cloud's prefix; a claim never replaces one of its rank or above. Safe to repeat."""

    async def rows(self, prefix: Cloud) -> RowsRead:
        """Read all rows under a cloud's prefix, strongly."""


class Entries(Protocol):
    """A journal to read from."""

    name: str

    async def entry(self, digest: str) -> bytes | None:
        """Give an entry back, None when it is not there. Raises ``StoreDown``."""


class Journal(Entries, Protocol):
    """Entries kept under the digest of their content, or of what they are about. The first under a name stays; putting it again changes nothing."""

    async def put_entry(self, digest: str, entry: bytes, until: datetime | None = None) -> None:
        """Keep an entry of at most ``core.journal.ENTRY_LIMIT`` bytes, ``until`` then at least; the store may drop it after that. Raises ``StoreDown`` or ``StoreUnsure``."""


class Store(Acceptor, Rows, Journal, Protocol):
    """All three in one place."""


class Listed(Frozen):
    """One page of names, in no order that means anything; ``after`` asks for the next page, None when this was the last."""

    names: tuple[str, ...]
    after: str | None = None


class Listing(Protocol):
    """What a store holds, by name and page by page: what was there when the first page was asked for is on one of them."""

    name: str

    async def registers(self, after: str = "") -> Listed:
        """Name rows of registers. Raises ``StoreDown``."""

    async def entries(self, after: str = "") -> Listed:
        """Name entries of the journal. Raises ``StoreDown``."""


class ListedStore(Store, Listing, Protocol):
    """A store that can also say what it holds: for moving it, not for a reaction."""
