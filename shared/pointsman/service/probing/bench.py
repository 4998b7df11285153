"""A store under test, and how a broken promise is told."""

from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Any

from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Cloud
from pointsman.core.values import Frozen
from pointsman.ports.stores import ListedStore

RACERS = 6
"""Writers in a race."""


class Broken(ConfigError):
    """The store does not keep a promise, which the text names: it cannot be used."""


class Untriable(ConfigError):
    """A case needs what only a test of pointsman's own has: the text says what. It shows nothing of the store."""


class Bench(Frozen):
    """A store under test.

    ``open`` gives a new client on the same data; the two spoilers, where there are any, write a register's row and a
    sighting row that no version can read; ``writes``, where the store can tell, gives a number that changes with every
    write; ``now`` is the time as this machine has it. Without them their cases cannot be tried.
    """

    open: Callable[[], ListedStore]
    token: str
    spoil: Callable[[str], Awaitable[None]] | None = None
    spoil_row: Callable[[Cloud], Awaitable[None]] | None = None
    writes: Callable[[], Awaitable[int]] | None = None
    now: Callable[[], datetime] | None = None

    def register(self, case: str) -> str:
        """Name a register that only this case uses."""
        return f"{case}/{self.token}"

    def member(self, case: str) -> str:
        """Name a member that only this case uses."""
        return f"dxvif-{case}-{self.token}"


Case = Callable[[Bench], Coroutine[Any, Any, None]]


def expect(kept: object, promise: str) -> None:
    """Go on if a promise was kept. Raises ``Broken``."""
    if not kept:
        raise Broken(f"the store breaks a promise: {promise}")
