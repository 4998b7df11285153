"""Every room has a door sign, and the tree holds the rooms it should."""

import ast
import shutil
import subprocess
import tomllib

import pytest

from tests.house.tree import PACKAGE, ROOT, parsed

LAYERS = ("core", "quorum", "ports", "wire", "service", "adapters", "boot", "entry", "cli", "console", "testing")
TOP = {
    "pyproject.toml",
    "uv.lock",
    "Makefile",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "LICENSE",
    "functions",
    "shared",
    "infra",
    "tests",
    "events",
    "docs",
}


@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="not a git checkout: what is part of it cannot be told")
def test_the_top_level_is_the_agreed_one() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert {name.split("/")[0] for name in listed if not name.startswith(".")} == TOP


def test_the_package_holds_these_layers() -> None:
    assert {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(LAYERS)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_says_what_may_not_be_inside(layer: str) -> None:
    text = ast.get_docstring(parsed(PACKAGE / layer / "__init__.py")) or ""
    assert "May not be inside:" in " ".join(text.split())


def test_every_package_says_what_it_is() -> None:
    packages = sorted(PACKAGE.rglob("__init__.py"))
    assert [path.parent.name for path in packages if not (ast.get_docstring(parsed(path)) or "").strip()] == []


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [folder.name for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_the_package_ships_its_types_and_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (PACKAGE / "py.typed").is_file()
    assert f'__version__ = "{project["version"]}"' in (PACKAGE / "__init__.py").read_text()
