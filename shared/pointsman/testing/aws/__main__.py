"""Serve the AWS face of a compiled fabric's network on loopback, and print its URL."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from pointsman.adapters.files.compiled import read_compiled
from pointsman.testing.aws.face import AwsFace
from pointsman.testing.blueprint import blueprint
from pointsman.testing.faces.timing import ScaledTime
from pointsman.testing.network.model import Network


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    ask = argparse.ArgumentParser(prog="python -m pointsman.testing.aws", description=__doc__)
    ask.add_argument("--fabric", type=Path, required=True, help="a compiled fabric (JSON)")
    ask.add_argument("--port", type=int, default=0, help="0 takes any free one")
    ask.add_argument("--factor", type=float, default=1.0, help="how many times as fast as the clock the network runs")
    told = ask.parse_args()
    network = Network(blueprint(read_compiled(told.fabric.read_bytes(), str(told.fabric))))
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    signal.signal(signal.SIGINT, lambda *_: over.set())
    with AwsFace(network, threading.RLock(), ScaledTime(told.factor), port=told.port) as face:
        sys.stdout.write(f"AWS listens on {face.url}\n")
        sys.stdout.flush()
        over.wait()


if __name__ == "__main__":
    main()
