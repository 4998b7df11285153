"""A fabric drawn as SVG: sites at both sides, links between them, each with a bar of what it carries."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from pointsman.adapters.files.units import spoken_bandwidth
from pointsman.console.pictures import WIDTH, picture, text
from pointsman.core.analysis import Failure, State, loads
from pointsman.core.fabric import Fabric, Link, LinkName, Site, SiteName

ROW, TOP, BOTTOM = 64, 60, 40
"""Sizes in pixels: a link's height, and what is left above and below."""
SITE_WIDTH, BAR_LEFT, BAR_WIDTH, BAR_HEIGHT = 150, 330, 300, 12
SHOWN_FLOWS = 44
"""Longest list of flow names under a bar, in characters."""
SHOWN_NAME = 20
"""Longest name of a site or a link that is shown whole, in characters; pointing at it shows all of it."""
BUSY = 80
"""From this percentage of its capacity on a link is drawn as busy."""


def drawing(fabric: Fabric, state: State, failure: Failure | None = None) -> str:
    """Draw a fabric as it is loaded in a state. Readable on light and on dark paper."""
    rows = sorted(fabric.links, key=lambda link: (link.aws_site, link.gcp_site, link.name))
    height = TOP + ROW * len(rows) + BOTTOM
    parts = (
        text(24, 32, _title(fabric, failure), "title"),
        *_Ends(fabric, rows, frozenset(failure.links if failure else ())).parts(),
        *_bars(fabric, state, rows, failure),
        text(24, height - 14, _foot(state), "bad" if state.unplaced or state.overloads else "dim"),
    )
    return picture(_title(fabric, failure), height, parts)


def _title(fabric: Fabric, failure: Failure | None) -> str:
    return f"{fabric.name}: {failure.name} failed" if failure else f"{fabric.name}: every link up"


def _foot(state: State) -> str:
    said = []
    if state.unplaced:
        said.append("without a path: " + _cut(state.unplaced, 2 * SHOWN_FLOWS))
    if state.overloads:
        said.append("overloaded: " + _cut([f"{one.link} by {spoken_bandwidth(one.by_bps)}" for one in state.overloads], 2 * SHOWN_FLOWS))
    return "; ".join(said) or "every flow has a path, and no link is overloaded"


class _Ends:
    """The sites, in a column at each side, as high as they have links, and the wires to the bars."""

    def __init__(self, fabric: Fabric, rows: Sequence[Link], failed: frozenset[LinkName]) -> None:
        self._fabric = fabric
        self._rows = rows
        self._failed = failed

    def parts(self) -> Iterator[str]:
        """Draw both columns."""
        yield from self._column([link.aws_site for link in self._rows], 24, left=True)
        yield from self._column([link.gcp_site for link in self._rows], WIDTH - 24 - SITE_WIDTH, left=False)

    def _column(self, ends: Sequence[SiteName], x: int, *, left: bool) -> Iterator[str]:
        order = sorted(range(len(ends)), key=lambda row: (ends[row], row))
        slots = {row: slot for slot, row in enumerate(order)}
        for name in dict.fromkeys(ends[row] for row in order):
            mine = [slots[row] for row in range(len(ends)) if ends[row] == name]
            yield from _site(self._fabric.site(name), x, _middle(min(mine)) - 22, _middle(max(mine)) + 22)
        for row, slot in slots.items():
            start, end = (x + SITE_WIDTH, BAR_LEFT) if left else (x, BAR_LEFT + BAR_WIDTH)
            bend = (start + end) // 2
            kind = "wire failed" if self._rows[row].name in self._failed else "wire"
            path = f"M{start},{_middle(slot)} C{bend},{_middle(slot)} {bend},{_middle(row)} {end},{_middle(row)}"
            yield f'<path class="{kind}" d="{path}"/>'


def _middle(slot: int) -> int:
    return TOP + ROW * slot + ROW // 2


def _site(site: Site, x: int, top: int, bottom: int) -> Iterator[str]:
    yield f'<rect class="site" x="{x}" y="{top}" width="{SITE_WIDTH}" height="{bottom - top}" rx="6"/>'
    yield _named(x + 12, top + 24, site.name)
    yield text(x + 12, top + 40, site.region, "dim")


def _bars(fabric: Fabric, state: State, rows: Sequence[Link], failure: Failure | None) -> Iterator[str]:
    load = loads(fabric, state.placement)
    flows: dict[LinkName, list[str]] = {}
    for name, at in state.placement.items():
        if at is not None:
            flows.setdefault(at, []).append(name)
    for row, link in enumerate(rows):
        yield from _bar(link, _middle(row), load, flows.get(link.name, []), failed=failure is not None and link.name in failure.links)


def _bar(link: Link, y: int, load: Mapping[LinkName, int], flows: Sequence[str], *, failed: bool) -> Iterator[str]:
    here, top = load[link.name], y - BAR_HEIGHT // 2
    share = here * 100 // link.capacity
    yield f'<rect class="track{" failed" if failed else ""}" x="{BAR_LEFT}" y="{top}" width="{BAR_WIDTH}" height="{BAR_HEIGHT}" rx="3"/>'
    if here:
        kind = "over" if here > link.capacity else "busy" if share >= BUSY else "fill"
        width = max(3, BAR_WIDTH * min(here, link.capacity) // link.capacity)
        yield f'<rect class="{kind}" x="{BAR_LEFT}" y="{top}" width="{width}" height="{BAR_HEIGHT}" rx="3"/>'
    said = "failed" if failed else f"{spoken_bandwidth(here) if here else 0} of {spoken_bandwidth(link.capacity)}, {share}%"
    yield _named(BAR_LEFT, y - 12, link.name)
    yield text(BAR_LEFT + BAR_WIDTH, y - 12, said, "bad" if failed or here > link.capacity else "dim", end=True)
    yield text(BAR_LEFT, y + 21, _cut(flows, SHOWN_FLOWS), "dim")
    if failed:
        x = BAR_LEFT + BAR_WIDTH // 2
        yield f'<path class="cross" d="M{x - 8},{y - 8} L{x + 8},{y + 8} M{x + 8},{y - 8} L{x - 8},{y + 8}"/>'


def _cut(names: Sequence[str], most: int) -> str:
    """List names as far as they fit, and how many more there are."""
    shown: list[str] = []
    for name in names:
        if len(", ".join((*shown, name))) > most:
            return f"{', '.join(shown)} and {len(names) - len(shown)} more" if shown else f"{len(names)} flows"
        shown.append(name)
    return ", ".join(shown)


def _named(x: int, y: int, name: str) -> str:
    if len(name) <= SHOWN_NAME:
        return text(x, y, name, "name")
    return f"<g><title>{escape(name)}</title>{text(x, y, f'{name[: SHOWN_NAME - 2]}..', 'name')}</g>"
