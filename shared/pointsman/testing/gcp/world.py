"""What the face's parts share: the network model, its time, and the operations under way."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.testing.faces.timing import Time
from pointsman.testing.gcp.answers import Call, Json
from pointsman.testing.gcp.operations import OperationFailed, Operations
from pointsman.testing.network.blueprint import LinkSpec, Side, SiteSpec
from pointsman.testing.network.model import Network

DEFERRED_LIMIT = 1_000
"""Most late calls that wait at once."""


@dataclass(slots=True)
class World:
    """The model behind the face. Whoever touches it holds ``lock``; ``catch_up`` brings it to the present first."""

    network: Network
    lock: AbstractContextManager[Any]
    time: Time
    operations: Operations
    deferred: list[tuple[float, Callable[[], object]]] = field(default_factory=list)

    def catch_up(self) -> float:
        """Let everything happen that is due by now, each at its own time; give the time."""
        now = self.time.seconds()
        for operation in self.operations.due(now):
            self.network.advance(operation.due)
            self.operations.make(operation)
        self.network.advance(now)
        for late in [one for one in self.deferred if one[0] <= now]:
            self.deferred.remove(late)
            late[1]()
        return now

    def mutate(self, kind: str, target: str, effect: Callable[[], object], call: Call) -> Json:
        """Accept the mutation that a call asks for, on a resource that is not busy, and answer with its operation."""
        self.operations.refuse_while_busy(target)
        request = call.query.get("requestId", "")
        return self.operations.accept(kind, target, self.time.seconds(), _fail if call.doomed else effect, request=request)

    def defer(self, seconds: float, call: Callable[[], object]) -> None:
        """Do something ``seconds`` of model time from now."""
        if len(self.deferred) < DEFERRED_LIMIT:
            self.deferred.append((self.time.seconds() + seconds, call))

    def google_sites(self) -> list[SiteSpec]:
        """Give the Google ends that have a Cloud Router."""
        return [site for site in self.network.blueprint.sites if site.side is Side.GCP and site.router]

    def links_at(self, site: SiteSpec) -> list[LinkSpec]:
        """Give the links that end at a site."""
        return [link for link in self.network.blueprint.links if link.gcp_site == site.name]

    def moment(self, seconds: float) -> str:
        """Give a network time as Google writes instants."""
        return self.time.moment(seconds).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def millis(self, seconds: float) -> str:
        """Give a network time as Google writes it in outage notices: milliseconds since 1970, as text."""
        return str((self.time.moment(seconds) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1))


def _fail() -> None:
    raise OperationFailed("Internal error. Please try again or contact Google Support.")
