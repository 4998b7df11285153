"""``pointsman window``: announce maintenance, take it back, list what is announced."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from pointsman.adapters.files.findings import printable
from pointsman.cli.asking import UNREAD, AsJson, FabricFile, as_json, complain, opened, refuse
from pointsman.core.values import one_line

if TYPE_CHECKING:
    from pointsman.service.announcing import Announced, Listed, Written
    from pointsman.service.status import Table

PARTLY = 1
"""Exit code: it is announced, and the store of one cloud has yet to be told."""

LinkName = Annotated[str, typer.Argument(metavar="LINK", help="The link that will be away.")]
WindowId = Annotated[str, typer.Argument(metavar="ID", help="The window, as pointsman window list names it.")]
Start = Annotated[str, typer.Option("--from", metavar="TIME", help="When it begins: 2026-11-25T04:00Z, or with an offset.")]
End = Annotated[str, typer.Option("--to", metavar="TIME", help="When it ends.")]
Author = Annotated[str, typer.Option("--author", help="Who says so.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept with the window.")]

app = typer.Typer(help="Announce maintenance, take it back, list what is announced.", no_args_is_help=True)


@app.command("add")
def add(fabric: FabricFile, link: LinkName, *, start: Start, end: End, reason: Why, author: Author, json: AsJson = False) -> None:
    """Announce a window: the link is left before it, make-before-break, and returned to after it.

    Writes into the stores of both clouds with the credentials of this shell. Exits 0 when both took it, 1 when it was
    refused or one is still to be told.
    """
    from pointsman.service.announcing import Wish  # noqa: PLC0415 - what it loads is for this command only
    from pointsman.service.announcing import add as announce  # noqa: PLC0415

    wish = Wish(link=link, start=_instant("--from", start), end=_instant("--to", end), author=author, reason=reason)
    _written(fabric, lambda table: announce(table, wish), "announced", json=json)


@app.command("cancel")
def cancel(fabric: FabricFile, window: WindowId, *, reason: Why, author: Author, json: AsJson = False) -> None:
    """Take a window back, or set aside what a cloud announced: its link is returned to after the hold-down."""
    from pointsman.service.announcing import cancel as take_back  # noqa: PLC0415

    _written(fabric, lambda table: take_back(table, window, author=author, reason=reason), "taken back", json=json)


@app.command("list")
def list_(fabric: FabricFile, *, json: AsJson = False) -> None:
    """List every window that is still to end, whoever announced it. Exits 2 when one cloud's rows could not be read."""
    from pointsman.boot import loop  # noqa: PLC0415
    from pointsman.service.announcing import listed  # noqa: PLC0415

    found = loop.run(listed(opened(fabric)))
    typer.echo(as_json(found)) if json else _show(found)
    raise typer.Exit(UNREAD if found.missed else 0)


def _instant(option: str, text: str) -> datetime:
    """Read a time with its zone, as UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        refuse(f'{option} "{printable(text)}" is not a time: write it like 2026-11-25T04:00Z')
    if found.tzinfo is None:
        refuse(f'{option} "{printable(text)}" names no zone: add Z for UTC, or an offset as in +01:00')
    try:
        return found.astimezone(UTC)
    except OverflowError:
        refuse(f'{option} "{printable(text)}" is beyond every calendar: write it like 2026-11-25T04:00Z')


def _written(fabric: str, carry_out: "Callable[[Table], Coroutine[Any, Any, Written]]", what: str, *, json: bool) -> None:
    from pointsman.boot import loop  # noqa: PLC0415

    done = loop.run(carry_out(opened(fabric)))
    if json:
        typer.echo(as_json(done))
    else:
        typer.echo(one_line(f"window {done.window.id} on {' and '.join(done.window.links)} {what}: {_when(done.window)}"))
    for cloud, why in done.missed.items():
        complain(f"{cloud}'s store has yet to be told ({why}): give the same command again")
    raise typer.Exit(PARTLY if done.missed else 0)


def _when(one: "Announced") -> str:
    start = f"{one.start:%FT%TZ}" if one.start else "an unnamed time"
    return f"{start} to {one.until:%FT%TZ}" if one.until else f"from {start}"


def _show(found: "Listed") -> None:
    from pointsman.cli.summary import cell, columns, console  # noqa: PLC0415

    grid = columns("window", "links", "from and to", "by", "says", "taken back by")
    for one in found.windows:
        by = f"{one.by}: {one.author}" if one.author else one.by
        grid.add_row(*map(cell, (one.id, ", ".join(one.links) or "none of this fabric", _when(one), by, one.what, one.withdrawn)))
    console().print(grid if grid.row_count else Text("no window is announced"))
    for cloud in found.missed:
        complain(f"the rows of {cloud} could not be read: there may be more")
