"""The one table from how a call ended to what the platform is told."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from enum import StrEnum

from pointsman.core.errors import ConfigError, PointsmanError, Refused, RejectedEvent, Transient
from pointsman.core.sightings import Meaning, Rejected
from pointsman.core.values import Frozen
from pointsman.ports.stores import StoreDown, StoreUnsure
from pointsman.service.house import House
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
    (Refused, Answer.ACK),
    (ConfigError, Answer.STOP),
)
"""Looked through from the top; an error that is not in it is a bug and crashes the call, which the platform retries."""


class Outcome(Frozen):
    """How a call ended, for the log and the platform. ``unread`` are the queue's ids of messages nobody can read."""

    answer: Answer
    text: str = ""
    retry_after: timedelta = timedelta(0)
    unread: tuple[str, ...] = ()


def outcome_of(error: PointsmanError) -> Outcome:
    """Look an error up in the table. Raises the error itself when it is not there."""
    for kind, answer in TABLE:
        if isinstance(error, kind):
            return Outcome(answer=answer, text=str(error), retry_after=error.retry_after if isinstance(error, Transient) else timedelta(0))
    raise error


def meanings_of(records: Sequence[Record]) -> tuple[Meaning, ...]:
    """Give what the readable records mean."""
    return tuple(record.meaning for record in records if not isinstance(record.meaning, Rejected))


def rejected(records: Sequence[Record]) -> tuple[Rejected, ...]:
    """Give the records that nobody can read."""
    return tuple(record.meaning for record in records if isinstance(record.meaning, Rejected))
