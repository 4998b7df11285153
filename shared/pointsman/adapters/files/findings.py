"""What a check finds: one wrong thing, where it is and how to mend it."""

import json
from collections.abc import Iterable

from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Fabric
from pointsman.core.nearness import likely
from pointsman.core.values import Frozen

Path = tuple[str | int, ...]
"""Where a value is: keys and list positions from the top."""

MAX_FINDINGS = 200
"""Most findings that one check reports; it says how many more there are."""

SHOWN_LIMIT = 60
"""Most characters of a user's value that a message repeats."""


class Place(Frozen):
    """A position in the file, both from 1."""

    line: int
    column: int


class Fault(Frozen):
    """Something wrong at ``path``. ``related`` are the other values it follows from, and no more; ``on_key`` points at the key.

    ``present``: it is wrong that the key is there, whatever its value. ``lacks``: what it names is declared nowhere.
    """

    path: Path
    text: str
    mend: str = ""
    related: tuple[Path, ...] = ()
    on_key: bool = False
    present: bool = False
    lacks: bool = False


class Finding(Frozen):
    """A fault with its place: what a user reads. ``path`` is written as ``links.ix-a.members[0].id``, "" for the whole file."""

    file: str
    line: int
    column: int
    path: str
    text: str
    mend: str = ""

    def __str__(self) -> str:
        """Write it as one line."""
        where = f"{self.file}:{self.line}:{self.column}"
        said = f"{self.path}: {self.text}" if self.path else self.text
        return f"{where}: {said}; {self.mend}" if self.mend else f"{where}: {said}"


class Note(Frozen):
    """Something that is not wrong but that the user should know; ``about`` names a link, flow or part."""

    about: str
    text: str


class Report(Frozen):
    """What checking a file gives: the fabric iff nothing was found."""

    file: str
    fabric: Fabric | None = None
    findings: tuple[Finding, ...] = ()
    notes: tuple[Note, ...] = ()
    unlisted: int = 0


class CannotRead(ConfigError):
    """The file cannot be opened or read at all."""


class CannotWrite(ConfigError):
    """The result cannot be written where it was asked for."""


class BadFabric(ConfigError):
    """The fabric is wrong. Its text has one line for each finding, which ``findings`` holds."""

    def __init__(self, report: Report) -> None:
        super().__init__(f"{report.file}: the fabric has {len(report.findings) + report.unlisted} errors")
        self.findings = report.findings
        self._more = [f"{report.file}: {report.unlisted} more errors are not listed"] if report.unlisted else []

    def __str__(self) -> str:
        """Write one line for each finding."""
        return "\n".join([*map(str, self.findings), *self._more]) or super().__str__()


def spelled(path: Path) -> str:
    """Write a path as the user reads it."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{printable(step)}" for step in path).removeprefix(".")


def shown(value: object) -> str:
    """Repeat a user's value in a message: quoted, on one line, cut."""
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= SHOWN_LIMIT else f"{text[:SHOWN_LIMIT]}.."


def printable(text: str) -> str:
    """Make a user's word safe to print: control characters escaped, cut."""
    safe = text if text.isprintable() else text.encode("unicode_escape", "backslashreplace").decode("ascii")
    return safe if len(safe) <= SHOWN_LIMIT else f"{safe[:SHOWN_LIMIT]}.."


def encodable(text: str) -> str:
    """Escape the bytes of a command line or a file's name that are no text: everything else stays as it is."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def nearest(word: str, known: Iterable[str]) -> str:
    """Suggest the nearest known word, or list the known ones; "" when there are none."""
    words = sorted(set(known))
    close = likely(word, words)
    if close:
        return f'did you mean "{close}"?'
    return f"known here: {', '.join(words[:20])}" if words else ""
