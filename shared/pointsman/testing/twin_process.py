"""The twin as one process: both clouds' HTTP faces over one network, and a control door for faults, reads and events.

| request | what |
|---|---|
| ``GET /state`` | each flow's links both ways, loss and lost seconds, each link's utilisation |
| ``GET /probe`` | what a probe over every link finds now, from both ends |
| ``GET /events?after=N`` | the clouds' events since number N, in their own shapes |
| ``POST /delivery`` | ``{"loss": 0.1, "doubling": 0.1, "delay": [0, 5], "reordering": 0.2, "held": 60, "seed": 7}``: how events travel from now on, as shares and seconds |
| ``POST /fault`` | ``{"do": "blackhole", "link": "ix-a"}``: cut, heal, degrade (``loss``), blackhole, maintain (``start``, ``end``) |
"""

import argparse
import heapq
import itertools
import json
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from msgspec import convert

from pointsman.adapters.files.compiled import read_compiled
from pointsman.core.fabric import Fabric
from pointsman.testing.aws.face import AwsFace
from pointsman.testing.blueprint import blueprint
from pointsman.testing.faces.timing import ScaledTime
from pointsman.testing.gcp.face import OPERATION_LATENCY, GcpFace
from pointsman.testing.happenings.delivery import Delivery
from pointsman.testing.happenings.events import Event
from pointsman.testing.happenings.rendering import Renderer
from pointsman.testing.loopback import LoopbackServer, Reply, Request, as_json
from pointsman.testing.network.blueprint import Blueprint
from pointsman.testing.network.model import Network

PRINCIPAL = "pointsman-functions@weft-prod-1.iam.gserviceaccount.com"
"""Who calls Google's face without a token: the functions, whose own writes the audit log then shows as ours."""

FAULTS: Mapping[str, Callable[[Network, Mapping[str, Any]], object]] = {
    "cut": lambda network, told: network.cut(told["link"], silent=bool(told.get("silent"))),
    "heal": lambda network, told: network.heal(told["link"]),
    "degrade": lambda network, told: network.degrade(told["link"], float(told["loss"])),
    "blackhole": lambda network, told: network.blackhole(told["link"]),
    "maintain": lambda network, told: network.maintain(told["link"], float(told["start"]), float(told["end"])),
}


