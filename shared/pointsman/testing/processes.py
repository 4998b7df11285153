"""Real child processes under a name: started, waited for, paused, killed, and never left behind.

Each child leads a process group of its own and gets a clean environment: no credentials, profiles or proxies of
the user's reach it. Should this process die in any way, also by SIGKILL, a watcher of a few kilobytes sees its
pipe close and kills the group.
"""

import os
import re
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import IO, Self

import urllib3

from pointsman.core.errors import PointsmanError

LINES_KEPT = 2_000
"""Output lines kept of one child; older ones are forgotten."""
LINE_LIMIT = 32_000
"""Characters kept of one output line: a sweep's log line with all that an audit newly found is about half of it, and JSON cut short is none."""
TAIL_LINES = 12
"""Output lines shown in an error."""
CHILDREN_LIMIT = 64
"""Children of one supervisor at most."""
GRACE = timedelta(seconds=5)
"""How long a child may take to end by itself after SIGTERM."""
REAP_LIMIT = timedelta(seconds=10)
"""How long the system may take to end a child after SIGKILL."""
READY_LIMIT = timedelta(seconds=60)
"""How long a child may take to come up."""
POLL = timedelta(milliseconds=50)
ATTEMPT_LIMIT = timedelta(seconds=2)

_INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "JAVA_HOME", "SSL_CERT_FILE", "COVERAGE_PROCESS_START")
_SHIELD = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "CLOUDSDK_CONFIG": os.devnull,
    "NO_GCE_CHECK": "true",
    "PYTHONUNBUFFERED": "1",
}
_WATCH = 'read -r _ || kill -s KILL -- "-$1"'


