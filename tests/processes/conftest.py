"""What the tests of real processes share."""

import sys
from collections.abc import Iterator

import pytest

from pointsman.testing.processes import Supervisor


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor() as children:
        yield children


@pytest.fixture
def sleeper() -> list[str]:
    """A program that says that it is there and then waits."""
    return [sys.executable, "-S", "-c", "import time; print('here'); time.sleep(600)"]
