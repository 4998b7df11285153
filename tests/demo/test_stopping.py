"""The demo as a stranger meets it: stopped half-way, without Google's emulators, and told to write where it may not."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pointsman.testing.processes import clean_environment, until

ROOT = Path(__file__).parents[2]
POINTSMAN = str(Path(sys.executable).with_name("pointsman"))
pytestmark = pytest.mark.timeout(240)


class Playing:
    """A demo that runs, what it printed so far, and the processes that stem from it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self.family: set[int] = set()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def says(self, text: str) -> bool:
        return until(lambda: text in self.text or self.process.poll() is not None) and text in self.text

    @property
    def text(self) -> str:
        return " ".join("".join(self.lines).split())

    def interrupt(self) -> int:
        """Press Ctrl-C, wait for the end, and give the exit code."""
        self.family = _descendants(self.process.pid)
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(120)
        self._reader.join(10)
        return code

    def left(self) -> set[int]:
        return {pid for pid in self.family if _is_running(pid)}


@contextmanager
def playing(**environment: str) -> Iterator[Playing]:
    process = subprocess.Popen(
        [POINTSMAN, "demo"],
        cwd=ROOT,
        env=clean_environment(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Playing(process)
    finally:
        process.kill()
        process.wait(30)


def _descendants(pid: int) -> set[int]:
    """List the processes that stem from one, by what /proc tells of parents."""
    parents = {int(one.name): _parent(one) for one in Path("/proc").glob("[0-9]*")}
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def _parent(folder: Path) -> int:
    try:
        return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it ended meanwhile
        return 0


def _is_running(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="which processes are left is read from /proc")


@needs_proc
def test_ctrl_c_in_the_middle_leaves_no_process_and_says_so_in_a_line() -> None:
    with playing() as demo:
        assert demo.says("goes grey"), demo.text
        code = demo.interrupt()
        assert (code, demo.lines[-1]) == (130, "pointsman: the demo was stopped by Ctrl-C; nothing that it started is left running\n")
        assert demo.family
        assert until(lambda: not demo.left()), demo.left()


@needs_proc
def test_ctrl_c_while_everything_is_still_starting_leaves_no_process() -> None:
    with playing() as demo:
        assert until(lambda: len(_descendants(demo.process.pid)) > 2)
        assert demo.interrupt() == 130
        assert until(lambda: not demo.left()), demo.left()


@needs_proc
def test_without_googles_emulators_sqlite_plays_and_the_demo_says_so(tmp_path: Path) -> None:
    with playing(JAVA_HOME=str(tmp_path), POINTSMAN_EMULATORS=str(tmp_path)) as demo:
        assert demo.says("waiting for the first plan"), demo.text
        assert "DynamoDB (moto), sqlite (Google's Firestore emulator" in demo.text
        assert demo.interrupt() == 130


@pytest.mark.parametrize("place", ["no/such/folder/demo.json", "."])
def test_a_place_where_nothing_can_be_written_is_one_line_before_anything_starts(tmp_path: Path, place: str) -> None:
    argv = [POINTSMAN, "demo", "--json", str(tmp_path / place)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "cannot write the file" in done.stderr
