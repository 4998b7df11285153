"""How messages travel: lost, doubled, late, out of order, each with a chance that a seed decides."""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pointsman.testing.happenings.events import Event, number
from pointsman.testing.network.timeline import between, chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An event as it arrives: ``copy`` 0 is the first delivery, 1 its double."""

    at: float
    event: Event
    copy: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Chances from 0 to 1, delays in seconds.

    ``loss`` and ``doubling`` are shares of events; ``delay`` bounds how late each arrives; ``reordering`` is the share
    that is held back ``held`` seconds more, so that later events overtake it. All zero is a perfect network.
    """

    seed: int = 0
    loss: float = 0.0
    doubling: float = 0.0
    delay: tuple[float, float] = (0.0, 0.0)
    reordering: float = 0.0
    held: float = 60.0

    def arrivals(self, events: Iterable[Event]) -> list[Arrival]:
        """Give what arrives of some events, in order of arrival. The fate of an event depends on its key and the seed alone."""
        arrived = (arrival for event in events for arrival in self._fate(event))
        return sorted(arrived, key=lambda one: one.at)

    def _fate(self, event: Event) -> Iterator[Arrival]:
        if self._dice(event, "loss") < self.loss:
            return
        copies = 2 if self._dice(event, "double") < self.doubling else 1
        for copy in range(copies):
            late = between(*self.delay, self._dice(event, "delay", copy))
            if self._dice(event, "hold", copy) < self.reordering:
                late += self.held * self._dice(event, "held", copy)
            yield Arrival(at=event.at + late, event=event, copy=copy)

    def _dice(self, event: Event, *labels: object) -> float:
        return chance(self.seed, event.key, *labels)


def push_body(event: Event, subscription: str, *, published: str) -> dict[str, Any]:
    """Wrap a Google event as Pub/Sub pushes it; every delivery of one event has the same message id."""
    message = number("message", event.key)
    data = base64.b64encode(json.dumps(event.payload).encode()).decode()
    body = {
        "data": data,
        "messageId": message,
        "message_id": message,
        "publishTime": published,
        "publish_time": published,
        "attributes": {},
    }
    return {"message": body, "subscription": subscription}
