"""``pointsman verify``: walk the chain of agreed plans back through the journal."""

import dataclasses
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pointsman.cli.asking import complain, plain, settings_for
from pointsman.core.errors import PointsmanError

if TYPE_CHECKING:
    from pointsman.service.verify import Walk

GOOD, WRONG, UNTOLD = 0, 1, 2
"""Exit codes: the chain holds; an entry is missing, altered or decided differently; it cannot be told."""
LAST = 1_000
WITHIN = 600.0

Current = Annotated[str, typer.Argument(metavar="FABRIC", help="The compiled fabric whose stores are read.")]
Others = Annotated[list[str] | None, typer.Argument(metavar="[OTHER]...", help="Earlier or later fabrics that plans were decided under.")]
Last = Annotated[int, typer.Option("--last", min=1, max=1_000_000, help="How many of the newest entries to walk.")]
Within = Annotated[float, typer.Option("--within", min=1.0, max=86_400.0, help="How many seconds to go on for.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def verify(current: Current, others: Others = None, *, last: Last = LAST, within: Within = WITHIN, as_json: AsJson = False) -> None:
    """Show that every agreed plan still follows from what was written down when it was decided.

    Reads the stores with the credentials of this shell; what could not be read is said. Exits 1 at an entry that is missing,
    altered or decided differently, 2 when it cannot be told of all of them: the time was over, something could not be read, or was
    decided by other rules or under a fabric that is not given here, and the other cloud has not decided it again either.
    """
    try:
        walk = _walked(current, others or [], last, within)
    except PointsmanError as error:
        complain(error)
        raise typer.Exit(UNTOLD) from error
    typer.echo(
        msgspec.json.format(msgspec.json.encode(msgspec.structs.asdict(walk)), indent=2).decode()
        if as_json
        else "\n".join(plain(_lines(walk)))
    )
    raise typer.Exit(WRONG if walk.trouble is not None else UNTOLD if walk.dark or walk.unproved else GOOD)


def _walked(current: str, others: list[str], last: int, within: float) -> "Walk":
    from pointsman.adapters import files  # noqa: PLC0415 - the SDKs load for this command only
    from pointsman.boot import loop  # noqa: PLC0415
    from pointsman.boot.ordering import open_house  # noqa: PLC0415
    from pointsman.service.verify import verify as walk  # noqa: PLC0415

    settings, more = settings_for(current), tuple(files.load(path) for path in others)

    async def walked() -> "Walk":
        house = await open_house(settings)
        return await walk(dataclasses.replace(house, fabrics=(*house.fabrics, *more)), last, within=within)

    return loop.run(walked())


def _lines(walk: "Walk") -> list[str]:
    if walk.trouble is not None:
        found = walk.trouble
        where = f"{walk.fabric}: the entry of epoch {found.epoch} ({found.entry or 'unnamed'}) is {found.fault}: {found.says}"
        return [where, *_good(walk)]
    if not walk.epoch:
        return [f"{walk.fabric}: {walk.ended}"]
    if walk.unproved:
        judge = "give the fabrics that they were decided under, or use the version whose rules decided them, as it says below"
        told = f"every entry is kept and unaltered, back to {walk.ended}, but {walk.unproved} of them nobody has decided again: {judge}"
        return [f"{walk.fabric}: epoch {walk.epoch} is agreed; {told}", *_good(walk)]
    return [f"{walk.fabric}: epoch {walk.epoch} is agreed, and every entry is as it should be, back to {walk.ended}", *_good(walk)]


def _good(walk: "Walk") -> list[str]:
    lines = [f"  {walk.entries} entries are good, {walk.again} of them decided again to the same bytes"]
    lines += [f"  {walk.unjudged} not decided again: {why}" for why in walk.unjudged_why]
    lines.append(f"  {walk.signed} are countersigned by the cloud that did not decide")
    if walk.unsigned:
        lines.append(
            f"  {walk.unsigned} are not: epochs {', '.join(map(str, walk.unsigned_epochs))}{', ...' * (walk.unsigned > len(walk.unsigned_epochs))}"
        )
    if walk.unread:
        lines.append(f"  {walk.unread} words of the cloud that did not decide could not be read")
    return [*lines, *(f"  {why}" for why in walk.dark)]
