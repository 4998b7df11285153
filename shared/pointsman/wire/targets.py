"""What a change names: the resource first, then what else it names, separated by spaces."""

from collections.abc import Iterable
from itertools import islice

TARGETS_LIMIT = 16
"""Most names that are kept of one change; the rest is found by looking."""


def joined(names: Iterable[str]) -> str:
    """Join names, each once, in their order; blanks inside a name become underscores."""
    found = dict.fromkeys("_".join(name.split()) for name in names if name)
    return " ".join(islice(found, TARGETS_LIMIT))
