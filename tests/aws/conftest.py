"""One AWS face for all tests of this folder; each begins with a network of its own and time that stands still."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from datetime import datetime, timedelta
from typing import Any, TypeVar

import boto3
import pytest

from pointsman.adapters.aws.clients import Clients
from pointsman.core.fabric import Fabric
from pointsman.testing.aws.face import AwsFace
from pointsman.testing.blueprint import blueprint
from pointsman.testing.faces.faults import Fault, FaultKind
from pointsman.testing.faces.timing import HandTime
from pointsman.testing.guard import loopback_only
from pointsman.testing.network.model import Network
from tests.twin.networks import reference

REGION = "us-east-1"
SERVICES = ("ec2", "directconnect", "interconnect", "ssm", "sqs", "secretsmanager")
OPERATOR = "AKIAOPERATOR"
T = TypeVar("T")


class HandClock:
    """The face's own time as a clock; sleeping moves it."""

    def __init__(self, time: HandTime) -> None:
        self.time = time

    def now(self) -> datetime:
        return self.time.moment(self.time.now)

    def monotonic(self) -> float:
        return self.time.now

    async def sleep(self, seconds: float) -> None:
        self.time.now += seconds


class Cloud:
    """A fabric, the network made of it, AWS's face of that network, and our clients of it."""

    def __init__(self, face: AwsFace, clients: Clients, operator: Clients, fabric: Fabric) -> None:
        self.fabric, self.face, self.clients, self.operator = fabric, face, clients, operator
        self.time = HandTime()
        self.clock = HandClock(self.time)
        self.network = Network(blueprint(fabric))
        face.restart(self.network, self.time)

    def later(self, **passed: float) -> None:
        """Let network time pass."""
        self.time.now += timedelta(**passed).total_seconds()
        self.face.tick()

    def fails(self, operation: str, kind: FaultKind, *, times: int = 1, seconds: float = 0.0) -> None:
        """Let the next calls of an operation go wrong."""
        self.face.faults.put(Fault(service="*", operation=operation, kind=kind, times=times, seconds=seconds))

    @property
    def asked(self) -> tuple[str, ...]:
        """The operations that were asked, in order of their end."""
        return self.face.log.operations()

    @property
    def writes(self) -> tuple[str, ...]:
        """The operations asked that change routing."""
        reading = ("Describe", "List", "Search", "Get", "Put")
        return tuple(name for name in self.asked if not name.startswith(reading))

    def links_to_google(self, flow: str) -> set[str]:
        """The links that carry a flow's packets from AWS to Google."""
        return set(self.network.path(flow).to_gcp.links)


def run(main: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(main)


@pytest.fixture(scope="session")
def face() -> Iterator[AwsFace]:
    time = HandTime()
    with AwsFace(Network(blueprint(reference())), threading.RLock(), time, principals={OPERATOR: "an-operator"}) as started:
        yield started


@pytest.fixture(scope="session")
def clients(face: AwsFace) -> Clients:
    return Clients(endpoints=dict.fromkeys(SERVICES, face.url), session=session_of("AKIAPOINTSMAN"))


@pytest.fixture(scope="session")
def operators_clients(face: AwsFace) -> Clients:
    return Clients(endpoints=dict.fromkeys(SERVICES, face.url), session=session_of(OPERATOR))


@pytest.fixture
def cloud(face: AwsFace, clients: Clients, operators_clients: Clients) -> Iterator[Cloud]:
    with loopback_only() as refused:
        yield Cloud(face, clients, operators_clients, reference())
    assert not refused


@pytest.fixture
def operator(cloud: Cloud) -> Clients:
    """An operator's own plain boto3 clients."""
    return cloud.operator


def session_of(key: str) -> Any:
    return lambda: boto3.session.Session(aws_access_key_id=key, aws_secret_access_key="secret", region_name=REGION)
