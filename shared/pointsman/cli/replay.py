"""``pointsman replay``: decide a recorded outage again, and say what is different."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from pointsman.adapters import files
from pointsman.adapters.files import CannotRead
from pointsman.adapters.files.findings import encodable, printable
from pointsman.cli.asking import UNREAD, AsJson, as_json, complain, plain, refuse
from pointsman.core.bundles import BUNDLE_LIMIT, read
from pointsman.core.errors import PointsmanError
from pointsman.core.fabric import Fabric
from pointsman.core.replaying import Redecided, Replay
from pointsman.core.replaying import replay as decide_again
from pointsman.core.values import Frozen

SAME, DIFFERENT = 0, 1
"""Exit codes: everything is decided as it was then; something is not."""
CORPUS_LIMIT = 1_000
"""Bundles of one directory."""
DIFFERENCES_TOLD = 100
"""Differences of one decision that the text tells; past it only how many there are, and ``--json`` has them."""

BundleFile = Annotated[str, typer.Argument(metavar="[BUNDLE]", help="What 'pointsman record' wrote; - is standard input.")]
Against = Annotated[str, typer.Option("--against", metavar="FABRIC", help="Decide under this fabric instead, as YAML or compiled.")]
Corpus = Annotated[Path | None, typer.Option("--corpus", metavar="DIR", help="Replay every bundle (*.json) of a directory.")]


class Replayed(Frozen):
    """One file of a corpus: its replay, or why it has none."""

    file: str
    replay: Replay | None = None
    trouble: str = ""

    @property
    def code(self) -> int:
        """The exit code that this file asks for."""
        if self.replay is None:
            return UNREAD
        return SAME if self.replay.same else DIFFERENT


def replay(bundle: BundleFile = "", *, against: Against = "", corpus: Corpus = None, json: AsJson = False) -> None:
    """Decide a recorded outage again by this version's rules, and print every difference from what was decided then.

    Nothing is asked of any cloud. Exits 0 when all is decided as it was, 1 when something is not, 2 for a bundle that
    cannot be read or decided, was altered, is of a newer version, or could not have had this fabric.
    """
    if bool(bundle) is (corpus is not None):
        refuse("name either a bundle, or a directory of bundles with --corpus")
    try:
        fabric = files.load(against) if against else None
        found = _corpus(corpus, fabric) if corpus else [_replayed(bundle, fabric)]
    except PointsmanError as error:
        complain(error)
        raise typer.Exit(UNREAD) from error
    if corpus is None and found[0].replay is None and not json:
        complain(f"{found[0].file}: {found[0].trouble}")
    elif json:
        typer.echo(as_json([_data(one) for one in found] if corpus else _data(found[0])))
    else:
        typer.echo("\n".join(plain(_table(found) if corpus else lines(found[0]))))
    raise typer.Exit(max(one.code for one in found))


def _corpus(folder: Path, against: Fabric | None) -> list[Replayed]:
    """Replay every bundle of a directory, by name. Raises ``CannotRead`` when it holds none, or too many."""
    try:
        if not folder.is_dir():
            raise CannotRead(f"{folder}: there is no such directory; check the path")
        paths = sorted(path for path in folder.iterdir() if path.match("*.json"))
    except OSError as error:
        raise CannotRead(
            f"{printable(str(folder))}: cannot look into this directory ({error.strerror}); check the path and its permissions"
        ) from error
    if not paths or len(paths) > CORPUS_LIMIT:
        raise CannotRead(f"{folder}: {len(paths)} bundles (*.json) are there, and there should be 1 to {CORPUS_LIMIT}; check the path")
    return [_replayed(str(path), against) for path in paths]


def _replayed(path: str, against: Fabric | None) -> Replayed:
    try:
        return Replayed(file=path, replay=decide_again(read(files.read(path, BUNDLE_LIMIT)), against))
    except PointsmanError as error:
        return Replayed(file=path, trouble=str(error).removeprefix(f"{path}: "))
    except Exception as error:  # noqa: BLE001  a bundle is somebody's text: whatever it sets off is told of it, and the others are decided
        return Replayed(file=path, trouble=f"this version cannot decide it ({type(error).__name__}: {error}); try the one that recorded it")


def _data(one: Replayed) -> dict[str, Any]:
    """Give one file as plain data: every key is there, also when it is empty."""
    told: dict[str, Any] = {"file": encodable(one.file), "same": one.code == SAME, "trouble": one.trouble}
    if one.replay is None:
        return told | {"decisions": []}
    found = one.replay
    decisions = [msgspec.structs.asdict(decision) for decision in found.decisions]
    head = {"incident": found.incident, "decider": found.decider, "against": found.against, "different": found.different}
    return told | head | {"decisions": decisions}


def lines(one: Replayed) -> Iterator[str]:
    """Write a replay, one decision after the other."""
    found = one.replay
    assert found is not None, "what has no replay is told as an error"
    under = f"under fabric {found.against}" if found.against else "under the fabrics of then"
    yield f"{found.incident}: {len(found.decisions)} decisions again by rules {found.decider}, {under}"
    for decision in found.decisions:
        yield from _decision(decision, found)
    yield _sum(found)


def _sum(found: Replay) -> str:
    if found.different:
        return f"\n{found.different} of {len(found.decisions)} are different"
    strict = not found.against and all(one.decider == found.decider for one in found.decisions)
    return "\nall are decided as they were" + (", to the same bytes" if strict else "")


def _decision(one: Redecided, found: Replay) -> Iterator[str]:
    older = f", by rules {one.decider} then" if one.decider != found.decider else ""
    yield f"\nepoch {one.epoch}  {one.at:%FT%TZ}  {one.by}{older}: {'same' if one.same else 'different'}"
    yield f"  then: {'; '.join(one.changed) or 'nothing that anybody would see'}"
    if found.against and not one.same:
        yield f"  here: {'; '.join(one.instead) or 'nothing'}"
    yield from (f"    {text}" for text in one.differences[:DIFFERENCES_TOLD])
    if len(one.differences) > DIFFERENCES_TOLD:
        yield f"    and {len(one.differences) - DIFFERENCES_TOLD} more: --json has them all"


def _table(found: list[Replayed]) -> Iterator[str]:
    """Write one line for each bundle, and one that sums them up."""
    wide = max(len(Path(one.file).name) for one in found)
    for one in found:
        yield f"{Path(one.file).name:<{wide}}  {_summary(one)}"
    counts = [sum(one.code == code for one in found) for code in (SAME, DIFFERENT, UNREAD)]
    yield f"{counts[0]} same, {counts[1]} different, {counts[2]} unreadable"


def _summary(one: Replayed) -> str:
    if one.replay is None:
        return f"unreadable  {one.trouble}"
    total, different = len(one.replay.decisions), one.replay.different
    return f"{'different' if different else 'same':<10}  {one.replay.incident}  {f'{different} of ' if different else ''}{total} decisions"
