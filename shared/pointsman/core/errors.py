"""Errors, named for the caller's next step. Anything else that escapes is a bug and may crash."""

from datetime import timedelta

TEXT_LIMIT = 300
"""Longest error text, in characters: foreign text is cut before it reaches a log or a ticket."""


class PointsmanError(Exception):
    """Base of every error that pointsman raises on purpose; its text tells the user what to do."""

    def __init__(self, text: str) -> None:
        super().__init__(text[:TEXT_LIMIT])


class Transient(PointsmanError):
    """It did not work now: deliver the event again, not before ``retry_after``."""

    def __init__(self, text: str, *, retry_after: timedelta = timedelta(0)) -> None:
        super().__init__(text)
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
