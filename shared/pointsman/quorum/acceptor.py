"""What an acceptor does: the rule that every store's conditional write must amount to."""

import msgspec

from pointsman.quorum.rows import Row


def promise(row: Row, ballot: str) -> Row | None:
    """Give the row after promising ``ballot``; None when a higher one was promised."""
    return msgspec.structs.replace(row, promised=ballot) if ballot >= row.promised else None


def accept(row: Row, ballot: str, value: str) -> Row | None:
    """Give the row after accepting ``value`` at ``ballot``, which promises it too; None when a higher one was promised."""
    return Row(promised=ballot, accepted=ballot, value=value) if ballot >= row.promised else None
