"""The reference fabric with edits, and what a check says of it."""

from pathlib import Path

from pointsman.adapters.files import Report, check_text

EXAMPLES = Path(__file__).parents[2] / "docs" / "fabrics"
ATLAS = (EXAMPLES / "atlas.yaml").read_text()

Edit = tuple[str, str]


def example(name: str) -> str:
    """Give the text of an example."""
    return (EXAMPLES / f"{name}.yaml").read_text()


def edited(*edits: Edit, of: str = ATLAS) -> str:
    """Replace the first place of each old text; it must be there."""
    for old, new in edits:
        assert old in of, old
        of = of.replace(old, new, 1)
    return of


def checked(text: str | bytes) -> Report:
    """Check a text under the name f.yaml."""
    return check_text(text if isinstance(text, bytes) else text.encode(), "f.yaml")


def said(text: str | bytes) -> list[str]:
    """Give every finding as a user reads it."""
    return [str(finding) for finding in checked(text).findings]


def at(text: str, line: int, column: int) -> str:
    """Give what stands at a place, to the end of its line."""
    return text.splitlines()[line - 1][column - 1 :]
