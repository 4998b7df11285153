"""Deployable functions: a docstring, imports and one name, and nothing happens when they are imported."""

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.house.tree import MAINS, PACKAGE, ROOT, files, imports, name_of, parsed, sources

LINES = 12
NAMES = {"link_changed", "watch", "sweep", "deliver"}
IMPORTED = ROOT / "tests" / "house" / "imported.py"
OTHERS = {
    "aws": ("google", "grpc", "flask", "functions_framework", "pointsman.boot.gcp", "pointsman.adapters.gcp", "pointsman.entry.gcp"),
    "gcp": ("boto3", "botocore", "aws_lambda_powertools", "pointsman.boot.aws", "pointsman.adapters.aws", "pointsman.entry.aws"),
}
HEAVY = (
    "boto3",
    "botocore.session",
    "botocore.client",
    "google.cloud.compute_v1",
    "google.cloud.firestore",
    "google.cloud.pubsub_v1",
    "pydantic",
    "yaml",
    "typer",
    "rich",
    "pointsman.testing",
    "pointsman.cli",
)
"""What no function loads to be imported, the own cloud's SDK included: that loads at the first call."""

each = pytest.mark.parametrize("main", MAINS, ids=lambda path: "-".join(path.parts[-3:-1]))


@cache
def imported(main: Path) -> Any:
    """Import a function in a fresh process without an environment."""
    told = subprocess.run([sys.executable, IMPORTED, main], cwd=ROOT, env={}, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(told.stdout)


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("cloud", ["aws", "gcp"])
def test_each_cloud_has_every_function(cloud: str) -> None:
    assert {main.parent.name for main in MAINS if main.parts[-3] == cloud} >= NAMES


@each
def test_a_function_is_a_docstring_imports_and_one_name(main: Path) -> None:
    body = parsed(main).body
    assert ast.get_docstring(parsed(main))
    assert len(main.read_text().splitlines()) <= LINES
    assert all(isinstance(node, ast.ImportFrom) for node in body[1:-1])
    assert isinstance(body[-1], ast.Assign)
    assert [ast.unparse(target) for target in body[-1].targets] == ["handler"]


@each
def test_a_function_knows_its_own_clouds_entry_and_a_use_case(main: Path) -> None:
    entry = f"pointsman.entry.{main.parts[-3]}"
    used = imports(main) - {entry}
    assert entry in imports(main)
    assert used
    assert all(name.startswith("pointsman.service.") for name in used)


@each
def test_nothing_happens_at_import(main: Path) -> None:
    told = imported(main)
    assert (told["callable"], told["done"], told["threads"]) == (True, [], 1)


@each
def test_importing_a_function_loads_nothing_of_the_other_cloud(main: Path) -> None:
    assert {name for name in imported(main)["loaded"] if within(name, OTHERS[main.parts[-3]])} == set()


@each
def test_importing_a_function_loads_no_sdk_and_nothing_of_the_desk(main: Path) -> None:
    loaded = set(imported(main)["loaded"])
    assert "pointsman.service.doors" in loaded
    assert {name for name in loaded if within(name, HEAVY)} == set()


def test_the_functions_of_two_clouds_do_not_know_each_other() -> None:
    assert [name_of(path) for path in (*MAINS, *sources("shared")) if any(within(name, ("functions",)) for name in imports(path))] == []
    assert [name_of(path) for path in files("functions") if path.name == "__init__.py"] == []


def test_the_functions_framework_is_known_to_googles_entry_alone() -> None:
    users = {path for path in (*MAINS, *sources("shared")) if any(within(name, ("functions_framework",)) for name in imports(path))}
    assert users <= set((PACKAGE / "entry" / "gcp").rglob("*.py"))
