"""Errors, named for the caller's next step. Anything else that escapes is a bug and may crash."""

from collections.abc import Iterable
from datetime import timedelta

TEXT_LIMIT = 300
"""Longest text of one error, in characters: foreign text is cut before it reaches a log or a ticket."""
FAULTS_LIMIT = 6
"""Faults that one error tells besides its own text: as many as two sets of stores have."""
_CUT = "..."


class PointsmanError(Exception):
    """Base of every error that pointsman raises on purpose; its text tells the user what to do.

    ``faults`` are what it came of, each bounded by itself, so that the first takes no room from the last.
    """

    def __init__(self, text: str, *, faults: Iterable[str] = ()) -> None:
        told = "; ".join(bounded(fault) for fault in tuple(faults)[:FAULTS_LIMIT])
        super().__init__(f"{bounded(text)}: {told}" if told else bounded(text))


def bounded(text: str, limit: int = TEXT_LIMIT) -> str:
    """Cut a text that is longer than ``limit``, between two words where it has any."""
    if len(text) <= limit:
        return text
    room = limit - len(_CUT)
    whole = text[: room + 1].rpartition(" ")[0]
    return f"{whole if len(whole) > room // 2 else text[:room]}{_CUT}"


class Transient(PointsmanError):
    """It did not work now: deliver the event again, not before ``retry_after``."""

    def __init__(self, text: str, *, faults: Iterable[str] = (), retry_after: timedelta = timedelta(0)) -> None:
        super().__init__(text, faults=faults)
        self.retry_after = retry_after


class Moved(Transient):
    """A register is kept by another set of stores since a move, which this function does not carry: deliver again to one that does."""


class ValueUnreadable(Transient):
    """A register holds what this version cannot read: leave it as it is, and go on with everything else."""


class RejectedEvent(PointsmanError):
    """This event can never be read: park it, acknowledge it, and go on. ``path`` says where it is wrong."""

    def __init__(self, text: str, *, path: str = "$") -> None:
        super().__init__(f"{path}: {text}")
        self.path = path


class ConfigError(PointsmanError):
    """The set-up is wrong: do not start. The text names the file, setting or secret and the mend."""


class Refused(PointsmanError):
    """A rail, a freeze or a stale view forbids this; nothing was moved."""
