"""A file that is named on the command line and cannot be used: one line that says what to do, and exit code 2, whatever the command."""

from pathlib import Path

import pytest

from tests.cli.commands import ATLAS_FILE, pointsman

WHO = ("--author", "operator", "--reason", "fibre works")
WHEN = ("--from", "2026-11-25T04:00Z", "--to", "2026-11-25T08:00Z")
COMMANDS = {
    "status": (),
    "explain": (),
    "history": (),
    "audit": (),
    "verify": (),
    "record": ("atlas/ix-a@2", "-o", "bundle.json"),
    "freeze": WHO,
    "thaw": WHO,
    "drain": ("ix-a", *WHO),
    "undrain": ("ix-a", *WHO),
    "approve": ("0123456789abcdef", *WHO),
    "deny": ("0123456789abcdef", *WHO),
    "ack": ("ix-a@2", *WHO),
    "pin": ("checkout>ix-a", *WHO),
    "adopt": ("next.json", *WHO),
    "stores move": ("next.json",),
    "window list": (),
    "window add": ("ix-a", *WHEN, *WHO),
    "window cancel": ("w1", *WHO),
    "probe run": ("--site", "aws-use1"),
    "probe send": ("--site", "aws-use1"),
    "probe respond": ("--site", "aws-use1"),
}

each = pytest.mark.parametrize("command", COMMANDS)


def refused(command: str, file: str, cwd: Path) -> str:
    done = pointsman(*command.split(), file, *COMMANDS[command], cwd=cwd)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
    return done.stderr


@each
def test_a_fabric_that_is_not_there_is_named_with_what_to_do(command: str, tmp_path: Path) -> None:
    assert refused(command, "none.json", tmp_path) == "pointsman: none.json: there is no such file; check the path\n"


@pytest.mark.parametrize("command", ["status", "freeze", "window list", "probe run", "stores move"])
def test_a_fabric_that_is_not_compiled_says_how_to_compile_it(command: str, tmp_path: Path) -> None:
    assert "not a compiled fabric; make one from its YAML: pointsman compile FILE -o fabric.json" in refused(command, ATLAS_FILE, tmp_path)


@pytest.mark.parametrize("command", ["status", "drain", "adopt"])
def test_what_another_version_compiled_says_to_compile_it_again(command: str, tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text('{"name": "atlas", "version": 1}')
    assert "compile it again from its YAML" in refused(command, "old.json", tmp_path)


def test_a_compiled_fabric_is_not_read_from_standard_input(tmp_path: Path) -> None:
    assert "name the file that 'pointsman compile' wrote" in refused("status", "-", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "file", "says"),
    [
        (("decode",), "none.json", "none.json: there is no such file; check the path"),
        (("decode",), ".", ".: this is a directory; name a file in it"),
        (("replay",), ".", ".: this is a directory; name a file in it"),
        (("check",), ".", ".: this is a directory; name a file in it"),
    ],
)
def test_any_other_file_is_named_in_the_same_words(arguments: tuple[str, ...], file: str, says: str, tmp_path: Path) -> None:
    done = pointsman(*arguments, file, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"pointsman: {says}\n")