class TwinServer:
    """One network on real time behind three doors: AWS's, Google's, and ours."""

    def __init__(self, fabric: Fabric, latency: float = OPERATION_LATENCY, reconnect: float | None = None) -> None:
        self._fabric = fabric
        self._network = Network(_drawn(fabric, reconnect))
        self._lock = threading.RLock()
        self._time = ScaledTime()
        self._renderer = Renderer(self._network.blueprint, self._time.moment(0.0))
        self._events: list[dict[str, Any]] = []
        self._rendered = 0
        self._delivery = Delivery()
        self._travelling: list[tuple[float, int, Event]] = []
        self._sent = itertools.count()
        self.aws = AwsFace(self._network, self._lock, self._time, principals={"test": "pointsman-functions"})
        self.gcp = GcpFace(self._network, self._lock, self._time, principals={"": PRINCIPAL, "owner": PRINCIPAL}, latency=latency)
        self.gcp.install(fabric)
        self._control = LoopbackServer(self._answer)

    def __enter__(self) -> Self:
        """Begin to serve."""
        self.aws.start()
        self.gcp.start()
        self._control.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Serve no more."""
        self._control.stop()
        self.gcp.stop()
        self.aws.stop()

    @property
    def urls(self) -> dict[str, str]:
        """Where each door is."""
        return {"aws": self.aws.url, "gcp": self.gcp.url, "control": self._control.url}

    def _answer(self, request: Request) -> Reply:
        with self._lock:
            self._tick()
            try:
                return as_json(self._told(request))
            except (LookupError, ValueError, KeyError) as error:
                return as_json({"error": f"{type(error).__name__}: {error}"[:300]}, status=400)

    def _tick(self) -> None:
        """Let everything happen that is due, in the network and behind both faces."""
        self.aws.tick()
        self.gcp.tick()

    def _told(self, request: Request) -> Any:
        match request.method, request.path:
            case "GET", "/state":
                return self._state()
            case "GET", "/probe":
                return self._probes()
            case "GET", "/events":
                return self._since(int(request.query.get("after", "0")))
            case "POST", "/delivery":
                self._delivery = convert(json.loads(request.body), Delivery)
                return {"at": self._network.now}
            case "POST", "/fault":
                told = json.loads(request.body)
                FAULTS[told["do"]](self._network, told)
                return {"at": self._network.now}
            case _:
                raise LookupError("ask for /state, /probe, /events, /delivery or /fault")

    def _state(self) -> dict[str, Any]:
        network = self._network
        return {
            "now": network.now,
            "flows": {flow.name: self._flow(flow.name) for flow in network.blueprint.flows},
            "links": {link.name: self._used(link.name) for link in network.blueprint.links},
        }

    def _flow(self, name: str) -> dict[str, Any]:
        path = self._network.path(name)
        ways = {"to_gcp": dict(path.to_gcp.links), "to_aws": dict(path.to_aws.links)}
        return {**ways, "loss": self._network.loss(name), "lost_seconds": self._network.lost_seconds()[name]}

    def _used(self, name: str) -> dict[str, float]:
        used = self._network.utilisation(name)
        return {"to_gcp": used.to_gcp, "to_aws": used.to_aws}

    def _probes(self) -> list[dict[str, Any]]:
        pairs = ((link.name, pair) for link in self._fabric.links for pair in link.probes)
        return [
            {
                "link": name,
                "site": pair.site,
                "source": pair.source,
                "target": pair.target,
                "loss": self._network.probe(name, pair.site).loss,
            }
            for name, pair in pairs
        ]

    def _since(self, after: int) -> list[dict[str, Any]]:
        now, fresh = self._network.now, self._network.happenings[self._rendered :]
        self._rendered = len(self._network.happenings)
        for one in self._delivery.arrivals(self._renderer.all(fresh)):
            heapq.heappush(self._travelling, (now + one.at - one.event.at, next(self._sent), one.event))
        while self._travelling and self._travelling[0][0] <= now:
            event = heapq.heappop(self._travelling)[-1]
            self._events.append(
                {"number": len(self._events) + 1, "side": event.side.value, "form": event.form.value, "payload": event.payload}
            )
        return self._events[after:]


def _drawn(fabric: Fabric, reconnect: float | None) -> Blueprint:
    """Draw a fabric's network, its sessions established after ``reconnect`` seconds where that is given."""
    drawn = blueprint(fabric)
    if reconnect is None:
        return drawn
    links = (replace(link, timers=replace(link.timers, reconnect=(reconnect, reconnect))) for link in drawn.links)
    return replace(drawn, links=tuple(links))


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    ask = argparse.ArgumentParser(
        prog="python -m pointsman.testing.twin_process", description="Serve a compiled fabric's twin on loopback."
    )
    ask.add_argument("--fabric", type=Path, required=True, help="a compiled fabric (JSON)")
    ask.add_argument("--latency", type=float, default=OPERATION_LATENCY, help="seconds that a Google operation takes")
    ask.add_argument("--reconnect", type=float, help="seconds that establishing a BGP session takes, in place of the model's 2 to 8")
    told = ask.parse_args()
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    signal.signal(signal.SIGINT, lambda *_: over.set())
    with TwinServer(read_compiled(told.fabric.read_bytes(), str(told.fabric)), told.latency, told.reconnect) as server:
        sys.stdout.write(f"twin {json.dumps(server.urls)}\n")
        sys.stdout.flush()
        over.wait()


if __name__ == "__main__":
    main()
