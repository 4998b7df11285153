"""The command line: every command in one table, and one way out for every error."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from pointsman import __version__
from pointsman.adapters.files import CannotRead, CannotWrite
from pointsman.adapters.files.findings import encodable
from pointsman.cli import (
    adopt,
    audit,
    decode,
    explain,
    fabric,
    history,
    orders,
    printing,
    probe,
    record,
    replay,
    status,
    stores,
    verify,
    whatif,
    window,
)
from pointsman.cli.asking import complain
from pointsman.core.errors import ConfigError, PointsmanError, Transient

WRONG = 1
"""Exit code: what was asked about is wrong."""

UNREADABLE = 2
"""Exit code: a file cannot be read or written, the stores cannot be asked, or the command line is wrong."""

BUG = 70
"""Exit code: a defect of pointsman."""

PATIENCE = 1.0
"""Seconds that the slowest store may take to keep up before the command ends."""

INTERRUPTED = 130
"""Exit code: stopped by Ctrl-C."""

Json = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write what was measured as JSON too.")]
Root = Annotated[Path | None, typer.Option("--root", metavar="DIR", help="The checkout that holds functions/ and docs/fabrics/.")]
Quick = Annotated[bool, typer.Option("--quick", help="Measure a tenth of the events: figures to look at, not to compare.")]

app = typer.Typer(
    name="pointsman",
    help="Watch the private links between AWS and Google Cloud and move traffic when one fails.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("check")(fabric.check)
app.command("compile")(fabric.compile_)
app.command("schema")(fabric.schema)
app.command("whatif")(whatif.whatif)
app.command("decode")(decode.decode)
app.command("adopt")(adopt.adopt)
app.command("freeze")(orders.freeze)
app.command("thaw")(orders.thaw)
app.command("drain")(orders.drain)
app.command("undrain")(orders.undrain)
app.command("approve")(orders.approve)
app.command("deny")(orders.deny)
app.command("ack")(orders.ack)
app.command("pin")(orders.pin)
app.command("verify")(verify.verify)
app.add_typer(stores.app, name="stores")
app.add_typer(probe.app, name="probe")
app.add_typer(window.app, name="window")
app.command("status")(status.status)
app.command("audit")(audit.audit)
app.command("explain")(explain.explain)
app.command("history")(history.history)
app.command("record")(record.record)
app.command("replay")(replay.replay)


@app.command("demo")
def demo(*, output: Json = None, root: Root = None) -> None:
    """Break links on a model of the network and watch the functions of both clouds react."""
    try:
        from pointsman.cli import demo as play  # noqa: PLC0415 - what it needs is not installed with a plain pointsman
    except ModuleNotFoundError as error:
        raise ConfigError(f"the demo needs {error.name}: install pointsman[demo], or run make demo in a checkout") from error
    play.demo(output=output, root=root)


@app.command("bench")
def bench(*, output: Json = None, root: Root = None, quick: Quick = False) -> None:
    """Measure what a reaction costs, beside a handler written by hand, and print it as JSON."""
    try:
        from pointsman.cli import bench as measure  # noqa: PLC0415 - what it needs is not installed with a plain pointsman
    except ModuleNotFoundError as error:
        raise ConfigError(f"the bench needs {error.name}: install pointsman[demo], or run make bench in a checkout") from error
    measure.bench(output=output, root=root, quick=quick)


def _version(asked: bool) -> None:  # noqa: FBT001  typer hands an option's value over by position
    if asked:
        typer.echo(f"pointsman {__version__}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")]


@app.callback()
def _options(*, version: Version = False) -> None:
    del version


def run() -> NoReturn:
    """Run the command line: the console script. A user sees one line for an error, never a traceback."""
    printing.prepare()
    sys.argv[1:] = [one if os.path.lexists(one) else encodable(one) for one in sys.argv[1:]]  # what names a file has to go on naming it
    code = _main()
    sys.stdout.flush()
    if "pointsman.boot.loop" in sys.modules:  # a command that asked no store has nothing under way
        _let_settle(code)
    sys.exit(printing.ended(code))


def _let_settle(code: int) -> None:
    from pointsman.boot import loop  # noqa: PLC0415 - loaded by the command, or not at all

    with contextlib.suppress(KeyboardInterrupt):
        loop.settle(0.0 if code == INTERRUPTED else PATIENCE)


def _main() -> int:
    try:
        app(prog_name="pointsman")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else WRONG
    except PointsmanError as error:
        return _said(error, UNREADABLE if isinstance(error, CannotRead | CannotWrite | Transient) else WRONG)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last stop before a traceback would reach a user
        return _said(f"this is a defect of pointsman ({type(error).__name__}: {error}); please report it with the command you ran", BUG)
    return 0


def _said(error: object, code: int) -> int:
    complain(error)
    return code
