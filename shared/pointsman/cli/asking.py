"""What commands that read the table and the journal have in common: opening the table, and their exit codes."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, NoReturn

import msgspec
import typer

from pointsman.adapters import files
from pointsman.adapters.files import BadFabric, CannotRead
from pointsman.adapters.files.findings import printable
from pointsman.adapters.files.units import NotAnAmount, lasting
from pointsman.core.errors import ConfigError
from pointsman.core.values import canonical, one_line, replace

if TYPE_CHECKING:
    from pointsman.boot.settings import Settings
    from pointsman.service.status import Table

WELL, WRONG, UNREAD = 0, 1, 2
"""Exit codes: told; there is no such thing; it cannot be read, or the command line is wrong."""
HOURS_A_DAY = 24
SPAN_LIMIT = timedelta(days=3_660)
"""Longest span that a command line may name."""

FabricFile = Annotated[str, typer.Argument(metavar="FABRIC", help="The compiled fabric whose table is read.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def opened(fabric: str) -> "Table":
    """Open a fabric's table with the credentials of this shell. Raises ``ConfigError``."""
    from pointsman.boot.table import open_table  # noqa: PLC0415 - the SDKs load for such a command only

    return open_table(settings_for(fabric))


def plain(lines: Iterable[str]) -> Iterator[str]:
    """Give lines as a terminal may have them: what a person, a cloud or a bundle wrote stays on its line and turns nothing round.

    An empty line before one, as a line end that it begins with, stays.
    """
    for line in lines:
        begins = "\n" if line.startswith("\n") else ""
        yield begins + one_line(line.removeprefix("\n"))


def complain(error: object) -> None:
    """Say on standard error what is wrong: one line, or one for each finding about a fabric."""
    lines = str(error).split("\n") if isinstance(error, BadFabric) else (str(error),)
    typer.echo("\n".join(plain((f"pointsman: {lines[0]}", *lines[1:]))), err=True)


def refuse(text: str) -> NoReturn:
    """End the command in one line: its command line is wrong."""
    complain(text)
    raise typer.Exit(UNREAD)


def span(option: str, text: str) -> timedelta | None:
    """Read a span of time of the command line, days included; None when none is given. Ends the command where it is none."""
    if not text:
        return None
    try:
        found = HOURS_A_DAY * lasting(f"{text[:-1]}h") if text.endswith("d") else lasting(text)
    except NotAnAmount:
        refuse(f'{option} "{printable(text)}" is no span of time above zero: write it like 90s, 30m, 2h or 3d')
    if found > SPAN_LIMIT:
        refuse(f'{option} "{printable(text)}" is longer than {SPAN_LIMIT.days} days: name a shorter span')
    return found


def settings_for(fabric: str, following: str = "") -> "Settings":
    """Read this shell's settings for fabrics that the command line names.

    Raises ``CannotRead`` for a file that is no compiled fabric, and ``ConfigError`` for a bad setting.
    """
    from pointsman.boot.settings import read_settings  # noqa: PLC0415 - loaded for such a command only

    for path in (fabric, following) if following else (fabric,):
        must_be_compiled(path)
    return replace(read_settings(), fabric=fabric, fabric_next=following)


def must_be_compiled(path: str) -> None:
    """Raise ``CannotRead``, saying what to do, where a file is no compiled fabric of this version."""
    if path == files.STANDARD:
        raise CannotRead("standard input is not read here: name the file that 'pointsman compile' wrote")
    raw = files.read(path)
    if not files.looks_compiled(raw):
        raise CannotRead(f"{path}: this is not a compiled fabric; make one from its YAML: pointsman compile FILE -o fabric.json")
    try:
        files.read_compiled(raw, path)
    except ConfigError as error:
        raise CannotRead(str(error)) from error


def as_json(value: object) -> str:
    """Write a value as indented JSON: equal values give equal text."""
    return msgspec.json.format(canonical(value), indent=2).decode()
