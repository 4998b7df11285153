"""Announced windows on links that are not left for them: a cloud's own word as it is read now, and what the rows hold of all announcements."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from pointsman.core.audit.commands import by_hand, is_away, to_foresee, to_leave
from pointsman.core.audit.findings import Check, Evidence, Finding, Severity
from pointsman.core.fabric import Fabric, Link, LinkName, Mode
from pointsman.core.plan import LinkState, Plan
from pointsman.core.sightings import Notice, Sighting, Vantage, Window
from pointsman.core.values import replace
from pointsman.core.windows import from_notice, in_utc, is_over, is_overruled, span_of, taken_by

NEAR = timedelta(days=7)
"""How near announced maintenance is when it becomes more than a note."""


def maintenance(fabric: Fabric, plan: Plan | None, notices: Iterable[Notice], rows: Iterable[Sighting], now: datetime) -> Iterator[Finding]:
    """Name announced windows that are still to end, on links that are not left for them and will not be.

    A link that is ours to steer is left when its window is near, so it is named from then on alone. What names no start only
    explains trouble, and nothing is left for it.
    """
    windows = _known(fabric, notices, rows)
    for row in windows:
        if not is_over(row, now) and _leaves(row) and not is_overruled(row, windows):
            for name in taken_by(fabric, row):
                state = plan.links.get(name, LinkState()) if plan else LinkState()
                if state.drain is None and not _in_time(fabric, name, state, row, now):
                    yield _with_answer(_announced(plan, fabric.link(name), row, now), fabric, plan, row, now)


def _known(fabric: Fabric, notices: Iterable[Notice], rows: Iterable[Sighting]) -> tuple[Sighting, ...]:
    """Give every announcement once: as it is read now, and else by its row. One that says the same keeps its row, and so its time."""
    held = {(row.vantage, row.window.key): row for row in rows if row.window is not None}
    for notice in notices:
        row = from_notice((fabric,), notice)
        if row is not None and row.window is not None:
            key = (row.vantage, row.window.key)
            held[key] = held[key] if key in held and _says_the_same(held[key], row) else row
    return tuple(held.values())


def _says_the_same(held: Sighting, row: Sighting) -> bool:
    """Say whether an announcement stands as its row has it, which may name members of another fabric too."""
    return replace(_window(held), members=_window(row).members) == row.window


def _leaves(row: Sighting) -> bool:
    span = span_of(row)
    return span is not None and span.leaves


def _window(row: Sighting) -> Window:
    assert row.window is not None, "only windows are told"
    return row.window


def _in_time(fabric: Fabric, name: LinkName, state: LinkState, row: Sighting, now: datetime) -> bool:
    """Say whether pointsman will leave a link when its window is near, or left out of account the part of it that is away."""
    if fabric.link(name).mode is not Mode.AUTO:
        return False
    partly = state.maintenance is not None and bool(state.maintenance.away)
    return partly or is_away(fabric, _window(row), now)


def _announced(plan: Plan | None, link: Link, row: Sighting, now: datetime) -> Finding:
    window = _window(row)
    assert window.start is not None, "what names no start is not told"
    start, end = in_utc(window.start), f" to {in_utc(window.end):%FT%TZ}" if window.end else ""
    drained = "it is not drained" if plan else "no plan says whether it is drained"
    return Finding(
        check=Check.MAINTENANCE,
        subject=f"{link.name} {row.vantage} {window.key}",
        severity=Severity.WARNING if start - now <= NEAR else Severity.NOTE,
        text=f"{_by(row)} announces maintenance of {link.name} from {start:%FT%TZ}{end}, and {drained}",
        evidence=(
            Evidence(side=row.vantage.value, says=window.what or "maintenance"),
            Evidence(side="plan", says=f"{link.name} is not drained")
            if plan
            else Evidence(side="fabric", says=f"{link.name} is in mode {link.mode}"),
        ),
        link=link.name,
    )


def _by(row: Sighting) -> str:
    return (_window(row).author or "a person") if row.vantage is Vantage.OPERATOR else row.vantage.value


def _with_answer(finding: Finding, fabric: Fabric, plan: Plan | None, row: Sighting, now: datetime) -> Finding:
    """Add what a person does: look, decide where no order would be taken, or order the drain."""
    assert finding.link is not None, "windows are told of links"
    link, window = fabric.link(finding.link), _window(row)
    show = to_foresee(fabric, link, window, now)
    decide = "" if show else by_hand(fabric, plan, link, now)
    return replace(finding, show=show, decide=decide, fix="" if show or decide else to_leave(link, window, now))
