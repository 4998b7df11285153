"""What importing costs: each function's ``main.py``, and the plain handler, beside ``import boto3``, each in a fresh process."""

import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from pointsman.testing.processes import Child, ProcessError

LIMIT = timedelta(seconds=60)
_TIMED = "import time; begun = time.perf_counter(); import {}; print('took', time.perf_counter() - begun)"
BOTO3 = "boto3"
BASELINE = "pointsman.testing.bench.baseline"
_ENV = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def loading(root: Path, functions: tuple[str, ...], count: int) -> Mapping[str, list[float]]:
    """Import each in turn, ``count`` times; gives seconds by module, without the interpreter's own start."""
    names = (BOTO3, BASELINE, *(f"functions.{cloud}.{name}.main" for cloud in ("aws", "gcp") for name in functions))
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(count):
        for name in names:
            found[name].append(_import(root, name))
    return found


def _import(root: Path, name: str) -> float:
    child = Child("import", (sys.executable, "-c", _TIMED.format(name)), env=_ENV, cwd=root)
    try:
        return float(child.wait_line(r"^took ([\d.e-]+)", LIMIT).group(1))
    except ProcessError as error:
        raise ProcessError(f"{name} cannot be imported: {error}") from error
    finally:
        child.kill()
