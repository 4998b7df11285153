"""What stores hold, read back with suspicion: a register's row, a claim, the claims under a prefix."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from pointsman.core.rows import clamped
from pointsman.core.sightings import Sighting
from pointsman.core.values import parse
from pointsman.ports.stores import ROWS_LIMIT, Row, RowsRead, RowUnreadable, StoreDown
from pointsman.quorum.rows import checked

FORMAT = 1
"""The layout of a register's row. A row of another one belongs to another version, and is left as it is."""


def register_row(store: str, register: str, layout: object, held: dict[str, Any]) -> Row:
    """Read a register's row from its columns. Raises ``RowUnreadable``."""
    try:
        if layout != FORMAT:
            raise ValueError("its format is not known")  # noqa: TRY301 - one place says what is wrong with a row
        return checked(msgspec.convert(held, Row))
    except ValueError as error:
        todo = "upgrade pointsman, or if no newer version wrote it, take the store out and copy it anew"
        raise RowUnreadable(f"{store} holds {register} in a form this version cannot read ({error}): {todo}") from error


def entry_unreadable(store: str, digest: str) -> RowUnreadable:
    """Give the error for what is kept as a journal entry and is none."""
    todo = "upgrade pointsman, or if no newer version wrote it, look who did"
    return RowUnreadable(f"{store} holds the journal entry {digest} in a form this version cannot read: {todo}")


def rows_read(store: str, claims: Iterable[str | bytes | None], time: datetime | None) -> RowsRead:
    """Read all claims under a prefix; what cannot be understood is counted. Raises ``StoreDown`` past the limit."""
    found = [_claim(text) for text in claims]
    if len(found) > ROWS_LIMIT:
        raise StoreDown(f"{store} holds more than {ROWS_LIMIT} sighting rows under one prefix: remove those of members that are gone")
    rows = tuple(msgspec.structs.replace(one, seen_at=clamped(one.seen_at, time)) for one in found if one is not None)
    return RowsRead(rows=rows, store_time=time, quarantined=len(found) - len(rows))


def _claim(text: str | bytes | None) -> Sighting | None:
    try:
        claim = parse(text or "", Sighting)
    except ValueError:  # an unreadable claim is counted by the caller, and the rest goes on
        return None
    return claim if claim.seen_at.tzinfo is not None else None
