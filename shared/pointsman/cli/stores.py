"""``pointsman stores``: try a store before it is trusted, and move a fabric from one set of stores to another."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.asking import complain, must_be_compiled
from pointsman.core.errors import PointsmanError, Refused

if TYPE_CHECKING:
    from pointsman.service.moving import Foreseen, Moved
    from pointsman.service.probing.cases import Finding

KEPT, BROKEN, UNTOLD = 0, 1, 2
"""Exit codes of a probe: every promise is kept; one is broken; it cannot be told."""

app = typer.Typer(name="stores", help="Look after the stores of the shared table.", no_args_is_help=True)

Url = Annotated[str, typer.Argument(metavar="URL", help="A store, as a fabric names it.")]
Current = Annotated[str, typer.Argument(metavar="CURRENT", help="The compiled fabric whose stores hold everything now.")]
Following = Annotated[str, typer.Argument(metavar="NEXT", help="The compiled fabric whose stores are to hold it.")]
Yes = Annotated[bool, typer.Option("--yes", help="Move. Without it, say what would be moved and write nothing.")]
Force = Annotated[bool, typer.Option("--force", help="Move though functions do not carry the next fabric, or one of its stores is out.")]


@app.command("probe")
def probe(url: Url) -> None:
    """Try whether a store keeps every promise that pointsman builds on.

    Works with the credentials of this shell, under names of its own. Exits 1 when a promise is broken, 2 when the
    store cannot be reached.
    """
    from pointsman.boot import loop  # noqa: PLC0415 - the SDKs load for this command only
    from pointsman.boot.moving import probing  # noqa: PLC0415
    from pointsman.service.probing.cases import probe as tried  # noqa: PLC0415

    try:
        with probing(url) as one:
            if one.beside:
                typer.echo(one.beside)
            findings = loop.run(tried(one.bench, _tell))
    except PointsmanError as error:
        complain(error)
        raise typer.Exit(UNTOLD) from error
    typer.echo(_judged(findings))
    if not one.beside:
        typer.echo(f"all that was written is under names that begin with {one.root} in that store: remove it when you like")
    raise typer.Exit(_code(findings))


def _tell(finding: "Finding") -> None:
    typer.echo(f"{finding.verdict:<20}{finding.case}")
    if finding.text:
        typer.echo(f"{'':<20}{finding.text}")


def _judged(findings: "tuple[Finding, ...]") -> str:
    counts = Counter(finding.verdict.value for finding in findings)
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    match _code(findings):
        case 0:
            return f"{told}: it may be used"
        case 1:
            return f"{told}: it must not be used, two functions would both believe that they have decided"
        case _:
            return f"{told}: this does not show that it may be used"


def _code(findings: "tuple[Finding, ...]") -> int:
    found = {finding.verdict.value for finding in findings} - {"not tried here"}
    return BROKEN if "broken" in found else UNTOLD if found != {"kept"} else KEPT


@app.command("move")
def move(current: Current, following: Following, *, yes: Yes = False, force: Force = False) -> None:
    """Move a fabric to another set of stores, register by register, while it goes on deciding.

    May be stopped at any point and started again. Speaks to the stores with the credentials of this shell; one cloud's are
    enough where they reach a majority of either set. Exits 1 when it was refused, and when an entry of the journal could not be copied.
    """
    from pointsman.boot import loop  # noqa: PLC0415 - the SDKs load for this command only
    from pointsman.boot.moving import open_move  # noqa: PLC0415
    from pointsman.service.moving import carry_out, survey, uncarried  # noqa: PLC0415

    for path in (current, following):
        must_be_compiled(path)
    house, one = loop.run(open_move(current, following))
    names = f"stores {one.registers.stores.id} to stores {one.following.stores.id}"
    missing = loop.run(uncarried(house))
    if not yes:
        _foretell(loop.run(survey(one)), names, missing)
        return
    if missing and not force:
        raise Refused(f"{_uncarried(missing)}: deploy it there first, or use --force")
    try:
        done = loop.run(carry_out(one, typer.echo, force=force))
    except KeyboardInterrupt:
        typer.echo("stopped: nothing is lost, and the same command goes on from here", err=True)
        raise
    _tell_of(done, names)


def _tell_of(done: "Moved", names: str) -> None:
    """Say what a move did; exits 1 when anything of ours stayed behind."""
    typer.echo(f"{done.registers} registers went from {names}, with {done.entries} entries of the journal")
    for text in done.dark:
        typer.echo(f"without it: {text}")
    for text in done.foreign:
        typer.echo(f"not copied: {text}")
    for text in done.left_behind:
        typer.echo(f"left behind: {text}", err=True)
    if done.left_behind:
        typer.echo(
            "every register was moved, but not all of the journal: the same command tries the rest again, so keep the old store until then",
            err=True,
        )
    typer.echo("now adopt the next fabric, and then deploy it alone")
    if done.left_behind:
        raise typer.Exit(1)


def _foretell(found: "Foreseen", names: str, missing: tuple[str, ...]) -> None:
    for name, stage in found.stages.items():
        typer.echo(f"{stage:<24}{name}")
    typer.echo(f"from {names}; nothing was written: move them with --yes")
    if missing:
        typer.echo(f"{_uncarried(missing)}: they would stop until it is deployed there")
    for text in found.dark:
        typer.echo(f"{text}: what it alone holds of the journal would be left behind")
    for text in found.dark_next:
        typer.echo(f"{text}: the move would be refused without --force, and that set begin without a store to lose")


def _uncarried(missing: tuple[str, ...]) -> str:
    return f"the functions on {' and '.join(missing)} were not seen to carry the next fabric"
