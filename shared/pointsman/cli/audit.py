"""``pointsman audit``: what is not as it should be on either cloud, with the command that mends it."""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.markup import escape

from pointsman.adapters import files
from pointsman.cli.asking import complain, settings_for
from pointsman.core.audit.findings import Finding, Severity, mend, repair
from pointsman.core.errors import PointsmanError
from pointsman.core.fabric import Fabric
from pointsman.core.values import Frozen, canonical, one_line

if TYPE_CHECKING:
    from rich.console import Console

FINE, FOUND, UNREAD = 0, 1, 2
"""Exit codes: nothing of weight; findings of severity warning or above; no plan, or neither cloud, could be read."""
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}

FabricFile = Annotated[str, typer.Argument(metavar="FABRIC", help="The compiled fabric that is audited.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Sarif = Annotated[str | None, typer.Option("--sarif", metavar="FILE", help="Write the findings as SARIF 2.1.0 too.")]
Repair = Annotated[bool, typer.Option("--repair", help="Say what is done about each finding, as far as its link's mode allows.")]


class Audited(Frozen):
    """What an audit found. ``read`` is False when no plan, or neither cloud, could be read; ``epoch`` is the agreed plan's."""

    fabric: Fabric
    findings: tuple[Finding, ...]
    read: bool
    epoch: int = 0


def audit(fabric: FabricFile, *, as_json: AsJson = False, sarif: Sarif = None, repair: Repair = False) -> None:
    """Hold what both clouds show against the fabric and the agreed plan.

    Reads with the credentials of this shell and changes nothing; what it cannot read is a finding of its own. Exits 0
    when there is nothing of weight, 1 for findings of severity warning or above, 2 when nothing could be read.
    """
    from pointsman.cli.summary import console  # noqa: PLC0415 - the SDKs and the fabric reader load for this command only

    try:
        found = _read(fabric)
    except PointsmanError as error:
        complain(error)
        raise typer.Exit(UNREAD) from error
    if as_json:
        typer.echo(msgspec.json.format(canonical(as_table(found, repairing=repair)), indent=2).decode())
    else:
        show(found, console(), repairing=repair)
    if sarif is not None:
        _write(sarif, fabric, found)
    raise typer.Exit(code(found))


def _read(fabric: str) -> Audited:
    from pointsman.boot import loop  # noqa: PLC0415

    return loop.run(_audited(settings_for(fabric)))


async def _audited(settings: Any) -> Audited:
    from pointsman.boot.artefact import home_region  # noqa: PLC0415
    from pointsman.boot.audits import sides  # noqa: PLC0415
    from pointsman.boot.table import open_table  # noqa: PLC0415
    from pointsman.core.audit.audit import of_fabric  # noqa: PLC0415
    from pointsman.core.audit.capacity import capacity  # noqa: PLC0415
    from pointsman.service.audit import audited  # noqa: PLC0415
    from pointsman.service.status import known_and_status  # noqa: PLC0415

    table = open_table(settings)
    known, stands = await known_and_status(table)
    both = sides(settings, table.fabric, home_region(table.fabric))
    findings, shown = await audited(table.fabric, stands.plan, both, stands.at, known)
    return Audited(
        fabric=table.fabric,
        findings=(*findings, *capacity(table.fabric, of_fabric(table.fabric, stands.plan))),
        read=stands.reached and shown,
        epoch=stands.plan.epoch if stands.plan else 0,
    )


def code(found: Audited) -> int:
    """Give the exit code of an audit."""
    if not found.read:
        return UNREAD
    return FOUND if any(one.severity is not Severity.NOTE for one in found.findings) else FINE


def as_table(found: Audited, *, repairing: bool) -> dict[str, Any]:
    """Give the JSON form: every finding with its id, and with what is done about it where that was asked for."""
    rows = [
        {"id": one.id, **msgspec.to_builtins(one)} | ({"repair": repair(found.fabric, one)} if repairing else {}) for one in found.findings
    ]
    return {"fabric": found.fabric.name, "epoch": found.epoch, "read": found.read, "findings": rows}


def show(found: Audited, out: "Console", *, repairing: bool) -> None:
    """Print the findings as a person reads them."""
    for one in found.findings:
        out.print(
            f"[{_COLOURS[one.severity]}]{one.severity}[/] {one.id} {one.check}: {escape(one_line(one.text))}",
            highlight=False,
            soft_wrap=True,
        )
        for each in one.evidence:
            out.print(f"    {each.side}: {escape(one_line(each.says))}", highlight=False, soft_wrap=True)
        done = repair(found.fabric, one) if repairing else mend(one)
        if done:
            out.print(f"    {escape(one_line(done))}", highlight=False, soft_wrap=True)
    counted = [f"{sum(one.severity is each for one in found.findings)} {each}s" for each in Severity]
    out.print(f"{found.fabric.name} at epoch {found.epoch}: {', '.join(counted)}", highlight=False)
    if not found.read:
        out.print("no majority of the stores, or neither cloud, could be read", highlight=False)


def _write(path: str, fabric: str, found: Audited) -> None:
    from pointsman.cli.sarif import sarif  # noqa: PLC0415

    files.write(path, msgspec.json.format(msgspec.json.encode(sarif(fabric, found.findings)), indent=2))
