"""``pointsman record``: one incident in one file."""

from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.adapters import files
from pointsman.adapters.files.findings import printable
from pointsman.cli.asking import UNREAD, WELL, WRONG, FabricFile, complain, opened
from pointsman.core.bundles import written
from pointsman.core.errors import PointsmanError, Refused
from pointsman.core.explaining import named_incident

if TYPE_CHECKING:
    from pointsman.core.bundles import Bundle

Incident = Annotated[str, typer.Argument(metavar="INCIDENT", help="Its name, as status and tickets give it: atlas/ix-a@17.")]
Output = Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Where the bundle is written.")]
Also = Annotated[list[str] | None, typer.Option("--also", metavar="OTHER", help="A fabric that some of it was decided under before.")]


def record(fabric: FabricFile, incident: Incident, *, output: Output, also: Also = None) -> None:
    """Write everything that an incident was decided from into one file, for 'pointsman replay'.

    Reads the stores with the credentials of this shell. The file holds no secret. Exits 1 when there is no such
    incident or the journal does not hold all of it, 2 when that cannot be read.
    """
    try:
        bundle = _recorded(fabric, incident, also or [])
        files.write(output, written(bundle))
    except PointsmanError as error:
        complain(error)
        raise typer.Exit(WRONG if isinstance(error, Refused) else UNREAD) from error
    typer.echo(f"{output}: {bundle.incident}, {len(bundle.entries)} decisions, epochs {_epochs(bundle)}, {len(bundle.words)} countersigned")
    raise typer.Exit(WELL)


def _recorded(fabric: str, incident: str, also: list[str]) -> "Bundle":
    from pointsman.boot import loop  # noqa: PLC0415 - the SDKs load for this command only
    from pointsman.service.record import record as gather  # noqa: PLC0415

    others = [files.load(path) for path in also]
    table = opened(fabric)
    named = named_incident(table.fabric, incident)
    if named is None:
        raise Refused(
            f'"{printable(incident)}" is no incident of a link of {table.fabric.name}: write it like {table.fabric.name}/LINK@EPOCH'
        )
    return loop.run(gather(table, named, others))


def _epochs(bundle: "Bundle") -> str:
    return f"{bundle.entries[0].entry.plan.epoch} to {bundle.entries[-1].entry.plan.epoch}"
