"""What one parallel read of all acceptors shows, and whether that may be answered."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from pointsman.quorum.ballots import LEAP_LIMIT, NO_BALLOT, counter
from pointsman.quorum.rows import Reply, Row

DAMAGED = "{} holds another value than the others under one ballot: look what damaged it; the next decision or survey overwrites it"
"""A row that a majority contradicts."""
DIFFERING = "{} holds another value than another store under one ballot, so one is damaged: have every store answer, most tell which; where all do, copy the right row over the other"
"""A row of several that contradict each other, with no majority for any."""

LEAPING = "{} has promised a ballot that no attempts can have reached: the row was damaged, take the store out and copy it anew"
"""A row whose promise would carry all others' away."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One read of a register.

    ``confirmed`` says that a majority holds the same accepted ballot, so that ``value`` may be answered; else it is
    only the newest value seen. ``replies`` and ``faults`` are by acceptor; one in neither had not answered yet, one in
    both holds another value than a majority does under the same ballot, and only its promise counts.
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
    """Say what a set of replies shows; ``stores`` names the set that they come from.

    Stores that differ under one ballot, with no majority to tell which of them is right, count as stores that are down;
    so does one whose promise is out of the others' reach.
    """
    leaping = _leaping({name: reply.row for name, reply in replies.items()})
    rows = {name: reply.row for name, reply in replies.items() if name not in leaping}
    held = common_row(rows.values(), majority)
    ballot = newest_row(rows.values()).accepted if held is None else held.accepted
    odd = odd_ones(rows, ballot, majority)
    counted = {name: reply for name, reply in replies.items() if name in rows and (held is not None or name not in odd)}
    row = newest_row(reply.row for reply in counted.values()) if held is None else held
    return Reading(
        value=row.value,
        ballot=row.accepted,
        confirmed=held is not None,
        majority=majority,
        replies=counted,
        faults={**(faults or {}), **leaping, **odd},
        stores=stores,
    )


def common_row(rows: Iterable[Row], majority: int) -> Row | None:
    """Give a row whose accepted ballot and value a majority of rows shares (both may be none yet), or None."""
    known = tuple(rows)
    held = [(row.accepted, row.value) for row in known]
    return next((row for row, one in zip(known, held, strict=True) if held.count(one) >= majority), None)


def newest_row(rows: Iterable[Row]) -> Row:
    """Give the row with the highest accepted ballot; an empty one when nothing was accepted."""
    return max(rows, key=lambda row: row.accepted, default=Row(promised=NO_BALLOT))


def odd_ones(rows: Mapping[str, Row], ballot: str, majority: int) -> dict[str, str]:
    """Name the acceptors whose value under a ballot is not to be gone by, and say why: one ballot has one value, so a row is damaged.

    They are those that differ from a majority, or all that hold the ballot when they differ and none of the values is a majority's.
    """
    held = {name: row for name, row in rows.items() if row.accepted == ballot}
    if len({row.value for row in held.values()}) <= 1:
        return {}
    right = common_row(held.values(), majority)
    if right is None:
        return {name: DIFFERING.format(name) for name in held}
    return {name: DAMAGED.format(name) for name, row in held.items() if row.value != right.value}


def _leaping(rows: Mapping[str, Row]) -> dict[str, str]:
    """Name the acceptor whose promise is far above all others': a ballot above that one would soon leave nobody any room."""
    counters = {name: counter(row.promised) for name, row in rows.items()}
    below = sorted(counters.values())[:-1]
    return {name: LEAPING.format(name) for name, one in counters.items() if below and one - below[-1] > LEAP_LIMIT}


def times(replies: Mapping[str, Reply]) -> dict[str, datetime]:
    """Give the stores' own times of some replies."""
    return {name: reply.store_time for name, reply in replies.items() if reply.store_time is not None}
