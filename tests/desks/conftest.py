"""Desks to try the port's promises on: one in memory, and the real adapter over a local HTTP desk."""

from collections.abc import Iterator

import pytest

from pointsman.adapters.desks.pagerduty import PagerDutyDesk
from pointsman.adapters.http import pool
from pointsman.testing.desk import LocalDesk, MemoryDesk
from tests.desks.counters import NOON, ROUTING_KEY, Counter


@pytest.fixture
def local() -> Iterator[LocalDesk]:
    with LocalDesk(lambda: NOON) as desk:
        yield desk


@pytest.fixture
def pagerduty(local: LocalDesk) -> Counter:
    return Counter(PagerDutyDesk("noc", ROUTING_KEY, over=pool(), endpoint=local.url), local)


@pytest.fixture(params=["memory", "pagerduty"])
def counter(request: pytest.FixtureRequest) -> Counter:
    if request.param == "pagerduty":
        found: Counter = request.getfixturevalue("pagerduty")
        return found
    desk = MemoryDesk("noc", lambda: NOON)
    return Counter(desk, desk)
