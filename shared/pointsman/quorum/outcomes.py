"""How a change of a register can end."""

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec


class Decline(msgspec.Struct, frozen=True, kw_only=True):
    """What a change function returns to leave the register as it is and to say why."""

    reason: str


Change = Callable[[str | None], str | Decline | None]
"""A pure function from the value held to the value wanted.

None, or the same value, leaves the register as it is. It must be idempotent by operation id: applied to a value
that already contains its effect it returns that value, since a change whose reply was lost is applied again.
"""


class Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """A majority holds ``value``. ``changed`` says whether this call made it so; ``previous`` is what stood before."""

    value: str | None
    previous: str | None
    changed: bool
    ballot: str = ""
    store_times: Mapping[str, datetime] = msgspec.field(default_factory=dict)


class Declined(msgspec.Struct, frozen=True, kw_only=True):
    """The change function refused, on a value that a majority holds."""

    reason: str
    value: str | None
    store_times: Mapping[str, datetime] = msgspec.field(default_factory=dict)


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """An accept was sent and its fate is not known: the change may stand, or may yet come to stand."""

    faults: Mapping[str, str] = msgspec.field(default_factory=dict)


class NoMajority(msgspec.Struct, frozen=True, kw_only=True):
    """Too few stores answered, and no accept was sent: nothing has changed. ``faults`` says why, by store."""

    faults: Mapping[str, str] = msgspec.field(default_factory=dict)


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """Another proposer holds a higher ballot: read again and try with one above it."""

    above: str


Outcome = Agreed | Declined | Unknown | NoMajority
"""What a whole change, with its retries, ends in."""
Ending = Outcome | Conflict
"""What one attempt ends in."""
