"""The set of stores is changed while proposers work: some know the old set, some the next one, some both."""

from typing import TYPE_CHECKING

from pointsman.core.domains import StoreSet
from pointsman.core.errors import Transient
from pointsman.quorum.outcomes import Agreed, Declined
from pointsman.quorum.sealing import opening
from pointsman.service.registers import Registers
from pointsman.service.trial import seal_of
from pointsman.testing.simulation.registers import watching
from pointsman.testing.simulation.registers.calls import NAME
from pointsman.testing.simulation.registers.proposers import Proposer
from pointsman.testing.simulation.registers.settings import Wrong

if TYPE_CHECKING:
    from pointsman.testing.simulation.registers.schedule import Schedule

NEXT_SET = StoreSet(generation=2, id="2.next")
TRIES = 12
"""Times that a mover starts anew when a majority did not answer."""


class Mover:
    """Seals the register, hands it over and opens the next set, as the shipped command does."""

    def __init__(self, schedule: "Schedule", number: int) -> None:
        self._schedule = schedule
        self._number = number

    def start(self) -> None:
        """Begin, in a process of its own."""
        self._schedule.loop.create_task(self._carry_out())

    def lose(self, *, goes_on: bool) -> None:
        """Lose nothing: what a crashed mover did stays, and what it did not do is done by the next one, in the end at least."""

    async def finish(self) -> None:
        """Carry the move to its end, with nothing going wrong any more."""
        if not await self._moved(Proposer(self._schedule, self._number)):
            self._schedule.watch.breaks(watching.ENDS, "the stores are not moved in the end")

    async def _carry_out(self) -> None:
        setting = self._schedule.setting
        process = Proposer(self._schedule, self._number)
        await process.sleep(0.0 if setting.move is None else setting.move.since)
        await self._moved(process)

    async def _moved(self, process: Proposer) -> bool:
        registers = self._schedule.registers(process)
        for _ in range(TRIES):
            try:
                if await self._once(registers):
                    self._schedule.count(Wrong.MOVE, "stores")
                    return True
            except Transient:  # a mover that could not go on starts again
                pass
            await process.sleep(1.0)
        return False

    async def _once(self, registers: Registers) -> bool:
        assert registers.following is not None, "a mover knows where to"
        outcome = await registers.seal(NAME)
        if not isinstance(outcome, Agreed | Declined):
            return False
        seal = seal_of(outcome)
        assert seal is not None, "what was sealed for certain holds a seal"
        await registers.hand_over(NAME, seal)
        return isinstance(await registers.following.begin(opening(NAME), "open"), Agreed | Declined)
