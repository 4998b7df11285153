"""What people, clouds and foreign bundles wrote stays on its line of a terminal, and commands it nothing."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from pointsman.core.bundles import read, sealed, written
from pointsman.core.values import replace
from tests.cli.commands import pointsman
from tests.cli.test_orders_commands import Shell, all_healthy, flags, shell
from tests.cli.test_replay_command import CORPUS, undecidable
from tests.cli.test_window_command import between, window

__all__ = ["flags", "shell"]

EVIL = "works\x1b[31m\nforged: all is well \u202edne\x07"
WHO = ("--author", "kim", "--reason", EVIL)


def plain(done: "CompletedProcess[str]") -> str:
    """Give all that was printed, once it is seen that nothing of it turns, colours or forges a line."""
    told = done.stdout + done.stderr
    assert not {"\x1b", "\u202e", "\x07"} & set(told), told
    assert not any(line.strip().startswith("forged") for line in told.splitlines()), told
    return told


def forged(done: "Iterable[CompletedProcess[str]]") -> list[bool]:
    return ["forged: all is well" in plain(one) for one in done]


def test_reasons_of_orders_are_told_on_one_line_by_every_command(shell: Shell) -> None:
    shell.decided(*all_healthy(shell))
    said = [shell.run(verb, *WHO) for verb in ("freeze", "freeze")]
    said += [shell.run("drain", "ix-a", *WHO), shell.run("history"), shell.run("status"), shell.run("explain")]
    assert forged(said) == [False, False, True, True, True, True]


def test_what_a_window_is_announced_for_is_told_on_one_line(shell: Shell) -> None:
    added = window(shell.path, shell.fabric, "add", "ix-a", *between(1, 2), *WHO)
    assert added.returncode == 0
    assert forged([added, window(shell.path, shell.fabric, "list")]) == [False, True]


@pytest.mark.parametrize("name", ["odd\x1b[2J.json", "odd\nforged.json", "odd\u202e.json"])
def test_a_bundles_name_and_its_incidents_turn_no_terminal_round(name: str, tmp_path: Path) -> None:
    bundle = read((CORPUS / "cut.json").read_bytes())
    (tmp_path / name).write_bytes(written(sealed(replace(bundle, incident=EVIL, register=None))))
    (tmp_path / f"bad {name}").write_bytes(undecidable())
    shutil.copy(CORPUS / "grey.json", tmp_path)
    told = plain(pointsman("replay", "--corpus", str(tmp_path)))
    assert len(told.splitlines()) == 4
    assert "forged: all is well" in told
    plain(pointsman("replay", str(tmp_path / name)))
    assert len(plain(pointsman("replay", str(tmp_path / f"bad {name}"))).splitlines()) == 1