class ProcessError(PointsmanError):
    """A child did not start, did not come up or ended early; the text shows its last line, the note its last TAIL_LINES."""


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the environment a child starts with: a path and a language, nothing that leads to a real cloud, and ``extra``."""
    inherited = {name: value for name in _INHERITED if (value := os.environ.get(name)) is not None}  # noqa: TID251 - children inherit from here alone
    return inherited | _SHIELD | dict(extra or {})


class Child:
    """One running process. ``pid`` is its process id and its group's."""

    def __init__(self, name: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        self.name = name
        self.argv = tuple(argv)
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._changed = threading.Condition()
        self._silent = self._tidied = False
        self._process = self._spawn(clean_environment(env), cwd)
        self._watcher = _watch(self._process.pid)
        self._pump = threading.Thread(target=self._collect, name=f"output-{name}", daemon=True)
        self._pump.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended: the exit code, minus the signal's number, or None while it runs."""
        code = self._process.poll()
        if code is not None:
            self._tidy()
        return code

    @property
    def running(self) -> bool:
        """Say whether it has not ended."""
        return self.returncode is None

    def output(self) -> tuple[str, ...]:
        """Give what it printed, standard output and error together, the newest LINES_KEPT lines."""
        with self._changed:
            return tuple(self._lines)

    def tail(self) -> str:
        """Give the last lines of its output as one text."""
        return "\n".join(self.output()[-TAIL_LINES:])

    def wait_line(self, pattern: str, limit: timedelta = READY_LIMIT) -> re.Match[str]:
        """Wait for an output line in which ``pattern`` is found. Raises ProcessError when it ends first or the limit is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._find(pattern) or self._silent, limit.total_seconds())
            found = self._find(pattern)
        if found is None:
            if self._silent:
                self._await_end()
            raise self._complain(f"printed no line like {pattern!r} within {limit.total_seconds():.0f} s")
        return found

    def _await_end(self) -> None:
        """Give a child whose output is over the moment it takes to have ended, so that its exit code is known."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE.total_seconds())

    def wait_http(self, url: str, limit: timedelta = READY_LIMIT) -> None:
        """Wait until ``url`` answers below 500. Raises ProcessError when the child ends first or the limit is over."""
        for _ in attempts(limit):
            if not self.running:
                raise self._complain("ended")
            if _answers(url):
                return
        raise self._complain(f"did not answer on {url} within {limit.total_seconds():.0f} s")

    def wait_exit(self, limit: timedelta = READY_LIMIT) -> int:
        """Wait until it has ended and give its exit code. Raises ProcessError at the limit."""
        try:
            code = self._process.wait(limit.total_seconds())
        except subprocess.TimeoutExpired as error:
            raise self._complain(f"is still running after {limit.total_seconds():.0f} s") from error
        self._tidy()
        return code

    def pause(self) -> None:
        """Freeze it where it stands (SIGSTOP)."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen one go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it and its group at once (SIGKILL), as a crash would."""
        self._signal(signal.SIGKILL)
        self.wait_exit(REAP_LIMIT)

    def peak_rss(self) -> int | None:
        """Give the most memory, in bytes, that the largest process of its group ever held; None where the system does not tell (no /proc)."""
        return max(_peaks(self.pid), default=None)

    def ask_to_end(self) -> None:
        """Ask it and its group to end by themselves (SIGTERM), also when it is frozen."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)

    def stop(self, grace: timedelta = GRACE) -> None:
        """Ask it to end, and kill it when it has not done so within ``grace``. Safe to repeat."""
        if self.running:
            self.ask_to_end()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(grace.total_seconds())
        self.kill()

    def _spawn(self, env: Mapping[str, str], cwd: Path | None) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(  # noqa: S603 - no shell, and the command is the caller's own
                self.argv,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise ProcessError(f"{self.name}: cannot start {self.argv[0]}: {error.strerror}; check that it is installed") from error

    def _signal(self, number: signal.Signals) -> None:
        if self._tidied:  # the number may be another process's by now
            return
        with suppress(ProcessLookupError, PermissionError):  # the group is gone already (macOS says: not permitted)
            os.killpg(self.pid, number)

    def _collect(self) -> None:
        assert self._process.stdout is not None, "it was opened as a pipe"
        for line in _lines_of(self._process.stdout):
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._silent = True
            self._changed.notify_all()

    def _find(self, pattern: str) -> re.Match[str] | None:
        return next((found for line in self._lines if (found := re.search(pattern, line))), None)

    def _tidy(self) -> None:
        """End what is left of its group, as soon as its own end is seen."""
        self._signal(signal.SIGKILL)
        self._tidied = True
        self._pump.join(GRACE.total_seconds())
        _dismiss(self._watcher)

    def _complain(self, what: str) -> ProcessError:
        ended = "" if self.running else f" (exit code {self.returncode})"
        last = next(reversed(self.output()), "nothing")
        error = ProcessError(f"{self.name} {what}{ended}; the last it printed was: {last}")
        error.add_note(self.tail())
        return error


class Supervisor:
    """Children by name; leaving the ``with`` block stops them all, the last started first."""

    def __init__(self) -> None:
        self._children: dict[str, Child] = {}
        self._recipes: dict[str, tuple[tuple[str, ...], dict[str, str], Path | None]] = {}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop everything, also after Ctrl-C."""
        self.stop_all()

    def __getitem__(self, name: str) -> Child:
        """Give the child of that name. Raises KeyError."""
        return self._children[name]

    def __iter__(self) -> Iterator[str]:
        """Walk the names, in the order of starting."""
        return iter(tuple(self._children))

    def start(self, name: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Child:
        """Start a child. Raises ProcessError when the name is taken by a running one, or at CHILDREN_LIMIT."""
        if name in self._children and self._children[name].running:
            raise ProcessError(f"{name} is running already; stop it first")
        if len(self._children.keys() | {name}) > CHILDREN_LIMIT:
            raise ProcessError(f"{name} would be one more than {CHILDREN_LIMIT} children; stop some first")
        self._recipes[name] = (tuple(argv), dict(env or {}), cwd)
        with _ctrl_c_later():
            self._children[name] = Child(name, argv, env=env, cwd=cwd)
        return self._children[name]

    def restart(self, name: str) -> Child:
        """Stop a child if it runs and start it anew by the same command. Raises KeyError."""
        argv, env, cwd = self._recipes[name]
        self._children[name].stop()
        return self.start(name, argv, env=env, cwd=cwd)

    def stop(self, name: str) -> None:
        """Ask a child to end. Raises KeyError."""
        self._children[name].stop()

    def kill(self, name: str) -> None:
        """End a child as a crash would (SIGKILL). Raises KeyError."""
        self._children[name].kill()

    def pause(self, name: str) -> None:
        """Freeze a child. Raises KeyError."""
        self._children[name].pause()

    def resume(self, name: str) -> None:
        """Let a frozen child go on. Raises KeyError."""
        self._children[name].resume()

    def running(self) -> tuple[str, ...]:
        """Name the children that run."""
        return tuple(name for name, child in self._children.items() if child.running)

    def stop_all(self) -> None:
        """Stop every child, even when the user presses Ctrl-C again meanwhile. All are asked first, so that they end side by side."""
        last_first = tuple(reversed(self._children.values()))
        with _uninterrupted():
            for child in last_first:
                child.ask_to_end()
            for child in last_first:
                child.stop()


def _lines_of(stream: IO[str]) -> Iterator[str]:
    """Cut a stream into lines of bounded length; a stream closed under it ends it."""
    with suppress(ValueError, OSError), stream:
        while line := stream.readline(LINE_LIMIT):
            yield line.rstrip("\n")


def _peaks(group: int) -> Iterator[int]:
    """Read the peak resident size of each process of a group (Linux: VmHWM in /proc/PID/status, in kB)."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
            peak = re.search(r"^VmHWM:\s+(\d+) kB", (folder / "status").read_text(), re.MULTILINE)
            if peak and int(after_name[2]) == group:
                yield int(peak.group(1)) * 1024


def _watch(pid: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - a fixed text; the argument is a number
        ["/bin/sh", "-c", _WATCH, "watch", str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _dismiss(watcher: subprocess.Popen[bytes]) -> None:
    if watcher.returncode is None:
        watcher.communicate(b"\n", REAP_LIMIT.total_seconds())


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """Hear Ctrl-C only at the end: between a child's start and its entry in the list it would leave a child that nobody knows."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        raise KeyboardInterrupt


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C off while children are stopped; only the main thread may, and elsewhere it does not arrive."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def until(holds: Callable[[], bool], limit: timedelta = READY_LIMIT) -> bool:
    """Wait until ``holds`` is true; say at the limit whether it is."""
    return any(holds() for _ in attempts(limit)) or holds()


def attempts(limit: timedelta) -> Iterator[None]:
    """Yield at once and then every POLL until the limit is over."""
    end = perf_counter() + limit.total_seconds()
    pause = threading.Event()
    while perf_counter() < end:
        yield
        pause.wait(POLL.total_seconds())


def _answers(url: str) -> bool:
    try:
        reply = urllib3.request("GET", url, timeout=ATTEMPT_LIMIT.total_seconds(), retries=False)
    except urllib3.exceptions.HTTPError:
        return False
    return reply.status < 500
