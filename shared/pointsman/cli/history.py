"""``pointsman history``: what was decided, newest first."""

from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.adapters.files.findings import nearest, printable
from pointsman.cli.asking import UNREAD, WELL, WRONG, AsJson, FabricFile, as_json, complain, opened, plain, span
from pointsman.core.errors import PointsmanError

if TYPE_CHECKING:
    from pointsman.service.history import History, Told

LIMIT = 20

Link = Annotated[str, typer.Option("--link", help="Only what changed about this link.")]
Since = Annotated[str, typer.Option("--since", metavar="2h", help="Only decisions that are not older: 90s, 30m, 2h or 3d.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1_000, help="How many decisions to tell.")]


def history(fabric: FabricFile, *, link: Link = "", since: Since = "", limit: Limit = LIMIT, json: AsJson = False) -> None:
    """Tell what was decided, newest first: when, by which cloud's function, and what changed.

    Reads the stores with the credentials of this shell. Exits 1 where the journal should reach further back and does
    not, 2 when it cannot be read.
    """
    try:
        found = _read(fabric, link, since, limit)
    except PointsmanError as error:
        complain(error)
        raise typer.Exit(UNREAD) from error
    typer.echo(as_json(found) if json else "\n".join(plain(lines(found))))
    raise typer.Exit(WRONG if found.partial else WELL)


def _read(fabric: str, link: str, since: str, limit: int) -> "History":
    from pointsman.boot import loop  # noqa: PLC0415 - the SDKs load for this command only
    from pointsman.service.history import history as tell  # noqa: PLC0415

    asked = span("--since", since)
    table = opened(fabric)
    known = [one.name for one in table.fabric.links]
    if link and link not in known:
        raise PointsmanError(f'fabric {table.fabric.name} has no link "{printable(link)}"; {nearest(link, known)}')
    return loop.run(tell(table, link=link, since=asked, limit=limit))


def lines(found: "History") -> list[str]:
    """Write one line for each decision, and a last one that says how far back that is."""
    if not found.epoch:
        return [f"{found.fabric}: {found.ended}"]
    head = [] if found.settled else [f"{found.fabric}: the newest plan is not settled: the next sweep settles it"]
    told = [_line(one) for one in found.told] or ["nothing was decided in what was asked about"]
    ending = f"back to epoch {found.back_to} of {found.epoch}: {found.ended}"
    return [*head, *told, f"{ending} ({found.says})" if found.says else ending]


def _line(one: "Told") -> str:
    return f"{one.epoch:>5}  {one.at:%FT%TZ}  {one.by:<3}  {'; '.join(one.changed)}"
