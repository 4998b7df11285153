"""A link's penalty over time, in characters for a terminal."""

from collections.abc import Iterator

from pointsman.core.penalties import PenaltyStory, curve, levels, scale

COLUMNS, ROWS = 60, 8
"""Characters of a chart."""


def chart(story: PenaltyStory) -> Iterator[str]:
    """Draw a penalty in characters, one line at a time; a row that a threshold lies in is named after it."""
    samples = curve(story, COLUMNS)
    top = scale(story)
    for row in range(ROWS, 0, -1):
        low, high = top * (row - 1) // ROWS, top * row // ROWS
        named = [(level, name) for name, level in levels(story) if low < level <= high]
        label = f"{named[0][1]} {named[0][0]}" if named else ""
        empty, least = ("-", named[0][0]) if named else (" ", low + 1)
        yield f"{label:>16} |{''.join('#' if figure >= least else empty for _, figure in samples).rstrip()}"
    yield f"{'':>16} +{'-' * COLUMNS}"
    yield f"{'':>18}{samples[0][0]:%FT%TZ}{samples[-1][0]:%FT%TZ}".replace("Z2", f"Z{' ' * (COLUMNS - 40)}2", 1)
