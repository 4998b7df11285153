"""The await sites of ``service/``: every place where a function may be stopped, found from the source.

A site is named ``file:function#n``: the n-th ``await``, ``async with``, ``async for`` or asynchronous comprehension
of that function. A time limit (``asyncio.timeout``) is entered and left without waiting and is none.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FrameType

import pointsman.service
from pointsman.core.values import Frozen

SERVICE = Path(next(iter(pointsman.service.__path__)))

Place = tuple[int, int, int, int]
"""First line, column, last line, column."""


class Site(Frozen):
    """One await site, with what is awaited and the part of its file that it takes up."""

    name: str
    file: str
    awaited: str
    place: Place

    @property
    def words(self) -> str:
        """Its name and what is awaited there."""
        return f"{self.name} {self.awaited}"

    @property
    def quiet(self) -> bool:
        """Whether what is awaited was begun before: no request passes while a function stands there."""
        return "(" not in self.awaited.removeprefix("await ") or "steps(" in self.awaited or "Ahead(" in self.awaited

    def holds(self, place: Place) -> bool:
        """Say whether a place lies within."""
        return self.place[:2] <= place[:2] and place[2:] <= self.place[2:]


@cache
def sites() -> tuple[Site, ...]:
    """Find every await site of ``service/``, by file and place."""
    files = sorted(SERVICE.rglob("*.py"))
    return tuple(site for path in files for site in _in_file(str(path.relative_to(SERVICE)), ast.parse(path.read_text(encoding="utf-8"))))


def _in_file(file: str, tree: ast.Module) -> Iterator[Site]:
    for name, function in _functions(tree, ""):
        awaits = sorted((_place(node), ast.unparse(node)) for node in _own(function) if _waits(node))
        for number, (place, text) in enumerate(awaits, start=1):
            yield Site(name=f"{file.removesuffix('.py')}:{name}#{number}", file=file, awaited=text, place=place)


def _functions(tree: ast.AST, outer: str) -> Iterator[tuple[str, ast.AsyncFunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        name = getattr(node, "name", "") if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef | ast.ClassDef) else ""
        inner = f"{outer}.{name}".strip(".") if name else outer
        if isinstance(node, ast.AsyncFunctionDef):
            yield inner, node
        yield from _functions(node, inner)


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """Walk a function's nodes, those of functions inside it left out."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef | ast.Lambda):
            yield node
            yield from _own(node)


def _waits(node: ast.AST) -> bool:
    if isinstance(node, ast.AsyncWith) and all("asyncio.timeout(" in ast.unparse(item.context_expr) for item in node.items):
        return False  # a time limit is entered and left without waiting
    asynchronous = isinstance(node, ast.comprehension) and node.is_async
    return isinstance(node, ast.Await | ast.AsyncWith | ast.AsyncFor) or bool(asynchronous)


def _place(node: ast.AST) -> Place:
    placed = node.iter if isinstance(node, ast.comprehension) else node
    assert isinstance(placed, ast.expr | ast.stmt), "an await site has a place in its file"
    return placed.lineno, placed.col_offset, placed.end_lineno or 0, placed.end_col_offset or 0


_COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})


@cache
def functions_of(*sites: str) -> frozenset[str]:
    """Give the names that code may have in which sites are: their functions', and those of comprehensions, which may be in any."""
    return _COMPREHENSIONS | {site.partition("#")[0].replace(":", ".").rpartition(".")[2] for site in sites}


_known: dict[tuple[int, int], tuple[CodeType, str | None]] = {}
"""The site at each instruction of each function; the code itself is kept, so that its number stays its own."""


def site_of(frame: FrameType) -> str | None:
    """Name the site at which a frame of ``service/`` waits; None for any other frame."""
    code = frame.f_code
    point = (id(code), frame.f_lasti)
    try:
        return _known[point][1]
    except KeyError:
        found = _find(frame) if code.co_filename.startswith(str(SERVICE)) else None
        _known[point] = (code, found)
        return found


def _find(frame: FrameType) -> str | None:
    file = Path(frame.f_code.co_filename).name
    first, last, column, end = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    if first is None or last is None or column is None or end is None:
        return None
    around = [site for site in sites() if site.file == file and site.holds((first, column, last, end))]
    return min(around, key=_size).name if around else None


def _size(site: Site) -> tuple[int, int]:
    return site.place[2] - site.place[0], site.place[3] - site.place[1]
