"""A link's penalty over time, as SVG."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from pointsman.console.pictures import picture, text
from pointsman.core.penalties import PenaltyStory, curve, levels, scale

PANEL, LEFT, TOP = 260, 120, 50
"""Sizes in pixels: a link's panel, and what is left of and above its curve."""
CURVE_WIDTH, CURVE_HEIGHT = 800, 160
SAMPLES = 400
"""Points of a drawn curve."""
_LINES = """
  .curve { fill: none; stroke: var(--fill); stroke-width: 2 } .bar { stroke: var(--rule); stroke-dasharray: 4 4 } .charge { fill: var(--over) }
"""


def drawing(fabric: str, stories: Sequence[PenaltyStory]) -> str:
    """Draw some penalties below one another. Readable on light and on dark paper."""
    parts = (part for number, story in enumerate(stories) for part in _Panel(story, PANEL * number).parts())
    return picture(f"{fabric}: penalty over time", PANEL * len(stories), parts, _LINES)


class _Panel:
    """One link's curve with its thresholds and charges."""

    def __init__(self, story: PenaltyStory, y: int) -> None:
        self._story = story
        self._samples = curve(story, SAMPLES)
        self._top = max(scale(story), max(figure for _, figure in self._samples) * 9 // 8, 1)
        self._base = y + TOP + CURVE_HEIGHT
        self._y = y

    def parts(self) -> Iterator[str]:
        """Draw it."""
        yield text(24, self._y + 28, self._story.text, "name")
        for name, level in levels(self._story):
            if level <= self._top:
                height = self._height(level)
                yield f'<line class="bar" x1="{LEFT}" x2="{LEFT + CURVE_WIDTH}" y1="{height}" y2="{height}"/>'
                yield text(LEFT - 8, height + 4, f"{name} {level}", "dim", end=True)
        points = " ".join(f"{self._place(at)},{self._height(figure)}" for at, figure in self._samples)
        yield f'<polyline class="curve" points="{points}"/>'
        for charge in self._story.charges:
            yield f'<circle class="charge" cx="{self._place(charge.at)}" cy="{self._height(charge.figure)}" r="3"/>'
        for at, end in ((self._samples[0][0], False), (self._samples[-1][0], True)):
            yield text(LEFT + CURVE_WIDTH * end, self._base + 20, f"{at:%FT%TZ}", "dim", end=end)

    def _place(self, at: datetime) -> int:
        start, last = self._samples[0][0], self._samples[-1][0]
        return LEFT + round(CURVE_WIDTH * ((at - start) / (last - start)))

    def _height(self, figure: int) -> int:
        return self._base - CURVE_HEIGHT * figure // self._top
