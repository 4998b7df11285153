"""What the documents point at is there, and the commands they name exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.cli.main import app
from tests.house.tree import ROOT, name_of

LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
MAKE = re.compile(r"`make ([a-z]+)|^\$ make ([a-z]+)", re.MULTILINE)
COMMAND = re.compile(r"`pointsman ([a-z]+)|^\$ pointsman ([a-z]+)", re.MULTILINE)
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "events").glob("*.md")])

each = pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)


def named(pattern: re.Pattern[str], document: Path) -> Iterator[str]:
    for found in pattern.finditer(document.read_text(encoding="utf-8")):
        yield next(name for name in found.groups() if name)


@each
def test_every_link_leads_somewhere(document: Path) -> None:
    assert [target for target in named(LINK, document) if not (document.parent / target).exists()] == []


@each
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(named(MAKE, document)) <= targets


@each
def test_every_command_that_is_named_exists(document: Path) -> None:
    commands = {one.name for one in app.registered_commands} | {one.name for one in app.registered_groups}
    assert set(named(COMMAND, document)) <= commands
