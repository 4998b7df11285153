"""Where a face takes its time from: the network's seconds, and the moment that the cloud would print for them."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Time(Protocol):
    """The network's seconds now, and their moment as a cloud would write it."""

    def seconds(self) -> float:
        """Give the network's time now, in its own seconds."""

    def moment(self, seconds: float) -> datetime:
        """Give the moment of a network time, aware, UTC."""


class ScaledTime:
    """Real time, run ``factor`` times as fast for the network; moments stay those of the real clock."""

    def __init__(self, factor: float = 1.0) -> None:
        self._factor = factor
        self._began = monotonic()
        self._start = datetime.now(UTC)  # noqa: TID251 - the twin keeps its own time

    def seconds(self) -> float:
        """Give the network's time now."""
        return (monotonic() - self._began) * self._factor

    def moment(self, seconds: float) -> datetime:
        """Give the real moment at which the network's time is (or was) ``seconds``."""
        return self._start + timedelta(seconds=seconds / self._factor)


class HandTime:
    """Time that stands still until a test moves it."""

    def __init__(self, start: datetime = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)) -> None:
        self.now = 0.0
        self._start = start

    def seconds(self) -> float:
        """Give the network's time now."""
        return self.now

    def moment(self, seconds: float) -> datetime:
        """Give the moment of a network time."""
        return self._start + timedelta(seconds=seconds)


def monotonic() -> float:
    """Give seconds that never go back, the same for every process of this machine."""
    return time.monotonic()  # noqa: TID251 - the twin keeps its own time


def wait(seconds: float) -> None:
    """Let real time pass."""
    time.sleep(seconds)  # noqa: TID251 - the twin keeps its own time
