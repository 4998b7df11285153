"""What no file of the tree may say."""

import re

from tests.house.tree import ROOT, TEXT, files, imports, name_of, sources

OPEN_ENDS = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
A_MACHINE = re.compile(r"(?<![\w.])/(?:home|root|work|Users)/")
META = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "Makefile", "pyproject.toml")


def saying(pattern: re.Pattern[str]) -> list[str]:
    paths = [*files(*TEXT), *(ROOT / name for name in META)]
    lines = ((path, number, line) for path in paths for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1))
    return [f"{name_of(path)}:{number}: {line.strip()[:80]}" for path, number, line in lines if pattern.search(line)]


def test_nothing_is_left_for_later() -> None:
    assert saying(OPEN_ENDS) == []


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    assert saying(A_MACHINE) == []


def test_tests_use_fakes_that_keep_promises_and_no_mocks() -> None:
    assert [name_of(path) for path in sources() if any(name.split(".")[0] in {"unittest", "mock"} for name in imports(path))] == []
