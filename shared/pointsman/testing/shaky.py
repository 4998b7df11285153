"""A stage on which each cloud's functions reach each store through a proxy of their own, so that a store can be far, odd or gone."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from pointsman.core.fabric import Cloud, Stores
from pointsman.testing.emulators import Emulator
from pointsman.testing.proxy import Error, Proxy, Weather
from pointsman.testing.stage import Stage

SLOTS = {"aws": "dynamodb", "gcp": "firestore", "witness": "s3"}
"""Each store's slot, and the service that a function asks for it."""


@dataclass
class Shaky(Stage):
    """The processes with a bad network between; it needs Firestore's emulator."""

    proxies: dict[tuple[Cloud, str], Proxy] = field(default_factory=dict)

    def _stores(self) -> Stores:
        urls = {"aws": self.dynamodb.url, "gcp": self.database.url, "witness": self.witness.url}
        for cloud in Cloud:
            for slot, url in urls.items():
                self.proxies[cloud, slot] = self._stack.enter_context(Proxy(url))
        return super()._stores()

    @property
    def database(self) -> Emulator:
        """Google's emulator, which must be installed."""
        assert self.firestore is not None, "without it the store is a file, which has no network before it"
        return self.firestore

    def _function_environment(self, cloud: Cloud) -> dict[str, str]:
        found = self._environment(cloud)
        through = {service: self.proxies[cloud, slot].url for slot, service in SLOTS.items()}
        return found | {"POINTSMAN_ENDPOINTS": json.dumps(json.loads(found["POINTSMAN_ENDPOINTS"]) | through)}

    def between(self, slot: str, clouds: tuple[Cloud, ...] = tuple(Cloud)) -> list[Proxy]:
        """List the proxies in front of a store."""
        return [self.proxies[cloud, slot] for cloud in clouds]

    @contextlib.contextmanager
    def weather(self, slot: str, weather: Weather, error: Error | None = None, clouds: tuple[Cloud, ...] = tuple(Cloud)) -> Iterator[None]:
        """Let a store be reached badly for a while."""
        for proxy in self.between(slot, clouds):
            proxy.set(weather, error)
        try:
            yield
        finally:
            for proxy in self.between(slot, clouds):
                proxy.set(Weather.FAIR)
