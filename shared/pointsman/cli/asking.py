"""What commands that read the table and the journal have in common: opening the table, and their exit codes."""

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pointsman.core.values import canonical, replace

if TYPE_CHECKING:
    from pointsman.service.status import Table

WELL, WRONG, UNREAD = 0, 1, 2
"""Exit codes: told; there is no such thing; it cannot be read."""

FabricFile = Annotated[str, typer.Argument(metavar="FABRIC", help="The compiled fabric whose table is read.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def opened(fabric: str) -> "Table":
    """Open a fabric's table with the credentials of this shell. Raises ``ConfigError``."""
    from pointsman.boot.settings import read_settings  # noqa: PLC0415 - the SDKs load for such a command only
    from pointsman.boot.table import open_table  # noqa: PLC0415

    return open_table(replace(read_settings(), fabric=fabric, fabric_next=""))


def as_json(value: object) -> str:
    """Write a value as indented JSON: equal values give equal text."""
    return msgspec.json.format(canonical(value), indent=2).decode()
