"""The project's own tree, as its tests look at it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "shared" / "pointsman"
FUNCTIONS = ROOT / "functions"
CODE = ("shared", "functions", "tests", "infra")
TEXT = (*CODE, "docs", "events", ".ci")
MAINS = tuple(sorted(FUNCTIONS.glob("*/*/main.py")))

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    """Name a file as the tree does."""
    return path.relative_to(ROOT).as_posix()


def files(*tops: str, suffix: str = "") -> Iterator[Path]:
    """Walk the files below these folders, without what was made from them."""
    for top in tops:
        for path in sorted((ROOT / top).rglob(f"*{suffix}")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def sources(*tops: str) -> Iterator[Path]:
    """Walk the Python files below these folders."""
    return files(*(tops or CODE), suffix=".py")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Function:
    """One function of the tree: where it is and how large."""

    where: str
    lines: int
    positional: int


def functions(*tops: str) -> Iterator[Function]:
    """Walk every function and method below these folders."""
    for path in sources(*tops):
        for node in ast.walk(parsed(path)):
            if isinstance(node, AnyFunction):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                yield Function(f"{name_of(path)}:{node.lineno} {node.name}", lines, _positional(node))


def _positional(node: AnyFunction) -> int:
    names = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
    return len(names) - (bool(names) and names[0] in {"self", "cls", "mcls"})


def imports(path: Path) -> set[str]:
    """Name every module that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found
