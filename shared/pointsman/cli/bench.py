"""``pointsman bench``: what a reaction costs, measured on the twin beside a plain handler, as JSON."""

import json
import time
from pathlib import Path

import typer

from pointsman.adapters.files import load
from pointsman.core.errors import ConfigError
from pointsman.testing.bench.document import QUICK, Size
from pointsman.testing.bench.run import run
from pointsman.testing.processes import ProcessError


def bench(*, output: Path | None, root: Path | None, quick: bool) -> None:
    """Measure everything, print it as JSON, and say on the way (on standard error) what is being measured."""
    here = _root(root)
    begun = time.monotonic()  # noqa: TID251 - the bench times itself

    def tell(text: str) -> None:
        typer.echo(f"{time.monotonic() - begun:6.1f} s  {text}", err=True)  # noqa: TID251

    try:
        found = run(here, load(str(here / "docs" / "fabrics" / "demo.yaml")), QUICK if quick else Size(), tell)
    except ProcessError as error:
        raise ConfigError(f"the bench stopped: {error}") from error
    text = json.dumps(found, indent=2)
    typer.echo(text)
    if output is not None:
        output.write_text(text + "\n")


def _root(given: Path | None) -> Path:
    """Find the checkout. Raises ``ConfigError``."""
    for one in (given, Path.cwd(), Path(__file__).resolve().parents[3]):
        if one is not None and (one / "functions").is_dir() and (one / "docs" / "fabrics" / "demo.yaml").is_file():
            return one.resolve()
    raise ConfigError("the bench needs a checkout with functions/ and docs/fabrics/demo.yaml: run it there, or name it with --root")
