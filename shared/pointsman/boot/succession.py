"""Two sets of stores at once, for as long as an artefact carries a next fabric whose stores are others."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from pointsman.boot.chance import jitter, nonce
from pointsman.boot.reach import Reach
from pointsman.boot.stores import OwnDynamo, Secret, build_stores, rows_by_cloud
from pointsman.core.domains import StoreSet, addresses_of, succession
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.rows import newest
from pointsman.core.sightings import Sighting
from pointsman.ports.clouds import Clock
from pointsman.ports.stores import Journal, Rows, RowsRead, RowUnreadable, Store, StoreDown, StoreUnsure
from pointsman.service.registers import Registers

Made = TypeVar("Made", bound=Store)
"""The stores of a set, with what else they can do."""
Stores = Mapping[str, Store]
"""One set of stores, by slot."""


def sets_of(fabrics: Sequence[Fabric]) -> tuple[StoreSet, ...]:
    """Give the sets of stores that the current and the next fabric name, one when the stores stay. Raises ``ConfigError``."""
    try:
        return succession(fabrics[0].stores, fabrics[-1].stores)
    except ValueError as error:
        raise ConfigError(f"the next fabric's stores: {error}") from error


def build_sets(
    reach: Reach, fabrics: Sequence[Fabric], own_dynamodb: OwnDynamo | None, secret: Secret | None = None
) -> tuple[dict[str, Store], ...]:
    """Give the stores of each set; a store that belongs to both is one. Raises ``ConfigError``."""
    return sets_made(fabrics, lambda fabric: build_stores(reach, fabric, own_dynamodb, secret))


def sets_made(fabrics: Sequence[Fabric], make: Callable[[Fabric], dict[str, Made]]) -> tuple[dict[str, Made], ...]:
    """Give the stores of each set as ``make`` makes them; a store that belongs to both is one. Raises ``ConfigError``."""
    current = make(fabrics[0])
    if len(sets_of(fabrics)) == 1:
        return (current,)
    here = {address.identity: current[slot] for slot, address in addresses_of(fabrics[0].stores).items()}
    there = addresses_of(fabrics[-1].stores)
    following = make(fabrics[-1])
    return current, {slot: here.get(there[slot].identity, store) for slot, store in following.items()}


def registers_of(fabrics: Sequence[Fabric], stores: Sequence[Stores], clock: Clock) -> Registers:
    """Give the registers of the current set, which follow what is sealed to the next one."""
    registers: Registers | None = None
    for which, held in reversed(list(zip(sets_of(fabrics), stores, strict=True))):
        registers = Registers(tuple(held.values()), clock=clock, nonce=nonce, jitter=jitter, stores=which, following=registers)
    assert registers is not None, "there is a current fabric"
    return registers


def rows_of(stores: Sequence[Stores]) -> dict[Cloud, Rows]:
    """Say where each cloud's rows live: in its own store of either set."""
    ways = [rows_by_cloud(held) for held in stores]
    return {cloud: _rows(ways[0][cloud], ways[-1][cloud]) for cloud in Cloud}


def witness_of(stores: Sequence[Stores]) -> Rows | None:
    """Give the witness, or both sets' witnesses as one; None where there is none."""
    found = [held["witness"] for held in stores if "witness" in held]
    return _rows(found[0], found[-1]) if found else None


def journals_of(stores: Sequence[Stores], here: Cloud) -> tuple[Journal, tuple[Journal, ...]]:
    """Give the journal of the own cloud and, of the rest, the other cloud's and the witnesses'. A cloud's is of both sets, as its rows are."""
    ways = {cloud: [rows_by_cloud(held)[cloud] for held in stores] for cloud in (here, here.other)}
    apart = {id(store): store for held in stores for store in held.values() if not any(store in pair for pair in ways.values())}
    own, other = (pair[0] if pair[0] is pair[-1] else BothJournals(*pair) for pair in ways.values())
    return own, (*(() if ways[here] == ways[here.other] else (other,)), *apart.values())


def _rows(current: Store, following: Store) -> Rows:
    return current if current is following else BothRows(current, following)


class BothRows:
    """``Rows`` in two places: written to both, read from both, the newest claim of either."""

    def __init__(self, current: Rows, following: Rows) -> None:
        self.name = f"{current.name} and {following.name}"
        self._both = (current, following)

    async def note(self, prefix: Cloud, sightings: Sequence[Sighting]) -> None:
        """Write claims to both. Raises what either raised, when the other has ended too: then they belong into the witness as well."""
        ends = await asyncio.gather(*(one.note(prefix, sightings) for one in self._both), return_exceptions=True)
        for end in ends:
            if end is not None:
                raise end

    async def rows(self, prefix: Cloud) -> RowsRead:
        """Read both; where one cannot be read that counts like a row that cannot be understood. Raises when neither can."""
        ends = await asyncio.gather(*(one.rows(prefix) for one in self._both), return_exceptions=True)
        reads = [end for end in ends if isinstance(end, RowsRead)]
        failures = [end for end in ends if isinstance(end, BaseException)]
        for failure in failures:
            if not reads or not isinstance(failure, StoreDown | StoreUnsure | RowUnreadable):
                raise failure
        return RowsRead(
            rows=tuple(newest(row for read in reads for row in read.rows).values()),
            store_time=min((read.store_time for read in reads if read.store_time is not None), default=None),
            quarantined=len(failures) + sum(read.quarantined for read in reads),
        )


class BothJournals:
    """``Journal`` in two places: kept in both, in one at least; read from whichever has it."""

    def __init__(self, current: Journal, following: Journal) -> None:
        self.name = f"{current.name} and {following.name}"
        self._both = (current, following)

    async def put_entry(self, digest: str, entry: bytes, until: datetime | None = None) -> None:
        """Keep an entry. Raises when neither took it."""
        ends = await asyncio.gather(*(one.put_entry(digest, entry, until) for one in self._both), return_exceptions=True)
        failures = [end for end in ends if end is not None]
        for failure in failures:
            if len(failures) == len(ends) or not isinstance(failure, StoreDown | StoreUnsure):
                raise failure

    async def entry(self, digest: str) -> bytes | None:
        """Give an entry back from the next set's store, else from the current one's. Raises when it is in neither and one cannot be read."""
        ends = await asyncio.gather(*(one.entry(digest) for one in reversed(self._both)), return_exceptions=True)
        for end in ends:
            if isinstance(end, bytes):
                return end
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return None
