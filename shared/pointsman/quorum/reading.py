"""What one parallel read of all acceptors shows, and whether that may be answered."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from pointsman.quorum.ballots import NO_BALLOT
from pointsman.quorum.rows import Reply, Row


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One read of a register.

    ``confirmed`` says that a majority holds the same accepted ballot, so that ``value`` may be answered; else it is
    only the newest value seen. ``replies`` and ``faults`` are by acceptor; one in neither had not answered yet.
    ``stores`` names the set of stores that was read; ``moved`` the set that the register was sealed for, where this
    reader cannot follow it ("" when it was not): then there is no value to go by.
    """

    value: str | None
    ballot: str
    confirmed: bool
    majority: int
    replies: Mapping[str, Reply]
    faults: Mapping[str, str] = msgspec.field(default_factory=dict)
    stores: str = ""
    moved: str = ""

    @property
    def reached(self) -> bool:
        """Whether a majority answered at all."""
        return len(self.replies) >= self.majority

    @property
    def store_times(self) -> dict[str, datetime]:
        """The stores' own times, by acceptor."""
        return times(self.replies)


def majority_of(acceptors: int) -> int:
    """Give the size of a majority: 1 of 1, 2 of 3."""
    return acceptors // 2 + 1


def judge(replies: Mapping[str, Reply], majority: int, faults: Mapping[str, str] | None = None, *, stores: str = "") -> Reading:
    """Say what a set of replies shows; ``stores`` names the set that they come from."""
    rows = [reply.row for reply in replies.values()]
    held = common_ballot(rows, majority)
    row = newest_row(rows) if held is None else next(row for row in rows if row.accepted == held)
    return Reading(
        value=row.value,
        ballot=row.accepted,
        confirmed=held is not None,
        majority=majority,
        replies=dict(replies),
        faults=dict(faults or {}),
        stores=stores,
    )


def common_ballot(rows: Iterable[Row], majority: int) -> str | None:
    """Give the accepted ballot that a majority of rows shares (``NO_BALLOT`` when it is none yet), or None."""
    held = [row.accepted for row in rows]
    return next((accepted for accepted in held if held.count(accepted) >= majority), None)


def newest_row(rows: Iterable[Row]) -> Row:
    """Give the row with the highest accepted ballot; an empty one when nothing was accepted."""
    return max(rows, key=lambda row: row.accepted, default=Row(promised=NO_BALLOT))


def times(replies: Mapping[str, Reply]) -> dict[str, datetime]:
    """Give the stores' own times of some replies."""
    return {name: reply.store_time for name, reply in replies.items() if reply.store_time is not None}
