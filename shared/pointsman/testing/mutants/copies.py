"""A copy of the package in a folder of its own, which one mutant at a time is put into."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pointsman
from pointsman.testing.mutants.mutant import Mutant, MutantMisfit

PACKAGE = Path(pointsman.__file__).parent


@contextlib.contextmanager
def copied() -> Iterator[Path]:
    """Copy the package, compiled modules and all; gives the folder to put on the path of a new process."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        shutil.copytree(PACKAGE, Path(folder) / PACKAGE.name)
        yield Path(folder)


@contextlib.contextmanager
def mutated(folder: Path, mutant: Mutant) -> Iterator[None]:
    """Put a mutant into a copy, and take it out again. Raises ``MutantMisfit``."""
    file = folder / PACKAGE.name / mutant.file
    text = patched(mutant)
    file.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        shutil.copy2(PACKAGE / mutant.file, file)


def patched(mutant: Mutant) -> str:
    """Give the text of the mutant's file with the defect in it. Raises ``MutantMisfit``."""
    file = PACKAGE / mutant.file
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    for old, new in ((mutant.old, mutant.new), *mutant.also):
        found = text.count(old)
        if found != 1:
            raise MutantMisfit(
                f"mutant {mutant.name!r}: its old text stands {found} times in {mutant.file}, not once: fit it to the code as it is now"
            )
        text = text.replace(old, new)
    return text
