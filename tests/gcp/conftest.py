"""One Google Cloud on loopback for a test: the atlas fabric's network, its face, and the clients of ours over it."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pointsman.adapters.files import load
from pointsman.adapters.gcp.compute import Compute, RouterRef
from pointsman.adapters.gcp.http import GoogleHttp
from pointsman.adapters.http1 import Http1
from pointsman.core.fabric import Fabric
from pointsman.core.values import replace
from pointsman.testing.blueprint import blueprint
from pointsman.testing.faces.faults import Fault, FaultKind
from pointsman.testing.faces.timing import HandTime, ScaledTime
from pointsman.testing.gcp import GcpFace
from pointsman.testing.network.model import Network

T = TypeVar("T")
LATENCY = 5.0
FABRICS = Path(__file__).parents[2] / "docs" / "fabrics"


def run(main: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(main)


@pytest.fixture(scope="session")
def fabric() -> Fabric:
    return load(str(FABRICS / "atlas.yaml"))


@dataclass
class Cloud:
    """The twin's Google side in a test's hand."""

    fabric: Fabric
    network: Network
    time: HandTime | ScaledTime
    face: GcpFace
    http: GoogleHttp

    @property
    def compute(self) -> Compute:
        return Patient(self)

    def past(self, seconds: float) -> None:
        """Let model time pass."""
        assert isinstance(self.time, HandTime)
        self.time.now += seconds
        self.face.tick()

    def trouble(self, operation: str, kind: FaultKind, times: int = 1, seconds: float = 0.0, service: str = "compute") -> None:
        self.face.faults.put(Fault(service=service, operation=operation, kind=kind, times=times, seconds=seconds))

    def links(self, flow: str) -> tuple[set[str], set[str]]:
        """Which links carry a flow, AWS to Google and Google to AWS."""
        self.face.tick()
        path = self.network.path(flow)
        return set(path.to_gcp.links), set(path.to_aws.links)

    def writes(self) -> list[str]:
        return [entry.operation for entry in self.face.log.writes()]


class Patient(Compute):
    """Lets the time pass that it waits for, so that no test depends on a clock."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud.http, endpoint=cloud.face.url)
        self._cloud = cloud

    async def wait(self, router: RouterRef, operation: str) -> bool:
        self._cloud.past(LATENCY)
        return await super().wait(router, operation)


def opened(fabric: Fabric, time: HandTime | ScaledTime, latency: float) -> Iterator[Cloud]:
    network = Network(blueprint(fabric))
    http = GoogleHttp(None, over=Http1(connect=5, read=15))
    with GcpFace(network, threading.RLock(), time, latency=latency) as face:
        face.install(fabric)
        yield Cloud(fabric=fabric, network=network, time=time, face=face, http=http)


@pytest.fixture
def cloud(fabric: Fabric) -> Iterator[Cloud]:
    """Operations end at once and time stands still."""
    yield from opened(fabric, HandTime(), 0.0)


@pytest.fixture
def slow_cloud(fabric: Fabric) -> Iterator[Cloud]:
    """Operations run, and keep their router busy, until time passes."""
    yield from opened(fabric, HandTime(), LATENCY)


@pytest.fixture
def six_cloud(fabric: Fabric) -> Iterator[Cloud]:
    """Give a cloud whose second flow, training, is of IPv6 prefixes."""
    training = fabric.flow("training")
    aws, gcp = fabric.links[0].aws_site, fabric.links[0].gcp_site
    of_six = replace(training, prefixes={aws: ("2001:db8:1::/48",), gcp: ("2001:db8:2::/48",)})
    flows = tuple(of_six if one.name == training.name else one for one in fabric.flows)
    yield from opened(replace(fabric, flows=flows), HandTime(), 0.0)


@pytest.fixture
def tandem_cloud() -> Iterator[Cloud]:
    """Give two regions, each with a VLAN attachment and a tunnel of the same names."""
    yield from opened(load(str(FABRICS / "two-regions.yaml")), HandTime(), 0.0)


@pytest.fixture
def demo_cloud() -> Iterator[Cloud]:
    """Give three interconnects of ours beside a managed one, which no flow is permitted on and which has the worst native MED."""
    yield from opened(load(str(FABRICS / "demo.yaml")), HandTime(), 0.0)
