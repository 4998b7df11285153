"""No test leaves this machine."""

import socket

import pytest

from pointsman.testing.guard import LeftLoopback

ELSEWHERE = "192.0.2.1"
"""An address for documentation (RFC 5737): nobody is there."""


def test_every_test_is_kept_on_loopback(refused_hosts: list[str]) -> None:
    with pytest.raises(LeftLoopback):
        socket.create_connection((ELSEWHERE, 9), timeout=1)
    assert refused_hosts.pop() == ELSEWHERE
