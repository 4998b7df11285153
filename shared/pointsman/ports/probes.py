"""Packets of our own over address pairs that are never steered."""

from collections.abc import Sequence
from typing import Protocol

from pointsman.core.fabric import ProbePair
from pointsman.core.probes import Measured


class Prober(Protocol):
    """Sends a bounded burst over address pairs, each of them over one link only."""

    async def burst(self, pairs: Sequence[ProbePair]) -> tuple[Measured, ...]:
        """Send once over each pair and wait for the answers. Never raises: what could not be sent has a ``fault``."""
