"""Put together what several feeds of one cloud say in one look."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.core.errors import Transient
from pointsman.core.sightings import Sighting
from pointsman.ports.clouds import Look


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A feed that is being read, and the keys that it is read for. Reading raises ``Transient`` when throttled."""

    keys: tuple[str, ...]
    reading: Coroutine[Any, Any, Sequence[Sighting]]


async def side_by_side(feeds: Iterable[Asked]) -> Look:
    """Read all feeds at once: what a throttled one was read for is unseen. Raises the first's ``Transient`` when all are throttled."""
    asked = tuple(feeds)
    ends = await asyncio.gather(*(_read(one.reading) for one in asked))
    throttled = [end for end in ends if isinstance(end, Transient)]
    if throttled and len(throttled) == len(ends):
        raise throttled[0]
    return Look(
        claims=tuple(claim for end in ends if not isinstance(end, Transient) for claim in end),
        unseen=tuple(key for one, end in zip(asked, ends, strict=True) if isinstance(end, Transient) for key in one.keys),
    )


async def _read(reading: Coroutine[Any, Any, Sequence[Sighting]]) -> Sequence[Sighting] | Transient:
    try:
        return await reading
    except Transient as error:
        return error
