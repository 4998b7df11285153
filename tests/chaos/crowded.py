"""Plays one outage with the demo's processes while the disk under Google's database, a sqlite file, is full; prints what it saw as JSON.

The file is on a disk of its own (the first argument); everything else of the run is in the folder that is the second.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.core.plan import Plan
from pointsman.core.values import parse
from pointsman.testing.stage import Stage
from tests.chaos.filler import fill
from tests.chaos.judge import AGREED_LIMIT, LINK, Judge
from tests.chaos.theatre import judged, laid_out

PIECE = b"x" * 4_096


@contextlib.contextmanager
def full(disk: Path, path: Path) -> Iterator[str]:
    """Let a disk have no room for a while, nor the log of the database on it, which is written over from its start; gives what the store said."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(PIECE)
    store = SqliteStore("gcp", path)
    asyncio.run(fill(store, name="large"))
    said = asyncio.run(fill(store, b"x", "small"))
    store.close()
    try:
        yield said
    finally:
        ballast.unlink()


def epoch(judge: Judge[Stage], path: Path) -> int:
    """Read which plan a file holds, past every process; 0 when it holds none."""
    store = SqliteStore("gcp", path)
    held = asyncio.run(store.read(f"plan/{judge.stage.fabric.name}")).row.value
    store.close()
    return parse(held, Plan).epoch if held else 0


def play(disk: Path, folder: Path) -> dict[str, object]:
    """Let the link go grey and heal while the disk is full, and once more with room again: what is decided then the store takes too."""
    path = disk / "gcp.sqlite"
    with judged(laid_out(Stage, folder, disk)) as judge:
        with full(disk, path) as said:
            before = epoch(judge, path)
            _outage(judge)
            meanwhile, newest = epoch(judge, path), judge.newest_epoch()
        _outage(judge)
        judge.until("the store with room again holds the newest plan", lambda: epoch(judge, path) == judge.newest_epoch(), AGREED_LIMIT)
    return {"said": said, "before": before, "meanwhile": meanwhile, "newest": newest, "took": judge.took}


def _outage(judge: Judge[Stage]) -> None:
    judge.outages += 1
    judge.stage.fault("blackhole", LINK)
    judge.is_off()
    judge.is_recorded()
    judge.stage.fault("heal", LINK)
    judge.is_back()
    judge.is_agreed()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(play(Path(sys.argv[1]), Path(sys.argv[2]))) + "\n")
