"""A link's penalty over time, drawn: in characters for a terminal, and as SVG."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape

from pointsman.cli.plot import STYLE
from pointsman.core.penalties import PenaltyStory, curve

COLUMNS, ROWS = 60, 8
"""Characters of a chart in a terminal."""
WIDTH, PANEL, LEFT, TOP = 960, 260, 120, 50
"""Sizes in pixels: the drawing's width, a link's panel, and what is left of and above its curve."""
CURVE_WIDTH, CURVE_HEIGHT = 800, 160
SAMPLES = 400
"""Points of a drawn curve."""
_LINES = """
  .curve { fill: none; stroke: var(--fill); stroke-width: 2 } .bar { stroke: var(--rule); stroke-dasharray: 4 4 } .charge { fill: var(--over) }
"""


def chart(story: PenaltyStory) -> Iterator[str]:
    """Draw a penalty in characters, one line at a time; a row that a threshold lies in is named after it."""
    samples = curve(story, COLUMNS)
    top = _top(story)
    for row in range(ROWS, 0, -1):
        low, high = top * (row - 1) // ROWS, top * row // ROWS
        named = [(level, name) for name, level in _levels(story) if low < level <= high]
        label = f"{named[0][1]} {named[0][0]}" if named else ""
        empty, least = ("-", named[0][0]) if named else (" ", low + 1)
        yield f"{label:>16} |{''.join('#' if figure >= least else empty for _, figure in samples).rstrip()}"
    yield f"{'':>16} +{'-' * COLUMNS}"
    yield f"{'':>18}{samples[0][0]:%FT%TZ}{samples[-1][0]:%FT%TZ}".replace("Z2", f"Z{' ' * (COLUMNS - 40)}2", 1)


def _levels(story: PenaltyStory) -> tuple[tuple[str, int], ...]:
    return (("reuse", story.reuse), ("fail-back", story.suppress_failback), ("action", story.suppress_action))


def _top(story: PenaltyStory) -> int:
    """Give the highest figure drawn: no threshold far above what was ever reached."""
    highest = max(charge.figure for charge in story.charges)
    return max(level for _, level in _levels(story) if level <= max(2 * highest, story.reuse)) * 9 // 8 if highest else story.reuse


def drawing(fabric: str, stories: Sequence[PenaltyStory]) -> str:
    """Draw some penalties below one another. Readable on light and on dark paper."""
    height = PANEL * len(stories)
    title = f"{fabric}: penalty over time"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}{_LINES}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        *(part for number, story in enumerate(stories) for part in _Panel(story, PANEL * number).parts()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Panel:
    """One link's curve with its thresholds and charges."""

    def __init__(self, story: PenaltyStory, y: int) -> None:
        self._story = story
        self._samples = curve(story, SAMPLES)
        self._top = max(_top(story), max(figure for _, figure in self._samples) * 9 // 8, 1)
        self._base = y + TOP + CURVE_HEIGHT
        self._y = y

    def parts(self) -> Iterator[str]:
        """Draw it."""
        yield _text(24, self._y + 28, self._story.text, "name")
        for name, level in _levels(self._story):
            if level <= self._top:
                height = self._height(level)
                yield f'<line class="bar" x1="{LEFT}" x2="{LEFT + CURVE_WIDTH}" y1="{height}" y2="{height}"/>'
                yield _text(LEFT - 8, height + 4, f"{name} {level}", "dim", end=True)
        points = " ".join(f"{self._place(at)},{self._height(figure)}" for at, figure in self._samples)
        yield f'<polyline class="curve" points="{points}"/>'
        for charge in self._story.charges:
            yield f'<circle class="charge" cx="{self._place(charge.at)}" cy="{self._height(charge.figure)}" r="3"/>'
        for at, end in ((self._samples[0][0], False), (self._samples[-1][0], True)):
            yield _text(LEFT + CURVE_WIDTH * end, self._base + 20, f"{at:%FT%TZ}", "dim", end=end)

    def _place(self, at: datetime) -> int:
        start, last = self._samples[0][0], self._samples[-1][0]
        return LEFT + round(CURVE_WIDTH * ((at - start) / (last - start)))

    def _height(self, figure: int) -> int:
        return self._base - CURVE_HEIGHT * figure // self._top


def _text(x: int, y: int, text: str, kind: str, *, end: bool = False) -> str:
    anchor = ' text-anchor="end"' if end else ""
    return f'<text class="{kind}" x="{x}" y="{y}"{anchor}>{escape(text)}</text>'
