"""One of several processes that append to one register of a Firestore database; prints what it took, as JSON."""

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


class Counted(GoogleHttp):
    """Counts the conditional writes."""

    def __init__(self) -> None:
        super().__init__()
        self.commits = 0

    async def ask(self, method: str, url: str, **rest: Any) -> Answer:
        self.commits += url.endswith(":commit")
        return await super().ask(method, url, **rest)


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


async def main(url: str, who: str, count: int) -> None:
    """Append ``count`` words."""
    http = Counted()
    registers = Registers((FirestoreStore("gcp", "weft-prod-1", http, endpoint=url),), clock=SystemClock(), nonce=nonce, jitter=jitter)
    again = [await append(registers, "contended", f"{who}-{number}") for number in range(count)]
    sys.stdout.write(json.dumps({"who": who, "again": sum(again), "writes": http.commits}) + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
