"""Rules for every test: no traffic beyond loopback, and hypothesis in a fixed profile (``--hypothesis-profile hunt`` looks further)."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from pointsman.testing.guard import loopback_only

settings.register_profile("gate", derandomize=True, deadline=None, max_examples=100, database=None)
settings.register_profile("hunt", deadline=None, max_examples=2_000)
settings.load_profile("gate")


@pytest.fixture(scope="session", autouse=True)
def _hears_ctrl_c() -> None:
    """Hear Ctrl-C also where a shell started the tests in the background, which tells them, and all they start, to ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def refused_hosts() -> Iterator[list[str]]:
    """Refuse, from the first fixture to the last, every connection that would leave this machine."""
    with loopback_only() as refused:
        yield refused


@pytest.fixture(autouse=True)
def _stays_on_loopback(refused_hosts: list[str]) -> Iterator[None]:
    """Fail a test that tried to leave the machine, also when an SDK hid the refusal behind an error of its own."""
    before = len(refused_hosts)
    yield
    assert refused_hosts[before:] == [], "this test tried to reach another machine: give its client an endpoint on 127.0.0.1"
