"""Virtual time and repeatable chance."""

import hashlib
import heapq
from collections.abc import Callable

EVENTS_AT_ONCE = 2_000_000
"""Most events that one ``advance`` runs; more means that something schedules itself for ever without time passing."""


class Timeline:
    """Runs things at their time, in order of time and then of being asked."""

    def __init__(self) -> None:
        self.now = 0.0
        self._asked = 0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Run ``act`` at ``when`` (now, if that is past)."""
        self._asked += 1
        heapq.heappush(self._queue, (max(when, self.now), self._asked, act))

    def advance(self, to: float, passing: Callable[[float], None]) -> None:
        """Run everything due until ``to``. ``passing`` is told each stretch of seconds before it passes."""
        for _ in range(EVENTS_AT_ONCE):
            if not self._queue or self._queue[0][0] > to:
                self._pass(max(to, self.now), passing)
                return
            when, _asked, act = heapq.heappop(self._queue)
            self._pass(when, passing)
            act()
        raise RuntimeError(f"more than {EVENTS_AT_ONCE} events before {to}: advance in smaller steps")

    def _pass(self, to: float, passing: Callable[[float], None]) -> None:
        if to > self.now:
            passing(to - self.now)
            self.now = to


def chance(seed: int, *labels: object) -> float:
    """Give a number in [0, 1) that is always the same for the same seed and labels."""
    text = "|".join(str(label) for label in (seed, *labels))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big") / 2**56


def between(low: float, high: float, dice: float) -> float:
    """Place a dice throw between two bounds."""
    return low + (high - low) * dice
