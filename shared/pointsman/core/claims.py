"""What the fresh rows say of one link, sorted by its members."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from pointsman.core.fabric import MemberId
from pointsman.core.sightings import Health, Sighting, Source

Claims = Mapping[MemberId | None, tuple[Sighting, ...]]
"""A link's fresh claims by member; the key None holds those about the link as a whole."""
LOOKS = frozenset({Source.LOOK, Source.PROBE})
"""What tells again how things are, unlike events and alarms."""


def rows_of(claims: Claims) -> Iterator[Sighting]:
    """Give all of them."""
    return chain.from_iterable(claims.values())


def saying(rows: Iterable[Sighting], health: Health) -> list[Sighting]:
    """List those that say this."""
    return [row for row in rows if row.health is health]
