"""``pointsman explain``: why links, flows and incidents are as they are."""

from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.adapters.files.findings import nearest, printable
from pointsman.cli.asking import UNREAD, WELL, WRONG, AsJson, FabricFile, as_json, complain, opened
from pointsman.cli.telling import lines
from pointsman.core.errors import PointsmanError, Refused
from pointsman.core.explaining import named_incident, named_silence

if TYPE_CHECKING:
    from pointsman.service.explain import Asked, Explanation
    from pointsman.service.status import Table

Subject = Annotated[str, typer.Argument(metavar="[INCIDENT|LINK|FLOW]", help="What to explain; every link and flow when left out.")]
Epoch = Annotated[int | None, typer.Option("--epoch", min=1, help="As it was decided then, not as things are now.")]

Plot = Annotated[str | None, typer.Option("--plot", metavar="FILE.svg", help="Draw what the link's failures count for, over time.")]
Page = Annotated[str | None, typer.Option("--page", metavar="FILE.html", help="Write it all as one page for a browser, drawing included.")]


class _Unknown(Refused):
    """There is nothing of that name."""


def explain(
    fabric: FabricFile, subject: Subject = "", *, epoch: Epoch = None, json: AsJson = False, plot: Plot = None, page: Page = None
) -> None:
    """Say why: the claims that made each verdict and how old they were, what was chosen, and what was refused and why.

    Reads the stores with the credentials of this shell. Exits 1 when there is no such incident, link, flow or epoch,
    2 when it cannot be read.
    """
    try:
        found = _explained(fabric, subject, epoch)
        if plot is not None:
            _draw(found, plot)
        if page is not None:
            _write(found, page)
    except PointsmanError as error:
        complain(error)
        raise typer.Exit(WRONG if isinstance(error, Refused) else UNREAD) from error
    typer.echo(as_json(found) if json else "\n".join(lines(found)))
    raise typer.Exit(WELL)


def _draw(found: "Explanation", to: str) -> None:
    """Write the penalties into a file. Raises ``Refused`` when there are none."""
    from pointsman.adapters import files  # noqa: PLC0415 - the drawing is seldom asked for
    from pointsman.console.penalty import drawing  # noqa: PLC0415

    if not found.penalties:
        raise Refused("there is nothing to draw: no failure of these links counts any more, or the journal does not reach it")
    files.write(to, drawing(found.fabric, found.penalties).encode())


def _write(found: "Explanation", to: str) -> None:
    from pointsman.adapters import files  # noqa: PLC0415 - the page is seldom asked for
    from pointsman.console.incident import incident_page  # noqa: PLC0415

    files.write(to, incident_page(found).encode())


def _explained(fabric: str, subject: str, epoch: int | None) -> "Explanation":
    from pointsman.boot import loop  # noqa: PLC0415 - the SDKs load for this command only
    from pointsman.service.explain import explain as tell  # noqa: PLC0415

    table = opened(fabric)
    return loop.run(tell(table, _asked(table, subject, epoch)))


def _asked(table: "Table", subject: str, epoch: int | None) -> "Asked":
    """Say what a word asks about. Raises ``_Unknown`` with the nearest known."""
    from pointsman.service.explain import Asked  # noqa: PLC0415

    fabric = table.fabric
    links, flows = [link.name for link in fabric.links], [flow.name for flow in fabric.flows]
    if not subject:
        return Asked(links=tuple(links), flows=tuple(flows), epoch=epoch)
    if subject in links:
        return Asked(links=(subject,), flows=tuple(flow.name for flow in fabric.flows if subject in flow.prefer), epoch=epoch)
    if subject in flows:
        return Asked(links=tuple(fabric.flow(subject).prefer), flows=(subject,), epoch=epoch)
    silence = named_silence(fabric, subject)
    if silence is not None:
        return Asked(links=(), flows=(), incident=silence, epoch=epoch)
    named = named_incident(fabric, subject)
    if named is None:
        raise _Unknown(f'fabric {fabric.name} has no link, flow or incident "{printable(subject)}"; {nearest(subject, [*links, *flows])}')
    touched = tuple(flow.name for flow in fabric.flows if named.link in flow.prefer)
    return Asked(links=(named.link,), flows=touched, incident=named.id, epoch=epoch)
