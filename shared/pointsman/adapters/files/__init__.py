"""The fabric file: checked, compiled, loaded.

The YAML reader and the declared models are imported when a declared file is met, never to load a compiled one.
"""

from typing import Any

from pointsman.adapters.files.compiled import looks_compiled, read_compiled, write_compiled
from pointsman.adapters.files.disk import STANDARD, read, write
from pointsman.adapters.files.findings import BadFabric, CannotRead, CannotWrite, Finding, Note, Place, Report, encodable
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Fabric

__all__ = [
    "STANDARD",
    "BadFabric",
    "CannotRead",
    "CannotWrite",
    "Finding",
    "Note",
    "Place",
    "Report",
    "check",
    "check_text",
    "compile_fabric",
    "load",
    "looks_compiled",
    "read",
    "read_compiled",
    "schema",
    "write",
]


def load(path: str) -> Fabric:
    """Load a fabric from YAML or from its compiled JSON. Raises CannotRead, or BadFabric with one line for each finding."""
    raw = read(path)
    if looks_compiled(raw):
        return read_compiled(raw, path)
    report = _check_declared(raw, path)
    if report.fabric is None:
        raise BadFabric(report)
    return report.fabric


def check(path: str) -> Report:
    """Check a fabric file, declared or compiled. Raises CannotRead when there is nothing to check."""
    return check_text(read(path), encodable(path))


def check_text(raw: bytes, name: str) -> Report:
    """Check a fabric's bytes, which findings call ``name``. Raises nothing."""
    return _check_compiled(raw, name) if looks_compiled(raw) else _check_declared(raw, name)


def compile_fabric(path: str) -> bytes:
    """Give the compiled JSON of a fabric file. Raises CannotRead or BadFabric."""
    return write_compiled(load(path))


def schema() -> dict[str, Any]:
    """Give the JSON Schema of the declared file, for editors."""
    from pointsman.adapters.files.json_schema import schema as made  # noqa: PLC0415  loads pydantic

    return made()


def _check_declared(raw: bytes, name: str) -> Report:
    from pointsman.adapters.files.checking import check_declared  # noqa: PLC0415  loads yaml and pydantic

    return check_declared(raw, name)


def _check_compiled(raw: bytes, name: str) -> Report:
    from pointsman.adapters.files.checking import accepted  # noqa: PLC0415  loads yaml and pydantic

    try:
        return accepted(read_compiled(raw, name), name)
    except ConfigError as error:
        return Report(file=name, findings=(Finding(file=name, line=1, column=1, path="", text=str(error).removeprefix(f"{name}: ")),))
