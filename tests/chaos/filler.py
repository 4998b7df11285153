"""Changes a register over three files, one of them on a disk that fills up; prints what was acknowledged and what the store said, as JSON."""

import asyncio
import json
import shutil
import sys
from pathlib import Path

from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.boot.chance import SystemClock, jitter, nonce
from pointsman.core.errors import PointsmanError
from pointsman.quorum.outcomes import Agreed
from pointsman.service.registers import Registers

PIECE = b"x" * 20_000
MOST_PIECES = 1_000


async def fill(store: SqliteStore, piece: bytes = PIECE, name: str = "piece") -> str:
    """Put entries until the store refuses; gives what it said."""
    for number in range(MOST_PIECES):
        try:
            await store.put_entry(f"{name}-{number}", piece)
        except PointsmanError as error:
            return f"{type(error).__name__}: {error}"
    return "it never was full"


async def main(small: Path, roomy: Path, decisions: int) -> None:
    """Agree on some decisions, fill the small disk, agree on as many again."""
    full = SqliteStore("gcp", small / "gcp.sqlite")
    stores = (SqliteStore("aws", roomy / "aws.sqlite"), full, SqliteStore("witness", roomy / "witness.sqlite"))
    registers = Registers(stores, clock=SystemClock(), nonce=nonce, jitter=jitter)
    told = {"acknowledged": await change(registers, 0, decisions)}
    told["said"] = [await fill(full)]
    told["acknowledged"] += await change(registers, decisions, decisions)
    await registers.rest()
    for store in stores:
        store.close()
    shutil.copytree(small, roomy, dirs_exist_ok=True)  # the disk ends with this process
    sys.stdout.write(json.dumps(told) + "\n")


async def change(registers: Registers, first: int, count: int) -> list[str]:
    """Append words; gives those that were acknowledged."""
    done = []
    for number in range(first, first + count):

        def append(value: str | None, word: str = f"w{number}") -> str:
            words = json.loads(value or "[]")
            return json.dumps(words if word in words else [*words, word])

        outcome = await registers.change("filling", append)
        done += [f"w{number}"] if isinstance(outcome, Agreed) else []
    return done


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
