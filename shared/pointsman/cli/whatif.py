"""``pointsman whatif``: where flows would go if links failed, from the fabric alone."""

from typing import Annotated

import typer

from pointsman.adapters import files
from pointsman.adapters.files.findings import nearest, printable
from pointsman.cli import failures, summary
from pointsman.cli.asking import refuse
from pointsman.console import topology
from pointsman.core.analysis import Analysis, Failure, groups, joined
from pointsman.core.fabric import GROUP, Fabric

FabricFile = Annotated[
    str, typer.Argument(metavar="FABRIC", help="A fabric, as YAML or compiled; - is standard input.", show_default=False)
]
Fail = Annotated[
    list[str], typer.Option("--fail", metavar="LINK[,LINK|group:NAME]", help="What fails at once: links, and groups of shared risk.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Plot = Annotated[str | None, typer.Option("--plot", metavar="FILE.svg", help="Draw the fabric with the load of its links.")]


def whatif(file: FabricFile, *, fail: Fail, as_json: AsJson = False, plot_to: Plot = None) -> None:
    """Say what a failure would move, overload and cut off: before it and after it. Nothing is asked of any cloud."""
    fabric = files.load(file)
    failure = _failure(fabric, [word.strip() for one in fail for word in one.split(",")])
    analysis = Analysis(fabric)
    before, after = analysis.before, analysis.after(failure)
    if plot_to:
        files.write(plot_to, topology.drawing(fabric, after, failure).encode())
    if as_json:
        data = {"fabric": fabric.name, "hash": fabric.hash, "fail": failure.name, "links": list(failure.links)}
        typer.echo(failures.encoded(data | {"before": failures.as_data(before), "after": failures.as_data(after)}))
    else:
        summary.console().print(failures.before_and_after(fabric, failure, before, after))


def _failure(fabric: Fabric, names: list[str]) -> Failure:
    links, risks = {link.name: (link.name,) for link in fabric.links}, {GROUP + name: some for name, some in groups(fabric).items()}
    known = {str(name): some for name, some in (links | risks).items()}
    for name in names:
        if name not in known:
            refuse(f'fabric {fabric.name} has no link or group "{printable(name)}"; {nearest(name, known)}')
    several = tuple(Failure(name=name, links=known[name]) for name in dict.fromkeys(names))
    return Failure(name=",".join(one.name for one in several), links=joined(several))
