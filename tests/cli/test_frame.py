"""The frame of the command line: help, version, errors and endings."""

import os
import signal
import subprocess
import sys

import pytest

from pointsman import __version__
from tests.cli.commands import ATLAS_FILE, SCRIPT, pointsman

BROKEN = "from pointsman.cli import main\n@main.app.command('break')\ndef broken():\n    {body}\nmain.run()"


def breaking(body: str, environment: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    script = BROKEN.format(body=body)
    command = [sys.executable, "-c", script, "break"]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=environment)


def test_version() -> None:
    assert pointsman("--version").stdout == f"pointsman {__version__}\n"


def test_help_names_every_command() -> None:
    done = pointsman("--help")
    assert done.returncode == 0
    assert all(command in done.stdout for command in ("check", "compile", "schema", "decode"))


def test_help_loads_neither_yaml_nor_pydantic_nor_an_sdk() -> None:
    script = (
        "import sys; from pointsman.cli.main import app\n"
        "print([name for name in ('yaml', 'pydantic', 'boto3', 'botocore', 'google.auth', 'hypothesis', 'moto') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize("arguments", [["no-such-command"], ["check"], ["check", "--no-such-option", "x"], ["compile", "a", "b"]])
def test_a_wrong_command_line_exits_2_without_a_traceback(arguments: list[str]) -> None:
    done = pointsman(*arguments)
    assert done.returncode == 2
    assert "Usage: pointsman" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_on_purpose_is_one_line() -> None:
    done = breaking("from pointsman.core.errors import Refused; raise Refused('thaw it first')")
    assert (done.returncode, done.stderr) == (1, "pointsman: thaw it first\n")


def test_a_defect_is_one_line_that_asks_for_a_report() -> None:
    done = breaking("raise LookupError('no such thing')")
    assert done.returncode == 70
    assert (
        done.stderr == "pointsman: this is a defect of pointsman (LookupError: no such thing); please report it with the command you ran\n"
    )


def test_ctrl_c_exits_130_quietly() -> None:
    done = breaking("import os, signal; os.kill(os.getpid(), signal.SIGINT)")
    assert (done.returncode, done.stderr) == (128 + signal.SIGINT, "")


def test_a_reader_that_is_gone_ends_it_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        for command in (["check", ATLAS_FILE], ["schema"], ["compile", ATLAS_FILE], ["--help"]):
            done = subprocess.run([*SCRIPT, *command], check=False, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60)
            assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, ""), command
    finally:
        os.close(writing)


def printing(body: str, redirected: str) -> "subprocess.CompletedProcess[str]":
    """Run a command through a shell that sends its output elsewhere."""
    script = BROKEN.format(body=f"import typer; {body}")
    command = ["/bin/sh", "-c", f'exec "$@" {redirected}', "sh", sys.executable, "-c", script, "break"]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("body", "code"), [("raise typer.Exit(0)", 128 + signal.SIGPIPE), ("raise typer.Exit(1)", 1), ("raise typer.Exit(2)", 2)]
)
def test_a_reader_that_is_gone_hides_no_code_of_the_command(body: str, code: int) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        script = BROKEN.format(body=f"import typer; typer.echo('agreed'); {body}")
        done = subprocess.run(
            [sys.executable, "-c", script, "break"], check=False, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.parametrize(("leaves", "code"), [("", 74), ("; raise typer.Exit(1)", 1), ("; raise typer.Exit(2)", 2)])
def test_a_full_disk_behind_standard_output_is_told_and_hides_no_code_of_the_command(leaves: str, code: int) -> None:
    for prints in ("typer.echo('agreed')", "print('agreed')", "print('agreed', flush=True)"):
        done = printing(f"{prints}{leaves}", ">/dev/full")
        assert done.stderr == (
            "pointsman: cannot print (No space left on device): make room where standard output goes; what the command did stands\n"
        )
        assert done.returncode == code, prints


def test_without_standard_output_or_error_the_code_is_the_command_s_own() -> None:
    for redirected in (">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"):
        for leaves, code in (("", 0), ("; raise typer.Exit(1)", 1)):
            done = printing(f"typer.echo('agreed'); typer.echo('also', err=True){leaves}", redirected)
            assert done.returncode == code, redirected
            assert "Traceback" not in done.stderr
        wrong = printing("from pointsman.core.errors import Refused; raise Refused('thaw it first')", redirected)
        assert wrong.returncode == 1


def test_what_a_terminal_cannot_show_is_escaped() -> None:
    done = breaking("print(chr(228))", {"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout) == (0, "\\xe4\n")


LINGERING = """
import asyncio, time
from pointsman.boot import loop
from pointsman.cli import main
kept = set()
async def slow(): await asyncio.to_thread(time.sleep, 0.6)
async def late():
    await asyncio.sleep(0.2)
    await asyncio.to_thread(print, "kept up", flush=True)
async def asked(): kept.update(map(asyncio.create_task, (slow(), late())))
@main.app.command("ask")
def ask(): loop.run(asked())
main.run()
"""


def test_what_still_goes_on_when_an_answer_is_there_comes_to_its_end_without_a_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", LINGERING, "ask"], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "kept up\n", "")


def test_stores_that_cannot_be_asked_now_exit_2() -> None:
    done = breaking("from pointsman.core.errors import Transient; raise Transient('no majority answers: try again')")
    assert (done.returncode, done.stderr) == (2, "pointsman: no majority answers: try again\n")


def test_a_shell_without_keys_is_told_where_a_person_puts_them() -> None:
    script = "from pointsman.boot.identity import aws_credentials, google_credentials; from pointsman.boot.settings import Settings; "
    script += "from pointsman.core.fabric import Cloud; "
    ask = {"aws": "aws_credentials(Settings(), 'us-east-1', Cloud.AWS)", "gcloud": "google_credentials(Settings(), Cloud.AWS)"}
    environment = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": os.devnull}
    for word, call in ask.items():
        done = breaking(script + call, environment)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "in a shell" in done.stderr
        assert word in done.stderr.lower()
