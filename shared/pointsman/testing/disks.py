"""A small disk of a process's own: it fills up as any disk does (ENOSPC), and ends with its process.

It is a tmpfs in a mount namespace, which Linux gives to root, and to anybody where it gives user namespaces.
"""

import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

_WAYS = (("--user", "--map-root-user", "--mount"), ("--mount",))
"""What ``unshare`` is told: the namespaces that anybody may have, then the one that root may."""
_SMALL = 1024 * 1024


def available_disk() -> str | None:
    """Say why a process can have no disk of its own here; None when it can."""
    if _way() is None:
        return "a process can have no disk of its own here: install unshare (util-linux), and allow user namespaces or run as root with CAP_SYS_ADMIN"
    return None


def on_own_disk(folder: Path, size: int, command: Sequence[str]) -> list[str]:
    """Give a command that runs another one with a disk of ``size`` bytes at ``folder``; ask ``available_disk`` before."""
    way = _way()
    assert way is not None, "its absence was reported"
    return _argv(way, folder, size, command)


@cache
def _way() -> tuple[str, ...] | None:
    """Find out what this system allows by doing it once."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        return next((way for way in ((unshare, *words) for words in _WAYS) if _works(way, Path(folder))), None)


def _works(way: tuple[str, ...], folder: Path) -> bool:
    argv = _argv(way, folder, _SMALL, ("true",))
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0  # noqa: S603 - a fixed command


def _argv(way: Sequence[str], folder: Path, size: int, command: Sequence[str]) -> list[str]:
    run = f"mount -t tmpfs -o size={size} tmpfs {shlex.quote(str(folder))} && exec {shlex.join(command)}"
    return [*way, "/bin/sh", "-c", run]
