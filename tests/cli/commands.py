"""The console script, run as a user runs it."""

import subprocess
import sys
from pathlib import Path

from tests.fabric.written import EXAMPLES

ATLAS_FILE = str(EXAMPLES / "atlas.yaml")
SCRIPT = [sys.executable, "-c", "from pointsman.cli.main import run; run()"]


def pointsman(*arguments: str, stdin: str = "", cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the command line in a process of its own."""
    return subprocess.run([*SCRIPT, *arguments], check=False, capture_output=True, text=True, input=stdin, cwd=cwd, timeout=60)
