"""The commands that read a fabric file: check, compile, schema."""

import json
import sys
from typing import Annotated

import typer

from pointsman.adapters import files
from pointsman.adapters.files import Report
from pointsman.cli import failures, summary
from pointsman.console import topology
from pointsman.core.analysis import Analysis, Outcome
from pointsman.core.fabric import Fabric, Survival

FabricFile = Annotated[str, typer.Argument(metavar="FILE", help="A fabric, as YAML or compiled; - is standard input.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
N1 = Annotated[bool, typer.Option("--n-1", help="List what every single failure leads to; exit 1 where the policy forbids it.")]
N2 = Annotated[bool, typer.Option("--n-2", help="The same for every two failures at once.")]
Plot = Annotated[str | None, typer.Option("--plot", metavar="FILE.svg", help="Draw the fabric with the load of its links.")]
Output = Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Where to write; - is standard output.")]


def check(file: FabricFile, *, as_json: AsJson = False, n_1: N1 = False, n_2: N2 = False, plot_to: Plot = None) -> None:
    """Check a fabric and show what it says. Exits 1 when it is wrong or a failure leads to what it forbids, 2 when it cannot be read."""
    report = files.check(file)
    found = _analysed(report.fabric, [depth for depth, asked in ((1, n_1), (2, n_2)) if asked], plot_to) if report.fabric else {}
    if as_json:
        lists = {f"n_{depth}": [failures.outcome_data(one) for one in several] for depth, several in found.items()}
        typer.echo(failures.encoded(summary.as_data(report) | lists))
    elif report.fabric:
        summary.console().print(summary.as_text(report))
        typer.echo("\n".join(("\nnotes", *summary.remarks(report))) if report.notes else "")
        for depth, several in found.items():
            summary.console().print(failures.listed(several, _TITLES[depth]))
    else:
        _show_findings(report)
    raise typer.Exit(0 if report.fabric and _survives(report.fabric, report.file, found) else 1)


_TITLES = {1: "what every single failure leads to", 2: "what every two failures lead to"}


def _analysed(fabric: Fabric, depths: list[int], plot_to: str | None) -> dict[int, list[Outcome]]:
    """Go through the failures that were asked for, and draw the fabric if that was asked for."""
    if not (depths or plot_to):
        return {}
    analysis = Analysis(fabric)
    if plot_to:
        files.write(plot_to, topology.drawing(fabric, analysis.before).encode())
    return {depth: list(analysis.outcomes(depth)) for depth in depths}


def _survives(fabric: Fabric, file: str, found: dict[int, list[Outcome]]) -> bool:
    """Say, on standard error, how many failures lead to what the policy forbids, or would if it did. True when none is forbidden."""
    for depth, several in found.items():
        what = f"of {len(several)} {'single' if depth == 1 else 'double'} failures"
        count, lost = sum(bool(one.breaks) for one in several), sum(bool(one.after.unplaced) for one in several)
        if count:
            typer.echo(f"{file}: policy.survive.n_{depth} does not hold after {count} {what}", err=True)
        elif lost and fabric.policy.survive.bar(depth) is Survival.ANYTHING:
            leaves = f"{lost} {what} {'leaves' if lost == 1 else 'leave'}"
            typer.echo(f"{file}: policy.survive.n_{depth} {_NOTHING_FORBIDDEN.format(leaves)}", err=True)
    return not any(one.breaks for several in found.values() for one in several)


_NOTHING_FORBIDDEN = (
    "is anything, as where it is not set: no outcome is forbidden, and {} a flow without a path; set it to no_unplaced if that must not be"
)


def compile_(file: FabricFile, *, output: Output = "-") -> None:
    """Compile a fabric into the JSON that functions load."""
    data = files.compile_fabric(file)
    if output == "-":
        sys.stdout.buffer.write(data)
    else:
        files.write(output, data)


def schema() -> None:
    """Print the JSON Schema of the fabric file, for editors."""
    typer.echo(json.dumps(files.schema(), indent=2))


def _show_findings(report: Report) -> None:
    for finding in report.findings:
        typer.echo(str(finding))
    total = len(report.findings) + report.unlisted
    more = f", {report.unlisted} of them not listed" if report.unlisted else ""
    typer.echo(f"{report.file}: {total} error{'' if total == 1 else 's'}{more}", err=True)
