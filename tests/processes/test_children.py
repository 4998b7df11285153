"""Children are started, waited for, paused, killed, and never left behind."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from pointsman.testing.processes import (
    CHILDREN_LIMIT,
    LINE_LIMIT,
    LINES_KEPT,
    Child,
    ProcessError,
    Supervisor,
    clean_environment,
    until,
)

LIMIT = timedelta(seconds=30)
SHORT = timedelta(milliseconds=200)


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def test_a_line_that_a_child_prints_is_waited_for(supervisor: Supervisor) -> None:
    child = supervisor.start("talker", python("print('listening on 4711'); import time; time.sleep(600)"))
    assert child.wait_line(r"listening on (\d+)", LIMIT).group(1) == "4711"


def test_a_child_that_ends_before_its_line_says_why(supervisor: Supervisor) -> None:
    child = supervisor.start("broken", python("print('no licence'); raise SystemExit(3)"))
    with pytest.raises(ProcessError, match=r"broken printed no line like 'listening'.*exit code 3.*no licence"):
        child.wait_line("listening", LIMIT)


def test_a_child_that_closes_its_output_before_it_ends_says_why_too(supervisor: Supervisor) -> None:
    code = "import os, time; os.write(1, b'no licence\\n'); os.close(1); os.close(2); time.sleep(0.3); os._exit(3)"
    with pytest.raises(ProcessError, match=r"exit code 3"):
        supervisor.start("hasty", python(code)).wait_line("listening", LIMIT)


def test_a_child_that_stays_silent_is_given_up_at_the_limit(supervisor: Supervisor, sleeper: list[str]) -> None:
    with pytest.raises(ProcessError, match="printed no line"):
        supervisor.start("mute", sleeper).wait_line("listening", SHORT)


def test_an_http_server_is_waited_for(supervisor: Supervisor) -> None:
    child = supervisor.start("web", [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "0"])
    port = child.wait_line(r"port (\d+)", LIMIT).group(1)
    child.wait_http(f"http://127.0.0.1:{port}/", LIMIT)


def test_a_child_that_ends_is_not_waited_for_until_the_limit(supervisor: Supervisor) -> None:
    child = supervisor.start("brief", python("pass"))
    with pytest.raises(ProcessError, match="brief ended"):
        child.wait_http("http://127.0.0.1:9/", timedelta(hours=1))


def test_a_program_that_does_not_exist_is_named(supervisor: Supervisor) -> None:
    with pytest.raises(ProcessError, match="cannot start /no/such/program"):
        supervisor.start("ghost", ["/no/such/program"])


def test_a_killed_child_is_gone_with_its_own_children(supervisor: Supervisor, sleeper: list[str]) -> None:
    nest = f"import subprocess, time; print(subprocess.Popen({sleeper!r}).pid, flush=True); time.sleep(600)"
    child = supervisor.start("parent", python(nest))
    grandchild = int(child.wait_line(r"^\d+$", LIMIT).group())
    supervisor.kill("parent")
    assert child.returncode == -signal.SIGKILL
    assert until(lambda: not alive(grandchild), LIMIT)


def test_a_child_that_ignores_the_request_to_end_is_killed(supervisor: Supervisor) -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    child = supervisor.start("stubborn", python(stubborn))
    child.wait_line("deaf", LIMIT)
    child.stop(SHORT)
    assert child.returncode == -signal.SIGKILL


def test_a_child_that_minds_the_request_ends_in_its_own_way(supervisor: Supervisor) -> None:
    polite = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); print('ready', flush=True); time.sleep(600)"
    child = supervisor.start("polite", python(polite))
    child.wait_line("ready", LIMIT)
    child.stop(LIMIT)
    child.stop(LIMIT)
    assert child.returncode == 7


def test_a_paused_child_says_nothing_until_it_is_resumed(supervisor: Supervisor) -> None:
    ticker = "import time\nfor n in range(10_000): print('tick', n, flush=True); time.sleep(.01)"
    child = supervisor.start("ticker", python(ticker))
    child.wait_line("tick 3", LIMIT)
    supervisor.pause("ticker")
    assert until(lambda: state(child.pid) == "T", LIMIT)
    assert until(lambda: child.output() == settled(child), LIMIT)
    before = child.output()
    with pytest.raises(ProcessError, match="printed no line"):
        child.wait_line(rf"^tick {len(before) + 5}$", SHORT)
    supervisor.resume("ticker")
    child.wait_line(rf"^tick {len(before) + 5}$", LIMIT)


def test_a_paused_child_can_be_stopped(supervisor: Supervisor, sleeper: list[str]) -> None:
    child = supervisor.start("frozen", sleeper)
    child.pause()
    supervisor.stop("frozen")
    assert not child.running


def test_a_restarted_child_is_another_process_by_the_same_command(supervisor: Supervisor) -> None:
    first = supervisor.start(
        "worker", python("import os, time; print(os.environ['COLOUR'], flush=True); time.sleep(600)"), env={"COLOUR": "red"}
    )
    supervisor.kill("worker")
    second = supervisor.restart("worker")
    second.wait_line("red", LIMIT)
    assert second.pid != first.pid


def test_a_name_in_use_is_not_given_twice(supervisor: Supervisor, sleeper: list[str]) -> None:
    supervisor.start("one", sleeper)
    with pytest.raises(ProcessError, match="one is running already"):
        supervisor.start("one", sleeper)


def test_children_are_bounded(supervisor: Supervisor) -> None:
    for number in range(CHILDREN_LIMIT):
        supervisor.start(f"c{number}", ["/bin/true"]).wait_exit(LIMIT)
    with pytest.raises(ProcessError, match="one more than"):
        supervisor.start("too-many", ["/bin/true"])


def test_the_output_of_a_chatterer_is_bounded_and_its_newest_lines_are_kept(supervisor: Supervisor) -> None:
    child = supervisor.start("chatterer", python(f"print('x' * {3 * LINE_LIMIT})\nfor n in range({2 * LINES_KEPT}): print(n)"))
    child.wait_exit(LIMIT)
    lines = child.output()
    assert len(lines) == LINES_KEPT
    assert lines[-1] == str(2 * LINES_KEPT - 1)
    assert max(map(len, lines)) <= LINE_LIMIT


def test_an_endless_line_is_cut_to_the_limit(supervisor: Supervisor) -> None:
    child = supervisor.start("endless", python(f"print('x' * {3 * LINE_LIMIT})"))
    child.wait_exit(LIMIT)
    assert {len(line) for line in child.output() if line} == {LINE_LIMIT}


def test_leaving_the_block_by_an_error_stops_everything(sleeper: list[str]) -> None:
    children = Supervisor()
    with pytest.raises(KeyboardInterrupt), children:
        press_ctrl_c_with(children, sleeper)
    assert children.running() == ()
    assert not any(alive(children[name].pid) for name in children)


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_children_do_not_outlive_their_parent_however_it_dies(supervisor: Supervisor, sleeper: list[str], death: signal.Signals) -> None:
    code = (
        "from pointsman.testing.processes import Supervisor\n"
        "import threading\n"
        "with Supervisor() as children:\n"
        "    starter = threading.Thread(target=lambda: children.start('orphan', " + repr(sleeper) + "))\n"
        "    starter.start(); starter.join()\n"
        "    children['orphan'].wait_line('here')\n"
        "    print('orphan', children['orphan'].pid, flush=True)\n"
        "    threading.Event().wait(600)\n"
    )
    parent = supervisor.start("parent", [sys.executable, "-c", code])
    orphan = int(parent.wait_line(r"orphan (\d+)", LIMIT).group(1))
    assert alive(orphan)
    os.kill(parent.pid, death)
    assert until(lambda: not alive(orphan), LIMIT)


def test_a_child_sees_nothing_of_the_users_own_cloud_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "GOOGLE_APPLICATION_CREDENTIALS", "HTTPS_PROXY", "HOME"):
        monkeypatch.setenv(name, "mine")
    seen = clean_environment({"AWS_ACCESS_KEY_ID": "test"})
    assert "mine" not in seen.values()
    assert seen["AWS_ACCESS_KEY_ID"] == "test"
    assert seen["PATH"]


def test_a_child_works_in_the_folder_it_is_given(supervisor: Supervisor, tmp_path: Path) -> None:
    child = supervisor.start("where", python("import os; print(os.getcwd())"), cwd=tmp_path)
    child.wait_line(str(tmp_path.resolve()), LIMIT)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system tells no peak memory in /proc")
def test_the_peak_memory_of_a_childs_largest_process_is_told(supervisor: Supervisor) -> None:
    hungry = "import time; block = bytearray(b'x') * 64_000_000; del block; print('fed', flush=True); time.sleep(600)"
    nest = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-S', '-c', {hungry!r}]); time.sleep(600)"
    child = supervisor.start("nest", python(nest))
    child.wait_line("fed", LIMIT)
    peak = child.peak_rss()
    assert peak is not None
    assert 64_000_000 < peak < 128_000_000
    supervisor.kill("nest")
    assert child.peak_rss() is None


def test_no_watcher_stays_after_its_child(sleeper: list[str]) -> None:
    child = Child("watched", sleeper)
    watcher = child._watcher.pid
    assert alive(watcher)
    child.stop()
    assert not alive(watcher)


def press_ctrl_c_with(children: Supervisor, argv: list[str]) -> None:
    children.start("a", argv)
    children.start("b", argv)
    raise KeyboardInterrupt


def alive(pid: int) -> bool:
    return state(pid) not in {"", "Z"}


def state(pid: int) -> str:
    """Give the one-letter state of a process, "" when there is none."""
    if not Path("/proc/self/stat").exists():
        return subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout.strip()[:1]
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def settled(child: Child) -> tuple[str, ...]:
    until(lambda: False, timedelta(milliseconds=60))
    return child.output()
