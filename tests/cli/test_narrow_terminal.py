"""What a person reads on a narrow terminal: tables fold, and nothing is cut short or left out."""

import io

import pytest
from rich.console import Console

from pointsman.cli.summary import columns

ROW = (
    "atlas/ix-a@17",
    "open",
    "warning",
    "2026-11-22T11:28:35Z",
    "noc pm-3894cdcdc47463b72d53b1936a7500ed98",
    "ix-a is down; both probes lose packets",
)
HEADERS = ("incident", "phase", "severity", "since", "tickets", "latest")


@pytest.mark.parametrize("width", [60, 80, 140])
def test_every_character_of_a_table_is_shown(width: int) -> None:
    table = columns(*HEADERS)
    table.add_row(*ROW)
    out = io.StringIO()
    Console(file=out, width=width).print(table)
    shown = out.getvalue()
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= width
    assert sorted("".join((*HEADERS, *ROW)).replace(" ", "")) == sorted("".join(shown.split()))
