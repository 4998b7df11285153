"""What a freeze flag outside the table reads like: one word, until when, by whom and why.

Anything that does not begin with ``clear`` freezes, so that a flag which somebody writes by hand does too. A freeze that
names its end is over five minutes after it, by the clock of whoever reads: clocks may be that far apart.
"""

import re
from datetime import datetime, timedelta

from pointsman.core.plan import FlagState

CLEAR = "clear"
"""A text that begins with this word is clear; any other freezes."""
FROZEN = "frozen"
SLACK = timedelta(minutes=5)
"""How much longer a flag holds than it says."""
_CLEAR = re.compile(rf"{CLEAR}\b")
_END = re.compile(r"frozen until (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)(?=\s|$)")


def note_of(until: datetime | None, by: str) -> str:
    """Give what a flag says after its first word."""
    return f"until {until:%FT%TZ} by {by}" if until else f"by {by}"


def state_of(text: str, now: datetime | None) -> FlagState:
    """Read a flag's text; without a time its end counts for nothing."""
    said = text.strip()
    if _CLEAR.match(said):
        return FlagState.CLEAR
    end = _END.match(said)
    if end is None or now is None:
        return FlagState.SET
    try:
        until = datetime.fromisoformat(end[1])
    except ValueError:
        return FlagState.SET
    return FlagState.CLEAR if now >= until + SLACK else FlagState.SET
