"""What a bucket's objects show: all of it, or with keys everything but the ballots, which conditional writes need."""

from typing import Any

import msgspec

from pointsman.adapters.ciphers import Ring
from pointsman.ports.stores import RowUnreadable

_CLOSED = "enciphered"


def closed(ring: Ring | None, table: dict[str, Any], field: str, *about: str) -> bytes:
    """Give an object's bytes with one field enciphered, if there are keys and the field."""
    if ring is None or table.get(field) is None:
        return msgspec.json.encode(table)
    rest = {name: value for name, value in table.items() if name != field}
    return msgspec.json.encode({**rest, _CLOSED: ring.encipher(msgspec.json.encode(table[field]), *about)})


def opened(store: str, ring: Ring | None, table: dict[str, Any], field: str, *about: str) -> dict[str, Any]:
    """Give an object's table with that field open. Raises ``RowUnreadable``, and ``Undecipherable`` when no key opens it."""
    if ring is not None and table.get(field) is not None:
        raise RowUnreadable(f"{store} holds {about[1]} in plain text, and the fabric names keys for it: {_TURNING}")
    if _CLOSED not in table:
        return table
    plain = _deciphered(store, ring, table[_CLOSED], about)
    rest = {name: value for name, value in table.items() if name != _CLOSED}
    return {**rest, field: msgspec.json.decode(plain)}


def entry_closed(ring: Ring | None, entry: bytes, *about: str) -> bytes:
    """Give the bytes of a journal entry's object."""
    return entry if ring is None else msgspec.json.encode({_CLOSED: ring.encipher(entry, *about)})


def entry_opened(store: str, ring: Ring | None, body: bytes, table: dict[str, Any], *about: str) -> bytes:
    """Give a journal entry back. Raises as ``opened`` does."""
    if set(table) == {_CLOSED}:
        return _deciphered(store, ring, table[_CLOSED], about)
    if ring is not None:
        raise RowUnreadable(f"{store} holds {about[1]} in plain text, and the fabric names keys for it: {_TURNING}")
    return body


def _deciphered(store: str, ring: Ring | None, text: object, about: tuple[str, ...]) -> bytes:
    if ring is None:
        raise RowUnreadable(f"{store} holds {about[1]} enciphered, and the fabric names no keys for it: write stores.witness_key")
    return ring.decipher(text if isinstance(text, str) else "", *about)


_TURNING = "enciphering begins with a new bucket and 'pointsman stores move'"
