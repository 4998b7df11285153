"""``pointsman status --watch``: again and again until Ctrl-C, and then it leaves quietly."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.adapters.files.compiled import write_compiled
from pointsman.cli.watching import watched
from pointsman.core.errors import Transient
from pointsman.testing.processes import clean_environment
from tests.cli.commands import pointsman
from tests.cli.test_adopt_command import CLOSED, SERVICES
from tests.cli.test_verify_command import in_file


def at_once() -> None:
    """Wait for nothing."""


class Readings:
    """What is read each time; after the last of it somebody presses Ctrl-C."""

    def __init__(self, *found: str | Exception) -> None:
        self._found: Iterator[str | Exception] = iter(found)
        self.shown: list[str] = []

    def __call__(self) -> str:
        for one in self._found:
            if isinstance(one, Exception):
                raise one
            return one
        raise KeyboardInterrupt


def test_every_reading_is_shown_until_ctrl_c_and_the_last_counts() -> None:
    readings = Readings("well", "down", "well again")
    assert watched(readings, readings.shown.append, at_once) == "well again"
    assert readings.shown == ["well", "down", "well again"]


def test_what_cannot_be_read_now_is_said_and_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    readings = Readings("well", Transient("no store answers"), "well again", Transient("gone"))
    assert watched(readings, readings.shown.append, at_once) is None
    assert readings.shown == ["well", "well again"]
    assert capsys.readouterr().err == "pointsman: no store answers\npointsman: gone\n"


def test_a_real_one_is_refreshed_and_leaves_without_a_traceback(tmp_path: Path) -> None:
    fabric, _, _ = in_file(tmp_path)
    path = tmp_path / "fabric.json"
    path.write_bytes(write_compiled(fabric))
    environment = clean_environment(
        {"POINTSMAN_ENDPOINTS": json.dumps(dict.fromkeys(SERVICES, CLOSED)), "AWS_EC2_METADATA_DISABLED": "true"}
    )
    argv = [str(Path(sys.executable).with_name("pointsman")), "status", str(path), "--watch", "--every", "1"]
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        headings = (line for line in running.stdout if line.startswith("atlas at "))
        assert next(headings) != next(headings)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=30)
    assert (running.returncode, errors) == (1, "")


def test_it_ends_when_nobody_reads_it_any_more() -> None:
    script = (
        "from pointsman.cli import main\nfrom pointsman.cli.watching import watched\n"
        "@main.app.command('look')\ndef look(): watched(str, print, lambda: None)\nmain.run()"
    )
    with subprocess.Popen([sys.executable, "-c", script, "look"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr is not None
        errors = running.stderr.read()
    assert (running.returncode, errors) == (128 + signal.SIGPIPE, "")


@pytest.mark.parametrize("every", ["0", "3601", "soon"])
def test_an_interval_out_of_bounds_is_refused(every: str) -> None:
    assert pointsman("status", "fabric.json", "--watch", "--every", every).returncode == 2
