"""Bytes from disk, within a bound."""

from pathlib import Path

from pointsman.adapters.files.findings import CannotRead

MAX_READ = 4 * 1024 * 1024
"""Most bytes that are read of any file; a compiled fabric is smaller."""


def read(path: str) -> bytes:
    """Read a file. Raises CannotRead, naming the file and what to do."""
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_READ + 1)
    except FileNotFoundError as error:
        raise CannotRead(f"{path}: there is no such file; check the path") from error
    except IsADirectoryError as error:
        raise CannotRead(f"{path}: this is a directory; name the fabric file in it") from error
    except PermissionError as error:
        raise CannotRead(f"{path}: you may not read this file; check its permissions") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the path is not a path"
        raise CannotRead(f"{path}: cannot read the file ({reason}); check the path") from error
