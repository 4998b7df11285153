"""Stores as they are met from outside: at times down, slow, out of reach, lost, or holding what they held before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pointsman.ports.stores import Acceptor, Refusal, Reply, RowUnreadable, StoreDown, StoreUnsure
from pointsman.quorum.attempt import Step
from pointsman.testing.simulation.registers.services import Kept, done
from pointsman.testing.simulation.registers.settings import Trouble, Wrong

Answer = Reply | Refusal | StoreDown | StoreUnsure | RowUnreadable
Act = Callable[[Acceptor], Any]
"""From a store to the coroutine of one request."""


@dataclass
class Site:
    """One store and its troubles. ``era`` changes when it restarts: what was under way then is lost."""

    acceptor: Acceptor
    kept: Kept | None
    troubles: Sequence[Trouble] = ()
    spared: bool = False
    era: int = 0
    errors: int = 0
    requests: dict[Step, int] = field(default_factory=lambda: dict.fromkeys(Step, 0))

    @property
    def name(self) -> str:
        """Name the store."""
        return self.acceptor.name

    def wrong(self, now: float, proposer: int, what: Wrong) -> bool:
        """Say whether something is wrong with it, as this proposer meets it."""
        return any(one.what is what and one.since <= now < one.until and proposer in one.proposers for one in self.troubles)

    def unusable(self, now: float) -> Wrong | None:
        """Say why it answers nobody, if it does not."""
        for one in self.troubles:
            if one.since <= now < one.until and one.what in {Wrong.DOWN, Wrong.THROTTLED, Wrong.LOST_FOR_EVER, Wrong.ROLLED_BACK}:
                return one.what
        return None

    def ask(self, step: Step, act: Act) -> Answer:
        """Let one request arrive."""
        self.requests[step] += 1
        try:
            answer: Answer = done(act(self.acceptor))
        except (StoreDown, StoreUnsure, RowUnreadable) as error:
            return error
        return answer
