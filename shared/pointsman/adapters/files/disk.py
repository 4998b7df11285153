"""Files on disk: read within a bound, written whole or not at all."""

import errno
import os
import sys
import tempfile
from pathlib import Path

from pointsman.adapters.files.findings import CannotRead, CannotWrite

MAX_READ = 4 * 1024 * 1024
"""Most bytes that are read of any file; a compiled fabric is smaller."""

STANDARD = "-"
"""The name of standard input and output."""


def read(path: str, limit: int = MAX_READ) -> bytes:
    """Read a file, or standard input: at most a byte more than ``limit``. Raises CannotRead, naming the file and what to do."""
    if path == STANDARD:
        return sys.stdin.buffer.read(limit + 1)
    try:
        with Path(path).open("rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError as error:
        raise CannotRead(f"{path}: there is no such file; check the path") from error
    except IsADirectoryError as error:
        raise CannotRead(f"{path}: this is a directory; name a file in it") from error
    except PermissionError as error:
        raise CannotRead(f"{path}: you may not read this file; check its permissions") from error
    except (OSError, ValueError) as error:
        raise CannotRead(f"{path}: cannot read the file ({_reason(error)}); check the path") from error


def write(path: str, data: bytes) -> None:
    """Write a file: a reader sees the old content or the new one. Raises CannotWrite, naming the file and what to do.

    A link stays a link, and what is no regular file (a pipe, a device) is written to and not replaced.
    """
    if path == STANDARD:
        raise CannotWrite(f"{path}: this is not written to standard output, which has the rest; name a file")
    try:
        target = Path(path).resolve()
        if target.exists() and not (target.is_file() or target.is_dir()):
            target.write_bytes(data)
        else:
            _replaced(target, data)
    except (OSError, ValueError, RuntimeError) as error:
        raise CannotWrite(f"{path}: cannot write the file ({_reason(error)}); choose another place") from error


def _replaced(target: Path, data: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix=".", suffix=".draft", dir=target.parent) as own:  # nobody else writes there, or reads it
        draft = Path(own) / "draft"
        draft.write_bytes(data)
        draft.replace(target)


def _reason(error: Exception) -> str:
    if isinstance(error, RuntimeError):  # so pathlib calls links that lead round
        return os.strerror(errno.ELOOP)
    return getattr(error, "strerror", None) or "the path is not a path"
