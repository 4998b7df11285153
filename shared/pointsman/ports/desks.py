"""A ticket desk."""

from typing import Protocol

from pointsman.core.incidents import Incident, Letter, Ticket


class Desk(Protocol):
    """Opens, updates and resolves tickets. ``key`` makes a repeated ask one ticket as far as the desk can promise."""

    name: str

    async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
        """Carry out one letter. Raises ``Transient`` (try again) or ``Refused`` (never will)."""
