"""What the documents point at is there, and the commands they name exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from pointsman.cli.main import app
from tests.house.tree import ROOT, name_of

LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
MAKE = re.compile(r"`make ([a-z]+)|^\$ make ([a-z]+)", re.MULTILINE)
COMMAND = re.compile(r"`pointsman ([a-z]+)|^\$ pointsman ([a-z]+)", re.MULTILINE)
TEST = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)
RAIL_TEST = re.compile(r"`(tests/[\w/]+\.py|test_\w+)`")
RAILS = ROOT / "tests" / "core" / "test_rails.py"
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


def reached(page: Path) -> set[Path]:
    return {(page.parent / target).resolve() for target in named(LINK, page)}


def test_the_index_leads_to_every_page_and_the_readme_to_the_index() -> None:
    docs = ROOT / "docs"
    assert docs / "README.md" in reached(ROOT / "README.md")
    assert {*docs.glob("*.md")} - {docs / "README.md"} - reached(docs / "README.md") == set()


def test_every_decision_is_listed_with_its_own_title() -> None:
    table = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    pages = sorted((ROOT / "docs" / "adr").glob("0*.md"))
    rows = [(page.name, page.read_text(encoding="utf-8").partition("\n")[0].partition(". ")[2]) for page in pages]
    assert [name for name, title in rows if f"[{name[:4]}]({name}) | {title} |" not in table] == []


def test_every_test_and_file_that_the_page_of_rails_names_exists() -> None:
    """A test without a file beside it is one of ``tests/core/test_rails.py``."""
    defined = {path: set(TEST.findall(path.read_text(encoding="utf-8"))) for path in (ROOT / "tests").rglob("test_*.py")}
    missing = []
    for row in (ROOT / "docs" / "rails.md").read_text(encoding="utf-8").splitlines():
        path = RAILS
        for name in RAIL_TEST.findall(row.rpartition(" | ")[2] if row.startswith("|") else row):
            if name.endswith(".py"):
                path = ROOT / name
                missing += [] if path in defined else [name]
            elif name not in defined.get(path, set()):
                missing.append(name)
    assert missing == []


def test_the_readme_shows_every_command() -> None:
    commands = {str(one.name) for one in app.registered_commands} | {str(one.name) for one in app.registered_groups}
    shown = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Commands")[2].partition("\n## ")[0]
    assert {one for one in commands if not re.search(rf"\b{one}\b", shown)} == set()


@pytest.mark.parametrize("room", ["core", "service"])
def test_the_page_of_the_house_names_every_module(room: str) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").replace("solving*.py", "solving")
    modules = {path.name for path in (ROOT / "shared" / "pointsman" / room).glob("*.py")} - {"__init__.py"}
    assert {name for name in modules if f"{room}/{name}" not in page and not name.startswith("solving")} == set()


def test_every_command_of_the_page_about_stores_is_taken_as_it_is_written() -> None:
    page = (ROOT / "docs" / "stores.md").read_text(encoding="utf-8")
    written = [inline or shown for inline, shown in re.findall(r"`(pointsman [^`]*[A-Z][^`]*)`|^\$ (pointsman .*)$", page, re.MULTILINE)]
    assert len(written) >= 4
    for line in written:
        words = shlex.split(line)[1:]
        with get_command(app).make_context("pointsman", words) as group:
            command = group.command
            while isinstance(command, TyperGroup):
                _, inner, words = command.resolve_command(group, words)
                assert inner is not None, line
                command = inner
            command.make_context(line, words, parent=group)  # raises what a shell would show
