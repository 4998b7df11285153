"""A checked fabric as a person reads it, and as a program does."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pointsman.adapters.files import Report
from pointsman.adapters.files.units import spoken_bandwidth, spoken_duration
from pointsman.core.domains import addresses_of, table_mode
from pointsman.core.fabric import AwsSite, Fabric, Flow, GcpSite, Link
from pointsman.core.values import one_line

WIDTH = 140
"""How wide a summary is where there is no terminal to ask, in characters."""
NARROW = 5
"""Characters that a column keeps on a terminal however narrow, unless its header is shorter."""


def console() -> Console:
    """Make a console on standard output: as wide as the terminal, or ``WIDTH``."""
    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=WIDTH)


def cell(text: str) -> Text:
    """Show one field of a table: what somebody wrote stays in it, and turns, colours and ends nothing."""
    return Text(one_line(text))


def as_text(report: Report) -> RenderableType:
    """Show a fabric that was accepted."""
    fabric = report.fabric
    assert fabric, "a bad fabric has findings, not a summary"
    parts: list[RenderableType] = [Text(f"{fabric.name}: accepted, hash {fabric.hash}", style="bold")]
    parts += _part("sites", _sites(fabric))
    parts += _part("links", _links(fabric))
    parts += _part("flows", _flows(fabric))
    parts += _part("stores", _stores(fabric))
    return Group(*parts)


def remarks(report: Report) -> Iterator[str]:
    """Write each note as one line, however long."""
    return (f"  {note.about}: {note.text}" for note in report.notes)


def as_data(report: Report) -> dict[str, Any]:
    """Give the same as plain data."""
    found = [msgspec.to_builtins(one) | {"mend": one.mend} for one in report.findings]
    said = [msgspec.to_builtins(one) for one in report.notes]
    data = {"file": report.file, "ok": report.fabric is not None, "findings": found, "unlisted": report.unlisted, "notes": said}
    return data | (_fabric_data(report.fabric) if report.fabric else {})


def _fabric_data(fabric: Fabric) -> dict[str, Any]:
    return {
        "fabric": fabric.name,
        "hash": fabric.hash,
        "table": table_mode(fabric.stores).value,
        "sites": [site.name for site in fabric.sites],
        "links": [_link_data(fabric, link) for link in fabric.links],
        "flows": [
            {"name": flow.name, "demand_bps": flow.demand, "priority": flow.priority, "prefer": flow.prefer} for flow in fabric.flows
        ],
        "stores": {slot: address.domain for slot, address in addresses_of(fabric.stores).items()},
    }


def _link_data(fabric: Fabric, link: Link) -> dict[str, Any]:
    gap = fabric.gap(link)
    return {
        "name": link.name,
        "kind": link.kind.value,
        "mode": link.mode.value,
        "capacity_bps": link.capacity,
        "budget_seconds": link.timers.budget.total_seconds(),
        "steerable": not gap,
        "gap": gap,
    }


def _part(title: str, body: Table) -> Iterator[RenderableType]:
    if body.row_count:
        yield Text(f"\n{title}", style="bold")
        yield Padding(body, (0, 0, 0, 2), expand=False)


def _table(rows: Iterable[tuple[str, ...]], *headers: str) -> Table:
    table = columns(*headers)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def columns(*headers: str) -> Table:
    """Make a table whose columns fold on a narrow terminal: none is cut short or left out."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for header in headers:
        table.add_column(header, overflow="fold", min_width=min(NARROW, len(header)))
    return table


def _sites(fabric: Fabric) -> Table:
    return _table(((site.name, *_place(site)) for site in fabric.sites), "name", "cloud", "region", "gateway")


def _place(site: AwsSite | GcpSite) -> tuple[str, str, str]:
    match site:
        case AwsSite():
            return "aws", site.region, site.transit_gateway or site.core_network or site.virtual_private_gateway or ""
        case GcpSite():
            router = f"router {site.router.name} in network {site.network}" if site.router else f"network {site.network}"
            return "gcp", site.region, f"{router}, hub {site.hub}" if site.hub else router


def _links(fabric: Fabric) -> Table:
    rows = (_link_row(fabric, link) for link in fabric.links)
    return _table(rows, "name", "kind", "members", "capacity", "MTU", "cost/GB", "budget", "mode", "steered")


def _link_row(fabric: Fabric, link: Link) -> tuple[str, ...]:
    return (
        link.name,
        link.kind.value,
        str(len(link.members)),
        spoken_bandwidth(link.capacity),
        str(link.mtu),
        f"{link.cost_per_gb:.2f}",
        spoken_duration(link.timers.budget),
        link.mode.value,
        "not yet" if fabric.gap(link) else "yes",
    )


def _flows(fabric: Fabric) -> Table:
    return _table(map(_flow_row, fabric.flows), "name", "priority", "demand", "min MTU", "prefers", "between")


def _flow_row(flow: Flow) -> tuple[str, ...]:
    between = " - ".join(f"{site} {', '.join(prefixes)}" for site, prefixes in flow.prefixes.items())
    return flow.name, str(flow.priority), spoken_bandwidth(flow.demand), str(flow.min_mtu), ", ".join(flow.prefer), between


def _stores(fabric: Fabric) -> Table:
    rows = [(slot, one.scheme.value, one.name, one.domain) for slot, one in addresses_of(fabric.stores).items()]
    return _table([*rows, ("mode", table_mode(fabric.stores).value, "", "")], "slot", "kind", "name", "failure domain")
