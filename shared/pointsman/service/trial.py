"""One change of a register over all its attempts, in the light of what earlier ones may have left behind."""

from collections.abc import Awaitable, Callable

import msgspec

from pointsman.core.errors import Refused
from pointsman.quorum.outcomes import Agreed, Change, Decline, Declined, NoMajority, Outcome, Unknown
from pointsman.quorum.reading import Reading
from pointsman.quorum.rows import VALUE_LIMIT
from pointsman.quorum.sealing import UNSEALED_LIMIT, Seal, seal_in

Ready = Callable[[str], Awaitable[None]]
"""Awaited with a value before any accept of it is sent. Raises ``StoreDown``: then it is not sent."""


MOVED_LIMIT = 4096
"""Registers that are remembered as moved; past it the oldest is forgotten, and found to be moved again."""


class Remembered:
    """Names of registers that were moved."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def __contains__(self, register: str) -> bool:
        """Say whether one is remembered."""
        return register in self._names

    def add(self, register: str) -> None:
        """Remember one."""
        self._names[register] = None
        if len(self._names) > MOVED_LIMIT:
            del self._names[next(iter(self._names))]


class Trial:
    """A change over all its attempts: what it proposed, and whether an accept was ever sent.

    ``entered`` says that it may make its register: the set of stores is known to be the one that holds it. ``certain``
    asks for an accept even of an unchanged value.
    """

    def __init__(self, change: Change, ready: Ready | None = None, *, entered: bool = False, certain: bool = False) -> None:
        self._change = change
        self.ready = ready
        self.entered = entered
        self.certain = certain
        self._proposed: dict[str, str | None] = {}
        self.sent = False

    def apply(self, value: str | None) -> str | Decline | None:
        """Apply the change to what a prepare found. Raises ``Refused`` when the new value is too long."""
        wanted = self._change(value)
        if isinstance(wanted, str) and wanted != value:
            limit = UNSEALED_LIMIT if seal_in(wanted) is None else VALUE_LIMIT
            if len(wanted.encode()) > limit:
                raise Refused(f"the new value is longer than {limit} bytes: archive closed parts of it first")
            self._proposed[wanted] = value
        return wanted

    def at_once(self, seen: Reading) -> Outcome | None:
        """End on the reading alone: no majority, or a confirmed value that the change leaves as it is.

        Never once an accept was sent: what it left behind on a minority could still come to stand.
        """
        if not seen.reached:
            return Unknown(faults=seen.faults) if self.sent else NoMajority(faults=seen.faults)
        if self.sent or self.certain or not seen.confirmed:
            return None
        wanted = self._change(seen.value)
        if isinstance(wanted, Decline):
            return Declined(reason=wanted.reason, value=seen.value, store_times=seen.store_times)
        if wanted is not None and wanted != seen.value:
            return None
        return Agreed(value=seen.value, previous=seen.value, changed=False, ballot=seen.ballot, store_times=seen.store_times)

    def judged(self, ended: Outcome) -> Outcome:
        """Put an ending in the light of earlier attempts, one of which may have got through unseen."""
        match ended:
            case Agreed(changed=False, value=str(value)) if value in self._proposed:
                return msgspec.structs.replace(ended, previous=self._proposed[value], changed=True)
            case NoMajority() if self.sent:
                return Unknown(faults=ended.faults)
            case _:
                return ended


def seal_of(outcome: Outcome) -> Seal | None:
    """Give the seal that an outcome ended on, None when it did not end on one."""
    return seal_in(outcome.value) if isinstance(outcome, Agreed | Declined) else None
