"""The known word that was most likely meant."""

import difflib
from collections.abc import Iterable

NEAR = 0.6
"""How like a known word another must be to be suggested: 0 to 1."""

COMPARED = 60
"""Most characters of a word that are compared."""


def likely(word: str, known: Iterable[str], least: float = NEAR) -> str | None:
    """Give the known word that was most likely meant, in whatever case; None when none is near (0 to 1)."""
    words = {one.casefold(): one for one in sorted(known, reverse=True)}
    close = difflib.get_close_matches(word[:COMPARED].casefold(), words, n=1, cutoff=least)
    return words[close[0]] if close else None


def meant(word: str, known: Iterable[str]) -> str:
    """Say what to write in a word's place: the nearest known, or one of all."""
    words = sorted(known)
    close = likely(word, words)
    return f"did you mean {close}?" if close else f"name one of {', '.join(words)}"
