"""A function's surroundings in memory: the twin in process, three stores, a parking queue; and use cases that end as a test wants."""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pointsman.adapters.files import load
from pointsman.boot.app import App
from pointsman.boot.chance import SystemClock, nonce
from pointsman.boot.settings import Settings
from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.sightings import Meaning
from pointsman.entry.outcomes import UseCase
from pointsman.service.house import House
from pointsman.testing.inprocess import MemoryFlag, Table, Twin, house, table, twin
from pointsman.testing.stores import Fault
from tests.fabric.written import EXAMPLES

_NAMES = itertools.count(1)


class Watch:
    """Keeps ``Clock``, counting from its own beginning."""

    def __init__(self) -> None:
        self._machine = SystemClock()
        self._begun = self._machine.monotonic()

    def now(self) -> datetime:
        return self._machine.now()

    def monotonic(self) -> float:
        return self._machine.monotonic() - self._begun

    async def sleep(self, seconds: float) -> None:
        await self._machine.sleep(seconds)


@dataclass
class MemoryQueue:
    """Keeps ``Queue``; one that is ``full`` takes nothing."""

    full: bool = False
    messages: list[Any] = field(default_factory=list)

    async def send(self, body: bytes) -> None:
        if self.full:
            raise Transient("the queue parking took no message: check that it exists")
        self.messages.append(json.loads(body))


@dataclass
class World:
    """One cloud's function and what is around it."""

    fabric: Fabric
    twin: Twin
    table: Table
    house: House
    settings: Settings
    parking: MemoryQueue | None = None
    built: int = 0

    def build(self) -> App:
        """Furnish the function."""
        self.built += 1
        return App(house=self.house, settings=self.settings, parking=self.parking)

    def lose(self, *stores: str) -> None:
        """Let stores go down."""
        for name in stores:
            getattr(self.table, name).break_down(Fault.DOWN)

    def agreed(self) -> set[str]:
        """Name the stores that were asked to promise or accept anything."""
        return {store.name for store in self.table.stores if store.count("prepare") + store.count("accept")}


def world(cloud: Cloud, *, parking: MemoryQueue | None = None, settings: Settings | None = None) -> World:
    """Set everything up for a function of one cloud."""
    fabric, clock = load(str(EXAMPLES / "atlas.yaml")), Watch()
    network, stores = twin(fabric, clock), table(clock)
    furnished = house(network, stores, cloud, flags={one: MemoryFlag(one) for one in Cloud}, nonce=nonce)
    return World(fabric, network, stores, furnished, settings or Settings(), parking)


@dataclass
class Heard:
    """What a use case was called with."""

    calls: list[tuple[Meaning, ...]] = field(default_factory=list)


def ending(end: Callable[[], object] | BaseException | None = None, heard: Heard | None = None) -> UseCase:
    """Make a use case that remembers what it was called with and then ends that way. Its name is its own: loggers are kept by name."""

    async def use_case(_: House, meanings: Sequence[Meaning]) -> object:
        if heard is not None:
            heard.calls.append(tuple(meanings))
        if isinstance(end, BaseException):
            raise end
        return end() if end else None

    use_case.__name__ = f"case_{next(_NAMES)}"
    return use_case


def lines(printed: str) -> Iterator[dict[str, Any]]:
    """Read what a function printed: every line is a JSON object."""
    for line in printed.splitlines():
        found = json.loads(line)
        assert isinstance(found, dict)
        yield found


def logged(printed: str) -> dict[str, Any]:
    """Give the one log line of a call."""
    (found,) = [line for line in lines(printed) if line.get("message") == "handled"]
    return found
