"""A ticket desk."""

from typing import Protocol

from pointsman.core.incidents import Incident, Letter, Ticket


class Desk(Protocol):
    """Opens, updates and resolves tickets. ``key`` makes a repeated ask one ticket as far as the desk can promise.

    A desk that honours keys never makes a second one, and has nothing to do when it is asked to deduplicate. One that must search
    may: every open, update and deduplicate keeps the oldest that its search shows and closes the others, a resolve closes all.
    What it opens or updates shows the honest mode that the letter tells.
    """

    name: str

    async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
        """Carry out one letter. Raises ``Transient`` (try again, and leave this desk alone for its ``retry_after``) or ``Refused`` (not as it is)."""
