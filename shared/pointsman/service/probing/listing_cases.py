"""What every store must say of what it holds, case by case."""

from collections.abc import Awaitable, Callable

from pointsman.core.values import digest
from pointsman.ports.stores import Listed
from pointsman.quorum.ballots import ballot
from pointsman.service.probing.bench import Bench, expect

PAGES_LIMIT = 200
"""Pages that the names of one probe may fill, beside those of earlier ones."""


async def every_register_that_was_written_is_listed(bench: Bench) -> None:
    """Promise in registers of odd names, and look for them in the list."""
    store = bench.open()
    names = {bench.register(f"listed/{odd}@{number}~2") for number, odd in enumerate(("a b", "a%2Fb", "a&b", "<a>", "\u00e9", "..", "a+b"))}
    for name in names:
        await store.prepare(name, ballot(1, "0" * 16), await store.read(name))
    expect(names <= await _all(bench.open().registers), "every register that was written is listed, by its own name")


async def every_entry_that_was_put_is_listed(bench: Bench) -> None:
    """Put some entries and look for them in the list."""
    store = bench.open()
    names = {digest(f"{bench.token} {number}".encode()) for number in range(4)}
    for name in names:
        await store.put_entry(name, name.encode())
    found = await _all(bench.open().entries)
    expect(names <= found, "every journal entry that was put is listed")
    expect(not any("/" in name for name in found), "and nothing else is")


async def _all(ask: Callable[[str], Awaitable[Listed]]) -> set[str]:
    names: set[str] = set()
    after: str | None = ""
    for _ in range(PAGES_LIMIT):
        if after is None:
            return names
        page = await ask(after)
        names |= set(page.names)
        after = page.after
    expect(kept=False, promise=f"a list ends within {PAGES_LIMIT} pages")
    return names
