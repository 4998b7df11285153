"""Runs that were played, and runs whose plans were tampered with, for rules to be tried on."""

import asyncio
from collections.abc import Callable

from pointsman.core.plan import Plan
from pointsman.testing.simulation.agreed import Record
from pointsman.testing.simulation.ending import played
from pointsman.testing.simulation.evidence import Evidence
from pointsman.testing.simulation.play import Play
from pointsman.testing.simulation.schedule import schedule
from pointsman.testing.virtual import run


class Altered(Record):
    """A run whose plans were tampered with."""

    def __init__(self, evidence: Evidence, change: Callable[[Plan], Plan]) -> None:
        super().__init__(evidence)
        self.history = tuple((at, change(plan)) for at, plan in self.history)
        self.plans = tuple(plan for _, plan in self.history)


def seen(seed: int) -> Evidence:
    async def main() -> Evidence:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)  # the dead leave unread answers behind
        return await played(Play(schedule(seed)))

    return run(main())
