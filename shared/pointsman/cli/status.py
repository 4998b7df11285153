"""``pointsman status``: how things stand, and what asks for somebody's attention."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from pointsman.cli.asking import AsJson, FabricFile, complain, opened
from pointsman.core.errors import PointsmanError
from pointsman.core.maintenance import spoken
from pointsman.core.values import canonical, one_line

if TYPE_CHECKING:
    from pointsman.service.attention import Status, StoreStatus
    from pointsman.service.status import Table

FINE, DEGRADED, UNREAD = 0, 1, 2
"""Exit codes: nothing to do; something asks for attention; no majority of the stores could be read."""

EVERY = 5.0
Watch = Annotated[bool, typer.Option("--watch", help="Show it again and again, until Ctrl-C.")]
Every = Annotated[float, typer.Option("--every", min=1, max=3_600, help="Seconds between two readings of --watch.")]


def status(fabric: FabricFile, *, as_json: AsJson = False, watch: Watch = False, every: Every = EVERY) -> None:
    """Show the mode, the plan, incidents and stores, and what asks for attention.

    Reads with the credentials of this shell and changes nothing; what it cannot read it names. Exits 0 when all is well,
    1 when something asks for attention, 2 when no majority of the stores could be read; with --watch, as things stood last.
    """
    try:
        found = _watched(fabric, every, as_json=as_json) if watch else _read(opened(fabric))
    except PointsmanError as error:
        complain(error)
        raise typer.Exit(UNREAD) from error
    if found is not None and not watch:
        _show(found, as_json=as_json)
    raise typer.Exit(UNREAD if found is None else code(found))


def _watched(fabric: str, every: float, *, as_json: bool) -> "Status | None":
    from pointsman.boot import loop  # noqa: PLC0415 - the SDKs and the fabric reader load for this command only
    from pointsman.cli.watching import watched  # noqa: PLC0415

    table = opened(fabric)
    return watched(lambda: _read(table), lambda one: _show(one, as_json=as_json), lambda: loop.run(table.clock.sleep(every)))


def _show(found: "Status", *, as_json: bool) -> None:
    from pointsman.cli.summary import console  # noqa: PLC0415

    if as_json:
        typer.echo(msgspec.json.format(canonical(found), indent=2).decode())
    else:
        console().print(as_text(found))


def _read(table: "Table") -> "Status":
    from pointsman.boot import loop  # noqa: PLC0415
    from pointsman.service.status import status as read  # noqa: PLC0415

    return loop.run(read(table))


def code(found: "Status") -> int:
    """Give the exit code of a status."""
    if not found.reached:
        return UNREAD
    return DEGRADED if found.todo else FINE


def as_text(found: "Status") -> RenderableType:
    """Show a status as a person reads it."""
    parts: list[RenderableType] = [Text(f"{found.fabric} at {found.at:%FT%TZ}", style="bold"), Text(f"mode {_mode(found)}")]
    if found.plan is not None:
        parts.append(Text(f"epoch {found.plan.epoch}, decided at {found.plan.decided_at:%FT%TZ}, fabric {found.plan.fabric_hash}"))
        parts += _part("links", _links(found))
        parts += _part("damping", _grid(found.damped.items(), "link", "penalty"))
        parts += _part("flows", _flows(found))
        parts += _part("pins", _pins(found))
        parts += _part("waits for a person's word", _proposal(found))
    parts += _part("maintenance", _windows(found))
    parts += _part("freezes", _freezes(found))
    parts += _part("incidents", _incidents(found))
    parts += _part("done alone", _alone(found))
    parts += _part("functions", _functions(found))
    parts += _part("stores", _stores(found.stores))
    parts += (
        [Text("\nattention", style="bold"), *(Text(one_line(f"  {one}")) for one in found.todo)]
        if found.todo
        else [Text("\nnothing to do")]
    )
    return Group(*parts)


def _mode(found: "Status") -> str:
    return found.mode.text if found.reached else f"{found.mode.text} (as far as this shell can see)"


def _part(title: str, body: Grid) -> Iterator[RenderableType]:
    if body.row_count:
        yield Text(f"\n{title}", style="bold")
        yield Padding(body, (0, 0, 0, 2), expand=False)


def _grid(rows: Iterable[tuple[str, ...]], *headers: str) -> Grid:
    from pointsman.cli.summary import cell, columns  # noqa: PLC0415 - the fabric reader loads for this command only

    grid = columns(*headers)
    for row in rows:
        grid.add_row(*map(cell, row))
    return grid


def _links(found: "Status") -> Grid:
    assert found.plan is not None, "links are shown of a plan"
    because = {reason.about: reason.because for reason in found.plan.reasons}
    rows = (
        (
            name,
            state.verdict.value,
            f"{state.since:%FT%TZ}" if state.since else "",
            f"by {state.drain.enactor} since {state.drain.since:%FT%TZ}" if state.drain else "",
            because.get(name, ""),
        )
        for name, state in found.plan.links.items()
    )
    return _grid(rows, "link", "verdict", "since", "drained", "because")


def _flows(found: "Status") -> Grid:
    assert found.plan is not None, "flows are shown of a plan"
    rows = (
        (name, one.link or "no link", f"{one.squeezed_by // 10**6} Mbit/s" if one.squeezed_by else "", "short" if one.mtu_short else "")
        for name, one in found.plan.flows.items()
    )
    return _grid(rows, "flow", "on", "squeezed", "MTU")


def _pins(found: "Status") -> Grid:
    assert found.plan is not None, "pins are shown of a plan"
    rows = ((pin.flow, pin.link, pin.owner, f"{pin.expires_at:%FT%TZ}", pin.reason) for pin in found.plan.pins)
    return _grid(rows, "flow", "pinned to", "owner", "until", "reason")


def _proposal(found: "Status") -> Grid:
    from pointsman.core.approvals import what  # noqa: PLC0415 - with all that decides, for this command only

    one = found.plan.proposal if found.plan else None
    rows = () if one is None else ((one.hash, what(one), f"{one.expires_at:%FT%TZ}", f"denied by {one.denied}" if one.denied else "waits"),)
    return _grid(rows, "hash", "to be done", "until", "is")


def _windows(found: "Status") -> Grid:
    plan = found.plan
    links = {} if plan is None else plan.links
    agreed = ((str(name), spoken(state.maintenance, state)) for name, state in links.items() if state.maintenance is not None)
    told = ((name, f"announced by {one}") for name, said in found.windows.items() for one in said)
    return _grid((*agreed, *told), "link", "window")


def _freezes(found: "Status") -> Grid:
    freeze = found.plan.freeze if found.plan else None
    until = f" until {freeze.until:%FT%TZ}" if freeze and freeze.until else ""
    told = f"set by {freeze.author} at {freeze.since:%FT%TZ}{until}: {freeze.reason}" if freeze else "clear" if found.plan else "unknown"
    plan = ("plan", told)
    return _grid((plan, *((f"flag of {cloud}", state.value) for cloud, state in found.flags.items())), "freeze", "is")


def _incidents(found: "Status") -> Grid:
    rows = (
        (
            one.id,
            "unreadable" if one.unread else one.phase,
            one.severity,
            f"{one.since:%FT%TZ}" if one.since else "",
            "; ".join(f"{desk} {ticket}" for desk, ticket in one.tickets.items()) or "no ticket yet",
            one.latest,
        )
        for one in found.incidents
    )
    return _grid(rows, "incident", "phase", "severity", "since", "tickets", "latest")


def _alone(found: "Status") -> Grid:
    rows = (
        (one.cloud.value, f"{one.deed.at:%FT%TZ}", one.deed.link, ", ".join(one.deed.flows), one.deed.phase.value) for one in found.alone
    )
    return _grid(rows, "by", "at", "avoided", "for", "is")


def _functions(found: "Status") -> Grid:
    return _grid(((one.cloud.value, _ago(one.age)) for one in found.swept), "functions on", "last swept")


def _stores(stores: "Iterable[StoreStatus]") -> Grid:
    rows = (
        (
            store.name,
            "answers" if store.answers else "could not be read",
            f"{sum(store.lag.values())} ballots in {len(store.lag)} registers" if store.lag else "none" if store.answers else "unknown",
            "; ".join(f"{one.cloud} {_ago(one.age)}" for one in store.answered),
            store.fault,
        )
        for store in stores
    )
    return _grid(rows, "store", "now", "lag", "last answered", "fault")


def _ago(age: float | None) -> str:
    return "unknown" if age is None else f"{age:.0f} s ago"
