"""The commands that read a fabric file: check, compile, schema."""

import json
import sys
from typing import Annotated

import typer

from pointsman.adapters import files
from pointsman.adapters.files import Report
from pointsman.cli import summary

FabricFile = Annotated[str, typer.Argument(metavar="FILE", help="A fabric, as YAML or compiled; - is standard input.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Output = Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Where to write; - is standard output.")]


def check(file: FabricFile, *, as_json: AsJson = False) -> None:
    """Check a fabric and show what it says. Exits 1 when it is wrong, 2 when it cannot be read."""
    report = files.check(file)
    if as_json:
        typer.echo(json.dumps(summary.as_data(report), indent=2))
    elif report.fabric:
        summary.console().print(summary.as_text(report))
        typer.echo("\n".join(("\nnotes", *summary.remarks(report))) if report.notes else "")
    else:
        _show_findings(report)
    raise typer.Exit(0 if report.fabric else 1)


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
