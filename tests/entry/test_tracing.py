"""X-Ray: off unless asked for, and then each call is a subsegment that can be found by outcome and epoch."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from pointsman.testing.processes import clean_environment
from tests.house.tree import ROOT

DATAGRAM = 65_536
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


class Daemon:
    """Takes what a process sends to the X-Ray daemon."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0)

    def run(self, *arguments: str, **variables: str) -> str:
        """Call a traced handler twice in a process of its own; gives what it printed."""
        host, port = self._socket.getsockname()
        env = {
            "PYTHONPATH": str(ROOT),
            "LAMBDA_TASK_ROOT": str(ROOT),
            "_X_AMZN_TRACE_ID": TRACE,
            "AWS_XRAY_DAEMON_ADDRESS": f"{host}:{port}",
            **variables,
        }
        argv = [sys.executable, "-m", "tests.entry.traced_call", *arguments]
        done = subprocess.run(argv, env=clean_environment(env), cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def segments(self) -> list[dict[str, Any]]:
        """Give the segments that came, oldest first."""
        found: list[dict[str, Any]] = []
        while True:
            try:
                _, _, body = self._socket.recv(DATAGRAM).partition(b"\n")
            except BlockingIOError:
                return found
            found.append(json.loads(body))

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    one = Daemon()
    yield one
    one.close()


def test_tracing_is_off_and_costs_no_import_unless_it_is_asked_for(daemon: Daemon) -> None:
    printed = daemon.run()
    assert printed.count("answer {'outcome': ") == 2
    assert "loaded False" in printed
    assert daemon.segments() == []


def test_traced_calls_are_subsegments_with_outcome_epoch_and_stages(daemon: Daemon) -> None:
    printed = daemon.run(POINTSMAN_TRACE="1")
    assert printed.count("answer {'outcome': ") == 2
    segments = daemon.segments()
    assert len(segments) == 2
    for segment in segments:
        assert segment["name"] == "## link_changed"
        assert segment["trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"
        assert segment["annotations"] == {"outcome": "ack", "epoch": 7, "agreed": True}
        assert segment["metadata"]["pointsman-link_changed"]["stages_ms"] == {"noted": 12.0, "agreed": 34.0, "written": 50.0}


def test_tracing_without_its_package_is_told_with_the_mend(daemon: Daemon) -> None:
    printed = daemon.run("without", POINTSMAN_TRACE="1")
    assert printed.count("refused POINTSMAN_TRACE is on and aws-xray-sdk is missing: add aws-lambda-powertools[tracer]") == 2
    assert "Traceback" not in printed


def test_a_missing_package_is_nobodys_business_while_tracing_is_off(daemon: Daemon) -> None:
    assert daemon.run("without").count("answer {'outcome': ") == 2
