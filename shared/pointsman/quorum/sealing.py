"""Sealing a register: the last value that one set of stores agrees on, with the name of the set that goes on with it.

A set of stores is changed register by register, never by a redeploy. ``SEALED(value, next set)`` is agreed under the
old set like any other value; from then on every change function leaves the register as it is, so whatever a late
proposer does there, it is told of the seal. The next set's rows, which have names of their own also in a store that
belongs to both sets, take the sealed value over where they hold none yet. Anybody may carry a seal on, at any point
where somebody else stopped, as often as it happens: both steps leave alone what is done already.
(The stop-sign of L. Lamport, D. Malkhi and L. Zhou, "Reconfiguring a State Machine", 2010, one register at a time.)
"""

import msgspec

from pointsman.quorum.outcomes import Change, Decline
from pointsman.quorum.rows import VALUE_LIMIT

MARK = "sealed:"
"""How a sealed value begins. No other value may: those of pointsman are JSON."""
SEAL_ROOM = 256
"""Bytes that a seal may add to a value, which must still fit into a row."""
UNSEALED_LIMIT = VALUE_LIMIT - SEAL_ROOM
"""Longest value that a change may make, in bytes of UTF-8."""
SEALED = "sealed"
"""Why a change is declined on a sealed register."""

_HELD = "="


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a register under one set of stores: ``to`` names the set that goes on with ``value`` (None: it was never written)."""

    to: str
    value: str | None


def sealed(seal: Seal) -> str:
    """Give the text that a register holds once it is sealed."""
    return f"{MARK}{seal.to}\n" + ("" if seal.value is None else f"{_HELD}{seal.value}")


def seal_in(text: str | None) -> Seal | None:
    """Read a seal back; None when the value is not sealed."""
    if text is None or not text.startswith(MARK):
        return None
    to, _, held = text.removeprefix(MARK).partition("\n")
    return Seal(to=to, value=held.removeprefix(_HELD) if held.startswith(_HELD) else None)


def guarded(change: Change) -> Change:
    """Make a change that leaves a sealed register as it is. Raises ValueError for a new value that looks like a seal."""

    def unless_sealed(value: str | None) -> str | Decline | None:
        if seal_in(value) is not None:
            return Decline(reason=SEALED)
        wanted = change(value)
        if isinstance(wanted, str) and seal_in(wanted) is not None:
            raise ValueError(f"a value may not begin with {MARK}")
        return wanted

    return unless_sealed


def sealing(to: str) -> Change:
    """Make the change that seals a register for a set; one that is sealed stays as it is, for whichever set."""

    def seal(value: str | None) -> str | None:
        return value if seal_in(value) is not None else sealed(Seal(to=to, value=value))

    return seal


def taking_over(value: str) -> Change:
    """Make the change that copies a sealed value into the next set's row, unless one is held there already."""
    return lambda held: value if held is None else held


def opening(register: str) -> str:
    """Name the register whose value shows that every register of the fabric has come to a set of stores (``KIND/FABRIC[/..]``)."""
    kind, _, rest = register.partition("/")
    return f"stores/{rest.partition('/')[0] or kind}"
