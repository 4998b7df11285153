"""One of several processes that append to one register over Firestore databases; prints what it took, as JSON."""

import asyncio
import json
import sys
from typing import Any

from pointsman.adapters.gcp.firestore import FirestoreStore
from pointsman.adapters.gcp.http import GoogleHttp
from pointsman.adapters.http import Answer
from pointsman.boot.chance import SystemClock, jitter, nonce
from pointsman.core.errors import Transient
from pointsman.quorum.outcomes import Agreed
from pointsman.service.registers import Registers

DELIVERIES = 10
"""How often one append may be delivered again."""
DATABASES = ("(default)", "second", "third")
"""Databases of one emulator, which share nothing: each is a store of its own."""
READY = "ready"
"""What each says before it waits to be told to begin with the others."""


class Counted(GoogleHttp):
    """Counts the conditional writes."""

    def __init__(self) -> None:
        super().__init__()
        self.commits = 0

    async def ask(self, method: str, url: str, **rest: Any) -> Answer:
        self.commits += url.endswith(":commit")
        return await super().ask(method, url, **rest)


def over(url: str, databases: int, http: GoogleHttp) -> Registers:
    """Furnish registers over so many of an emulator's databases."""
    stores = (FirestoreStore(name, "weft-prod-1", http, database=name, endpoint=url) for name in DATABASES[:databases])
    return Registers(tuple(stores), clock=SystemClock(), nonce=nonce, jitter=jitter)


async def append(registers: Registers, register: str, word: str) -> int:
    """Append a word once, however often it must be tried; gives how often it was delivered again."""

    def change(value: str | None) -> str:
        words = json.loads(value or "[]")
        return json.dumps(words if word in words else [*words, word])

    for again in range(DELIVERIES):
        try:
            outcome = await registers.change(register, change)
        except Transient:
            continue
        if isinstance(outcome, Agreed):
            return again
    raise SystemExit(f"{word} was not agreed within {DELIVERIES} deliveries")


async def main(url: str, databases: int, who: str, count: int) -> None:
    """Append ``count`` words."""
    http = Counted()
    registers = over(url, databases, http)
    again = [await append(registers, "contended", f"{who}-{number}") for number in range(count)]
    await registers.rest()
    sys.stdout.write(json.dumps({"who": who, "again": sum(again), "writes": http.commits}) + "\n")


if __name__ == "__main__":
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    sys.stdin.readline()
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
