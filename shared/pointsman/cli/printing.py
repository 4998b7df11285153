"""What a command prints: where standard output is gone or full, the command goes on and its exit code stays its own."""

import io
import os
import signal
import sys
from typing import TYPE_CHECKING, TextIO

import typer

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

GONE = 128 + signal.SIGPIPE
"""Exit code: all went well, and nobody read it to the end."""

UNPRINTED = 74
"""Exit code: all went well, and what was to be told of it could not be printed."""

_STANDARD = 3
"""Standard input, output and error are the files below this number."""


class _Lenient(io.FileIO):
    """A standard stream that keeps the first error of writing, and writes nothing more."""

    trouble: OSError | None = None

    def write(self, data: "ReadableBuffer", /) -> int:
        if self.trouble is None:
            try:
                return super().write(data)
            except OSError as error:
                self.trouble = error
        return memoryview(data).nbytes


def prepare() -> None:
    """Let a command print whatever happens to its streams: what was closed is opened on nothing, errors are kept for ``ended``."""
    while (opened := os.open(os.devnull, os.O_RDWR)) < _STANDARD:
        os.set_inheritable(opened, True)  # noqa: FBT003  as the standard streams are
    os.close(opened)
    sys.stdin = sys.stdin or io.TextIOWrapper(io.FileIO(0, "r", closefd=False))
    sys.stdout = _lenient(sys.stdout, 1)
    sys.stderr = _lenient(sys.stderr, 2)


def _lenient(stream: TextIO | None, number: int) -> TextIO:
    """Write as a stream does, and escape what a terminal of another encoding cannot show."""
    encoding = "utf-8" if stream is None else stream.encoding
    lines = isinstance(stream, io.TextIOWrapper) and stream.line_buffering
    raw = _Lenient(number, "wb", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors="backslashreplace", line_buffering=lines)


def gone() -> bool:
    """Say whether whoever read standard output is gone."""
    return isinstance(_trouble(), BrokenPipeError)


def ended(code: int) -> int:
    """Say why standard output could not be written, if a user has to know; gives the exit code, the command's own unless that is 0."""
    sys.stdout.flush()
    trouble = _trouble()
    if trouble is None:
        return code
    if gone():
        return code or GONE
    why = trouble.strerror or type(trouble).__name__
    typer.echo(f"pointsman: cannot print ({why}): make room where standard output goes; what the command did stands", err=True)
    return code or UNPRINTED


def _trouble() -> OSError | None:
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.trouble if isinstance(raw, _Lenient) else None
