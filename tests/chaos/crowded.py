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
from tests.chaos.judge import AGREED_LIMIT, LINK, Judge
from tests.chaos.theatre import judged, laid_out

PIECE = b"x" * 4_096


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    """Let a disk have no room for a while."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(PIECE)
    try:
        yield
    finally:
        ballast.unlink()


def epoch(judge: Judge[Stage], path: Path) -> int:
    """Read which plan a file holds, past every process; 0 when it holds none."""
    store = SqliteStore("gcp", path)
    held = asyncio.run(store.read(f"plan/{judge.stage.fabric.name}")).row.value
    store.close()
    return parse(held, Plan).epoch if held else 0


def play(disk: Path, folder: Path) -> dict[str, object]:
    """Let the link go grey and heal while the disk is full; with room again the store catches up."""
    path = disk / "gcp.sqlite"
    with judged(laid_out(Stage, folder, disk)) as judge:
        before = epoch(judge, path)
        with full(disk):
            judge.outages += 1
            judge.stage.fault("blackhole", LINK)
            judge.is_off()
            judge.is_recorded()
            meanwhile = epoch(judge, path)
            judge.stage.fault("heal", LINK)
            judge.is_back()
            judge.is_agreed()
            newest = judge.newest_epoch()
        judge.until("the store with room again has caught up", lambda: epoch(judge, path) == judge.newest_epoch(), AGREED_LIMIT)
        judge.is_agreed()
    return {"before": before, "meanwhile": meanwhile, "newest": newest, "took": judge.took}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(play(Path(sys.argv[1]), Path(sys.argv[2]))) + "\n")
