"""What an acceptor holds of a register, and what it answers."""

from datetime import datetime

import msgspec

from pointsman.quorum.ballots import NO_BALLOT, READABLE_LIMIT, counter, is_ballot

VALUE_LIMIT = 256 * 1024
"""Longest value of a register, in bytes of UTF-8: every supported store takes it in one row."""


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An acceptor's row of one register.

    Ballots compare as text ("" is none yet); ``value`` is the accepted text, None before the first accept.
    """

    promised: str = NO_BALLOT
    accepted: str = NO_BALLOT
    value: str | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a store answered.

    ``version`` is what its next conditional write needs (ETag, update time; "" when the row is absent or the store
    compares ballots itself), ``store_time`` the store's own time where it gave one.
    """

    row: Row
    version: str = ""
    store_time: datetime | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The condition failed: ``held`` is what the store holds now, so that the caller sees whether it is its own write."""

    held: Reply


def checked(row: Row) -> Row:
    """Give the row back if it can have come from this protocol. Raises ValueError saying what cannot be."""
    for ballot in (row.promised, row.accepted):
        if ballot != NO_BALLOT and not is_ballot(ballot):
            raise ValueError("a ballot is malformed")
    if counter(row.promised) > READABLE_LIMIT:
        raise ValueError("its ballot is one that no attempts can have reached")
    if row.accepted > row.promised:
        raise ValueError("accepted is above promised")
    if (row.accepted == NO_BALLOT) != (row.value is None):
        raise ValueError("accepted and value do not go together")
    return row
