"""The one table from how a call ended to what the platform is told."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from enum import StrEnum

from pointsman.core.errors import TEXT_LIMIT, ConfigError, PointsmanError, Refused, RejectedEvent, Transient
from pointsman.core.sightings import Meaning, Rejected
from pointsman.core.values import Frozen
from pointsman.ports.clouds import FenceLost, LeverBusy, LeverFailed, LeverUnsure
from pointsman.ports.stores import RowUnreadable, StoreDown, StoreUnsure
from pointsman.service.house import House
from pointsman.wire.messages import PARKED_BEFORE
from pointsman.wire.record import Record

UseCase = Callable[[House, Sequence[Meaning]], Awaitable[object]]
"""What a function does, given its house and what its event means."""


class Answer(StrEnum):
    """What the platform is told: done; deliver again; nobody can ever read it; or do not start at all."""

    ACK = "ack"
    RETRY = "retry"
    PARK = "park"
    STOP = "stop"


TABLE: tuple[tuple[type[PointsmanError], Answer], ...] = (
    (RejectedEvent, Answer.PARK),
    (Transient, Answer.RETRY),
    (StoreDown, Answer.RETRY),
    (StoreUnsure, Answer.RETRY),
    (RowUnreadable, Answer.RETRY),
    (LeverBusy, Answer.RETRY),
    (LeverUnsure, Answer.RETRY),
    (FenceLost, Answer.RETRY),
    (LeverFailed, Answer.STOP),
    (ConfigError, Answer.STOP),
    (Refused, Answer.ACK),
)
"""Looked through from the top; an error that is not in it is a bug and crashes the call, which the platform retries."""
_WORST = (Answer.STOP, Answer.RETRY, Answer.PARK, Answer.ACK)
"""Which answer counts when several errors came at once."""


class Unreadable(Frozen):
    """A record that nobody can read: where and why, and its id when it came from a queue.

    ``number`` says which item of the batch that was delivered it is in; ``parked`` that it was parked already.
    """

    why: str
    delivery: str | None
    number: int | None = None
    parked: bool = False


class Outcome(Frozen):
    """How a call ended, for the log and the platform. ``unread`` are the queue's ids of messages nobody can read."""

    answer: Answer
    text: str = ""
    retry_after: timedelta = timedelta(0)
    unread: tuple[str, ...] = ()


def outcome_of(error: PointsmanError | ExceptionGroup) -> Outcome:
    """Look an error up in the table, or the worst of a group. Raises the error itself when it is not there."""
    if isinstance(error, PointsmanError):
        for kind, answer in TABLE:
            if isinstance(error, kind):
                return Outcome(answer=answer, text=str(error), retry_after=getattr(error, "retry_after", timedelta(0)))
        raise error
    if error.split(PointsmanError)[1] is not None:
        raise error
    return min((outcome_of(one) for one in error.exceptions), key=lambda one: _WORST.index(one.answer))  # type: ignore[arg-type]


def meanings_of(records: Sequence[Record]) -> tuple[Meaning, ...]:
    """Give what the readable records mean."""
    return tuple(record.meaning for record in records if not isinstance(record.meaning, Rejected))


def unreadable(records: Sequence[Record]) -> tuple[Unreadable, ...]:
    """Give the records that nobody can read."""
    return tuple(
        Unreadable(
            why=f"{one.meaning.path}: {one.meaning.reason}"[:TEXT_LIMIT],
            delivery=one.delivery,
            number=one.number,
            parked=one.meaning.reason == PARKED_BEFORE,
        )
        for one in records
        if isinstance(one.meaning, Rejected)
    )
