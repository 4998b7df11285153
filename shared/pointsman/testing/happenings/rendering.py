"""From happenings to events: each cloud's own shapes, in the order in which things happened."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from pointsman.testing.happenings.aws import AwsEvents
from pointsman.testing.happenings.events import Calendar, Event, Form, Payload
from pointsman.testing.happenings.gcp import GcpEvents
from pointsman.testing.happenings.gcp_calls import DONE_AFTER
from pointsman.testing.network.blueprint import Blueprint, Side
from pointsman.testing.network.happenings import Happening


class Renderer:
    """Renders a network's happenings; second 0 of the network is ``epoch`` (aware)."""

    def __init__(self, blueprint: Blueprint, epoch: datetime) -> None:
        self.calendar = Calendar(epoch)
        self._aws = AwsEvents(blueprint, self.calendar)
        self._gcp = GcpEvents(blueprint, self.calendar)

    def render(self, one: Happening) -> tuple[Event, ...]:
        """Give the events of one happening: none, one, or a pair."""
        return tuple(
            Event(key=f"{one.number}.{place}", side=one.side, at=one.at + place * DONE_AFTER, form=form, payload=payload)
            for place, (form, payload) in enumerate(self._forms(one))
        )

    def _forms(self, one: Happening) -> Iterator[tuple[Form, Payload]]:
        if one.side is Side.GCP:
            return self._gcp.render(one)
        return ((Form.EVENTBRIDGE, payload) for payload in self._aws.render(one))

    def all(self, happenings: Iterable[Happening]) -> Iterator[Event]:
        """Give the events of many happenings."""
        for one in happenings:
            yield from self.render(one)
