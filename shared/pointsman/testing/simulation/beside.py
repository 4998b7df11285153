"""What a function does beside its loop: load what speaks to other clouds, and read what an audit wants to know."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from pointsman.core.audit.seen import Attachment, Seen, Unread
from pointsman.core.fabric import Cloud
from pointsman.testing.simulation.functions import caller
from pointsman.testing.simulation.kinds import FaultKind, Request
from pointsman.testing.simulation.nature import Nature

LOADING = 1.0
"""Longest time that a fresh process loads in the background what speaks to other stores than its own cloud's, in seconds."""


class Loading:
    """What a fresh process loads: whoever needs it waits for it, once."""

    def __init__(self, nature: Nature) -> None:
        self._nature = nature
        self._until = asyncio.get_running_loop().time() + LOADING * nature.dice.random()

    async def over(self) -> None:
        """Wait until it is loaded."""
        left = self._until - asyncio.get_running_loop().time()
        if left > 0:
            self._nature.pause()
            await asyncio.sleep(left)


@dataclass
class SimulatedAuditor:
    """Keeps ``Auditor``: shows one attachment that is wired to nothing, or nothing at all."""

    cloud: Cloud
    nature: Nature

    async def seen(self, since: datetime) -> Seen:
        """Read."""
        del since
        kind = self.nature.strike(Request.AUDIT, f"looks {self.cloud}")
        await asyncio.sleep(0.05 + self.nature.dice.random())
        who = caller()
        if kind is FaultKind.LOOK_THROTTLED or (who is not None and who.cloud in self.nature.gone):
            return Seen(cloud=self.cloud, unread=(Unread(what=f"all of {self.cloud}", why="throttled: audit again later"),))
        return Seen(cloud=self.cloud, attachments=(Attachment(id="tgw-attach-1", propagates=("tgw-rtb-1",)),))
