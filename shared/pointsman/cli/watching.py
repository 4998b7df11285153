"""Showing something again and again until Ctrl-C."""

import sys
from collections.abc import Callable
from typing import TypeVar

import typer

from pointsman.cli import printing
from pointsman.cli.asking import complain
from pointsman.core.errors import PointsmanError

T = TypeVar("T")

READINGS_LIMIT = 1_000_000
"""Readings of one call: eleven days at one a second."""
_CLEAR = "\x1b[H\x1b[2J\x1b[3J"


def watched(read: Callable[[], T], show: Callable[[T], None], wait: Callable[[], None]) -> T | None:
    """Read, show and wait until Ctrl-C, or until nobody reads it any more; gives what was read last, None when that failed.

    A terminal is cleared before each reading is shown; anything else gets one after the other. What cannot be read now
    is said, and tried again.
    """
    last: T | None = None
    try:
        for _ in range(READINGS_LIMIT):
            last = _reading(read, show)
            sys.stdout.flush()
            if printing.gone():
                break
            wait()
    except KeyboardInterrupt:
        typer.echo()
    return last


def _reading(read: Callable[[], T], show: Callable[[T], None]) -> T | None:
    try:
        found = read()
    except PointsmanError as error:
        complain(error)
        return None
    if sys.stdout.isatty():
        typer.echo(_CLEAR, nl=False)
    show(found)
    return found
